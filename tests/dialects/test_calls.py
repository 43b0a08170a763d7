"""Tool calls between dialects: answered, named and typed as every provider takes them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.content import Media, Text, Tool, ToolCall, ToolResult, Turn
from lockgate.core.json import raw
from lockgate.core.request import Request
from lockgate.dialects.calls import NO_RESULT, aligned, as_function, asked_tool, free_arguments, free_text, taken_name


def call(*ids: str) -> Turn:
    return Turn("assistant", [ToolCall(one, "f") for one in ids])


def result(one: str, text: str = "r") -> ToolResult:
    return ToolResult(one, [Text(text)], "f")


def test_neighbours_of_one_role_are_joined_and_speakers_kept_apart() -> None:
    turns = [Turn("user", [Text("a")]), Turn("user", [Text("b")]), Turn("user", [Text("c")], "ann")]
    assert aligned(turns) == [Turn("user", [Text("a"), Text("b")]), Turn("user", [Text("c")], "ann")]
    assert turns[0].parts == [Text("a")]


def test_answers_follow_their_calls_in_the_order_of_the_calls() -> None:
    turns = [
        call("a", "b"),
        Turn("user", [Text("hm"), result("b")]),
        Turn("assistant", [Text("x")]),
        Turn("user", [result("a")]),
    ]
    assert aligned(turns) == [
        call("a", "b"),
        Turn("user", [result("a"), result("b"), Text("hm")]),
        Turn("assistant", [Text("x")]),
    ]


def test_a_call_without_an_answer_gets_one_when_the_talk_goes_on() -> None:
    missing = ToolResult("a", [Text(NO_RESULT)], "f")
    assert aligned([call("a"), Turn("user", [Text("hm")])]) == [call("a"), Turn("user", [missing, Text("hm")])]
    system = Turn("system", [Text("s")])
    assert aligned([call("a"), system]) == [call("a"), Turn("user", [missing]), system]
    assert aligned([call("a")]) == [call("a")]


def test_an_answer_without_its_call_is_told_as_text() -> None:
    told = "Result of the tool f:\nr"
    assert aligned([Turn("user", [result("x"), Text("hm")])]) == [Turn("user", [Text(told), Text("hm")])]
    (turn,) = aligned([Turn("user", [ToolResult("x", [Media("image", data="AAAA")])])])
    assert turn.parts == [Text(f"Result of the tool x:\n{NO_RESULT}")]


def test_an_id_that_is_used_again_belongs_to_the_call_before_it() -> None:
    turns = [call("0"), Turn("user", [result("0", "first")]), call("0"), Turn("user", [result("0", "second")])]
    assert aligned(turns) == turns


def test_an_answer_before_its_call_is_no_answer() -> None:
    turns = [Turn("user", [result("a")]), call("a"), Turn("user", [Text("hm")])]
    assert [type(part) for part in aligned(turns)[0].parts] == [Text]
    assert aligned(turns)[2].parts[0] == ToolResult("a", [Text(NO_RESULT)], "f")


ids = st.sampled_from(["a", "b", "c"])
parts = st.one_of(ids.map(result), st.builds(Text, st.sampled_from(["x", "y"])))
turn = st.one_of(
    st.lists(ids, max_size=2, unique=True).map(lambda chosen: call(*chosen)),
    st.lists(parts, max_size=3).map(lambda said: Turn("user", said)),
    st.just(Turn("assistant", [Text("z")])),
)


@given(st.lists(turn, max_size=8))
def test_whatever_comes_every_call_but_the_last_is_answered_at_once(turns: list[Turn]) -> None:
    made = aligned(turns)
    for before, after in zip([Turn("user", []), *made], [*made, Turn("user", [])], strict=True):
        calls = [part.id for part in before.parts if type(part) is ToolCall]
        answers = [part.call_id for part in after.parts if type(part) is ToolResult]
        if before is not (made[-1] if made else None):
            assert answers == calls
        assert before.role != after.role or not before.parts or not after.parts
        assert all(type(part) is ToolResult for part in after.parts[: len(answers)])
    texts = [part.text for one in turns for part in one.parts if type(part) is Text]
    kept = [part.text for one in made for part in one.parts if type(part) is Text and not part.text.startswith("Result")]
    assert sorted(texts) == sorted(kept)


@given(st.text())
def test_a_name_is_taken_everywhere(name: str) -> None:
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", taken_name(name))
    assert taken_name(taken_name(name)) == taken_name(name)


def test_long_names_stay_apart() -> None:
    assert taken_name("get_weather") == "get_weather"
    assert taken_name("a" * 70) != taken_name("a" * 71)


def test_a_tool_is_found_by_its_own_name_and_by_the_one_that_was_taken() -> None:
    tools = [Tool("a_b"), Tool("a.b"), Tool("c.d"), Tool("web", native=raw({}))]
    request = Request("m", tools=tools)
    assert asked_tool("a_b", request) is tools[0]
    assert asked_tool("c_d", request) is tools[2]
    assert asked_tool("web", request) is None
    assert asked_tool("x", request) is None


def test_a_free_text_tool_stands_as_a_function_with_one_text() -> None:
    tool = Tool("sh", "Run.", custom=True, grammar=raw({"syntax": "lark"}), cache="")
    made = as_function(tool)
    assert (made.name, made.custom, made.cache) == ("sh", False, "")
    assert made.description.startswith("Run.")
    assert "lark" in made.description
    plain = Tool("f")
    assert as_function(plain) is plain


@given(st.text())
def test_free_text_comes_back_from_its_arguments(text: str) -> None:
    assert free_text(free_arguments(text)) == text


@pytest.mark.parametrize("arguments", ["ls -l", '{"other":1}', '{"input":5}', "[1]", "[" * 5000])
def test_arguments_in_another_form_are_taken_as_they_are(arguments: str) -> None:
    assert free_text(arguments) == arguments
