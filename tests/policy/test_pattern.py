import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.policy import pattern as place
from lockgate.policy.pattern import LONGEST, BadPattern, compile_pattern


@pytest.mark.parametrize(
    ("pattern", "flags", "text", "found"),
    [
        ("gpt", "", "my gpt-4", True),
        ("^gpt", "", "my gpt-4", False),
        ("gpt$", "", "gpt-4", False),
        ("^gpt-4$", "", "gpt-4", True),
        ("^gpt-4$", "", "gpt-4\n", False),  # as in JavaScript, unlike Python
        ("^gpt-4.$", "", "gpt-4\n", False),
        ("a.b", "", "a\nb", False),
        ("a.b", "s", "a\nb", True),
        ("^b$", "", "a\nb\nc", False),
        ("^b$", "m", "a\nb\nc", True),
        ("GRÜN", "i", "grün", True),
        ("x|^GPT", "i", "gpt", True),
        (r"^\d+$", "", "٣", False),
        (r"a\/b", "", "a/b", True),
        ("^(?<vendor>gpt|o[0-9])", "", "o3-mini", True),
        (r"\bsql\b", "i", "some SQL here", True),
        ("", "", "anything", True),
        ("\ud800", "", "", None),
        ("é", "", "caf\u00e9", True),
        ("[?]", "", "\ud800", True),  # half a character cannot be in JSON; it is searched as a question mark
    ],
)
def test_patterns_are_as_in_javascript(pattern, flags, text, found):
    if found is None:
        with pytest.raises(BadPattern):
            compile_pattern(pattern, flags)
    else:
        assert compile_pattern(pattern, flags)(text) is found


@pytest.mark.parametrize(
    ("pattern", "flags", "what"),
    [
        ("a" * (LONGEST + 1), "", "longer than 1000"),
        ("(", "", "missing \\)"),
        ("a{1001}", "", "repetition"),
        ("((a{100}){100}){100}", "", "repetition"),
        (r"\pL{500}x", "", "too large"),
        ("(?=a)", "", "look-around"),
        ("(?!a)", "", "look-around"),
        (r"(a)\1", "", "back-references"),
        ("a", "g", "flag 'g'"),
        ("a", "iu", "flag 'u'"),
    ],
)
def test_what_is_not_taken(pattern, flags, what):
    with pytest.raises(BadPattern, match=what):
        compile_pattern(pattern, flags)


literals = st.text("ab-4 .", max_size=6)


@given(literals.map(lambda text: text.replace(".", "")), st.sampled_from(["", "^"]), st.sampled_from(["", "$"]), literals)
def test_a_literal_is_found_as_the_engine_finds_it(literal, start, end, text):
    pattern = start + literal + end
    engine = place._search(place._compile(pattern))
    assert compile_pattern(pattern)(text) is engine(text) is (re.search(pattern.replace("$", r"\Z"), text) is not None)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "(a*)*c", "(x+x+)+y", ".*.*.*.*z", "[ab]*a[ab]{400}c", "(a|b|ab)*c"])
def test_no_pattern_is_a_trap(pattern):
    search = compile_pattern(pattern)
    text = "abba" * 250_000 + "!"
    start = time.process_time()
    assert search(text) is False
    assert time.process_time() - start < 1.0  # backtracking would take years; this takes some milliseconds


def test_a_text_is_searched_as_far_as_the_work_goes(monkeypatch):
    monkeypatch.setattr(place, "_WORK", 400)
    search = compile_pattern("[b]c?$")
    bound = 400 // place._compile("[b]c?$").programsize
    assert search("a" * (bound - 1) + "b")
    assert not search("a" * bound + "b")  # beyond
    assert not search("a" * (bound - 1) + "b" + "a" * 9)  # the cut is no end
    assert compile_pattern("[b]")("b" + "a" * 500)
    assert compile_pattern("b")("a" * 5000 + "b")  # a literal needs no bound
