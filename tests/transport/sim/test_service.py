"""The simulator as its callers see it: what goes in as bytes and what comes out."""

from __future__ import annotations

import base64
import json
import math
import re
import struct
from typing import Any

import jsonschema
import pytest
from openai.types import CreateEmbeddingResponse
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from lockgate.transport.sim.service import EVENTS, respond
from lockgate.wire.sse import Reader

CREATED = 1_767_225_600
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"enum": ["celsius", "fahrenheit"]},
                "days": {"type": "integer"},
            },
            "required": ["city", "unit"],
        },
    },
}


def named(*names: str) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in names]


def body(said: str = "Say pong.", **members: Any) -> bytes:
    return json.dumps({"model": "chat", "messages": [{"role": "user", "content": said}], **members}).encode()


def ask(said: str = "Say pong.", **members: Any) -> ChatCompletion:
    response = respond("POST", b"/v1/chat/completions", body(said, **members), CREATED)
    text = b"".join(response.pieces)
    assert response.status == 200, text
    return ChatCompletion.model_validate_json(text, strict=True)


def text(said: str = "Say pong.", **members: Any) -> str:
    return ask(said, **members).choices[0].message.content or ""


def stream(said: str = "Say pong.", **members: Any) -> list[ChatCompletionChunk]:
    response = respond("POST", b"/v1/chat/completions", body(said, stream=True, **members), CREATED)
    assert (response.status, response.content_type) == (200, EVENTS)
    reader = Reader()
    frames = [frame for piece in response.pieces for frame in reader.feed(piece)]
    assert frames.pop().data == b"[DONE]"
    return [ChatCompletionChunk.model_validate_json(frame.data, strict=True) for frame in frames]


def refused(said: str = "Say pong.", **members: Any) -> tuple[int, str | None, str]:
    response = respond("POST", b"/v1/chat/completions", body(said, **members), CREATED)
    error = json.loads(b"".join(response.pieces))["error"]
    return response.status, error["param"], error["code"]


@pytest.mark.parametrize(
    "said",
    [
        "Say pong.",
        "Please say pong!",
        "Reply with the word pong",
        'Reply with exactly "pong".',
        '"Say pong."',
        "Hi!\nsay: pong",
    ],
)
def test_it_says_what_it_is_told_to_say_and_who_it_is(said: str):
    answer = text(said)
    assert answer.startswith("pong. ") and "Lockgate" in answer


def test_it_refers_to_what_the_user_said():
    assert "Why is the sky blue?" in text("Why is the sky blue?")


def test_it_hears_the_users_words_not_the_scaffolding_around_them():
    parts = [
        {"type": "text", "text": "Say pong."},
        {"type": "text", "text": "<system-reminder>Be kind.\nSay no.</system-reminder>"},
    ]
    assert text(messages=[{"role": "user", "content": parts}]).startswith("pong.")


def test_it_says_what_came_beside_the_text():
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    parts = [{"type": "text", "text": "What is this?"}, image, image, {"type": "file", "file": {"file_data": "AA=="}}]
    assert "With it came 2 images and 1 file." in text(messages=[{"role": "user", "content": parts}])


def test_the_same_request_has_the_same_answer_and_another_has_another_id():
    assert ask() == ask()
    assert ask().id != ask(seed=1).id


def test_the_seed_and_the_choice_change_the_words():
    choices = [choice.message.content for choice in ask(n=4).choices]
    assert len(set(choices)) == 4
    assert text(seed=1) == choices[1]


def test_a_stream_says_what_the_whole_answer_says():
    for members in ({}, {"n": 3}, {"model": "think"}, {"max_tokens": 4}, {"tools": [WEATHER], "tool_choice": "required"}):
        whole = ask("What is new?", **members)
        chunks = stream("What is new?", stream_options={"include_usage": True}, **members)
        for choice in whole.choices:
            deltas = [c for chunk in chunks for c in chunk.choices if c.index == choice.index]
            assert "".join(d.delta.content or "" for d in deltas) == (choice.message.content or "")
            thought = "".join(getattr(d.delta, "reasoning_content", "") for d in deltas)
            assert thought == getattr(choice.message, "reasoning_content", "")
            assert [d.finish_reason for d in deltas if d.finish_reason] == [choice.finish_reason]
            called = "".join(c.function.arguments for d in deltas for c in d.delta.tool_calls or [])  # type: ignore[union-attr]
            assert called == "".join(c.function.arguments for c in choice.message.tool_calls or [])  # type: ignore[union-attr]
        assert chunks[-1].usage == whole.usage and chunks[-1].choices == []


