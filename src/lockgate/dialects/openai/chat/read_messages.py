"""The messages of a caller's chat request, read into turns.

Source: https://platform.openai.com/docs/api-reference/chat/create#chat_create-messages; `video_url` and `cache_control`
are OpenRouter's, `content_blocks` Portkey's (see `blocks`).
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from lockgate.core.content import Declined, Media, MediaKind, Native, Part, Role, Text, Thinking, ToolCall, ToolResult, Turn
from lockgate.core.failure import Refusal
from lockgate.core.json import readable
from lockgate.dialects.anthropic.messages.shapes import NAME as MESSAGES
from lockgate.dialects.lenient import aside, forgiving
from lockgate.dialects.media import from_url, kind_of_mime, mime_of_name
from lockgate.dialects.openai.chat.blocks import citations_of, thinking_of, whole
from lockgate.dialects.openai.chat.shapes import (
    NAME,
    CallShape,
    FunctionShape,
    ImageUrlShape,
    Kind,
    MessageShape,
    PieceShape,
    arguments_text,
)
from lockgate.dialects.openai.chat.thinking import told_by
from lockgate.dialects.turns import add

_message = msgspec.json.Decoder(MessageShape, strict=False).decode
_Content = str | list[msgspec.Raw] | None
_MIME_OF_FORMAT = {"wav": "audio/wav", "mp3": "audio/mpeg"}


class _Head(msgspec.Struct):
    role: str
    content: _Content = None
    name: str | None = None


class _Assistant(msgspec.Struct):
    content: _Content = None
    refusal: str | None = None
    tool_calls: list[CallShape] | None = None
    function_call: FunctionShape | None = None
    content_blocks: msgspec.Raw = msgspec.Raw()


class _ToolMessage(msgspec.Struct):
    tool_call_id: str
    content: _Content = None
    name: str | None = None


class _CacheMark(msgspec.Struct):
    ttl: str | None = None


class _TextPart(msgspec.Struct):
    text: str | None = None
    cache_control: _CacheMark | None = None
    prompt_cache_breakpoint: _CacheMark | None = None


class _ImagePart(_TextPart):
    image_url: str | ImageUrlShape | None = None


class _UrlPart(_TextPart):
    video_url: str | ImageUrlShape | None = None


class _Audio(msgspec.Struct):
    data: str
    format: str | None = None


class _AudioPart(_TextPart):
    input_audio: _Audio | None = None


class _File(msgspec.Struct):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class _FilePart(_TextPart):
    file: _File | None = None


class _RefusalPart(msgspec.Struct):
    refusal: str | None = None


class _ThinkingPart(msgspec.Struct):
    thinking: str | list[PieceShape] | None = None
    signature: str | None = None


def read_messages(messages: list[msgspec.Raw]) -> list[Turn]:
    """The turns that the messages make; raises `Refusal` 400 with the path of what is wrong."""
    turns: list[Turn] = []
    for index, raw in enumerate(messages):
        at = f"messages[{index}]"
        head = readable(raw, _Head, at)
        reader = _ROLES.get(head.role)
        if reader is None:
            expected = "system, developer, user, assistant or tool is expected"
            raise Refusal(400, "invalid_value", f"'{at}.role' is '{head.role}'; {expected}.", param=f"{at}.role")
        reader(raw, head, at, turns)
    return turns


def _say(turns: list[Turn], role: Role, name: str | None, parts: list[Part]) -> None:
    """Add parts to the conversation; who has a name speaks in turns of their own."""
    if not parts:
        return
    last = turns[-1] if turns else None
    if last is not None and last.role == role and last.name != (name or ""):
        turns.append(Turn(role, []))
    add(turns, role, *parts)
    turns[-1].name = name or ""


def _instruct(raw: msgspec.Raw, head: _Head, at: str, turns: list[Turn]) -> None:
    role: Role = "developer" if head.role == "developer" else "system"
    _say(turns, role, head.name, _content(head.content, f"{at}.content"))


def _user(raw: msgspec.Raw, head: _Head, at: str, turns: list[Turn]) -> None:
    _say(turns, "user", head.name, _content(head.content, f"{at}.content"))


def _assistant(raw: msgspec.Raw, head: _Head, at: str, turns: list[Turn]) -> None:
    message = readable(raw, _Assistant, at)
    parts = _said(message, at)
    thoughts, before = told_by(_reasoning(raw, message, at))
    if not any(isinstance(part, Thinking) and part.id != "thinking" for part in parts):  # else it is told already
        parts = [*thoughts, *parts]
    if message.refusal:
        parts.append(Declined(message.refusal))
    for number, call in enumerate(message.tool_calls or []):
        if (signature := before.get(call.id or "")) is not None:
            parts.append(signature)
        parts.append(_call(call, f"{at}.tool_calls[{number}]"))
    if message.function_call is not None and message.function_call.name:  # the calls of 2023
        name = message.function_call.name
        parts.append(ToolCall(_legacy_id(name, turns), name, arguments_text(message.function_call.arguments)))
    _say(turns, "assistant", head.name, parts)


def _said(message: _Assistant, at: str) -> list[Part]:
    """The blocks, when there are some, and the content, unless they hold its text."""
    parts: list[Part] = []
    for index, raw in enumerate(aside(message.content_blocks, list[msgspec.Raw]) or ()):
        block = whole(raw)
        if block is None or block[0] == "tool_use":  # the calls stand in `tool_calls`
            continue
        kind, members = block
        reader = _BLOCKS.get(kind)
        part = Native(MESSAGES, kind, members) if reader is None else reader(members, f"{at}.content_blocks[{index}]")
        if part is not None:
            parts.append(part)
    if any(isinstance(part, Text) for part in parts):
        return parts
    return parts + _content(message.content, f"{at}.content")


def _reasoning(raw: msgspec.Raw, message: _Assistant, at: str) -> MessageShape:
    """The carriers of reasoning; a host's addition that does not look as expected is no reason to refuse a request."""
    try:
        return forgiving(raw, _message)
    except msgspec.ValidationError:
        return MessageShape(tool_calls=message.tool_calls)


