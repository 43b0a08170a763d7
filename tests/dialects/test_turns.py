"""Turns from pieces: neighbours of one role are one turn, and results come first in theirs."""

import pytest

from lockgate.core.content import Text, Tool, ToolCall, ToolResult, Turn
from lockgate.core.request import Request
from lockgate.dialects.turns import add, cache_marked


def test_neighbours_of_one_role_are_one_turn():
    turns = []
    add(turns, "user", Text("a"))
    add(turns, "user", Text("b"), Text("c"))
    add(turns, "assistant", ToolCall("1", "f"))
    add(turns, "user")
    assert turns == [Turn("user", [Text("a"), Text("b"), Text("c")]), Turn("assistant", [ToolCall("1", "f")])]


def test_results_stand_before_what_else_is_said_in_their_order():
    turns = []
    add(turns, "user", Text("meanwhile"), ToolResult("1"))
    add(turns, "user", ToolResult("2"), Text("and"))
    assert turns[0].parts == [ToolResult("1"), ToolResult("2"), Text("meanwhile"), Text("and")]


@pytest.mark.parametrize(
    ("request_", "marked"),
    [
        (Request("m", [Turn("user", [Text("a"), ToolResult("1")])]), False),
        (Request("m", [Turn("user", [Text("a", cache="")])]), True),
        (Request("m", tools=[Tool("f", cache="1h")]), True),
        (Request("m", cache=""), True),
    ],
)
def test_a_mark_for_the_prompt_cache_is_found_wherever_it_is(request_, marked):
    assert cache_marked(request_) is marked
