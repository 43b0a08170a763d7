"""Records as the admin API shows them. Costs are US cents, times ms."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lockgate.control.analytics.shapes import cents, ms, stamp
from lockgate.control.costs.itemise import itemise
from lockgate.control.exports.columns import body
from lockgate.core.record import Attempt, Decision, Match, Record
from lockgate.core.reply import Usage
from lockgate.pipeline.snapshot import Snapshot
from lockgate.stores.logs.ports import Feedback


class ShownTokens(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens used; `cached` is a part of the input, `reasoning` of the output."""

    input: int
    output: int
    total: int
    cached: int
    reasoning: int


class LogRow(msgspec.Struct, kw_only=True):
    """A record without its bodies. `cost` null: it is not known (`cost_note` says why), or nothing was used.

    Of an answer from the cache: the request that it was the answer of (`cached_id`), how old it was then, how one was found
    that is not the same to the byte (`cache_note`, `cache_match`), what it has `saved`, and `saved_time`: what that request had
    taken.
    """

    id: str
    object: Literal["log"] = "log"
    created_at: str
    trace_id: str | None
    span_id: str | None
    parent_span_id: str | None
    span_name: str | None
    source: str
    organisation_id: str | None
    workspace_id: str | None
    user_id: str | None
    api_key_id: str | None
    api_key_name: str | None
    config: str | None
    provider: str | None
    ai_org: str | None
    model_asked: str | None
    ai_model: str | None
    operation: str | None
    path: str | None
    stream: bool
    status_code: int | None
    outcome: str
    is_success: bool
    finish: str | None
    error_code: str | None
    error: str | None
    tokens: ShownTokens | None
    cost: float | None
    cost_note: str | None
    latency: float
    time_to_first_token: float | None
    longest_gap: float | None
    gateway_time: float
    cache_status: str | None
    cached_id: str | None
    cached_age: float | None
    cache_note: str | None
    cache_match: Match | None
    saved: float
    saved_time: float
    attempt_count: int
    metadata: dict[str, str]


