"""What is kept of a request: both sides of it, or as much as may be."""

import json

import pytest

from lockgate.control.config import BadConfig
from support.asgi import ask
from support.house import AUTH, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange, events

CONFIG = """
providers:
  openai: {api_key: sk-upstream-secret-1234567890}
keys:
  - {name: app, key: "app-key-0123456789-abcdefgh"}
  - {name: quiet, key: "quiet-key-0123456789-abcdef", capture: metadata}
  - {name: silent, key: "silent-key-0123456789-abcdef", capture: "off"}
  - {name: shy, key: "shy-key-0123456789-abcdefgh", redact: {patterns: ['[a-z]+@[a-z.]+'], fields: [user]}}
"""
REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
}
ASK = {"model": "@openai/gpt-x", "messages": [{"role": "user", "content": "ping"}]}
CLAUDE = {"model": "@openai/gpt-x", "max_tokens": 9, "messages": [{"role": "user", "content": "ping"}]}
VIA_CHAT = ("x-lockgate-config", '{"provider": "@openai", "upstream_api": "chat"}')


def kept(tmp_path, *, config="", key="app", path="/v1/chat/completions", body=ASK, answer=None, headers=(), ticks=None):
    app = make_app(tmp_path, CONFIG + config)
    app.runtime.clients["https"] = ScriptedClient(answer or ScriptedExchange(200, json.dumps(REPLY).encode()))
    if ticks is not None:
        app.runtime.clock = ticks
    secret = next(each for each in CONFIG.split('"') if each.startswith(f"{key}-key"))
    found = ask(app.gateway, "POST", path, body=body, headers=[("authorization", f"Bearer {secret}"), *headers])
    assert found.status == 200, found
    (record,) = records(tmp_path)
    return record


def test_the_provider_s_side_is_kept_where_it_is_another(tmp_path):
    record = kept(tmp_path, path="/v1/messages", body=CLAUDE, headers=[VIA_CHAT])
    assert record.gear == "translate"
    assert json.loads(record.request) == CLAUDE
    assert json.loads(record.sent)["messages"] == CLAUDE["messages"]
    assert json.loads(record.received) == REPLY
    assert json.loads(record.response)["type"] == "message"


def test_of_what_was_edited_the_edits_are_kept(tmp_path):
    config = json.dumps({"provider": "@openai", "override_params": {"top_p": 0.5}, "drop_params": ["seed"]})
    record = kept(tmp_path, body={**ASK, "seed": 7}, headers=[("x-lockgate-config", config)])
    assert record.gear == "edit"
    assert json.loads(record.sent) == {"model": "gpt-x", "top_p": 0.5, "seed": None}
    assert record.received == b""


def test_what_passes_as_it_is_stands_there_once(tmp_path):
    record = kept(tmp_path, body={**ASK, "model": "gpt-x"}, headers=[("x-lockgate-provider", "@openai")])
    assert (record.gear, record.sent, record.received) == ("relay", b"", b"")


def chunk(content=None, finish=None):
    delta = {} if content is None else {"content": content}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x", "choices": [choice]}


def test_of_a_stream_that_is_translated_too(tmp_path):
    said = [chunk("po"), chunk("ng"), chunk(finish="stop")]
    answer = events(*said, end=[b"data: [DONE]\n\n"])
    record = kept(tmp_path, path="/v1/messages", body={**CLAUDE, "stream": True}, headers=[VIA_CHAT], answer=answer)
    assert record.received.count(b"data: ") == 4
    assert b"message_stop" in record.response


def test_the_longest_silence_within_a_stream_is_known(tmp_path):
    times = iter(range(1000))
    record = kept(
        tmp_path,
        body={**ASK, "stream": True},
        headers=[VIA_CHAT],
        answer=events(chunk("po"), chunk("ng"), chunk(finish="stop")),
        ticks=lambda: float(next(times)),
    )
    assert record.gap_us is not None
    assert record.gap_us >= 1_000_000
    other = tmp_path / "other"
    other.mkdir()
    assert kept(other).gap_us is None


def test_no_body_is_too_long_to_be_cut(tmp_path):
    record = kept(tmp_path, config="log: {body_limit: 20}", path="/v1/messages", body=CLAUDE, headers=[VIA_CHAT])
    assert {len(body) for body in (record.request, record.response, record.sent, record.received)} == {20}
    assert record.truncated


@pytest.mark.parametrize(
    ("config", "key", "headers", "bodies", "unkept"),
    [
        ("", "app", [], True, False),
        ("", "quiet", [], False, False),
        ("", "silent", [], False, True),
        ("log: {capture: metadata}", "app", [], False, False),
        ("log: {capture: metadata}", "silent", [], False, True),
        ("log: {capture: 'off'}", "quiet", [], False, True),
        ("", "app", [("x-portkey-debug", "false")], False, False),
        ("workspace: {capture: metadata}", "app", [], False, False),
        ("workspace: {capture: metadata}", "silent", [], False, True),
        ("workspace: {capture: off}\nlog: {capture: metadata}", "app", [("x-lockgate-debug", "true")], False, True),
        ("", "app", [("x-portkey-debug", "true")], True, False),
        ("", "quiet", [("x-lockgate-debug", "true")], False, False),
    ],
)
def test_the_strictest_of_all_says_what_is_kept(tmp_path, config, key, headers, bodies, unkept):
    headers = [*headers, ("x-portkey-metadata", '{"team": "blau"}')]
    record = kept(tmp_path, config=config, key=key, headers=headers)
    assert bool(record.request and record.response) is bodies
    assert record.unkept is unkept
    assert record.metadata == ({} if unkept else {"team": "blau"})
    assert record.usage.input == 100


