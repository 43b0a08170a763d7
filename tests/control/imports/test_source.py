"""Files that are not trusted."""

import pytest

from lockgate.control.imports.source import DEPTH, SIZE, VALUES, BadSource, read


@pytest.fixture
def source(tmp_path):
    def source(text, name="config.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read(path)

    return source


def refused(source, text):
    with pytest.raises(BadSource) as error:
        source(text)
    assert "config.yaml" in str(error.value)
    return str(error.value)


def test_yaml_and_json_are_read(source):
    assert source("a: {b: [1, 2.5, yes, null]}").tree == {"a": {"b": [1, 2.5, True, None]}}
    assert source('{"a":\t[1, "x"]}').tree == {"a": [1, "x"]}
    assert source("{a: [1, x]} # flow style is no JSON").tree == {"a": [1, "x"]}


def test_an_empty_file_is_an_empty_mapping(source):
    assert source("").tree == {}
    assert source("# nothing").tree == {}


def test_a_byte_order_mark_is_no_part_of_it(source):
    assert source(b"\xef\xbb\xbfa: 1").tree == {"a": 1}


def test_a_date_stays_the_text_that_it_was_written_as(source):
    assert source("api_version: 2024-10-21").tree == {"api_version": "2024-10-21"}


def test_names_become_texts(source):
    assert source("1: a\nfalse: b").tree == {"1": "a", "False": "b"}


def test_anchors_and_merges_are_unfolded(source):
    assert source("base: &b {x: 1}\none: {<<: *b, y: 2}\ntwo: *b").tree == {
        "base": {"x": 1},
        "one": {"x": 1, "y": 2},
        "two": {"x": 1},
    }


def test_a_member_that_is_given_twice_is_told(source):
    read = source("a: {b: 1, b: 2}\nc: [{d: 1, d: 2}]")
    assert read.repeated == ["a.b", "c[0].d"]
    assert read.tree["a"]["b"] == 2


def test_a_file_that_is_too_large_is_refused(source):
    assert "4 MiB" in refused(source, b"#" * (SIZE + 1))


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(BadSource, match="cannot be read: No such file"):
        read(tmp_path / "none.yaml")


def test_bytes_that_are_no_text_are_refused(source):
    assert "UTF-8" in refused(source, b"\xff\xfe\x00")


def test_a_mistake_in_yaml_is_told_with_its_line(source):
    assert "line 2, column 4" in refused(source, "a: 1\nb: ]: x")


@pytest.mark.parametrize("text", ["[" * (DEPTH + 5) + "]" * (DEPTH + 5), "[" * 50_000], ids=["closed", "open"])
def test_depth_has_a_limit(source, text):
    refused(source, text)


def test_deep_json_is_refused_too(source):
    refused(source, '{"a":' * 100 + "1" + "}" * 100)
    refused(source, '{"a":' * 50_000)


def test_aliases_that_unfold_to_much_are_refused(source):
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    assert f"{VALUES} values" in refused(source, "\n".join(lines))


def test_merges_that_unfold_to_much_are_refused(source):
    lines = ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 40)]
    assert f"{VALUES} values" in refused(source, "\n".join(lines))


def test_an_anchor_within_itself_is_refused(source):
    assert "levels deep" in refused(source, "a: &a [*a]")


@pytest.mark.parametrize(
    "text", ["a: !!python/object/apply:os.system [true]", "a: !!binary aGk=", "a: !!set {x, y}", "a: .nan", "a: .inf"]
)
def test_what_no_configuration_holds_is_refused(source, text):
    refused(source, text)
