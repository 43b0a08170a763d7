"""What a recorded request costs by the prices that hold for its time, part by part and line by line.

A request that failed over or was hedged has several parts: what its answer used, and what is charged, by estimate, for
attempts that did not answer. A record keeps the usage of all together, and of each attempt its tokens; from these the parts
are told apart.
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from lockgate.core.record import Attempt, Record
from lockgate.core.reply import Usage
from lockgate.pipeline.snapshot import Snapshot
from lockgate.policy.breakdown import Breakdown, break_down
from lockgate.policy.price import measures, unmetered
from lockgate.providers.table import TABLE, Row

#: Notes that say why a cost is not known.
UNKNOWN_PRICE, UNKNOWN_USAGE, UNKNOWN_PROVIDER = "unknown price", "unknown usage", "unknown provider"
_UNKNOWN = frozenset((UNKNOWN_PRICE, UNKNOWN_USAGE, UNKNOWN_PROVIDER))
#: What is charged by what was sent, and kept with no attempt.
_BY_UNITS = ("characters", "pages", "images", "audio_ms")
_HITS = frozenset(("hit", "semantic hit"))


class Part(msgspec.Struct):
    """One attempt's share: where it went, what it cost (None: not known), and how that comes about (None: by no usage)."""

    provider: str
    model: str
    nusd: int | None
    version: str = ""
    note: str = ""
    breakdown: Breakdown | None = None
    attempt: int = -1  # its number in the record; -1: the answer, where no attempt is told apart


class Itemised(msgspec.Struct):
    """What a request costs now: the sum of its parts, None when one of them is not known. `kept` says why nothing can be
    computed; then the cost is the recorded one, and there are no parts."""

    nusd: int | None
    version: str = ""
    note: str = ""
    parts: list[Part] = []
    kept: str = ""


def itemise(record: Record, world: Snapshot) -> Itemised:
    """The cost of a request by the prices of a world, which need not be the one that it lived in."""
    if why := _no_case(record):
        return Itemised(record.cost_nusd, record.price_version, record.cost_note, kept=why)
    seen = seen_from(world, record)
    others = _others(record)
    parts = [_of_attempt(record, number, seen) for number in others]
    own = _own_usage(record, others)
    if own is not None or not others:
        parts.insert(0, _answer(record, own, others, seen))
    known = [part.nusd for part in parts if part.nusd is not None]
    nusd = sum(known) if len(known) == len(parts) else None
    unknown = next((part.note for part in parts if part.nusd is None), "")
    note = unknown or _note(record, parts, others)
    return Itemised(nusd, next((part.version for part in parts if part.version), ""), note, parts)


def seen_from(world: Snapshot, record: Record) -> Snapshot:
    """The world as the place sees it that a request was made in."""
    home = world.home
    if record.organisation in ("", home.organisation) and record.workspace in ("", home.workspace):
        return world
    view = world.views.get(record.workspace or record.organisation) or world.default_view.get(record.organisation)
    return view or world.default_view.get("", world)


def _no_case(record: Record) -> str:
    """Why a request has no cost that could be computed; "" when it has one."""
    if record.cache in _HITS:
        return "was answered by the cache"
    if record.usage is None and record.cost_nusd is None and record.cost_note not in _UNKNOWN:
        return "used nothing"
    if record.operation == "count":
        return "is charged by nobody"
    others = _others(record)
    if not others:
        return ""
    if record.usage is not None and any(getattr(record.usage, name) for name in _BY_UNITS):
        return "was charged for several attempts by what was sent, which is not told apart"
    if any(not record.attempts[number].input for number in others):
        return "was charged for an attempt of which no usage is recorded"
    return ""


def _others(record: Record) -> list[int]:
    """The numbers of the attempts that were charged and did not answer."""
    charged = [number for number, attempt in enumerate(record.attempts) if attempt.kind and _is_charged(attempt)]
    answered = any(not attempt.kind for attempt in record.attempts)
    # One that broke off after it had begun to answer is no other: the answer that the caller has is its.
    if charged and not answered and record.attempts[charged[-1]].output:
        del charged[-1]
    return charged


def _is_charged(attempt: Attempt) -> bool:
    return attempt.cost_nusd is not None or attempt.input > 0 or attempt.output > 0


def _own_usage(record: Record, others: list[int]) -> Usage | None:
    """What the answer used; None: nothing is known of it, or there was none."""
    usage = record.usage
    if usage is None or not others:
        return usage
    left = replace(usage, input=max(0, usage.input - sum(record.attempts[number].input for number in others)))
    return left if left.input or left.output or left.searches else None


def _of_attempt(record: Record, number: int, seen: Snapshot) -> Part:
    attempt = record.attempts[number]
    part = _part(record, attempt.provider, attempt.model, "", Usage(input=attempt.input, output=attempt.output), seen)
    part.attempt = number
    return part


def _answer(record: Record, own: Usage | None, others: list[int], seen: Snapshot) -> Part:
    part = _part(record, record.provider, record.model_sent, record.model_served, own, seen)
    if others:  # only then each attempt has its own
        numbers = (number for number in range(len(record.attempts) - 1, -1, -1) if number not in others)
        part.attempt = next((number for number in numbers if _is_charged(record.attempts[number])), -1)
    return part


def _part(record: Record, slug: str, model: str, served: str, usage: Usage | None, seen: Snapshot) -> Part:
    provider = seen.providers.get(slug)
    row = provider.row if provider is not None else _row(record, slug)
    if row is None:
        return Part(slug, model, None, note=UNKNOWN_PROVIDER)
    flat = seen.prices.used(row, model, served, record.time_us, slug if provider is None else provider.known_by)
    if flat is None:
        return Part(slug, model, None, note=UNKNOWN_USAGE if usage is None else UNKNOWN_PRICE)
    if usage is not None and measures(usage, flat):
        found = break_down(usage, flat)
        return Part(slug, model, found.nusd, found.version, breakdown=found)
    nusd = unmetered(flat)
    if nusd is None:
        return Part(slug, model, None, note=UNKNOWN_USAGE)
    # Every request costs that, whatever it used.
    return Part(slug, model, nusd, flat.version, breakdown=break_down(Usage(), flat))


def _row(record: Record, slug: str) -> Row | None:
    """The row of a provider that is not set up any more, or that a caller brought."""
    return TABLE.get(record.provider_kind if slug == record.provider and record.provider_kind else slug)


def _note(record: Record, parts: list[Part], others: list[int]) -> str:
    """What is said of a cost that is known."""
    if record.cost_note not in _UNKNOWN:
        return record.cost_note
    if others:
        return "estimated in part"
    return "estimated" if record.usage_source == "estimated" else ""
