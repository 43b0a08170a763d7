"""Signatures that travel through another dialect come back unchanged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lockgate.dialects.signature import unwrap, wrap

dialects = st.sampled_from(["openai.responses", "gemini.generate", "anthropic.messages", "openai.chat"])


@given(st.text(), dialects, st.text())
def test_what_is_wrapped_is_unwrapped(signature: str, dialect: str, item: str) -> None:
    assert unwrap(wrap(signature, dialect, item), "own") == (signature, dialect, item)


@given(st.text())
def test_a_signature_without_our_mark_is_the_dialects_own(signature: str) -> None:
    if not signature.startswith("lockgate:"):
        assert unwrap(signature, "own") == (signature, "own", "")


def test_a_damaged_mark_is_taken_for_a_signature() -> None:
    assert unwrap("lockgate:openai.chat", "own") == ("lockgate:openai.chat", "own", "")


def test_a_wrapped_signature_is_a_header_safe_word() -> None:
    assert wrap("c2ln", "openai.responses", "rs:1") == "lockgate:openai.responses:rs%3A1:c2ln"
