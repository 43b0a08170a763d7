"""`Tail`: the records of this machine as they are completed, a step at a time, for whoever watches."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Literal

import msgspec

from lockgate.core.record import Record, unpack, unpack_head
from lockgate.stores.logs.ports import Filter
from lockgate.stores.spool import Segment, segments

#: Records that a step gives, at most; what is beyond comes with the next.
STEP = 500


class Tail:
    """Reads the spool from where it ends at the first step. Steps block for the disk alone; one that is under way when it is
    closed ends first."""

    def __init__(self, spool: Path, meant: Filter) -> None:
        self._spool = spool
        self._meant = meant
        self._read = unpack if meant.text else unpack_head
        self._segments: dict[str, Segment] = {}
        self._turn = threading.Lock()
        self._state: Literal["new", "open", "closed"] = "new"

    def __repr__(self) -> str:
        return f"Tail({len(self._segments)} segments)"

    def step(self) -> list[Record]:
        """What was completed since the last step, in that order, without bodies."""
        with self._turn:
            if self._state == "open":
                return self._look()
            if self._state == "new":
                self._state = "open"
                for path in segments(self._spool):
                    self._open(path, to_end=True)
            return []

    def close(self) -> None:
        """Let go of the segments."""
        with self._turn:
            self._state = "closed"
            for segment in self._segments.values():
                segment.close()
            self._segments.clear()

    def _look(self) -> list[Record]:
        paths = segments(self._spool)
        for path in paths:
            if path.name not in self._segments:
                self._open(path)
        there = {path.name for path in paths}
        batch = list[Record]()
        for name, segment in list(self._segments.items()):
            payloads = segment.read(STEP)
            batch += [record for payload in payloads if (record := self._record(payload)) is not None]
            if name not in there and not payloads:  # gone, and read to its end
                self._segments.pop(name).close()
        return sorted(batch, key=lambda record: record.time_us + record.latency_us)

    def _record(self, payload: bytes) -> Record | None:
        try:
            record = self._read(payload)
        except msgspec.DecodeError:
            return None  # the ingest reports it
        if not record.is_logged or not self._meant.admits(record):
            return None
        record.request = record.response = record.sent = record.received = b""
        return record

    def _open(self, path: Path, *, to_end: bool = False) -> None:
        try:
            self._segments[path.name] = Segment(path, path.stat().st_size if to_end else 0)
        except FileNotFoundError:
            pass  # it is in the store by now
