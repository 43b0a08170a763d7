"""The messages of a caller's request, read into turns."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lockgate.core.content import Media, Part, Role, Text, Thinking, ToolCall, ToolResult, Turn
from lockgate.core.failure import Refusal
from lockgate.core.json import encode, readable
from lockgate.dialects.cohere.chat.shapes import NAME, PLAN, CallShape, call_of
from lockgate.dialects.media import from_url
from lockgate.dialects.turns import add


class _Image(msgspec.Struct):
    url: str
    detail: str | None = None


class _Document(msgspec.Struct):
    data: dict[str, Any] | str
    id: str | None = None


class _Block(msgspec.Struct):
    type: Literal["text", "thinking", "image_url", "document"]
    text: str | None = None
    thinking: str | None = None
    image_url: _Image | None = None
    document: _Document | None = None


class _Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[_Block] | None = None
    tool_call_id: str | None = None
    tool_calls: list[CallShape] | None = None
    tool_plan: str | None = None


def read_messages(messages: list[msgspec.Raw]) -> list[Turn]:
    """The turns that the messages make; raises `Refusal` 400 with the path of what is wrong."""
    turns: list[Turn] = []
    for index, told in enumerate(messages):
        at = f"messages[{index}]"
        message = readable(told, _Message, at)
        if message.role == "tool":
            _answer(message, at, turns)
            continue
        parts = _parts(message, at)
        if message.tool_plan:
            parts.append(Thinking(message.tool_plan, dialect=NAME, id=PLAN))
        for number, each in enumerate(message.tool_calls or []):
            call = call_of(each)
            if call is None:
                raise _missing(f"{at}.tool_calls[{number}].function.name", "name the function")
            parts.append(call)
        role: Role = message.role
        add(turns, role, *parts)
    return turns


def _answer(message: _Message, at: str, turns: list[Turn]) -> None:
    if not message.tool_call_id:
        raise _missing(f"{at}.tool_call_id", "name the call that this answers")
    said = [part for part in _parts(message, at) if isinstance(part, (Text, Media))]
    calls = (part for turn in reversed(turns) for part in turn.parts if isinstance(part, ToolCall))
    name = next((call.name for call in calls if call.id == message.tool_call_id), "")
    add(turns, "user", ToolResult(message.tool_call_id, said, name))


def _parts(message: _Message, at: str) -> list[Part]:
    content = message.content
    if content is None or isinstance(content, str):
        return [Text(content)] if content else []
    return [part for n, block in enumerate(content) if (part := _part(block, f"{at}.content[{n}]")) is not None]


def _part(block: _Block, at: str) -> Part | None:
    if block.type == "thinking":
        return Thinking(block.thinking, dialect=NAME) if block.thinking else None
    if block.type == "text":
        return Text(block.text) if block.text else None
    if block.type == "document":
        if block.document is None:
            raise _missing(f"{at}.document", "give the document as {'data': {…}}")
        data = block.document.data
        return Text(data if isinstance(data, str) else encode(data).decode())
    if block.image_url is None:
        raise _missing(f"{at}.image_url", "give the image as {'url': …}")
    try:
        media = from_url(block.image_url.url, "image")
    except ValueError as error:
        raise Refusal(400, "invalid_value", f"'{at}.image_url.url': {error}.", param=f"{at}.image_url.url") from None
    media.detail = block.image_url.detail or ""
    return media


def _missing(at: str, what: str) -> Refusal:
    return Refusal(400, "missing_member", f"'{at}' is missing: {what}.", param=at)
