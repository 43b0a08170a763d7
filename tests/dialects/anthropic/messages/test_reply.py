"""Whole Messages answers: read from the provider, written for callers, looked over as they pass."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import Message

from lockgate.core.content import Citation, Declined, Media, Native, Text, Thinking, Tool, ToolCall
from lockgate.core.failure import Failure
from lockgate.core.json import raw
from lockgate.core.reply import Choice, Finish, Reply, Usage
from lockgate.core.request import Request
from lockgate.dialects.anthropic.messages import CODEC
from lockgate.dialects.codec import Voice
from support.canonical import shape

NAME = "anthropic.messages"
VOICE = Voice("01JX", 1767225600, Request("asked-model"))
USAGE = {"input_tokens": 5, "output_tokens": 3, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 2}


def answer(*content: Any, stop_reason: str | None = "end_turn", **members: Any) -> bytes:
    body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "c1", "content": content, "usage": USAGE}
    return json.dumps({**body, "stop_reason": stop_reason, "stop_sequence": None, **members}).encode()


def read(body: bytes) -> Reply:
    reply = CODEC.read_reply(body)
    assert isinstance(reply, Reply), reply
    return reply


def written(*said: Any, finish: Finish | None = None, voice: Voice = VOICE) -> dict[str, Any]:
    body = json.loads(CODEC.write_reply(Reply(choices=[Choice(list(said), finish or Finish("stop"))]), voice))
    Message.model_validate(body)
    return body


def test_an_answer_is_read() -> None:
    reply = read(answer({"type": "text", "text": "Hi", "citations": None}))
    assert (reply.id, reply.model) == ("msg_1", "c1")
    assert reply.choices == [Choice([Text("Hi")], Finish("stop", "end_turn"))]
    assert reply.usage is not None
    assert (reply.usage.input, reply.usage.output, reply.usage.cached, reply.usage.cache_write) == (14, 3, 7, 2)


def test_blocks_are_read() -> None:
    cited = {
        "type": "search_result_location",
        "source": "https://a.b",
        "title": "A",
        "cited_text": "q",
        "search_result_index": 0,
    }
    server = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    reply = read(
        answer(
            {"type": "thinking", "thinking": "Hm.", "signature": "s"},
            {"type": "redacted_thinking", "data": "d"},
            {"type": "text", "text": ""},
            {"type": "text", "text": "Hi", "citations": [cited]},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"b": 1, "a": "é"}},
            server,
            stop_reason="tool_use",
        )
    )
    parts = reply.choices[0].parts
    assert parts[:2] == [Thinking("Hm.", "s", dialect=NAME), Thinking(redacted="d", dialect=NAME)]
    assert isinstance(parts[2], Text)
    assert [(c.url, c.title, c.quote) for c in parts[2].citations] == [("https://a.b", "A", "q")]
    assert isinstance(parts[3], ToolCall)
    assert (parts[3].id, parts[3].name, json.loads(parts[3].arguments)) == ("t", "f", {"b": 1, "a": "é"})
    assert shape(parts[4]) == shape(Native(NAME, "server_tool_use", raw(server)))


@pytest.mark.parametrize(
    ("reason", "sequence", "finish"),
    [
        ("stop_sequence", "x", Finish("stop", "stop_sequence", "x")),
        ("max_tokens", None, Finish("length", "max_tokens")),
        ("model_context_window_exceeded", None, Finish("length", "model_context_window_exceeded")),
        ("refusal", None, Finish("content_filter", "refusal")),
        ("pause_turn", None, Finish("pause", "pause_turn")),
        ("brand_new", None, Finish("unknown", "brand_new")),
        (None, None, Finish("unknown")),
    ],
)
def test_endings_are_read(reason: str | None, sequence: str | None, finish: Finish) -> None:
    assert read(answer(stop_reason=reason, stop_sequence=sequence)).choices[0].finish == finish


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}', "overloaded"),
        (b'{"error":{"message":"x"}}', "server"),
        (b"{}", "malformed"),
        (b"<html>", "malformed"),
        (b'{"content":[{"type":"text","text":"\xff"}]}', "malformed"),
        (b'{"content":[5]}', "malformed"),
    ],
)
def test_what_is_no_answer_is_a_failure(body: bytes, kind: str) -> None:
    failure = CODEC.read_reply(body)
    assert isinstance(failure, Failure)
    assert failure.kind == kind
    assert failure.status >= 400


def test_a_member_of_an_odd_type_spoils_no_answer() -> None:
    reply = read(answer({"type": "text", "text": "Hi", "citations": "odd"}, usage=[], stop_sequence=5))
    assert (reply.choices[0].parts, reply.usage) == ([Text("Hi")], None)


def test_a_passing_answer_is_learnt_from() -> None:
    outcome = CODEC.observe(answer(stop_reason="max_tokens"))
    assert (outcome.id, outcome.model, outcome.finish, outcome.complete) == (
        "msg_1",
        "c1",
        Finish("length", "max_tokens"),
        True,
    )
    assert outcome.usage is not None
    assert outcome.usage.input == 14
    assert CODEC.observe(b'{"type":"error","error":{"type":"api_error","message":"x"}}').failure is not None
    assert CODEC.observe(b"oops").failure is not None


def test_an_answer_is_written_whole() -> None:
    usage = Usage(20, 5, cached=7, cache_write=6, cache_write_1h=2, reasoning=3, searches=1)
    body = json.loads(CODEC.write_reply(Reply("x1", "m1", 9, [Choice([Text("Hi")], Finish("stop"))], usage), VOICE))
    assert body == {
        "id": "x1",
        "type": "message",
        "role": "assistant",
        "model": "m1",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 7,
            "output_tokens": 5,
            "cache_creation_input_tokens": 6,
            "cache_read_input_tokens": 7,
            "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 2},
            "output_tokens_details": {"thinking_tokens": 3},
            "server_tool_use": {"web_search_requests": 1, "web_fetch_requests": 0},
        },
    }
    assert read(json.dumps(body).encode()).usage is not None


def test_parts_are_written_as_blocks() -> None:
    voice = Voice("01JX", 1, Request("m", tools=[Tool("my.tool")]))
    body = written(
        Thinking("Hm.", "s", dialect=NAME),
        Thinking(signature="R29v", dialect="gemini.generate"),
        Thinking("", dialect="openai.chat", id="reasoning"),
        Thinking("Raw.", dialect="openai.chat", id="reasoning"),
        Text(""),
        Text("Hi", citations=[Citation("https://a.b", "A", "q")]),
        Declined("No."),
        ToolCall("", "my_tool", '{"a":1}'),
        ToolCall("b", "g", "{cut"),
        ToolCall("c", "sh", "ls", custom=True),
        Native("openai.responses", "web_search_call", raw({})),
        Media("image", data="AAAA"),
        voice=voice,
    )
    citation = {
        "type": "web_search_result_location",
        "url": "https://a.b",
        "title": "A",
        "cited_text": "q",
        "encrypted_index": "",
    }
    assert body["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "thinking", "thinking": "", "signature": "lockgate:gemini.generate::R29v"},
        {"type": "thinking", "thinking": "Raw.", "signature": "lockgate:openai.chat:reasoning:"},
        {"type": "text", "text": "Hi", "citations": [citation]},
        {"type": "text", "text": "No."},
        {"type": "tool_use", "id": "toolu_01JX_7", "name": "my.tool", "input": {"a": 1}},
        {"type": "tool_use", "id": "b", "name": "g", "input": {"arguments": "{cut"}},
        {"type": "tool_use", "id": "c", "name": "sh", "input": {"input": "ls"}},
    ]
    assert body["stop_reason"] == "tool_use"


def test_an_answer_without_choices_is_an_empty_one() -> None:
    body = json.loads(CODEC.write_reply(Reply(), VOICE))
    assert (body["id"], body["content"], body["stop_reason"]) == ("msg_01JX", [], "end_turn")
