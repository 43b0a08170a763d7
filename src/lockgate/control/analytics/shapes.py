"""What a graph is made of, by the names that Portkey's users know. Costs are US cents, times ms, rates percent; a `timestamp`
is when a step begins.

Source: https://github.com/Portkey-AI/openapi (`/analytics/*`). What it calls an integer may have decimals here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Generic, Literal, TypeVar

import msgspec

from lockgate.stores.logs.sketch import Sketch

S = TypeVar("S")
P = TypeVar("P")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUSD_IN_CENT = 10**7


class Graph(msgspec.Struct, Generic[S, P], frozen=True, kw_only=True):
    """A line: its points in the order of time, or of their size, and what they come to together."""

    summary: S
    data_points: list[P]
    object: Literal["analytics-graph"] = "analytics-graph"


class Total(msgspec.Struct, frozen=True):
    """How many there are."""

    total: float


class TotalPoint(msgspec.Struct, frozen=True):
    """How many there are in a step."""

    timestamp: str
    total: float


class Amount(msgspec.Struct, frozen=True):
    """How much it is, and for each request. `unpriced`: requests whose cost is not known and not in it."""

    total: float
    avg: float
    unpriced: int = 0


class AmountPoint(msgspec.Struct, frozen=True):
    """How much it is in a step, and for each request."""

    timestamp: str
    total: float
    avg: float


class Times(msgspec.Struct, frozen=True):
    """How long it took, in ms: in the mean, and at the percentiles."""

    avg: float
    p50: float
    p90: float
    p99: float


class Percentiles(msgspec.Struct, frozen=True):
    """How long it took, in ms, at the percentiles."""

    p50: float
    p90: float
    p99: float


class TimesPoint(msgspec.Struct, frozen=True):
    """How long it took in a step."""

    timestamp: str
    avg: float
    p50: float
    p90: float
    p99: float


class Average(msgspec.Struct, frozen=True):
    """The mean of something."""

    avg: float


class AveragePoint(msgspec.Struct, frozen=True):
    """The mean of something in a step."""

    timestamp: str
    avg: float


class PerUser(msgspec.Struct, frozen=True):
    """Requests, those who made them, and how many each made."""

    total: int
    unique: int
    avg: float


class Rate(msgspec.Struct, frozen=True):
    """A share, in percent."""

    rate: float


class RatePoint(msgspec.Struct, frozen=True):
    """A share in a step."""

    timestamp: str
    rate: float


class StatusCount(msgspec.Struct, frozen=True):
    """How often a status was answered."""

    response_status_code: int
    count: int


class StackPoint(msgspec.Struct, frozen=True):
    """Errors of a step by their status."""

    timestamp: str
    stats: list[StatusCount]


class CodeTotals(msgspec.Struct, frozen=True):
    """Errors, and how many statuses they have."""

    total_errors: int
    unique_error_codes: int


class CodePoint(msgspec.Struct, frozen=True):
    """How often an error's status was answered."""

    status_code: int
    count: int


class Rescued(msgspec.Struct, frozen=True):
    """Requests that were answered well after an attempt that failed: by another attempt on the same target, or elsewhere."""

    retry: int
    fallback: int


class RetryCount(msgspec.Struct, frozen=True):
    """Requests that were rescued by the retry of that number; null: by one whose number was not kept."""

    retry_success_count: int | None
    count: int


class RescuedPoint(msgspec.Struct, frozen=True):
    """Those of a step."""

    timestamp: str
    retry: list[RetryCount]
    fallback: int


class Hits(msgspec.Struct, frozen=True):
    """Hits of the cache, and their share of all requests in percent."""

    total: int
    rate: float


class HitsPoint(msgspec.Struct, frozen=True):
    """Those of a step; and what all until then have saved, in cents."""

    timestamp: str
    simple_hits: int
    semantic_hits: int
    rate: float
    cumulative_simple_cache_savings: float
    cumulative_semantic_cache_savings: float


class Scores(msgspec.Struct, frozen=True):
    """How many said something. `truncated`: there were more than are told of."""

    total: int
    truncated: bool = False


class ScorePoint(msgspec.Struct, frozen=True):
    """How many said so."""

    score: int
    total: int


class ModelFeedback(msgspec.Struct, frozen=True):
    """What was said of a model."""

    ai_model: str
    total: int
    avg_weighted_feedback: float


def cents(nusd: float) -> float:
    """An amount in US cents."""
    return nusd / _NUSD_IN_CENT


def ms(us: float) -> float:
    """A time in ms, to the µs."""
    return round(us / 1000, 3)


def share(part: float, whole: float) -> float:
    """A part of a whole; 0 of nothing."""
    return part / whole if whole else 0.0


def percent(part: float, whole: float) -> float:
    """The same in percent, to a thousandth."""
    return round(100 * share(part, whole), 3)


def times(sum_us: float, sketch: Sketch) -> Times:
    """What a sketch tells, and the mean of what it has seen."""
    found = percentiles(sketch)
    return Times(ms(share(sum_us, sketch.count)), found.p50, found.p90, found.p99)


def percentiles(sketch: Sketch) -> Percentiles:
    """What a sketch tells."""
    return Percentiles(*(ms(sketch.quantile(each)) for each in (0.5, 0.9, 0.99)))


def stamp(us: int) -> str:
    """A time (µs since the epoch) as a text."""
    return (_EPOCH + timedelta(microseconds=us)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
