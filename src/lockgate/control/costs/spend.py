"""What was spent, told apart by any dimensions at once, in days, months or all together; and what has no price.

It is asked of the log's roll-ups, one dimension at a time: the groups of the first one, within each of these those of the
second, and so on. What lies in no group (requests without that member of metadata) is what is left of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
from msgspec.structs import replace

from lockgate.core.failure import Refusal
from lockgate.stores.logs.ports import Filter, LogStore, Range
from lockgate.stores.logs.rollup import OTHER, Totals

Step = Literal["all", "day", "month"]
#: Dimensions that can be combined, and how one value of each is asked for. A filter of models means what was asked for as well
#: as what was sent, so that it cannot tell models apart: they come last, where nothing is asked for within them.
_WITHIN: dict[str, Callable[[Filter, str], Filter]] = {
    "organisation": lambda meant, value: replace(meant, organisation=value),
    "workspace": lambda meant, value: replace(meant, workspaces=(value,)),
    "provider": lambda meant, value: replace(meant, providers=(value,)),
    "key": lambda meant, value: replace(meant, keys=(value,)),
    "user": lambda meant, value: replace(meant, users=(value,)),
    "route": lambda meant, value: replace(meant, routes=(value,)),
    "operation": lambda meant, value: replace(meant, operations=(value,)),
}
DIMENSIONS = (*_WITHIN, "model")
METADATA = "metadata."
#: Dimensions of one report, its steps, and its rows.
MOST_BY, MOST_STEPS, MOST_ROWS = 4, 1000, 200_000
#: Groups of one question.
_GROUPS = 100_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_US = 60_000_000


class Sums(msgspec.Struct):
    """What some requests come to. `cost_nusd` lacks those that are `unpriced`: they used something at an unknown price."""

    requests: int = 0
    input: int = 0
    output: int = 0
    cached: int = 0
    cost_nusd: int = 0
    unpriced: int = 0
    saved_nusd: int = 0

    @classmethod
    def of(cls, totals: Totals) -> Sums:
        """The same of a roll-up."""
        return cls(*(getattr(totals, name) for name in cls.__struct_fields__))

    def add(self, other: Sums, times: int = 1) -> None:
        """Add others, or take them away (-1)."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + times * getattr(other, name))


class Row(msgspec.Struct):
    """What was spent from a time on (µs since the epoch; until the next step begins), by values of the dimensions in their
    order. A value is "" for requests that have none, "(other)" for those that the log does not tell apart."""

    start_us: int
    values: tuple[str, ...]
    sums: Sums


class Unpriced(msgspec.Struct):
    """A model whose price is not known, and what was used of it."""

    provider: str
    model: str
    requests: int
    tokens: int


class Spend(msgspec.Struct):
    """A report. Times are µs since the epoch; `unpriced` is what no sum has, the most used first."""

    since_us: int
    until_us: int
    step: Step
    by: tuple[str, ...]
    rows: list[Row]
    total: Sums
    unpriced: list[Unpriced]


Told = dict[tuple[str, ...], Sums]


def spent(store: LogStore, meant: Filter, by: tuple[str, ...] = ("model",), step: Step = "all") -> Spend:
    """The report. Both times of `meant` are set; they are rounded out to whole steps, or minutes. Raises `StoreError`;
    `Refusal` 400 for dimensions that cannot be combined, and for what would be too long to be read."""
    check(by)
    assert meant.since_us is not None and meant.until_us is not None
    periods = list(_periods(meant.since_us, meant.until_us, step))
    if not periods:
        raise Refusal(400, "invalid_value", "The report must end after it begins.", param="until")
    rows: list[Row] = []
    total = Sums()
    for start_us, end_us in periods:
        told = _told(store, replace(meant, since_us=start_us, until_us=end_us), by)
        if len(rows) + len(told) > MOST_ROWS:
            raise Refusal(400, "too_much", f"This would be more than {MOST_ROWS:,} rows. Ask for less.", param="by")
        for values, sums in sorted(told.items(), key=lambda each: (-each[1].cost_nusd, -each[1].requests, each[0])):
            rows.append(Row(start_us, values, sums))
            total.add(sums)
    whole = replace(meant, since_us=periods[0][0], until_us=periods[-1][1])
    unpriced = unpriced_of(store, whole) if total.unpriced else []
    return Spend(periods[0][0], periods[-1][1], step, by, rows, total, unpriced)


