"""What an answer says beside its words, both ways: why it ended, what it used, which tokens, what it cites.

Source: https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Citation, TokenLogprob
from lockgate.core.reply import Finish, FinishReason, Usage
from lockgate.dialects.lenient import forgiving
from lockgate.dialects.openai.chat.shapes import NAME, AnnotationShape, LogprobShape, LogprobsShape, UsageShape
from lockgate.dialects.openai.usage import milliseconds

#: Finish reasons of the API, and those that other hosts say instead.
_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "function_call": "tool_calls",
    "eos": "stop",  # Together
    "end_turn": "stop",
    "stop_sequence": "stop",
    "model_length": "length",  # Mistral
    "max_tokens": "length",
    "tool_use": "tool_calls",
    "sensitive": "content_filter",  # z.ai
    "safety": "content_filter",
}
_WORD: dict[FinishReason, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "pause": "stop",
    "unknown": "stop",
}

_usage = msgspec.json.Decoder(UsageShape, strict=False).decode

#: Service tiers that this API knows; another provider's word for one is not repeated.
SERVICE_TIERS = frozenset(("auto", "default", "flex", "scale", "priority", "fast"))


def finish_of(word: str) -> Finish:
    """A finish reason, canonical. Hosts that end with an empty word give `unknown`."""
    return Finish(_FINISH.get(word) or _FINISH.get(word.lower(), "unknown"), raw=word)


def finish_word(finish: Finish | None, calls: bool) -> str:
    """The API's word; an answer that calls tools and stopped says so, whatever its provider calls that."""
    if finish is None or (calls and finish.reason in ("stop", "unknown")):
        return "tool_calls" if calls else "stop"
    return _WORD[finish.reason]


def usage_of(raw: msgspec.Raw, service_tier: str | None = None) -> Usage | None:
    """Tokens used, canonical; None when the account cannot be read. Raises `msgspec.DecodeError` for what is no JSON.
    `service_tier` is what the answer says of it, beside its account."""
    try:
        shape = forgiving(raw, _usage)
    except msgspec.ValidationError:
        return None
    into, out = shape.prompt_tokens_details, shape.completion_tokens_details
    prompt, completion = shape.prompt_tokens or 0, shape.completion_tokens or 0
    reasoning = (out.reasoning_tokens if out else None) or 0
    if reasoning and shape.total_tokens == prompt + completion + reasoning:
        completion += reasoning  # xAI counts reasoning beside the completion, all others inside it
    cached = into.cached_tokens if into else None
    if cached is None:
        cached = shape.prompt_cache_hit_tokens or shape.cached_tokens or shape.num_cached_tokens
    written = (into.cache_write_tokens if into else None) or 0
    return Usage(
        input=prompt,
        output=completion,
        cached=cached or 0,
        cache_write=min(written, max(0, prompt - (cached or 0))),  # OpenRouter has told the same tokens as both
        reasoning=reasoning,
        audio_input=(into.audio_tokens if into else None) or 0,
        audio_output=(out.audio_tokens if out else None) or 0,
        image_input=(into.image_tokens if into else None) or 0,
        image_output=(out.image_tokens if out else None) or 0,
        service_tier=service_tier or "",
        searches=shape.num_search_queries or 0,
        audio_ms=milliseconds(shape.prompt_audio_seconds or 0),
        raw=raw.copy(),
    )


def usage_object(usage: Usage) -> dict[str, Any]:
    """Tokens used, as an answer states them."""
    into: dict[str, int] = {"cached_tokens": usage.cached, "audio_tokens": usage.audio_input}
    if usage.cache_write:
        into["cache_write_tokens"] = usage.cache_write
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": into,
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.audio_output},
    }


def tokens_of(shape: LogprobsShape | None) -> list[TokenLogprob]:
    """Sampled tokens, canonical."""
    if shape is None:
        return []
    return [_token(each) for each in (shape.content or []) + (shape.refusal or [])]


def _token(shape: LogprobShape) -> TokenLogprob:
    top = [TokenLogprob(each.token, each.logprob, each.bytes) for each in shape.top_logprobs or []]
    return TokenLogprob(shape.token, shape.logprob, shape.bytes, top)


def logprobs_object(tokens: list[TokenLogprob]) -> dict[str, Any]:
    """Sampled tokens, as an answer states them."""
    return {
        "content": [{**_logprob(each), "top_logprobs": [_logprob(top) for top in each.top]} for each in tokens],
        "refusal": None,
    }


def _logprob(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": token.logprob, "bytes": token.bytes}


def citation_of(shape: AnnotationShape) -> Citation | None:
    """An annotation as a citation; None when it cites no page."""
    page = shape.url_citation
    if page is None or not page.url:
        return None
    return Citation(page.url, page.title or "", page.content or "", page.start_index, page.end_index, dialect=NAME)


def annotation_object(citation: Citation, offset: int, length: int) -> dict[str, Any] | None:
    """A citation of a text of `length` characters that begins at `offset`; None when it names no page (nothing else fits)."""
    if not citation.url:
        return None
    page: dict[str, Any] = {
        "start_index": offset + (citation.start or 0),
        "end_index": offset + (length if citation.end is None else citation.end),
        "title": citation.title,
        "url": citation.url,
    }
    if citation.quote:
        page["content"] = citation.quote
    return {"type": "url_citation", "url_citation": page}
