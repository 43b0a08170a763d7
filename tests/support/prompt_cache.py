"""Marks for prompt caches, taken out of bodies again; and bodies of any kind to put them into."""

from __future__ import annotations

from hypothesis import strategies as st

MARKS = ("cache_control", "cachePoint")


def unmarked(value):
    """A body without marks; what became a block to have one is a text again."""
    if isinstance(value, list):
        items = [unmarked(each) for each in value if not (isinstance(each, dict) and each.keys() == {"cachePoint"})]
        marked = len(value) == 1 and isinstance(value[0], dict) and "cache_control" in value[0]
        if marked and value[0].keys() == {"type", "text", "cache_control"}:
            return {"one text": value[0]["text"]}
        return items
    if isinstance(value, dict):
        return {name: unmarked(each) for name, each in value.items() if name != "cache_control"}
    return value


def as_blocks(value):
    """A body in which a text of its own, where blocks may stand, is told like the only block of a list."""
    if isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], dict) and value[0].keys() == {"type", "text"}:
            return {"one text": value[0]["text"]}
        return [as_blocks(each) for each in value]
    if isinstance(value, dict):
        return {
            name: {"one text": each} if name in ("content", "system") and isinstance(each, str) else as_blocks(each)
            for name, each in value.items()
        }
    return value


def count(value):
    """How many marks a body has."""
    if isinstance(value, list):
        return sum(map(count, value))
    if isinstance(value, dict):
        return sum((name in MARKS) + count(each) for name, each in value.items())
    return 0


texts = st.one_of(st.text(max_size=20), st.sampled_from(["x" * 5000, "cache_control", '"cache_control"', "ü" * 3000, " ", ""]))
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "a", "content"]), inner, max_size=3)
    ),
    max_leaves=6,
)
