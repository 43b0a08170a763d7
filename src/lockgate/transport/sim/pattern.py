"""A text that a regular expression matches, built from the expression's own parts, so that nothing has to be searched.

It uses the parser of Python's `re` (as hypothesis does), and never runs an expression, which may be hostile.
"""

from __future__ import annotations

import re
import re._constants as op  # pyright: ignore[reportMissingImports]
import re._parser as parser  # pyright: ignore[reportMissingImports]
import string
from typing import Any

#: What stands for a class of characters: \d, \w, \s and their opposites.
_CATEGORIES: dict[Any, str] = {
    op.CATEGORY_DIGIT: "1",
    op.CATEGORY_NOT_DIGIT: "a",
    op.CATEGORY_WORD: "a",
    op.CATEGORY_NOT_WORD: "-",
    op.CATEGORY_SPACE: " ",
    op.CATEGORY_NOT_SPACE: "a",
}
_REPEATS = {op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT}
_ENDS = {op.AT_BEGINNING, op.AT_BEGINNING_STRING, op.AT_END, op.AT_END_STRING}
_ALPHABET = string.ascii_lowercase + string.ascii_uppercase + string.digits + string.punctuation + " "


class Unwritable(Exception):
    """No text can be built: the expression is no valid one, looks around itself, or asks for too long a text."""


def matching(pattern: str, least: int, most: int) -> str:
    """A text for `pattern` with `least` to `most` characters, if its repeats allow that; raises `Unwritable`."""
    try:
        tree = parser.parse(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise Unwritable(str(error)) from None
    text = ""
    for repeats in (1, 0, least):
        text = _Build(repeats, most).sequence(tree)
        if least <= len(text) <= most:
            return text
    raise Unwritable(f"it gives {len(text)} characters where {least} to {most} are asked for")


class _Build:
    """One walk through a parsed expression; `repeats` is how often an open repeat is taken, if its bounds let it."""

    def __init__(self, repeats: int, most: int) -> None:
        self._repeats = repeats
        self._left = 2 * most + 64
        self._groups: dict[int, str] = {}

    def sequence(self, nodes: Any) -> str:
        self._left -= 1 + len(nodes)
        if self._left < 0:
            raise Unwritable("it asks for too long a text")
        return "".join(self._node(kind, value) for kind, value in nodes)

    def _node(self, kind: Any, value: Any) -> str:
        if kind in _REPEATS:
            least, most, nodes = value
            return "".join(self.sequence(nodes) for _ in range(max(least, min(most, self._repeats))))
        if kind is op.LITERAL:
            return chr(value)
        if kind is op.NOT_LITERAL:
            return "a" if value != ord("a") else "b"
        if kind is op.ANY:
            return "a"
        if kind is op.IN:
            return _one_of(value)
        if kind is op.BRANCH:
            return self.sequence(value[1][0])
        if kind is op.SUBPATTERN:
            text = self.sequence(value[3])
            self._groups[value[0]] = text
            return text
        if kind is op.ATOMIC_GROUP:
            return self.sequence(value)
        if kind is op.GROUPREF and value in self._groups:
            return self._groups[value]
        if kind is op.AT and value in _ENDS:
            return ""
        raise Unwritable(f"it uses {str(kind).lower()}")


def _one_of(members: Any) -> str:
    """A character of a set such as [a-z_] or [^"]."""
    if members[0][0] is not op.NEGATE:
        return _member(*members[0])
    for letter in _ALPHABET:
        if not any(_contains(kind, value, letter) for kind, value in members[1:]):
            return letter
    raise Unwritable("no usual character is in one of its sets")


def _member(kind: Any, value: Any) -> str:
    if kind is op.RANGE:
        return chr(value[0])
    return _CATEGORIES[value] if kind is op.CATEGORY else chr(value)


def _contains(kind: Any, value: Any, letter: str) -> bool:
    if kind is op.RANGE:
        return value[0] <= ord(letter) <= value[1]
    if kind is op.LITERAL:
        return ord(letter) == value
    return {
        op.CATEGORY_DIGIT: letter.isdigit(),
        op.CATEGORY_NOT_DIGIT: not letter.isdigit(),
        op.CATEGORY_WORD: letter.isalnum() or letter == "_",
        op.CATEGORY_NOT_WORD: not (letter.isalnum() or letter == "_"),
        op.CATEGORY_SPACE: letter.isspace(),
        op.CATEGORY_NOT_SPACE: not letter.isspace(),
    }[value]
