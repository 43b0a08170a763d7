"""Cache points in Converse requests."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.core.sheet import Sheet
from lockgate.dialects.bedrock.converse.prompt_cache import mark_prefix, needs
from lockgate.policy.prompt_cache import PromptCache
from support.prompt_cache import anything, count, texts, unmarked

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "amazon.nova-pro-v1:0"
LONG = "Be brief. " * 600
POINT = {"cachePoint": {"type": "default"}}
TOOL = {"toolSpec": {"name": "look", "description": LONG, "inputSchema": {"json": {"type": "object"}}}}
ASKED = {"role": "user", "content": [{"text": "Where?"}]}
CALLED = {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "look", "input": {}}}]}
BODY = {
    "toolConfig": {"tools": [TOOL], "toolChoice": {"auto": {}}},
    "system": [{"text": LONG}],
    "messages": [ASKED, CALLED, ASKED],
}


def puts(body, wish=None, model=CLAUDE):
    sheet = Sheet.open(json.dumps(body).encode())
    where = mark_prefix(sheet, model, wish or PromptCache())
    return where, json.loads(sheet.bytes())


def test_points_stand_behind_what_they_mark():
    where, found = puts(BODY)
    asked = {"role": "user", "content": [{"text": "Where?"}, POINT]}
    assert where == ["toolConfig.tools", "system", "messages[0]", "messages[2]"]
    assert found == {
        "toolConfig": {"tools": [TOOL, POINT], "toolChoice": {"auto": {}}},
        "system": [{"text": LONG}, POINT],
        "messages": [asked, CALLED, asked],
    }


def test_nova_marks_no_tools_and_is_told_no_time():
    where, found = puts(BODY, PromptCache("1h"), NOVA)
    assert where == ["system", "messages[0]", "messages[2]"]
    assert found["system"][-1] == POINT


@pytest.mark.parametrize(
    ("model", "ttl"),
    [(CLAUDE, "1h"), ("anthropic.claude-sonnet-4-20250514-v1:0", None), ("anthropic.claude-3-7-sonnet-20250219-v1:0", None)],
)
def test_an_hour_is_said_to_models_that_have_one(model, ttl):
    _, found = puts(BODY, PromptCache("1h"), model)
    assert found["system"][-1]["cachePoint"].get("ttl") == ttl


@pytest.mark.parametrize("member", ["toolConfig", "system", "messages"])
def test_the_callers_own_points_win(member):
    own = {
        "toolConfig": {"tools": [TOOL, POINT]},
        "system": [{"text": LONG}, POINT],
        "messages": [{"role": "user", "content": [{"text": LONG}, POINT]}],
    }
    body = {**BODY, member: own[member]}
    assert puts(body) == ([], body)


def test_no_point_stands_behind_a_document():
    document = {"document": {"format": "pdf", "name": "a", "source": {"bytes": "AAAA"}}}
    body = {"system": [{"text": LONG}], "messages": [{"role": "user", "content": [{"text": "Read."}, document]}]}
    assert puts(body)[0] == ["system"]


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        (CLAUDE, 1024),
        ("global.anthropic.claude-opus-5-5-v1:0", 1024),
        ("anthropic.claude-opus-4-7-v1", 4096),
        ("anthropic.claude-haiku-4-5-20251001-v1:0", 4096),
        (NOVA, 1024),
        ("anthropic.claude-3-haiku-20240307-v1:0", None),
        ("meta.llama4-scout-17b-instruct-v1:0", None),
        ("arn:aws:bedrock:us-east-1:1:application-inference-profile/abc", None),
    ],
)
def test_how_long_a_prefix_must_be(model, tokens):
    assert needs(model) == tokens


def test_a_model_without_a_cache_is_not_marked_whatever_the_route_says():
    assert puts(BODY, PromptCache(min_tokens=1), "meta.llama4-scout-17b-instruct-v1:0") == ([], BODY)


blocks = st.lists(
    st.dictionaries(
        st.sampled_from(["text", "image", "document", "reasoningContent"]), texts | anything, min_size=1, max_size=1
    ),
    max_size=3,
)
bodies = st.fixed_dictionaries(
    {
        "messages": st.lists(
            st.builds(lambda role, said: {"role": role, "content": said}, st.sampled_from(["user", "assistant"]), blocks)
        )
    },
    optional={"system": blocks | anything, "toolConfig": st.just({"tools": [TOOL]}) | anything},
)


@given(bodies, st.sampled_from([CLAUDE, NOVA]), st.sampled_from([None, 2000]))
def test_whatever_the_body_only_points_are_added(body, model, least):
    where, found = puts(body, PromptCache(min_tokens=least), model)
    assert count(found) == count(body) + len(where)
    assert len(where) <= 4
    assert unmarked(found) == body


def test_a_body_that_cannot_be_read_is_the_providers_to_refuse():
    body = {**BODY, "messages": [{"role": "user", "content": [7]}]}
    assert puts(body) == ([], body)
