"""Providers' own prompt caches are helped: what goes out, in each gear, and where a conversation goes."""

import json

import pytest

from support.asgi import ask
from support.house import AUTH, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange

CONFIG = """
providers:
  claude: {provider: anthropic, api_key: sk-ant-secret-1234567890}
  second: {provider: anthropic, api_key: sk-ant-secret-2345678901}
  openai: {api_key: sk-openai-secret-1234567890}
  groq: {api_key: gsk-secret-1234567890}
  bedrock: {provider: bedrock, api_key: bedrock-api-key-secret-123, aws_region: us-east-1}
"""
MODEL = "claude-sonnet-4-5"
LONG = "Be brief. " * 600
MARK = {"type": "ephemeral"}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": MODEL,
    "content": [{"type": "text", "text": "pong"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 1, "cache_read_input_tokens": 1500, "cache_creation_input_tokens": 20},
}
REPLY = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-5",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
}
SAID = {"output": {"message": {"role": "assistant", "content": [{"text": "pong"}]}}, "stopReason": "end_turn", "usage": {}}
ASKED = {"model": MODEL, "max_tokens": 9, "system": LONG, "messages": [{"role": "user", "content": "ping"}]}
CHAT = {"messages": [{"role": "system", "content": LONG}, {"role": "user", "content": "ping"}]}


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path, CONFIG)
    app.tmp = tmp_path
    return app


def posts(app, path, body, config, reply, status=200, headers=()):
    """What the provider was sent, and the answer."""
    client = ScriptedClient(ScriptedExchange(200, json.dumps(reply).encode()))
    app.runtime.clients["https"] = client
    said = [*AUTH, ("x-lockgate-config", json.dumps(config)), *headers]
    answer = ask(app.gateway, "POST", path, body=json.dumps(body).encode(), headers=said)
    assert answer.status == status, answer
    return [json.loads(sent[1].body) for sent in client.sent], answer


def helped(provider="@claude", **more):
    return {"provider": provider, "prompt_cache": "auto", **more}


def test_a_body_that_would_pass_is_marked_and_is_else_what_it_was(app):
    (sent,), _ = posts(app, "/v1/messages", ASKED, helped(), MESSAGE)
    text = {"type": "text", "text": "ping", "cache_control": MARK}
    assert sent == {
        **ASKED,
        "system": [{"type": "text", "text": LONG, "cache_control": MARK}],
        "messages": [{"role": "user", "content": [text]}],
    }
    (record,) = records(app.tmp)
    assert (record.gear, record.usage.cached, record.usage.cache_write) == ("edit", 1500, 20)


def test_nothing_is_marked_that_nobody_asked_for(app):
    for config in ({"provider": "@claude"}, helped(prompt_cache="off"), helped(prompt_cache=False), helped(passthrough=True)):
        (sent,), _ = posts(app, "/v1/messages", ASKED, config, MESSAGE)
        assert sent == ASKED
    assert {record.gear for record in records(app.tmp)} == {"relay"}


def test_a_short_body_passes_as_it_came(app):
    posts(app, "/v1/messages", {**ASKED, "system": "Be brief."}, helped(), MESSAGE)
    (record,) = records(app.tmp)
    assert record.gear == "relay"


def test_a_translated_body_is_marked_too(app):
    body = {**CHAT, "model": MODEL}
    (sent,), _ = posts(app, "/v1/chat/completions", body, helped(prompt_cache={"ttl": "1h"}), MESSAGE)
    hour = {**MARK, "ttl": "1h"}
    assert sent["system"] == [{"type": "text", "text": LONG, "cache_control": hour}]
    assert sent["messages"][0]["content"][-1]["cache_control"] == hour


def test_marks_of_a_caller_in_another_dialect_win(app):
    said = [{"type": "text", "text": LONG, "cache_control": MARK}]
    body = {"model": MODEL, "messages": [{"role": "user", "content": said}, {"role": "user", "content": "ping"}]}
    (sent,), _ = posts(app, "/v1/chat/completions", body, helped(), MESSAGE)
    assert json.dumps(sent).count("cache_control") == 1


def test_a_translation_into_converse_gets_points(app):
    body = {**CHAT, "model": "anthropic.claude-sonnet-4-5-20250929-v1:0"}
    (sent,), _ = posts(app, "/v1/chat/completions", body, helped("@bedrock"), SAID)
    point = {"cachePoint": {"type": "default"}}
    assert sent["system"] == [{"text": LONG}, point]
    assert sent["messages"] == [{"role": "user", "content": [{"text": "ping"}, point]}]


