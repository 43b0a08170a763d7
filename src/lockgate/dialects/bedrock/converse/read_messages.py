"""The turns of a Converse request, read block by block.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.content import Media, MediaKind, Native, Part, Role, Text, Thinking, ToolCall, ToolResult, Turn
from lockgate.core.failure import Refusal
from lockgate.core.json import given, readable
from lockgate.dialects.bedrock.converse.media import MIME_OF_FORMAT
from lockgate.dialects.bedrock.converse.shapes import NAME, SERVER_TOOL, ReasoningText, native_kind
from lockgate.dialects.bedrock.converse.signing import signed_by
from lockgate.dialects.turns import add


class MessageShape(msgspec.Struct):
    """A turn as it comes."""

    role: Literal["user", "assistant", "system"]
    content: list[msgspec.Raw]


class CachePoint(msgspec.Struct):
    """A mark for the prompt cache on what stands before it."""

    ttl: str | None = None


class _Place(msgspec.Struct):
    uri: str


class _Source(msgspec.Struct, rename="camel"):
    bytes: str | None = None
    s3_location: _Place | None = None
    text: str | None = None


class _Media(msgspec.Struct):
    source: _Source
    format: str | None = None
    name: str | None = None


class _Reasoning(msgspec.Struct, rename="camel"):
    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class _ToolUse(msgspec.Struct, rename="camel"):
    tool_use_id: str
    name: str
    input: msgspec.Raw = msgspec.Raw()
    type: str | None = None


class _ResultBlock(msgspec.Struct):
    text: str | None = None
    json: msgspec.Raw = msgspec.Raw()
    image: _Media | None = None
    document: _Media | None = None
    video: _Media | None = None


class _ToolResult(msgspec.Struct, rename="camel"):
    tool_use_id: str
    content: list[_ResultBlock] | None = None
    status: str | None = None
    type: str | None = None


class _Block(msgspec.Struct, rename="camel"):
    text: str | None = None
    image: _Media | None = None
    document: _Media | None = None
    video: _Media | None = None
    audio: _Media | None = None
    tool_use: _ToolUse | None = None
    tool_result: _ToolResult | None = None
    reasoning_content: _Reasoning | None = None
    cache_point: CachePoint | None = None


#: Blocks that hold media → the canonical kind.
_KINDS: dict[str, MediaKind] = {"image": "image", "document": "file", "video": "video", "audio": "audio"}


def read_system(blocks: list[msgspec.Raw] | None) -> list[Turn]:
    """The system prompt, if there is one."""
    turns: list[Turn] = []
    _read("system", "system", blocks or [], turns)
    return turns


def read_messages(messages: list[MessageShape], turns: list[Turn]) -> None:
    """Add the turns; raises `Refusal` 400 with the path of what is wrong."""
    for index, message in enumerate(messages):
        _read(f"messages[{index}].content", message.role, message.content, turns)


def _read(at: str, role: Role, blocks: list[msgspec.Raw], turns: list[Turn]) -> None:
    parts: list[Part] = []
    for n, raw in enumerate(blocks):
        here = f"{at}[{n}]"
        block = readable(raw, _Block, here)
        if block.cache_point is not None:
            _mark(parts, block.cache_point)
        else:
            parts.append(_part(block, raw, here))
    add(turns, role, *parts)


def _mark(parts: list[Part], point: CachePoint) -> None:
    """A mark that has nothing before it marks nothing."""
    for part in reversed(parts):
        if isinstance(part, (Text, Media, ToolCall, ToolResult)):
            part.cache = point.ttl or ""
            return


def _part(block: _Block, raw: msgspec.Raw, at: str) -> Part:
    if block.text is not None:
        return Text(block.text)
    call, result = block.tool_use, block.tool_result
    if call is not None and call.type != SERVER_TOOL:
        return ToolCall(call.tool_use_id, call.name, bytes(call.input).decode() if given(call.input) else "{}")
    if result is not None and result.type is None:
        content = [
            piece for n, each in enumerate(result.content or []) for piece in _piece(each, f"{at}.toolResult.content[{n}]")
        ]
        return ToolResult(result.tool_use_id, content, is_error=result.status == "error")
    if block.reasoning_content is not None:
        return _thinking(block.reasoning_content)
    for name, kind in _KINDS.items():
        media: _Media | None = getattr(block, name)
        if media is not None:
            return _media(media, kind, f"{at}.{name}")
    kind = native_kind(raw)
    if not kind:
        raise Refusal(
            400, "missing_member", f"'{at}' says nothing: give it a text, an image, a document, a toolUse …", param=at
        )
    return Native(NAME, kind, raw)


def _piece(block: _ResultBlock, at: str) -> list[Text | Media]:
    if block.text is not None:
        return [Text(block.text)]
    if given(block.json):
        return [Text(bytes(block.json).decode())]
    for name in ("image", "document", "video"):
        media: _Media | None = getattr(block, name)
        if media is not None:
            return [_media(media, _KINDS[name], f"{at}.{name}")]
    return []


def _thinking(said: _Reasoning) -> Thinking:
    if said.redacted_content:
        return signed_by("", redacted=said.redacted_content)
    words = said.reasoning_text or ReasoningText()
    return signed_by(words.text or "", words.signature or "")


def _media(media: _Media, kind: MediaKind, at: str) -> Media:
    source = media.source
    made = Media(kind, mime=MIME_OF_FORMAT.get(media.format or "", ""), name=media.name or "")
    if source.bytes:
        made.data = source.bytes
    elif source.s3_location is not None:
        made.url = source.s3_location.uri
    elif source.text is not None:
        made.text = source.text
    else:
        raise Refusal(400, "missing_member", f"'{at}.source' needs bytes, s3Location or text.", param=f"{at}.source")
    return made
