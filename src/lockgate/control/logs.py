"""Reading the request log: filters as people write them, the newest records, one record, and those that come.

The store lags a moment behind the requests; what is still in the spool is read from there, so that nothing is missing.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import get_args

import msgspec

from lockgate.core.record import BODIES, Cache, End, Record, unpack
from lockgate.stores.emptying import cursors
from lockgate.stores.logs.open import open_log
from lockgate.stores.logs.ports import Filter, LogStore, Range
from lockgate.stores.spool import Segment, segments

_UNIT_US = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000, "w": 604_800_000_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)")
#: Several values, in one text or in several.
Words = str | Sequence[str]
#: A measure that people limit → the member of `Filter`, and what it is written in.
MEASURES: dict[str, tuple[str, str]] = {
    "cost": ("cost_nusd", "USD"),
    "tokens": ("tokens", ""),
    "input": ("input", ""),
    "output": ("output", ""),
    "latency": ("latency_us", "time"),
    "ttft": ("ttft_us", "time"),
    "feedback": ("feedback", "mean"),
}
_SCALES = {"USD": 10**9, "mean": 1000, "": 1}
_WHERE = re.compile(r"\s*(?P<name>\w+)\s*(?P<sign>>=|<=|=|>|<)\s*(?P<value>.*?)\s*")
_STATUS = re.compile(r"(?P<class>[1-5])xx|(?P<low>\d{3})(?:-(?P<high>\d{3}))?|>=(?P<least>\d{3})", re.IGNORECASE)


def parse_filter(
    *,
    now_us: int,
    zone: tzinfo | None = None,
    since: str = "",
    until: str = "",
    organisation: str = "",
    workspace: Words = (),
    status: Words = (),
    outcome: Words = (),
    operation: Words = (),
    model: Words = (),
    provider: Words = (),
    key: Words = (),
    user: Words = (),
    route: Words = (),
    cache: Words = (),
    error: Words = (),
    trace: Words = (),
    span: Words = (),
    cached: Words = (),
    metadata: Words = (),
    where: Words = (),
    text: str = "",
    slower: str = "",
) -> Filter:
    """A filter from what a person wrote; raises `ValueError` with a sentence that says what would be right.

    `since`, `until`: how long ago ("2h") or a date and time (ISO 8601, in `zone`, by default the local one). What may have
    several values is one text with commas, or several; a comma within a value is written "\\,". `status`: "404", "5xx",
    "400-499", ">=400"; a provider may be written as in a model name ("@openai"); `metadata`: "name=value"; `where`: a measure
    and its limit ("cost>=0.01", "latency<2s", "tokens=100..200"), see `MEASURES`; `slower` is short for "latency>=…".
    """
    ranges = _ranges([*_texts(where), *([f"latency>={slower}"] if slower else [])], slower)
    return Filter(
        since_us=moment("since", since, now_us, zone),
        until_us=moment("until", until, now_us, zone),
        organisation=organisation,
        workspaces=_several(workspace) or None,
        status=tuple(_statuses(each) for each in _several(status)),
        outcomes=_known("outcome", outcome, get_args(End)),
        operations=_several(operation),
        models=_several(model),
        providers=tuple(each.removeprefix("@") for each in _several(provider)),
        keys=_several(key),
        users=_several(user),
        routes=_several(route),
        caches=_known("cache", cache, tuple(filter(None, get_args(Cache)))),
        errors=_several(error),
        traces=_several(trace),
        spans=_several(span),
        cached=_several(cached),
        metadata=tuple(_pair(each) for each in _texts(metadata)),
        text=text,
        **ranges,
    )


class Logs:
    """The log of one data directory, spool and store together."""

    def __init__(self, spool: Path, store: LogStore) -> None:
        self._spool = spool
        self._store = store

    @classmethod
    def of(cls, data: Path, report: Callable[[str], None], url: str = "") -> Logs:
        """The log of a data directory, which is kept there or at a URL; `report` is told in words of days that cannot be read.
        Raises `StoreError`."""
        return cls(data / "spool", open_log(url, data, report=report))

    def __repr__(self) -> str:
        return f"Logs({self._store})"

    def newest(self, meant: Filter, limit: int = 50) -> list[Record]:
        """The newest records that are meant, newest first, without bodies. Raises `StoreError`."""
        # The spool first: what moves to the store in between is seen twice, and not missed.
        waiting = heapq.nlargest(limit, self._waiting(meant), key=_place)
        found = {record.id: record for record in self._store.page(meant, limit=limit).records}
        for record in waiting:
            for name in BODIES:
                setattr(record, name, b"")
            found.setdefault(record.id, record)
        return sorted(found.values(), key=_place, reverse=True)[:limit]

    def scan(self, meant: Filter, *, bodies: bool = False) -> Iterator[Record]:
        """All records that are meant, however many, about the newest first; with `bodies`, each with the body of its request.
        Raises `StoreError`."""
        seen: set[str] = set()  # what moves to the store in between is seen twice, and not missed
        for record in self._waiting(meant):
            seen.add(record.id)
            record.response = record.sent = record.received = b""
            record.request = record.request if bodies else b""
            yield record
        for record in self._store.scan(meant, bodies=bodies):
            if record.id not in seen:
                yield record

    def get(self, id: str) -> Record | None:
        """One record with its bodies. Raises `StoreError`."""
        for record in self._waiting(Filter()):
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

    def _waiting(self, meant: Filter) -> Iterator[Record]:
        """What is meant of that which is in the spool and not in the store yet. Nobody has said anything of it so far."""
        if meant.feedback is not None:
            return
        kept = cursors(self._spool)
        for path in segments(self._spool):
            tails: dict[str, Segment] = {}
            _open(path, tails, kept.get(path.name, 0))
            for tail in tails.values():
                try:
                    yield from filter(meant.admits, _records(tail))
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


def moment(name: str, text: str, now_us: int, zone: tzinfo | None = None) -> int | None:
    """A time as a person wrote it: how long ago, or a date and time. None for "". Raises `ValueError` naming `name`."""
    if not text:
        return None
    if _DURATION.fullmatch(text.strip()):
        return now_us - _duration(name, text)
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{name}: '{text}' is neither a duration like 2h nor a date and time like 2026-11-25T10:00") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=zone) if zone else found.astimezone()
    return int(found.timestamp()) * 1_000_000 + found.microsecond


def _duration(name: str, text: str) -> int:
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{name}: '{text}' is no duration; write 500ms, 30s, 15m, 2h, 7d or 2w")
    return round(float(match[1]) * _UNIT_US[match[2]])


def _texts(written: Words) -> list[str]:
    return [written] if isinstance(written, str) and written else list(written)


def _several(written: Words) -> tuple[str, ...]:
    """All values of these texts, each of which may hold several, with commas between them."""
    parts = [part for text in _texts(written) for part in re.split(r"(?<!\\),", text)]
    return tuple(dict.fromkeys(part.strip().replace("\\,", ",") for part in parts if part.strip()))


def _known(name: str, written: Words, known: Sequence[str]) -> tuple[str, ...]:
    """Those of a few words that there are; their spaces may be written as `_` or `-`."""
    values = _several(written)
    spelled = {each.replace(" ", "_"): each for each in known}
    found = tuple(spelled.get(each.replace(" ", "_").replace("-", "_"), "") for each in values)
    for value, meant in zip(values, found, strict=True):
        if not meant:
            raise ValueError(f"{name}: '{value}' is none of {', '.join(spelled)}")
    return found


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise ValueError(f"metadata: '{text}' is no pair; write name=value")
    return name.strip(), value


def _ranges(written: Sequence[str], slower: str) -> dict[str, Range]:
    """The limits that were written, those of one measure together."""
    found: dict[str, Range] = {}
    for text in written:
        match = _WHERE.fullmatch(text)
        measure = match and MEASURES.get(match["name"])
        if not match or not measure:
            raise ValueError(f"where: '{text}' is no condition; write one of {', '.join(MEASURES)} with >=, <=, >, < or =")
        member, unit = measure
        name = "slower" if text == f"latency>={slower}" and slower else "where"
        low, dots, high = match["value"].partition("..")
        one = _amount(name, low, unit)
        match match["sign"]:
            case ">=":
                least, most = one, None
            case ">":
                least, most = one + 1, None
            case "<=":
                least, most = None, one
            case "<":
                least, most = None, one - 1
            case _:
                least, most = one, _amount(name, high, unit) if dots else one
        before = found.get(member, Range())
        found[member] = Range(_tighter(before.least, least, max), _tighter(before.most, most, min))
    return found


def _tighter(one: int | None, other: int | None, choose: Callable[[int, int], int]) -> int | None:
    return other if one is None else one if other is None else choose(one, other)


def _amount(name: str, text: str, unit: str) -> int:
    if unit == "time":
        return _duration(name, text)
    try:
        amount = Decimal(text.strip().removeprefix("$")) * _SCALES[unit]
        if amount.is_finite() and abs(amount) < 2**62:
            return int(amount.to_integral_value())
    except InvalidOperation:
        pass
    raise ValueError(f"{name}: '{text}' is no number")


def _statuses(text: str) -> tuple[int, int]:
    match = _STATUS.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"status: '{text}' is no status; write 404, 5xx, 400-499 or >=400")
    if match["class"]:
        return int(match["class"]) * 100, int(match["class"]) * 100 + 99
    if match["least"]:
        return int(match["least"]), 999
    return int(match["low"]), int(match["high"] or match["low"])
