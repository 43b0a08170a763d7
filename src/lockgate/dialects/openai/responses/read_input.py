"""The input items of a Responses request, read into turns.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from lockgate.core.content import (
    Declined,
    Media,
    MediaKind,
    Native,
    Part,
    Role,
    Text,
    ToolCall,
    ToolResult,
    Turn,
    qualified,
)
from lockgate.core.failure import Refusal
from lockgate.core.json import given, readable
from lockgate.dialects.media import from_url, kind_of_mime, mime_of_name
from lockgate.dialects.openai.responses.shapes import NAME, Kind, ReasoningShape, citation_of, thinking_of
from lockgate.dialects.turns import add

_Content = str | list[msgspec.Raw] | None

#: Items that belong to tools which the provider runs itself, and who says them.
_NATIVE: dict[str, Role] = {
    "additional_tools": "user",
    "agent_message": "assistant",
    "apply_patch_call": "assistant",
    "apply_patch_call_output": "user",
    "code_interpreter_call": "assistant",
    "compaction": "assistant",
    "compaction_trigger": "user",
    "computer_call": "assistant",
    "computer_call_output": "user",
    "configuration_update": "user",
    "context_compaction": "assistant",
    "file_search_call": "assistant",
    "image_generation_call": "assistant",
    "local_shell_call": "assistant",
    "local_shell_call_output": "user",
    "mcp_approval_request": "assistant",
    "mcp_approval_response": "user",
    "mcp_call": "assistant",
    "mcp_list_tools": "assistant",
    "moderation": "assistant",
    "program": "assistant",
    "program_output": "user",
    "shell_call": "assistant",
    "shell_call_output": "user",
    "tool_search_call": "assistant",
    "tool_search_output": "user",
    "web_search_call": "assistant",
}


class _Head(msgspec.Struct):
    type: str | None = None
    role: msgspec.Raw = msgspec.Raw()


class _Message(msgspec.Struct):
    role: Literal["user", "assistant", "system", "developer"]
    content: _Content


class _FunctionCall(msgspec.Struct):
    call_id: str
    name: str
    arguments: str | None = None
    namespace: str | None = None


class _CustomCall(msgspec.Struct):
    call_id: str
    name: str
    input: str | None = None
    namespace: str | None = None


class _CallOutput(msgspec.Struct):
    call_id: str
    output: _Content
    name: str | None = None


class _TextPart(msgspec.Struct):
    text: str
    annotations: list[msgspec.Raw] | None = None
    prompt_cache_breakpoint: msgspec.Raw = msgspec.Raw()


class _RefusalPart(msgspec.Struct):
    refusal: str


class _ImagePart(msgspec.Struct):
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    prompt_cache_breakpoint: msgspec.Raw = msgspec.Raw()


class _FilePart(msgspec.Struct):
    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    detail: str | None = None
    prompt_cache_breakpoint: msgspec.Raw = msgspec.Raw()


class _Audio(msgspec.Struct):
    data: str
    format: str | None = None


class _AudioPart(msgspec.Struct):
    input_audio: _Audio


class Talk(msgspec.Struct):
    """A conversation while it is read: its turns, and the namespaces of tools that the request declares."""

    turns: list[Turn]
    namespaces: set[str]

    def name(self, namespace: str | None, name: str) -> str:
        """A called tool's name here. A tool that was searched for has a namespace too, but is declared without one."""
        return qualified(namespace, name) if namespace and namespace in self.namespaces else name


def read_input(value: str | list[msgspec.Raw], talk: Talk) -> None:
    """Add what the items say to the turns; raises `Refusal` 400 with the path of what is wrong."""
    if isinstance(value, str):
        add(talk.turns, "user", Text(value))
        return
    for index, raw in enumerate(value):
        at = f"input[{index}]"
        head = readable(raw, _Head, at)
        kind = head.type or ("message" if given(head.role) else "")
        if reader := _ITEMS.get(kind):
            reader(raw, at, talk)
        elif role := _NATIVE.get(kind):
            add(talk.turns, role, Native(NAME, kind, raw))
        else:
            raise _unknown_item(kind, at)


def _unknown_item(kind: str, at: str) -> Refusal:
    if kind == "item_reference":
        message = f"'{at}' refers to an item that one provider has stored; send the item itself instead."
        return Refusal(400, "unsupported_member", message, param=at)
    if not kind:
        return Refusal(400, "missing_member", f"'{at}' has neither a 'type' nor a 'role'.", param=f"{at}.type")
    message = f"'{at}.type' is '{kind}', which is no kind of input item known here; message, function_call or reasoning is."
    return Refusal(400, "invalid_value", message, param=f"{at}.type")


def _message(raw: msgspec.Raw, at: str, talk: Talk) -> None:
    item = readable(raw, _Message, at)
    add(talk.turns, item.role, *_content(item.content, f"{at}.content"))


def _function_call(raw: msgspec.Raw, at: str, talk: Talk) -> None:
    item = readable(raw, _FunctionCall, at)
    add(talk.turns, "assistant", ToolCall(item.call_id, talk.name(item.namespace, item.name), item.arguments or ""))


def _custom_call(raw: msgspec.Raw, at: str, talk: Talk) -> None:
    item = readable(raw, _CustomCall, at)
    call = ToolCall(item.call_id, talk.name(item.namespace, item.name), item.input or "", custom=True)
    add(talk.turns, "assistant", call)


