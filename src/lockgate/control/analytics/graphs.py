"""The graphs of /v1/analytics: each a question to the log's roll-ups, and what is drawn of the answer.

An *error* is a request that was refused, failed or broke off; whoever went away first has made none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from lockgate.control.analytics.shapes import (
    Amount,
    AmountPoint,
    Average,
    AveragePoint,
    CodePoint,
    CodeTotals,
    Graph,
    Hits,
    HitsPoint,
    ModelFeedback,
    PerUser,
    Rate,
    RatePoint,
    Rescued,
    RescuedPoint,
    RetryCount,
    ScorePoint,
    Scores,
    StackPoint,
    StatusCount,
    Times,
    TimesPoint,
    Total,
    TotalPoint,
    cents,
    ms,
    percent,
    share,
    stamp,
    times,
)
from lockgate.control.analytics.steps import filled, step_of, steps_of
from lockgate.stores.logs.ports import Feedback, Filter, LogStore, Range
from lockgate.stores.logs.rollup import Totals
from lockgate.stores.logs.sketch import Sketch

P = TypeVar("P")

#: The outcomes that are errors.
ERRORS = ("refused", "failed", "broken")
#: The end user that a caller names: Portkey's own name for it.
USER = "metadata._user"
#: Statuses that are stacked, and models that are told of: those with the most.
MOST = 50
#: Traces of which the scores are counted.
MOST_RATED = 50_000
_BATCH = 500
#: Any feedback at all, in thousandths.
_RATED = Range(-10_000, 10_000)


class Question:
    """A question's steps, each once. Raises `Refusal` 400 for a span that is none."""

    def __init__(self, store: LogStore, meant: Filter) -> None:
        self.store = store
        self.meant = meant
        self.step_us = step_of(meant)

    def steps(self, meant: Filter | None = None) -> list[tuple[int, Totals]]:
        """What each step comes to, of all that is meant, or of what else is."""
        wanted = self.meant if meant is None else meant
        return filled(self.store.series(wanted, self.step_us), wanted, self.step_us)

    def points(self, draw: Callable[[str, Totals], P], steps: Iterable[tuple[int, Totals]] | None = None) -> list[P]:
        """A point for each step."""
        return [draw(stamp(at), totals) for at, totals in (self.steps() if steps is None else steps)]


def errors_of(totals: Totals) -> int:
    """How many of the requests are errors."""
    return totals.refused + totals.failed + totals.broken


def tokens_of(totals: Totals) -> int:
    """Tokens in and out."""
    return totals.input + totals.output


def requests(question: Question) -> Graph[Total, TotalPoint]:
    """Requests."""
    return _counted(question, lambda totals: totals.requests)


def errors(question: Question) -> Graph[Total, TotalPoint]:
    """Requests that are errors."""
    return _counted(question, errors_of)


def feedbacks(question: Question) -> Graph[Total, TotalPoint]:
    """How often something was said of requests."""
    return _counted(question, lambda totals: totals.rated)


def cost(question: Question) -> Graph[Amount, AmountPoint]:
    """What requests cost, in cents."""
    steps = question.steps()
    nusd, number = _sum(steps, "cost_nusd"), _sum(steps, "requests")
    return Graph(
        summary=Amount(cents(nusd), cents(share(nusd, number)), _sum(steps, "unpriced")),
        data_points=question.points(
            lambda at, totals: AmountPoint(at, cents(totals.cost_nusd), cents(share(totals.cost_nusd, totals.requests))), steps
        ),
    )


def tokens(question: Question) -> Graph[Amount, AmountPoint]:
    """Tokens that requests used."""
    steps = question.steps()
    used = sum(tokens_of(totals) for _, totals in steps)
    return Graph(
        summary=Amount(used, share(used, _sum(steps, "requests"))),
        data_points=question.points(
            lambda at, totals: AmountPoint(at, tokens_of(totals), share(tokens_of(totals), totals.requests)), steps
        ),
    )


def latency(question: Question) -> Graph[Times, TimesPoint]:
    """How long requests took."""
    steps = question.steps()
    return Graph(
        summary=times(_sum(steps, "latency_us"), _merged(steps, "latency")),
        data_points=question.points(lambda at, totals: _times_at(at, times(totals.latency_us, totals.latency)), steps),
    )


