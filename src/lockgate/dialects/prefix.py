"""Prefixes of prompts as they stand in bodies: how many tokens they have, about, and how a mark is put into one of their parts
without a change to any other byte.
"""

from __future__ import annotations

import re

import msgspec

from lockgate.core.sheet import Sheet
from lockgate.policy.estimate import IMAGE

#: A picture or a file in base64: it costs about as much as a picture, however many bytes it has.
_DATA = re.compile(rb'"[A-Za-z0-9+/]{512,}={0,2}"')


class _Turn(msgspec.Struct):
    role: str = ""


def tokens(raw: msgspec.Raw | None) -> int:
    """The tokens of a part of a body, about: four bytes each, but for pictures and files."""
    text = b"" if raw is None else bytes(raw)
    if b'"base64"' not in text and b'"bytes"' not in text:
        return len(text) // 4
    data = [len(match[0]) for match in _DATA.finditer(text)]
    return (len(text) - sum(data)) // 4 + len(data) * IMAGE


def list_of(raw: msgspec.Raw | None) -> list[msgspec.Raw]:
    """The elements of a list; none of anything else. May raise `msgspec.DecodeError`."""
    return msgspec.json.decode(raw, type=list[msgspec.Raw]) if raw is not None and opens(raw, b"[") else []


def members_of(raw: msgspec.Raw | None) -> dict[str, msgspec.Raw]:
    """The members of an object; none of anything else. May raise `msgspec.DecodeError`."""
    return msgspec.json.decode(raw, type=dict[str, msgspec.Raw]) if raw is not None and opens(raw, b"{") else {}


def sizes(turns: list[msgspec.Raw], before: int, least: int) -> list[int]:
    """The tokens of each turn, after so many `before` them; 0 for those where a prefix is long enough already."""
    found: list[int] = []
    for turn in turns:
        found.append(0 if before >= least else tokens(turn))
        before += found[-1]
    return found


def last_of_user(turns: list[msgspec.Raw], most: int = 2) -> list[int]:
    """The numbers of the last turns of the user's, in their order. May raise `msgspec.DecodeError`."""
    found: list[int] = []
    for at in range(len(turns) - 1, -1, -1):
        if len(found) < most and msgspec.json.decode(turns[at], type=_Turn).role == "user":
            found.insert(0, at)
    return found


def opens(raw: msgspec.Raw, begins: bytes) -> bool:
    """Whether a value begins so: b"[" a list, b'"' a text, b"{" an object."""
    return bytes(memoryview(raw)[:1]) == begins


def listed(items: list[msgspec.Raw]) -> msgspec.Raw:
    """A list of these elements, each as it is."""
    return msgspec.Raw(msgspec.json.encode(items))


def with_member(object: msgspec.Raw, name: str, value: bytes) -> msgspec.Raw:
    """An object (that is not empty) with one more member at its end."""
    return msgspec.Raw(b'%b,"%b":%b}' % (bytes(object).rstrip()[:-1].rstrip(), name.encode(), value))


def speaks_of(sheet: Sheet, members: tuple[str, ...], name: str) -> bool:
    """Whether an object anywhere in these members of a body has a member of this name. May raise `msgspec.DecodeError`.

    A text that names it has a backslash before each quote, so it is looked for in the bytes; where a letter is spelled as an
    escape, anything may be meant, and it is looked for in the values.
    """
    needle = b'"%b"' % name.encode()
    for member in members:
        text = bytes(sheet.raw(member) or b"")
        if needle in text or (b"\\u00" in text and _has(msgspec.json.decode(text), name)):
            return True
    return False


def _has(tree: object, name: str) -> bool:
    stack = [tree]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            if name in value:
                return True
            stack += value.values()
        elif isinstance(value, list):
            stack += value
    return False
