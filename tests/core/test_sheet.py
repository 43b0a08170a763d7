"""A sheet edits members of a body without touching the others, and refuses bodies that two readers could read differently."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.failure import Refusal
from lockgate.core.sheet import Sheet

names = st.text(max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
bodies = st.dictionaries(names, values, max_size=6)
styles = st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")])


@given(bodies, styles, st.booleans())
def test_an_unedited_sheet_gives_back_its_very_bytes(body: dict[str, object], style: tuple[str, str], ascii_only: bool) -> None:
    data = json.dumps(body, separators=style, ensure_ascii=ascii_only).encode()
    assert Sheet.open(data).bytes() == data


@given(bodies, styles, st.data())
def test_an_edit_changes_its_member_and_no_other(body: dict[str, object], style: tuple[str, str], data: st.DataObject) -> None:
    sheet = Sheet.open(json.dumps(body, separators=style).encode())
    name = data.draw(names)
    sheet.set(name, 7)
    assert json.loads(sheet.bytes()) == {**body, name: 7}
    sheet.drop(name)
    assert json.loads(sheet.bytes()) == {key: value for key, value in body.items() if key != name}


def test_a_raw_member_keeps_its_spelling_when_another_is_edited() -> None:
    sheet = Sheet.open(b'{"model":"a","n":1.50,"x":{"b": 1,  "a":2e0}}')
    sheet.set("model", "b")
    assert sheet.bytes() == b'{"model":"b","n":1.50,"x":{"b": 1,  "a":2e0}}'


@given(st.lists(st.tuples(names, values), min_size=1, max_size=5), styles, st.booleans(), st.data())
def test_a_member_given_twice_is_refused_in_every_style(
    pairs: list[tuple[str, object]], style: tuple[str, str], ascii_only: bool, data: st.DataObject
) -> None:
    pairs = list(dict(pairs).items())
    again = (data.draw(st.sampled_from(pairs))[0], data.draw(values))
    pairs.insert(data.draw(st.integers(0, len(pairs))), again)
    comma, colon = style
    members = (json.dumps(n, ensure_ascii=ascii_only) + colon + json.dumps(v, ensure_ascii=ascii_only) for n, v in pairs)
    with pytest.raises(Refusal) as refused:
        Sheet.open(("{" + comma.join(members) + "}").encode())
    assert (refused.value.status, refused.value.code, refused.value.param) == (400, "repeated_member", again[0])


def test_a_repeated_member_does_not_hide_behind_a_size_that_fits_by_chance() -> None:
    # Without its first member this compact body is as long as one with spaces would be.
    with pytest.raises(Refusal, match="'a' is given twice"):
        Sheet.open(b'{"a":11,"a":2,"b":1,"c":1,"d":1}')


def test_a_repeated_member_does_not_hide_behind_another_spelling() -> None:
    with pytest.raises(Refusal, match="'model' is given twice"):
        Sheet.open(rb'{"model":"a","mod\u0065l":"b"}')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b'{"a":1',
        b'{"a":1}x',
        b'{"a":01}',
        b'{"a":NaN}',
        b'{"a":"\x01"}',
        b"{'a':1}",
        b'{"a":"\xff"}',
        b'{"a":{"b":"\xc3\x28"}}',
        b'{"a":"\\ud800"}',
        b"\xff\xfe{\x00}\x00",
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"a":' + b'{"b":' * 5000 + b"1" + b"}" * 5000 + b"}",
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        Sheet.open(body)
    assert (refused.value.status, refused.value.code) == (400, "invalid_json")


def test_a_number_of_any_length_in_an_unusual_body_is_no_accident() -> None:
    assert "a" in Sheet.open(b'{  "a":' + b"9" * 5000 + b"}")


@pytest.mark.parametrize("depth", range(900, 1100, 7))
def test_a_deep_unusual_body_is_opened_or_refused(depth: int) -> None:
    try:
        Sheet.open(b'{  "a":' + b"[" * depth + b"]" * depth + b"}")
    except Refusal as refusal:
        assert refusal.code == "invalid_json"


def test_a_member_of_the_wrong_type_is_refused_with_its_path() -> None:
    sheet = Sheet.open(b'{"stop":["a",1]}')
    with pytest.raises(Refusal) as refused:
        sheet.get("stop", list[str])
    assert (refused.value.code, refused.value.param) == ("invalid_type", "stop[1]")


def test_absent_and_null_are_both_none() -> None:
    sheet = Sheet.open(b'{"a":null}')
    assert sheet.get("a", str) is None
    assert sheet.get("b", str) is None
    assert ("a" in sheet, "b" in sheet) == (True, False)


def test_a_renamed_member_goes_to_the_end_and_replaces_none() -> None:
    sheet = Sheet.open(b'{"max_tokens":1,"model":"m"}')
    sheet.rename("max_tokens", "max_completion_tokens")
    assert sheet.bytes() == b'{"model":"m","max_completion_tokens":1}'
    sheet.rename("model", "max_completion_tokens")
    sheet.rename("absent", "other")
    assert sheet.bytes() == b'{"model":"m","max_completion_tokens":1}'


def test_a_copy_of_a_copy_knows_what_was_edited() -> None:
    sheet = Sheet.open(b'{"a":1,"b":2,"c":3}')
    assert sheet.edits() == {}
    copy = sheet.copy()
    copy.set("a", 9)
    copy = copy.copy()
    copy.drop("b")
    copy.rename("c", "d")
    assert {name: raw and bytes(raw) for name, raw in copy.edits().items()} == {"a": b"9", "d": b"3", "b": None, "c": None}
    assert sheet.edits() == {}


def test_a_copy_is_edited_alone() -> None:
    sheet = Sheet.open(b'{"model":"a"}')
    other = sheet.copy()
    other.set("model", "b")
    assert sheet.bytes() == b'{"model":"a"}'
    assert other.bytes() == b'{"model":"b"}'


def test_its_repr_names_members_and_shows_no_value() -> None:
    assert repr(Sheet.open(b'{"key":"secret"}')) == "Sheet(key)"
