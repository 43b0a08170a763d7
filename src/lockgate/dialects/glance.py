"""What a glance at a caller's body tells, without reading it: are there tools, are there pictures, who is the end user.

A request that only passes is never read whole, and need not be readable here; so nothing is refused for a member of an odd
type, which simply tells nothing. Sources: the providers' references, as named in each dialect's `read_request`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import msgspec

from lockgate.core.json import readable
from lockgate.core.sheet import Sheet


class Glance(msgspec.Struct, frozen=True):
    """Where one dialect says it. `tools` are members that hold a list of tools; `pictures` looks at what stands in the member
    `talk`; `user` are paths of the end user's name, the best one first."""

    tools: tuple[str, ...]
    talk: str
    pictures: Callable[[object], bool]
    user: tuple[tuple[str, ...], ...] = ()


def has_tools(dialect: str, sheet: Sheet) -> bool:
    """Whether the body offers the model a tool."""
    glance = GLANCES.get(dialect)
    if glance is None:
        return False
    for name in glance.tools:
        raw = sheet.raw(name)
        if raw is not None and bytes(memoryview(raw)[:1]) == b"[" and readable(raw, list[msgspec.Raw], name):
            return True
    return False


def has_images(dialect: str, sheet: Sheet) -> bool:
    """Whether the body has a picture in it. May raise `Refusal` 400 for JSON that cannot be decoded."""
    glance = GLANCES.get(dialect)
    if glance is None or (raw := sheet.raw(glance.talk)) is None:
        return False
    body = sheet.bytes()
    if (
        b"image" not in body and b"\\u00" not in body
    ):  # every dialect has the word somewhere, though it may be spelled in escapes
        return False
    return glance.pictures(readable(raw, object, glance.talk))


def user_of(dialect: str, sheet: Sheet) -> str:
    """The end user that the body names, or ""."""
    glance = GLANCES.get(dialect)
    for path in glance.user if glance is not None else ():
        raw = sheet.raw(path[0])
        value: object = None if raw is None else readable(raw, object, path[0])
        for name in path[1:]:
            value = _member(value, name)
        if isinstance(value, str) and value:
            return value
    return ""


def _each(value: object) -> Iterator[dict[str, object]]:
    """The objects in a list; nothing of what is no list."""
    for each in cast("list[object]", value) if isinstance(value, list) else ():
        if isinstance(each, dict):
            yield cast("dict[str, object]", each)


def _member(value: object, *names: str) -> object:
    """The first of these members that an object has; None otherwise."""
    members = cast("dict[str, object]", value) if isinstance(value, dict) else {}
    return next((members[name] for name in names if name in members), None)


def _typed(parts: object, kind: str) -> bool:
    return any(part.get("type") == kind for part in _each(parts))


def _openai_chat(messages: object) -> bool:
    return any(_typed(message.get("content"), "image_url") for message in _each(messages))


def _openai_responses(items: object) -> bool:
    for item in _each(items):
        if _typed(item.get("content"), "input_image") or _typed(item.get("output"), "input_image"):
            return True
        if _member(item.get("output"), "type") == "computer_screenshot":
            return True
    return False


def _anthropic_messages(messages: object) -> bool:
    for message in _each(messages):
        for block in _each(message.get("content")):
            if block.get("type") == "image" or (block.get("type") == "tool_result" and _typed(block.get("content"), "image")):
                return True
    return False


def _gemini_generate(contents: object) -> bool:
    """Members are in camel case or in snake case: both are read there (https://protobuf.dev/programming-guides/json/)."""
    for content in _each(contents):
        for part in _each(content.get("parts")):
            answer = _member(part, "functionResponse", "function_response")
            if _gemini_blob(part) or any(map(_gemini_blob, _each(_member(answer, "parts")))):
                return True
    return False


def _gemini_blob(part: dict[str, object]) -> bool:
    mime = _member(_member(part, "inlineData", "inline_data", "fileData", "file_data"), "mimeType", "mime_type")
    return isinstance(mime, str) and mime.startswith("image/")


_OPENAI_USER = (("safety_identifier",), ("user",))

#: The dialects in which a model is talked to; the others offer no tools and show no pictures.
GLANCES: dict[str, Glance] = {
    "openai.chat": Glance(("tools", "functions"), "messages", _openai_chat, _OPENAI_USER),
    "openai.responses": Glance(("tools",), "input", _openai_responses, _OPENAI_USER),
    "openai.completions": Glance((), "prompt", lambda _: False, (("user",),)),
    "openai.embeddings": Glance((), "input", lambda _: False, (("user",),)),
    "anthropic.messages": Glance(("tools",), "messages", _anthropic_messages, (("metadata", "user_id"),)),
    "gemini.generate": Glance(("tools",), "contents", _gemini_generate),
    "cohere.chat": Glance(("tools",), "messages", _openai_chat),
}
