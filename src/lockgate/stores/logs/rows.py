"""The narrow row of a record, its number, and the terms it is found by."""

from __future__ import annotations

from binascii import crc32

from lockgate.core.record import Record
from lockgate.stores.logs.names import METADATA, Names, hashed
from lockgate.stores.logs.rollup import DAY_US, rescued, retries, stalled
from lockgate.stores.logs.sketch import bucket_of

#: Bits of a record's number below its millisecond.
BITS = 20
#: Numbers are kept up to here, so that sums over a million requests stay within 64 bits.
LARGEST = 2**44
STREAM, RESCUED, STALLED, RETRIED = 1, 2, 4, 8
#: Above those, how many retries that took: none where it was not kept yet.
RETRIES, MOST_RETRIES = 4, 255

#: The columns of `schema.SINGLE`, with the letter of their terms.
LETTERS = {
    "user": "u", "key": "k", "key_name": "j", "route": "r", "provider": "p", "model_asked": "a", "model_sent": "m",
    "model_served": "v", "operation": "f", "status": "s", "outcome": "x", "error": "e", "cache": "c", "organisation": "o",
    "workspace": "w",
}  # fmt: skip
_WHO = ("user", "key", "key_name", "organisation", "workspace")
_WHAT = (
    "route", "provider", "model_asked", "model_sent", "model_served", "operation", "status", "outcome", "error", "cache",
)  # fmt: skip
METADATA_LETTER, TRACE, SPAN, ID, CACHED = "d", "t", "q", "i", "n"
#: What is searched by size → the letter of its terms: how many bits it has.
SIZES = {"latency_us": "l", "ttft_us": "h", "cost_nusd": "b", "tokens": "g", "input": "y", "output": "z"}
_REMEMBERED = 20_000


class Rows:
    """Makes the rows of an open day."""

    def __init__(self, names: Names, start_us: int) -> None:
        self._names = names
        self._start_us = start_us
        self._known: dict[tuple[object, ...], tuple[tuple[int, ...], str]] = {}

    def forget(self) -> None:
        """Forget the numbers of names that were added in a transaction that has failed."""
        self._known.clear()

    def number(self, record: Record) -> int:
        """The number it should have: by time, then by chance."""
        return number_at(record.time_us, self._start_us) | crc32(record.id.encode("utf-8", "replace")) & (1 << BITS) - 1

    def row(self, record: Record, n: int, at: int) -> tuple[tuple[object, ...], str]:
        """The values of `requests`, and the terms of `find`."""
        who = (record.user, record.key_id, record.key_name, record.organisation, record.workspace)
        what = (
            record.route, record.provider, record.model_asked, record.model_sent, record.model_served, record.operation,
            record.status, record.outcome, record.error_code, record.cache,
        )  # fmt: skip
        own, terms = self._known.get(who) or self._learn(_WHO, who)
        other, more = self._known.get(what) or self._learn(_WHAT, what)
        terms += more
        metadata = None
        if record.metadata:
            metadata, more = self._metadata(record.metadata)
            terms += more
        usage, cost = record.usage, record.cost_nusd
        latency = bounded(record.latency_us)
        terms += f" l={latency.bit_length()}"
        if usage is None:
            put = got = None
            cached = 0
        else:
            put, got, cached = bounded(usage.input), bounded(usage.output), bounded(usage.cached)
            terms += f" g={(put + got).bit_length()} y={put.bit_length()} z={got.bit_length()}"
        if cost is not None:
            cost = bounded(cost)
            terms += f" b={cost.bit_length()}"
        ttft = record.ttft_us
        if ttft is not None:
            ttft = bounded(ttft)
            terms += f" h={ttft.bit_length()}"
        gap = record.gap_us
        id = packed_id(record.id)
        if record.trace_id and not is_own(record):
            terms += f" t={hashed(record.trace_id)}"
        if record.span_id:
            terms += f" q={hashed(record.span_id)}"
        if record.cached_id:
            terms += f" n={hashed(record.cached_id)}"
        if isinstance(id, str):
            terms += f" i={hashed(id)}"
        flags = (STREAM if record.stream else 0) | (STALLED if gap is not None and stalled(record) else 0)
        if len(record.attempts) > 1 and rescued(record):
            count = min(retries(record), MOST_RETRIES)
            flags |= RESCUED | (RETRIED if count else 0) | count << RETRIES
        row = (
            n, record.time_us % 1000, id, at, *own[:3], *other, *own[3:], metadata, flags, put, got, cached, cost,
            bounded(record.saved_nusd), latency, ttft, bounded(record.gateway_us),
            bucket_of(latency), None if ttft is None else bucket_of(ttft), None if gap is None else bucket_of(gap),
        )  # fmt: skip
        return row, terms

    def _learn(self, kinds: tuple[str, ...], named: tuple[object, ...]) -> tuple[tuple[int, ...], str]:
        """The numbers of some names, and their terms: what asks, and what is asked, come again and again."""
        words = [str(each) for each in named]
        numbers = tuple(self._names.number(kind, word) for kind, word in zip(kinds, words, strict=True))
        terms = "".join(
            [" " + term(LETTERS[kind], number) for kind, number, word in zip(kinds, numbers, words, strict=True) if word]
        )
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[named] = numbers, terms
        return numbers, terms

    def _metadata(self, metadata: dict[str, str]) -> tuple[str, str]:
        numbers = [self._names.number(METADATA + name, value) for name, value in metadata.items()]
        return f"[{','.join(map(str, numbers))}]", "".join([" " + term(METADATA_LETTER, number) for number in numbers])


def number_at(time_us: int, start_us: int) -> int:
    """The least number of that millisecond, in the day that begins at `start_us`."""
    return min(max(time_us - start_us, 0), DAY_US - 1) // 1000 << BITS


def term(letter: str, number: int) -> str:
    """A term for a name."""
    return f"{letter}={number}" if number >= 0 else f"{letter}=n{-number}"


def bounded(count: int) -> int:
    """A number as it is kept for sums."""
    return count if 0 <= count <= LARGEST else LARGEST if count > 0 else 0


def packed_id(id: str) -> bytes | str:
    """A UUID as bytes, any other id as it is."""
    if len(id) == 36 and id[8] == id[13] == id[18] == id[23] == "-":
        digits = id.replace("-", "")
        try:
            packed = bytes.fromhex(digits)
        except ValueError:
            return id
        if packed.hex() == digits and len(packed) == 16:
            return packed
    return id


def whole_id(packed: bytes | str) -> str:
    """The id that was packed."""
    if isinstance(packed, str):
        return packed
    digits = packed.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def is_own(record: Record) -> bool:
    """Whether the trace is the record's own, made from its id because the caller named none: it is found by the id, and an
    index of random texts is dear."""
    return record.trace_id == record.id.replace("-", "")
