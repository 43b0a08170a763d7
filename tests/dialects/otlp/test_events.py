"""What log records tell of a span, put together; and read as a conversation."""

import json

from lockgate.core.content import Media, Native, Text, Thinking, ToolCall, ToolResult
from lockgate.core.record import Record
from lockgate.dialects.otlp import events
from lockgate.dialects.otlp.events import put_together, records_of
from lockgate.dialects.otlp.nouns import Event
from lockgate.dialects.otlp.telling import reply_of, request_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
NOW = 1_790_000_000_000_000_000


def user(at, text, span=SPAN):
    return Event("gen_ai.user.message", TRACE, span, NOW + at, body={"content": text})


def span(**more):
    return Record(id="s", time_us=NOW // 1000, source="span", trace_id=TRACE, span_id=SPAN, **more)


def said(record):
    return [message["content"] for message in json.loads(record.request)["messages"]]


def test_each_message_stands_once_and_in_the_order_in_which_it_was_said():
    a, b, c = user(1, "a"), user(2, "b"), user(3, "c")
    told = [each for some in ([c], [a, b], [a, b, c], [b]) for each in records_of(some, "o/w", 10_000)]
    record = span()
    put_together(record, told)
    assert (said(record), record.response, record.truncated) == (["a", "b", "c"], b"", False)


def test_messages_of_one_moment_keep_their_order():
    record = span()
    put_together(record, records_of([user(0, text) for text in "zyx"], "o/w", 10_000))
    assert said(record) == ["z", "y", "x"]


def test_the_same_events_are_the_same_record_and_another_tenants_are_another():
    once, again = (records_of([user(1, "a")], "o/w", 100)[0].id for _ in range(2))
    assert once == again != records_of([user(1, "a")], "o/v", 100)[0].id
    assert len({each.id for each in records_of([user(1, "a"), user(1, "a", "1" * 16)], "o/w", 100)}) == 2


def test_what_a_span_says_itself_stands():
    record = span(request=b'{"messages": []}')
    put_together(record, records_of([user(1, "a")], "o/w", 100))
    assert record.request == b'{"messages": []}'


def test_what_was_cut_short_is_left_out_and_said(monkeypatch):
    (whole,), (cut,) = records_of([user(1, "a")], "o/w", 100), records_of([user(2, "b")], "o/w", 100)
    cut.request = cut.request[:-5]
    record = span()
    put_together(record, [whole, cut])
    assert (said(record), record.truncated) == (["a"], True)
    monkeypatch.setattr(events, "MOST_BYTES", 40)
    record = span()
    put_together(record, records_of([user(1, "a"), user(2, "b")], "o/w", 1000))
    assert (said(record), record.truncated) == (["a"], True)


def test_parts_of_all_kinds_are_read_and_what_is_not_known_is_shown_as_it_is():
    parts = [
        {"type": "text", "content": "Hello"},
        {"type": "reasoning", "content": "hm"},
        {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}},
        {"type": "tool_call_response", "id": "c", "response": {"b": 2}},
        {"type": "uri", "modality": "image", "mime_type": "image/png", "uri": "https://x.example/a.png"},
        {"type": "new", "x": 1},
        "plain",
        7,
    ]
    body = json.dumps({"model": "m", "system": "Be brief.", "messages": [{"role": "user", "parts": parts}]}).encode()
    request = request_of(body)
    assert [turn.role for turn in request.turns] == ["system", "user"]
    text, thinking, call, result, picture, new, plain, seven = request.turns[1].parts
    assert (text, thinking) == (Text("Hello"), Thinking("hm"))
    assert call == ToolCall("c", "f", '{"a":1}')
    assert result == ToolResult("c", [Text('{"b":2}')])
    assert picture == Media("image", url="https://x.example/a.png", mime="image/png")
    assert (plain, new.kind, bytes(seven.raw), type(seven)) == (Text("plain"), "new", b"7", Native)


def test_what_is_no_conversation_is_none():
    for body in (b"", b"{", b"[]", b'{"q": 1}', b'{"messages": 1}', b"7"):
        assert request_of(body) is reply_of(body) is None


def test_an_answer_says_why_it_ended():
    body = {"messages": [{"role": "assistant", "content": "x", "finish_reason": "max_tokens"}, {"content": None}]}
    first, second = reply_of(json.dumps(body).encode()).choices
    assert (first.finish.reason, first.parts, second.finish, second.parts) == ("length", [Text("x")], None, [])