def users(question: Question) -> Graph[Total, TotalPoint]:
    """How many end users there were."""
    return Graph(
        summary=Total(_users(question.store, question.meant)),
        data_points=[TotalPoint(stamp(at), number) for at, _, number in _users_by_step(question)],
    )


def users_requests(question: Question) -> Graph[PerUser, AveragePoint]:
    """How many requests each end user made."""
    found = list(_users_by_step(question))
    total, unique = sum(number for _, number, _ in found), _users(question.store, question.meant)
    return Graph(
        summary=PerUser(total, unique, round(share(total, unique), 3)),
        data_points=[AveragePoint(stamp(at), round(share(number, unique), 3)) for at, number, unique in found],
    )


def errors_rate(question: Question) -> Graph[Rate, RatePoint]:
    """The share of requests that are errors."""
    steps = question.steps()
    number = sum(errors_of(totals) for _, totals in steps)
    return Graph(
        summary=Rate(percent(number, _sum(steps, "requests"))),
        data_points=question.points(lambda at, totals: RatePoint(at, percent(errors_of(totals), totals.requests)), steps),
    )


def errors_stacks(question: Question) -> Graph[Total, StackPoint]:
    """Errors by status, over time."""
    meant = _failing(question.meant)
    by_step: dict[int, list[StatusCount]] = {at: [] for at, _ in question.steps(meant)}
    total = 0
    for code, _ in _codes(question.store, meant):
        for at, totals in question.store.series(msgspec.structs.replace(meant, status=((code, code),)), question.step_us):
            by_step.setdefault(at, []).append(StatusCount(code, totals.requests))
            total += totals.requests
    return Graph(summary=Total(total), data_points=[StackPoint(stamp(at), stats) for at, stats in sorted(by_step.items())])


def errors_status_codes(question: Question) -> Graph[CodeTotals, CodePoint]:
    """Errors by status, those with the most first."""
    codes = _codes(question.store, _failing(question.meant))
    return Graph(
        summary=CodeTotals(sum(number for _, number in codes), len(codes)),
        data_points=[CodePoint(code, number) for code, number in codes],
    )


def requests_rescued(question: Question) -> Graph[Rescued, RescuedPoint]:
    """Requests that were answered well after an attempt that failed."""
    steps = question.steps()
    retried = _sum(steps, "retried")
    return Graph(
        summary=Rescued(retried, _sum(steps, "rescued") - retried),
        data_points=question.points(
            lambda at, totals: RescuedPoint(at, _retries(totals), totals.rescued - totals.retried),
            steps,
        ),
    )


def cache_hit_rate(question: Question) -> Graph[Hits, HitsPoint]:
    """Hits of the cache, and what they have saved."""
    steps = question.steps()
    saved = {
        kind: {at: totals.saved_nusd for at, totals in question.steps(msgspec.structs.replace(question.meant, caches=(kind,)))}
        for kind in ("hit", "semantic hit")
        if question.meant.caches in ((), (kind,)) or kind in question.meant.caches
    }
    simple = semantic = 0
    points = list[HitsPoint]()
    for at, totals in steps:
        simple += saved.get("hit", {}).get(at, 0)
        semantic += saved.get("semantic hit", {}).get(at, 0)
        rate = percent(_hits(totals), totals.requests)
        points.append(HitsPoint(stamp(at), totals.hits, totals.semantic_hits, rate, cents(simple), cents(semantic)))
    hits = sum(_hits(totals) for _, totals in steps)
    return Graph(summary=Hits(hits, percent(hits, _sum(steps, "requests"))), data_points=points)


def cache_latency(question: Question) -> Graph[Average, AveragePoint]:
    """How long hits of the cache took."""
    steps = question.steps()
    hits = sum(_hits(totals) for _, totals in steps)
    return Graph(
        summary=Average(ms(share(_sum(steps, "hit_us"), hits))),
        data_points=question.points(lambda at, totals: AveragePoint(at, ms(share(totals.hit_us, _hits(totals)))), steps),
    )


