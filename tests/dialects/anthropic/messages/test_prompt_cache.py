"""Marks for the prompt cache in Messages requests: where they stand, where they do not, and that nothing else is changed."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic.messages.prompt_cache import mark_prefix, needs
from lockgate.policy.prompt_cache import PromptCache
from support.prompt_cache import anything, as_blocks, count, texts, unmarked
from support.recordings import exchanges

MODEL = "claude-sonnet-4-5"
LONG = "Be brief. " * 600  # 1,500 tokens
MARK = {"type": "ephemeral"}
TOOL = {"name": "look", "description": LONG, "input_schema": {"type": "object"}}


def marked(body, wish=None, model=MODEL):
    text = body if isinstance(body, str) else json.dumps(body)
    sheet = Sheet.open(text.encode())
    return mark_prefix(sheet, model, wish or PromptCache()), sheet.bytes()


def puts(body, wish=None, model=MODEL):
    where, text = marked(body, wish, model)
    return where, json.loads(text)


def user(content):
    return {"role": "user", "content": content}


def test_a_conversation_with_tools_is_marked_in_four_places():
    body = {
        "model": MODEL,
        "tools": [{"name": "first", "input_schema": {}}, TOOL],
        "system": LONG,
        "messages": [
            user("Where is it?"),
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "look", "input": {"n": 1.0}}]},
            user([{"type": "tool_result", "tool_use_id": "t1", "content": "here"}]),
            {"role": "assistant", "content": "Here."},
            user([{"type": "text", "text": "And now?"}, {"type": "text", "text": ""}]),
        ],
    }
    where, found = puts(body)
    assert where == ["tools", "system", "messages[2]", "messages[4]"]
    assert found == {
        "model": MODEL,
        "tools": [{"name": "first", "input_schema": {}}, {**TOOL, "cache_control": MARK}],
        "system": [{"type": "text", "text": LONG, "cache_control": MARK}],
        "messages": [
            body["messages"][0],
            body["messages"][1],
            user([{"type": "tool_result", "tool_use_id": "t1", "content": "here", "cache_control": MARK}]),
            body["messages"][3],
            user([{"type": "text", "text": "And now?", "cache_control": MARK}, {"type": "text", "text": ""}]),
        ],
    }


def test_an_hour_is_said():
    _, found = puts({"system": LONG, "messages": []}, PromptCache("1h"))
    assert found["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}


def test_all_else_stays_to_the_byte():
    body = (
        '{"temperature": 1.50, "system" : "LONG", "metadata":{"a" :1e2},'
        '"messages":[{"role" : "user", "content" : [{"type": "text", "text" : "\\u00e9", "n": 1.000}]}]}'
    ).replace("LONG", LONG)
    _, text = marked(body)
    assert b'"temperature":1.50,' in text
    assert b'"metadata":{"a" :1e2}' in text
    assert b'{"type": "text", "text" : "\\u00e9", "n": 1.000,"cache_control":{"type":"ephemeral"}}' in text


@pytest.mark.parametrize(
    "own",
    [
        {"cache_control": MARK},
        {"system": [{"type": "text", "text": LONG, "cache_control": MARK}]},
        {"tools": [{**TOOL, "cache_control": MARK}]},
        {"messages": [user([{"type": "tool_result", "content": [{"type": "text", "text": "x", "cache_control": MARK}]}])]},
    ],
)
def test_the_callers_own_marks_win(own):
    body = {"system": LONG, "messages": [user(LONG)], **own}
    where, found = puts(body)
    assert (where, found) == ([], body)


def test_a_mark_that_is_spelled_in_escapes_is_one():
    body = '{"system":"LONG","messages":[{"role":"user","content":[{"type":"text","text":"x","cach\\u0065_control":null}]}]}'
    body = body.replace("LONG", LONG)
    assert marked(body) == ([], body.encode())


def test_a_text_about_marks_is_none():
    where, _ = marked({"system": LONG, "messages": [user('What does {"cache_control": 1} do?')]})
    assert where == ["system", "messages[0]"]


def test_what_is_too_short_stays_as_it_came():
    body = '{"system": "Be brief.", "messages": [{"role": "user", "content": "ping"}]}'
    assert marked(body) == ([], body.encode())


def test_a_picture_counts_as_one():
    def asks(number):
        image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 100_000}}
        return marked({"messages": [user([image] * number)]}, PromptCache(min_tokens=3000))[0]

    assert (asks(1), asks(2)) == ([], ["messages[0]"])


def test_reasoning_takes_no_mark_and_prefilled_words_are_the_models():
    body = {
        "system": LONG,
        "messages": [user([{"type": "thinking", "thinking": "…", "signature": "s"}]), {"role": "assistant", "content": "{"}],
    }
    assert marked(body)[0] == ["system"]


def test_a_tool_that_is_loaded_later_takes_no_mark():
    where, found = puts({"tools": [TOOL, {"name": "later", "input_schema": {}, "defer_loading": True}], "messages": []})
    assert (where, [count(tool) for tool in found["tools"]]) == (["tools"], [1, 0])


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-opus-5-5", 512),
        ("claude-haiku-5-5", 512),
        ("claude-sonnet-5-5", 512),
        ("claude-sonnet-5", 1024),
        ("claude-opus-4-8", 1024),
        ("anthropic/claude-sonnet-4.5", 1024),
        ("claude-sonnet-4-20250514", 1024),
        ("us.anthropic.claude-opus-4-7-v1:0", 2048),
        ("claude-3-5-haiku-20241022", 2048),
        ("claude-haiku-4-5-20251001", 4096),
        ("claude-opus-4-6", 4096),
        ("claude-3-opus-20240229", None),
        ("claude-novel-1", 1024),
        ("deepseek-chat", None),
    ],
)
def test_how_long_a_prefix_must_be(model, tokens):
    assert needs(model) == tokens


def test_the_minimum_of_the_model_decides():
    body = {"system": "word " * 2400, "messages": []}  # 3,000 tokens
    assert [marked(body, model=model)[0] for model in ("claude-opus-4-8", "claude-opus-4-6")] == [["system"], []]


def test_a_model_of_another_maker_is_marked_when_the_route_says_from_when_on():
    body = {"system": LONG, "messages": []}
    assert marked(body, model="glm-5")[0] == []
    assert marked(body, PromptCache(min_tokens=1000), "glm-5")[0] == ["system"]


def test_a_body_that_cannot_be_read_is_the_providers_to_refuse():
    body = {"tools": [TOOL], "system": [None], "messages": [user("ping")]}
    assert puts(body) == ([], body)


blocks = st.lists(
    st.builds(
        lambda kind, text, more: {"type": kind, "text": text, **({"n": more} if more else {})},
        st.sampled_from(["text", "image", "tool_result", "thinking", "other"]),
        texts,
        anything,
    ),
    max_size=4,
)
turns = st.lists(
    st.builds(
        lambda role, said: {"role": role, "content": said}, st.sampled_from(["user", "assistant", "system"]), texts | blocks
    ),
    max_size=8,
)
bodies = st.fixed_dictionaries(
    {"messages": turns | anything},
    optional={"system": texts | blocks | anything, "tools": st.lists(st.just(TOOL), max_size=3) | anything, "x": anything},
)


@settings(max_examples=300)
@given(bodies, st.sampled_from([None, 1, 2000]))
def test_whatever_the_body_only_marks_are_added(body, least):
    where, found = puts(body, PromptCache(min_tokens=least))
    assert count(found) == count(body) + len(where)
    assert len(where) <= 4
    if where:
        assert as_blocks(unmarked(found)) == as_blocks(body)
    else:
        assert found == body


@pytest.mark.parametrize("exchange", exchanges(lambda path: path.endswith("/v1/messages")))
def test_recorded_requests_have_four_marks_at_most_and_nothing_else_new(exchange):
    if not exchange.request:
        pytest.skip("not JSON")
    where, found = puts(exchange.request, PromptCache(min_tokens=1), "glm-5")
    own = count(exchange.request)
    assert not (own and where)
    assert len(where) <= 4
    assert as_blocks(unmarked(found)) == as_blocks(unmarked(exchange.request))
