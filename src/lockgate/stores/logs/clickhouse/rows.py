"""The row of a record in `lockgate_requests`, in RowBinary."""

from __future__ import annotations

import struct

from lockgate.core.record import BODIES, Record, pack
from lockgate.stores.logs import spoken
from lockgate.stores.logs.clickhouse.literals import encoded
from lockgate.stores.logs.clickhouse.rowbinary import pairs, string
from lockgate.stores.logs.clickhouse.schema import LAST_US, NAMES
from lockgate.stores.logs.names import shortened
from lockgate.stores.logs.rollup import rescued, retries, stalled
from lockgate.stores.logs.rows import MOST_RETRIES, bounded
from lockgate.stores.logs.sketch import bucket_of
from lockgate.stores.logs.text import said

#: In the order of `schema.NUMBERS`.
_NUMBERS = struct.Struct("<qIiBBBBqqqqqqqqhhh")
_TIME = struct.Struct("<q")
#: What is not known.
NONE = -1
_STATUS = 2**31 - 1
_REMEMBERED = 20_000


class Names:
    """Names in RowBinary, remembered: what asks, and what is asked, come again and again."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def __call__(self, name: str) -> bytes:
        known = self._known.get(name)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[name] = string(encoded(shortened(name)))
        return known


def row(record: Record, names: Names, words: bytes, version: int = 0) -> bytes:
    """The row of this version of it, found by these words (see `words_of`)."""
    usage, gap = record.usage, record.gap_us
    count = min(retries(record), MOST_RETRIES)
    latency, ttft = bounded(record.latency_us), None if record.ttft_us is None else bounded(record.ttft_us)
    numbers = _NUMBERS.pack(
        kept_time(record.time_us), version, min(max(record.status, -_STATUS), _STATUS),
        record.stream, rescued(record), count > 0, stalled(record),
        NONE if usage is None else bounded(usage.input), NONE if usage is None else bounded(usage.output),
        0 if usage is None else bounded(usage.cached),
        NONE if record.cost_nusd is None else bounded(record.cost_nusd), bounded(record.saved_nusd),
        latency, NONE if ttft is None else ttft, bounded(record.gateway_us),
        bucket_of(latency), NONE if ttft is None else bucket_of(ttft), NONE if gap is None else bucket_of(bounded(gap)),
    )  # fmt: skip
    return b"".join((
        numbers, *[names(getattr(record, name)) for name in NAMES], string(encoded(record.id)),
        string(encoded(shortened(record.trace_id))), string(encoded(shortened(record.span_id))),
        pairs({name: shortened(value) for name, value in record.metadata.items()}), string(words),
        string(pack(record, bodies=False)), string(encoded(shortened(record.cached_id))),
        bytes((count,)),
    ))  # fmt: skip


def bodies_row(record: Record) -> bytes:
    """Its row in `lockgate_bodies`."""
    bodies = b"".join([string(getattr(record, name)) for name in BODIES])
    return _TIME.pack(kept_time(record.time_us)) + string(encoded(record.id)) + bodies


def told_row(record: Record) -> bytes:
    """What log records say was said in a span, as a row of `lockgate_spoken`."""
    members = (spoken.span_of(record).hex().encode(), encoded(record.id), spoken.packed(record))
    return _TIME.pack(kept_time(record.time_us)) + b"".join(map(string, members))


def words_of(record: Record) -> bytes:
    """The words that it is found by, with a space between them."""
    return encoded(" ".join(said(record.request, record.response)))


def kept_time(time_us: int) -> int:
    """A time as it is kept: what lies before 1970 or after 2106 counts with the nearest moment."""
    return min(max(time_us, 0), LAST_US)
