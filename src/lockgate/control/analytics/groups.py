"""Requests told apart by something: the groups of /v1/analytics, the summary of the cache, and how fast providers are."""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.control.analytics.graphs import errors_of, tokens_of, weighted
from lockgate.control.analytics.lookups import NO_HITS, lookups
from lockgate.control.analytics.shapes import Percentiles, Times, cents, ms, percent, percentiles, share, stamp, times
from lockgate.control.analytics.steps import step_of
from lockgate.core.failure import Refusal
from lockgate.stores.logs.ports import Filter, LogStore
from lockgate.stores.logs.rollup import Totals

#: What Portkey's users call it → (dimension, the member of a row that names it).
NAMES: dict[str, tuple[str, str]] = {
    "users": ("metadata._user", "user"),
    "ai-models": ("model", "ai_model"),
    "model": ("model", "ai_model"),
    "models": ("model", "ai_model"),
    "ai_service": ("provider", "ai_service"),
    "provider": ("provider", "provider"),
    "providers": ("provider", "provider"),
    "status_code": ("status", "status_code"),
    "api_key": ("key", "api_key"),
    "config": ("route", "config"),
    "workspace": ("workspace", "workspace"),
    "workspaces": ("workspace", "workspace"),
    "prompt": ("metadata._prompt", "prompt"),
    "person": ("user", "person"),
    "operation": ("operation", "operation"),
    "outcome": ("outcome", "outcome"),
    "error": ("error", "error"),
    "cache": ("cache", "cache"),
}
#: What rows are ordered by, as it is said → the member of `Totals`.
ORDERS = {
    "requests": "requests",
    "cost": "cost_nusd",
    "input_tokens": "input",
    "output_tokens": "output",
    "latency": "latency_us",
    "feedback": "rated",
    "saved": "saved_nusd",
}
#: How many groups are ordered the other way round.
_MOST_TURNED = 10_000


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A group. What it is called stands in the member that the group's name says."""

    name: str
    value: str
    requests: int
    cost: float
    tokens: int
    cached_tokens: int
    avg_tokens: float
    errors: int
    error_rate: float
    avg_latency: float
    unpriced: int
    avg_weighted_feedback: float
    requests_with_feedback: int
    last_seen: str | None = None


class Rows(msgspec.Struct, frozen=True):
    """A page of groups, and how many there are."""

    total: int
    rows: list[Row]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What the cache did. Times in ms, savings in cents; `cache_speedup`: by how many percent hits are faster than what was
    looked up and not there."""

    hits: int
    avg_latency: float
    total_requests: int
    cache_speedup: float
    savings: float


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider answers with a model. Times in ms: until the first event, and the longest that a stream stood still; of
    all streams those in which nothing came for ten seconds, in percent."""

    provider: str
    ai_model: str
    requests: int
    streams: int
    error_rate: float
    latency: Times
    time_to_first_token: Percentiles
    gap_p99: float
    stall_rate: float
    object: Literal["analytics-group"] = "analytics-group"


def grouped(
    store: LogStore,
    meant: Filter,
    by: str,
    *,
    order: str = "requests",
    ascending: bool = False,
    limit: int,
    offset: int,
) -> Rows:
    """Groups by what Portkey's users call it, or by `metadata/NAME`. Raises `Refusal`: 404 for what there is not, 400 for an
    order or a span that is none."""
    step_of(meant)
    dimension, name = _dimension(by)
    if order not in ORDERS:
        message = f"order_by is none of {', '.join(ORDERS)}."
        raise Refusal(400, "invalid_value", message, param="order_by")
    if ascending:
        found = store.groups(meant, dimension, order=ORDERS[order], limit=_MOST_TURNED)
        rows, total = found.rows[::-1][offset : offset + limit], found.total
    else:
        found = store.groups(meant, dimension, order=ORDERS[order], limit=limit, offset=offset)
        rows, total = found.rows, found.total
    seen = name == "metadata_value"
    return Rows(
        total, [_row(name, value, totals, _last(store, meant, dimension, value) if seen else None) for value, totals in rows]
    )


def cache_summary(store: LogStore, meant: Filter) -> Summary:
    """What the cache did."""
    step_of(meant)
    found = lookups(store, meant)
    return Summary(
        hits=found.answered,
        avg_latency=ms(found.hit_us),
        total_requests=found.requests,
        cache_speedup=percent(found.miss_us - found.hit_us, found.miss_us) if found.answered and found.miss_us else 0.0,
        savings=cents(found.saved_nusd),
    )


def paces(store: LogStore, meant: Filter, *, limit: int) -> list[Pace]:
    """How providers answer with models, those first that are asked the most."""
    step_of(meant)
    found = list[Pace]()
    for provider, _ in store.groups(meant, "provider", limit=limit).rows:
        if not provider or (meant.providers and provider not in meant.providers):
            continue  # refused before anybody was asked
        # What the cache gave says nothing of how fast a provider is.
        theirs = msgspec.structs.replace(meant, providers=(provider,), caches=meant.caches or NO_HITS)
        rows = store.groups(theirs, "model", limit=limit, sketches=True).rows
        found += [_pace(provider, model, totals) for model, totals in rows if model]
    return sorted(found, key=lambda pace: -pace.requests)[:limit]


def _dimension(by: str) -> tuple[str, str]:
    if by.startswith("metadata/"):
        return f"metadata.{by.removeprefix('metadata/')}", "metadata_value"
    if by not in NAMES:
        raise Refusal(404, "not_found", f"There are no groups by '{by[:100]}'. There are those by {', '.join(NAMES)}.")
    return NAMES[by]


def _row(name: str, value: str, totals: Totals, last_seen: str | None) -> Row:
    return Row(
        name=name,
        value=value,
        requests=totals.requests,
        cost=cents(totals.cost_nusd),
        tokens=tokens_of(totals),
        cached_tokens=totals.cached,
        avg_tokens=round(share(tokens_of(totals), totals.requests), 3),
        errors=errors_of(totals),
        error_rate=percent(errors_of(totals), totals.requests),
        avg_latency=ms(share(totals.latency_us, totals.requests)),
        unpriced=totals.unpriced,
        avg_weighted_feedback=weighted(totals.score, totals.rated),
        requests_with_feedback=totals.rated,
        last_seen=last_seen,
    )


def _last(store: LogStore, meant: Filter, dimension: str, value: str) -> str | None:
    """When a value of metadata was last there."""
    pair = (dimension.removeprefix("metadata."), value)
    page = store.page(msgspec.structs.replace(meant, metadata=(*meant.metadata, pair)), None, 1)
    return stamp(page.records[0].time_us) if page.records else None


def _pace(provider: str, model: str, totals: Totals) -> Pace:
    return Pace(
        provider=provider,
        ai_model=model,
        requests=totals.requests,
        streams=totals.streams,
        error_rate=percent(errors_of(totals), totals.requests),
        latency=times(totals.latency_us, totals.latency),
        time_to_first_token=percentiles(totals.ttft),
        gap_p99=ms(totals.gap.quantile(0.99)),
        stall_rate=percent(totals.stalled, totals.streams),
    )