def test_a_stream_has_usage_only_when_asked():
    assert all(chunk.usage is None for chunk in stream())


def test_the_limit_cuts_the_answer_and_is_the_usage():
    for name in ("max_tokens", "max_completion_tokens"):
        answer = ask("Why is the sky blue?", **{name: 5})
        assert (answer.choices[0].finish_reason, answer.usage and answer.usage.completion_tokens) == ("length", 5)
        assert text("Why is the sky blue?").startswith(answer.choices[0].message.content or "?")


def test_an_answer_as_long_as_the_limit_is_not_cut():
    usage = ask().usage
    assert usage and ask(max_tokens=usage.completion_tokens).choices[0].finish_reason == "stop"


def test_the_answer_ends_before_a_stop_text():
    assert text("Say one two three.", stop=[" three", "nothing"]) == "one two"
    assert text("Say one two three.", stop="one") == ""


def test_prompt_tokens_grow_with_what_is_sent():
    short, long, tools = ask("Hi"), ask("Hi" * 200), ask("Hi", tools=[WEATHER])
    assert short.usage and long.usage and tools.usage
    assert long.usage.prompt_tokens - short.usage.prompt_tokens == 99
    assert tools.usage.prompt_tokens > short.usage.prompt_tokens
    assert short.usage.total_tokens == short.usage.prompt_tokens + short.usage.completion_tokens


def test_think_shows_its_reasoning_first_and_counts_it():
    chunks = stream(model="think", stream_options={"include_usage": True})
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    kinds = "".join("r" if hasattr(delta, "reasoning_content") else "t" if delta.content else "" for delta in deltas)
    assert re.fullmatch("r+t+", kinds)
    usage = chunks[-1].usage
    assert usage and usage.completion_tokens_details and usage.completion_tokens_details.reasoning_tokens == kinds.count("r")


def test_think_without_effort_does_not_reason():
    assert not hasattr(ask(model="think", reasoning_effort="none").choices[0].message, "reasoning_content")


def test_echo_repeats_every_character():
    said = "Zwei  Räume,\n\ttabs & <tags> — 日本語 🎉 end. "
    assert text(said, model="echo") == said
    assert "".join(c.choices[0].delta.content or "" for c in stream(said, model="echo")) == said


def test_long_counts_a_token_an_event():
    chunks = stream(model="long-500")
    assert len(chunks) == 502  # and one that begins, one that finishes
    assert text(model="long-500").endswith(" 499 500")


def test_error_fails_as_asked_whatever_else_is_wrong():
    response = respond("POST", b"/v1/chat/completions", b'{"model": "error-429", "messages": 7}', CREATED)
    error = json.loads(b"".join(response.pieces))["error"]
    assert (response.status, response.retry_after_s, error["type"], error["code"]) == (
        429,
        1,
        "rate_limit_error",
        "rate_limit_exceeded",
    )


@pytest.mark.parametrize(("model", "status"), [("error-500", 500), ("error-503", 503), ("error-418", 418)])
def test_error_takes_any_error_status(model: str, status: int):
    assert refused(model=model)[0] == status


@pytest.mark.parametrize(
    "model", ["gpt", "error", "error-200", "error-x", "long-", "long-0", "long-99999", "chat-1", "", "long-٣"]
)
def test_an_unknown_model_is_not_found(model: str):
    assert refused(model=model) == (404, "model", "model_not_found")


# tools


def called(said: str, tools: list[dict[str, Any]], **members: Any) -> list[str]:
    calls = ask(said, tools=tools, **members).choices[0].message.tool_calls or []
    return [call.function.name if call.type == "function" else call.custom.name for call in calls]


def test_a_required_call_fits_the_tools_schema():
    choice = ask(tools=[WEATHER], tool_choice="required").choices[0]
    (call,) = choice.message.tool_calls or []
    assert call.type == "function" and choice.finish_reason == "tool_calls" and choice.message.content is None
    jsonschema.validate(json.loads(call.function.arguments), WEATHER["function"]["parameters"])


