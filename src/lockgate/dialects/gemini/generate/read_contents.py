"""The turns of a generateContent request, read part by part.

Calls need no ids in this dialect: a result then answers the first call of its name that has no answer yet, and the call gets
an id by its place in the conversation.

Source: https://ai.google.dev/api/caching#Content
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.content import Media, Native, Part, Text, Thinking, ToolCall, ToolResult, Turn
from lockgate.core.failure import Refusal
from lockgate.core.json import given, readable
from lockgate.dialects.gemini.generate.shapes import NAME, Blob, FileData, media_part
from lockgate.dialects.gemini.generate.signing import signed_by
from lockgate.dialects.media import from_url, kind_of_mime, mime_of_name
from lockgate.dialects.turns import add


class ContentShape(msgspec.Struct):
    """A turn as it comes."""

    parts: list[msgspec.Raw] | None = None
    role: Literal["user", "model", "function", "system", ""] | None = None


class _Call(msgspec.Struct):
    name: str
    id: str | None = None
    args: dict[str, msgspec.Raw] | None = None


class _ResultPart(msgspec.Struct, rename="camel"):
    inline_data: Blob | None = None
    file_data: FileData | None = None


class _Result(msgspec.Struct):
    name: str
    id: str | None = None
    response: msgspec.Raw = msgspec.Raw()
    parts: list[_ResultPart] | None = None


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None
    function_call: _Call | None = None
    function_response: _Result | None = None


class _Said(msgspec.Struct):
    """The one member of a result that is nothing but text."""

    output: str | None = None
    result: str | None = None
    error: str | None = None


#: Parts that only this dialect knows.
_NATIVE = ("executableCode", "codeExecutionResult", "toolCall", "toolResponse")


def read_contents(contents: list[ContentShape], turns: list[Turn], at: str = "") -> None:
    """Add the turns; raises `Refusal` 400 with the path of what is wrong."""
    open_calls: list[ToolCall] = []
    numbered = 0
    for index, content in enumerate(contents):
        here = at or f"contents[{index}]"
        role = "assistant" if content.role == "model" else "user"
        for n, raw in enumerate(content.parts or []):
            place = f"{here}.parts[{n}]"
            shape = readable(raw, _Part, place)
            if shape.function_call is not None:
                numbered += 1
                call = _call(shape.function_call, numbered)
                open_calls.append(call)
                parts: list[Part] = [*_proof(shape), call]
            elif shape.function_response is not None:
                parts = [_result(shape.function_response, open_calls, place)]
            else:
                parts = _said(shape, raw, place)
            add(turns, role, *parts)


def _proof(shape: _Part) -> list[Part]:
    return [signed_by(shape.thought_signature)] if shape.thought_signature else []


def _call(call: _Call, number: int) -> ToolCall:
    arguments = msgspec.json.encode(call.args or {}).decode()
    return ToolCall(call.id or f"call_{number}", call.name, arguments)


def _result(result: _Result, open_calls: list[ToolCall], at: str) -> ToolResult:
    answered = next((call for call in open_calls if call.id == result.id), None) if result.id else None
    answered = answered or next((call for call in open_calls if call.name == result.name), None)
    if answered is not None:
        open_calls.remove(answered)
    call_id = answered.id if answered is not None else result.id or result.name
    text, is_error = _response(result.response, f"{at}.functionResponse.response")
    content: list[Text | Media] = [Text(text)] if text else []
    for n, part in enumerate(result.parts or []):
        if part.inline_data is not None:
            content.append(media_part(part.inline_data))
        elif part.file_data is not None:
            content.append(_file(part.file_data, f"{at}.functionResponse.parts[{n}].fileData"))
    return ToolResult(call_id, content, name=result.name, is_error=is_error)


def _response(raw: msgspec.Raw, at: str) -> tuple[str, bool]:
    """A result's text: the documented keys alone mean what they hold, anything else is JSON."""
    if not given(raw):
        return "", False
    members = readable(raw, dict[str, msgspec.Raw], at)
    if len(members) == 1:
        try:
            said = msgspec.json.decode(raw, type=_Said)
        except msgspec.ValidationError:
            said = _Said()
        for text, is_error in ((said.output, False), (said.result, False), (said.error, True)):
            if text is not None:
                return text, is_error
    return bytes(raw).decode() if members else "", False


def _said(shape: _Part, raw: msgspec.Raw, at: str) -> list[Part]:
    if shape.text is not None:
        if shape.thought:
            return [signed_by(shape.thought_signature or "", shape.text)]
        return [*_proof(shape), Text(shape.text)] if shape.text else _proof(shape)
    if shape.inline_data is not None:
        return [*_proof(shape), media_part(shape.inline_data)]
    if shape.file_data is not None:
        return [*_proof(shape), _file(shape.file_data, f"{at}.fileData")]
    members = readable(raw, dict[str, msgspec.Raw], at)
    kind = next((name for name in _NATIVE if name in members), "")
    if kind:
        return [Native(NAME, kind, raw)]
    if shape.thought_signature or shape.thought:
        return [signed_by(shape.thought_signature)] if shape.thought_signature else [Thinking(dialect=NAME)]
    message = f"'{at}' says nothing: give it a text, inlineData, fileData, functionCall or functionResponse."
    raise Refusal(400, "missing_member", message, param=at)


def _file(data: FileData, at: str) -> Media:
    mime = data.mime_type or mime_of_name(data.file_uri)
    try:
        media = from_url(data.file_uri, kind_of_mime(mime, "image"), mime)
    except ValueError as error:
        raise Refusal(400, "invalid_value", f"'{at}.fileUri': {error}.", param=f"{at}.fileUri") from None
    media.name = data.display_name or ""
    return media
