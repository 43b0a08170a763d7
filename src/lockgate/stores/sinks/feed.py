"""A feed: reads the spool for one sink, from a place of its own, in batches that are the same when they are read again.

The queue of a sink that is slow or down is the spool itself, which outlives every process; nothing is held in memory but the
batch under way. How far a batch goes is written down before it is sent, and that it is done with afterwards: whoever dies in
between, the same batch is sent again, under its number. A segment is kept for the feed until it is read (`released`), but not
for ever: of more than `capacity` bytes that wait, the oldest records are left out and counted.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from lockgate.core.record import Record, unpack, unpack_head
from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.port import Batch
from lockgate.stores.sinks.state import State, read_state, write_state
from lockgate.stores.spool import Segment, segments

_STRETCH = 4 * 1024 * 1024


class Pace(msgspec.Struct, frozen=True):
    """How large batches are, and how long they are waited for: so many records or bytes of the spool, or after so many seconds
    with what there is."""

    records: int = 500
    size: int = 2 * 1024 * 1024
    linger_s: float = 1.0


class Feed:
    """One sink's. `wants` says which records are meant; without `bodies` they come without. `capacity` in bytes of the spool.

    `take`, `done` and `trim` are called by the sink's thread, `released` by whoever deletes segments.
    """

    def __init__(
        self,
        spool: Path,
        file: Path,
        *,
        kind: str = "",
        wants: Callable[[Record], bool] = lambda record: True,
        bodies: bool = True,
        pace: Pace | None = None,
        capacity: int = 512 * 1024 * 1024,
        clock: Callable[[], int],
    ) -> None:
        self._spool = spool
        self._file = file
        self._wants = wants
        self._bodies = bodies
        self._pace = pace or Pace()
        self._capacity = capacity
        self._clock = clock
        self._batch: Batch | None = None
        self._waiting_since: float | None = None
        self._lock = threading.Lock()
        self.state: State = read_state(file)
        self.state.kind, self.state.off = kind, False

    def __repr__(self) -> str:
        return f"Feed({self._file.stem}, {self.state.sent} sent, {self.state.dropped} dropped)"

    def take(self, now: float, *, flush: bool = False) -> Batch | None:
        """The batch under way, or the next one; None while too little waits for one. `now` in monotonic seconds; `flush`: with
        what there is. Raises `StoreError` when its end cannot be written down."""
        while self._batch is None and (self.state.ends or self._is_due(now, flush=flush)):
            records, ends, damaged = self._read(self.state.ends)
            if not ends:  # nothing whole is there yet, or what was under way is gone
                self.state.ends = {}
                return None
            self._begin(records, self.state.ends or ends, damaged)
        return self._batch

    def done(self, refused: int, mark: str = "", *, trouble: str = "") -> None:
        """The batch is done with; so many of its records were not taken, because of `trouble`. Raises `StoreError`, after which
        it is done with all the same, for as long as this process lives."""
        batch, state = self._batch, self.state
        if batch is None:
            return
        refused = min(refused, len(batch.records))
        self._batch = None
        state.sent += len(batch.records) - refused
        state.refused += refused
        state.mark = mark
        state.sent_us = self._clock()
        state.trouble, state.trouble_us = trouble, self._clock() if trouble else 0
        self._advance(state.ends)
        self._save()

    def failed(self, why: str) -> None:
        """It could not be sent now."""
        state = self.state
        state.retries += 1
        if not state.trouble:
            state.trouble_us = self._clock()
        state.trouble = why

    def trim(self) -> int:
        """Leave the oldest records out while more waits than may; how many. The batch under way goes first."""
        waiting, state, dropped = self.measure(), self.state, 0
        if waiting <= self._capacity:
            return 0
        if self._batch is not None:
            dropped += len(self._batch.records)
            self._batch = None
            self._advance(state.ends)
            waiting = self.measure()
        for segment in self._segments():
            while waiting > self._capacity:
                at, damaged = segment.at, segment.damaged
                payloads = segment.read(10**6, min(_STRETCH, waiting - self._capacity), final=segment.ended())
                if segment.at == at:
                    break
                dropped += sum(self._counts(payload) for payload in payloads)
                state.damaged += segment.damaged - damaged
                waiting -= segment.at - at
                self._advance({segment.name: segment.at})
        state.dropped += dropped
        self._save()
        return dropped

    def measure(self) -> int:
        """Bytes that wait, the batch under way included."""
        total, places = 0, self.state.places
        for path in segments(self._spool):
            try:
                total += max(0, path.stat().st_size - places.get(path.name, 0))
            except FileNotFoundError:
                continue  # deleted in this moment
        self.state.backlog_bytes = total
        return total

    def released(self, name: str, at: int) -> bool:
        """Whether a segment is done with as far as that."""
        with self._lock:
            return self.state.places.get(name, 0) >= at

    def save(self) -> None:
        """Write down how it stands, as far as that can be."""
        try:
            self._save()
        except StoreError:
            pass  # it will be told when there is something to send

    def _is_due(self, now: float, *, flush: bool) -> bool:
        """Whether enough waits for a batch, or has waited for long enough."""
        waiting = self.measure()
        if not waiting:
            self._waiting_since = None
            return False
        if self._waiting_since is None:
            self._waiting_since = now
        if waiting < self._pace.size and now - self._waiting_since < self._pace.linger_s and not flush:
            return False
        self._waiting_since = None if waiting < self._pace.size else self._waiting_since
        return True

    def _begin(self, records: list[Record], ends: dict[str, int], damaged: int) -> None:
        """A batch is under way; or, where nothing of it is meant, done with already."""
        state = self.state
        if not records:
            state.damaged += damaged
            self._advance(ends)
            self._save()
            return
        if not state.ends:
            state.ends, state.number, state.damaged = ends, state.number + 1, state.damaged + damaged
            self._save()
        self._batch = Batch(state.number, records, state.mark)

    def _read(self, ends: dict[str, int]) -> tuple[list[Record], dict[str, int], int]:
        """A batch's records, how far it goes in each segment, and how much was damaged. `ends`: as far as that, exactly."""
        records: list[Record] = []
        found: dict[str, int] = {}
        room, damaged = self._pace.size, 0
        for segment in self._segments():
            if ends and segment.name not in ends:
                continue
            if not ends and (room <= 0 or len(records) >= self._pace.records):
                break
            at = segment.at
            if ends:
                payloads = segment.read(10**9, max(0, ends[segment.name] - at), final=segment.ended())
            else:
                payloads = segment.read(self._pace.records - len(records), room, final=segment.ended())
            room -= segment.at - at
            damaged += segment.damaged
            for payload in payloads:
                try:
                    record = unpack(payload) if self._bodies else unpack_head(payload)
                except msgspec.DecodeError:
                    damaged += 1
                    continue
                if self._meant(record):
                    records.append(record)
            if segment.at != at:
                found[segment.name] = segment.at
        return records, found, damaged

    def _segments(self) -> Iterator[Segment]:
        """What is there to read, oldest first, each from where it is to go on."""
        for path in segments(self._spool):
            try:
                segment = Segment(path, self.state.places.get(path.name, 0))
            except FileNotFoundError:
                continue
            try:
                yield segment
            finally:
                segment.close()

    def _meant(self, record: Record) -> bool:
        return record.is_logged and self._wants(record)

    def _counts(self, payload: bytes) -> bool:
        try:
            return self._meant(unpack_head(payload))
        except msgspec.DecodeError:
            self.state.damaged += 1
            return False

    def _advance(self, ends: dict[str, int]) -> None:
        """As far as that it is done with, in these segments; those that are gone are forgotten."""
        there = {path.name for path in segments(self._spool)}
        with self._lock:
            places = {name: at for name, at in self.state.places.items() if name in there}
            self.state.places = places | {name: at for name, at in ends.items() if name in there}
            self.state.ends = {}

    def _save(self) -> None:
        try:
            write_state(self._file, self.state)
        except OSError as error:
            raise StoreError(f"cannot write {self._file}: {error.strerror}") from None
