"""Whatever a caller sends is read, or refused with 400 and a sentence: never another exception, in reading or in writing."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.core.failure import Refusal
from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic import messages
from lockgate.dialects.codec import Codec
from lockgate.dialects.openai import chat

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

CHAT: dict[str, Any] = {
    "model": "claude-sonnet-4-5",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "Answer in JSON.", "cache_control": {"type": "ephemeral"}}]},
        {
            "role": "user",
            "name": "ann",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
                {"type": "image_url", "image_url": "https://example.com/a.png"},
                {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjQK"}},
                {"type": "file", "file": {"file_id": "file-1"}},
                {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
                {"type": "surprise", "surprise": 1},
            ],
        },
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "Let me look."}, {"type": "refusal", "refusal": "No."}],
            "reasoning_details": [
                {"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0},
                {"type": "reasoning.encrypted", "data": "ZGF0YQ==", "format": "google-gemini-v1", "id": "call_1", "index": 1},
            ],
            "reasoning_content": "Hm.",
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "sky"}'}},
                {"id": "call_2", "type": "custom", "custom": {"name": "shell", "input": "ls"}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "blue"},
        {"role": "tool", "tool_call_id": "call_2", "content": [{"type": "text", "text": "a\nb"}]},
        {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": "{}"}},
        {"role": "function", "name": "look", "content": "clouds"},
        {"role": "user", "content": "And now?"},
    ],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "look",
                "description": "Look somewhere.",
                "strict": True,
                "parameters": {
                    "type": "object",
                    "properties": {"at": {"type": "string", "format": "uri", "minLength": 1}, "deep": {"$ref": "#/$defs/d"}},
                    "required": ["at"],
                    "$defs": {"d": {"anyOf": [{"type": "null"}, {"type": ["object", "null"], "items": {}}]}},
                },
            },
        },
        {"type": "custom", "custom": {"name": "shell", "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "s"}}}},
        {"type": "web_search"},
    ],
    "functions": [{"name": "old", "parameters": {}}],
    "tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"type": "function", "function": {"name": "look"}}]}},
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": {"type": "object", "properties": {}}}},
    "reasoning_effort": "low",
    "reasoning": {"effort": "high", "max_tokens": 2000, "exclude": True},
    "thinking": {"type": "enabled", "budget_tokens": 2000},
    "max_tokens": 100,
    "max_completion_tokens": 200,
    "temperature": 0.5,
    "top_p": 0.9,
    "top_k": 5,
    "stop": ["a", " "],
    "seed": 1,
    "n": 2,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.1,
    "logit_bias": {"5": -1},
    "logprobs": True,
    "top_logprobs": 2,
    "user": "u",
    "safety_identifier": "s",
    "metadata": {"a": "b"},
    "service_tier": "flex",
    "prompt_cache_key": "k",
    "store": True,
    "verbosity": "low",
    "modalities": ["text", "audio"],
    "audio": {"voice": "alloy", "format": "wav"},
    "stream": True,
    "stream_options": {"include_usage": True},
    "unknown_member": {"a": [1, 2]},
}  # fmt: skip

MESSAGES: dict[str, Any] = {
    "model": "gpt-5",
    "max_tokens": 1000,
    "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
    "messages": [
        {"role": "user", "content": "Hello"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "lockgate:openai.responses:rs_1:c2ln"},
                {"type": "redacted_thinking", "data": "ZGF0YQ=="},
                {
                    "type": "text",
                    "text": "Hi.",
                    "citations": [{"type": "web_search_result_location", "url": "https://a.b", "title": "A", "cited_text": "h"}],
                },
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "sky"}},
                {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "is_error": True,
                    "content": [
                        {"type": "text", "text": "blue"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                        {"type": "tool_reference", "tool_name": "look"},
                    ],
                },
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {"type": "document", "title": "T", "context": "c", "citations": {"enabled": True}, "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
                {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"}},
                {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "inner"}]}},
                {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
                {"type": "search_result", "source": "https://a.b", "title": "A", "content": [{"type": "text", "text": "found"}]},
            ],
        },
        {"role": "system", "content": "From now on, rhyme."},
        {"role": "user", "content": [{"type": "text", "text": "And now?", "cache_control": {"type": "ephemeral"}}]},
    ],
    "tools": [
        {"name": "look", "description": "Look.", "input_schema": {"type": "object", "properties": {"at": {"type": "string"}}}, "strict": True, "defer_loading": True},
        {"type": "custom", "name": "touch", "input_schema": {}, "cache_control": {"type": "ephemeral"}},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
    ],
    "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024, "display": "summarized"},
    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}, "task_budget": {"type": "tokens", "total": 5}},
    "temperature": 1,
    "top_p": 0.9,
    "top_k": 5,
    "stop_sequences": ["x"],
    "metadata": {"user_id": "u"},
    "service_tier": "auto",
    "cache_control": {"type": "ephemeral"},
    "container": "c",
    "stream": True,
    "unknown_member": 1,
}  # fmt: skip

TARGETS = (
    (messages.CODEC, "claude-sonnet-4-5"),
    (messages.CODEC, "claude-opus-4-8"),
    (messages.CODEC, "claude-3-haiku-20240307"),
    (chat.CODEC, "gpt-5"),
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "text", "tool", "user", "image_url", "data:x", "data:;base64,!", "https://", "[" * 3000, "{}", "é\u0000", "1"])
    | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "role", "content", "x"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a value."""
    out = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        out += places(inner, (*path, key))
    return out


