import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.failure import Refusal
from lockgate.wire.path import below


@pytest.mark.parametrize(
    "rest", ["files", "files/", "", "files/file-1/content", "models/a%2Db:go", "a..b/...", "v1/x@y/~z", "%41"]
)
def test_a_path_that_stays_below_is_as_it_was(rest):
    assert below(rest) == "/" + rest


@pytest.mark.parametrize(
    "rest",
    [
        "..", ".", "../x", "a/../b", "a/./b", "a/..",
        "%2e%2e", "%2E.", ".%2e/x", "a/%2e/b",
        "%252e%252e", "%25252e%25252e/x",
        "a%2fb", "a%2Fb", "a%252fb", "a%5cb", "a%255Cb", "a\\b",
        "//x", "a//b", "/",
        "a%00b", "a%0ab", "a%0d", "a\x00", "a%7f",
        "a?b", "a#b", "ä",
    ],
)  # fmt: skip
def test_a_path_that_some_host_may_read_otherwise_is_refused(rest):
    with pytest.raises(Refusal) as raised:
        below(rest)
    assert (raised.value.status, raised.value.code) == (400, "invalid_path")


@given(st.lists(st.sampled_from(["a", ".", "/", "%", "2", "5", "e", "E", "f", "c", "\\"]), max_size=12).map("".join))
def test_whatever_passes_has_no_dots_and_no_hidden_slashes(rest):
    try:
        path = below(rest)
    except Refusal:
        return
    from urllib.parse import unquote

    for _ in range(3):
        assert not {".", ".."} & set(path.split("/"))
        assert "\\" not in path
        assert path.count("/") == rest.count("/") + 1
        path = unquote(path)