def test_who_asks_is_on_record_with_his_place(tmp_path):
    record = kept(tmp_path)
    assert (record.key_name, record.organisation != "", record.workspace != "", record.user) == ("app", True, True, "")


def test_a_request_has_its_place_in_a_trace(tmp_path):
    headers = [(f"x-portkey-{name}", value) for name, value in (("trace-id", "t"), ("span-id", "s"), ("parent-span-id", "p"))]
    record = kept(tmp_path, headers=[*headers, ("x-portkey-span-name", "retrieve")])
    assert (record.trace_id, record.span_id, record.parent_span_id, record.span_name) == ("t", "s", "p", "retrieve")


def test_an_operator_says_what_nobody_may_read(tmp_path):
    config = "log: {redact: {patterns: ['[a-z]+@[a-z.]+'], fields: [user, choices.*.message.content]}}"
    body = {**ASK, "user": "u-7", "messages": [{"role": "user", "content": "write to ada@example.org"}]}
    record = kept(tmp_path, config=config, body=body)
    everything = record.request + record.response + record.sent + record.received
    assert b"ada@" not in everything
    assert b"u-7" not in everything
    assert b"pong" not in everything
    assert b"write to [redacted]" in record.request


def test_what_is_cut_cannot_be_read_and_is_left_out(tmp_path):
    record = kept(
        tmp_path, config="log: {body_limit: 100, redact: {fields: [user]}}", body={**ASK, "x": "y" * 200, "user": "u-7"}
    )
    assert record.request == b""
    assert record.truncated


def test_an_expression_that_is_none_is_a_mistake_with_its_place(tmp_path):
    with pytest.raises(BadConfig) as bad:
        make_app(tmp_path, CONFIG + "log: {redact: {patterns: [fine, '('], fields: [a..b]}}")
    assert {mistake.path for mistake in bad.value.mistakes} == {"log.redact.patterns[1]", "log.redact.fields[0]"}


@pytest.mark.parametrize(
    ("config", "key", "gone"),
    [
        ("", "app", []),
        ("", "shy", ["ada@example.org", "u-7"]),
        ("log: {redact: {patterns: ['walrus']}}", "app", ["walrus"]),
        ("log: {redact: {patterns: ['walrus']}}", "shy", ["walrus", "ada@example.org", "u-7"]),
        ("workspace: {redact: {patterns: ['walrus'], fields: [choices.*.message]}}", "app", ["walrus", "pong"]),
        ("workspace: {redact: {patterns: ['walrus']}}", "shy", ["walrus", "ada@example.org", "u-7"]),
        # A pattern of one that leaves no JSON takes no member's place from another.
        ("log: {redact: {patterns: ['17']}}", "shy", ["17", "ada@example.org", "u-7"]),
    ],
)
def test_workspace_and_key_take_out_more_and_nobody_less(tmp_path, config, key, gone):
    body = {**ASK, "seed": 17, "user": "u-7", "messages": [{"role": "user", "content": "walrus of ada@example.org"}]}
    record = kept(tmp_path, config=config, key=key, body=body)
    everything = (record.request + record.response).decode()
    assert [each for each in ("walrus", "ada@example.org", "u-7", "17", "pong") if each not in everything] == [
        each for each in ("walrus", "ada@example.org", "u-7", "17", "pong") if each in gone
    ]
    assert "messages" in everything


def test_what_a_key_takes_out_is_in_no_sentence_about_an_error(tmp_path):
    app = make_app(tmp_path, CONFIG)
    error = json.dumps({"error": {"message": "no such user: ada@example.org", "type": "invalid_request_error"}}).encode()
    app.runtime.clients["https"] = ScriptedClient(ScriptedExchange(400, error))
    headers = [("authorization", "Bearer shy-key-0123456789-abcdefgh")]
    assert b"ada@" in ask(app.gateway, "POST", "/v1/chat/completions", body=ASK, headers=headers).body
    (record,) = records(tmp_path)
    assert (record.error, record.attempts[0].message) == ("no such user: [redacted]", "no such user: [redacted]")


def test_where_nobody_says_more_the_gateway_s_own_is_used_as_it_is(tmp_path):
    app = make_app(tmp_path, "log: {redact: {patterns: ['walrus']}}\nkeys: [{name: app, key: app-key-0123456789-abcdefgh}]")
    world = app.world.snapshot
    (principal,) = [each for each in world.keys.values() if each.name == "app"]
    assert world.masks == {}
    assert world.mask_of(principal, world.home.workspace) is world.mask is not None


def test_a_mistake_of_a_key_or_of_the_workspace_has_its_place(tmp_path):
    said = "keys: [{name: a, key: app-key-0123456789-abcdefgh, redact: {patterns: ['(']}}]\nworkspace: {redact: {fields: ['']}}"
    with pytest.raises(BadConfig) as bad:
        make_app(tmp_path, said)
    assert {mistake.path for mistake in bad.value.mistakes} == {"keys[0].redact.patterns[0]", "workspace.redact.fields[0]"}


def test_the_admin_key_is_kept_like_any(tmp_path):
    app = make_app(tmp_path, CONFIG)
    app.runtime.clients["https"] = ScriptedClient(ScriptedExchange(200, json.dumps(REPLY).encode()))
    ask(app.gateway, "POST", "/v1/chat/completions", body=ASK, headers=AUTH)
    assert records(tmp_path)[0].request
