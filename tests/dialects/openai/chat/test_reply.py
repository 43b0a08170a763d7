"""Whole chat answers: read from hosts, written for callers, looked over as they pass."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lockgate.core.content import Citation, Declined, Media, Native, Text, Thinking, TokenLogprob, Tool, ToolCall
from lockgate.core.failure import Failure
from lockgate.core.json import raw
from lockgate.core.reply import Choice, Finish, Reply, Usage
from lockgate.core.request import Request
from lockgate.dialects.codec import Voice
from lockgate.dialects.openai.chat import CODEC

VOICE = Voice("01JX", 1767225600, Request("asked-model"))
NAME = "openai.chat"


def answer(finish: str | None = "stop", **message: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    usage = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}
    return json.dumps({"id": "c1", "model": "m1", "created": 7, "choices": [choice], "usage": usage}).encode()


def read(body: bytes) -> Reply:
    reply = CODEC.read_reply(body)
    assert isinstance(reply, Reply), reply
    return reply


def parts(**message: Any) -> list[Any]:
    return read(answer(**message)).choices[0].parts


def written(*said: Any, finish: Finish | None = None, voice: Voice = VOICE) -> dict[str, Any]:
    choice = json.loads(CODEC.write_reply(Reply(choices=[Choice(list(said), finish or Finish("stop"))]), voice))["choices"][0]
    return {**choice["message"], "finish_reason": choice["finish_reason"]}


def test_an_answer_is_read() -> None:
    reply = read(answer(content="Hi", refusal=None, tool_calls=None))
    assert (reply.id, reply.model, reply.created) == ("c1", "m1", 7)
    assert reply.choices == [Choice([Text("Hi")], Finish("stop", raw="stop"))]
    assert reply.usage is not None
    assert (reply.usage.input, reply.usage.output) == (5, 3)


def test_calls_of_all_kinds_are_read() -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
        {"id": "b", "type": "function", "function": {"name": "g", "arguments": {"y": 2}}},
        {"id": "c", "type": "custom", "custom": {"name": "shell", "input": "ls"}},
        {"id": "d", "type": "function", "function": {"name": "h"}, "custom": {"name": "", "input": ""}},
    ]
    assert parts(content=None, tool_calls=calls, function_call={"name": "", "arguments": ""}) == [
        ToolCall("a", "f", '{"x": 1}'),
        ToolCall("b", "g", '{"y":2}'),
        ToolCall("c", "shell", "ls", custom=True),
        ToolCall("d", "h", ""),
    ]


def test_a_finish_reason_left_empty_is_unknown_unless_tools_are_called() -> None:
    assert read(answer("", content="Hi")).choices[0].finish == Finish("unknown")
    call = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    assert read(answer("", tool_calls=call)).choices[0].finish == Finish("tool_calls")


@pytest.mark.parametrize(
    ("message", "thinking"),
    [
        ({"reasoning_content": "Hm."}, Thinking("Hm.", dialect=NAME, id="reasoning_content")),
        ({"reasoning": "Hm."}, Thinking("Hm.", dialect=NAME, id="reasoning")),
        ({"reasoning_content": "Hm.", "reasoning": "Hm."}, Thinking("Hm.", dialect=NAME, id="reasoning_content")),
        (
            {"reasoning": "Hm.", "reasoning_details": [{"type": "reasoning.text", "text": "Hm.", "signature": "s", "format": "f"}]},
            Thinking("Hm.", "s", dialect=NAME, id="reasoning_details/text/f/", summary=False),
        ),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]},
            Thinking("Hm.", dialect=NAME, id="thinking"),
        ),
        (
            {"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "reference", "reference_ids": [1]}]},
            Thinking("Hm.", dialect=NAME, id="thinking"),
        ),
    ],
)  # fmt: skip
def test_reasoning_is_read_once_from_its_carrier(message: dict[str, Any], thinking: Thinking) -> None:
    assert parts(**message) == [thinking]


def test_googles_signature_stands_before_the_first_call() -> None:
    extra = {"google": {"thought_signature": "U2ln"}}
    call = {"id": "", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    signature = Thinking(signature="U2ln", dialect=NAME, id="google")
    assert parts(extra_content=extra, tool_calls=[call, call]) == [signature, ToolCall("", "f", "{}"), ToolCall("", "f", "{}")]
    own = {**call, "extra_content": extra}
    assert parts(tool_calls=[call, own]) == [ToolCall("", "f", "{}"), signature, ToolCall("", "f", "{}")]


def test_citations_pictures_and_sounds_are_read() -> None:
    page = {"url": "https://a.b", "title": "A", "start_index": 0, "end_index": 2}
    said = parts(
        content="Hi",
        annotations=[{"type": "url_citation", "url_citation": page}, {"type": "file", "file": {}}],
        images=[{"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}],
        audio={"id": "x", "data": "BBBB", "transcript": "Hello", "expires_at": 1},
    )
    assert said == [
        Text("Hi", citations=[Citation("https://a.b", "A", "", 0, 2, dialect=NAME)]),
        Media("audio", data="BBBB"),
        Text("Hello"),
        Media("image", data="AAAA", mime="image/png"),
    ]


def test_empty_members_say_nothing() -> None:
    assert parts(content="", refusal="", audio={"data": ""}, function_call={"name": ""}, annotations=None, tool_calls=[]) == []


def test_logprobs_are_read() -> None:
    body = json.loads(answer(content="a"))
    body["choices"][0]["logprobs"] = {"content": [{"token": "a", "logprob": -0.5, "top_logprobs": []}], "refusal": None}
    assert read(json.dumps(body).encode()).choices[0].logprobs == [TokenLogprob("a", -0.5)]


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 4}, (9, 2, 4, 0)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "cached_tokens": 4, "prompt_tokens_details": None}, (9, 2, 4, 0)),
        ({"prompt_tokens": 9.0, "completion_tokens": "2"}, (9, 2, 0, 0)),
        # xAI counts its reasoning beside the completion
        ({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 16, "completion_tokens_details": {"reasoning_tokens": 5}}, (9, 7, 0, 5)),
        ({"prompt_tokens": 9, "completion_tokens": 7, "total_tokens": 16, "completion_tokens_details": {"reasoning_tokens": 5}}, (9, 7, 0, 5)),
        ({"prompt_tokens": 9, "completion_tokens": 2, "completion_tokens_details": "odd"}, (9, 2, 0, 0)),
    ],
)  # fmt: skip
def test_usage_is_read_as_hosts_count_it(usage: dict[str, Any], expected: tuple[int, ...]) -> None:
    body = {**json.loads(answer(content="a")), "usage": usage}
    made = read(json.dumps(body).encode()).usage
    assert made is not None
    assert (made.input, made.output, made.cached, made.reasoning) == expected
    assert json.loads(bytes(made.raw or b"")) == usage


def test_tokens_are_not_counted_as_read_and_written_at_once() -> None:
    details = {"cached_tokens": 90, "cache_write_tokens": 90}
    body = {**json.loads(answer(content="a")), "usage": {"prompt_tokens": 100, "prompt_tokens_details": details}}
    made = read(json.dumps(body).encode()).usage
    assert made is not None
    assert (made.input, made.cached, made.cache_write) == (100, 90, 10)


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (b'{"error":{"message":"No credits","code":402}}', "billing", "No credits"),
        (b'{"choices":[{"error":{"message":"Down","code":503},"message":{},"finish_reason":"error"}]}', "overloaded", "Down"),
        (b'{"choices":[]}', "malformed", "no choices"),
        (b"{}", "malformed", "no choices"),
        (b"<html>", "malformed", "cannot be read"),
        (b'{"choices":[{"message":{"content":"\xff"}}]}', "malformed", "cannot be read"),
        (b"[" * 5000, "malformed", "cannot be read"),
    ],
)
def test_what_is_no_answer_is_a_failure(body: bytes, kind: str, message: str) -> None:
    failure = CODEC.read_reply(body)
    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert message in failure.message
    assert failure.status >= 400


def test_a_member_of_an_odd_type_spoils_no_answer() -> None:
    assert parts(content="Hi", reasoning={"a": 1}, annotations="x", tool_calls={}, audio=5) == [Text("Hi")]


def test_a_passing_answer_is_learnt_from() -> None:
    outcome = CODEC.observe(answer("length", content="Hi"))
    assert (outcome.id, outcome.model, outcome.finish, outcome.complete) == ("c1", "m1", Finish("length", raw="length"), True)
    assert outcome.usage is not None
    assert CODEC.observe(b'{"error":{"message":"x"}}').failure is not None
    assert CODEC.observe(b"oops").failure is not None


def test_an_answer_is_written_whole() -> None:
    reply = Reply("x1", "m1", 9, [Choice([Text("Hi")], Finish("stop"))], Usage(5, 3, cached=2, reasoning=1), "default")
    body = json.loads(CODEC.write_reply(reply, VOICE))
    assert (body["id"], body["object"], body["created"], body["model"]) == ("x1", "chat.completion", 9, "m1")
    assert body["service_tier"] == "default"
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hi", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert body["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 3,
        "total_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 2, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 1, "audio_tokens": 0},
    }


def test_what_the_provider_does_not_say_the_voice_does() -> None:
    body = json.loads(CODEC.write_reply(Reply(choices=[Choice([])], service_tier="standard"), VOICE))
    assert (body["id"], body["created"], body["model"]) == ("chatcmpl-01JX", 1767225600, "asked-model")
    assert "service_tier" not in body
    assert "usage" not in body
    assert body["choices"][0]["message"]["content"] == ""


def test_texts_are_joined_and_parted_where_something_stood_between_them() -> None:
    citation = Citation("https://a.b", "A", start=0)
    other = Native("anthropic.messages", "server_tool_use", raw({}))
    message = written(Text("It is "), Text("raining", citations=[citation]), other, Text("Bye"))
    assert message["content"] == "It is raining\n\nBye"
    (annotation,) = message["annotations"]
    assert (annotation["url_citation"]["start_index"], annotation["url_citation"]["end_index"]) == (6, 13)


def test_reasoning_is_written_with_what_proves_it() -> None:
    message = written(
        Thinking("Hm.", "c2ln", dialect="anthropic.messages"),
        Thinking(redacted="eHh4", dialect="anthropic.messages"),
        Thinking("So.", "ZW5j", dialect="openai.responses", id="rs_1"),
        Thinking(signature="R29v", dialect="gemini.generate"),
        ToolCall("", "f"),
    )
    assert message["reasoning_content"] == "Hm.\n\nSo."
    assert message["reasoning_details"] == [
        {"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "eHh4", "format": "anthropic-claude-v1", "index": 1},
        {
            "type": "reasoning.text",
            "text": "So.",
            "signature": "ZW5j",
            "format": "openai-responses-v1",
            "id": "rs_1",
            "index": 2,
        },
        {"type": "reasoning.encrypted", "data": "R29v", "format": "google-gemini-v1", "index": 3},
    ]
    assert message["content"] is None
    assert message["tool_calls"][0]["id"] == "call_01JX_0"
    assert message["tool_calls"][0]["function"]["arguments"] == "{}"
    assert message["finish_reason"] == "tool_calls"


def test_declining_words_and_pictures_are_written() -> None:
    message = written(Declined("I cannot."), Media("image", url="https://a.b/c.png"))
    assert (message["content"], message["refusal"]) == (None, "I cannot.")
    assert message["images"] == [{"type": "image_url", "image_url": {"url": "https://a.b/c.png"}}]


def test_a_tool_is_called_by_the_name_and_in_the_form_that_its_caller_gave_it() -> None:
    voice = Voice("v", 1, Request("m", tools=[Tool("my.tool"), Tool("shell", custom=True)]))
    calls = written(
        ToolCall("a", "my_tool", "{}"), ToolCall("b", "shell", '{"input":"ls"}'), ToolCall("c", "shell", "pwd", custom=True), voice=voice
    )["tool_calls"]  # fmt: skip
    assert calls == [
        {"id": "a", "type": "function", "function": {"name": "my.tool", "arguments": "{}"}},
        {"id": "b", "type": "custom", "custom": {"name": "shell", "input": "ls"}},
        {"id": "c", "type": "custom", "custom": {"name": "shell", "input": "pwd"}},
    ]


def test_what_is_written_reads_back() -> None:
    said = [Text("Hi"), Declined("No."), ToolCall("a", "f", '{"x":1}')]
    reply = Reply("i", "m", 3, [Choice(said, Finish("tool_calls", raw="tool_calls"), [TokenLogprob("H", -0.1, [72])])])
    assert read(CODEC.write_reply(reply, VOICE)) == reply
