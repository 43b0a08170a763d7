"""The turns of a conversation, written as messages.

A tool's answer is text, or documents that the model can cite one by one; its pictures go into the user's message behind it.
Reasoning carries no proof here: what a chat host told of it is taken like the model's own.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Declined, Media, Native, Part, Text, Thinking, ToolCall, ToolResult, Turn
from lockgate.core.json import as_any, encode, raw
from lockgate.core.request import Request
from lockgate.dialects.calls import aligned, free_arguments, taken_name
from lockgate.dialects.cohere.chat.shapes import NAME, PLAN
from lockgate.dialects.media import data_url, plain_text

_Object = dict[str, Any]

#: Dialects whose reasoning comes back without a signature, from hosts that check none.
_UNSIGNED = (NAME, "openai.chat")
_DETAILS = ("auto", "low", "high")


def messages_of(request: Request, *, thinks: bool) -> list[_Object]:
    """The messages; what they cannot say is noted in `request.losses`. `thinks`: the model knows reasoning in its history."""
    made: list[_Object] = []
    for turn in aligned(request.turns):
        if turn.role == "assistant":
            made += _assistant(turn, request, thinks)
        elif turn.role == "user":
            made += _user(turn, request)
        elif text := _text_of(turn.parts, request):
            made.append({"role": "system", "content": text})
    return made


def _text_of(parts: list[Part], request: Request) -> str:
    """All that is text; instructions know nothing else."""
    content = _content(parts, request)
    if isinstance(content, str):
        return content
    if any(block["type"] != "text" for block in content):
        request.lose("image in system")
    return "\n\n".join(block["text"] for block in content if block["type"] == "text")


def _user(turn: Turn, request: Request) -> list[_Object]:
    """Answers of tools first, then what is said and shown."""
    made: list[_Object] = []
    shown: list[Part] = []
    for part in turn.parts:
        if isinstance(part, ToolResult):
            made.append({"role": "tool", "tool_call_id": taken_name(part.call_id), "content": _answer(part)})
            shown += [inner for inner in part.content if isinstance(inner, Media)]
    shown += [part for part in turn.parts if not isinstance(part, ToolResult)]
    if content := _content(shown, request):
        made.append({"role": "user", "content": content})
    return made


def _answer(result: ToolResult) -> str | list[_Object]:
    """One text as it is (Cohere makes a document of it itself), several as documents."""
    texts = [part.text for part in result.content if isinstance(part, Text) and part.text]
    if result.is_error:
        return encode({"error": "\n".join(texts)}).decode()
    if len(texts) < 2:
        return texts[0] if texts else ""
    return [{"type": "document", "document": {"data": _data(text)}} for text in texts]


def _data(text: str) -> object:
    """What a document holds: its own members when the text is an object."""
    if text.lstrip().startswith("{"):
        try:
            return raw(msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass
    return {"content": text}


def _content(parts: list[Part], request: Request) -> str | list[_Object]:
    """One string when only texts are said, blocks otherwise."""
    made = [block for part in parts if (block := _block(part, request)) is not None]
    if all(block["type"] == "text" for block in made):
        return "\n\n".join(block["text"] for block in made)
    return made


def _block(part: Part, request: Request) -> _Object | None:
    if isinstance(part, (Text, Declined)):
        return {"type": "text", "text": part.text} if part.text else None
    if isinstance(part, Media):
        return _media(part, request)
    if isinstance(part, Native):
        if part.dialect == NAME:
            return as_any(part.raw)
        request.lose(part.kind)
    return None


def _media(media: Media, request: Request) -> _Object | None:
    if media.kind == "image" and not media.file_id:
        image: _Object = {"url": media.url or data_url(media)}
        if media.detail in _DETAILS:
            image["detail"] = media.detail
        return {"type": "image_url", "image_url": image}
    if (text := plain_text(media)) is not None:
        title = f' title="{media.name}"' if media.name else ""
        return {"type": "text", "text": f"<document{title}>\n{text}\n</document>"}
    request.lose(f"{media.kind} by file id" if media.file_id else media.kind)
    return None


def _assistant(turn: Turn, request: Request, thinks: bool) -> list[_Object]:
    message: _Object = {"role": "assistant"}
    texts: list[str] = []
    thoughts: list[str] = []
    plan: list[str] = []
    calls = [_call(part) for part in turn.parts if isinstance(part, ToolCall)]
    for part in turn.parts:
        if isinstance(part, (Text, Declined)):
            texts.append(part.text)
        elif isinstance(part, Thinking):
            if part.text and part.dialect in _UNSIGNED and not part.signature:
                planned = part.id == PLAN or not thinks  # a host's answer tells the plan as reasoning, and so it comes back
                (plan if planned else thoughts).append(part.text)
        elif isinstance(part, Media):
            request.lose(f"{part.kind} of the assistant")
        elif isinstance(part, Native):
            request.lose(part.kind)
    # Texts that cite are pieces of one text; other ones were said one by one.
    cited = any(isinstance(part, Text) and part.citations for part in turn.parts)
    text = ("" if cited else "\n\n").join(filter(None, texts))
    if thoughts:
        message["content"] = [{"type": "thinking", "thinking": thought} for thought in thoughts]
        message["content"] += [{"type": "text", "text": text}] if text else []
    elif text:
        message["content"] = text
    if calls:
        message["tool_calls"] = calls
        if plan:
            message["tool_plan"] = "\n\n".join(plan)
    return [message] if text or thoughts or calls else []


def _call(call: ToolCall) -> _Object:
    arguments = free_arguments(call.arguments) if call.custom else call.arguments.strip() or "{}"
    return {"id": taken_name(call.id), "type": "function", "function": {"name": taken_name(call.name), "arguments": arguments}}
