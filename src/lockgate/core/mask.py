"""What an operator wants nobody to read in the log: whatever a pattern finds in a body, and members of JSON by their paths.

Patterns are expressions of RE2 (https://github.com/google/re2/wiki/Syntax), which take time in proportion to the body,
whatever is written there. A path has the names of members, and `*` for any of them or any element of an array:
`messages.*.content`. It holds in a JSON body, and in each event of a stream. A body in which such a member may stand and that
cannot be read is left out whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any, cast

import msgspec
import re2  # pyright: ignore[reportMissingTypeStubs]

from lockgate.core.json import UNREADABLE, encode

MARK = "[redacted]"
_MARK = MARK.encode()
_DATA, _DONE = b"data:", b"[DONE]"
_QUIET = re2.Options()
_QUIET.log_errors = False  # what is wrong with an expression is told to whoever wrote it


class Redaction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What nobody may read in the log, as it is written down."""

    patterns: list[str] = []
    fields: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.patterns or self.fields)

    def flaws(self) -> Iterator[tuple[str, str]]:
        """What is wrong with it: where ("patterns[0]"), and why."""
        for name in self.__struct_fields__:
            for n, each in enumerate(getattr(self, name)):
                try:
                    Mask(**{name: [each]})
                except ValueError as error:
                    yield f"{name}[{n}]", str(error)

    def mask(self) -> Mask:
        """What takes it out. Raises `ValueError` for what is flawed."""
        return _mask(tuple(self.patterns), tuple(self.fields))


class Mask:
    """Takes it out. Raises `ValueError` for a pattern or a path that is none, with the sentence that says why."""

    __slots__ = ("_fields", "_patterns", "_quick")

    @classmethod
    def joined(cls, masks: Iterable[Mask]) -> Mask:
        """What several take out, at once: members before patterns, which may leave no JSON."""
        both = cls()
        for each in masks:
            both._patterns = both._patterns + each._patterns
            both._fields = both._fields + each._fields
            both._quick = both._quick + each._quick
        return both

    def __init__(self, patterns: Iterable[str] = (), fields: Iterable[str] = ()) -> None:
        self._patterns = [_compiled(pattern) for pattern in patterns]
        self._fields = [_path(field) for field in fields]
        # The last name that is one must stand in a body in which there is something to take out.
        named = [next((name for name in reversed(path) if name != "*"), "") for path in self._fields]
        self._quick = [f'"{name}"'.encode() if name else b"" for name in named]

    def __repr__(self) -> str:
        return f"Mask({len(self._patterns)} patterns, {len(self._fields)} fields)"

    @property
    def reads(self) -> bool:
        """Whether bodies are read as JSON: then they must be whole."""
        return bool(self._fields)

    def text(self, text: bytes) -> bytes:
        """What the patterns leave of it."""
        for pattern in self._patterns:
            text = pattern.sub(_MARK, text)
        return text

    def body(self, body: bytes) -> bytes:
        """What patterns and fields leave of it; the same object when nothing is to be taken out."""
        # A name may be spelled with escapes, and is found only when the body is read.
        if any(quick in body for quick in self._quick) or (self._quick and b"\\u" in body):
            body = self._without_fields(body)
        return self.text(body)

    def _without_fields(self, body: bytes) -> bytes:
        start = body.lstrip()[:1]
        if start in (b"{", b"["):
            return self._masked(body)
        if _DATA in body:
            return b"\n".join(self._event_line(line) for line in body.split(b"\n"))
        return _MARK

    def _event_line(self, line: bytes) -> bytes:
        if not line.startswith(_DATA):
            return line
        said = line.removeprefix(_DATA).strip()
        return line if said[:1] not in (b"{", b"[") or said == _DONE else _DATA + b" " + self._masked(said)

    def _masked(self, body: bytes) -> bytes:
        try:
            value = msgspec.json.decode(body)
        except UNREADABLE:
            return _MARK
        found = False
        for path in self._fields:
            found |= _take_out(value, path)
        return encode(value) if found else body


@lru_cache(maxsize=1024)  # many keys may say the same
def _mask(patterns: tuple[str, ...], fields: tuple[str, ...]) -> Mask:
    return Mask(patterns, fields)


def _take_out(value: Any, path: tuple[str, ...]) -> bool:
    """Take out what stands at a path; whether there was something."""
    name, rest = path[0], path[1:]
    if isinstance(value, list):
        places: Iterable[Any] = range(len(cast("list[Any]", value))) if name == "*" else ()
    elif isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        places = list(members) if name == "*" else [name] if name in members else ()
    else:
        return False
    found = False
    for place in places:
        if rest:
            found |= _take_out(value[place], rest)
        elif value[place] is not None:
            value[place] = MARK
            found = True
    return found


def _compiled(pattern: str) -> Any:
    if not pattern:
        raise ValueError("an empty pattern would find everything")
    try:
        found = re2.compile(pattern.encode(), _QUIET)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    except re2.error as error:  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        said = error.args[0] if error.args else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        words = said.decode("utf-8", "replace") if isinstance(said, bytes) else said  # pyright: ignore[reportUnknownVariableType]
        raise ValueError(f"'{pattern}' is no expression of RE2: {words}") from None
    if found.search(b""):  # pyright: ignore[reportUnknownMemberType]
        raise ValueError(f"'{pattern}' finds nothing at all everywhere")
    return found  # pyright: ignore[reportUnknownVariableType]


def _path(field: str) -> tuple[str, ...]:
    names = tuple(field.split("."))
    if not all(names):
        raise ValueError(f"'{field}' is no path: write names with dots between, as in messages.*.content")
    return names
