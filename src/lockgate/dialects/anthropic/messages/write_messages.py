"""The turns of a conversation, written as messages and a system prompt.

The API is strict: turns alternate, every call is answered at once, no text is empty, ids are unique, and reasoning comes
back only with the signature that Anthropic gave it. Source: https://platform.claude.com/docs/en/api/messages/create.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from lockgate.core.content import Declined, Media, Native, Part, Text, Thinking, ToolCall, ToolResult, Turn
from lockgate.core.json import as_any
from lockgate.core.request import Request
from lockgate.dialects.anthropic.messages.shapes import NAME, cache_members, citation_object
from lockgate.dialects.calls import CallIds, aligned, free_arguments, input_of, taken_name
from lockgate.dialects.media import mime_of_name, plain_text

_Object = dict[str, Any]

#: Media types of images that the API takes inline, by how their bytes begin (in base64).
_IMAGES = {"iVBORw": "image/png", "/9j/": "image/jpeg", "R0lGOD": "image/gif", "UklGR": "image/webp"}
#: Ids of files that Anthropic stores begin so.
_FILE_IDS = "file_"
#: What the user says when the conversation holds nothing but a system prompt: the API demands a message.
_OPENING = "Begin."


def system_of(turns: list[Turn], request: Request) -> list[_Object]:
    """The system prompt's blocks: what system and developer say, wherever they say it."""
    return [
        block
        for turn in turns
        if turn.role in ("system", "developer")
        for part in turn.parts
        for block in _blocks(part, request)
    ]


def messages_of(turns: list[Turn], request: Request) -> list[_Object]:
    """The messages; what they cannot say is noted in `request.losses`."""
    messages: list[_Object] = []
    ids = CallIds()
    for turn in aligned([turn for turn in turns if turn.role not in ("system", "developer")]):
        if turn.name:
            request.lose("messages.name")
        role = "assistant" if turn.role == "assistant" else "user"
        if role == "assistant":
            ids = CallIds()
        content = [block for part in turn.parts for block in _blocks(part, request, ids)]
        if content and messages and messages[-1]["role"] == role:
            messages[-1]["content"] += content
        elif content:
            messages.append({"role": role, "content": content})
    if not messages:
        return [{"role": "user", "content": _OPENING}]
    _trim(messages[-1])
    for message in messages:
        content = message["content"]
        if len(content) == 1 and content[0].keys() == {"type", "text"}:
            message["content"] = content[0]["text"]
    return messages


def _trim(last: _Object) -> None:
    """Words put into the model's mouth may not end in white space."""
    block = last["content"][-1]
    if last["role"] == "assistant" and block.get("type") == "text":
        block["text"] = block["text"].rstrip()


def _blocks(part: Part, request: Request, ids: CallIds | None = None) -> list[_Object]:
    """The blocks of a part, which are none for what cannot be said here."""
    if isinstance(part, Text):
        return _text(part)
    if isinstance(part, Media):
        return _media(part, request)
    if isinstance(part, Thinking):
        return _thinking(part)
    if isinstance(part, Declined):
        return [{"type": "text", "text": part.text}] if part.text.strip() else []
    if isinstance(part, Native):
        if part.dialect == NAME:
            return [as_any(part.raw)]
        request.lose(part.kind)
        return []
    if ids is None:
        return []
    if isinstance(part, ToolCall):
        arguments = free_arguments(part.arguments) if part.custom else part.arguments
        call = {"type": "tool_use", "id": ids.call(part.id), "name": taken_name(part.name), "input": input_of(arguments)}
        return [call | cache_members(part.cache)]
    return [_result(part, ids, request)]


def _text(part: Text) -> list[_Object]:
    if not part.text.strip():
        return []
    block: _Object = {"type": "text", "text": part.text, **cache_members(part.cache)}
    citations = [made for each in part.citations if each.dialect == NAME and (made := citation_object(each)) is not None]
    if citations:
        block["citations"] = citations
    return [block]


def _thinking(part: Thinking) -> list[_Object]:
    """Reasoning goes back to the maker of its signature and to nobody else."""
    if part.dialect != NAME:
        return []
    if part.redacted:
        return [{"type": "redacted_thinking", "data": part.redacted}]
    return [{"type": "thinking", "thinking": part.text, "signature": part.signature}] if part.signature else []


def _result(part: ToolResult, ids: CallIds, request: Request) -> _Object:
    block: _Object = {"type": "tool_result", "tool_use_id": ids.result(part.call_id)}
    content = [made for inner in part.content for made in _blocks(inner, request)]
    if len(content) == 1 and content[0].keys() == {"type", "text"}:
        block["content"] = content[0]["text"]
    elif content:
        block["content"] = content
    if part.is_error:
        block["is_error"] = True
    return block | cache_members(part.cache)


def _media(media: Media, request: Request) -> list[_Object]:
    source = _source(media, request)
    if source is None:
        return []
    block: _Object = {"type": "image" if media.kind == "image" else "document", "source": source}
    if media.name and media.kind == "file":
        block["title"] = media.name
    return [block | cache_members(media.cache)]


def _source(media: Media, request: Request) -> _Object | None:
    """Where the model finds an image or a document; None for media that the API has no block for."""
    if media.kind in ("audio", "video"):
        request.lose(f"{media.kind} input")
        return None
    if media.file_id:
        if media.file_id.startswith(_FILE_IDS):
            return {"type": "file", "file_id": media.file_id}
        request.lose(f"{media.kind} by id")
        return None
    if media.url:
        return {"type": "url", "url": media.url}
    return _image(media, request) if media.kind == "image" else _document(media, request)


def _image(media: Media, request: Request) -> _Object | None:
    # The bytes tell the type better than the sender, and the API compares the two.
    mime = next((mime for begin, mime in _IMAGES.items() if media.data.startswith(begin)), media.mime)
    if mime not in _IMAGES.values():
        request.lose(f"{mime or 'image'} input")
        return None
    return {"type": "base64", "media_type": mime, "data": media.data}


def _document(media: Media, request: Request) -> _Object | None:
    mime = media.mime or mime_of_name(media.name) or ("application/pdf" if media.data.startswith("JVBERi0") else "")
    if mime == "application/pdf" and media.data:
        return {"type": "base64", "media_type": "application/pdf", "data": media.data}
    text = plain_text(media)
    if text is None and mime in ("application/json", "application/xml", "application/x-yaml"):
        try:
            text = base64.b64decode(media.data, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            text = None
    if text is None:
        request.lose(f"{mime or 'file'} input")
        return None
    return {"type": "text", "media_type": "text/plain", "data": text}