def changed(body: Any, data: st.DataObject) -> Any:
    """The body with some of its values replaced, dropped or repeated."""
    body = copy.deepcopy(body)
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(body)))
        holder = body
        for step in path[:-1]:
            holder = holder[step]
        how = data.draw(st.sampled_from(["replace", "drop", "repeat"]))
        if how == "replace":
            holder[path[-1]] = data.draw(json_values)
        elif how == "drop":
            del holder[path[-1]]
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(holder[path[-1]]))
    return body


def translate(codec: Codec, body: bytes) -> None:
    try:
        for target, model in TARGETS:
            request = codec.read_request(Sheet.open(body))
            request.model = model
            json.loads(target.write_request(request).bytes())
    except Refusal as refusal:
        assert refusal.status == 400
        assert refusal.message
        assert refusal.code


@pytest.mark.parametrize(("codec", "body"), [(chat.CODEC, CHAT), (messages.CODEC, MESSAGES)], ids=["chat", "messages"])
def test_the_unchanged_body_is_read_and_written(codec: Codec, body: dict[str, Any]) -> None:
    for target, model in TARGETS:
        request = codec.read_request(Sheet.open(json.dumps(body).encode()))
        request.model = model
        assert json.loads(target.write_request(request).bytes())["messages"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_chat_request_is_translated_or_refused(data: st.DataObject) -> None:
    translate(chat.CODEC, json.dumps(changed(CHAT, data)).encode())


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_changed_messages_request_is_translated_or_refused(data: st.DataObject) -> None:
    translate(messages.CODEC, json.dumps(changed(MESSAGES, data)).encode())


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_request_of_damaged_bytes_is_translated_or_refused(data: st.DataObject) -> None:
    codec, body = data.draw(st.sampled_from([(chat.CODEC, CHAT), (messages.CODEC, MESSAGES)]))
    raw = bytearray(json.dumps(body, ensure_ascii=False).encode())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(raw) - 1))
        raw[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    translate(codec, bytes(raw))


DEEP = b"[" * 700 + b"]" * 700
CASES: list[tuple[Codec, bytes, str]] = [
    (chat.CODEC, b"{}", "messages"),
    (chat.CODEC, b'{"messages":[]}', "messages"),
    (chat.CODEC, b'{"messages":"hi"}', "messages"),
    (chat.CODEC, b'{"messages":[{"content":"hi"}]}', "messages[0]"),
    (chat.CODEC, b'{"messages":[{"role":"bot","content":"hi"}]}', "messages[0].role"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":5}]}', "messages[0].content"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":[{"text":"hi"}]}]}', "messages[0].content[0].type"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":[{"type":1}]}]}', "messages[0].content[0].type"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":[{"type":"text"}]}]}', "messages[0].content[0].text"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}', "messages[0].content[0].image_url.url"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":[{"type":"file","file":{}}]}]}', "messages[0].content[0].file.file_data"),
    (chat.CODEC, b'{"messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function"}]}]}', "messages[0].tool_calls[0].function.name"),
    (chat.CODEC, b'{"messages":[{"role":"tool","content":"a"}]}', "messages[0]"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function"}]}', "tools[0]"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","parameters":[]}}]}', "tools[0].function.parameters"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":"a"}],"tool_choice":"maybe"}', "tool_choice"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":"a"}],"tool_choice":{"type":"function"}}', "tool_choice.function.name"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"xml"}}', "response_format.type"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema"}}', "response_format.json_schema"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":"a"}],"reasoning_effort":"huge"}', "reasoning_effort"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":"a"}],"temperature":"hot"}', "temperature"),
    (chat.CODEC, b'{"messages":[{"role":"user","content":"a"}],"stop":[1]}', "stop[0]"),
    (messages.CODEC, b"{}", "messages"),
    (messages.CODEC, b'{"max_tokens":1,"messages":[{"role":"bot","content":"a"}]}', "messages[0].role"),
    (messages.CODEC, b'{"max_tokens":1,"messages":[{"role":"user"}]}', "messages[0]"),
    (messages.CODEC, b'{"max_tokens":1,"messages":[{"role":"user","content":[{"text":"a"}]}]}', "messages[0].content[0].type"),
    (messages.CODEC, b'{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"text"}]}]}', "messages[0].content[0]"),
    (messages.CODEC, b'{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64"}}]}]}', "messages[0].content[0].source.data"),
    (messages.CODEC, b'{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"odd"}}]}]}', "messages[0].content[0].source.type"),
    (messages.CODEC, b'{"max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"b","input":[]}]}]}', "messages[0].content[0].input"),
    (messages.CODEC, b'{"max_tokens":1,"messages":[{"role":"user","content":"a"}],"system":5}', "system"),
    (messages.CODEC, b'{"max_tokens":1,"messages":[{"role":"user","content":"a"}],"system":[{"type":"text"}]}', "system[0]"),
    (messages.CODEC, b'{"max_tokens":"x","messages":[{"role":"user","content":"a"}]}', "max_tokens"),
    (messages.CODEC, b'{"max_tokens":1,"messages":[{"role":"user","content":"a"}],"thinking":{"type":"deep"}}', "thinking.type"),
    (messages.CODEC, b'{"max_tokens":1,"messages":[{"role":"user","content":"a"}],"tool_choice":{"type":"tool"}}', "tool_choice.name"),
    (messages.CODEC, b'{"max_tokens":1,"messages":[{"role":"user","content":"a"}],"tools":[{"input_schema":{}}]}', "tools[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("codec", "body", "param"), CASES, ids=lambda value: value if isinstance(value, str) else None)
def test_a_refusal_names_the_member_at_fault(codec: Codec, body: bytes, param: str) -> None:
    with pytest.raises(Refusal) as refused:
        codec.read_request(Sheet.open(body))
    assert (refused.value.status, refused.value.param) == (400, param)
    assert param in refused.value.message


@pytest.mark.parametrize(
    ("codec", "body"),
    [
        (chat.CODEC, b'{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"properties":%s}}}],"x":1}' % DEEP),
        (chat.CODEC, b'{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"schema":{"a":1e999}}}}'),
        (messages.CODEC, b'{"max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"b","input":{"a":%s}}]}]}' % DEEP),
    ],
)  # fmt: skip
def test_json_that_only_a_writer_reads_is_no_accident(codec: Codec, body: bytes) -> None:
    translate(codec, body)


@pytest.mark.parametrize("arguments", ["[" * 100_000, '{"a":' * 100_000, "{", "1e999", "null", "[1]", ""])
def test_arguments_that_are_no_object_are_kept_inside_one(arguments: str) -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}
    body = {"messages": [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "a", "content": "x"}]}
    written = messages.CODEC.write_request(chat.CODEC.read_request(Sheet.open(json.dumps(body).encode())))
    sent = json.loads(written.bytes())["messages"][0]["content"][0]["input"]
    expected = {"null": {}, "": {}, "[1]": {"arguments": [1]}}
    assert sent == expected.get(arguments, {"arguments": arguments})
