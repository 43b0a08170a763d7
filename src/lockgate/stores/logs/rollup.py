"""Roll-ups: what happened in a minute, so that nobody has to read a million records to draw a line."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from lockgate.core.record import Record
from lockgate.stores.logs.sketch import Sketch

MINUTE_US = 60_000_000
#: A count above this is somebody's error; sums of smaller ones stay within 64 bits.
LARGEST = 2**53
#: Characters of a name that are kept for searching and grouping.
NAME = 256


class Totals(msgspec.Struct):
    """What some requests come to. Sums, but for the sketches (µs).

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


class Minute(msgspec.Struct):
    """What happened in one minute for one provider, model (as sent) and key. Sums, but for the two sketches (µs).

    `unpriced` counts requests that used tokens at an unknown price: `cost_nusd` lacks them.
    """

    minute_us: int
    provider: str
    model: str
    key_id: str
    requests: int = 0
    refused: int = 0
    failed: int = 0
    broken: int = 0
    client_left: int = 0
    input: int = 0
    output: int = 0
    cached: int = 0
    cost_nusd: int = 0
    unpriced: int = 0
    latency_us: int = 0
    latency: Sketch = msgspec.field(default_factory=Sketch)
    ttft: Sketch = msgspec.field(default_factory=Sketch)


def whole(count: int) -> int:
    """A count that a database takes, whatever a provider may have said."""
    return count if 0 <= count <= LARGEST else LARGEST if count > 0 else 0


def roll_up(records: Iterable[Record]) -> Iterable[Minute]:
    """The minutes of these records, in no order."""
    found: dict[tuple[int, str, str, str], Minute] = {}
    for record in records:
        start = whole(record.time_us) // MINUTE_US * MINUTE_US
        key = (start, record.provider[:NAME], record.model_sent[:NAME], record.key_id[:NAME])
        minute = found.get(key)
        if minute is None:
            minute = found[key] = Minute(*key)
        minute.requests += 1
        match record.outcome:
            case "ok":
                pass
            case "refused":
                minute.refused += 1
            case "failed":
                minute.failed += 1
            case "broken":
                minute.broken += 1
            case "client_left":
                minute.client_left += 1
        if (usage := record.usage) is not None:
            minute.input += whole(usage.input)
            minute.output += whole(usage.output)
            minute.cached += whole(usage.cached)
            minute.unpriced += record.cost_nusd is None
        minute.cost_nusd += whole(record.cost_nusd or 0)
        minute.latency_us += whole(record.latency_us)
        minute.latency.add(record.latency_us)
        if record.ttft_us is not None:
            minute.ttft.add(record.ttft_us)
    return found.values()