def _call(call: CallShape, at: str) -> ToolCall:
    if call.type == "custom" and call.custom is not None:
        if not call.custom.name:
            raise _missing(f"{at}.custom.name", "name the tool")
        return ToolCall(call.id or "", call.custom.name, call.custom.input or "", custom=True)
    if call.function is None or not call.function.name:
        raise _missing(f"{at}.function.name", "name the function")
    return ToolCall(call.id or "", call.function.name, arguments_text(call.function.arguments))


def _tool(raw: msgspec.Raw, head: _Head, at: str, turns: list[Turn]) -> None:
    message = readable(raw, _ToolMessage, at)
    call = _last_call(turns, lambda call: call.id == message.tool_call_id)
    _answer(message.tool_call_id, call, message.content, f"{at}.content", turns)


def _function(raw: msgspec.Raw, head: _Head, at: str, turns: list[Turn]) -> None:
    """The answer to a call of 2023, which has a name and no id."""
    if not head.name:
        raise _missing(f"{at}.name", "name the function that answers")
    call = _last_call(turns, lambda call: call.name == head.name)
    _answer(call.id if call else _legacy_id(head.name, turns), call, head.content, f"{at}.content", turns)


def _answer(call_id: str, call: ToolCall | None, content: _Content, at: str, turns: list[Turn]) -> None:
    said: list[Text | Media] = []
    cache: str | None = None
    for part in _content(content, at):
        if isinstance(part, (Text, Media)):
            said.append(part)
            cache = part.cache if part.cache is not None else cache
    name, custom = (call.name, call.custom) if call else ("", False)
    add(turns, "user", ToolResult(call_id, said, name, custom=custom, cache=cache))


def _last_call(turns: list[Turn], wanted: Callable[[ToolCall], bool]) -> ToolCall | None:
    """The call that an answer belongs to: the last one, because some hosts number calls anew in each answer."""
    for turn in reversed(turns):
        for part in reversed(turn.parts):
            if isinstance(part, ToolCall) and wanted(part):
                return part
    return None


def _legacy_id(name: str, turns: list[Turn]) -> str:
    """An id for a call that has none, unique in the conversation."""
    return f"call_{name}_{sum(isinstance(part, ToolCall) for turn in turns for part in turn.parts)}"


_ROLES: dict[str, Callable[[msgspec.Raw, _Head, str, list[Turn]], None]] = {
    "system": _instruct,
    "developer": _instruct,
    "user": _user,
    "assistant": _assistant,
    "tool": _tool,
    "function": _function,
}


def _content(value: _Content, at: str) -> list[Part]:
    """The parts of a message's content."""
    if value is None:
        return []
    if isinstance(value, str):
        return [Text(value)] if value else []
    parts: list[Part] = []
    for index, raw in enumerate(value):
        here = f"{at}[{index}]"
        kind = readable(raw, Kind, here).type
        if not kind:
            raise _missing(f"{here}.type", "say what kind of part it is, as in {'type': 'text', 'text': …}")
        reader = _PARTS.get(kind)
        part = Native(NAME, kind, raw) if reader is None else reader(raw, here)
        if part is not None:
            parts.append(part)
    return parts


