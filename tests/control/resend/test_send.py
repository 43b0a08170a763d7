"""A recorded request, sent again: as it was, elsewhere, and not at all."""

import asyncio
import json

import pytest

from lockgate.control.resend.compare import compare, side_of
from lockgate.control.resend.send import ORIGIN, Wish, send_again, why_not
from lockgate.core.failure import Refusal
from lockgate.core.record import Record
from lockgate.stores.cache.memory import MemoryCache
from support.asgi import ask
from support.house import AUTH, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange, events

HOUSE = """
providers:
  openai: {api_key: sk-openai-secret-1234567890}
  second: {provider: openai, api_key: sk-second-secret-1234567890}
prices:
  openai/gpt-a: {input: 2, output: 8}
  openai/gpt-b: {input: 1, output: 4}
  second/gpt-a: {input: 3, output: 9}
configs:
  pc: {provider: "@second"}
keys:
  - {name: tester, key: "tester-key-0123456789-abcdef"}
  - {name: small, key: "small-key-0123456789-abcdefg", models: ["@second/*"]}
"""
REPLY = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-a",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "one\ntwo"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 2},
}
ASK = {"model": "gpt-a", "messages": [{"role": "user", "content": "count"}], "temperature": 0.5}


def said(text, model="gpt-a"):
    (choice,) = REPLY["choices"]
    message = {**choice, "message": {"role": "assistant", "content": text}}
    return ScriptedExchange(200, json.dumps({**REPLY, "model": model, "choices": [message]}).encode())


class Stage:
    def __init__(self, tmp_path, config=HOUSE):
        self.app = make_app(tmp_path, config)
        self.tmp = tmp_path

    def script(self, *answers):
        self.client = self.app.runtime.clients["https"] = ScriptedClient(*answers)

    def first(self, *answers, body=ASK, headers=(("x-lockgate-provider", "@openai"),), path="/v1/chat/completions"):
        self.script(*answers)
        ask(self.app.gateway, "POST", path, body=body, headers=[*AUTH, *headers])
        (kept,) = records(self.tmp)
        return kept

    def again(self, record, *answers, key="tester", **wish):
        self.script(*answers)
        snapshot = self.app.world.snapshot
        principal = next(each for each in snapshot.keys.values() if each.name == key)
        return asyncio.run(send_again(record, Wish(**wish), principal, snapshot, self.app.runtime))

    def sent(self):
        """What the provider was asked: (path's host, body)."""
        (asked,) = self.client.sent
        return asked


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def test_it_is_sent_as_it_was_and_is_a_request_of_its_own(stage):
    kept = stage.first(said("one\ntwo"), headers=[("x-lockgate-provider", "@openai"), ("x-lockgate-metadata", '{"app": "x"}')])
    sent = stage.again(kept, said("one\nthree"))
    new = sent.record
    assert json.loads(stage.client.sent[0][1].body) == ASK
    assert (new.provider, new.model_sent, new.key_name, new.cost_nusd) == ("openai", "gpt-a", "tester", 10 * 2000 + 2 * 8000)
    assert new.metadata == {"app": "x", ORIGIN: kept.id}
    assert new.id != kept.id and [each.id for each in records(stage.tmp)] == [kept.id, new.id]
    told = compare(side_of(kept, kept.response), [side_of(new, sent.body)])
    (replay,) = told.replays
    assert (replay.same, told.recorded.text, replay.answer.text) == (False, "one\ntwo", "one\nthree")
    assert replay.difference[-3:] == [" one", "-two", "+three"]


def test_the_same_answer_is_the_same(stage):
    kept = stage.first(said("x"))
    sent = stage.again(kept, said("x"))
    (replay,) = compare(side_of(kept, kept.response), [side_of(sent.record, sent.body)]).replays
    assert (replay.same, replay.difference) == (True, [])


@pytest.mark.parametrize(
    ("headers", "wish", "provider", "model"),
    [
        ((("x-lockgate-config", "pc"),), {}, "second", "gpt-a"),
        ((("x-lockgate-provider", "@openai"),), {"config": "pc"}, "second", "gpt-a"),
        ((("x-lockgate-provider", "@openai"),), {"config": '{"provider": "@second"}'}, "second", "gpt-a"),
        ((("x-lockgate-provider", "@openai"),), {"model": "gpt-b"}, "openai", "gpt-b"),
        ((("x-lockgate-provider", "@openai"),), {"model": "@second/gpt-a"}, "second", "gpt-a"),
        ((("x-lockgate-config", '{"provider": "@openai"}'),), {"config": "pc"}, "second", "gpt-a"),
    ],
)
def test_it_goes_where_it_went_or_where_it_shall(stage, headers, wish, provider, model):
    kept = stage.first(said("x"), headers=headers)
    new = stage.again(kept, said("y"), **wish).record
    assert (new.status, new.provider, new.model_sent) == (200, provider, model), new.error


