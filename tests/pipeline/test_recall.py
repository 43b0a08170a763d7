"""pipeline/recall: an answer that was given is given again, to whom it may be, and one on its way is shared."""

import asyncio
import json

import pytest

from lockgate.core.call import Principal
from lockgate.http.routes import SCOPES
from lockgate.pipeline import door, flights
from lockgate.stores.cache.memory import MemoryCache
from lockgate.transport.exchange import CUT
from support.house import make_app, records
from support.scripted import ScriptedClient, ScriptedExchange
from support.stage import ASK, DOWN, REPLY, Stage, quiet, scene

CONFIG = """
providers:
  openai: {api_key: sk-openai-secret-1234567890}
  claude: {provider: anthropic, api_key: sk-ant-secret-1234567890}
  second: {provider: openai, api_key: sk-second-secret-1234567890}
prices:
  openai/gpt-a: {input: 2.0, output: 8.0}
"""
CACHED = {"provider": "@openai", "override_params": {"model": "gpt-a"}, "upstream_api": "chat", "cache": {"mode": "simple"}}
COST = 100 * 2000 + 10 * 8000
STREAM = {**ASK, "stream": True, "stream_options": {"include_usage": True}}
BASE = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x"}
DONE = b"data: [DONE]\n\n"


def word(text):
    return {**BASE, "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}


def last(reason="stop"):
    return {**BASE, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": REPLY["usage"]}


def ended(reason, **message):
    choice = {"index": 0, "message": {"role": "assistant", "content": "pong", **message}, "finish_reason": reason}
    return {**REPLY, "choices": [choice]}


@pytest.fixture
def stage(tmp_path):
    stage = Stage(make_app(tmp_path, CONFIG), tmp_path)
    stage.app.runtime.cache = MemoryCache(1 << 20)
    return stage


async def asked(stage, body=ASK, config=CACHED, reply=REPLY, **more):
    """A request that is answered by whoever is asked; whether that was the provider."""
    before = len(stage.tries)
    task = await stage.asks(config, body, **more)
    new = len(stage.tries) > before
    if new:
        stage.tries[-1].answers(reply)
    return await task, new


@scene
async def test_the_same_request_is_answered_once(stage):
    first, new = await asked(stage)
    assert new
    assert first.headers["x-portkey-cache-status"] == "MISS"
    second, new = await asked(stage)
    assert not new
    assert (second.status, second.json) == (200, REPLY)
    assert second.headers["x-portkey-cache-status"] == "HIT"
    miss, hit = records(stage.tmp)
    assert second.headers["x-lockgate-cache-from"] == hit.cached_id == miss.id
    assert second.headers["age"] == "0"


@scene
async def test_a_hit_costs_nothing_and_says_what_it_saved(stage):
    for _ in range(2):
        await asked(stage)
    miss, hit = records(stage.tmp)
    assert (miss.cache, miss.cost_nusd, miss.saved_nusd) == ("miss", COST, 0)
    assert (hit.cache, hit.cost_nusd, hit.saved_nusd, hit.cost_note) == ("hit", 0, COST, "from the cache")
    assert (hit.usage.input, hit.provider, hit.model_sent, hit.attempts) == (100, "openai", "gpt-a", [])
    assert json.loads(hit.response) == REPLY


@scene
async def test_the_order_of_members_and_the_space_between_them_do_not_count(stage):
    await asked(stage)
    turned = json.dumps(dict(reversed(ASK.items())), indent=2).encode()
    _, new = await asked(stage, turned)
    assert not new


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.1},
        {"messages": [{"role": "user", "content": "another"}]},
        {"messages": [{"role": "system", "content": "be terse"}, *ASK["messages"]]},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}]},
        {"user": "somebody"},
        {"seed": 1},
        {"unknown_member": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_is_another_request_is_asked(stage, change):
    async def play():
        await asked(stage)
        _, new = await asked(stage, {**ASK, **change})
        assert new

    asyncio.run(play())


@pytest.mark.parametrize(
    "config",
    [
        {**CACHED, "override_params": {"model": "gpt-b"}},
        {**CACHED, "provider": "@second"},
        {**CACHED, "provider": "openai", "api_key": "sk-of-a-caller-1234567890"},
        {**CACHED, "cache": {"mode": "simple", "scope": "key"}},
    ],
    ids=["model", "provider", "account", "scope"],
)
def test_another_target_is_asked(stage, config):
    async def play():
        await asked(stage)
        _, new = await asked(stage, config=config)
        assert new

    asyncio.run(play())


@scene
async def test_a_namespace_is_a_cache_of_its_own(stage):
    await asked(stage)
    _, new = await asked(stage, headers=[("x-portkey-cache-namespace", "mine")])
    assert new
    _, new = await asked(stage, headers=[("x-portkey-cache-namespace", "mine")])
    assert not new


@scene
async def test_a_refresh_asks_and_keeps_the_new_answer(stage):
    await asked(stage)
    told, new = await asked(stage, reply=ended("stop", content="new"), headers=[("x-portkey-cache-force-refresh", "true")])
    assert new
    assert told.headers["x-portkey-cache-status"] == "REFRESH"
    told, new = await asked(stage)
    assert (new, told.json["choices"][0]["message"]["content"]) == (False, "new")


@pytest.mark.parametrize("header", [("cache-control", "no-store"), ("x-portkey-debug", "false")])
def test_who_wants_no_cache_has_none(stage, header):
    async def play():
        told, new = await asked(stage, headers=[header])
        assert new
        assert told.headers["x-portkey-cache-status"] == "DISABLED"
        _, new = await asked(stage)
        assert new

    asyncio.run(play())


@scene
async def test_an_answer_ends_after_its_time(stage):
    times = {"now": 1_800_000_000_000_000}
    stage.app.runtime.time_us = lambda: times["now"]
    config = {**CACHED, "cache": {"mode": "simple", "max_age": 60}}
    await asked(stage, config=config)
    times["now"] += 59_000_000
    assert not (await asked(stage, config=config))[1]
    assert (await asked(stage, config=config, headers=[("cache-control", "max-age=30")]))[1]
    times["now"] += 61_000_000
    assert (await asked(stage, config=config))[1]


@scene
async def test_without_a_cache_in_the_config_nothing_is_kept(stage):
    config = {name: value for name, value in CACHED.items() if name != "cache"}
    for _ in range(2):
        told, new = await asked(stage, config=config)
        assert new
        assert told.headers["x-portkey-cache-status"] == "DISABLED"


@pytest.mark.parametrize(
    "reply",
    [
        ended("length"),
        ended("content_filter"),
        ended("some_reason_that_nobody_knows"),
        ended("stop", content=None, refusal="I cannot help with that."),
    ],
    ids=["length", "filter", "unknown", "refusal"],
)
def test_what_the_model_did_not_say_to_its_end_is_not_kept(stage, reply):
    async def play():
        await asked(stage, reply=reply)
        _, new = await asked(stage)
        assert new

    asyncio.run(play())


@scene
async def test_an_error_is_not_kept(stage):
    task = await stage.asks(CACHED)
    stage.tries[-1].answers({"error": {"message": "no", "type": "server_error"}}, 500)
    assert (await task).status == 500
    _, new = await asked(stage)
    assert new


@scene
async def test_a_stream_is_given_again_as_a_stream(stage):
    task = await stage.asks(CACHED, STREAM)
    stage.tries[-1].streams(word("po"), word("ng"), last(), DONE).ends()
    first = await task
    second, new = await asked(stage, STREAM)
    assert not new
    assert second.body == first.body
    assert second.headers["content-type"] == first.headers["content-type"]
    assert records(stage.tmp)[-1].saved_nusd == COST


@scene
async def test_a_stream_that_broke_off_is_not_kept(stage):
    task = await stage.asks(CACHED, STREAM)
    stage.tries[-1].streams(word("po")).fails()
    await task
    _, new = await asked(stage, STREAM, reply={"error": {"message": "no"}})
    assert new


@scene
async def test_who_asks_meanwhile_is_given_the_same_answer(stage):
    tasks = [await stage.asks(CACHED) for _ in range(50)]
    assert len(stage.tries) == 1
    stage.tries[0].answers()
    told = [await task for task in tasks]
    assert all(each.json == REPLY for each in told)
    assert sorted(each.headers["x-portkey-cache-status"] for each in told) == ["HIT"] * 49 + ["MISS"]
    kept = records(stage.tmp)
    assert sum(each.cost_nusd for each in kept) == COST
    assert {each.cached_id for each in kept if each.cache == "hit"} == {each.id for each in kept if each.cache == "miss"}


@scene
async def test_who_joins_a_stream_gets_it_from_its_start(stage):
    leader = await stage.asks(CACHED, STREAM)
    stage.tries[0].streams(word("one "))
    await quiet()
    follower = await stage.asks(CACHED, STREAM)
    line = stage.line
    assert b"one " in line.sent
    stage.tries[0].says(word("two"), last(), DONE).ends()
    assert (await leader).body == (await follower).body
    assert len(stage.tries) == 1


@scene
async def test_a_leader_who_leaves_flies_on_for_those_who_follow(stage):
    leader = await stage.asks(CACHED, STREAM)
    first = stage.line
    stage.tries[0].streams(word("one "))
    await quiet()
    follower = await stage.asks(CACHED, STREAM)
    first.lost = True
    first.when_lost()
    await quiet()
    assert not stage.tries[0].closed
    stage.tries[0].says(word("two"), last(), DONE).ends()
    told = await follower
    await leader
    assert b"two" in told.body
    assert len(stage.tries) == 1
    left, hit = sorted(records(stage.tmp), key=lambda record: record.cache)[::-1]
    assert (left.outcome, left.cost_nusd, hit.outcome, hit.cost_nusd) == ("client_left", COST, "ok", 0)


@scene
async def test_when_nobody_follows_any_more_the_answer_is_given_up(stage):
    leader = await stage.asks(CACHED, STREAM)
    first = stage.line
    stage.tries[0].streams(word("one "))
    await quiet()
    follower = await stage.asks(CACHED, STREAM)
    second = stage.line
    for line in (first, second):
        line.lost = True
        line.when_lost()
        await quiet()
    assert stage.tries[0].closed
    await asyncio.gather(leader, follower, return_exceptions=True)


@scene
async def test_when_the_leader_fails_another_one_leads(stage):
    tasks = [await stage.asks(CACHED) for _ in range(10)]
    stage.tries[0].fails(DOWN)
    await quiet()
    assert len(stage.tries) == 2
    stage.tries[1].answers()
    told = [await task for task in tasks]
    assert sorted(each.status for each in told) == [200] * 9 + [502]


@scene
async def test_when_the_next_one_fails_too_each_asks_on_its_own(stage):
    tasks = [await stage.asks(CACHED) for _ in range(10)]
    for number in range(2):
        stage.tries[number].fails(DOWN)
        await quiet()
    assert len(stage.tries) == 10
    for each in stage.tries[2:]:
        each.answers()
    told = [await task for task in tasks]
    assert sorted(each.status for each in told) == [200] * 8 + [502] * 2


@scene
async def test_sharing_can_be_switched_off(stage):
    config = {**CACHED, "cache": {"mode": "simple", "coalesce": False}}
    tasks = [await stage.asks(config) for _ in range(3)]
    assert len(stage.tries) == 3
    for each in stage.tries:
        each.answers()
    await asyncio.gather(*tasks)


@scene
async def test_a_kept_answer_that_is_none_is_asked_for_again(stage):
    await asked(stage)
    cache = stage.app.runtime.cache
    (key,) = cache._answers
    cache._answers[key].body = b"damaged"
    told, new = await asked(stage)
    assert new
    assert told.json == REPLY
    assert told.headers["x-portkey-cache-status"] == "MISS"


MEANT = {**CACHED, "cache": {"mode": "semantic"}}


def says(words, *before, **more):
    return {"model": "m", "messages": [*before, {"role": "user", "content": words}], **more}


@scene
async def test_the_same_in_other_words_has_one_answer_and_says_how(stage):
    told, new = await asked(stage, says("What is the capital of France?"), MEANT)
    assert new
    assert told.headers["x-portkey-cache-status"] == "SEMANTIC MISS"
    told, new = await asked(stage, says("please: what is  the capital of france"), MEANT)
    assert not new
    assert told.json == REPLY
    assert told.headers["x-portkey-cache-status"] == "SEMANTIC HIT"
    assert told.headers["x-lockgate-cache-match"] == "canonical"
    miss, hit = records(stage.tmp)
    assert (hit.cache, hit.cache_note, hit.cached_id, hit.saved_nusd) == ("semantic hit", "canonical", miss.id, COST)
    told, new = await asked(stage, says("What is the capital of France?"), MEANT)
    assert (new, told.headers["x-portkey-cache-status"]) == (False, "HIT")


@pytest.mark.parametrize(
    "other",
    [
        says("What is the capital of Spain?"),
        says("Who is the capital of France?"),
        says("what is the capital of france", temperature=0.5),
        says("what is the capital of france", {"role": "system", "content": "Be terse."}),
        says(
            "what is the capital of france", {"role": "user", "content": "In 1790?"}, {"role": "assistant", "content": "Yes."}
        ),
        says("what is the capital of france", max_tokens=5),
    ],
    ids=["name", "question word", "parameter", "system", "history", "limit"],
)
def test_what_is_not_the_same_has_another_answer(stage, other):
    async def play():
        await asked(stage, says("What is the capital of France?"), MEANT)
        _, new = await asked(stage, other, MEANT)
        assert new

    asyncio.run(play())


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (says("hi there", tools=[{"type": "function", "function": {"name": "f", "parameters": {}}}]), "it has tools"),
        (says([{"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}]), "it has more than text in it"),
        (says("hi there", temperature=1.5), "its temperature is above 1"),
        (says("hi there", n=2), "it asks for several answers"),
        (says("What is the latest version?"), "its words must not be matched with others"),
    ],
    ids=["tools", "image", "temperature", "several", "time"],
)
def test_what_must_not_be_matched_is_not_and_the_record_says_why(stage, body, why):
    async def play():
        await asked(stage, body, MEANT)
        assert records(stage.tmp)[-1].cache_note == why

    asyncio.run(play())


@scene
async def test_in_the_shadow_it_is_only_said_what_would_be_given(stage):
    config = {**CACHED, "cache": {"mode": "semantic", "shadow": True}}
    await asked(stage, says("What is the capital of France?"), config)
    _, new = await asked(stage, says("what is the capital of france"), config)
    assert new
    first, second = records(stage.tmp)
    assert second.cache_note == f"would be canonical; {first.id}"
    assert (second.cache, second.cost_nusd) == ("semantic miss", COST)


@scene
async def test_with_a_simple_cache_other_words_are_another_request(stage):
    await asked(stage, says("What is the capital of France?"))
    _, new = await asked(stage, says("what is the capital of france"))
    assert new


@scene
async def test_the_provider_that_needs_no_account_is_cached_too(stage):
    config = {"provider": "@sim", "cache": "simple"}
    told = [await (await stage.asks(config, {**ASK, "model": "chat"})) for _ in range(2)]
    assert [(each.status, each.headers["x-portkey-cache-status"]) for each in told] == [(200, "MISS"), (200, "HIT")]


@scene
async def test_what_was_asked_in_vain_before_a_hit_is_charged_and_the_hit_is_not(stage):
    """The first target breaks off when it has been sent a prompt; the second one's answer is there."""
    await asked(stage)
    fallback = {
        "strategy": {"mode": "fallback"},
        "targets": [
            {"provider": "@second", "override_params": {"model": "gpt-a"}, "upstream_api": "chat"},
            CACHED,
        ],
    }
    task = await stage.asks(fallback)
    stage.tries[-1].fails(CUT)
    await task
    record = records(stage.tmp)[-1]
    assert (record.cache, record.saved_nusd) == ("hit", COST)
    (attempt,) = record.attempts
    assert record.cost_nusd == (attempt.cost_nusd or 0), "what the broken attempt cost, by estimate, and nothing for the hit"
    assert attempt.cost_nusd != COST


@scene
async def test_a_hedged_leader_who_leaves_flies_on_too(stage):
    config = {**CACHED, "hedge": {"after": 60_000, "to": "same"}}
    leader = await stage.asks(config, STREAM)
    first = stage.line
    stage.tries[0].streams(word("one "))
    await quiet()
    follower = await stage.asks(config, STREAM)
    first.lost = True
    first.when_lost()
    await quiet()
    assert not stage.tries[0].closed
    stage.tries[0].says(word("two"), last(), DONE).ends()
    assert b"two" in (await follower).body
    await leader


@scene
async def test_a_reader_who_is_slow_holds_up_nobody_who_follows(stage):
    leader = await stage.asks(CACHED, STREAM)
    stage.line.slow = True
    stage.tries[0].streams(word("one "))
    await quiet()
    follower = await stage.asks(CACHED, STREAM)
    stage.tries[0].says(word("two"), last(), DONE).ends()
    assert (await follower).body == (await leader).body


def test_a_stream_that_never_ends_is_not_held(stage, monkeypatch):
    monkeypatch.setattr(flights, "KEPT", 2000)

    async def play():
        task = await stage.asks(CACHED, STREAM)
        (flight,) = stage.app.runtime.flights._under_way.values()
        for n in range(40):
            stage.tries[0].streams(word(f"{n} ".ljust(100)))
            await quiet()
        assert flight.pieces == []
        assert flight.ended
        follower = await stage.asks(CACHED, STREAM)
        assert len(stage.tries) == 2  # it cannot be joined any more
        for each in stage.tries:
            each.says(last(), DONE).ends() if each.status else each.streams(word("x"), last(), DONE).ends()
        assert (await task).status == (await follower).status == 200
        assert len(stage.app.runtime.cache._answers) == 1  # the second one's, which is small

    asyncio.run(play())


def test_those_who_follow_one_that_grows_too_large_are_cut_off_and_told(stage, monkeypatch):
    monkeypatch.setattr(flights, "HELD", 2000)

    async def play():
        leader = await stage.asks(CACHED, STREAM)
        stage.tries[0].streams(word("one"))
        await quiet()
        follower = await stage.asks(CACHED, STREAM)
        for n in range(40):
            stage.tries[0].says(word(f"{n} ".ljust(100)))
            await quiet()
        assert b"error" in (await follower).body
        stage.tries[0].says(last(), DONE).ends()
        assert (await leader).body.endswith(DONE)

    asyncio.run(play())


def test_an_answer_that_is_too_large_is_not_kept(stage, monkeypatch):
    monkeypatch.setattr(flights, "KEPT", 100)

    async def play():
        await asked(stage)
        _, new = await asked(stage)
        assert new

    asyncio.run(play())


@pytest.mark.parametrize(("user", "new"), [("", True), ("anna", False)], ids=["services", "a user's"])
def test_of_the_scope_user_a_key_that_is_no_users_stands_for_itself(stage, monkeypatch, user, new):
    keys = iter(["one", "two"])
    scopes = frozenset(SCOPES)
    monkeypatch.setattr(door, "admit", lambda *_: (Principal(next(keys), "app", scopes, user=user), ""))

    async def play():
        config = {**CACHED, "cache": {"mode": "simple", "scope": "user"}}
        await asked(stage, config=config)
        assert (await asked(stage, config=config))[1] is new

    asyncio.run(play())


@scene
async def test_what_was_left_at_that_moment_is_not_said_again(stage):
    task = await stage.asks(CACHED)
    stage.tries[0].answers()
    stage.tries[0].headers += [(b"x-ratelimit-remaining-requests", b"7"), (b"x-request-id", b"r-1"), (b"set-cookie", b"a=b")]
    assert (await task).headers["x-ratelimit-remaining-requests"] == "7"
    again, _ = await asked(stage)
    assert again.headers["x-request-id"] == "r-1"
    assert again.headers.keys().isdisjoint(("x-ratelimit-remaining-requests", "set-cookie"))


@scene
async def test_callers_of_two_dialects_share_an_answer_when_the_provider_is_asked_the_same(stage):
    config = {"provider": "@claude", "override_params": {"model": "c"}, "cache": "simple"}
    said = {
        "role": "assistant",
        "content": [{"type": "text", "text": "pong"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
    }
    reply = {"id": "msg_1", "type": "message", "model": "c", **said, "usage": {"input_tokens": 5, "output_tokens": 2}}
    body = {"model": "m", "max_tokens": 9, "messages": ASK["messages"]}
    first, new = await asked(stage, body, config, reply, path="/v1/messages")
    assert (first.json, new) == (reply, True)
    second, new = await asked(stage, body, config)
    assert not new
    assert second.json["choices"][0]["message"]["content"] == "pong"


@scene
async def test_vectors_are_given_again(stage):
    vectors = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "e",
               "usage": {"prompt_tokens": 3, "total_tokens": 3}}  # fmt: skip
    config = {"provider": "@openai", "cache": "simple"}
    for new in (True, False):
        told = await asked(stage, {"model": "e", "input": "a text"}, config, vectors, path="/v1/embeddings")
        assert (told[0].json, told[1]) == (vectors, new)


@scene
async def test_however_deeply_a_body_is_nested_it_is_answered(stage):
    depths = range(850, 1010)
    reply = json.dumps(REPLY).encode()
    stage.app.runtime.clients["https"] = ScriptedClient(*(ScriptedExchange(200, reply) for _ in depths))
    for depth in depths:
        body = json.dumps(says("hi there")).encode()[:-1] + b', "x": ' + b"[" * depth + b"]" * depth + b"}"
        assert (await (await stage.asks(MEANT, body))).status in (200, 400)


@scene
async def test_speech_is_given_again(stage):
    sound = ScriptedExchange(200, b"ID3\x04" + b"\x00\xff" * 500, [(b"content-type", b"audio/mpeg")])
    stage.app.runtime.clients["https"] = ScriptedClient(sound)
    body = {"model": "tts-1", "input": "pong", "voice": "alloy"}
    config = {"provider": "@openai", "cache": "simple"}
    first, again = [await (await stage.asks(config, body, "/v1/audio/speech")) for _ in range(2)]
    assert (first.headers["x-portkey-cache-status"], again.headers["x-portkey-cache-status"]) == ("MISS", "HIT")
    assert first.body == again.body
    assert again.headers["content-type"] == "audio/mpeg"
