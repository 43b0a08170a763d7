"""What the front page of the dashboard draws: all its lines, their sums, and the sums of the span before, in two questions to
the roll-ups. The graphs one by one would ask the same question eight times."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lockgate.control.analytics.graphs import Question, errors_of
from lockgate.control.analytics.shapes import Percentiles, Times, cents, percent, percentiles, share, stamp, times
from lockgate.stores.logs.ports import Filter, LogStore
from lockgate.stores.logs.rollup import Totals, add

#: More than there are organisations.
_ALL = 1 << 30


class OverviewSums(msgspec.Struct, frozen=True, kw_only=True):
    """What some requests come to. Costs are US cents, times ms, rates percent. `errors` and `rescued` as in the graphs of these
    names; `unpriced`: requests whose cost is not known, and not in it; `saved`: by answers from the cache."""

    requests: int
    errors: int
    error_rate: float
    cost: float
    avg_cost: float
    unpriced: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    latency: Times
    time_to_first_token: Percentiles
    hits: int
    hit_rate: float
    saved: float
    rescued: int


class OverviewPoint(OverviewSums, frozen=True, kw_only=True):
    """The same of a step, which begins at `timestamp`."""

    timestamp: str


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """A span and its steps (of `step` ms), and the span of the same length `before` it."""

    summary: OverviewSums
    before: OverviewSums
    step: float
    data_points: list[OverviewPoint]
    object: Literal["analytics-overview"] = "analytics-overview"


def overview(store: LogStore, meant: Filter) -> Overview:
    """All of it. Raises `Refusal` 400 for a span that is none."""
    question = Question(store, meant)
    steps = question.steps()
    assert meant.since_us is not None and meant.until_us is not None
    # Whole steps, as the line has them; and without steps, which would read a minute where an hour does.
    step_us = question.step_us
    since_us, until_us = meant.since_us // step_us * step_us, -(-meant.until_us // step_us) * step_us
    before = msgspec.structs.replace(meant, since_us=2 * since_us - until_us, until_us=since_us)
    past = store.groups(before, "organisation", limit=_ALL, sketches=True).rows
    return Overview(
        summary=_sums(_together([totals for _, totals in steps])),
        before=_sums(_together([totals for _, totals in past])),
        step=question.step_us / 1000,
        data_points=[OverviewPoint(timestamp=stamp(at), **_members(totals)) for at, totals in steps],
    )


def _together(each: list[Totals]) -> Totals:
    whole = Totals()
    for totals in each:
        add(whole, totals)
    return whole


def _sums(totals: Totals) -> OverviewSums:
    return OverviewSums(**_members(totals))


def _members(totals: Totals) -> dict[str, Any]:
    hits = totals.hits + totals.semantic_hits
    return {
        "requests": totals.requests,
        "errors": errors_of(totals),
        "error_rate": percent(errors_of(totals), totals.requests),
        "cost": cents(totals.cost_nusd),
        "avg_cost": cents(share(totals.cost_nusd, totals.requests)),
        "unpriced": totals.unpriced,
        "input_tokens": totals.input,
        "output_tokens": totals.output,
        "cached_tokens": totals.cached,
        "latency": times(totals.latency_us, totals.latency),
        "time_to_first_token": percentiles(totals.ttft),
        "hits": hits,
        "hit_rate": percent(hits, totals.requests),
        "saved": cents(totals.saved_nusd),
        "rescued": totals.rescued,
    }
