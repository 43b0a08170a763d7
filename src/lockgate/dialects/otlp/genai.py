"""A record as spans of the GenAI conventions: the request, and each attempt within it.

The request is a span of kind SERVER: what the caller of the gateway sees, with all usage, cost and timing. Attempts are its
children of kind CLIENT: what the gateway has asked of providers. Usage stands on the request alone, so that nobody who adds up
spans counts a token twice. Ids are made of the record, so that a record is the same spans however often it is sent.

Source: https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-spans.md.
"""

from __future__ import annotations

from typing import Any

from lockgate.core.record import Attempt, Record
from lockgate.core.reply import Usage
from lockgate.dialects.otlp.content import answered, asked, conversation, knobs
from lockgate.dialects.otlp.nouns import CLIENT, ERROR, INTERNAL, SERVER, Span
from lockgate.wire.trace_context import span_hex, trace_hex

#: Which version of the conventions this is.
SCHEMA = "https://opentelemetry.io/schemas/1.41.0"
#: An operation of ours → its well-known name; others keep their own, as the conventions allow.
OPERATIONS = {
    "chat": "chat",
    "respond": "chat",
    "message": "chat",
    "complete": "text_completion",
    "embed": "embeddings",
    "search": "retrieval",
}
#: A row of the provider table → the well-known name of that provider.
PROVIDERS = {
    "azure-ai": "azure.ai.inference",
    "azure-openai": "azure.ai.openai",
    "bedrock": "aws.bedrock",
    "bedrock-claude": "aws.bedrock",
    "bedrock-mantle": "aws.bedrock",
    "google": "gcp.gemini",
    "mistral-ai": "mistral_ai",
    "moonshot": "moonshot_ai",
    "perplexity-ai": "perplexity",
    "vertex-ai": "gcp.vertex_ai",
    "x-ai": "x_ai",
}
_TOKENS: tuple[tuple[str, str], ...] = (
    ("cached", "gen_ai.usage.cache_read.input_tokens"),
    ("cache_write", "gen_ai.usage.cache_creation.input_tokens"),
    ("reasoning", "gen_ai.usage.reasoning.output_tokens"),
    ("audio_input", "gen_ai.usage.audio.input_tokens"),
    ("audio_output", "gen_ai.usage.audio.output_tokens"),
    ("image_input", "gen_ai.usage.image.input_tokens"),
)
#: What is ours alone, by its attribute.
_OURS: tuple[tuple[str, str], ...] = (
    ("id", "lockgate.request.id"),
    ("organisation", "lockgate.organisation"),
    ("workspace", "lockgate.workspace"),
    ("user", "lockgate.user"),
    ("key_id", "lockgate.key.id"),
    ("key_name", "lockgate.key.name"),
    ("route", "lockgate.route"),
    ("target", "lockgate.target"),
    ("provider", "lockgate.provider"),
    ("outcome", "lockgate.outcome"),
    ("cache", "lockgate.cache"),
    ("cached_id", "lockgate.cache.from"),
    ("cache_note", "lockgate.cache.note"),
    ("usage_source", "lockgate.usage.source"),
    ("cost_note", "lockgate.cost.note"),
    ("path", "url.path"),
)


def spans(record: Record, *, content: bool = False) -> list[Span]:
    """The spans of a record, the request's first. `content`: with what was said, where it is kept."""
    trace_id = trace_hex(record.trace_id or record.id)
    own = span_hex(record.span_id) if record.span_id else span_hex(record.id)
    span = Span(
        trace_id=trace_id,
        span_id=own,
        name=record.span_name or _name(operation_of(record), record.model_sent or record.model_asked),
        start_ns=record.time_us * 1000,
        end_ns=(record.time_us + max(0, record.latency_us)) * 1000,
        parent_id=span_hex(record.parent_span_id) if record.parent_span_id else "",
        kind=SERVER if record.source == "gateway" else INTERNAL,
        attributes=_attributes(record, trace_id, content=content),
    )
    if failed(record) and (record.status >= 500 or record.outcome != "refused"):
        span.status, span.status_message = ERROR, record.error  # a caller's mistake is none of the server's span
    return [span, *(_attempt(record, each, n, trace_id, own) for n, each in enumerate(record.attempts))]


