"""A provider's whole Responses answer, read: its output items into parts, or the failure that it states."""

from __future__ import annotations

import msgspec

from lockgate.core.content import Citation, Declined, Native, Part, Text, Thinking, TokenLogprob, ToolCall
from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE, as_any, given
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Choice, Reply, Usage
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.lenient import shaped
from lockgate.dialects.openai.responses.shapes import (
    NAME,
    CallShape,
    ContentShape,
    Incomplete,
    Kind,
    MessageShape,
    ReasoningShape,
    ResponseShape,
    ToolUsage,
    citation_of,
    finish_of,
    searches_of,
    thinking_of,
    tokens_of,
    usage_of,
)


class _Observed(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    service_tier: str | None = None
    incomplete_details: Incomplete | None = None
    error: msgspec.Raw = msgspec.Raw()
    output: list[Kind] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    tool_usage: ToolUsage | None = None


def read_reply(body: bytes) -> Reply | Failure:
    """The answer, or the `Failure` that it states or, when it cannot be read, is."""
    try:
        response = shaped(body, ResponseShape)
        if (failure := failure_in(response.status, response.error)) is not None:
            return failure
        choice = Choice()
        for raw in response.output or []:
            parts, logprobs = item_parts(raw)
            choice.parts += parts
            choice.logprobs += logprobs
        usage = whole_usage(response)
    except UNREADABLE as error:
        return unreadable(str(error), body)
    if response.output is None and response.status is None:
        return unreadable("the answer is no response object", body)
    calls = any(isinstance(part, ToolCall) for part in choice.parts)
    choice.finish = finish_of(response.status or "completed", response.incomplete_details, calls)
    return Reply(
        response.id or "",
        response.model or "",
        int(response.created_at or 0),
        [choice],
        usage,
        response.service_tier or "",
    )


def observe(body: bytes) -> Outcome:
    """What a passing answer says of itself."""
    try:
        seen = shaped(body, _Observed)
        searches = searches_of(seen.tool_usage, [item.type for item in seen.output or []])
        usage = usage_in(seen.usage, seen.service_tier, searches)
        failure = failure_in(seen.status, seen.error)
    except UNREADABLE as error:
        return Outcome(failure=unreadable(str(error), body))
    calls = any(item.type in ("function_call", "custom_tool_call") for item in seen.output or [])
    finish = None if failure else finish_of(seen.status or "completed", seen.incomplete_details, calls)
    return Outcome(seen.id or "", seen.model or "", usage, finish, failure, begun=True, complete=failure is None)


def failure_in(status: str | None, error: msgspec.Raw) -> Failure | None:
    """The failure that a response object states, if it does; raises `msgspec.DecodeError`."""
    if given(error):
        return failure_of({"error": as_any(error)})
    if status == "failed":
        return Failure("server", 502, "The provider's answer failed, and it does not say why.")
    if status == "cancelled":
        return Failure("cut", 502, "The provider's answer was cancelled.")
    return None


def usage_in(raw: msgspec.Raw, service_tier: str | None, searches: int) -> Usage | None:
    """The tokens that a response object states, if it does."""
    usage = usage_of(raw)
    if usage is not None:
        usage.service_tier, usage.searches = service_tier or "", searches
    return usage


def whole_usage(response: ResponseShape) -> Usage | None:
    """What a response object says it used; raises `msgspec.DecodeError`."""
    kinds = [shaped(item, Kind).type for item in response.output or []]
    return usage_in(response.usage, response.service_tier, searches_of(response.tool_usage, kinds))


def item_parts(raw: msgspec.Raw) -> tuple[list[Part], list[TokenLogprob]]:
    """An output item as parts, with the log probabilities of its text; raises `msgspec.DecodeError`."""
    kind = shaped(raw, Kind).type or ""
    if kind == "message":
        parts: list[Part] = []
        logprobs: list[TokenLogprob] = []
        for content in shaped(raw, MessageShape).content or []:
            parts.append(content_part(content))
            logprobs += tokens_of(content.logprobs or [])
        return parts, logprobs
    if kind in ("function_call", "custom_tool_call"):
        return [call_part(shaped(raw, CallShape))], []
    if kind == "reasoning":
        thinking = thinking_part(shaped(raw, ReasoningShape))
        return [thinking] if thinking.text or thinking.signature else [], []
    return [Native(NAME, kind, raw)], []


def content_part(content: ContentShape) -> Part:
    """A part of a message; raises `msgspec.DecodeError`."""
    if content.type == "refusal":
        return Declined(content.refusal or "")
    citations: list[Citation] = [citation_of(raw) for raw in content.annotations or []]
    return Text(content.text or "", citations=citations)


def call_part(item: CallShape) -> ToolCall:
    """A tool call; the item's own id stands in where a host gives no call id."""
    return ToolCall(item.call_id or item.id or "", item.name or "", item.text, custom=item.type == "custom_tool_call")


def thinking_part(item: ReasoningShape) -> Thinking:
    """A reasoning item of this provider, whose encrypted content is its own even when it looks wrapped."""
    thinking = thinking_of(item)
    if thinking.dialect != NAME:
        thinking = Thinking(thinking.text, item.encrypted_content or "", summary=thinking.summary)
    thinking.dialect, thinking.id = NAME, item.id or ""
    return thinking
