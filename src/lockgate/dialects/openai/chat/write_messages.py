"""The turns of a conversation, written as chat messages.

A tool's answer may hold only text here, so its pictures and files go into the user's message behind the answers. Texts
without anything else between them are one string, the only form that every compatible host takes.
"""

from __future__ import annotations

from typing import Any

from lockgate.core.content import Declined, Media, Native, Part, Text, Thinking, ToolCall, ToolResult, Turn
from lockgate.core.json import as_any
from lockgate.core.request import Request
from lockgate.dialects.calls import aligned, taken_name
from lockgate.dialects.media import data_url, file_name, plain_text
from lockgate.dialects.openai.chat.shapes import GOOGLE, NAME
from lockgate.dialects.openai.chat.thinking import own_members

_Object = dict[str, Any]

#: What the API takes as sound; other hosts take more, by the ending of the media type.
_FORMAT_OF_MIME = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/wave": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}
#: Ids of files that the provider of this dialect stores begin so; another provider's mean nothing to it.
_FILE_IDS = ("file-", "assistant-")


def messages_of(request: Request) -> list[_Object]:
    """The messages; what they cannot say is noted in `request.losses`."""
    made: list[_Object] = []
    for turn in aligned(request.turns):
        if turn.role == "assistant":
            made += _assistant(turn, request)
        else:
            made += _others(turn, request)
    return made


def _others(turn: Turn, request: Request) -> list[_Object]:
    """A turn of the user or the system: answers of tools first, then what is said."""
    made: list[_Object] = []
    shown: list[Part] = []
    for part in turn.parts:
        if isinstance(part, ToolResult):
            made.append(_answer(part, request))
            shown += [inner for inner in part.content if isinstance(inner, Media)]
    shown += [part for part in turn.parts if not isinstance(part, ToolResult)]
    content = _content(shown, request)
    if content:
        message: _Object = {"role": turn.role, "content": content}
        if turn.name:
            message["name"] = turn.name
        made.append(message)
    return made


def _answer(result: ToolResult, request: Request) -> _Object:
    if result.is_error:
        request.lose("tool_result.is_error")
    text = "\n".join(part.text for part in result.content if isinstance(part, Text))
    return {"role": "tool", "tool_call_id": taken_name(result.call_id), "content": text}


def _content(parts: list[Part], request: Request) -> str | list[_Object]:
    """One string when only texts are said, parts otherwise."""
    made = [shape for part in parts if (shape := _part(part, request)) is not None]
    if all(shape["type"] == "text" for shape in made):
        return "\n\n".join(shape["text"] for shape in made)
    return made


def _part(part: Part, request: Request) -> _Object | None:
    if isinstance(part, Text):
        if part.cache is not None:
            request.lose("cache_control")
        return {"type": "text", "text": part.text} if part.text else None
    if isinstance(part, Media):
        return _media(part, request)
    if isinstance(part, Declined):
        return {"type": "text", "text": part.text}
    if isinstance(part, Native):
        if part.dialect == NAME:
            return as_any(part.raw)
        request.lose(part.kind)
    return None


def _media(media: Media, request: Request) -> _Object | None:
    if media.cache is not None:
        request.lose("cache_control")
    if media.kind == "image" and not media.file_id:
        image: _Object = {"url": media.url or data_url(media)}
        if media.detail:
            image["detail"] = media.detail
        return {"type": "image_url", "image_url": image}
    if media.kind == "audio" and media.data:
        kind = _FORMAT_OF_MIME.get(media.mime) or media.mime.rpartition("/")[2] or "wav"
        return {"type": "input_audio", "input_audio": {"data": media.data, "format": kind}}
    if media.kind == "video" and not media.file_id:
        return {"type": "video_url", "video_url": {"url": media.url or data_url(media)}}
    if (text := plain_text(media)) is not None:
        # The API takes PDF files only; a text says the same to every host.
        title = f' title="{media.name}"' if media.name else ""
        return {"type": "text", "text": f"<document{title}>\n{text}\n</document>"}
    if media.file_id.startswith(_FILE_IDS):
        return {"type": "file", "file": {"file_id": media.file_id}}
    if media.file_id or media.url:
        request.lose(f"{media.kind} by {'id' if media.file_id else 'URL'}")
        return None
    return {"type": "file", "file": {"filename": file_name(media), "file_data": data_url(media)}}


def _assistant(turn: Turn, request: Request) -> list[_Object]:
    texts: list[str] = []
    declined: list[str] = []
    calls: list[_Object] = []
    thoughts: list[Thinking] = []
    google = ""  # a signature for the call after it
    for part in turn.parts:
        if isinstance(part, Text):
            texts.append(part.text)
            if part.cache is not None:
                request.lose("cache_control")
        elif isinstance(part, Thinking):
            if part.dialect == NAME:
                thoughts.append(part)
                google = part.signature if part.id == GOOGLE else google
        elif isinstance(part, ToolCall):
            calls.append(_call(part, google))
            google = ""
        elif isinstance(part, Declined):
            declined.append(part.text)
        elif isinstance(part, Media):
            request.lose(f"{part.kind} of the assistant")
        elif isinstance(part, Native):
            request.lose(part.kind)
    members, opening = own_members(thoughts)
    # Texts that cite are pieces of one text; other ones were said one by one.
    cited = any(isinstance(part, Text) and part.citations for part in turn.parts)
    text = ("" if cited else "\n\n").join(filter(None, texts))
    message: _Object = {"role": "assistant", "content": [*opening, {"type": "text", "text": text}] if opening else text}
    if not text and not opening:
        message["content"] = None
    if turn.name:
        message["name"] = turn.name
    if declined:
        message["refusal"] = "\n\n".join(declined)
    if calls:
        message["tool_calls"] = calls
    message |= members
    return [message] if text or opening or declined or calls else []


def _call(call: ToolCall, signature: str) -> _Object:
    made: _Object = {"id": taken_name(call.id)}
    if call.custom:
        made |= {"type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    else:
        function = {"name": taken_name(call.name), "arguments": call.arguments.strip() or "{}"}
        made |= {"type": "function", "function": function}
    if signature:
        made["extra_content"] = {"google": {"thought_signature": signature}}
    return made
