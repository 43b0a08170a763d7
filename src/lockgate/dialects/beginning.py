"""What a conversation is known by while it grows: its system prompt, its tools, and all up to the first turn of the user's.

Marks for the prompt cache are left out, as they move along with the conversation, and so is the block that a text becomes when
it has one. A request that goes on from what its provider has stored does not say how it began.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any, cast

import msgspec

from lockgate.core.json import UNREADABLE
from lockgate.core.sheet import Sheet

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="deterministic").encode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Beginning(msgspec.Struct, frozen=True):
    """Where one dialect says it: `head` are members that count whole, `talk` is the list of turns (or a text). `stored` are
    members that refer to what was said before."""

    head: tuple[str, ...]
    talk: str
    stored: tuple[str, ...] = ()


BEGINNINGS: dict[str, Beginning] = {
    "openai.chat": Beginning(("tools", "functions"), "messages"),
    "openai.responses": Beginning(("instructions", "tools"), "input", ("previous_response_id", "conversation")),
    "anthropic.messages": Beginning(("system", "tools"), "messages"),
    "gemini.generate": Beginning(("systemInstruction", "system_instruction", "tools"), "contents"),
    "bedrock.converse": Beginning(("system", "toolConfig"), "messages"),
    "cohere.chat": Beginning(("tools",), "messages"),
}
#: Marks for the prompt cache, in all dialects.
_MARKS = frozenset(("cache_control", "cachePoint", "prompt_cache_breakpoint"))


def beginning_of(dialect: str, sheet: Sheet) -> str:
    """The hash of how a conversation begins, in hexadecimal; "" where the body does not say it."""
    where = BEGINNINGS.get(dialect)
    if where is None or any(bytes(sheet.raw(name) or b"null") != b"null" for name in where.stored):
        return ""
    try:
        opening = _opening(sheet.raw(where.talk))
        if opening is None:
            return ""
        head = [_bare(_decode(raw)) for name in where.head if (raw := sheet.raw(name)) is not None]
        return blake2b(_encode([dialect, head, opening]), digest_size=16).hexdigest()
    except UNREADABLE:
        return ""


def _opening(raw: msgspec.Raw | None) -> object:
    """All up to the first turn of the user's; None where there is none."""
    if raw is None or (text := bytes(raw))[:1] not in b'["':
        return None
    if text[:1] == b'"':
        return _decode(text)
    said: list[object] = []
    for item in _items(text):
        turn = _decode(item)
        said.append(_bare(turn))
        if isinstance(turn, str) or (isinstance(turn, dict) and cast("dict[str, Any]", turn).get("role", "user") == "user"):
            return said
    return None


def _bare(value: Any) -> Any:
    """A value without marks; a list that is one text is that text, as in a dialect where both say the same."""
    if isinstance(value, list):
        items = [_bare(each) for each in cast("list[Any]", value) if not _is_mark(each)]
        alone = items[0] if len(items) == 1 else None
        if isinstance(alone, dict) and cast("dict[str, Any]", alone).keys() == {"type", "text"} and alone["type"] == "text":
            return cast("Any", alone["text"])
        return items
    if isinstance(value, dict):
        return {name: _bare(each) for name, each in cast("dict[str, Any]", value).items() if name not in _MARKS}
    return value


def _is_mark(value: Any) -> bool:
    """A mark that is a block of its own."""
    return isinstance(value, dict) and bool(members := cast("dict[str, Any]", value)) and _MARKS.issuperset(members)
