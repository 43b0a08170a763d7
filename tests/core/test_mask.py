"""core/mask: what nobody may read is in no log, and everything else is as it was."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.mask import MARK, Mask
from lockgate.core.redact import Redactor

EMAIL = r"[a-z.]+@[a-z.]+"


def test_what_a_pattern_finds_is_taken_out() -> None:
    mask = Mask([EMAIL, r"\b\d{3}-\d{2}-\d{4}\b"])
    assert mask.body(b'{"a": "ask ada@example.org, 123-45-6789"}') == b'{"a": "ask [redacted], [redacted]"}'
    assert not mask.reads


def test_what_has_nothing_of_it_stays_the_same_object() -> None:
    body = b'{"model": "m", "messages": [1]}'
    assert Mask([EMAIL], ["user"]).body(body) is body


@pytest.mark.parametrize(
    ("field", "before", "after"),
    [
        ("user", {"user": "ada", "model": "m"}, {"user": MARK, "model": "m"}),
        ("messages.*.content", {"messages": [{"content": "a"}, {"content": ["b"]}]}, {"messages": [{"content": MARK}] * 2}),
        (
            "messages.*.content",
            {"messages": [{"role": "a"}, 3], "content": "c"},
            {"messages": [{"role": "a"}, 3], "content": "c"},
        ),
        ("metadata.*", {"metadata": {"a": 1, "b": {"c": 2}}}, {"metadata": {"a": MARK, "b": MARK}}),
        ("a.b", {"a": {"b": None}}, {"a": {"b": None}}),
        ("*.b", {"x": {"b": 1}, "y": 2}, {"x": {"b": MARK}, "y": 2}),
    ],
)
def test_a_path_names_members(field: str, before: object, after: object) -> None:
    assert json.loads(Mask(fields=[field]).body(json.dumps(before).encode())) == after


def test_a_member_is_found_however_its_name_is_spelled() -> None:
    assert json.loads(Mask(fields=["user"]).body(b'{"\\u0075ser": "ada"}')) == {"user": MARK}


def test_each_event_of_a_stream_is_read() -> None:
    stream = b'event: x\ndata: {"delta": {"text": "a"}}\n\ndata: {"other": 1}\n\ndata: [DONE]\n\n'
    assert Mask(fields=["delta.text"]).body(stream) == (
        b'event: x\ndata: {"delta":{"text":"[redacted]"}}\n\ndata: {"other": 1}\n\ndata: [DONE]\n\n'
    )


@pytest.mark.parametrize("body", [b'{"user": "ada', b'"user" is ada', b"[" * 5000 + b'"user"', b'{"user": "\xff"}'])
def test_what_cannot_be_read_is_left_out_whole(body: bytes) -> None:
    assert Mask(fields=["user"]).body(body) == MARK.encode()


@given(st.binary())
def test_no_body_is_too_strange(body: bytes) -> None:
    Mask([EMAIL], ["*"]).body(body)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"patterns": ["("]}, "'\\(' is no expression of RE2: "),
        ({"patterns": [""]}, "an empty pattern"),
        ({"patterns": ["a*"]}, "finds nothing at all everywhere"),
        ({"patterns": [r"(a)\1"]}, "is no expression of RE2"),
        ({"fields": ["a..b"]}, "is no path"),
        ({"fields": [""]}, "is no path"),
    ],
)
def test_what_makes_no_sense_is_said(said: dict[str, list[str]], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Mask(**said)


def test_a_redactor_masks_bodies_and_sentences() -> None:
    redactor = Redactor([], Mask([EMAIL], ["user"]))
    assert redactor.reads
    assert redactor(b'{"user": "x", "to": "ada@example.org"}') == b'{"user":"[redacted]","to":"[redacted]"}'
    assert redactor.text('no "user" ada@example.org') == 'no "user" [redacted]'
    assert not Redactor().reads
