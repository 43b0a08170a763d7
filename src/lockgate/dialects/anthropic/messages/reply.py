"""Whole answers of the Messages API: read from a provider, written for a caller, and looked over as they pass.

Source: https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Declined, Media, Native, Part, Text, Thinking, ToolCall
from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE, as_any, encode, given
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Choice, Reply
from lockgate.dialects.anthropic.messages.shapes import (
    NAME,
    BlockShape,
    citation_object,
    citation_of,
    finish_of,
    redacted,
    redacted_data,
    signature_of,
    stop_members,
    thought,
    usage_object,
    usage_of,
)
from lockgate.dialects.calls import asked_tool, free_arguments, input_of
from lockgate.dialects.codec import Voice
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.lenient import forgiving

_Object = dict[str, Any]


class _Body(msgspec.Struct):
    type: str | None = None
    id: str | None = None
    model: str | None = None
    content: list[msgspec.Raw] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


class _Passing(msgspec.Struct):
    type: str | None = None
    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_body = msgspec.json.Decoder(_Body, strict=False).decode
_passing = msgspec.json.Decoder(_Passing, strict=False).decode
_block = msgspec.json.Decoder(BlockShape, strict=False).decode


def read_reply(body: bytes) -> Reply | Failure:
    """A provider's answer, canonical; the failure that it states instead, or is when it cannot be read."""
    try:
        shape = forgiving(body, _body)
        if given(shape.error) or shape.type == "error":
            return failure_of(msgspec.json.decode(body), body=body)
        if shape.content is None:
            return unreadable("it has no content", body)
        parts = [part for raw in shape.content if (part := part_of(raw)) is not None]
        usage = usage_of(shape.usage) if given(shape.usage) else None
    except UNREADABLE as error:
        return unreadable(str(error), body)
    return Reply(
        id=shape.id or "",
        model=shape.model or "",
        choices=[Choice(parts, finish_of(shape.stop_reason or "", shape.stop_sequence))],
        usage=usage,
        service_tier=usage.service_tier if usage is not None else "",
    )


def part_of(raw: msgspec.Raw) -> Part | None:
    """A content block, canonical; raises `msgspec.DecodeError`."""
    block = forgiving(raw, _block)
    match block.type:
        case "text":
            citations = [citation_of(each) for each in block.citations or []]
            return Text(block.text or "", citations=citations) if block.text else None
        case "thinking":
            return thought(block.thinking or "", block.signature or "")
        case "redacted_thinking":
            return redacted(block.data or "")
        case "tool_use":
            arguments = bytes(block.input).decode() if given(block.input) else "{}"
            return ToolCall(block.id or "", block.name or "", arguments)
        case kind:
            return Native(NAME, kind or "", raw)


def observe(body: bytes) -> Outcome:
    """What a passing answer says of itself."""
    try:
        shape = forgiving(body, _passing)
        usage = usage_of(shape.usage) if given(shape.usage) else None
        failed = given(shape.error) or shape.type == "error"
        failure = failure_of(msgspec.json.decode(body), body=body) if failed else None
    except UNREADABLE as error:
        return Outcome(failure=unreadable(str(error), body))
    finish = None if shape.stop_reason is None else finish_of(shape.stop_reason, shape.stop_sequence)
    complete = failure is None
    return Outcome(shape.id or "", shape.model or "", usage, finish, failure, begun=complete, complete=complete)


def write_reply(reply: Reply, voice: Voice) -> bytes:
    """An answer for a caller of this API, who asked for one and gets the first."""
    choice = reply.choices[0] if reply.choices else Choice()
    content: list[Any] = []
    for number, part in enumerate(choice.parts):
        content += _blocks(part, f"toolu_{voice.id}_{number}", voice)
    body: _Object = {
        "id": reply.id or f"msg_{voice.id}",
        "type": "message",
        "role": "assistant",
        "model": reply.model or voice.request.model,
        "content": content,
        **stop_members(choice.finish, any(type(part) is ToolCall for part in choice.parts)),
        "usage": usage_object(reply.usage),
    }
    return encode(body)


def _blocks(part: Part, call_id: str, voice: Voice) -> list[Any]:
    """The content blocks of a part of an answer."""
    match part:
        case Text() if part.text:
            citations = [made for each in part.citations if (made := citation_object(each)) is not None]
            text: _Object = {"type": "text", "text": part.text}
            if citations:  # never null, as in the API's own answers: the Vercel AI SDK takes no null here
                text["citations"] = citations
            return [text]
        case Declined() if part.text:
            return [{"type": "text", "text": part.text}]
        case Thinking():
            return [block] if (block := thinking_block(part)) is not None else []
        case ToolCall():
            arguments = free_arguments(part.arguments) if part.custom else part.arguments
            call = {"type": "tool_use", "id": part.id or call_id, "name": name_of(part.name, voice)}
            return [{**call, "input": input_of(arguments)}]
        case Native() if part.dialect == NAME:
            return [as_any(part.raw)]
        case Media() if part.url:
            return [{"type": "text", "text": part.url}]
        case _:
            return []


def thinking_block(part: Thinking) -> _Object | None:
    """Reasoning as a block; None when there is neither text nor proof."""
    if part.redacted:
        return {"type": "redacted_thinking", "data": redacted_data(part)}
    if not part.text and not part.signature:
        return None
    return {"type": "thinking", "thinking": part.text, "signature": signature_of(part)}


def name_of(name: str, voice: Voice) -> str:
    """The name that the caller gave the tool."""
    tool = asked_tool(name, voice.request)
    return name if tool is None else tool.name