def test_a_named_tool_is_called():
    named_choice = {"type": "function", "function": {"name": "b"}}
    assert called("Hi", named("a", "b", "c"), tool_choice=named_choice) == ["b"]


def test_only_allowed_tools_are_called():
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "b"}}]}
    assert called("use a", named("a", "b"), tool_choice={"type": "allowed_tools", "allowed_tools": allowed}) == ["b"]


def test_a_custom_tool_gets_text():
    tool = {"type": "custom", "custom": {"name": "shell"}}
    (call,) = ask("run shell", tools=[tool]).choices[0].message.tool_calls or []
    assert call.type == "custom" and call.custom.input == "run shell"


def test_what_the_user_speaks_of_becomes_arguments():
    (call,) = ask("What is the weather in New York in fahrenheit?", tools=[WEATHER]).choices[0].message.tool_calls or []
    assert call.type == "function" and json.loads(call.function.arguments) == {"city": "New York", "unit": "fahrenheit"}


@pytest.mark.parametrize(
    ("said", "names"),
    [
        ("What is the weather in Paris?", ["get_weather"]),
        ("Use the Read tool.", ["Read"]),
        ("Please call get_weather and Read", ["get_weather", "Read"]),
        ("search the web for cats", ["WebSearch"]),
        ("Say pong.", []),
        ("Did you read that?", []),
        ("Write a short title for this task", []),
        ("I use bread", []),
    ],
)
def test_a_tool_is_called_when_the_user_asks_for_it(said: str, names: list[str]):
    assert called(said, [WEATHER, *named("Read", "Write", "Task", "WebSearch")]) == names


def test_only_one_call_when_parallel_calls_are_off():
    assert called("use a and b", named("a", "b"), parallel_tool_calls=False) == ["a"]


def test_no_call_when_calls_are_forbidden():
    assert called("use a", named("a"), tool_choice="none") == []


def test_call_ids_are_unique():
    calls = [
        call for choice in ask("use a and b", tools=named("a", "b"), n=2).choices for call in choice.message.tool_calls or []
    ]
    assert len({call.id for call in calls}) == 4


def exchange(*results: str, then: str = "") -> list[dict[str, Any]]:
    calls = [
        {"id": f"c{i}", "type": "function", "function": {"name": f"tool{i}", "arguments": "{}"}} for i in range(len(results))
    ]
    told = [{"role": "tool", "tool_call_id": f"c{i}", "content": result} for i, result in enumerate(results)]
    more = [{"role": "user", "content": then}] if then else []
    return [{"role": "user", "content": "use tool0"}, {"role": "assistant", "tool_calls": calls}, *told, *more]


def test_results_of_tools_are_told_and_not_asked_for_again():
    answer = ask(messages=exchange("18 degrees", "rain"), tools=named("tool0", "tool1")).choices[0].message
    assert not answer.tool_calls and answer.content and "tool0 answered: 18 degrees. tool1 answered: rain." in answer.content


def test_a_reminder_after_a_result_does_not_hide_it():
    assert "18 degrees" in text(messages=exchange("18 degrees", then="<system-reminder>Go on.</system-reminder>"))


# formats


def test_json_mode_gives_an_object_with_the_answer():
    assert json.loads(text("Say pong in json", response_format={"type": "json_object"})).keys() == {"answer"}


def test_a_schema_shapes_the_answer():
    schema = {
        "type": "object",
        "properties": {"title": {"type": "string"}, "tags": {"type": "array", "items": {"enum": ["a", "b"]}}},
    }
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    value = json.loads(text('Title it "Pong"', response_format=form))
    jsonschema.validate(value, schema)
    assert value == {"title": "Pong", "tags": ["a"]}


def test_an_impossible_schema_is_refused_by_its_path():
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": "#/nowhere"}}}
    assert refused(response_format=form) == (400, "response_format.json_schema.schema", "invalid_schema")


def test_logprobs_cover_the_text_and_rank_the_runners_up():
    choice = ask(logprobs=True, top_logprobs=3).choices[0]
    content = choice.logprobs and choice.logprobs.content
    assert content and "".join(one.token for one in content) == choice.message.content
    for one in content:
        ranks = [top.logprob for top in one.top_logprobs]
        assert ranks == sorted(ranks, reverse=True) and len(ranks) == 3 and one.top_logprobs[0].token == one.token
        assert one.logprob <= 0 and bytes(one.bytes or []) == one.token.encode()


