"""The messages and the system prompt of a caller's request, read into turns.

Source: https://platform.claude.com/docs/en/api/messages/create. Blocks that only Anthropic knows (server tools and their
results, containers) stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from lockgate.core.content import Citation, Media, Native, Part, Role, Text, ToolCall, ToolResult, Turn
from lockgate.core.failure import Refusal
from lockgate.core.json import given, readable
from lockgate.core.request import Request
from lockgate.dialects.anthropic.messages.shapes import (
    NAME,
    CacheShape,
    Kind,
    cache_of,
    citation_of,
    redacted,
    thought,
)
from lockgate.dialects.media import from_url, mime_of_name
from lockgate.dialects.turns import add

Content = str | list[msgspec.Raw] | None
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}


class _Message(msgspec.Struct):
    role: str
    content: Content


class _Cached(msgspec.Struct):
    cache_control: CacheShape | None = None


class _TextBlock(_Cached, kw_only=True):
    text: str
    citations: list[msgspec.Raw] | None = None


class _Source(msgspec.Struct):
    type: str
    data: str | None = None
    media_type: str | None = None
    url: str | None = None
    file_id: str | None = None
    content: Content = None


class _CitationsConfig(msgspec.Struct):
    enabled: bool | None = None


class _MediaBlock(_Cached, kw_only=True):
    source: _Source
    title: str | None = None
    context: str | None = None
    citations: _CitationsConfig | None = None


class _SearchResult(_Cached, kw_only=True):
    source: str
    title: str
    content: list[_TextBlock]


class _ThinkingBlock(msgspec.Struct):
    thinking: str
    signature: str | None = None


class _RedactedBlock(msgspec.Struct):
    data: str


class _ToolUse(_Cached, kw_only=True):
    id: str
    name: str
    input: msgspec.Raw


class _ToolResult(_Cached, kw_only=True):
    tool_use_id: str
    content: Content = None
    is_error: bool | None = None


def read_system(value: Content, request: Request) -> list[Turn]:
    """The system prompt as a turn, if there is one; raises `Refusal` 400 with the path of what is wrong."""
    parts = _content(value, "system", request)
    return [Turn("system", parts)] if parts else []


def read_messages(messages: list[msgspec.Raw], request: Request) -> None:
    """Add the turns that the messages make; raises `Refusal` 400 with the path of what is wrong."""
    for index, raw in enumerate(messages):
        at = f"messages[{index}]"
        message = readable(raw, _Message, at)
        role = _ROLES.get(message.role)
        if role is None:
            text = f"'{at}.role' is '{message.role}'; user, assistant or system is expected."
            raise Refusal(400, "invalid_value", text, param=f"{at}.role")
        add(request.turns, role, *_content(message.content, f"{at}.content", request))


def _content(value: Content, at: str, request: Request) -> list[Part]:
    if value is None:
        return []
    if isinstance(value, str):
        return [Text(value)] if value else []
    parts: list[Part] = []
    for index, raw in enumerate(value):
        here = f"{at}[{index}]"
        kind = readable(raw, Kind, here).type
        if not kind:
            text = f"'{here}.type' is missing: say what kind of block it is, as in {{'type': 'text', 'text': …}}."
            raise Refusal(400, "missing_member", text, param=f"{here}.type")
        reader = _BLOCKS.get(kind)
        parts += [Native(NAME, kind, raw)] if reader is None else reader(raw, here, request)
    return parts


def _text(raw: msgspec.Raw, at: str, request: Request) -> list[Part]:
    block = readable(raw, _TextBlock, at)
    return [Text(block.text, cache_of(block.cache_control), _citations(block.citations or [], at))]


def _citations(citations: list[msgspec.Raw], at: str) -> list[Citation]:
    try:
        return [citation_of(citation) for citation in citations]
    except msgspec.ValidationError:
        raise Refusal(400, "invalid_type", f"'{at}.citations' cannot be read.", param=f"{at}.citations") from None


def _image(raw: msgspec.Raw, at: str, request: Request) -> list[Part]:
    block = readable(raw, _MediaBlock, at)
    return _media(block, "image", at, request)


def _document(raw: msgspec.Raw, at: str, request: Request) -> list[Part]:
    block = readable(raw, _MediaBlock, at)
    if block.context:
        request.lose("document.context")
    if block.citations is not None and block.citations.enabled:
        request.lose("document.citations")
    return _media(block, "file", at, request)


def _media(block: _MediaBlock, kind: Literal["image", "file"], at: str, request: Request) -> list[Part]:
    source, here = block.source, f"{at}.source"
    mime = source.media_type or ""
    cache = cache_of(block.cache_control)
    name = block.title or ""
    if source.type == "base64" and source.data is not None:
        return [Media(kind, data=source.data, mime=mime, name=name, cache=cache)]
    if source.type == "url" and source.url is not None:
        try:
            media = from_url(source.url, kind, mime or mime_of_name(source.url))
        except ValueError as error:
            raise Refusal(400, "invalid_value", f"'{here}.url': {error}.", param=f"{here}.url") from None
        media.name, media.cache = name, cache
        return [media]
    if source.type == "file" and source.file_id is not None:
        return [Media(kind, file_id=source.file_id, mime=mime, name=name, cache=cache)]
    if source.type == "text" and source.data is not None:
        if not source.data:
            return []
        return [Media(kind, text=source.data, mime=mime or "text/plain", name=name, cache=cache)]
    if source.type == "content":
        return _content(source.content, f"{here}.content", request)
    member = {"base64": "data", "url": "url", "file": "file_id", "text": "data"}.get(source.type)
    if member is not None:
        raise Refusal(400, "missing_member", f"'{here}.{member}' is missing.", param=f"{here}.{member}")
    text = f"'{here}.type' is '{source.type}'; base64, url, file, text or content is expected."
    raise Refusal(400, "invalid_value", text, param=f"{here}.type")


def _search_result(raw: msgspec.Raw, at: str, request: Request) -> list[Part]:
    """A search result is told as text to models that have no block for it."""
    block = readable(raw, _SearchResult, at)
    said = "\n".join(inner.text for inner in block.content)
    request.lose("search_result.citations")
    return [Text(f"{block.title}\n{block.source}\n{said}", cache_of(block.cache_control))]


def _thinking(raw: msgspec.Raw, at: str, request: Request) -> list[Part]:
    block = readable(raw, _ThinkingBlock, at)
    return [thought(block.thinking, block.signature or "")]


def _redacted(raw: msgspec.Raw, at: str, request: Request) -> list[Part]:
    return [redacted(readable(raw, _RedactedBlock, at).data)]


def _tool_use(raw: msgspec.Raw, at: str, request: Request) -> list[Part]:
    block = readable(raw, _ToolUse, at)
    if not bytes(block.input).startswith(b"{") and given(block.input):
        raise Refusal(400, "invalid_type", f"'{at}.input' must be an object.", param=f"{at}.input")
    arguments = bytes(block.input).decode() if given(block.input) else "{}"
    return [ToolCall(block.id, block.name, arguments, cache=cache_of(block.cache_control))]


def _tool_result(raw: msgspec.Raw, at: str, request: Request) -> list[Part]:
    block = readable(raw, _ToolResult, at)
    content: list[Text | Media] = []
    for part in _content(block.content, f"{at}.content", request):
        if isinstance(part, (Text, Media)):
            content.append(part)
        elif isinstance(part, Native):
            request.lose(f"tool_result.{part.kind}")
    name = next(
        (
            part.name
            for turn in reversed(request.turns)
            for part in turn.parts
            if isinstance(part, ToolCall) and part.id == block.tool_use_id
        ),
        "",
    )
    return [ToolResult(block.tool_use_id, content, name, bool(block.is_error), cache=cache_of(block.cache_control))]


_BLOCKS: dict[str, Callable[[msgspec.Raw, str, Request], list[Part]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
}
