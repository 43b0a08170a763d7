"""Pieces: what repeats in bodies, found cheaply.

Bodies of requests are JSON, and what repeats in them are whole values: the messages of a conversation, its system prompt, its
tools. So a body is cut at the members of its object and at the elements of the arrays within, which a decoder finds without
building anything. A piece is known by its hash; the last hundred thousand or so are remembered. What is forgotten, or met again
after a restart, is kept once more: that costs room, and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

#: A body that is smaller is kept as it is, and so is what is smaller within: a reference costs some bytes, and a look.
BODY, PIECE = 512, 64
#: Pieces that are remembered, in two generations.
_REMEMBERED = 50_000

#: A body as it is, or in parts: bytes, or the place of a piece (a block, and which of its pieces).
Kept = bytes | list[bytes | tuple[int, int]]

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Pieces:
    """Those that a writer has met; and the new ones of the block that is being written."""

    def __init__(self) -> None:
        self._young: dict[bytes, tuple[int, int]] = {}
        self._old: dict[bytes, tuple[int, int]] = {}
        self._new: list[bytes] = []

    def __repr__(self) -> str:
        return f"Pieces({len(self._young) + len(self._old)} remembered)"

    def cut(self, block: int, bodies: Sequence[bytes]) -> list[Kept]:
        """Bodies as they are to be kept in this block."""
        return [body if len(body) < BODY else self._cut(block, body) for body in bodies]

    def take(self) -> list[bytes]:
        """The new pieces of the block, which is complete."""
        new, self._new = self._new, []
        return new

    def _cut(self, block: int, body: bytes) -> Kept:
        parts: list[bytes | tuple[int, int]] = []
        at = 0
        for value in _values(body):
            if len(value) < PIECE:
                continue
            found = body.find(value, at)
            if found < 0:
                continue  # a member that is there twice: the decoder gives its last value at its first place
            if found > at:
                parts.append(body[at:found])
            parts.append(self._place(block, value))
            at = found + len(value)
        if not parts:
            return body
        if at < len(body):
            parts.append(body[at:])
        return parts

    def _place(self, block: int, piece: bytes) -> tuple[int, int]:
        name = hashlib.blake2b(piece, digest_size=16).digest()
        place = self._young.get(name)
        if place is None:
            place = self._old.get(name)
            if place is None:
                place = block, len(self._new)
                self._new.append(piece)
            if len(self._young) >= _REMEMBERED:
                self._young, self._old = {}, self._young
            self._young[name] = place
        return place


def _values(body: bytes) -> Iterator[bytes]:
    """The values of a JSON object in their order, and of an array within it each element; nothing, for what is no object."""
    try:
        for value in _members(body).values():
            raw = bytes(value)
            if raw[:1] == b"[":
                yield from map(bytes, _elements(raw))
            else:
                yield raw
    except (msgspec.DecodeError, RecursionError):
        return
