"""Texts for regular expressions: judged by the expression itself."""

from __future__ import annotations

import re

import pytest

from lockgate.transport.sim.pattern import Unwritable, matching


@pytest.mark.parametrize(
    "pattern",
    [
        r"^abc$",
        r"^[A-Z]{3}-\d{2,4}(?:x|y)?$",
        r"[^a-z0-9]+",
        r"^\w+@\w+\.(com|org)$",
        r"^(a)(b)\2\1$",
        r"^\S+\s\D\W.$",
        r"^(?P<year>\d{4})-(?P=year)$",
        r"^(a|b)*?c{0}$",
        r"^(?>ab)++$",
        r"",
        r"[^\w\s]",
    ],
)
def test_the_text_matches(pattern: str):
    assert re.search(pattern, matching(pattern, 0, 100))


@pytest.mark.parametrize(("least", "most"), [(0, 5), (3, 3), (50, 60)])
def test_the_length_is_kept_where_repeats_allow_it(least: int, most: int):
    text = matching(r"^[a-z]{1,}$", least, most)
    assert least <= len(text) <= most


@pytest.mark.parametrize("pattern", [r"(?!x)", r"\bx", r"(", r"^.{300}$", r"(?:){4000000000}", r"[^\s\S]", r"(?<=x)y"])
def test_what_cannot_be_built_is_said(pattern: str):
    with pytest.raises(Unwritable):
        matching(pattern, 0, 200)
