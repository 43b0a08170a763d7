"""Reading the request log: filters as people write them, the newest records, one record, and those that come.

The store lags a moment behind the requests; what is still in the spool is read from there, so that nothing is missing.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo
from pathlib import Path
from typing import get_args

import msgspec

from lockgate.core.record import End, Record, unpack
from lockgate.stores.logs.ingest import cursors
from lockgate.stores.logs.ports import Filter, LogStore
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.spool import Segment, segments

_UNIT_US = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
_STATUS = re.compile(r"(?P<class>[1-5])xx|(?P<low>\d{3})(?:-(?P<high>\d{3}))?|>=(?P<least>\d{3})", re.IGNORECASE)


def parse_filter(
    *,
    now_us: int,
    zone: tzinfo | None = None,
    since: str = "",
    until: str = "",
    status: str = "",
    outcome: str = "",
    model: str = "",
    provider: str = "",
    key: str = "",
    trace: str = "",
    slower: str = "",
) -> Filter:
    """A filter from what a person wrote; raises `ValueError` with a sentence that says what would be right.

    `since`, `until`: how long ago ("2h") or a date and time (ISO 8601, in `zone`, by default the local one); `status`: "404",
    "5xx", "400-499", ">=400"; `slower`: a latency ("500ms", "2s"); a provider may be written as in a model name ("@openai").
    """
    if outcome and outcome not in get_args(End):
        raise ValueError(f"outcome: '{outcome}' is none of {', '.join(get_args(End))}")
    return Filter(
        since_us=_moment("since", since, now_us, zone),
        until_us=_moment("until", until, now_us, zone),
        status=_statuses(status),
        outcome=outcome,
        model=model,
        provider=provider.removeprefix("@"),
        key=key,
        trace=trace,
        min_latency_us=_duration("slower", slower) if slower else 0,
    )


class Logs:
    """The log of one data directory, spool and store together."""

    def __init__(self, spool: Path, store: LogStore) -> None:
        self._spool = spool
        self._store = store

    @classmethod
    def of(cls, data: Path, report: Callable[[str], None]) -> Logs:
        """The log that lies in a data directory; `report` is told in words of days that cannot be read."""
        return cls(data / "spool", SqliteLog(data / "log", report=report))

    def __repr__(self) -> str:
        return f"Logs({self._store})"

    def newest(self, meant: Filter, limit: int = 50) -> list[Record]:
        """The newest records that are meant, newest first, without bodies. Raises `StoreError`."""
        # The spool first: what moves to the store in between is seen twice, and not missed.
        waiting = heapq.nlargest(limit, filter(meant.admits, self._waiting()), key=_place)
        found = {record.id: record for record in self._store.page(meant, limit=limit).records}
        for record in waiting:
            record.request = record.response = b""
            found.setdefault(record.id, record)
        return sorted(found.values(), key=_place, reverse=True)[:limit]

    def scan(self, meant: Filter, *, bodies: bool = False) -> Iterator[Record]:
        """All records that are meant, however many, about the newest first; with `bodies`, each with the body of its request.
        Raises `StoreError`."""
        seen: set[str] = set()  # what moves to the store in between is seen twice, and not missed
        for record in self._waiting():
            if meant.admits(record):
                seen.add(record.id)
                record.response = b""
                record.request = record.request if bodies else b""
                yield record
        for record in self._store.scan(meant, bodies=bodies):
            if record.id not in seen:
                yield record

    def get(self, id: str) -> Record | None:
        """One record with its bodies. Raises `StoreError`."""
        for record in self._waiting():
            if record.id == id:
                return record
        return self._store.get(id)

    def follow(self, meant: Filter, wait: Callable[[], bool]) -> Iterator[Record]:
        """Records as they are completed from now on, in that order. `wait` passes the time between two looks; False ends it."""
        tails: dict[str, Segment] = {}
        try:
            for path in segments(self._spool):
                _open(path, tails, path.stat().st_size)
            while wait():
                paths = segments(self._spool)
                for path in paths:
                    if path.name not in tails:
                        _open(path, tails, 0)
                batch = [record for tail in tails.values() for record in _records(tail) if meant.admits(record)]
                yield from sorted(batch, key=lambda record: record.time_us + record.latency_us)
                for name in tails.keys() - {path.name for path in paths}:  # gone, and read to its end just now
                    tails.pop(name).close()
        finally:
            for tail in tails.values():
                tail.close()

    def _waiting(self) -> Iterator[Record]:
        """What is in the spool and not in the store yet."""
        kept = cursors(self._spool)
        for path in segments(self._spool):
            tails: dict[str, Segment] = {}
            _open(path, tails, kept.get(path.name, 0))
            for tail in tails.values():
                try:
                    yield from _records(tail)
                finally:
                    tail.close()


def _place(record: Record) -> tuple[int, str]:
    return record.time_us, record.id


def _open(path: Path, tails: dict[str, Segment], at: int) -> None:
    try:
        tails[path.name] = Segment(path, at)
    except FileNotFoundError:
        pass  # it is in the store by now


def _records(tail: Segment) -> Iterator[Record]:
    while payloads := tail.read():
        for payload in payloads:
            try:
                yield unpack(payload)
            except msgspec.DecodeError:
                continue  # the ingest reports it


def _moment(name: str, text: str, now_us: int, zone: tzinfo | None) -> int | None:
    if not text:
        return None
    if _DURATION.fullmatch(text.strip()):
        return now_us - _duration(name, text)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{name}: '{text}' is neither a duration like 2h nor a date and time like 2026-11-25T10:00") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone) if zone else moment.astimezone()
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def _duration(name: str, text: str) -> int:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{name}: '{text}' is no duration; write 500ms, 30s, 15m, 2h, 7d or 2w")
    return round(float(match[1]) * _UNIT_US[match[2]])


def _statuses(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    match = _STATUS.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"status: '{text}' is no status; write 404, 5xx, 400-499 or >=400")
    if match["class"]:
        return int(match["class"]) * 100, int(match["class"]) * 100 + 99
    if match["least"]:
        return int(match["least"]), 999
    return int(match["low"]), int(match["high"] or match["low"])
