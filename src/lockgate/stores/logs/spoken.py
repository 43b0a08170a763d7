"""What log records say was said in spans (records of the `source` "event"): how a store keeps it.

It is in no page and no sum: it is found by its span alone, and shown with that. It is kept with the day in which it was said,
as a packed record; its id says what it says, so that what comes again is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec
import zstandard

from lockgate.core.record import Record, pack, unpack

#: Of one span, so many are kept and read; and of what they say, about so many bytes.
MOST, MOST_BYTES = 200, 16 * 1024 * 1024
#: What was said may have come a little before or after the span, in µs: clocks differ, and some tell it late.
AROUND_US = 3600 * 1_000_000
_LEVEL = 3


def span_of(record: Record) -> bytes:
    """The span that a record is, or tells of: whose, and which."""
    whose = "\0".join((record.organisation, record.workspace, record.trace_id, record.span_id))
    return blake2b(whose.encode("utf-8", "replace"), digest_size=16).digest()


def when(span: Record) -> tuple[int, int]:
    """From when to when it may have been said."""
    return span.time_us - AROUND_US, span.time_us + span.latency_us + AROUND_US


def packed(record: Record) -> bytes:
    """A record with its bodies."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(pack(record))


def unpacked(rows: Iterable[bytes]) -> list[Record]:
    """The records that were packed, the first of them: whoever fills a span with words fills no memory. The last is `truncated`
    where there are more, or where one cannot be read."""
    found: list[Record] = []
    size, is_whole = 0, True
    for data in rows:
        if size > MOST_BYTES:
            is_whole = False
            break
        try:
            record = unpack(zstandard.ZstdDecompressor().decompress(data))
        except (zstandard.ZstdError, msgspec.DecodeError):
            is_whole = False
            continue
        size += len(record.request) + len(record.response)
        found.append(record)
    if found and not is_whole:
        found[-1].truncated = True
    return found
