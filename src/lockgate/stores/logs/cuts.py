"""Cuts: which roll-ups there are, by what each tells requests apart.

To tell everything apart at once would be to keep the requests themselves; so what has few values is kept together, and what has
many (keys, users, values of metadata) by itself. All cuts know organisation and workspace. A question is answered from the
smallest cut that knows all it names; when none does, from the requests of the days concerned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

import msgspec

from lockgate.stores.logs.rollup import DAY_US, FIVE_MINUTES_US, HOUR_US, MINUTE_US, QUARTER_US

#: What all cuts tell apart.
TENANCY = ("organisation", "workspace")
_MODEL = ("provider", "model_asked", "model_sent", "model_served")
_RESULT = ("operation", "status", "outcome", "error", "cache")


class Cut(msgspec.Struct, frozen=True):
    """What one family of roll-ups tells apart, and over what times, the longest first."""

    number: int
    names: tuple[str, ...]
    spans_us: tuple[int, ...] = (DAY_US,)


ALL = Cut(0, (), (DAY_US, HOUR_US, QUARTER_US, MINUTE_US))
MODEL = Cut(1, _MODEL, (DAY_US, HOUR_US, FIVE_MINUTES_US))
RESULT = Cut(2, _RESULT, (DAY_US, HOUR_US, FIVE_MINUTES_US))
ROUTE = Cut(3, ("route",), (DAY_US, HOUR_US, FIVE_MINUTES_US))
KEY = Cut(4, ("key", "key_name"), (DAY_US, HOUR_US))
USER = Cut(5, ("user",), (DAY_US, HOUR_US))
METADATA = Cut(6, ("metadata",), (DAY_US, HOUR_US))
FEW = Cut(7, ("route", *_MODEL, *_RESULT))
#: Who uses a model, and which models a key uses: of all that is asked across cuts, what is asked the most.
KEY_MODEL = Cut(8, ("key", "key_name", *_MODEL))

CUTS = (ALL, MODEL, RESULT, ROUTE, KEY, USER, METADATA, FEW, KEY_MODEL)

#: A dimension of `ports.Dimension` → the column that holds it.
COLUMNS = {
    "model": "model_sent", "provider": "provider", "key": "key", "user": "user", "workspace": "workspace",
    "organisation": "organisation", "route": "route", "operation": "operation", "status": "status", "outcome": "outcome",
    "error": "error", "cache": "cache",
}  # fmt: skip


#: The dimensions that may have thousands of values. So has each name of metadata.
MANY = ("key", "user")


def cut_for(named: Set[str]) -> Cut | None:
    """The smallest cut that tells all these columns apart; None when there is none."""
    wanted = named - {*TENANCY}
    return next((cut for cut in CUTS if wanted <= {*cut.names}), None)


def stretches(since_us: int, until_us: int, spans: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """A stretch of time, taken apart: (length of the roll-ups to read, 0 for rows; from; until). The longest of the `spans`
    that fit into it (the longest comes first), shorter ones at its ends, and rows at the ends of those."""
    if since_us >= until_us:
        return
    if not spans:
        yield 0, since_us, until_us
        return
    span_us, *shorter = spans
    first, last = -(-since_us // span_us) * span_us, until_us // span_us * span_us
    if first >= last:
        yield from stretches(since_us, until_us, shorter)
        return
    yield from stretches(since_us, first, shorter)
    yield span_us, first, last
    yield from stretches(last, until_us, shorter)