def test_targets_inherit_it_and_may_say_otherwise(app):
    def config(**own):
        return {"strategy": {"mode": "single"}, "prompt_cache": {"min_tokens": 1}, "targets": [{"provider": "@claude", **own}]}

    short = {**ASKED, "system": "s" * 4096}
    for own, marked in (({}, True), ({"prompt_cache": "off"}, False), ({"prompt_cache": {"min_tokens": 5000}}, False)):
        (sent,), _ = posts(app, "/v1/messages", short, config(**own), MESSAGE)
        assert ("cache_control" in json.dumps(sent)) is marked


def test_a_conversation_is_named_where_its_provider_asks_for_that(app):
    first = {**CHAT, "model": "gpt-5"}
    later = {
        **first,
        "messages": [*CHAT["messages"], {"role": "assistant", "content": "pong"}, {"role": "user", "content": "x"}],
    }
    other = {**first, "messages": [{"role": "user", "content": "else"}]}
    keys = [
        posts(app, "/v1/chat/completions", body, helped("@openai"), REPLY)[0][0]["prompt_cache_key"]
        for body in (first, later, other)
    ]
    assert keys[0] == keys[1] != keys[2]
    assert len(keys[0]) == 32
    own = {**first, "prompt_cache_key": "mine"}
    assert posts(app, "/v1/chat/completions", own, helped("@openai"), REPLY)[0] == [own]


def test_a_conversation_is_not_named_where_that_is_an_unknown_member(app):
    body = {**CHAT, "model": "llama"}
    assert posts(app, "/v1/chat/completions", body, helped("@groq"), REPLY)[0] == [body]


def test_a_translated_conversation_is_named_by_how_it_began_for_its_caller(app):
    body = {"model": "gpt-5", "max_tokens": 9, "messages": [{"role": "user", "content": "ping"}]}
    config = helped("@openai", upstream_api="chat")
    (one,), _ = posts(app, "/v1/messages", body, config, REPLY)
    grown = {
        **body,
        "messages": [*body["messages"], {"role": "assistant", "content": "pong"}, {"role": "user", "content": "x"}],
    }
    (two,), _ = posts(app, "/v1/messages", grown, config, REPLY)
    assert one["prompt_cache_key"] == two["prompt_cache_key"]


@pytest.mark.parametrize(
    ("member", "at"),
    [
        ({"min_tokens": 0}, "config.prompt_cache.min_tokens"),
        ({"ttl": "2h"}, "config.prompt_cache.ttl"),
        ("always", "config.prompt_cache"),
        ({"mode": "auto", "marks": 5}, "config.prompt_cache"),
    ],
)
def test_what_it_cannot_be_is_refused_with_its_path(app, member, at):
    _, answer = posts(app, "/v1/messages", ASKED, helped(prompt_cache=member), MESSAGE, status=400)
    assert at in answer.json["error"]["message"]


def sticky(**more):
    return {
        "strategy": {"mode": "loadbalance", "sticky": {"by": "conversation", **more}},
        "targets": [{"provider": "@claude"}, {"provider": "@second"}],
    }


def where(app, body, config):
    posts(app, "/v1/messages", body, config, MESSAGE)
    return records(app.tmp)[-1].provider


def test_a_conversation_keeps_its_target(app):
    def turns(n, said):
        return {
            **ASKED,
            "messages": [{"role": ("user", "assistant")[at % 2], "content": f"{said} {at}"} for at in range(2 * n + 1)],
        }

    homes = {said: {where(app, turns(n, said), sticky()) for n in range(4)} for said in "abcdefgh"}
    assert {len(each) for each in homes.values()} == {1}
    assert set.union(*homes.values()) == {"claude", "second"}
    assert {step.why for record in records(app.tmp) for step in record.decisions if step.what == "drawn"} == {
        "the one of this conversation"
    }


@pytest.mark.parametrize(
    ("more", "at"), [({"hash_fields": ["metadata.user"]}, "hash_fields"), ({"ttl": 0}, "ttl"), ({"by": "user"}, "by")]
)
def test_stickiness_that_cannot_be_is_refused(app, more, at):
    _, answer = posts(app, "/v1/messages", ASKED, sticky(**more), MESSAGE, status=400)
    assert f"config.strategy.sticky.{at}" in answer.json["error"]["message"]


def test_explain_shows_what_would_be_put(app):
    _, answer = posts(app, "/v1/explain", {"path": "/v1/messages", "body": ASKED}, helped(), MESSAGE)
    (target,) = answer.json["targets"]
    assert target["prompt_cache"] == {"ttl": "5m", "put": ["system", "messages[0]"]}
    assert target["changed"] == ["system", "messages"]
    _, answer = posts(
        app, "/v1/explain", {"path": "/v1/messages", "body": ASKED}, {**sticky(), "prompt_cache": {"min_tokens": 9000}}, MESSAGE
    )
    assert answer.json["route"]["by"] == "the one of this conversation"
    assert [each["prompt_cache"] for each in answer.json["targets"]] == [{"ttl": "5m", "min_tokens": 9000}] * 2
