"""What a span says was asked and answered, as a conversation: messages of parts (the conventions of today), or messages with
`content` and `tool_calls` (those before, and everybody else's).

What is not understood is shown as it is (`Native`), so that nothing is missing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec

from lockgate.core.content import Media, MediaKind, Native, Part, Role, Text, Thinking, ToolCall, ToolResult, Turn
from lockgate.core.json import encode
from lockgate.core.reply import Choice, Finish, FinishReason, Reply
from lockgate.core.request import Request

_Json = dict[str, Any]
_ROLES: dict[str, Role] = {"system": "system", "developer": "developer", "assistant": "assistant", "model": "assistant"}
_MEDIA: dict[str, MediaKind] = {"image": "image", "audio": "audio", "video": "video"}
_FINISHES: dict[str, FinishReason] = {
    "stop": "stop", "end_turn": "stop", "length": "length", "max_tokens": "length", "tool_calls": "tool_calls",
    "tool_call": "tool_calls", "tool_use": "tool_calls", "content_filter": "content_filter",
}  # fmt: skip


def request_of(body: bytes) -> Request | None:
    """What was asked; None where that is no conversation."""
    whole = _object(body)
    if whole is None:
        return None
    turns = [_turn(each) for each in _messages(whole)]
    if (system := whole.get("system")) is not None:
        turns.insert(0, Turn("system", _parts(system)))
    return Request(model=str(whole.get("model", "")), turns=turns)


def reply_of(body: bytes) -> Reply | None:
    """What was answered, likewise."""
    whole = _object(body)
    if whole is None:
        return None
    choices = [Choice(parts=_turn(each).parts, finish=_finish(each)) for each in _messages(whole)]
    return Reply(model=str(whole.get("model", "")), choices=choices)


def _object(body: bytes) -> _Json | None:
    """A body that has messages."""
    try:
        whole = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return cast("_Json", whole) if isinstance(whole, dict) and isinstance(cast("_Json", whole).get("messages"), list) else None


def _messages(whole: _Json) -> list[_Json]:
    return [
        cast("_Json", each) if isinstance(each, dict) else {"content": each} for each in cast("list[Any]", whole["messages"])
    ]


def _turn(message: _Json) -> Turn:
    role = str(message.get("role", ""))
    if "parts" in message:
        parts = _parts(message["parts"])
    elif role == "tool":
        parts = list[Part](
            [ToolResult(str(message.get("id") or message.get("tool_call_id") or ""), _texts(message.get("content")))]
        )
    else:
        parts = _parts(message.get("content")) + [_call(each) for each in _list(message.get("tool_calls"))]
    return Turn(_ROLES.get(role, "user"), parts, name=str(message.get("name", "")))


def _finish(message: _Json) -> Finish | None:
    said = message.get("finish_reason")
    return Finish(_FINISHES.get(str(said).lower(), "unknown")) if said else None


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [] if value is None else [value]


def _parts(content: Any) -> list[Part]:
    return [_part(each) for each in _list(content)]


def _part(part: Any) -> Part:
    if isinstance(part, str):
        return Text(part)
    if isinstance(part, dict):
        told = cast("_Json", part)
        read = _READERS.get(str(told.get("type", "")))
        if read is not None:
            return read(told)
    kind = str(cast("_Json", part).get("type", "")) if isinstance(part, dict) else ""
    return Native("otlp", kind, msgspec.Raw(encode(part)))


def _text(part: _Json) -> Text:
    return Text(_plain(part["content"] if "content" in part else part.get("text", "")))


def _thinking(part: _Json) -> Thinking:
    return Thinking(_plain(part.get("content", part.get("text", ""))))


def _call(part: Any) -> Part:
    if not isinstance(part, dict):
        return Native("otlp", "tool_call", msgspec.Raw(encode(part)))
    told = cast("_Json", part)
    inner = told.get("function")
    function = cast("_Json", inner) if isinstance(inner, dict) else told
    return ToolCall(str(told.get("id") or ""), str(function.get("name", "")), _plain(function.get("arguments", "")))


def _result(part: _Json) -> ToolResult:
    result = next((part[name] for name in ("response", "result", "content") if name in part), "")
    return ToolResult(str(part.get("id") or ""), _texts(result), name=str(part.get("name") or ""))


def _media(part: _Json) -> Media:
    kind = _MEDIA.get(str(part.get("modality", "")), "file")
    mime = str(part.get("mime_type") or "")
    return Media(
        kind,
        data=str(part.get("content") or ""),
        url=str(part.get("uri") or ""),
        file_id=str(part.get("file_id") or ""),
        mime=mime,
    )


def _texts(value: Any) -> list[Text | Media]:
    if isinstance(value, list):
        read = [_part(each) for each in cast("list[Any]", value)]
        if read and all(isinstance(each, Text | Media) for each in read):
            return [each for each in read if isinstance(each, Text | Media)]
    return [Text(_plain(value))]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else encode(value).decode()


_READERS: dict[str, Callable[[_Json], Part]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "reasoning": _thinking,
    "thinking": _thinking,
    "tool_call": _call,
    "tool_call_response": _result,
    "blob": _media,
    "uri": _media,
    "file": _media,
}
