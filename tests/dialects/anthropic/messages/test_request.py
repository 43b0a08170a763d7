"""Messages requests: read from callers, written for the provider."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lockgate.core.content import Citation, Declined, Media, Native, Text, Thinking, Tool, ToolCall, ToolResult, Turn
from lockgate.core.failure import Refusal
from lockgate.core.json import raw
from lockgate.core.request import Format, Reasoning, Request, Sampling, ToolChoice
from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic.messages import CODEC
from support.canonical import shape

NAME = "anthropic.messages"
USER: dict[str, Any] = {"role": "user", "content": "Hi"}
HI = Turn("user", [Text("Hi")])
SONNET, OPUS, HAIKU3 = "claude-sonnet-4-5", "claude-opus-4-8", "claude-3-haiku-20240307"


def read(*messages: Any, **members: Any) -> Request:
    body = {"model": "m", "max_tokens": 9, "messages": messages or [USER], **members}
    return CODEC.read_request(Sheet.open(json.dumps(body).encode()))


def parts(*blocks: Any, role: str = "user") -> list[Any]:
    return read({"role": role, "content": list(blocks)}).turns[0].parts


def write(request: Request) -> dict[str, Any]:
    return json.loads(CODEC.write_request(request).bytes())


def asked(model: str = SONNET, /, *said: Turn, **members: Any) -> dict[str, Any]:
    return write(Request(model, list(said) or [HI], **members))


def sent(*said: Turn) -> list[dict[str, Any]]:
    return asked(SONNET, *said)["messages"]


def lost(model: str = SONNET, /, *said: Turn, **members: Any) -> list[str]:
    request = Request(model, list(said) or [HI], **members)
    write(request)
    return request.losses


# Reading


def test_roles_and_the_system_prompt_become_turns() -> None:
    system = [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    request = read(USER, {"role": "assistant", "content": "A"}, {"role": "system", "content": "S2"}, USER, system=system)
    assert request.turns == [
        Turn("system", [Text("S", cache="1h")]),
        HI,
        Turn("assistant", [Text("A")]),
        Turn("system", [Text("S2")]),
        HI,
    ]


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, Text("a", cache="")),
        ({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}, Media("image", data="AAAA", mime="image/png")),
        ({"type": "image", "source": {"type": "url", "url": "https://a.b/c.png"}}, Media("image", url="https://a.b/c.png", mime="image/png")),
        ({"type": "image", "source": {"type": "file", "file_id": "file_1"}}, Media("image", file_id="file_1")),
        ({"type": "document", "title": "T", "source": {"type": "text", "media_type": "text/plain", "data": "words"}}, Media("file", text="words", mime="text/plain", name="T")),
        ({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}}, Media("file", data="AAAA", mime="application/pdf")),
        ({"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "in"}]}}, Text("in")),
        ({"type": "document", "source": {"type": "content", "content": "in"}}, Text("in")),
        ({"type": "search_result", "source": "https://a.b", "title": "T", "content": [{"type": "text", "text": "x"}]}, Text("T\nhttps://a.b\nx")),
        ({"type": "thinking", "thinking": "Hm.", "signature": "s"}, Thinking("Hm.", "s", dialect=NAME)),
        ({"type": "thinking", "thinking": "", "signature": "lockgate:gemini.generate::R29v"}, Thinking("", "R29v", dialect="gemini.generate")),
        ({"type": "thinking", "thinking": "Hm.", "signature": "lockgate:openai.chat:reasoning:"}, Thinking("Hm.", dialect="openai.chat", id="reasoning")),
        ({"type": "redacted_thinking", "data": "d"}, Thinking(redacted="d", dialect=NAME)),
        ({"type": "tool_use", "id": "t", "name": "f", "input": {"b": 1.0, "a": []}}, ToolCall("t", "f", '{"b": 1.0, "a": []}')),
    ],
)  # fmt: skip
def test_blocks_are_read(block: dict[str, Any], part: Any) -> None:
    assert parts(block) == [part]


def test_a_block_that_nobody_else_knows_stays_as_it_is() -> None:
    block = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    (part,) = parts(block, role="assistant")
    assert isinstance(part, Native)
    assert (part.dialect, part.kind, json.loads(bytes(part.raw))) == (NAME, "server_tool_use", block)


def test_citations_are_read() -> None:
    cited = {"type": "char_location", "cited_text": "q", "document_index": 0, "document_title": "D", "start_char_index": 1}
    (part,) = parts({"type": "text", "text": "a", "citations": [cited]}, role="assistant")
    (citation,) = part.citations
    assert (citation.title, citation.quote, citation.start, citation.dialect) == ("D", "q", 0, NAME)
    assert json.loads(bytes(citation.native)) == cited


def test_results_are_read_with_their_pictures_and_their_tools_names() -> None:
    use = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]}
    content = [
        {"type": "text", "text": "one"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "tool_reference", "tool_name": "g"},
    ]
    result = {"type": "tool_result", "tool_use_id": "t", "content": content, "is_error": True}
    request = read(use, {"role": "user", "content": [{"type": "text", "text": "Hm"}, result]})
    picture = Media("image", data="AAAA", mime="image/png")
    assert request.turns[1].parts == [ToolResult("t", [Text("one"), picture], "f", is_error=True), Text("Hm")]
    assert request.losses == ["tool_result.tool_reference"]


def test_tools_and_their_choice_are_read() -> None:
    schema = {"type": "object", "properties": {"b": {}, "a": {}}}
    tools = [
        {"name": "f", "description": "d", "input_schema": schema, "strict": True, "defer_loading": True},
        {"type": "custom", "name": "g", "input_schema": {}, "cache_control": {"type": "ephemeral"}},
        {"type": "web_search_20250305", "name": "web_search"},
    ]
    request = read(tools=tools, tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True})
    first, second, third = request.tools
    assert (first.name, first.description, first.strict, json.loads(bytes(first.schema or b""))) == ("f", "d", True, schema)
    assert (second.cache, third.name, third.dialect) == ("", "web_search", NAME)
    assert (request.tool_choice, request.parallel_tools) == (ToolChoice("required", ["f"]), False)
    assert request.losses == ["tools.defer_loading"]
    assert read(tools=tools, tool_choice={"type": "any"}).tool_choice == ToolChoice("required")
    assert read(tools=tools, tool_choice={"type": "none"}).tool_choice == ToolChoice("none")


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, Reasoning(budget=2000)),
        ({"thinking": {"type": "adaptive", "display": "summarized"}}, Reasoning(adaptive=True, shown="auto")),
        ({"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "max"}}, Reasoning("max", adaptive=True, shown="none")),
        ({"thinking": {"type": "disabled"}}, Reasoning(budget=0)),
        ({"output_config": {"effort": "low"}}, Reasoning("low")),
        ({}, None),
    ],
)  # fmt: skip
def test_reasoning_is_read(members: dict[str, Any], expected: Reasoning | None) -> None:
    assert read(**members).reasoning == expected


def test_sampling_and_the_rest_are_read() -> None:
    request = read(
        temperature=0.5, top_p=0.9, top_k=3, stop_sequences=["x"], metadata={"user_id": "u"}, service_tier="standard_only",
        cache_control={"type": "ephemeral", "ttl": "1h"}, stream=True, brand_new=1, container="c", mcp_servers=None,
        output_config={"format": {"type": "json_schema", "schema": {"type": "object"}}},
    )  # fmt: skip
    assert request.sampling == Sampling(9, 0.5, 0.9, 3, ["x"])
    assert (request.user, request.service_tier, request.cache, request.stream) == ("u", "default", "1h", True)
    assert (list(request.extra), request.losses) == (["brand_new"], ["container"])
    assert shape(request.format) == shape(Format("schema", raw({"type": "object"}), strict=True))


# Writing


def test_the_system_prompt_is_what_system_and_developer_say() -> None:
    body = asked(SONNET, Turn("system", [Text("a")]), HI, Turn("developer", [Text("b", cache="5m")]))
    cached = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "5m"}}
    assert body["system"] == [{"type": "text", "text": "a"}, cached]
    assert body["messages"] == [USER]
    assert asked(SONNET, Turn("system", [Text("a")]), HI)["system"] == "a"


def test_a_conversation_of_a_system_prompt_alone_is_begun() -> None:
    assert sent(Turn("system", [Text("Tell a joke.")])) == [{"role": "user", "content": "Begin."}]


def test_an_empty_conversation_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        asked(SONNET, Turn("user", []))
    assert (refused.value.status, refused.value.code) == (400, "empty_conversation")


def test_turns_alternate_and_say_something() -> None:
    said = sent(
        HI,
        Turn("assistant", [Text(" \n")]),
        Turn("user", [Text("there"), Text("")], name="ann"),
        Turn("assistant", [Text("Well"), Declined("no.")]),
        HI,
    )
    assert said == [
        {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "there"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Well"}, {"type": "text", "text": "no."}]},
        {"role": "user", "content": "Hi"},
    ]


def test_words_put_into_the_models_mouth_end_without_white_space() -> None:
    assert sent(HI, Turn("assistant", [Text("The answer: \n")]))[-1] == {"role": "assistant", "content": "The answer:"}


def test_every_call_is_answered_at_once() -> None:
    said = sent(
        Turn("assistant", [ToolCall("a", "f", '{"x":1}'), ToolCall("b", "my.tool", "")]),
        Turn("user", [Text("Wait"), ToolResult("b", [Text("two")], is_error=True)]),
        Turn("assistant", [Text("Hm")]),
        Turn("user", [ToolResult("a", [Text("one"), Media("image", data="iVBORw0KGgo=", mime="image/bmp")])]),
    )
    png = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
    assert said == [
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "b", "name": "my_tool", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "one"}, png]},
                {"type": "tool_result", "tool_use_id": "b", "content": "two", "is_error": True},
                {"type": "text", "text": "Wait"},
            ],
        },
        {"role": "assistant", "content": "Hm"},
    ]


def test_a_call_without_an_answer_and_an_answer_without_a_call_are_mended() -> None:
    said = sent(
        Turn("assistant", [ToolCall("a", "f")]), HI, Turn("assistant", [Text("A")]), Turn("user", [ToolResult("x", [])])
    )
    assert said[1]["content"][0] == {"type": "tool_result", "tool_use_id": "a", "content": "(no result)"}
    assert said[3]["content"] == "Result of the tool x:\n(no result)"


def test_ids_in_odd_letters_or_used_twice_in_one_turn_are_made_to_fit() -> None:
    turn = [
        Turn("assistant", [ToolCall("call:0", "f"), ToolCall("call:0", "g"), ToolCall("", "h")]),
        Turn("user", [ToolResult("call:0", [Text("r")]), ToolResult("call:0", [Text("s")]), ToolResult("", [Text("t")])]),
    ]
    said = sent(*turn, *turn)
    ids = [block.get("id") or block.get("tool_use_id") for message in said for block in message["content"]]
    assert ids == ["call_0", "call_0_2", "_"] * 4


def test_only_the_models_own_reasoning_goes_back() -> None:
    thoughts = [
        Thinking("Hm.", "s", dialect=NAME),
        Thinking("", "s2", dialect=NAME),
        Thinking(redacted="d", dialect=NAME),
        Thinking("So.", dialect=NAME),
        Thinking("No.", "x", dialect="openai.responses"),
        Thinking("Plain."),
    ]
    assert sent(HI, Turn("assistant", [*thoughts, Text("A")]), HI)[1]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "thinking", "thinking": "", "signature": "s2"},
        {"type": "redacted_thinking", "data": "d"},
        {"type": "text", "text": "A"},
    ]
    assert lost(SONNET, HI, Turn("assistant", [*thoughts, Text("A")]), HI) == []


def test_a_turn_of_nothing_but_foreign_reasoning_is_left_out() -> None:
    said = sent(HI, Turn("assistant", [Thinking("Hm.")]), HI)
    assert said == [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "Hi"}]}]


def test_media_are_written_as_blocks() -> None:
    request = Request(
        SONNET,
        [
            Turn(
                "user",
                [
                    Media("image", url="https://a.b/c.png", cache="1h"),
                    Media("image", data="/9j/4AAQ"),
                    Media("file", data="JVBERi0x", name="a.pdf"),
                    Media("file", url="https://a.b/c.pdf"),
                    Media("file", data="d29yZHM=", mime="text/csv"),
                    Media("file", data="e30=", mime="application/json"),
                    Media("file", text="words", name="T"),
                    Media("file", file_id="file_1"),
                    Media("file", file_id="file-1"),
                    Media("audio", data="AAAA"),
                    Media("video", url="https://a.b/c.mp4"),
                    Media("image", data="Qk0=", mime="image/bmp"),
                    Media("file", data="UEsD", name="a.docx"),
                ],
            )
        ],
    )
    text = {"type": "text", "media_type": "text/plain"}
    assert write(request)["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": "https://a.b/c.png"}, "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"}},
        {"type": "document", "title": "a.pdf", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"}},
        {"type": "document", "source": {"type": "url", "url": "https://a.b/c.pdf"}},
        {"type": "document", "source": {**text, "data": "words"}},
        {"type": "document", "source": {**text, "data": "{}"}},
        {"type": "document", "title": "T", "source": {**text, "data": "words"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
    ]  # fmt: skip
    assert request.losses[:4] == ["file by id", "audio input", "video input", "image/bmp input"]
    assert request.losses[4].endswith("document input")


def test_blocks_of_its_own_go_back_and_others_are_losses() -> None:
    own = Native(NAME, "server_tool_use", raw({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}))
    other = Native("openai.responses", "web_search_call", raw({}))
    citation = Citation("u", native=raw({"type": "char_location", "cited_text": "q"}), dialect=NAME)
    turn = Turn("assistant", [own, other, Text("A", citations=[citation, Citation("https://x.y")])])
    content = sent(HI, turn, HI)[1]["content"]
    assert content[0]["type"] == "server_tool_use"
    assert content[1] == {"type": "text", "text": "A", "citations": [{"type": "char_location", "cited_text": "q"}]}
    assert lost(SONNET, HI, turn, HI) == ["web_search_call"]


def test_tools_are_written() -> None:
    strict = raw({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False})
    loose = raw({"type": "object", "properties": {"a": {"type": "string", "minLength": 2}}})
    tools = [
        Tool("my.tool", "d", strict, strict=True, cache="5m"),
        Tool("g", schema=loose, strict=True),
        Tool("h"),
        Tool("i", schema=raw({"properties": {}})),
        Tool("sh", "Shell.", custom=True),
        Tool("web_search", dialect=NAME, native=raw({"type": "web_search_20250305", "name": "web_search"})),
        Tool("other", dialect="openai.responses", native=raw({})),
    ]
    request = Request(SONNET, [HI], tools)
    made = write(request)["tools"]
    assert [tool["name"] for tool in made] == ["my_tool", "g", "h", "i", "sh", "web_search"]
    assert (made[0]["strict"], made[0]["cache_control"]) == (True, {"type": "ephemeral", "ttl": "5m"})
    assert "strict" not in made[1]
    assert made[1]["input_schema"] == json.loads(bytes(loose))
    assert made[2]["input_schema"] == {"type": "object", "properties": {}}
    assert made[3]["input_schema"] == {"properties": {}, "type": "object"}
    assert made[4]["input_schema"]["required"] == ["input"]
    assert request.losses == ["tools.strict", "tools.other"]


def test_a_free_text_call_goes_back_as_the_function_that_stood_for_it() -> None:
    said = sent(
        Turn("assistant", [ToolCall("a", "sh", "ls", custom=True)]), Turn("user", [ToolResult("a", [Text("x")], custom=True)])
    )
    assert said[0]["content"][0]["input"] == {"input": "ls"}


@pytest.mark.parametrize(
    ("choice", "parallel", "expected"),
    [
        (None, None, None),
        (None, True, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice("auto"), None, {"type": "auto"}),
        (ToolChoice("none"), False, {"type": "none"}),
        (ToolChoice("required"), None, {"type": "any"}),
        (ToolChoice("required", ["a.b"]), False, {"type": "tool", "name": "a_b", "disable_parallel_tool_use": True}),
    ],
)
def test_the_choice_of_tools_is_written(choice: ToolChoice | None, parallel: bool | None, expected: Any) -> None:
    body = asked(SONNET, tools=[Tool("a.b"), Tool("c")], tool_choice=choice, parallel_tools=parallel)
    assert body.get("tool_choice") == expected
    assert "tool_choice" not in asked(SONNET, tool_choice=choice, parallel_tools=parallel)


def test_a_choice_among_some_tools_offers_only_those() -> None:
    body = asked(SONNET, tools=[Tool("a"), Tool("b"), Tool("c")], tool_choice=ToolChoice("required", ["a", "c"]))
    assert ([tool["name"] for tool in body["tools"]], body["tool_choice"]) == (["a", "c"], {"type": "any"})
    body = asked(SONNET, tools=[Tool("a"), Tool("b")], tool_choice=ToolChoice("auto", ["b"]))
    assert ([tool["name"] for tool in body["tools"]], body.get("tool_choice")) == (["b"], {"type": "auto"})


def test_a_model_that_cannot_be_forced_is_not() -> None:
    body = asked("claude-opus-5-5", tools=[Tool("a")], tool_choice=ToolChoice("required"))
    assert "tool_choice" not in body
    assert lost("claude-opus-5-5", tools=[Tool("a")], tool_choice=ToolChoice("required")) == ["tool_choice"]


@pytest.mark.parametrize(
    ("model", "limit"),
    [
        ("claude-3-haiku-20240307", 4096),
        ("claude-3-5-sonnet-20241022", 8192),
        ("claude-sonnet-4-5", 16384),
        ("anthropic/claude-opus-4.8", 16384),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", 16384),
        ("claude-tomorrow-9", 16384),
        ("glm-5", 8192),
    ],
)
def test_a_limit_is_always_sent(model: str, limit: int) -> None:
    assert asked(model)["max_tokens"] == limit
    assert asked(model, sampling=Sampling(77))["max_tokens"] == 77


ADAPTIVE = {"type": "adaptive", "display": "summarized"}
FORCED: dict[str, Any] = {"tools": [Tool("a")], "tool_choice": ToolChoice("required")}


@pytest.mark.parametrize(
    ("model", "members", "limit", "thinking", "effort"),
    [
        (SONNET, {"reasoning": Reasoning("low")}, 17408, {"type": "enabled", "budget_tokens": 1024}, None),
        (SONNET, {"reasoning": Reasoning("medium")}, 24576, {"type": "enabled", "budget_tokens": 8192}, None),
        (SONNET, {"reasoning": Reasoning("high"), "sampling": Sampling(30000)}, 30000, {"type": "enabled", "budget_tokens": 16384}, None),
        (SONNET, {"reasoning": Reasoning("xhigh"), "sampling": Sampling(20000)}, 20000, {"type": "enabled", "budget_tokens": 10000}, None),
        (SONNET, {"reasoning": Reasoning("high"), "sampling": Sampling(1500)}, 1500, {"type": "enabled", "budget_tokens": 1024}, None),
        (SONNET, {"reasoning": Reasoning("high"), "sampling": Sampling(100)}, 1124, {"type": "enabled", "budget_tokens": 1024}, None),
        (SONNET, {"reasoning": Reasoning(budget=300), "sampling": Sampling(5000)}, 5000, {"type": "enabled", "budget_tokens": 1024}, None),
        (SONNET, {"reasoning": Reasoning(adaptive=True)}, 24576, {"type": "enabled", "budget_tokens": 8192}, None),
        (SONNET, {"reasoning": Reasoning("none")}, 16384, None, None),
        (SONNET, {"reasoning": Reasoning(budget=0)}, 16384, None, None),
        (SONNET, {"reasoning": Reasoning("high"), **FORCED}, 16384, None, None),
        ("claude-opus-4-1", {"reasoning": Reasoning("xhigh")}, 32000, {"type": "enabled", "budget_tokens": 16000}, None),
        ("claude-opus-4-5", {"reasoning": Reasoning("xhigh")}, 49152, {"type": "enabled", "budget_tokens": 32768}, "high"),
        ("claude-sonnet-4-6", {"reasoning": Reasoning("xhigh")}, 32768, {"type": "adaptive"}, "max"),
        ("claude-sonnet-4-6", {"reasoning": Reasoning(budget=5000), "sampling": Sampling(9000)}, 9000, {"type": "enabled", "budget_tokens": 5000}, None),
        ("claude-sonnet-4-6", {"reasoning": Reasoning(budget=5000), **FORCED}, 32768, {"type": "adaptive"}, None),
        (OPUS, {"reasoning": Reasoning("minimal")}, 32768, ADAPTIVE, "low"),
        (OPUS, {"reasoning": Reasoning("xhigh"), **FORCED, "sampling": Sampling(500)}, 500, ADAPTIVE, "xhigh"),
        (OPUS, {"reasoning": Reasoning(budget=9000)}, 32768, ADAPTIVE, "high"),
        (OPUS, {"reasoning": Reasoning(adaptive=True, shown="none")}, 32768, {"type": "adaptive", "display": "omitted"}, None),
        (OPUS, {"reasoning": Reasoning("none")}, 16384, None, None),
        ("claude-opus-5", {"reasoning": Reasoning("none")}, 16384, {"type": "disabled"}, None),
        ("claude-sonnet-5-5", {"reasoning": Reasoning(budget=0)}, 16384, {"type": "between_tools"}, None),
        ("claude-fable-5", {"reasoning": Reasoning("none")}, 16384, None, None),
        (HAIKU3, {"reasoning": Reasoning("high")}, 4096, None, None),
    ],
)  # fmt: skip
def test_reasoning_is_asked_for_as_the_family_takes_it(
    model: str, members: dict[str, Any], limit: int, thinking: Any, effort: str | None
) -> None:
    body = asked(model, **members)
    assert (body["max_tokens"], body.get("thinking"), body.get("output_config", {}).get("effort")) == (limit, thinking, effort)
    if thinking and thinking["type"] == "enabled":
        assert 1024 <= thinking["budget_tokens"] < body["max_tokens"]


def test_reasoning_that_cannot_be_had_is_a_loss() -> None:
    assert lost(SONNET, reasoning=Reasoning("high"), **FORCED) == ["reasoning with a forced tool"]
    assert lost(HAIKU3, reasoning=Reasoning("high")) == ["reasoning"]
    assert lost("claude-fable-5", reasoning=Reasoning("none")) == ["reasoning off"]


@pytest.mark.parametrize(
    ("model", "members", "sampling", "losses"),
    [
        (SONNET, {"sampling": Sampling(9, 0.5, top_k=3)}, {"temperature": 0.5, "top_k": 3}, []),
        (SONNET, {"sampling": Sampling(9, 1.7)}, {"temperature": 1}, ["temperature above 1"]),
        (SONNET, {"sampling": Sampling(9, 0.5, 0.9)}, {"temperature": 0.5}, ["top_p"]),
        (SONNET, {"sampling": Sampling(9, 0.5, 1)}, {"temperature": 0.5}, []),
        (SONNET, {"sampling": Sampling(9, None, 0.9)}, {"top_p": 0.9}, []),
        ("claude-sonnet-4-0", {"sampling": Sampling(9, 0.5, 0.9)}, {"temperature": 0.5, "top_p": 0.9}, []),
        (OPUS, {"sampling": Sampling(9, 0.5, 0.9, 3)}, {}, ["temperature", "top_p", "top_k"]),
        (OPUS, {"sampling": Sampling(9, 1, 1)}, {}, []),
        (SONNET, {"sampling": Sampling(9, 0.5, 0.5, 3), "reasoning": Reasoning("low")}, {}, ["temperature", "top_p", "top_k"]),
        (SONNET, {"sampling": Sampling(9, 1, 0.95), "reasoning": Reasoning("low")}, {"top_p": 0.95}, []),
        (SONNET, {"sampling": Sampling(9, stop=["x", " \n"])}, {"stop_sequences": ["x"]}, ["stop of white space"]),
        (
            SONNET,
            {"sampling": Sampling(9, seed=1, n=2, presence_penalty=0.0, frequency_penalty=0.5, logit_bias={"1": 1}, logprobs=True, top_logprobs=3)},
            {},
            ["seed", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "n"],
        ),
    ],
)  # fmt: skip
def test_sampling_is_sent_as_far_as_the_model_takes_it(
    model: str, members: dict[str, Any], sampling: dict[str, Any], losses: list[str]
) -> None:
    request = Request(model, [HI], **members)
    body = write(request)
    names = ("temperature", "top_p", "top_k", "stop_sequences")
    assert {name: body[name] for name in names if name in body} == sampling
    assert request.losses == losses


def test_json_by_schema_is_asked_for_natively_where_the_model_can() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "description": "N."}}, "required": ["n"]}
    body = asked(SONNET, format=Format("schema", raw(schema)))
    closed = {
        "type": "object",
        "properties": {"n": {"type": "integer", "description": "N.\n\n{minimum: 1}"}},
        "required": ["n"],
        "additionalProperties": False,
    }
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": closed}}
    told = asked(HAIKU3, Turn("system", [Text("S")]), HI, format=Format("schema", raw(schema)))
    assert "output_config" not in told
    assert told["system"][0]["text"] == "S"
    assert '"minimum":1' in told["system"][1]["text"]


def test_any_json_is_asked_for_in_words_unless_the_conversation_does_so_itself() -> None:
    assert "JSON" in asked(SONNET, format=Format("json"))["system"]
    assert "system" not in asked(SONNET, Turn("user", [Text("As JSON, please.")]), format=Format("json"))
    assert lost(SONNET, format=Format("json")) == ["response_format (told to the model)"]


def test_the_rest_is_written() -> None:
    body = asked(
        SONNET, user="u", metadata={"team": "t"}, service_tier="default", cache="1h", stream=True, extra={"brand_new": raw(1)}
    )  # fmt: skip
    assert body["metadata"] == {"user_id": "u"}
    assert body["service_tier"] == "standard_only"
    assert body["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert (body["stream"], body["brand_new"]) == (True, 1)
    assert lost(SONNET, metadata={"team": "t"}, service_tier="flex", verbosity="low", store=True, cache_key="k") == [
        "metadata",
        "service_tier",
        "verbosity",
        "store",
        "prompt_cache_key",
    ]


def test_what_is_written_reads_back() -> None:
    request = Request(
        SONNET,
        [
            Turn("system", [Text("S", cache="5m")]),
            Turn("user", [Text("U"), Media("image", data="iVBORw0K", mime="image/png")]),
            Turn("assistant", [Thinking("Hm.", "s", dialect=NAME), Text("A"), ToolCall("a", "f", '{"x":1}')]),
            Turn("user", [ToolResult("a", [Text("one")], "f", is_error=True), Text("Thanks")]),
        ],
        [Tool("f", "d", raw({"type": "object", "properties": {}, "additionalProperties": False}), True)],
        ToolChoice("auto"),
        parallel_tools=False,
        sampling=Sampling(5000, top_p=0.95, stop=["x"]),
        reasoning=Reasoning(budget=2000),
        user="u",
        cache="",
    )
    assert shape(CODEC.read_request(CODEC.write_request(request))) == shape(request)
