"""stores/logs/text: what is said of a request, and an index that finds it by the same words."""

from __future__ import annotations

import json
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.stores.logs import text as module
from lockgate.stores.logs.text import indexed, said, words


def found(text: str, word: str) -> bool:
    """Whether the store's index, which is given a text, finds it by a word."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE VIRTUAL TABLE said USING fts5 (words, content='', columnsize=0, detail=none, tokenize='ascii')")
    db.execute("INSERT INTO said (rowid, words) VALUES (1, ?)", (text,))
    return bool(db.execute("SELECT rowid FROM said WHERE said MATCH ?", (f'"{word}"',)).fetchall())


def asked(text: str) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}]}, ensure_ascii=False).encode()


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.text(st.sampled_from("aB1_-.'\" é"), max_size=60))
def test_each_word_that_was_said_is_found(prompt: str, answer: str) -> None:
    request, response = asked(prompt), json.dumps({"choices": [{"message": {"role": "assistant", "content": answer}}]}).encode()
    text = indexed(request, response)
    assert all(found(text, word) for word in said(request, response))


def test_a_word_is_found_in_whatever_case_it_was_said() -> None:
    assert found(indexed(asked("The QUICK-brown Fox"), b""), *words("quick"))
    assert found(indexed(asked("Grüße aus KÖLN"), b""), *words("köln"))


def test_what_was_not_said_is_not_found() -> None:
    assert not found(indexed(asked("the quick fox"), b""), "fo")


def test_a_long_text_is_indexed_by_a_limited_number_of_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WORDS", 10)
    text = " ".join(f"w{n}" for n in range(10_000))
    assert indexed(asked(text), b"").split() == [f"w{n}" for n in range(10)]
