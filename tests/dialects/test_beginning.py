"""What a conversation is known by while it grows."""

import json

import msgspec
import pytest

from lockgate.core.sheet import Sheet
from lockgate.dialects.beginning import BEGINNINGS, beginning_of
from lockgate.dialects.glance import GLANCES

MARK = {"cache_control": {"type": "ephemeral"}}
#: (dialect, a first request, the same conversation later, what makes it another one)
GROWING = [
    (
        "openai.chat",
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}]},
        {"messages": [{"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]},
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
    ),
    (
        "openai.responses",
        {"instructions": "s", "input": [{"role": "user", "content": [{"type": "input_text", "text": "a"}]}]},
        {"input": [{"type": "function_call", "name": "f"}, {"type": "function_call_output", "output": "b"}]},
        {"instructions": "t"},
    ),
    (
        "anthropic.messages",
        {"system": "s", "messages": [{"role": "user", "content": "a"}]},
        {"messages": [{"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]},
        {"system": "t"},
    ),
    (
        "gemini.generate",
        {"systemInstruction": {"parts": [{"text": "s"}]}, "contents": [{"parts": [{"text": "a"}]}]},
        {"contents": [{"role": "model", "parts": [{"text": "b"}]}]},
        {"tools": [{}]},
    ),
    (
        "bedrock.converse",
        {"messages": [{"role": "user", "content": [{"text": "a"}]}]},
        {"messages": [{"role": "assistant", "content": [{"text": "b"}]}]},
        {"system": [{"text": "t"}]},
    ),
    (
        "cohere.chat",
        {"messages": [{"role": "user", "content": "a"}]},
        {"messages": [{"role": "assistant", "content": "b"}]},
        {"tools": [{"name": "f"}]},
    ),
]


def began(dialect, body):
    return beginning_of(dialect, Sheet.open(json.dumps(body).encode()))


@pytest.mark.parametrize(("dialect", "first", "more", "other"), GROWING)
def test_a_conversation_grows_and_stays_the_same(dialect, first, more, other):
    grown = {**first, **{name: first[name] + value for name, value in more.items()}, "temperature": 1}
    assert began(dialect, first) == began(dialect, grown) != ""
    assert began(dialect, {**first, **other}) not in ("", began(dialect, first))


def test_all_dialects_of_conversations_say_how_they_begin():
    assert set(GLANCES) - set(BEGINNINGS) == {"openai.completions", "openai.embeddings"}


def test_another_first_question_is_another_conversation():
    one, other = ({"messages": [{"role": "user", "content": said}]} for said in "ab")
    assert began("openai.chat", one) != began("openai.chat", other)


def test_marks_move_along_and_do_not_count():
    text = {"type": "text", "text": "a"}
    forms = [
        {"system": "s", "messages": [{"role": "user", "content": "a"}]},
        {"system": [{"type": "text", "text": "s", **MARK}], "messages": [{"role": "user", "content": [text]}]},
        {"system": "s", "messages": [{"role": "user", "content": [{**text, **MARK}]}], **MARK},
    ]
    assert len({began("anthropic.messages", form) for form in forms}) == 1
    said = [{"text": "a"}]
    point = [{"cachePoint": {"type": "default"}}]
    assert len({began("bedrock.converse", {"messages": [{"role": "user", "content": c}]}) for c in (said, said + point)}) == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"input": 7},
        {"input": [{"role": "system", "content": "s"}]},
        {"input": "a", "previous_response_id": "r1"},
        {"input": "a", "conversation": "c1"},
    ],
)
def test_what_does_not_say_how_it_began_has_no_beginning(body):
    assert began("openai.responses", body) == ""


def test_what_is_not_there_and_what_is_null_are_the_same():
    assert began("openai.responses", {"input": "a", "conversation": None}) == began("openai.responses", {"input": "a"}) != ""


def test_nesting_without_end_is_no_beginning():
    body = b'{"input":[{"role":"user","content":' + b"[" * 50_000 + b"]" * 50_000 + b"}]}"
    sheet = Sheet({"input": msgspec.Raw(body[9:-1])}, body)
    assert beginning_of("openai.responses", sheet) == ""
