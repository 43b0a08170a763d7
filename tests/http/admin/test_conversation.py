"""What was said in a request, in one shape for all dialects."""

import json

import pytest

from lockgate.http.admin.conversation import MOST_DATA, conversation_of
from support.logged import logged

ASKED = {
    "model": "gpt-4o",
    "messages": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "A lock."},
    ],
    "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}],
}
ANSWERED = {
    "id": "x",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A <b>lock</b>."}}],
}
MESSAGES = {"model": "claude", "max_tokens": 9, "system": "Be brief.", "messages": [{"role": "user", "content": "Hello"}]}


def said(request, response=b"", **more):
    record = logged(**{"dialect_in": "openai.chat", **more})
    record.request = request if isinstance(request, bytes) else json.dumps(request).encode()
    record.response = response if isinstance(response, bytes) else json.dumps(response).encode()
    return conversation_of(record)


def test_turns_tools_and_answers_are_told_apart():
    found = said(ASKED, ANSWERED)
    assert [turn.role for turn in found.turns] == ["system", "user", "assistant", "user"]
    text, picture = found.turns[1].parts
    assert (text.kind, text.text) == ("text", "What is this?")
    assert (picture.kind, picture.mime, picture.data) == ("media", "image/png", "iVBO")
    (call,), (result,) = found.turns[2].parts, found.turns[3].parts
    assert (call.kind, call.name, call.text) == ("call", "look", "{}")
    assert (result.kind, result.call_id, result.text) == ("result", "c1", "A lock.")
    (answer,) = found.replies
    assert (answer.parts[0].text, answer.finish) == ("A <b>lock</b>.", "stop")
    assert [(tool.name, tool.schema) for tool in found.tools] == [("look", {"type": "object"})]
    assert found.problem is None


def test_a_stream_is_put_together_again():
    chunk = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    deltas = [{"role": "assistant", "content": "A "}, {"content": "lock."}]
    events = [{**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events.append({**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]})
    body = b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in events) + b"data: [DONE]\n\n"
    (answer,) = said(ASKED, body, stream=True).replies
    assert ([part.text for part in answer.parts], answer.finish) == (["A lock."], "length")


def test_another_dialect_has_the_same_shape():
    answer = {"id": "m", "type": "message", "role": "assistant", "model": "claude", "content": [{"type": "thinking", "thinking": "Hm.", "signature": "s"}, {"type": "text", "text": "Hi"}], "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip
    found = said(MESSAGES, answer, dialect_in="anthropic.messages", operation="message")
    assert [(turn.role, turn.parts[0].text) for turn in found.turns] == [("system", "Be brief."), ("user", "Hello")]
    assert [(part.kind, part.text) for part in found.replies[0].parts] == [("thinking", "Hm."), ("text", "Hi")]


@pytest.mark.parametrize(
    ("request_", "more", "why"),
    [
        (b"", {}, "was not kept"),
        (b'{"model": "gpt', {}, "no whole conversation"),
        ({"model": 1}, {}, "no whole conversation"),
        (ASKED, {"truncated": True}, "some of it is missing"),
        ({"input": "x"}, {"dialect_in": "openai.embeddings"}, "no conversation"),
        (b"\xff\xfe", {"dialect_in": ""}, "no conversation"),
        (b"", {"source": "span"}, "not told what was said"),
        (b'{"q": 1}', {"source": "span"}, "no conversation"),
        ({"messages": [{"role": "user", "content": "x"}]}, {"source": "span", "truncated": True}, "some of it is missing"),
    ],
)
def test_what_is_not_there_is_said(request_, more, why):
    assert why in said(request_, **more).problem


@pytest.mark.parametrize(
    "url", ["data:image/svg+xml;base64,PHN2Zz4=", "data:text/html;base64,PHA+", "https://evil.example/x.png"]
)
def test_no_document_and_nothing_from_elsewhere_is_shown_as_a_picture(url):
    (part,) = (
        said({"model": "m", "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]})
        .turns[0]
        .parts
    )
    assert part.kind == "media" and part.data == ""


def test_pictures_have_room_together():
    big = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * (MOST_DATA * 2 // 3)}}
    first, second = said({"model": "m", "messages": [{"role": "user", "content": [big, big]}]}).turns[0].parts
    assert first.data and not second.data
