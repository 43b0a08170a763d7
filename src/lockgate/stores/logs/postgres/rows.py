"""A record as a row of `log_requests`: what it is searched and counted by."""

from __future__ import annotations

import hashlib
from binascii import crc32
from collections.abc import Iterable, Sequence

import msgspec

from lockgate.core.record import Record, time_of_id
from lockgate.stores.logs.names import shortened
from lockgate.stores.logs.postgres.days import day_of, within
from lockgate.stores.logs.postgres.packing import Packing
from lockgate.stores.logs.postgres.schema import NAMES
from lockgate.stores.logs.rollup import rescued, retries, stalled
from lockgate.stores.logs.sketch import bucket_of
from lockgate.stores.logs.text import said

#: Numbers are kept up to here, so that sums over a million requests stay within 64 bits.
LARGEST = 2**44
STREAM, RESCUED, STALLED, RETRIED = 1, 2, 4, 8
#: Above those, how many retries that took: none where it was not kept yet.
RETRIES, MOST_RETRIES = 4, 255
#: What is searched by size → how its terms begin; they end in how many bits it has.
SIZES = {"latency_us": "l", "ttft_us": "h", "cost_nusd": "b", "tokens": "g", "input": "y", "output": "z"}
#: Bits of the largest number.
BITS = 45
_REMEMBERED = 20_000
#: HTTP statuses, and then some.
_STATUS = 2**31 - 1

Row = tuple[object, ...]
_Names = tuple[tuple[str, ...], tuple[int, ...]]


class Rows:
    """Makes rows. With `text`, they can be found by words. Not to be shared by threads."""

    def __init__(self, packing: Packing, *, text: bool) -> None:
        self._packing = packing
        self._text = text
        self._known: dict[tuple[str, ...], _Names] = {}

    def row(self, record: Record, batch: int, block: int | None, at: int) -> Row:
        """The values of `schema.COLUMNS`, as they are copied. `block` is where its bodies are, `at` their place in it."""
        who = (record.user, record.key_id, record.key_name, record.organisation, record.workspace)
        what = (
            record.route, record.provider, record.model_asked, record.model_sent, record.model_served, record.operation,
            record.outcome, record.error_code, record.cache,
        )  # fmt: skip
        own, terms = self._known.get(who) or self._learn(_WHO, who)
        other, more = self._known.get(what) or self._learn(_WHAT, what)
        metadata = None
        found = [*terms, *more, *size_terms(record)]
        if record.metadata:
            told = {short(name): short(value) for name, value in record.metadata.items()}
            metadata = msgspec.json.encode(told).decode()
            found += [metadata_term(name, value) for name, value in told.items()]
        usage = record.usage
        ttft, gap = record.ttft_us, record.gap_us
        flags = (STREAM if record.stream else 0) | (STALLED if gap is not None and stalled(record) else 0)
        if len(record.attempts) > 1 and rescued(record):
            count = min(retries(record), MOST_RETRIES)
            flags |= RESCUED | (RETRIED if count else 0) | count << RETRIES
        latency = bounded(record.latency_us)
        put, got, cached = (None, None, 0) if usage is None else map(bounded, (usage.input, usage.output, usage.cached))
        return (
            within(record.time_us), batch, block, hashed(record.trace_id), hashed(record.span_id), put, got, cached,
            None if record.cost_nusd is None else bounded(record.cost_nusd), bounded(record.saved_nusd), latency,
            None if ttft is None else bounded(ttft), bounded(record.gateway_us), 0, 0, day_of(record.time_us), 0,
            min(max(record.status, 0), _STATUS), at, flags, bucket_of(latency),
            None if ttft is None else bucket_of(bounded(ttft)), None if gap is None else bucket_of(bounded(gap)),
            "t" if is_strange(record) else "f", clean(record.id), *own, *other, metadata, array(found),
            " ".join(said(record.request, record.response)) if self._text else None, self._packing.packed(record),
            hashed(record.cached_id),
        )  # fmt: skip

    def _learn(self, columns: Sequence[str], named: tuple[str, ...]) -> _Names:
        """Names as they are kept, and their terms: who asks, and what is asked, come again and again."""
        names = tuple(map(short, named))
        terms = tuple(term(LETTERS[column], name) for column, name in zip(columns, names, strict=True) if name)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[named] = names, terms
        return names, terms


#: A column of names → how its terms begin; in the order of `schema.NAMES`.
LETTERS: dict[str, str] = dict(zip(NAMES, "ukjowrpamvfxec", strict=True))
_WHO, _WHAT = NAMES[:5], NAMES[5:]


def size_terms(record: Record) -> list[int]:
    """The terms of a record's numbers."""
    usage = record.usage
    sizes = [size_term("latency_us", record.latency_us)]
    if usage is not None:
        put, got = bounded(usage.input), bounded(usage.output)
        sizes += [size_term("tokens", put + got), size_term("input", put), size_term("output", got)]
    if record.cost_nusd is not None:
        sizes.append(size_term("cost_nusd", record.cost_nusd))
    if record.ttft_us is not None:
        sizes.append(size_term("ttft_us", record.ttft_us))
    return sizes


def size_term(what: str, number: int) -> int:
    """The term of a number of about that size."""
    return _SIZE_TERMS[what][min(bounded(number).bit_length() if what != "tokens" else number.bit_length(), BITS)]


def term(letter: str, name: str) -> int:
    """The term of a name."""
    return crc32(f"{letter}={name}".encode()) - 2**31


def metadata_term(name: str, value: str) -> int:
    """The term of a value of metadata."""
    return crc32(f"d.{name}={value}".encode()) - 2**31


_SIZE_TERMS = {what: [term(letter, str(bits)) for bits in range(BITS + 1)] for what, letter in SIZES.items()}


def array(numbers: Iterable[int]) -> str:
    """Numbers as PostgreSQL reads an array."""
    return "{" + ",".join(map(str, numbers)) + "}"


def short(name: str) -> str:
    """A name as it is kept."""
    return shortened(clean(name))


def clean(text: str) -> str:
    """A text that the server takes: without NUL and surrogates."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def hashed(text: str) -> int | None:
    """A text as a number of 64 bits; None for none."""
    if not text:
        return None
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=8).digest(), "little", signed=True)


def bounded(count: int) -> int:
    """A number as it is kept for sums."""
    return count if 0 <= count <= LARGEST else LARGEST if count > 0 else 0


def is_strange(record: Record) -> bool:
    """Whether its id does not say when it began."""
    return time_of_id(record.id) != within(record.time_us) // 1000 * 1000
