import gc
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.failure import Refusal
from lockgate.wire.multipart import FIELD_LIMIT, HEAD_LIMIT, PARTS, Form

TYPE = b"multipart/form-data; boundary=XX"
PICTURE = b"\x89PNG\r\n--X\r\n\r\n--XY--\r\n\0\xff" * 3


def part(name, value, *more):
    disposition = f'Content-Disposition: form-data; name="{name}"'.encode() + b"".join(b"; " + each for each in more)
    return b"--XX\r\n" + disposition + b"\r\n\r\n" + value + b"\r\n"


FIELDS = [
    part("model", b"@openai/gpt-image-1"),
    part("image[]", PICTURE, b'filename="a \\"b\\".png"\r\nContent-Type: image/png'),
    part("prompt", "ein Mädchen\r\n--XY".encode()),
    part("image[]", b"", b"filename=c.png"),
    part("empty", b""),
]
BODY = b"".join(FIELDS) + b"--XX--\r\n"


def read(body, size=None, kind=TYPE):
    form = Form.of(kind)
    for at in range(0, len(body), size or len(body) or 1):
        form.take(body[at : at + (size or len(body))])
    form.close()
    return form


@pytest.mark.parametrize("size", [*range(1, 60), None])
def test_a_form_is_read_however_it_is_cut(size):
    form = read(BODY, size)
    assert [(each.name, each.file, each.kind, each.value) for each in form.parts] == [
        ("model", None, "", b"@openai/gpt-image-1"),
        ("image[]", 'a "b".png', "image/png", None),
        ("prompt", None, "", "ein Mädchen\r\n--XY".encode()),
        ("image[]", "c.png", "", None),
        ("empty", None, "", b""),
    ]
    assert [BODY[each.start : each.start + each.size] for each in form.parts] == [
        b"@openai/gpt-image-1",
        PICTURE,
        "ein Mädchen\r\n--XY".encode(),
        b"",
        b"",
    ]
    assert form.size == len(BODY)
    assert b"".join(form.body({})) == BODY


@pytest.mark.parametrize("size", [1, 2, 3, 7, 19, None])
def test_a_changed_field_takes_its_place_and_nothing_else_changes(size):
    form = read(BODY, size)
    changed = b"".join(form.body({"model": b"gpt-image-1", "empty": b"no more", "prompt": b""}))
    assert changed == BODY.replace(b"@openai/gpt-image-1", b"gpt-image-1").replace(
        part("empty", b""), part("empty", b"no more")
    ).replace("ein Mädchen\r\n--XY".encode(), b"")
    assert b"".join(form.body({})) == BODY


def test_a_file_is_not_copied():
    form = Form.of(TYPE)
    pieces = [
        part("model", b"a"),
        b'--XX\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n',
        b"x" * 1000,
        b"\r\n--XX--",
    ]
    for piece in pieces:
        form.take(piece)
    form.close()
    out = form.body({"model": b"b"})
    assert any(each is pieces[2] for each in out)


def test_a_new_field_is_put_first():
    form = read(BODY)
    changed = read(b"".join(form.body({'qu"ality': b"high"})))
    assert [each.name for each in changed.parts] == ["qu%22ality", *(each.name for each in form.parts)]
    assert changed.text("qu%22ality") == "high"


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=40), st.booleans()), max_size=5),
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.dictionaries(st.sampled_from("abc"), st.binary(max_size=10), max_size=2),
)
def test_any_form_in_any_pieces(fields, sizes, changes):
    fields = [(name, value.replace(b"--XX", b""), isfile) for name, value, isfile in fields]
    changes = {name: value.replace(b"--XX", b"") for name, value in changes.items() if any(name == each[0] for each in fields)}

    def build(said):
        return b"".join(part(name, value, *([b'filename="f"'] if isfile else [])) for name, value, isfile in said) + b"--XX--"

    body, at, turn = build(fields), 0, 0
    form = Form.of(TYPE)
    while at < len(body):
        form.take(body[at : at + sizes[turn % len(sizes)]])
        at, turn = at + sizes[turn % len(sizes)], turn + 1
    form.close()
    assert [(each.name, each.value is None) for each in form.parts] == [(name, isfile) for name, _, isfile in fields]
    assert [body[each.start : each.start + each.size] for each in form.parts] == [value for _, value, _ in fields]
    changed = [(name, changes.get(name, value), isfile) for name, value, isfile in fields]
    assert b"".join(form.body(changes)) == build(changed)