def _text(raw: msgspec.Raw, at: str) -> Text:
    part = readable(raw, _TextPart, at)
    if part.text is None:
        raise _missing(f"{at}.text", "give the text")
    return Text(part.text, cache=_cache(part))


def _image(raw: msgspec.Raw, at: str) -> Part:
    part = readable(raw, _ImagePart, at)
    if part.image_url is None:
        raise _missing(f"{at}.image_url", "give the image as {'url': …}")
    image = ImageUrlShape(part.image_url) if isinstance(part.image_url, str) else part.image_url
    media = _from_url(image.url, "image", f"{at}.image_url.url")
    media.detail = image.detail or ""
    media.cache = _cache(part)
    return media


def _video(raw: msgspec.Raw, at: str) -> Part:
    part = readable(raw, _UrlPart, at)
    if part.video_url is None:
        raise _missing(f"{at}.video_url", "give the video as {'url': …}")
    url = part.video_url if isinstance(part.video_url, str) else part.video_url.url
    media = _from_url(url, "video", f"{at}.video_url.url", mime_of_name(url))
    media.cache = _cache(part)
    return media


def _audio(raw: msgspec.Raw, at: str) -> Part:
    part = readable(raw, _AudioPart, at)
    if part.input_audio is None:
        raise _missing(f"{at}.input_audio", "give the sound as {'data': …, 'format': …}")
    sound = part.input_audio
    mime = _MIME_OF_FORMAT.get(sound.format or "") or (f"audio/{sound.format}" if sound.format else "audio/wav")
    return Media("audio", data=sound.data.rpartition(",")[2], mime=mime, cache=_cache(part))


def _file(raw: msgspec.Raw, at: str) -> Part:
    part = readable(raw, _FilePart, at)
    file = part.file or _File()
    mime = mime_of_name(file.filename or "")
    if file.file_data:
        # A data URL as documented, the bare base64 that the API takes as well, or a page (OpenRouter).
        bare = not file.file_data.startswith(("data:", "http://", "https://"))
        media = _from_url(
            f"data:{mime};base64,{file.file_data}" if bare else file.file_data, "file", f"{at}.file.file_data", mime
        )
        media.mime = media.mime or mime
    elif file.file_id:
        media = Media("file", file_id=file.file_id, mime=mime)
    else:
        raise _missing(f"{at}.file.file_data", "give the file as a data URL, or its 'file_id'")
    media.kind = kind_of_mime(media.mime)
    media.name = file.filename or ""
    media.cache = _cache(part)
    return media


def _declined(raw: msgspec.Raw, at: str) -> Part | None:
    words = readable(raw, _RefusalPart, at).refusal
    return Declined(words) if words else None


def _thinking(raw: msgspec.Raw, at: str) -> Part | None:
    part = readable(raw, _ThinkingPart, at)
    if part.signature:
        return thinking_of(raw)
    inner = part.thinking
    text = "".join(piece.text or "" for piece in inner) if isinstance(inner, list) else inner or ""
    return Thinking(text, dialect=NAME, id="thinking") if text else None


def _block_thinking(raw: msgspec.Raw, at: str) -> Part | None:
    return thinking_of(raw)


def _block_text(raw: msgspec.Raw, at: str) -> Part:
    part = _text(raw, at)
    part.citations = citations_of(raw)
    return part


_PARTS: dict[str, Callable[[msgspec.Raw, str], Part | None]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "image_url": _image,
    "video_url": _video,
    "input_audio": _audio,
    "file": _file,
    "refusal": _declined,
    "thinking": _thinking,
    "redacted_thinking": _block_thinking,
}

#: How content blocks are read: as content, but for what they have from the Messages API.
_BLOCKS = {**_PARTS, "text": _block_text, "thinking": _block_thinking}


def _from_url(url: str, kind: MediaKind, at: str, mime: str = "") -> Media:
    try:
        return from_url(url, kind, mime)
    except ValueError as error:
        raise Refusal(400, "invalid_value", f"'{at}': {error}.", param=at) from None


def _cache(part: _TextPart) -> str | None:
    """A prompt-cache mark: OpenRouter's, or OpenAI's own, whose times to live are other ones (the default is meant)."""
    if part.cache_control is not None:
        return part.cache_control.ttl or ""
    return "" if part.prompt_cache_breakpoint is not None else None


def _missing(at: str, what: str) -> Refusal:
    return Refusal(400, "missing_member", f"'{at}' is missing: {what}.", param=at)
