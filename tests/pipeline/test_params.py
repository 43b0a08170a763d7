import json

import msgspec
import pytest

from lockgate.core.sheet import Sheet
from lockgate.pipeline.params import NO_CHANGES, Changes, read_drop


def made(body, *, defaults=None, overrides=None, drops=()):
    raw = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in (defaults or {}).items()}
    over = {name: msgspec.Raw(json.dumps(value).encode()) for name, value in (overrides or {}).items()}
    changes = Changes(raw, over, tuple(map(read_drop, drops)))
    sheet = Sheet.open(json.dumps(body).encode())
    changes.make(sheet)
    return json.loads(sheet.bytes())


BODY = {
    "user": "u",
    "messages": [{"role": "user", "name": "a", "tags": ["x", "y"]}, {"role": "user"}],
    "metadata": {"a.b": 1, "c": {"d": 2, "e": 3}},
}


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("user", {**BODY, "user": ...}),
        ("absent", BODY),
        ("absent.deeper", BODY),
        ("messages[*].name", {**BODY, "messages": [{"role": "user", "tags": ["x", "y"]}, {"role": "user"}]}),
        ("messages[0]", {**BODY, "messages": [{"role": "user"}]}),
        ("messages[-1]", {**BODY, "messages": BODY["messages"][:1]}),
        ("messages[7]", BODY),
        ("messages[0].tags[1]", {**BODY, "messages": [{"role": "user", "name": "a", "tags": ["x"]}, {"role": "user"}]}),
        ("messages[*]", {**BODY, "messages": []}),
        ("messages.name", BODY),
        ("messages[0].role.deeper", BODY),
        ('metadata["a.b"]', {**BODY, "metadata": {"c": {"d": 2, "e": 3}}}),
        ("metadata.c.d", {**BODY, "metadata": {"a.b": 1, "c": {"e": 3}}}),
        ("metadata.c[*]", {**BODY, "metadata": {"a.b": 1, "c": {}}}),
        ("metadata[*].e", {**BODY, "metadata": {"a.b": 1, "c": {"d": 2}}}),
    ],
)
def test_what_a_path_leaves_out(path, left):
    assert made(BODY, drops=[path]) == {name: value for name, value in left.items() if value is not ...}


@pytest.mark.parametrize("path", ["", "[0]", "a..b", "a.", "a[", "[*].b", "a[x]"])
def test_what_is_no_path(path):
    with pytest.raises(ValueError, match="is no path into the body"):
        read_drop(path)


def test_defaults_then_overrides_then_drops():
    assert made({"a": 1, "b": 1}, defaults={"a": 2, "c": 2, "d": 2}, overrides={"b": 3, "c": 3}, drops=["d", "a"]) == {
        "b": 3,
        "c": 3,
    }


def test_a_null_is_there():
    assert made({"a": None}, defaults={"a": 2}) == {"a": None}


def test_what_is_not_touched_keeps_its_bytes():
    sheet = Sheet.open(b'{"a": [1,  2], "b": {"c":  1}}')
    Changes(drops=(read_drop("b.c"),)).make(sheet)
    assert sheet.bytes() == b'{"a":[1,  2],"b":{}}'


@pytest.mark.parametrize(
    ("changes", "concerned"),
    [
        (NO_CHANGES, False),
        (Changes(defaults={"a": msgspec.Raw(b"1")}), False),
        (Changes(defaults={"z": msgspec.Raw(b"1")}), True),
        (Changes(overrides={"a": msgspec.Raw(b"1")}), True),
        (Changes(drops=(read_drop("z.y"),)), False),
        (Changes(drops=(read_drop("a.y"),)), True),
    ],
)
def test_a_body_that_nothing_is_done_to_is_known_before(changes, concerned):
    assert changes.concern(Sheet.open(b'{"a": 1}')) is concerned
