"""Tokens as the simulator counts them, and the numbers it draws from a text instead of from chance."""

from __future__ import annotations

import re
from hashlib import blake2b
from itertools import islice

#: A token: up to eight letters of a word or one sign, with the space before it; or a run of spaces.
_TOKEN = re.compile(r"\s?\w{1,8}|\s?[^\w\s]|\s{1,8}")


def tokens(text: str, most: int) -> list[str]:
    """The first `most` tokens of a text; all of them together are the text."""
    return [match[0] for match in islice(_TOKEN.finditer(text), most)]


def count(text: str) -> int:
    """About how many tokens a prompt's text has: one for four characters. It looks at the length only: prompts are long."""
    return (len(text) + 3) // 4


def draw(*parts: object) -> int:
    """A number of 64 bits that depends on the parts alone: what others take from a random generator."""
    return int.from_bytes(blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest(), "big")


def ident(*parts: object) -> str:
    """An id of 24 hexadecimal digits that depends on the parts alone."""
    return blake2b("\0".join(map(str, parts)).encode(), digest_size=12).hexdigest()
