"""pipeline/recall: an answer that was given is given again, to whom it may be, and one on its way is shared."""

import asyncio
import json

import pytest

from lockgate.stores.cache.memory import MemoryCache
from lockgate.transport.exchange import CUT
from support.house import make_app, records
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
