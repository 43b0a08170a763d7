"""stores/logs/pieces: what is cut comes together again, to the byte, and what repeats is kept once."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.stores.logs import pieces as module
from lockgate.stores.logs.pieces import Kept, Pieces


def whole(kept: Kept, found: dict[int, list[bytes]]) -> bytes:
    if isinstance(kept, bytes):
        return kept
    return b"".join(part if isinstance(part, bytes) else found[part[0]][part[1]] for part in kept)


TEXTS = st.text(max_size=200)
VALUES = st.recursive(
    st.none() | st.integers() | TEXTS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4)
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.dictionaries(TEXTS, VALUES, max_size=6), max_size=5), st.booleans())
def test_a_body_that_was_cut_comes_together_again(values: list[dict[str, object]], spaced: bool) -> None:
    bodies = [json.dumps(value, indent=1 if spaced else None).encode() for value in values] * 2
    pieces, found = Pieces(), dict[int, list[bytes]]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BODY", 0)
        patch.setattr(module, "PIECE", 5)
        kept: list[Kept] = []
        for block, body in enumerate(bodies):
            kept += pieces.cut(block, [body])
            found[block] = pieces.take()
    assert [whole(each, found) for each in kept] == bodies


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": "%s", "b": "%s", "a": "%s"}' % (b"x" * 400, b"y" * 400, b"z" * 400),  # a member twice
        b'{"a": ["%s", "%s"]}' % (b"x" * 400, b"x" * 400),
        b'{"b": "%s"' % (b"x" * 900),  # cut short
        b"[" * 900,
        b"data: %s\n\n" % (b"x" * 900),
        random.Random(1).randbytes(900),
        b'{"a": %s}' % (b"[" * 5000 + b"]" * 5000),
    ],
)
def test_what_is_no_plain_object_comes_together_too(body: bytes) -> None:
    pieces = Pieces()
    kept = pieces.cut(1, [body, body])
    found = {1: pieces.take()}
    assert [whole(each, found) for each in kept] == [body, body]


def talk(turns: int) -> list[bytes]:
    draw = random.Random(3)
    messages: list[dict[str, str]] = []
    bodies: list[bytes] = []
    for turn in range(turns):
        messages.append({"role": "assistant" if turn % 2 else "user", "content": draw.randbytes(300).hex()})
        bodies.append(json.dumps({"model": "m", "messages": messages}).encode())
    return bodies


def test_a_conversation_keeps_each_message_once() -> None:
    bodies = talk(20)
    pieces = Pieces()
    for block, body in enumerate(bodies):
        pieces.cut(block, [body])
        assert len(pieces.take()) == 1


def test_what_was_forgotten_is_kept_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_REMEMBERED", 3)
    pieces, found = Pieces(), dict[int, list[bytes]]()
    bodies = talk(20)
    kept: list[Kept] = []
    for block, body in enumerate(bodies):
        kept += pieces.cut(block, [body])
        found[block] = pieces.take()
    assert [whole(each, found) for each in kept] == bodies
    assert sum(map(len, found.values())) > 20
    assert repr(pieces).startswith("Pieces(")
