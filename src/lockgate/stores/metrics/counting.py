"""Counting what is in the spool: each record once, whoever dies, and whether or not the log can take it.

The scribe's second reader of the spool, with a place of its own in each segment. Places and numbers are saved together, in one
file that is replaced as a whole, so that after a crash the counting goes on from the last save. A segment may be deleted when
its end is saved (`has_saved`); where that cannot be, the log does not wait for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from lockgate.core.record import unpack_head
from lockgate.stores.emptying import find
from lockgate.stores.metrics import families as of
from lockgate.stores.metrics.families import COUNTED
from lockgate.stores.metrics.saved import VERSION, Saved, read_saved, write_saved
from lockgate.stores.metrics.series import Series
from lockgate.stores.metrics.tally import Tally
from lockgate.stores.roster import Life
from lockgate.stores.spool import Segment

BATCH = 500
#: Processor time alone is written down with every so-manieth save.
RARELY = 10
BATCH_BYTES = 2 * 1024 * 1024
#: Workers that are remembered, those that spoke last; who was silent for a while is not counted anew.
_MOST_LIVES = 512
#: What a database and MessagePack take.
_LARGEST = 2**63 - 1


class Counting:
    """The numbers and how far they go. `file` is where they are saved; `report` is told in words what goes wrong."""

    def __init__(self, spool: Path, file: Path, *, report: Callable[[str], None]) -> None:
        self._spool = spool
        self._file = file
        self._report = report
        self._segments: dict[str, Segment] = {}
        self._tally = Tally()
        self._lives: dict[str, tuple[int, int, int]] = {}
        self._counted: dict[str, int] = {}
        self._saved: dict[str, int] = {}
        self._changed = True
        self._since_write = 0  # saves
        self._trouble = ""
        saved = read_saved(file)
        if saved is not None:
            self._restore(saved)

    def __repr__(self) -> str:
        return f"Counting({self._tally!r}, {len(self._segments)} segments)"

    def step(self) -> int:
        """Count one batch; how many records it held."""
        find(self._spool, self._segments, self._counted)
        taken = 0
        room = BATCH_BYTES
        for segment in self._segments.values():
            if taken >= BATCH or room <= 0:
                break
            before = segment.at
            payloads = segment.read(BATCH - taken, room, final=segment.ended())
            taken += len(payloads)
            room -= sum(map(len, payloads))
            self._count(segment, payloads)
            if segment.at != before:
                self._counted[segment.name] = segment.at
                self._changed = True
        return taken

    def add_lives(self, lives: Iterable[Life]) -> None:
        """Count what workers say of themselves, since they last said it."""
        for life in lives:
            name = f"{life.pid}:{life.started_us}"
            now = (life.dropped, life.stripped, life.cpu_us)
            was = self._lives.pop(name, (0, 0, 0))
            self._lives[name] = now
            for family, labels, number, old in zip(
                (of.DROPPED, of.STRIPPED, of.CPU), ((), (), ("worker",)), now, was, strict=True
            ):
                if number > old:
                    self._tally.of(family).add(labels, number - old)
                    self._changed = self._changed or family is not of.CPU
        while len(self._lives) > _MOST_LIVES:
            del self._lives[next(iter(self._lives))]

    def add_cpu(self, us: int) -> None:
        """Count processor time of the scribe."""
        self._tally.of(of.CPU).add(("scribe",), us)

    def save(self) -> None:
        """Write down how far everything is counted. Trouble is told once, and is none of the log's."""
        find(self._spool, self._segments, self._counted)
        gone = self._counted.keys() - self._segments.keys()
        for name in gone:
            del self._counted[name]
        self._since_write += 1
        writes = self._changed or bool(gone) or self._since_write >= RARELY
        try:
            write_saved(self._file, self._as_saved() if writes else None)
        except OSError as error:
            if not self._trouble:
                self._report(f"metrics: cannot write {self._file}: {error.strerror}")
            self._trouble = error.strerror or str(error)
            return
        self._trouble = ""
        self._saved, self._changed = dict(self._counted), False
        self._since_write = 0 if writes else self._since_write

    def has_saved(self, name: str, at: int) -> bool:
        """Whether a segment is counted as far as that, for good; or that cannot be waited for."""
        return bool(self._trouble) or self._saved.get(name, 0) >= at

    def close(self) -> None:
        """Let go of the segments."""
        for segment in self._segments.values():
            segment.close()
        self._segments.clear()

    def _count(self, segment: Segment, payloads: Sequence[bytes]) -> None:
        damaged, segment.damaged = segment.damaged, 0
        for payload in payloads:
            try:
                record = unpack_head(payload)
            except msgspec.DecodeError:
                damaged += 1
            else:
                if record.source != "event":
                    self._tally.count(record)
        if damaged:
            self._tally.of(of.DAMAGED).add((), damaged)

    def _restore(self, saved: Saved) -> None:
        self._counted, self._saved = dict(saved.counted), dict(saved.counted)
        self._lives = dict(saved.lives)
        tally = self._tally
        tally.models.used, tally.providers.used, tally.codes.used = saved.models, saved.providers, saved.codes
        for family in COUNTED:
            series = tally.series[family.name]
            size = len(family.buckets) + 2 if family.buckets else 1
            for labels, row in saved.numbers.get(family.name, ()):
                if len(labels) == len(family.labels) and len(row) == size:
                    series.numbers[labels] = row

    def _as_saved(self) -> Saved:
        series: dict[str, Series] = self._tally.series
        tally = self._tally
        for each in series.values():
            for row in each.numbers.values():
                if row[-1] > _LARGEST or row[0] > _LARGEST:
                    row[:] = [min(number, _LARGEST) for number in row]
        return Saved(
            samples={name: each.samples() for name, each in series.items()},
            models=tally.models.used,
            providers=tally.providers.used,
            version=VERSION,
            counted=self._counted,
            codes=tally.codes.used,
            lives=self._lives,
            numbers={name: list(each.numbers.items()) for name, each in series.items()},
        )
