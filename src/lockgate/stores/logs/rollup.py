"""Roll-ups: what many requests come to, so that nobody has to read a million records to draw a line."""

from __future__ import annotations

import msgspec

from lockgate.core.record import Record
from lockgate.stores.logs.sketch import Sketch

MINUTE_US = 60_000_000
FIVE_MINUTES_US = 5 * MINUTE_US
QUARTER_US = 15 * MINUTE_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
#: A stream in which nothing comes for longer is stalled.
STALL_US = 10_000_000
#: A count above this is somebody's error; sums of smaller ones stay within 64 bits.
LARGEST = 2**53
#: Characters of a name that are kept for searching and grouping.
NAME = 256
#: The group of all values for which there is no group of their own.
OTHER = "(other)"


class Totals(msgspec.Struct):
    """What some requests come to. Sums, but for the sketches (µs; `retries` counts how many each of the `retried` took, and is
    exact; those whose number was not kept are not in it).

    `rescued` were answered well after an attempt that failed; `unpriced` used tokens at an unknown price, so that `cost_nusd`
    lacks them. `stalled` are streams in which nothing came for more than `STALL_US`. `weight` and `score` are of what people
    said of their traces: the sum of the weights, and of values by their weights, in thousandths; `rated` is how many said it.
    """

    requests: int = 0
    refused: int = 0
    failed: int = 0
    broken: int = 0
    client_left: int = 0
    rescued: int = 0
    retried: int = 0  # of the rescued, those that the same target answered
    streams: int = 0
    stalled: int = 0
    input: int = 0
    output: int = 0
    cached: int = 0
    cost_nusd: int = 0
    unpriced: int = 0
    hits: int = 0
    semantic_hits: int = 0
    saved_nusd: int = 0
    hit_us: int = 0  # the latency of hits, summed
    latency_us: int = 0
    gateway_us: int = 0
    rated: int = 0
    weight: int = 0
    score: int = 0
    latency: Sketch = msgspec.field(default_factory=Sketch)
    ttft: Sketch = msgspec.field(default_factory=Sketch)
    gap: Sketch = msgspec.field(default_factory=Sketch)
    retries: Sketch = msgspec.field(default_factory=Sketch)


#: The members of `Totals` that are sums, and the sketches.
SKETCHES = ("latency", "ttft", "gap", "retries")
SUMS = tuple(name for name in Totals.__struct_fields__ if name not in SKETCHES)


def whole(count: int) -> int:
    """A count that a database takes, whatever a provider may have said."""
    return count if 0 <= count <= LARGEST else LARGEST if count > 0 else 0


def add(one: Totals, other: Totals) -> None:
    """Add the other one to the first."""
    for name in SUMS:
        setattr(one, name, getattr(one, name) + getattr(other, name))
    for name in SKETCHES:
        getattr(one, name).merge(getattr(other, name))


def rescued(record: Record) -> bool:
    """Whether it was answered well after an attempt that failed."""
    return record.outcome == "ok" and any(attempt.kind not in ("", "hedged") for attempt in record.attempts)


def retries(record: Record) -> int:
    """How many retries it took until the same target that had failed answered; 0: that has not rescued it."""
    if not rescued(record) or len({attempt.target for attempt in record.attempts}) != 1:
        return 0
    return sum(attempt.kind not in ("", "hedged") for attempt in record.attempts)


def stalled(record: Record) -> bool:
    """Whether nothing came in its stream for so long."""
    return record.stream and record.gap_us is not None and record.gap_us > STALL_US