@pytest.mark.parametrize(
    ("kind", "good"),
    [
        (b'multipart/form-data; boundary="XX"', True),
        (b"multipart/form-data;charset=utf-8; BOUNDARY=XX ; x=y", True),
        (b"multipart/form-data", False),
        (b"multipart/form-data; boundary=", False),
        (b'multipart/form-data; boundary="a\x01b"', False),
        (b'multipart/form-data; boundary="XX "', False),
        (b"multipart/form-data; boundary=" + b"x" * 71, False),
    ],
)
def test_the_boundary_is_read(kind, good):
    if good:
        assert read(BODY, kind=kind).text("model") == "@openai/gpt-image-1"
    else:
        with pytest.raises(Refusal, match="boundary"):
            Form.of(kind)


def test_what_stands_around_the_parts_says_nothing():
    body = b"preamble\r\n" + FIELDS[0].replace(b"--XX\r\n", b"--XX \t\r\n") + b"--XX-- \r\nepilogue --XX"
    assert read(body).text("model") == "@openai/gpt-image-1"
    assert read(body, 1).text("model") == "@openai/gpt-image-1"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "ends before"),
        (b"{}", "ends before"),
        (BODY[:-4], "ends before"),
        (b"--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--", "no name"),
        (b"--XX\r\n\r\nx\r\n--XX--", "no name"),
        (b'--XX\r\nContent-Disposition: form-data; name="a"; name=b\r\n\r\nx\r\n--XX--', "two names"),
        (b"--XXX\r\n", "stands behind"),
        (b"--XX\nContent-Disposition", "stands behind"),
        (b"--XX\r\n" + b"x" * (HEAD_LIMIT + 1), "headers of a part"),
        (b"--XX\r\n" + b"x" * (HEAD_LIMIT + 1) + b"\r\n\r\n", "headers of a part"),
        (part("a", b"") * (PARTS + 1), "parts"),
        (part("a", b"x" * (FIELD_LIMIT + 10)), "longer than"),
    ],
)
@pytest.mark.parametrize("size", [1021, None])
def test_what_is_no_form_is_refused(body, why, size):
    with pytest.raises(Refusal, match=why) as raised:
        read(body, size)
    assert (raised.value.status, raised.value.code) == (400, "invalid_form")


def test_a_field_is_asked_for_by_name():
    form = read(BODY)
    assert (form.text("model"), form.text("empty"), form.text("nothing")) == ("@openai/gpt-image-1", "", None)
    with pytest.raises(Refusal, match="twice"):
        form.text("image[]")
    with pytest.raises(Refusal, match="not a file"):
        read(part("model", b"x", b'filename="m"') + b"--XX--").text("model")
    with pytest.raises(Refusal, match="UTF-8"):
        read(part("model", b"\xff") + b"--XX--").text("model")


def test_a_summary_tells_fields_and_what_files_there_are():
    assert json.loads(read(BODY).summary()) == {
        "model": "@openai/gpt-image-1",
        "image[]": [
            {"file": 'a "b".png', "type": "image/png", "bytes": len(PICTURE)},
            {"file": "c.png", "type": "", "bytes": 0},
        ],
        "prompt": "ein Mädchen\r\n--XY",
        "empty": "",
    }
    three = part("a", b"1") + part("a", b"2") + part("a", b"3") + b"--XX--"
    assert json.loads(read(three).summary()) == {"a": ["1", "2", "3"]}
    assert repr(read(three)) == "Form(a, a, a)"


def test_a_form_that_nobody_holds_is_gone_at_once():
    gc.collect()
    form = read(BODY)
    del form
    assert gc.collect() == 0  # nothing was left to be found in a circle


@pytest.mark.parametrize("size", [1, 7, 50, None])
def test_a_part_is_had_whole_however_it_was_cut(size):
    form = read(BODY, size)
    assert [form.content(each) for each in form.parts] == [
        b"@openai/gpt-image-1",
        PICTURE,
        "ein Mädchen\r\n--XY".encode(),
        b"",
        b"",
    ]
