"""Chat requests: read from callers, written for hosts."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from lockgate.core.content import Declined, Media, Native, Text, Thinking, Tool, ToolCall, ToolResult, Turn
from lockgate.core.failure import Refusal
from lockgate.core.json import raw
from lockgate.core.request import Format, Reasoning, Request, Sampling, ToolChoice
from lockgate.core.sheet import Sheet
from lockgate.dialects.openai.chat import CODEC
from support.canonical import shape

NAME = "openai.chat"
USER: dict[str, Any] = {"role": "user", "content": "Hi"}


def read(*messages: Any, **members: Any) -> Request:
    return CODEC.read_request(Sheet.open(json.dumps({"model": "m", "messages": messages or [USER], **members}).encode()))


def turns(*messages: Any) -> list[Turn]:
    return read(*messages).turns


def write(request: Request) -> dict[str, Any]:
    return json.loads(CODEC.write_request(request).bytes())


def sent(*said: Turn, **members: Any) -> list[dict[str, Any]]:
    return write(Request("m", list(said), **members))["messages"]


def asked(**members: Any) -> dict[str, Any]:
    return write(Request("m", [Turn("user", [Text("Hi")])], **members))


def test_roles_become_turns() -> None:
    said = [
        {"role": "system", "content": "S"},
        {"role": "developer", "content": [{"type": "text", "text": "D"}]},
        {"role": "user", "content": "U"},
        {"role": "assistant", "content": "A"},
        {"role": "user", "content": [{"type": "text", "text": "1"}, {"type": "text", "text": "2"}]},
    ]
    assert turns(*said) == [
        Turn("system", [Text("S")]),
        Turn("developer", [Text("D")]),
        Turn("user", [Text("U")]),
        Turn("assistant", [Text("A")]),
        Turn("user", [Text("1"), Text("2")]),
    ]


def test_speakers_keep_their_names() -> None:
    ann, bob = {**USER, "name": "ann"}, {**USER, "name": "bob"}
    assert [(turn.name, len(turn.parts)) for turn in turns(ann, ann, bob, USER)] == [("ann", 2), ("bob", 1), ("", 1)]
    assert [message.get("name") for message in sent(*turns(ann, bob, USER))] == ["ann", "bob", None]


def test_calls_and_their_answers_are_read() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}
    shell = {"id": "c2", "type": "custom", "custom": {"name": "sh", "input": "ls"}}
    said = [
        {"role": "assistant", "content": None, "tool_calls": [call, shell]},
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        USER,
    ]
    assert turns(*said) == [
        Turn("assistant", [ToolCall("c1", "f", '{"x": 1}'), ToolCall("c2", "sh", "ls", custom=True)]),
        Turn(
            "user",
            [ToolResult("c1", [Text("one")], "f"), ToolResult("c2", [Text("a"), Text("b")], "sh", custom=True), Text("Hi")],
        ),
    ]


def test_calls_of_2023_are_read() -> None:
    said = [
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "one"},
    ]
    call, result = (part for turn in turns(*said) for part in turn.parts)
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert (call.name, result.name, call.id == result.call_id, bool(call.id)) == ("f", "f", True, True)
    request = read(functions=[{"name": "f", "parameters": {"type": "object"}}], function_call={"name": "f"})
    assert (request.tools[0].name, request.tool_choice) == ("f", ToolChoice("required", ["f"]))


@pytest.mark.parametrize(
    ("part", "media"),
    [
        ({"type": "image_url", "image_url": {"url": "https://a.b/c.png", "detail": "low"}}, Media("image", url="https://a.b/c.png", detail="low")),
        ({"type": "image_url", "image_url": "data:image/png;base64,AAAA"}, Media("image", data="AAAA", mime="image/png")),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}, Media("audio", data="AAAA", mime="audio/mpeg")),
        ({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}}, Media("file", data="AAAA", mime="application/pdf", name="a.pdf")),
        ({"type": "file", "file": {"filename": "a.pdf", "file_data": "AAAA"}}, Media("file", data="AAAA", mime="application/pdf", name="a.pdf")),
        ({"type": "file", "file": {"file_data": "https://a.b/c.pdf"}}, Media("file", url="https://a.b/c.pdf")),
        ({"type": "file", "file": {"file_id": "file-1"}}, Media("file", file_id="file-1")),
        ({"type": "video_url", "video_url": {"url": "https://a.b/c.mp4"}}, Media("video", url="https://a.b/c.mp4", mime="video/mp4")),
        ({"type": "refusal", "refusal": "No."}, Declined("No.")),
        ({"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, Thinking("Hm.", dialect=NAME, id="thinking")),
        ({"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}, "image_url": None}, Text("a", cache="1h")),
        ({"type": "text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}}, Text("a", cache="")),
    ],
)  # fmt: skip
def test_parts_are_read(part: dict[str, Any], media: Any) -> None:
    assert turns({"role": "user", "content": [part]})[0].parts == [media]


def test_a_part_that_nobody_else_knows_stays_as_it_is() -> None:
    (part,) = turns({"role": "user", "content": [{"type": "odd", "x": 1}]})[0].parts
    assert isinstance(part, Native)
    assert (part.dialect, part.kind, json.loads(bytes(part.raw))) == (NAME, "odd", {"type": "odd", "x": 1})


@pytest.mark.parametrize(
    ("members", "thinking"),
    [
        ({"reasoning_content": "Hm."}, [Thinking("Hm.", dialect=NAME, id="reasoning_content")]),
        (
            {"reasoning_content": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "signature": "s", "format": "anthropic-claude-v1"}]},
            [Thinking("Hm.", "s", dialect="anthropic.messages")],
        ),
        (
            {"reasoning_content": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "", "signature": "s", "format": "anthropic-claude-v1"}]},
            [Thinking("Hm.", "s", dialect="anthropic.messages")],
        ),
        ({"reasoning_details": [{"type": "reasoning.encrypted", "data": "d", "format": "anthropic-claude-v1"}]}, [Thinking(redacted="d", dialect="anthropic.messages")]),
        (
            {"reasoning_details": [
                {"type": "reasoning.summary", "summary": "Hm.", "id": "rs_1", "format": "openai-responses-v1", "index": 0},
                {"type": "reasoning.encrypted", "data": "d", "id": "rs_1", "format": "openai-responses-v1", "index": 0},
            ]},
            [Thinking("Hm.", "d", dialect="openai.responses", id="rs_1")],
        ),
        ({"reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "signature": "s", "format": "bedrock.converse"}]}, [Thinking("Hm.", "s", dialect="bedrock.converse")]),
        ({"reasoning_details": "odd", "reasoning": "Hm."}, [Thinking("Hm.", dialect=NAME, id="reasoning_content")]),
    ],
)  # fmt: skip
def test_an_echoed_message_gives_back_its_reasoning(members: dict[str, Any], thinking: list[Thinking]) -> None:
    assert turns({"role": "assistant", "content": "A", **members})[0].parts == [*thinking, Text("A")]


def test_a_signature_goes_back_before_the_call_that_it_names() -> None:
    calls = [{"id": name, "type": "function", "function": {"name": "f", "arguments": "{}"}} for name in ("a", "b")]
    details = [{"type": "reasoning.encrypted", "data": "R29v", "format": "google-gemini-v1", "id": "b", "index": 0}]
    expected = [ToolCall("a", "f", "{}"), Thinking(signature="R29v", dialect="gemini.generate"), ToolCall("b", "f", "{}")]
    assert turns({"role": "assistant", "tool_calls": calls, "reasoning_details": details})[0].parts == expected
    calls[1] |= {"extra_content": {"google": {"thought_signature": "R29v"}}}
    assert turns({"role": "assistant", "tool_calls": calls})[0].parts == expected


def test_tools_are_read() -> None:
    schema = {"type": "object", "properties": {"b": {}, "a": {"type": "integer", "minimum": 1.0}}}
    tools = [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": schema, "strict": True}, "cache_control": {"type": "ephemeral"}},
        {"type": "custom", "custom": {"name": "c", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}}},
        {"type": "openrouter:advisor", "parameters": {}},
    ]  # fmt: skip
    function, custom, native = read(tools=tools).tools
    assert (function.name, function.description, function.strict, function.cache) == ("f", "d", True, "")
    assert json.loads(bytes(function.schema or b"")) == schema
    assert (custom.name, custom.custom) == ("c", True)
    assert json.loads(bytes(custom.grammar or b"")) == {"type": "grammar", "syntax": "lark", "definition": "x"}
    assert (native.name, native.dialect) == ("openrouter:advisor", NAME)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("required")),
        ("any", ToolChoice("required")),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice("required", ["f"])),
        ({"type": "custom", "custom": {"name": "f"}}, ToolChoice("required", ["f"])),
        ({"function": {"name": "f"}}, ToolChoice("required", ["f"])),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}},
            ToolChoice("auto", ["f"]),
        ),
    ],
)  # fmt: skip
def test_the_choice_of_tools_is_read(choice: Any, expected: ToolChoice) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert read(tools=tools, tool_choice=choice).tool_choice == expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"reasoning_effort": "xhigh"}, Reasoning(effort="xhigh")),
        ({"reasoning_effort": "default"}, Reasoning(adaptive=True)),
        ({"reasoning": {"effort": "low", "exclude": True}}, Reasoning(effort="low", shown="none")),
        ({"reasoning": {"max_tokens": 5000}}, Reasoning(budget=5000)),
        ({"reasoning": {"enabled": True}}, Reasoning(adaptive=True)),
        ({"reasoning": {"enabled": False}}, Reasoning(effort="none")),
        ({"thinking": {"type": "enabled"}}, Reasoning(adaptive=True)),
        ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, Reasoning(budget=2000)),
        ({"thinking": {"type": "disabled"}}, Reasoning(budget=0)),
        ({}, None),
    ],
)
def test_reasoning_is_read_from_every_member_in_use(members: dict[str, Any], expected: Reasoning | None) -> None:
    assert read(**members).reasoning == expected


def test_sampling_and_the_rest_are_read() -> None:
    request = read(
        max_tokens=1, max_completion_tokens=2, temperature=0.5, top_p=1, top_k=3, stop="x", seed=4, n=2, presence_penalty=0.1,
        frequency_penalty=0.2, logit_bias={"5": -1}, logprobs=True, top_logprobs=2, user="u", safety_identifier="s",
        metadata={"a": "b"}, service_tier="flex", prompt_cache_key="k", store=True, verbosity="low", stream=True,
        stream_options={"include_usage": True}, parallel_tool_calls=False, response_format={"type": "json_object"},
    )  # fmt: skip
    assert request.sampling == Sampling(2, 0.5, 1, 3, ["x"], 4, 2, 0.1, 0.2, {"5": -1}, True, 2)
    assert (request.user, request.metadata, request.service_tier, request.cache_key) == ("s", {"a": "b"}, "flex", "k")
    assert (request.store, request.verbosity, request.stream, request.parallel_tools) == (True, "low", True, False)
    assert request.format == Format("json")
    assert (request.extra, request.losses) == ({}, [])


def test_unknown_members_pass_and_known_ones_without_a_place_are_losses() -> None:
    request = read(brand_new={"a": 1}, prediction={"type": "content"}, models=["x"], modalities=["text", "audio"], audio=None)
    assert {name: json.loads(bytes(value)) for name, value in request.extra.items()} == {"brand_new": {"a": 1}}
    assert request.losses == ["prediction", "models", "modalities"]
    assert write(request)["brand_new"] == {"a": 1}


def test_a_schema_of_the_answer_is_read_and_written() -> None:
    wanted = {"name": "n", "description": "d", "strict": True, "schema": {"type": "object", "properties": {"z": {}, "a": {}}}}
    request = read(response_format={"type": "json_schema", "json_schema": wanted})
    assert write(request)["response_format"] == {"type": "json_schema", "json_schema": wanted}


def test_texts_alone_are_one_string() -> None:
    assert sent(Turn("system", [Text("a"), Text("b")]), Turn("user", [Text("c")])) == [
        {"role": "system", "content": "a\n\nb"},
        {"role": "user", "content": "c"},
    ]


def test_answers_stand_behind_their_calls_and_pictures_behind_the_answers() -> None:
    picture = Media("image", data="AAAA", mime="image/png")
    said = sent(
        Turn("assistant", [Text("Look."), ToolCall("a", "f", ""), ToolCall("b", "g", "{}")]),
        Turn("user", [Text("Well?"), ToolResult("b", [Text("two"), picture]), ToolResult("a", [Text("one")], is_error=True)]),
    )
    assert [message["role"] for message in said] == ["assistant", "tool", "tool", "user"]
    assert said[0]["tool_calls"][0] == {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert said[1] == {"role": "tool", "tool_call_id": "a", "content": "one"}
    assert said[2] == {"role": "tool", "tool_call_id": "b", "content": "two"}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert said[3]["content"] == [image, {"type": "text", "text": "Well?"}]


def test_a_call_without_an_answer_and_an_answer_without_a_call_are_mended() -> None:
    said = sent(Turn("assistant", [ToolCall("a", "f")]), Turn("user", [ToolResult("x", [Text("lost")], "g"), Text("Hi")]))
    assert said[1] == {"role": "tool", "tool_call_id": "a", "content": "(no result)"}
    assert said[2] == {"role": "user", "content": "Result of the tool g:\nlost\n\nHi"}


def test_media_are_written_as_parts() -> None:
    text = base64.b64encode(b"words").decode()
    request = Request(
        "m",
        [
            Turn(
                "user",
                [
                    Text("See"),
                    Media("image", url="https://a.b/c.png", detail="low"),
                    Media("audio", data="AAAA", mime="audio/mpeg"),
                    Media("file", data="JVBERi0=", mime="application/pdf"),
                    Media("file", text="plain", mime="text/plain", name="T"),
                    Media("file", data=text, mime="text/csv"),
                    Media("file", file_id="file-1"),
                    Media("file", file_id="file_011C"),
                    Media("file", url="https://a.b/c.pdf"),
                    Media("video", url="https://a.b/c.mp4"),
                ],
            )
        ],
    )
    content = write(request)["messages"][0]["content"]
    assert content[1:] == [
        {"type": "image_url", "image_url": {"url": "https://a.b/c.png", "detail": "low"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        {"type": "file", "file": {"filename": "file.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
        {"type": "text", "text": '<document title="T">\nplain\n</document>'},
        {"type": "text", "text": "<document>\nwords\n</document>"},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "video_url", "video_url": {"url": "https://a.b/c.mp4"}},
    ]
    assert request.losses == ["file by id", "file by URL"]


@pytest.mark.parametrize(
    ("thinking", "members"),
    [
        (Thinking("Hm.", dialect=NAME, id="reasoning_content"), {"content": "A", "reasoning_content": "Hm."}),
        (Thinking("Hm.", dialect=NAME, id="reasoning"), {"content": "A", "reasoning": "Hm."}),
        (
            Thinking("Hm.", dialect=NAME, id="thinking"),
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "A"}]},
        ),
        (
            Thinking("Hm.", "s", dialect=NAME, id="reasoning_details/text/anthropic-claude-v1/"),
            {"content": "A", "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "signature": "s", "format": "anthropic-claude-v1", "index": 0}]},
        ),
        (
            Thinking(redacted="d", dialect=NAME, id="reasoning_details/encrypted/openai-responses-v1/rs_1"),
            {"content": "A", "reasoning_details": [{"type": "reasoning.encrypted", "data": "d", "format": "openai-responses-v1", "id": "rs_1", "index": 0}]},
        ),
        (Thinking("Hm.", "s", dialect="anthropic.messages"), {"content": "A"}),
        (Thinking("Hm."), {"content": "A"}),
    ],
)  # fmt: skip
def test_a_hosts_own_reasoning_goes_back_in_its_carrier_and_no_others(thinking: Thinking, members: dict[str, Any]) -> None:
    assert sent(Turn("user", [Text("Q")]), Turn("assistant", [thinking, Text("A")]))[1] == {"role": "assistant", **members}


def test_googles_signature_goes_back_on_its_call() -> None:
    parts = [Thinking(signature="R29v", dialect=NAME, id="google"), ToolCall("a", "f"), ToolCall("b", "f")]
    first, second = sent(Turn("assistant", parts))[0]["tool_calls"]
    assert first["extra_content"] == {"google": {"thought_signature": "R29v"}}
    assert "extra_content" not in second


def test_tools_and_their_choice_are_written() -> None:
    grammar = raw({"type": "grammar", "syntax": "lark", "definition": "x"})
    tools = [
        Tool("my.tool", "d", raw({"type": "object"}), strict=False),
        Tool("c", custom=True, grammar=grammar),
        Tool("w", dialect="anthropic.messages", native=raw({})),
    ]
    request = Request("m", [Turn("user", [Text("Hi")])], tools, ToolChoice("auto", ["my.tool", "c"]), parallel_tools=False)
    body = write(request)
    assert body["tools"] == [
        {"type": "function", "function": {"name": "my_tool", "description": "d", "parameters": {"type": "object"}, "strict": False}},
        {"type": "custom", "custom": {"name": "c", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}}},
    ]  # fmt: skip
    named = [{"type": "function", "function": {"name": "my_tool"}}, {"type": "custom", "custom": {"name": "c"}}]
    assert body["tool_choice"] == {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": named}}
    assert body["parallel_tool_calls"] is False
    assert request.losses == ["tools.w"]
    request.tool_choice = ToolChoice("required", ["my.tool"])
    assert write(request)["tool_choice"] == named[0]


def test_nothing_is_said_of_tools_that_are_not_there() -> None:
    body = asked(tool_choice=ToolChoice("none"), parallel_tools=True)
    assert body.keys() == {"model", "messages"}


@pytest.mark.parametrize(
    ("reasoning", "effort"),
    [
        (Reasoning(effort="none"), "none"),
        (Reasoning(effort="xhigh", budget=1), "xhigh"),
        (Reasoning(budget=0), None),
        (Reasoning(budget=1024), "low"),
        (Reasoning(budget=8192), "medium"),
        (Reasoning(budget=31999), "high"),
        (Reasoning(budget=64000), "high"),
        (Reasoning(adaptive=True), "medium"),
        (Reasoning(shown="auto"), None),
    ],
)
def test_reasoning_becomes_an_effort(reasoning: Reasoning, effort: str | None) -> None:
    assert asked(reasoning=reasoning).get("reasoning_effort") == effort


def test_sampling_and_the_rest_are_written() -> None:
    body = asked(
        sampling=Sampling(2, 0, 1, 3, ["x"], 4, 2, 0.0, 0.2, {"5": -1}, True, 0),
        user="u", metadata={"a": "b"}, service_tier="flex", cache_key="k", store=True, verbosity="low", stream=True,
    )  # fmt: skip
    expected = {
        "max_completion_tokens": 2, "temperature": 0, "top_p": 1, "stop": ["x"], "seed": 4, "n": 2, "presence_penalty": 0.0,
        "frequency_penalty": 0.2, "logit_bias": {"5": -1}, "logprobs": True, "top_logprobs": 0, "user": "u", "metadata": {"a": "b"},
        "service_tier": "flex", "prompt_cache_key": "k", "store": True, "verbosity": "low", "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip
    assert {name: value for name, value in body.items() if name not in ("model", "messages")} == expected


def test_losses_are_named() -> None:
    request = Request("m", [Turn("user", [Text("Hi", cache="")])], cache="5m", sampling=Sampling(top_k=1))
    write(request)
    assert request.losses == ["cache_control", "top_k"]


def test_an_empty_conversation_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        write(Request("m", [Turn("user", [Text("")])]))
    assert (refused.value.status, refused.value.code) == (400, "empty_conversation")


@pytest.mark.parametrize(
    ("options", "ours", "expected"),
    [
        ("", True, {"include_usage": True}),
        (',"stream_options":null', True, {"include_usage": True}),
        (',"stream_options":{"include_obfuscation":false}', True, {"include_obfuscation": False, "include_usage": True}),
        (',"stream_options":{"include_usage":false}', True, {"include_usage": True}),
        (',"stream_options":{"include_usage":true}', False, {"include_usage": True}),
    ],
)
def test_usage_is_asked_for_and_known_to_be_ours(options: str, ours: bool, expected: dict[str, Any]) -> None:
    sheet = Sheet.open(f'{{"model":"m"{options}}}'.encode())
    assert CODEC.ask_usage is not None
    assert CODEC.ask_usage(sheet) is ours
    assert json.loads(sheet.bytes())["stream_options"] == expected


def test_what_is_written_reads_back() -> None:
    request = Request(
        "m",
        [
            Turn("system", [Text("S")]),
            Turn("user", [Text("U"), Media("image", data="AAAA", mime="image/png", detail="low")]),
            Turn(
                "assistant", [Thinking("Hm.", dialect=NAME, id="reasoning_content"), Text("A"), ToolCall("a", "f", '{"x":1}')]
            ),
            Turn("user", [ToolResult("a", [Text("one")], "f"), Text("Thanks")]),
        ],
        [Tool("f", "d", raw({"type": "object"}), True)],
        ToolChoice("required", ["f"]),
        parallel_tools=True,
        sampling=Sampling(5, 0.5, stop=["x"]),
        reasoning=Reasoning(effort="low"),
    )
    assert shape(CODEC.read_request(CODEC.write_request(request))) == shape(request)
