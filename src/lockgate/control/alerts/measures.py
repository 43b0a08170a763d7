"""What alert rules measure: of which kind it is, how a threshold of it is written, and how it is read from totals of the log.

Values are integers, in the units of `alert`. A threshold may be written with its unit ("5%", "2s", "$100") or without.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import Literal

import msgspec

from lockgate.control.alerts.alert import Kind, Measure, What
from lockgate.stores.logs.rollup import Totals
from lockgate.stores.logs.sketch import Sketch

Read = Callable[[Totals], int | None]
Unit = Literal["percent", "time", "dollars", "count"]

#: No threshold is larger, in its unit.
_MOST = 10**18
#: Fewer requests than this say nothing of a rate or a percentile, when a rule does not say how many.
_FEW = 10


class Reading(msgspec.Struct, frozen=True):
    """One thing that can be measured. `read` gives None where nothing can be said. `few`: fewer requests say nothing, when a
    rule does not say how many; they are counted by `count`. `outcomes`: of requests that ended so; (): of all. `compares`: with
    the stretch of time before."""

    kind: Kind
    measure: Measure
    unit: Unit
    read: Read
    few: int = 0
    count: Callable[[Totals], int] = attrgetter("requests")
    outcomes: tuple[str, ...] = ()
    compares: bool = False


def threshold_of(said: float | str, unit: Unit) -> int:
    """A threshold as an integer in the unit of its measure. Raises `ValueError` with what is wrong with it."""
    text = str(said).strip()
    match = _WRITTEN[unit].fullmatch(text)
    number = _number(match[1]) if match is not None else None
    if match is None or number is None:
        raise ValueError(f"'{text[:50]}' is not {_SAID[unit]}")
    scaled = number * _SCALES[match[2] if unit == "time" and match[2] else unit]
    if scaled != int(scaled):
        raise ValueError(f"'{text[:50]}' is finer than what is measured: {_FINEST[unit]}")
    if not 0 < scaled <= _MOST:
        raise ValueError("a threshold is more than 0, and no more than is possible")
    return int(scaled)


def rise(now: int, before: int) -> int | None:
    """By how much a sum has risen, in hundredths of a percent; None: there was nothing before to compare it with."""
    return None if before <= 0 else (now - before) * 10_000 // before


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _error_rate(totals: Totals) -> int | None:
    return (totals.failed + totals.broken) * 10_000 // totals.requests if totals.requests else None


def _quantile(find: Callable[[Totals], Sketch], share: float) -> Reading:
    def read(totals: Totals) -> int | None:
        sketch = find(totals)
        return round(sketch.quantile(share) / 1000) if sketch.buckets else None

    return Reading("latency", "latency", "time", read, _FEW, lambda totals: find(totals).count, _SENT)


_latency: Callable[[Totals], Sketch] = attrgetter("latency")
_ttft: Callable[[Totals], Sketch] = attrgetter("ttft")
#: What we refused ourselves was neither slow nor wrong for somebody else's fault.
_SENT = ("ok", "failed", "broken", "client_left")

READINGS: dict[What, Reading] = {
    "error_rate": Reading("error_rate", "error_rate", "percent", _error_rate, _FEW, outcomes=_SENT),
    "latency_p50": _quantile(_latency, 0.5),
    "latency_p90": _quantile(_latency, 0.9),
    "latency_p99": _quantile(_latency, 0.99),
    "ttft_p50": _quantile(_ttft, 0.5),
    "ttft_p90": _quantile(_ttft, 0.9),
    "ttft_p99": _quantile(_ttft, 0.99),
    "spend": Reading("spend", "cost", "dollars", lambda totals: totals.cost_nusd),
    "spend_rise": Reading("spend", "rise", "percent", lambda totals: totals.cost_nusd, _FEW, compares=True),
    "requests": Reading("requests", "requests", "count", lambda totals: totals.requests),
    "refused": Reading("requests", "requests", "count", lambda totals: totals.refused),
}

_WRITTEN: dict[Unit, re.Pattern[str]] = {
    "percent": re.compile(r"([0-9.eE+]+)\s*%?()"),
    "time": re.compile(r"([0-9.eE+]+)\s*(ms|s|m)?"),
    "dollars": re.compile(r"\$?\s*([0-9.eE+-]+)()"),
    "count": re.compile(r"([0-9.eE+]+)()"),
}
_SAID: dict[Unit, str] = {
    "percent": 'a percentage, like 5 or "0.5%"',
    "time": 'a time, like 1500 (ms) or "2s"',
    "dollars": "an amount in US dollars, like 100 or 0.50",
    "count": "a number of requests",
}
_FINEST: dict[Unit, str] = {
    "percent": "a hundredth of a percent",
    "time": "a millisecond",
    "dollars": "a nano-dollar",
    "count": "a request",
}
_SCALES = {"percent": 100, "time": 1, "ms": 1, "s": 1000, "m": 60_000, "dollars": 10**9, "count": 1}