def feedbacks_scores(question: Question) -> Graph[Scores, ScorePoint]:
    """How often each value was said, from the least to the most."""
    counts: dict[int, int] = {}
    seen = 0
    for traces in _rated_traces(question):
        seen += len(traces)
        for each in _said(question, traces):
            counts[each.value] = counts.get(each.value, 0) + 1
    return Graph(
        summary=Scores(sum(counts.values()), seen >= MOST_RATED),
        data_points=[ScorePoint(value, number) for value, number in sorted(counts.items())],
    )


def feedbacks_weighted(question: Question) -> Graph[Average, AveragePoint]:
    """What was said, times its weight: the mean."""
    steps = question.steps()
    return Graph(
        summary=Average(weighted(_sum(steps, "score"), _sum(steps, "rated"))),
        data_points=question.points(lambda at, totals: AveragePoint(at, weighted(totals.score, totals.rated)), steps),
    )


def feedbacks_models(question: Question) -> Graph[dict[str, int], ModelFeedback]:
    """What was said of each model."""
    found = question.store.groups(question.meant, "model", order="rated", limit=MOST).rows
    return Graph(
        summary={},
        data_points=[
            ModelFeedback(model, totals.rated, weighted(totals.score, totals.rated)) for model, totals in found if totals.rated
        ],
    )


def weighted(score: int, rated: int) -> float:
    """The mean of values times their weights; `score` is their sum in thousandths."""
    return round(share(score, rated) / 1000, 3)


def _counted(question: Question, count: Callable[[Totals], int]) -> Graph[Total, TotalPoint]:
    points = question.points(lambda at, totals: TotalPoint(at, count(totals)))
    return Graph(summary=Total(sum(point.total for point in points)), data_points=points)


def _times_at(at: str, found: Times) -> TimesPoint:
    return TimesPoint(at, found.avg, found.p50, found.p90, found.p99)


def _sum(steps: Sequence[tuple[int, Totals]], name: str) -> int:
    return sum(getattr(totals, name) for _, totals in steps)


def _merged(steps: Sequence[tuple[int, Totals]], name: str) -> Sketch:
    whole = Sketch()
    for _, totals in steps:
        whole.merge(getattr(totals, name))
    return whole


def _retries(totals: Totals) -> list[RetryCount]:
    """By which retry, the first ones first; then those that were rolled up before that was kept."""
    counted = [RetryCount(number, count) for number, count in sorted(totals.retries.buckets.items())]
    rest = totals.retried - totals.retries.count
    return [*counted, RetryCount(None, rest)] if rest > 0 else counted


def _hits(totals: Totals) -> int:
    return totals.hits + totals.semantic_hits


def _users(store: LogStore, meant: Filter) -> int:
    return store.groups(meant, USER, limit=1).total


def _users_by_step(question: Question) -> Iterator[tuple[int, int, int]]:
    """(when, requests of users, users) of each step."""
    found = {at: (number, unique) for at, number, unique in question.store.spread(question.meant, USER, question.step_us)}
    for at in steps_of(question.meant, question.step_us):
        yield at, *found.get(at, (0, 0))


def _failing(meant: Filter) -> Filter:
    """Of what is meant, the errors."""
    outcomes = tuple(each for each in ERRORS if not meant.outcomes or each in meant.outcomes)
    return msgspec.structs.replace(meant, outcomes=outcomes or ("none",))


def _codes(store: LogStore, meant: Filter) -> list[tuple[int, int]]:
    """(status, how often), those with the most first."""
    rows = store.groups(meant, "status", limit=MOST).rows
    return [(int(status), totals.requests) for status, totals in rows if status.isdigit()]


def _rated_traces(question: Question) -> Iterator[list[str]]:
    """The traces of what is meant of which something was said, some at a time, each once."""
    meant = question.meant if question.meant.feedback is not None else msgspec.structs.replace(question.meant, feedback=_RATED)
    seen: set[str] = set()
    records = question.store.scan(meant)
    while len(seen) < MOST_RATED and (batch := list(islice(records, _BATCH))):
        new = list(dict.fromkeys(record.trace_id for record in batch if record.trace_id not in seen))
        seen.update(new)
        if new:
            yield new


def _said(question: Question, traces: Sequence[str]) -> list[Feedback]:
    meant = question.meant
    return [
        each
        for each in question.store.feedback(traces)
        if each.organisation in ("", meant.organisation)
        and (meant.workspaces is None or each.workspace in ("", *meant.workspaces))
    ]