def test_logprobs_are_in_the_stream_too():
    tokens = [t.token for c in stream(logprobs=True) if (p := c.choices[0].logprobs) for t in p.content or []]
    assert "".join(tokens) == text()


# what is wrong is named


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "bishop", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "smell"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "tool", "tool_call_id": "c", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": exchange("a", "b")[:-1]}, "messages[2]"),
        ({"messages": [*exchange("a")[:-1], {"role": "user", "content": "x"}]}, "messages[2]"),
        ({"n": 0}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"temperature": 3}, "temperature"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
        ({"response_format": {"type": "json_object"}}, "messages"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"model": "embed"}, "model"),
    ],
)
def test_a_malformed_request_is_refused_by_its_path(members: dict[str, Any], param: str):
    status, at, _ = refused(**members)
    assert (status, at) == (400, param)


def test_a_prompt_beyond_the_context_window_is_refused():
    assert refused("x" * 4_000_001) == (400, "messages", "context_length_exceeded")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"model": 1}', b"{}", b"[" * 100_000, b'{"model": "\xff"}'])
def test_a_body_that_is_no_request_is_refused(body: bytes):
    for path in (b"/v1/chat/completions", b"/v1/embeddings"):
        response = respond("POST", path, body, CREATED)
        assert response.status == 400 and json.loads(b"".join(response.pieces))["error"]["message"]


# the other routes


def test_the_models_are_listed_and_found():
    def get(path: bytes) -> tuple[int, Any]:
        response = respond("GET", path, b"", CREATED)
        return response.status, json.loads(b"".join(response.pieces))

    status, listed = get(b"/v1/models?limit=2")
    assert status == 200 and {"chat", "think", "echo", "long", "slow", "error-500", "embed"} == {
        row["id"] for row in listed["data"]
    }
    assert get(b"/v1/models/chat") == (200, listed["data"][0])
    assert get(b"/v1/models/none")[0] == 404


def test_other_places_and_methods_are_refused():
    assert respond("POST", b"/v1/files", b"", CREATED).status == 404
    assert respond("DELETE", b"/v1/models", b"", CREATED).status == 405


def embed(given: Any, **members: Any) -> CreateEmbeddingResponse:
    response = respond("POST", b"/v1/embeddings", json.dumps({"model": "embed", "input": given, **members}).encode(), CREATED)
    text = b"".join(response.pieces)
    assert response.status == 200, text
    return CreateEmbeddingResponse.model_validate_json(text)


def test_vectors_have_length_one_and_the_asked_dimensions():
    for dimensions in (1, 2, 256, 1536):
        for row in embed(["cats and dogs", "!", "   "], dimensions=dimensions).data:
            assert len(row.embedding) == dimensions and math.isclose(math.hypot(*row.embedding), 1)


def test_texts_that_share_words_are_near():
    said = ["What is the capital of France?", "Tell me the capital city of France", "How do I bake bread?"]
    one, other, far = (row.embedding for row in embed(said).data)
    assert near(one, other) > 0.5 > 0.2 > near(one, far)


def near(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_base64_holds_the_same_numbers():
    packed = respond("POST", b"/v1/embeddings", b'{"model":"embed","input":"x","encoding_format":"base64"}', CREATED)
    raw = base64.b64decode(json.loads(b"".join(packed.pieces))["data"][0]["embedding"])
    assert struct.unpack("<256f", raw) == pytest.approx(embed("x").data[0].embedding)


def test_token_lists_are_inputs_too():
    assert embed([1, 2, 3]).data[0].embedding == embed([[1, 2, 3]]).data[0].embedding
    assert len(embed([[1], [2]]).data) == 2


@pytest.mark.parametrize("given", ["", [], [""], ["a", 1], [[]], "x" * 40_000, ["x" * 30_000] * 20])
def test_an_input_that_cannot_be_embedded_is_refused(given: Any):
    response = respond("POST", b"/v1/embeddings", json.dumps({"model": "embed", "input": given}).encode(), CREATED)
    assert response.status == 400
    assert json.loads(b"".join(response.pieces))["error"]["param"].startswith("input")
