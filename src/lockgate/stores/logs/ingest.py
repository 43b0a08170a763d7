"""From the spool into the log store: in batches, exactly once, whenever either side may die.

Rows are committed first, then the cursors (`stores.emptying`); a crash between the two repeats a batch, and the store knows its
ids.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from lockgate.core.record import Record, unpack
from lockgate.stores.emptying import Emptying
from lockgate.stores.logs.ports import LogStore
from lockgate.stores.spool import Segment

#: A batch at first; and how many times that it grows to while there is more than it takes. The larger a batch, the cheaper.
BATCH = 500
BATCH_BYTES = 2 * 1024 * 1024
_MOST = 4


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
        self._store = store
        self._report = report
        self._released = released
        self._segments = Emptying(spool, report=report, told="request log")
        self._size = 1  # of a batch, in first batches

    def __repr__(self) -> str:
        return f"Ingest({len(self._segments)} segments, {self.kept} records kept, {self.damaged} damaged)"

    def step(self) -> int:
        """Move one batch; how many frames it held. Raises `StoreError`: the batch stays in the spool for the next step."""
        self._segments.find()
        batch: list[Record] = []
        taken = 0
        most, room = BATCH * self._size, BATCH_BYTES * self._size
        behind = False
        finished: list[Segment] = []
        for segment in self._segments:
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
                self._store.append([record for record in batch if record.source != "event"])
                if told := [record for record in batch if record.source == "event"]:
                    self._store.tell(told)
            except BaseException:
                self._segments.rewind()
                raise
            self.kept += len(batch)
        self.behind = behind
        self._size = min(2 * self._size, _MOST) if behind else 1
        self._segments.save()
        for segment in finished:
            self._segments.finish(segment)
        return taken

    def close(self) -> None:
        """Let go of the segments."""
        self._segments.close()

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