def operation_of(record: Record) -> str:
    """What the conventions call what was done."""
    return OPERATIONS.get(record.operation, record.operation)


def provider_of(record: Record) -> str:
    """And who did it."""
    return PROVIDERS.get(record.provider_kind, record.provider_kind or record.provider)


def failed(record: Record) -> bool:
    """Whether it ended in an error; that the caller has left is none."""
    return record.outcome in ("refused", "failed", "broken")


def error_of(record: Record) -> str:
    """The class of that error."""
    return record.error_code or (str(record.status) if record.status >= 400 else record.outcome)


def _name(operation: str, model: str) -> str:
    return f"{operation} {model}".rstrip() or "request"


def _attributes(record: Record, trace_id: str, *, content: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"gen_ai.operation.name": operation_of(record)}
    if provider := provider_of(record):
        found["gen_ai.provider.name"] = provider
    if record.model_asked or record.model_sent:
        found["gen_ai.request.model"] = record.model_sent or record.model_asked
    if record.model_served:
        found["gen_ai.response.model"] = record.model_served
    if record.finish:
        found["gen_ai.response.finish_reasons"] = [record.finish]
    if record.stream:
        found["gen_ai.request.stream"] = True
        if record.ttft_us is not None:
            found["gen_ai.response.time_to_first_chunk"] = record.ttft_us / 1e6
    if record.usage is not None:
        found |= _usage(record.usage)
    if record.cost_nusd is not None:
        found["lockgate.cost.usd"] = record.cost_nusd / 1e9
    if record.status:
        found["http.response.status_code"] = record.status
    if failed(record):
        found["error.type"] = error_of(record)
    found |= {name: value for member, name in _OURS if (value := getattr(record, member))}
    found["lockgate.gateway.duration"] = record.gateway_us / 1e6
    if record.model_asked not in ("", record.model_sent):
        found["lockgate.model.asked"] = record.model_asked
    if record.trace_id not in ("", trace_id):
        found["lockgate.trace.id"] = record.trace_id
    found |= {f"lockgate.metadata.{name}": value for name, value in record.metadata.items()}
    if content:
        request = asked(record)
        if request is not None:
            found |= knobs(request)
        found |= conversation(request, answered(record))
    return found


def _usage(usage: Usage) -> dict[str, int]:
    found: dict[str, int] = {"gen_ai.usage.input_tokens": usage.input, "gen_ai.usage.output_tokens": usage.output}
    found |= {name: value for member, name in _TOKENS if (value := getattr(usage, member)) > 0}
    return found


def _attempt(record: Record, attempt: Attempt, n: int, trace_id: str, parent_id: str) -> Span:
    start_us = record.time_us + attempt.start_us
    operation = operation_of(record)
    same = attempt.provider == record.provider
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider_of(record) if same else attempt.provider,
        "gen_ai.request.model": attempt.model,
        "lockgate.provider": attempt.provider,
        "lockgate.target": attempt.target,
        "lockgate.attempt": n + 1,
    }
    if attempt.status:
        attributes["http.response.status_code"] = attempt.status
    if attempt.kind:
        attributes["error.type"] = attempt.kind
    return Span(
        trace_id=trace_id,
        span_id=span_hex(f"{record.id}/{n}"),
        name=_name(operation, attempt.model),
        start_ns=start_us * 1000,
        end_ns=(start_us + max(0, attempt.duration_us)) * 1000,
        parent_id=parent_id,
        kind=CLIENT,
        attributes={name: value for name, value in attributes.items() if value not in ("", None)},
        # One that was broken off since another was faster has not failed.
        status=ERROR if attempt.kind not in ("", "hedged") else 0,
        status_message=attempt.message,
    )