def check(by: tuple[str, ...]) -> None:
    """Raises `Refusal` 400 for dimensions that there are not, or that cannot be combined."""
    for name in by:
        if name not in DIMENSIONS and not (name.startswith(METADATA) and len(name) > len(METADATA)):
            message = f"'{name[:100]}' is none of {', '.join(DIMENSIONS)} or metadata.NAME."
            raise Refusal(400, "invalid_value", message, param="by")
    if len(by) > MOST_BY or len(set(by)) < len(by):
        raise Refusal(400, "invalid_value", f"Name at most {MOST_BY} dimensions, each once.", param="by")


def unpriced_of(store: LogStore, meant: Filter) -> list[Unpriced]:
    """What was used of models without a price. Raises `StoreError`."""
    found: list[Unpriced] = []
    for provider, totals in store.groups(meant, "provider", order="unpriced", limit=_GROUPS).rows:
        if not totals.unpriced:
            break  # the others have less
        theirs = meant if provider == OTHER else replace(meant, providers=(provider,))
        groups = {model: each for model, each in store.groups(theirs, "model", limit=_GROUPS).rows if each.unpriced}
        # What is known to cost something is not what is looked for.
        priced = dict(store.groups(replace(theirs, cost_nusd=Range(least=0)), "model", limit=_GROUPS).rows)
        for model, each in groups.items():
            known = priced.get(model) or Totals()
            tokens = each.input + each.output - known.input - known.output
            found.append(Unpriced(provider, model, each.unpriced, tokens))
    return sorted(found, key=lambda each: (-each.tokens, -each.requests, each.provider, each.model))


def _told(store: LogStore, meant: Filter, by: tuple[str, ...]) -> Told:
    """What is spent, by the values of dimensions."""
    if not by:
        groups = store.groups(meant, "organisation", limit=_GROUPS).rows
        total = Sums()
        for _, totals in groups:
            total.add(Sums.of(totals))
        return {(): total} if total.requests else {}
    # Models come last, whatever the order in which they are named.
    at = by.index("model") if "model" in by and len(by) > 1 and by[-1] != "model" else -1
    if at >= 0:
        told = _told(store, meant, (*by[:at], *by[at + 1 :], "model"))
        return {(*values[:at], values[-1], *values[at:-1]): sums for values, sums in told.items()}
    first, inner = next(iter(by)), by[1:]
    groups = store.groups(meant, first, order="cost_nusd", limit=_GROUPS).rows
    if not inner:
        told = {(value,): Sums.of(totals) for value, totals in groups}
        if first.startswith(METADATA):
            _add_rest(told, _told(store, meant, ()), "")
        return told
    told = Told()
    blurred = [value for value, _ in groups if not _is_one(first, value)]
    for value, _ in groups:
        if value not in blurred:
            told.update({(value, *more): sums for more, sums in _told(store, _within(meant, first, value), inner).items()})
    if blurred or first.startswith(METADATA):
        _add_rest(told, _told(store, meant, inner), OTHER if any(blurred) else "")
    return told


def _add_rest(told: Told, whole: Told, value: str) -> None:
    """Add what the groups lack of the whole, under this value."""
    for values, sums in told.items():
        if (left := whole.get(values[1:])) is not None:
            left.add(sums, -1)
    for rest, left in whole.items():
        if left.requests > 0:
            told.setdefault((value, *rest), Sums()).add(left)


def _is_one(dimension: str, value: str) -> bool:
    """Whether a filter can ask for this value and no other one: in metadata, `*` and `?` stand for more, and a key is meant by
    its name as well, which others may lack too."""
    if dimension == "key" and not value:
        return False
    return value != OTHER and not (dimension.startswith(METADATA) and ("*" in value or "?" in value))


def _within(meant: Filter, dimension: str, value: str) -> Filter:
    if dimension.startswith(METADATA):
        return replace(meant, metadata=(*meant.metadata, (dimension.removeprefix(METADATA), value)))
    return _WITHIN[dimension](meant, value)


def _periods(since_us: int, until_us: int, step: Step) -> Iterator[tuple[int, int]]:
    """(from, until) of each step."""
    if step == "all":
        first, last = since_us // _MINUTE_US * _MINUTE_US, -(-until_us // _MINUTE_US) * _MINUTE_US
        if first < last:
            yield first, last
        return
    start = _moment(since_us).replace(hour=0, minute=0, second=0, microsecond=0)
    if step == "month":
        start = start.replace(day=1)
    for count in range(MOST_STEPS + 1):
        if _us(start) >= until_us:
            return
        if count == MOST_STEPS:
            raise Refusal(400, "too_much", f"These are more than {MOST_STEPS} steps. Ask for less.", param="step")
        end = following(start, step)
        yield _us(start), _us(end)
        start = end


def following(start: datetime, step: Step) -> datetime:
    """When the step after this one begins."""
    return start + timedelta(days=1) if step == "day" else (start.replace(day=1) + timedelta(days=32)).replace(day=1)


def _moment(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