class ShownDecision(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the walk through the route: at which place, what was done, and why."""

    at: str
    what: str
    why: str | None


class ShownAttempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try on one target. `started_after` the request's beginning; `failure` null: it delivered."""

    target: str | None
    provider: str | None
    model: str | None
    status_code: int | None
    failure: str | None
    message: str | None
    started_after: float
    duration: float
    input_tokens: int
    output_tokens: int
    cost: float | None


class CostLine(msgspec.Struct, frozen=True, kw_only=True):
    """`units` × `price` (USD for so many, `per`) = `amount` in cents. `attempt`: the number of the one that was charged so;
    null: the answer's."""

    attempt: int | None
    provider: str
    ai_model: str
    kind: str
    units: int
    price: float
    per: int
    amount: float


class CostShown(msgspec.Struct, frozen=True, kw_only=True):
    """How the cost comes about, by the prices that hold for its time: the lines add up to `total` (null: it is not known,
    `note` says why). `is_exact`: that is what was charged; if not, the prices have been corrected since."""

    lines: list[CostLine]
    total: float | None
    price_version: str | None
    note: str | None
    is_exact: bool


class ShownFeedback(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said of the trace."""

    id: str
    created_at: str
    value: int
    weight: float
    metadata: dict[str, str]


class LogDetail(LogRow, kw_only=True):
    """A record with its bodies: as JSON, or as the text that they are. `transformed_request` is what the provider was sent, and
    `upstream_response` what it said, where these are not the caller's own; `is_truncated`: a body is not whole, or not kept."""

    model_sent: str | None
    model_served: str | None
    target: str | None
    gear: str | None
    dialect: str | None
    provider_dialect: str | None
    decisions: list[ShownDecision]
    attempts: list[ShownAttempt]
    losses: list[str]
    usage: dict[str, Any] | None
    usage_source: str
    price_version: str | None
    cost_arithmetic: CostShown | None
    downgraded_from: str | None
    bytes_in: int
    bytes_out: int
    revision: str | None
    feedback: list[ShownFeedback]
    is_truncated: bool
    request: Any
    transformed_request: Any
    upstream_response: Any
    response: Any


def row_of(record: Record) -> LogRow:
    """A record to be listed."""
    return LogRow(**_members(record))


def detail_of(record: Record, world: Snapshot, feedback: list[Feedback]) -> LogDetail:
    """A record to be looked at."""
    usage = record.usage
    return LogDetail(
        **_members(record),
        model_sent=record.model_sent or None,
        model_served=record.model_served or None,
        target=record.target or None,
        gear=record.gear or None,
        dialect=record.dialect_in or None,
        provider_dialect=record.dialect_out or None,
        decisions=[_decision(each) for each in record.decisions],
        attempts=[_attempt(each) for each in record.attempts],
        losses=record.losses,
        usage=None if usage is None else _usage(usage),
        usage_source=record.usage_source,
        price_version=record.price_version or None,
        cost_arithmetic=_arithmetic(record, world),
        downgraded_from=record.downgraded or None,
        bytes_in=record.bytes_in,
        bytes_out=record.bytes_out,
        revision=record.revision or None,
        feedback=[shown_feedback(each) for each in feedback],
        is_truncated=record.truncated,
        request=body(record.request),
        transformed_request=body(record.sent),
        upstream_response=body(record.received),
        response=body(record.response),
    )


def shown_feedback(feedback: Feedback) -> ShownFeedback:
    """Feedback to be shown."""
    return ShownFeedback(
        id=feedback.id,
        created_at=stamp(feedback.time_us),
        value=feedback.value,
        weight=feedback.weight / 1000,
        metadata=dict(feedback.metadata),
    )


def _members(record: Record) -> dict[str, Any]:
    usage = record.usage
    return {
        "id": record.id,
        "created_at": stamp(record.time_us),
        "trace_id": record.trace_id or None,
        "span_id": record.span_id or None,
        "parent_span_id": record.parent_span_id or None,
        "span_name": record.span_name or None,
        "source": record.source,
        "organisation_id": record.organisation or None,
        "workspace_id": record.workspace or None,
        "user_id": record.user or None,
        "api_key_id": record.key_id or None,
        "api_key_name": record.key_name or None,
        "config": record.route or None,
        "provider": record.provider or None,
        "ai_org": record.provider_kind or None,
        "model_asked": record.model_asked or None,
        "ai_model": record.model_served or record.model_sent or record.model_asked or None,
        "operation": record.operation or None,
        "path": record.path or None,
        "stream": record.stream,
        "status_code": record.status or None,
        "outcome": record.outcome,
        "is_success": record.outcome == "ok",
        "finish": record.finish or None,
        "error_code": record.error_code or None,
        "error": record.error or None,
        "tokens": None
        if usage is None
        else ShownTokens(
            input=usage.input,
            output=usage.output,
            total=usage.input + usage.output,
            cached=usage.cached,
            reasoning=usage.reasoning,
        ),
        "cost": None if record.cost_nusd is None else cents(record.cost_nusd),
        "cost_note": record.cost_note or None,
        "latency": ms(record.latency_us),
        "time_to_first_token": None if record.ttft_us is None else ms(record.ttft_us),
        "longest_gap": None if record.gap_us is None else ms(record.gap_us),
        "gateway_time": ms(record.gateway_us),
        "cache_status": record.cache or None,
        "cached_id": record.cached_id or None,
        "cached_age": ms(record.cached_us) if record.cached_id else None,
        "cache_note": record.cache_note or None,
        "cache_match": record.match,
        "saved": cents(record.saved_nusd),
        "saved_time": ms(record.saved_us),
        "attempt_count": len(record.attempts),
        "metadata": record.metadata,
    }


def _decision(decision: Decision) -> ShownDecision:
    return ShownDecision(at=decision.at, what=decision.what, why=decision.why or None)


def _attempt(attempt: Attempt) -> ShownAttempt:
    return ShownAttempt(
        target=attempt.target or None,
        provider=attempt.provider or None,
        model=attempt.model or None,
        status_code=attempt.status or None,
        failure=attempt.kind or None,
        message=attempt.message or None,
        started_after=ms(attempt.start_us),
        duration=ms(attempt.duration_us),
        input_tokens=attempt.input,
        output_tokens=attempt.output,
        cost=None if attempt.cost_nusd is None else cents(attempt.cost_nusd),
    )


def _usage(usage: Usage) -> dict[str, Any]:
    """What was counted, and the provider's own account as it is."""
    found = {name: value for name in usage.__struct_fields__ if (value := getattr(usage, name)) and name != "raw"}
    return {**found, "raw": body(bytes(usage.raw)) if usage.raw is not None else None}


def _arithmetic(record: Record, world: Snapshot) -> CostShown | None:
    found = itemise(record, world)
    if found.kept:
        return None
    return CostShown(
        lines=[
            CostLine(
                attempt=None if part.attempt < 0 else part.attempt,
                provider=part.provider,
                ai_model=part.model,
                kind=line.kind,
                units=line.units,
                price=float(line.usd),
                per=line.per,
                amount=cents(float(line.nusd)),
            )
            for part in found.parts
            for line in (() if part.breakdown is None else part.breakdown.lines)
        ],
        total=None if found.nusd is None else cents(found.nusd),
        price_version=found.version or None,
        note=found.note or None,
        is_exact=found.nusd == record.cost_nusd and found.version == record.price_version,
    )
