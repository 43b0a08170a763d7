"""Spans of generative AI as records, by whatever conventions they are written: OpenTelemetry's (today's and those before),
OpenInference's (`llm.*`, `openinference.span.kind`) and Traceloop's (`traceloop.*`, `gen_ai.prompt.0.content`).

Sources: https://github.com/open-telemetry/semantic-conventions-genai, https://github.com/Arize-ai/openinference (spec),
https://github.com/traceloop/openllmetry (semconv_ai). Where several say the same thing, the first in a table's row counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, cast

import msgspec

from lockgate.core.json import encode
from lockgate.core.record import Record, new_id
from lockgate.core.reply import Usage
from lockgate.dialects.otlp.genai import PROVIDERS
from lockgate.dialects.otlp.nouns import ERROR, Attributes, Told

#: Attributes beginning so make a span one of ours.
_OURS = ("gen_ai.", "llm.", "openinference.", "traceloop.", "embedding.")
_MODEL = ("gen_ai.request.model", "llm.model_name", "embedding.model_name", "llm.request.model")
_SERVED = ("gen_ai.response.model", "llm.response.model")
_PROVIDER = ("gen_ai.provider.name", "gen_ai.system", "llm.provider", "llm.system", "llm.vendor")
_COUNTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "input",
        ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt", "llm.usage.prompt_tokens"),
    ),
    (
        "output",
        (
            "gen_ai.usage.output_tokens",
            "gen_ai.usage.completion_tokens",
            "llm.token_count.completion",
            "llm.usage.completion_tokens",
        ),
    ),
    (
        "cached",
        (
            "gen_ai.usage.cache_read.input_tokens",
            "gen_ai.usage.cache_read_input_tokens",
            "llm.token_count.prompt_details.cache_read",
        ),
    ),
    (
        "cache_write",
        (
            "gen_ai.usage.cache_creation.input_tokens",
            "gen_ai.usage.cache_creation_input_tokens",
            "llm.token_count.prompt_details.cache_write",
        ),
    ),
    (
        "reasoning",
        (
            "gen_ai.usage.reasoning.output_tokens",
            "gen_ai.usage.reasoning_tokens",
            "llm.usage.reasoning_tokens",
            "llm.token_count.completion_details.reasoning",
        ),
    ),
    ("audio_input", ("gen_ai.usage.audio.input_tokens", "llm.token_count.prompt_details.audio")),
    ("audio_output", ("gen_ai.usage.audio.output_tokens", "llm.token_count.completion_details.audio")),
)
#: What a span is called that does something → our operation. All else is a step.
_OPERATIONS = {
    "chat": "chat",
    "generate_content": "chat",
    "text_completion": "complete",
    "completion": "complete",
    "embeddings": "embed",
    "embedding": "embed",
    "rerank": "rerank",
    "reranker": "rerank",
    "llm": "chat",
    "execute_tool": "tool",
    "tool": "tool",
    "invoke_agent": "agent",
    "create_agent": "agent",
    "agent": "agent",
    "retrieval": "search",
    "retriever": "search",
    "guardrail": "guardrail",
    "evaluator": "evaluate",
}
STEP = "step"
_KINDS = ("gen_ai.operation.name", "llm.request.type", "openinference.span.kind", "traceloop.span.kind")
#: Names of providers as instrumentations write them → rows of the provider table.
ROWS = {well_known: row for row, well_known in PROVIDERS.items() if row not in ("bedrock-claude", "bedrock-mantle")} | {
    "aws": "bedrock",
    "amazon": "bedrock",
    "az.ai.openai": "azure-openai",
    "az.ai.inference": "azure-ai",
    "azure": "azure-openai",
    "gcp.gen_ai": "google",
    "gemini": "google",
    "google_genai": "google",
    "vertexai": "vertex-ai",
    "vertex_ai": "vertex-ai",
    "mistralai": "mistral-ai",
    "mistral": "mistral-ai",
    "xai": "x-ai",
    "perplexity": "perplexity-ai",
    "together": "together-ai",
    "together_ai": "together-ai",
    "fireworks": "fireworks-ai",
}
#: Attributes that go into a record's metadata, by the name that they have there.
_METADATA = {
    "user.id": "user_id",
    "enduser.id": "user_id",
    "session.id": "session_id",
    "gen_ai.conversation.id": "conversation_id",
    "gen_ai.agent.name": "agent",
    "gen_ai.agent.id": "agent_id",
    "gen_ai.tool.name": "tool",
    "tool.name": "tool",
    "traceloop.workflow.name": "workflow",
    "traceloop.entity.name": "entity",
}
_MORE = ("traceloop.association.properties.", "metadata.")
_NUMBERED = re.compile(
    r"(?:gen_ai\.(?P<side>prompt|completion)|llm\.(?P<other>input|output)_messages)\.(?P<n>\d{1,4})\.(?:message\.)?(?P<member>.+)"
)
_FINISHES = frozenset(("stop", "length", "tool_calls", "content_filter", "pause"))
_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "tool_call": "tool_calls",
}
_TEXT = 256
_MEMBERS, _LENGTH = 64, 128
#: Messages of one side of a span.
_MESSAGES = 1000


def is_ours(told: Told) -> bool:
    """Whether a span tells of generative AI."""
    return any(name.startswith(_OURS) for name in told.span.attributes)


def flaw_of(told: Told, earliest_us: int, latest_us: int) -> str:
    """Why a span cannot be taken; "": it can. Times are µs since the epoch."""
    span = told.span
    if len(span.trace_id) != 32 or not span.trace_id.strip("0"):
        return "a trace_id has 16 bytes, and is not zero"
    if len(span.span_id) != 16 or not span.span_id.strip("0"):
        return "a span_id has 8 bytes, and is not zero"
    if not earliest_us <= span.start_ns // 1000 <= latest_us:
        return "a span's start is long ago, or in the future"
    if span.end_ns and span.end_ns < span.start_ns:
        return "a span ends before it starts"
    return ""


def record_of(told: Told, whose: str) -> Record:
    """A span as a record, without its cost. The same span is the same record, however often it comes; `whose` tells those of
    others from it."""
    span, said = told.span, told.span.attributes
    digest = blake2b(f"{whose}/{span.trace_id}/{span.span_id}".encode(), digest_size=8).digest()
    time_us = span.start_ns // 1000
    provider = _text(said, _PROVIDER).lower()
    asked, served = _text(said, _MODEL), _text(said, _SERVED)
    status = _count(said, ("http.response.status_code", "http.status_code"))
    failed = span.status == ERROR or "error.type" in said
    record = Record(
        id=new_id(time_us, int.from_bytes(digest, "big") >> 2),
        time_us=time_us,
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_span_id=span.parent_id,
        span_name=span.name[:_TEXT],
        source="span",
        provider=ROWS.get(provider, provider)[:_TEXT],
        operation=_operation(said),
        model_asked=asked,
        model_sent=asked or served,
        model_served=served,
        stream=bool(_first(said, ("gen_ai.request.stream", "llm.is_streaming", "gen_ai.is_streaming"))),
        status=status or (500 if failed else 200),
        outcome="failed" if failed else "ok",
        finish=_finish(said),
        latency_us=max(0, span.end_ns - span.start_ns) // 1000,
        metadata=_metadata(told),
        request=_side(said, "prompt", asked),
        response=_side(said, "completion", served),
    )
    if failed:
        record.error_code, record.error = str(said.get("error.type", ""))[:_TEXT], span.status_message[:2000]
    if isinstance(first_s := said.get("gen_ai.response.time_to_first_chunk"), int | float) and 0 <= first_s < 86_400:
        record.ttft_us = int(first_s * 1e6)
    if any(name in said for _, names in _COUNTS[:2] for name in names):
        record.usage, record.usage_source = _usage(said), "provider"
    return record


def _usage(said: Attributes) -> Usage:
    usage = Usage()
    for member, names in _COUNTS:
        setattr(usage, member, _count(said, names))
    if usage.input < usage.cached + usage.cache_write:  # some count what was cached beside the input, not as a part of it
        usage.input += usage.cached + usage.cache_write
    return usage


def _operation(said: Attributes) -> str:
    for name in _KINDS:
        if (operation := _OPERATIONS.get(str(said.get(name, "")).lower())) is not None:
            return operation
    return STEP


def _finish(said: Attributes) -> str:
    reasons = _first(said, ("gen_ai.response.finish_reasons", "llm.response.finish_reason", "llm.finish_reason"))
    if isinstance(reasons, list):
        reasons = cast("list[Any]", reasons)[0] if reasons else ""
    if not isinstance(reasons, str) or not reasons:
        return ""
    word = _REASONS.get(reasons.lower(), reasons.lower())
    return word if word in _FINISHES else "unknown"


def _metadata(told: Told) -> dict[str, str]:
    found: dict[str, str] = {}
    if service := told.resource.get("service.name"):
        found["service"] = str(service)
    for name, value in told.span.attributes.items():
        known = _METADATA.get(name) or next((name.removeprefix(each) for each in _MORE if name.startswith(each)), "")
        if known and len(found) < _MEMBERS and value not in ("", None):
            found.setdefault(known[:_LENGTH], value if isinstance(value, str) else encode(value).decode())
    return {name: value[:_LENGTH] for name, value in found.items()}


def _side(said: Attributes, side: str, model: str) -> bytes:
    """What was asked ("prompt") or answered ("completion"), as a body; b"" where it is not told."""
    asked = side == "prompt"
    messages = _json(said.get("gen_ai.input.messages" if asked else "gen_ai.output.messages"))
    system = _json(said.get("gen_ai.system_instructions")) if asked else None
    if messages is None:
        messages = _numbered(said, side)
    if messages is None:
        plain = ("input.value", "traceloop.entity.input", "gen_ai.tool.call.arguments", "gen_ai.prompt")
        if not asked:
            plain = ("output.value", "traceloop.entity.output", "gen_ai.tool.call.result", "gen_ai.completion")
        value = _first(said, plain)
        if value is None:
            return b""
        return value.encode("utf-8", "replace") if isinstance(value, str) else encode(value)
    body: dict[str, Any] = {"model": model} if model else {}
    if system is not None:
        body["system"] = system
    return encode({**body, "messages": messages})


def _numbered(said: Attributes, side: str) -> list[dict[str, Any]] | None:
    """Messages whose members are attributes of their own: `gen_ai.prompt.0.role`, `llm.input_messages.0.message.content`."""
    found: dict[int, dict[str, Any]] = {}
    for name, value in said.items():
        match = _NUMBERED.fullmatch(name)
        if match is not None and (match["side"] == side or match["other"] == ("input" if side == "prompt" else "output")):
            found.setdefault(int(match["n"]), {})[match["member"]] = value
    return [found[n] for n in sorted(found)[:_MESSAGES]] or None


def _json(value: Any) -> Any:
    """A structured attribute: a list or object, or the JSON text of one."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return value


def _first(said: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((said[name] for name in names if said.get(name) is not None), None)


def _text(said: Mapping[str, Any], names: Sequence[str]) -> str:
    value = _first(said, names)
    return value[:_TEXT] if isinstance(value, str) else ""


def _count(said: Mapping[str, Any], names: Sequence[str]) -> int:
    value = _first(said, names)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 19:
        value = int(value)
    return int(value) if isinstance(value, int | float) and 0 <= value < 2**53 else 0