def test_the_key_that_is_named_may_do_what_it_may_do(stage):
    kept = stage.first(said("x"))
    new = stage.again(kept, key="small").record
    assert (new.status, new.error_code, new.key_name) == (403, "model_not_allowed", "small")


def test_a_failure_is_an_answer(stage):
    kept = stage.first(said("x"))
    broken = ScriptedExchange(429, b'{"error": {"message": "slow down", "type": "rate", "code": "rate_limit"}}')
    sent = stage.again(kept, broken, broken, broken, broken, broken, broken)
    side = side_of(sent.record, sent.body)
    assert (side.status, side.outcome) == (429, "failed") and "slow down" in side.error


def test_streams_are_read_as_one_reads_them(stage):
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-a"}
    deltas = [({"role": "assistant", "content": "on"}, None), ({"content": "e"}, None), ({}, "stop")]

    def answer():
        pieces = [{**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]} for delta, end in deltas]
        return events(*pieces, b"data: [DONE]\n\n")

    kept = stage.first(answer(), body={**ASK, "stream": True})
    sent = stage.again(kept, answer())
    assert side_of(kept, kept.response).text == side_of(sent.record, sent.body).text == "one"
    assert sent.record.ttft_us is not None


def test_nothing_that_the_provider_repeats_of_a_secret_is_told(stage):
    kept = stage.first(said("x"))
    sent = stage.again(kept, said("your key is sk-openai-secret-1234567890"))
    assert b"sk-openai" not in sent.body and "[redacted]" in side_of(sent.record, sent.body).text


def test_a_body_that_was_not_kept_as_it_came_is_not_sent(stage, tmp_path):
    kept = stage.first(said("x"), body={**ASK, "user": "sk-someone-0123456789abcdefghij"})
    assert "without its secrets" in why_not(kept)
    with pytest.raises(Refusal) as refused:
        stage.again(kept)
    assert (refused.value.status, refused.value.code) == (409, "not_replayable")
    assert stage.client.sent == []


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"source": "posted"}, "only been told of it"),
        ({"operation": "proxy"}, "not sent by a route"),
        ({"request": b""}, "not kept (log.capture"),
        ({"request": b"{", "truncated": True}, "not kept whole"),
        ({"request": b'{"a": "[redacted]"}'}, "without its secrets"),
        ({"request": b"{}", "bytes_in": 9}, "without its secrets"),
    ],
)
def test_why_a_request_is_not_sent_again(members, why):
    members = {"operation": "chat", "path": "/v1/chat/completions", "request": b"{}", **members}
    kept = Record("id", 1, **{"bytes_in": len(members["request"]), **members})
    if members.get("truncated"):
        kept.bytes_in = 10_000
    assert why in why_not(kept)


def test_a_config_that_came_along_is_not_on_record(stage):
    kept = stage.first(said("x"), headers=[("x-lockgate-config", '{"provider": "@openai"}')])
    with pytest.raises(Refusal, match="config of its own"):
        stage.again(kept)


def test_it_is_asked_anew_where_its_answer_is_kept(tmp_path):
    """What the cache would give is what was answered then: there would be nothing to compare."""
    cached = HOUSE.replace('pc: {provider: "@second"}', 'pc: {provider: "@second", cache: true}')
    stage = Stage(tmp_path, cached)
    stage.app.runtime.cache = MemoryCache(1 << 20)
    kept = stage.first(said("one"), headers=[("x-lockgate-config", "pc")])
    assert kept.cache == "miss"
    sent = stage.again(kept, said("two"))
    assert (sent.record.cache, json.loads(sent.body)["choices"][0]["message"]["content"]) == ("disabled", "two")
    ask(stage.app.gateway, "POST", "/v1/chat/completions", body=ASK, headers=[*AUTH, ("x-lockgate-config", "pc")])
    assert records(stage.tmp)[-1].cached_id == kept.id, "and what was kept stays"
