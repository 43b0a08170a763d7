"""From the spool into the log store: in batches, exactly once, whenever either side may die.

Rows are committed first, then the cursors (one file, replaced as a whole); a crash between the two repeats a batch, and the
store knows its ids. A segment is deleted once its writer is gone and all of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from lockgate.core.record import Record, unpack
from lockgate.stores.logs.ports import LogStore
from lockgate.stores.spool import Segment, segments

#: A batch at first; and how many times that it grows to while there is more than it takes. The larger a batch, the cheaper.
BATCH = 500
BATCH_BYTES = 2 * 1024 * 1024
_MOST = 4
_CURSORS = "cursors.json"
_cursors = msgspec.json.Decoder(dict[str, int])


def cursors(spool: Path) -> dict[str, int]:
    """How far each segment is kept, in bytes; {} when nobody has said so."""
    try:
        return _cursors.decode((spool / _CURSORS).read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}  # everything is read again, and known to the store


class Ingest:
    """Moves records from the spool to the store, a batch at each `step`. `report` is told in words of what is lost; `released`
    says whether others have read a segment up to there, so that it may be deleted."""

    def __init__(
        self,
        spool: Path,
        store: LogStore,
        *,
        report: Callable[[str], None],
        released: Callable[[str, int], bool] = lambda name, at: True,
    ) -> None:
        self.behind = False  # more is there than the last step took
        self.kept = 0  # but for those that are not to be kept
        self.damaged = 0
        self._spool = spool
        self._store = store
        self._report = report
        self._released = released
        self._segments: dict[str, Segment] = {}
        self._kept_to: dict[str, int] = cursors(spool)
        self._size = 1  # of a batch, in first batches

    def __repr__(self) -> str:
        return f"Ingest({len(self._segments)} segments, {self.kept} records kept, {self.damaged} damaged)"

    def step(self) -> int:
        """Move one batch; how many frames it held. Raises `StoreError`: the batch stays in the spool for the next step."""
        self._find()
        batch: list[Record] = []
        taken = 0
        most, room = BATCH * self._size, BATCH_BYTES * self._size
        behind = False
        finished: list[Segment] = []
        for segment in self._segments.values():
            if taken >= most or room <= 0:
                behind = True
                break
            ended = segment.ended()
            payloads = segment.read(most - taken, room, final=ended)
            taken += len(payloads)
            behind = behind or bool(payloads and segment.left())
            if ended and not payloads and self._released(segment.name, segment.at):
                finished.append(segment)
            room -= sum(map(len, payloads))
            batch += self._records(segment, payloads)
        if batch:
            try:
                self._store.append(batch)
            except BaseException:
                for segment in self._segments.values():
                    segment.at = self._kept_to.get(segment.name, 0)
                raise
            self.kept += len(batch)
        self.behind = behind
        self._size = min(2 * self._size, _MOST) if behind else 1
        self._save()
        for segment in finished:
            self._finish(segment)
        return taken

    def close(self) -> None:
        """Let go of the segments."""
        for segment in self._segments.values():
            segment.close()
        self._segments.clear()

    def _find(self) -> None:
        """Open the segments that are new, forget those that somebody took away."""
        found = {path.name: path for path in segments(self._spool)}
        for name in self._segments.keys() - found.keys():
            self._segments.pop(name).close()
        for name, path in found.items():
            if name not in self._segments:
                try:
                    self._segments[name] = Segment(path, self._kept_to.get(name, 0))
                except FileNotFoundError:
                    continue

    def _records(self, segment: Segment, payloads: list[bytes]) -> list[Record]:
        records: list[Record] = []
        damaged, segment.damaged = segment.damaged, 0
        for payload in payloads:
            try:
                record = unpack(payload)
                if not record.unkept:
                    records.append(record)
            except msgspec.DecodeError:
                damaged += 1
        if damaged:
            self.damaged += damaged
            self._report(f"request log: {damaged} damaged stretches or records in {segment.name} are left out")
        return records

    def _save(self) -> None:
        """Say how far everything is kept, if that has changed."""
        now = {name: segment.at for name, segment in self._segments.items() if segment.at}
        if now == self._kept_to:
            return
        self._kept_to = now
        self._write(now)

    def _write(self, now: Mapping[str, int]) -> None:
        path = self._spool / _CURSORS
        part = path.with_suffix(".part")
        try:
            part.write_bytes(msgspec.json.encode(now))
            part.replace(path)
        except OSError as error:  # a full disk: the cost is reading again after a crash
            self._report(f"request log: cannot write {path}: {error.strerror}")

    def _finish(self, segment: Segment) -> None:
        """All of it is kept, and nobody will write more: what may be left is half a frame, whose `append` never returned."""
        del self._segments[segment.name]
        segment.close()
        try:
            (self._spool / segment.name).unlink(missing_ok=True)
        except OSError as error:
            self._report(f"request log: cannot delete {segment.name}: {error.strerror}")
