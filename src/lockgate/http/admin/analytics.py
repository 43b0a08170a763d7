"""/v1/analytics: graphs, groups and sums of requests, with Portkey's names and shapes, read from the log's roll-ups."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from lockgate.control.analytics import graphs, groups, prompt_caches
from lockgate.control.analytics import overview as overviews
from lockgate.control.analytics.graphs import Question
from lockgate.control.analytics.groups import Pace, Row, Summary
from lockgate.control.analytics.overview import Overview
from lockgate.control.analytics.prompt_caches import PromptCacheUse
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
    ScorePoint,
    Scores,
    StackPoint,
    Times,
    TimesPoint,
    Total,
    TotalPoint,
)
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.log_query import SpanQuery, filter_of
from lockgate.http.admin.shapes import Listing, Text


class GroupQuery(SpanQuery, frozen=True, kw_only=True):
    """Which records, in which order their groups, and which part of the list. `columns` and `include_total` are accepted, and
    change nothing: all is told."""

    page_size: Annotated[int, Meta(ge=1, le=1000)] = 50
    current_page: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    order_by: Text = "requests"
    order_by_type: Literal["asc", "desc"] = "desc"
    columns: Text = ""
    include_total: bool = True


class PaceQuery(SpanQuery, frozen=True, kw_only=True):
    """Which records, and of how many providers and models it is told: of those that are asked the most."""

    page_size: Annotated[int, Meta(ge=1, le=100)] = 50


class CacheSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What the cache did."""

    summary: Summary
    object: Literal["analytics-summary"] = "analytics-summary"


def overview(ask: Ask, query: SpanQuery) -> Overview:
    """What there is over time, all at once, beside the span of the same length before."""
    return overviews.overview(ask.insight.search.store, filter_of(ask, query))


def requests(ask: Ask, query: SpanQuery) -> Graph[Total, TotalPoint]:
    """Requests over time."""
    return graphs.requests(_question(ask, query))


def cost(ask: Ask, query: SpanQuery) -> Graph[Amount, AmountPoint]:
    """What requests cost over time, in US cents."""
    return graphs.cost(_question(ask, query))


def latency(ask: Ask, query: SpanQuery) -> Graph[Times, TimesPoint]:
    """How long requests took over time, in ms."""
    return graphs.latency(_question(ask, query))


def tokens(ask: Ask, query: SpanQuery) -> Graph[Amount, AmountPoint]:
    """Tokens over time."""
    return graphs.tokens(_question(ask, query))


def users(ask: Ask, query: SpanQuery) -> Graph[Total, TotalPoint]:
    """End users over time: those that requests name as `_user` in their metadata."""
    return graphs.users(_question(ask, query))


def users_requests(ask: Ask, query: SpanQuery) -> Graph[PerUser, AveragePoint]:
    """Requests for each end user over time."""
    return graphs.users_requests(_question(ask, query))


def errors(ask: Ask, query: SpanQuery) -> Graph[Total, TotalPoint]:
    """Errors over time."""
    return graphs.errors(_question(ask, query))


def errors_rate(ask: Ask, query: SpanQuery) -> Graph[Rate, RatePoint]:
    """Errors over time, in percent of all requests."""
    return graphs.errors_rate(_question(ask, query))


def errors_stacks(ask: Ask, query: SpanQuery) -> Graph[Total, StackPoint]:
    """Errors over time, by status."""
    return graphs.errors_stacks(_question(ask, query))


def errors_status_codes(ask: Ask, query: SpanQuery) -> Graph[CodeTotals, CodePoint]:
    """Errors by status."""
    return graphs.errors_status_codes(_question(ask, query))


def requests_rescued(ask: Ask, query: SpanQuery) -> Graph[Rescued, RescuedPoint]:
    """Requests over time that another attempt has rescued, on the same target or on another."""
    return graphs.requests_rescued(_question(ask, query))


def cache_hit_rate(ask: Ask, query: SpanQuery) -> Graph[Hits, HitsPoint]:
    """Hits of the cache over time, and what they have saved in US cents."""
    return graphs.cache_hit_rate(_question(ask, query))


def cache_latency(ask: Ask, query: SpanQuery) -> Graph[Average, AveragePoint]:
    """How long hits of the cache took over time, in ms."""
    return graphs.cache_latency(_question(ask, query))


def feedbacks(ask: Ask, query: SpanQuery) -> Graph[Total, TotalPoint]:
    """Feedback over time."""
    return graphs.feedbacks(_question(ask, query))


def feedbacks_scores(ask: Ask, query: SpanQuery) -> Graph[Scores, ScorePoint]:
    """Feedback by what it said."""
    return graphs.feedbacks_scores(_question(ask, query))


def feedbacks_weighted(ask: Ask, query: SpanQuery) -> Graph[Average, AveragePoint]:
    """What feedback said over time, by its weight."""
    return graphs.feedbacks_weighted(_question(ask, query))


def feedbacks_models(ask: Ask, query: SpanQuery) -> Graph[dict[str, int], ModelFeedback]:
    """Feedback by model."""
    return graphs.feedbacks_models(_question(ask, query))


def cache_summary(ask: Ask, query: SpanQuery) -> CacheSummary:
    """What the cache did."""
    return CacheSummary(summary=groups.cache_summary(ask.insight.search.store, filter_of(ask, query)))


def paces(ask: Ask, query: PaceQuery) -> Listing[Pace]:
    """How fast each provider answers with each model: time to first token, longest gaps, stalled streams."""
    found = groups.paces(ask.insight.search.store, filter_of(ask, query), limit=query.page_size)
    return Listing(total=len(found), data=found)


def provider_caches(ask: Ask, query: PaceQuery) -> Listing[PromptCacheUse]:
    """How much of the input came from the prompt cache of each provider and model, and what that has saved, in US cents."""
    world = ask.office.snapshot()
    found = prompt_caches.prompt_caches(ask.insight.search.store, filter_of(ask, query), world, limit=query.page_size)
    return Listing(total=len(found), data=found)


def grouped(ask: Ask, query: GroupQuery) -> Listing[dict[str, Any]]:
    """Requests by users, ai-models, provider, status_code, api_key, config, workspace and others."""
    return _groups(ask, query, ask.params["by"])


def grouped_by_metadata(ask: Ask, query: GroupQuery) -> Listing[dict[str, Any]]:
    """Requests by what they say in a member of their metadata."""
    return _groups(ask, query, f"metadata/{ask.params['name']}")


def _question(ask: Ask, query: SpanQuery) -> Question:
    return Question(ask.insight.search.store, filter_of(ask, query))


def _groups(ask: Ask, query: GroupQuery, by: str) -> Listing[dict[str, Any]]:
    found = groups.grouped(
        ask.insight.search.store,
        filter_of(ask, query),
        by,
        order=query.order_by,
        ascending=query.order_by_type == "asc",
        limit=query.page_size,
        offset=query.page_size * query.current_page,
    )
    return Listing(total=found.total, data=[_shown(row) for row in found.rows])


def _shown(row: Row) -> dict[str, Any]:
    members = {name: getattr(row, name) for name in row.__struct_fields__ if name not in ("name", "value")}
    return {row.name: row.value, **members, "object": "analytics-group"}
