import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from lockgate.wire.protobuf import DEPTH, Field, Malformed, Message, from_json, read, to_json, write

NESTED = Message("Nested")
NESTED.define({"name": Field(1, "text"), "inner": Field(2, "message", NESTED), "all": Field(3, "message", NESTED, True)})
ALL = Message(
    "All",
    {
        "text": Field(1, "text"),
        "bytes": Field(2, "bytes"),
        "id": Field(3, "hex"),
        "flag": Field(4, "bool"),
        "count": Field(5, "int"),
        "code": Field(6, "small"),
        "at": Field(7, "fixed64"),
        "bits": Field(8, "fixed32"),
        "sum": Field(9, "double"),
        "zero": Field(10, "int", explicit=True),
        "counts": Field(11, "fixed64", repeated=True),
        "numbers": Field(12, "int", repeated=True),
        "names": Field(300, "text", repeated=True),
        "nested": Field(13, "message", NESTED),
    },
)
TREES = some.fixed_dictionaries(
    {},
    optional={
        "text": some.text(min_size=1),
        "bytes": some.binary(min_size=1),
        "id": some.binary(min_size=1).map(bytes.hex),
        "flag": some.just(True),
        "count": some.integers(-(2**63), 2**63 - 1).filter(bool),
        "code": some.integers(1, 1000),
        "at": some.integers(1, 2**64 - 1),
        "bits": some.integers(1, 2**32 - 1),
        "sum": some.floats(allow_nan=False).filter(bool),
        "zero": some.integers(-5, 5),
        "counts": some.lists(some.integers(0, 2**64 - 1), min_size=1),
        "numbers": some.lists(some.integers(-(2**63), 2**63 - 1), min_size=1),
        "names": some.lists(some.text(), min_size=1),
        "nested": some.fixed_dictionaries({"name": some.text(min_size=1), "all": some.just([{"name": "a"}, {}])}),
    },
)


@given(TREES)
def test_what_is_written_is_read(tree):
    assert read(ALL, write(ALL, tree)) == tree


@given(TREES)
def test_what_is_json_is_read(tree):
    assert from_json(ALL, to_json(ALL, tree)) == tree


@given(some.binary())
def test_whatever_comes_is_read_or_malformed(data):
    try:
        read(ALL, data)
    except Malformed:
        pass


@given(TREES, some.data())
def test_what_is_cut_short_is_never_more_than_it_was(tree, data):
    whole = write(ALL, tree)
    cut = data.draw(some.integers(0, len(whole)))
    try:
        found = read(ALL, whole[:cut])
    except Malformed:
        return
    assert set(found) <= set(tree)


def test_a_field_that_is_not_known_is_skipped():
    later = Message("All", {"text": Field(1, "text"), "new": Field(99, "text"), "newer": Field(98, "fixed32")})
    assert read(ALL, write(later, {"new": "?", "text": "known", "newer": 7})) == {"text": "known"}


def test_zero_is_not_written_unless_it_says_something():
    assert write(ALL, {"text": "", "count": 0, "zero": 0}) == b"\x50\x00"


def test_nesting_has_an_end():
    tree = {"name": "leaf"}
    for _ in range(DEPTH + 1):
        tree = {"inner": tree}
    with pytest.raises(Malformed, match="nested too deeply"):
        read(NESTED, write(NESTED, tree))
    with pytest.raises(Malformed, match="nested too deeply"):
        from_json(NESTED, tree)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x08\x01", "another wire type"),  # field 1 as a number
        (b"\x0a\x05abc", "cut short"),
        (b"\x0a\x01\xff", "no UTF-8"),
        (b"\x0b", "unknown wire type"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "too long"),
        (b"\x02\x00", "number 0"),
        (b"\x5a\x03abc", "cut short"),
    ],
)
def test_what_is_wrong_is_said(data, why):
    with pytest.raises(Malformed, match=why):
        read(ALL, data)


@pytest.mark.parametrize(
    "value",
    [[], {"text": 1}, {"count": "many"}, {"count": True}, {"count": 1.5}, {"id": "xyz"}, {"bytes": "!"}, {"counts": 3}],
)
def test_json_of_another_shape_is_malformed(value):
    with pytest.raises(Malformed):
        from_json(ALL, value)


def test_numbers_may_be_texts_and_texts_numbers_in_json():
    said = {"count": 5, "at": "6", "code": 7, "sum": "NaN", "nested": None}
    found = from_json(ALL, said)
    assert math.isnan(found.pop("sum"))
    assert found == {"count": 5, "at": 6, "code": 7}
    assert to_json(ALL, {"count": 5, "sum": float("-inf"), "code": 7}) == {"count": "5", "sum": "-Infinity", "code": 7}
