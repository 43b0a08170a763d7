"""The shapes that requests, answers and streams of the Messages API share.

Sources: https://platform.claude.com/docs/en/api/messages and the types of the official SDK (anthropic 2.12).
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Citation, Thinking
from lockgate.core.json import as_any, decode
from lockgate.core.reply import Finish, FinishReason, Usage
from lockgate.dialects.lenient import forgiving
from lockgate.dialects.signature import unwrap, wrap

NAME = "anthropic.messages"


class Kind(msgspec.Struct):
    """What every block, tool and event says first."""

    type: str | None = None


class CacheShape(msgspec.Struct):
    """A prompt-cache mark."""

    ttl: str | None = None


class _CitationShape(msgspec.Struct):
    type: str | None = None
    url: str | None = None
    source: str | None = None
    title: str | None = None
    document_title: str | None = None
    cited_text: str | None = None


class BlockShape(msgspec.Struct):
    """A block of an answer, or its beginning in a stream."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw()
    citations: list[msgspec.Raw] | None = None


class _CacheCreation(msgspec.Struct):
    ephemeral_1h_input_tokens: int | None = None


class _OutputDetails(msgspec.Struct):
    thinking_tokens: int | None = None


class _ServerTools(msgspec.Struct):
    web_search_requests: int | None = None


class UsageShape(msgspec.Struct):
    """Tokens used; in a stream, what came later replaces what came first."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: _CacheCreation | None = None
    output_tokens_details: _OutputDetails | None = None
    server_tool_use: _ServerTools | None = None
    service_tier: str | None = None
    speed: str | None = None


_usage = msgspec.json.Decoder(UsageShape, strict=False).decode

_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
    "pause_turn": "pause",
}
_WORD: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "pause": "pause_turn",
    "unknown": "end_turn",
}


def finish_of(word: str, sequence: str | None) -> Finish:
    """A stop reason, canonical."""
    return Finish(_FINISH.get(word, "unknown"), raw=word, stop_sequence=sequence)


def stop_members(finish: Finish | None, calls: bool) -> dict[str, Any]:
    """Why an answer ended, as the API says it; one that calls tools and stopped says so."""
    sequence = finish.stop_sequence if finish is not None else None
    if finish is None or (calls and finish.reason in ("stop", "unknown")):
        word = "tool_use" if calls else "end_turn"
    else:
        word = "stop_sequence" if finish.reason == "stop" and sequence is not None else _WORD[finish.reason]
    return {"stop_reason": word, "stop_sequence": sequence if word == "stop_sequence" else None}


def usage_of(raw: msgspec.Raw) -> Usage | None:
    """Tokens used, canonical: input counts what was read from and written to the cache.

    None when the account cannot be read; raises `msgspec.DecodeError` for what is no JSON.
    """
    try:
        shape = forgiving(raw, _usage)
    except msgspec.ValidationError:
        return None
    read, written = shape.cache_read_input_tokens or 0, shape.cache_creation_input_tokens or 0
    hour, details, tools = shape.cache_creation, shape.output_tokens_details, shape.server_tool_use
    return Usage(
        input=(shape.input_tokens or 0) + read + written,
        output=shape.output_tokens or 0,
        cached=read,
        cache_write=written,
        cache_write_1h=(hour.ephemeral_1h_input_tokens if hour else None) or 0,
        reasoning=(details.thinking_tokens if details else None) or 0,
        searches=(tools.web_search_requests if tools else None) or 0,
        service_tier="fast" if shape.speed == "fast" else shape.service_tier or "",
        raw=raw.copy(),
    )


def merged(first: msgspec.Raw, last: msgspec.Raw) -> msgspec.Raw:
    """The usage of a stream: what its end says replaces what its beginning said; null replaces nothing."""
    if not bytes(first).startswith(b"{"):
        return last
    if not bytes(last).startswith(b"{"):
        return first
    old = msgspec.json.decode(first, type=dict[str, msgspec.Raw])
    new = msgspec.json.decode(last, type=dict[str, msgspec.Raw])
    old.update({name: value for name, value in new.items() if bytes(value) != b"null"})
    return msgspec.Raw(msgspec.json.encode(old))


def usage_object(usage: Usage | None) -> dict[str, Any]:
    """Tokens used, as an answer states them: `input_tokens` leaves out what the cache read and wrote."""
    known = usage or Usage()
    made: dict[str, Any] = {
        "input_tokens": max(0, known.input - known.cached - known.cache_write),
        "output_tokens": known.output,
        "cache_creation_input_tokens": known.cache_write,
        "cache_read_input_tokens": known.cached,
    }
    if known.cache_write:
        made["cache_creation"] = {
            "ephemeral_5m_input_tokens": max(0, known.cache_write - known.cache_write_1h),
            "ephemeral_1h_input_tokens": known.cache_write_1h,
        }
    if known.reasoning:
        made["output_tokens_details"] = {"thinking_tokens": known.reasoning}
    if known.searches:
        made["server_tool_use"] = {"web_search_requests": known.searches, "web_fetch_requests": 0}
    return made


def citation_of(raw: msgspec.Raw) -> Citation:
    """A citation; raises `msgspec.DecodeError`. The API cites whole blocks, so it begins with the text."""
    shape = decode(raw, _CitationShape)
    title = shape.title or shape.document_title or ""
    source = shape.source if (shape.source or "").startswith(("http://", "https://")) else None
    return Citation(shape.url or source or "", title, shape.cited_text or "", start=0, dialect=NAME, native=raw)


def citation_object(citation: Citation) -> Any | None:
    """A citation as the API states one; None when it names no page (no other kind fits one of another dialect)."""
    if citation.native is not None and citation.dialect == NAME:
        return as_any(citation.native)
    if not citation.url:
        return None
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title or None,
        "cited_text": citation.quote,
        "encrypted_index": "",
    }


def thought(text: str, signature: str) -> Thinking:
    """A thinking block, canonical; another dialect's signature that rode in it is taken out."""
    proof, dialect, item = unwrap(signature, NAME)
    return Thinking(text, proof, dialect=dialect, id=item)


def redacted(data: str) -> Thinking:
    """A redacted thinking block, canonical."""
    proof, dialect, item = unwrap(data, NAME)
    return Thinking(redacted=proof, dialect=dialect, id=item)


def signature_of(part: Thinking) -> str:
    """What goes into a thinking block's signature: the model's own, or another dialect's, wrapped."""
    if part.dialect in ("", NAME):
        return part.signature
    return wrap(part.signature, part.dialect, part.id)


def redacted_data(part: Thinking) -> str:
    """What goes into a redacted thinking block."""
    return part.redacted if part.dialect in ("", NAME) else wrap(part.redacted, part.dialect, part.id)


def cache_of(mark: CacheShape | None) -> str | None:
    """A prompt-cache mark, canonical."""
    return None if mark is None else mark.ttl or ""


def cache_members(mark: str | None) -> dict[str, Any]:
    """A prompt-cache mark; times to live that the API does not have become its default."""
    if mark is None:
        return {}
    return {"cache_control": {"type": "ephemeral", **({"ttl": mark} if mark in ("5m", "1h") else {})}}
