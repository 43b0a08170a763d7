"""Decoding a caller's JSON answers with refusals that name the member at fault."""

from __future__ import annotations

import msgspec
import pytest

from lockgate.core.failure import Refusal
from lockgate.core.json import as_any, decode, encode, given, raw, readable


class Inner(msgspec.Struct):
    role: str


class Outer(msgspec.Struct):
    messages: list[Inner] = []
    names: dict[str, int] = {}


@pytest.mark.parametrize(
    ("body", "at", "param"),
    [
        (b'{"messages":[{"role":"a"},{"role":1}]}', "", "messages[1].role"),
        (b'{"messages":[{"role":"a"},{"role":1}]}', "body", "body.messages[1].role"),
        (b'{"messages":[{}]}', "", "messages[0]"),
        (b'{"messages":{}}', "", "messages"),
        (b"[]", "", ""),
        (b"[]", "tools[3]", "tools[3]"),
    ],
)
def test_a_wrong_type_is_refused_with_its_path(body: bytes, at: str, param: str) -> None:
    with pytest.raises(Refusal) as refused:
        readable(body, Outer, at)
    assert (refused.value.status, refused.value.code, refused.value.param) == (400, "invalid_type", param)
    assert f"'{param}'" in refused.value.message or not param


def test_a_list_below_a_named_place_is_joined_without_a_dot() -> None:
    with pytest.raises(Refusal) as refused:
        readable(b"[1]", list[str], "stop")
    assert refused.value.param == "stop[0]"


@pytest.mark.parametrize("body", [b"", b"{", b'{"messages":[{"role":"\xff"}]}', b'{"x":' + b"[" * 5000])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        readable(body, Outer, "tools")
    assert (refused.value.code, refused.value.param) == ("invalid_json", "tools")


def test_a_providers_json_raises_a_decode_error_instead() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode(b'{"messages":1}', Outer)


def test_a_raw_value_says_something_unless_it_is_absent_or_null() -> None:
    assert [given(msgspec.Raw(value)) for value in (b"", b"null", b"0", b"{}")] == [False, False, True, True]


def test_raw_and_as_any_are_inverse() -> None:
    value = {"a": [1, "é", None]}
    assert as_any(raw(value)) == value
    assert encode(raw(value)) == encode(value)