def _function_output(raw: msgspec.Raw, at: str, talk: Talk) -> None:
    add(talk.turns, "user", _result(raw, at, talk, custom=False))


def _custom_output(raw: msgspec.Raw, at: str, talk: Talk) -> None:
    add(talk.turns, "user", _result(raw, at, talk, custom=True))


def _result(raw: msgspec.Raw, at: str, talk: Talk, *, custom: bool) -> ToolResult:
    item = readable(raw, _CallOutput, at)
    content: list[Text | Media] = []
    for part in _content(item.output, f"{at}.output"):
        if isinstance(part, Media) or (isinstance(part, Text) and part.text):
            content.append(part)
    return ToolResult(item.call_id, content, name=item.name or _name_of(item.call_id, talk.turns), custom=custom)


def _name_of(call_id: str, turns: list[Turn]) -> str:
    """The tool that a call named, or ""; the last call counts, because some hosts number calls anew in each answer."""
    for turn in reversed(turns):
        for part in reversed(turn.parts):
            if isinstance(part, ToolCall) and part.id == call_id:
                return part.name
    return ""


def _reasoning(raw: msgspec.Raw, at: str, talk: Talk) -> None:
    add(talk.turns, "assistant", thinking_of(readable(raw, ReasoningShape, at)))


_ITEMS: dict[str, Callable[[msgspec.Raw, str, Talk], None]] = {
    "message": _message,
    "function_call": _function_call,
    "function_call_output": _function_output,
    "custom_tool_call": _custom_call,
    "custom_tool_call_output": _custom_output,
    "reasoning": _reasoning,
}


def _content(value: _Content, at: str) -> list[Part]:
    """The parts of a message's content or of a call's output."""
    if value is None:
        return []
    if isinstance(value, str):
        return [Text(value)]
    parts: list[Part] = []
    for index, raw in enumerate(value):
        here = f"{at}[{index}]"
        kind = readable(raw, Kind, here).type
        reader = _PARTS.get(kind or "")
        if reader is None:
            what = f"is '{kind}'" if kind else "is missing"
            message = f"'{here}.type' {what}; input_text, input_image, input_file, output_text or refusal is expected."
            raise Refusal(400, "invalid_value" if kind else "missing_member", message, param=f"{here}.type")
        parts.append(reader(raw, here))
    return parts


def _text(raw: msgspec.Raw, at: str) -> Part:
    part = readable(raw, _TextPart, at)
    citations = [citation_of(annotation) for annotation in part.annotations or []]
    return Text(part.text, cache=_cache(part.prompt_cache_breakpoint), citations=citations)


def _declined(raw: msgspec.Raw, at: str) -> Part:
    return Declined(readable(raw, _RefusalPart, at).refusal)


def _image(raw: msgspec.Raw, at: str) -> Part:
    part = readable(raw, _ImagePart, at)
    if part.image_url:
        media = _from_url(part.image_url, "image", f"{at}.image_url", "")
    elif part.file_id:
        media = Media("image", file_id=part.file_id)
    else:
        raise Refusal(400, "missing_member", f"'{at}' has neither an 'image_url' nor a 'file_id'.", param=at)
    media.detail = part.detail or ""
    media.cache = _cache(part.prompt_cache_breakpoint)
    return media


def _file(raw: msgspec.Raw, at: str) -> Part:
    part = readable(raw, _FilePart, at)
    mime = mime_of_name(part.filename or "")
    if part.file_data:
        # A data URL as documented, or the bare base64 that the API takes as well.
        whole = part.file_data if part.file_data.startswith("data:") else f"data:{mime};base64,{part.file_data}"
        media = _from_url(whole, "file", f"{at}.file_data", mime)
    elif part.file_url:
        media = _from_url(part.file_url, "file", f"{at}.file_url", mime or mime_of_name(part.file_url))
    elif part.file_id:
        media = Media("file", file_id=part.file_id, mime=mime)
    else:
        raise Refusal(400, "missing_member", f"'{at}' has no 'file_data', 'file_url' or 'file_id'.", param=at)
    media.kind = kind_of_mime(media.mime)
    media.name = part.filename or ""
    media.detail = part.detail or ""
    media.cache = _cache(part.prompt_cache_breakpoint)
    return media


def _audio(raw: msgspec.Raw, at: str) -> Part:
    audio = readable(raw, _AudioPart, at).input_audio
    return Media("audio", data=audio.data, mime=mime_of_name(f"x.{audio.format or 'wav'}"))


def _from_url(url: str, kind: MediaKind, at: str, mime: str) -> Media:
    try:
        return from_url(url, kind, mime)
    except ValueError as error:
        raise Refusal(400, "invalid_value", f"'{at}': {error}.", param=at) from None


def _cache(mark: msgspec.Raw) -> str | None:
    """A prompt-cache mark; this dialect's times to live ("30m", "12h") are its own, so the default one is meant."""
    return "" if given(mark) else None


_PARTS: dict[str, Callable[[msgspec.Raw, str], Part]] = {
    "input_text": _text,
    "output_text": _text,
    "text": _text,
    "summary_text": _text,
    "reasoning_text": _text,
    "refusal": _declined,
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}
