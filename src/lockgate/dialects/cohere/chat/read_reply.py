"""A provider's whole answer, read into the canonical one, and looked over as it passes."""

from __future__ import annotations

import msgspec

from lockgate.core.content import Part, Text, Thinking, ToolCall
from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE, as_any, given
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Choice, Finish, Reply
from lockgate.dialects.cohere.chat.error import failed
from lockgate.dialects.cohere.chat.shapes import (
    NAME,
    PLAN,
    BlockShape,
    CallShape,
    CitationShape,
    LogprobShape,
    call_of,
    citations_of,
    finish_of,
    tokens_of,
    usage_of,
)
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.lenient import aside, forgiving


class _Message(msgspec.Struct):
    content: str | list[BlockShape] | None = None
    tool_plan: str | None = None
    tool_calls: list[CallShape] | None = None
    citations: list[msgspec.Raw] | None = None


class _Body(msgspec.Struct):
    id: str | None = None
    message: _Message | str | None = None
    finish_reason: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    logprobs: list[LogprobShape] | None = None


class _Passing(msgspec.Struct):
    id: str | None = None
    message: msgspec.Raw = msgspec.Raw()
    finish_reason: str | None = None
    usage: msgspec.Raw = msgspec.Raw()


_body = msgspec.json.Decoder(_Body, strict=False).decode
_passing = msgspec.json.Decoder(_Passing, strict=False).decode


def read_reply(body: bytes) -> Reply | Failure:
    """The answer, or the `Failure` that it states or, when it cannot be read, is. Answers do not name their model."""
    try:
        shape = forgiving(body, _body)
        message = shape.message
        if not isinstance(message, _Message):
            return unreadable("it has no message", body) if message is None else failure_of({"message": message}, body=body)
        if (failure := failed(shape.finish_reason or "")) is not None:
            return failure
        parts = _parts(message)
        usage = usage_of(shape.usage)
    except UNREADABLE as error:
        return unreadable(str(error), body)
    finish = finish_of(shape.finish_reason or "")
    if finish.reason == "unknown" and any(type(part) is ToolCall for part in parts):
        finish = Finish("tool_calls", raw=finish.raw)
    return Reply(shape.id or "", choices=[Choice(parts, finish, tokens_of(shape.logprobs))], usage=usage)


def _parts(message: _Message) -> list[Part]:
    """What is said, in the order in which it was thought: thinking and text, the plan, the calls."""
    parts: list[Part] = []
    texts: dict[int, Text] = {}  # by the index of the block
    blocks = [BlockShape(text=message.content)] if isinstance(message.content, str) else message.content or []
    for index, block in enumerate(blocks):
        if block.thinking:
            parts.append(Thinking(block.thinking, dialect=NAME))
        if block.text:
            texts[index] = Text(block.text)
            parts.append(texts[index])
    for told in message.citations or []:
        citation = aside(told, CitationShape)
        if citation is not None and citation.of_text and texts:
            text = texts.get(citation.content_index or 0) or next(iter(texts.values()))
            text.citations = [*text.citations, *citations_of(citation)]
    if message.tool_plan:
        parts.append(Thinking(message.tool_plan, dialect=NAME, id=PLAN))
    parts += [call for each in message.tool_calls or [] if (call := call_of(each)) is not None]
    return parts


def observe(body: bytes) -> Outcome:
    """What a passing answer says of itself."""
    try:
        seen = forgiving(body, _passing)
        usage = usage_of(seen.usage)
        stated = given(seen.message) and bytes(seen.message).startswith(b'"')
        failure = failure_of(as_any(body), body=body) if stated else failed(seen.finish_reason or "")
    except UNREADABLE as error:
        return Outcome(failure=unreadable(str(error), body))
    finish = finish_of(seen.finish_reason) if seen.finish_reason and failure is None else None
    return Outcome(seen.id or "", "", usage, finish, failure, begun=failure is None, complete=failure is None)
