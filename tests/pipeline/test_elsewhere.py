"""pipeline/elsewhere: what another worker is being answered is waited for, and taken from the store."""

import asyncio

import pytest

from lockgate.pipeline import elsewhere
from lockgate.stores.cache.memory import MemoryCache
from support.house import make_app, records
from support.stage import ASK, REPLY, Stage, quiet, scene

CONFIG = "providers: {openai: {api_key: sk-openai-secret-1234567890}}"
CACHED = {"provider": "@openai", "override_params": {"model": "gpt-a"}, "upstream_api": "chat", "cache": {"mode": "simple"}}


class Claims:
    """`theirs`: another worker has all claims. `ends`: how many have ended there."""

    def __init__(self):
        self.theirs, self.ends, self.mine, self.asked = False, 0, [], 0

    def seen(self, key):
        return self.ends, 0

    def take(self, key):
        self.asked += 1
        if self.theirs:
            return False
        self.mine.append(key)
        return True

    def drop(self, key):
        self.mine.remove(key)


class Written(MemoryCache):
    """A store that writes when it is told to."""

    written = True
    key = b""

    def keep(self, key, answer):
        super().keep(key, answer)
        self.key, self.answer = key, answer

    def is_written(self, key):
        return self.written


@pytest.fixture
def stage(tmp_path):
    stage = Stage(make_app(tmp_path, CONFIG), tmp_path)
    stage.app.runtime.cache = Written(1 << 20)
    stage.app.runtime.claims = Claims()

    async def pause(seconds, caller):
        over = asyncio.get_running_loop().create_future()

        def wake():
            if not over.done():
                over.set_result(None)

        stage.later(seconds, wake)
        caller.on_leave(wake)
        await over
        caller.on_leave(None)

    stage.app.runtime.pause = pause
    return stage


async def kept(stage):
    """What the other worker will have kept: the key and the answer of the same request, which is not here any more."""
    task = await stage.asks(CACHED, ASK)
    stage.tries[-1].answers(REPLY)
    await task
    store = stage.app.runtime.cache
    store.drop(store.key)
    stage.tries.clear()
    return store.key, store.answer


async def passes(stage, seconds=0.1):
    """Time passes, in which it is looked whether the claim is free."""
    for _ in range(20):
        await stage.passes(seconds / 20)


def status(answer):
    return answer.headers["x-portkey-cache-status"]


@scene
async def test_what_another_worker_is_answered_is_taken_from_the_store(stage):
    claims, store = stage.app.runtime.claims, stage.app.runtime.cache
    key, answer = await kept(stage)
    claims.theirs = True
    tasks = [await stage.asks(CACHED, ASK) for _ in range(5)]
    await passes(stage)
    assert stage.tries == [] and not any(task.done() for task in tasks)
    store.keep(key, answer)
    claims.theirs, claims.ends = False, 1
    await passes(stage)
    answers = [await task for task in tasks]
    assert [(each.status, each.json, status(each)) for each in answers] == [(200, REPLY, "HIT")] * 5
    assert {each.cached_id for each in records(stage.tmp)[1:]} == {answer.id}
    assert stage.tries == [] and claims.mine == []


@scene
async def test_one_of_those_who_wait_asks_when_nothing_came_of_it(stage):
    claims = stage.app.runtime.claims
    claims.theirs = True
    tasks = [await stage.asks(CACHED, ASK) for _ in range(3)]
    await passes(stage)
    assert stage.tries == []
    claims.theirs, claims.ends = False, 1
    await passes(stage)
    assert len(stage.tries) == 1
    stage.tries[0].answers(REPLY)
    assert sorted([status(await task) for task in tasks]) == ["HIT", "HIT", "MISS"]
    assert claims.mine == []


@scene
async def test_nobody_waits_for_another_worker_for_ever(stage):
    stage.app.runtime.claims.theirs = True
    task = await stage.asks(CACHED, ASK)
    await passes(stage, elsewhere.WAIT_S - 1)
    assert stage.tries == []
    await passes(stage, 2)
    stage.tries[0].answers(REPLY)
    assert status(await task) == "MISS"


@scene
async def test_who_wants_a_new_answer_does_not_wait(stage):
    stage.app.runtime.claims.theirs = True
    task = await stage.asks(CACHED, ASK, headers=[("cache-control", "no-cache")])
    stage.tries[0].answers(REPLY)
    assert status(await task) == "REFRESH"


@scene
async def test_an_answer_that_came_between_the_look_and_the_claim_is_found(stage):
    claims, store = stage.app.runtime.claims, stage.app.runtime.cache
    _, answer = await kept(stage)
    take = claims.take

    def late(key):
        store.keep(key, answer)
        claims.ends += 1
        return take(key)

    claims.take = late
    assert status(await (await stage.asks(CACHED, ASK))) == "HIT"
    assert stage.tries == [] and claims.mine == []


@scene
async def test_a_claim_is_held_until_the_answer_is_written(stage):
    claims, store = stage.app.runtime.claims, stage.app.runtime.cache
    store.written = False
    task = await stage.asks(CACHED, ASK)
    stage.tries[0].answers(REPLY)
    await task
    await passes(stage)
    assert len(claims.mine) == 1
    store.written = True
    await passes(stage)
    assert claims.mine == []


@scene
async def test_a_store_that_does_not_write_does_not_keep_a_claim(stage):
    claims, store = stage.app.runtime.claims, stage.app.runtime.cache
    store.written = False
    task = await stage.asks(CACHED, ASK)
    stage.tries[0].answers(REPLY)
    await task
    for _ in range(elsewhere._WRITTEN_TIMES + 1):
        await stage.passes(elsewhere._WRITTEN_S)
    assert claims.mine == []


@scene
async def test_a_request_that_fails_or_finds_its_answer_leaves_no_claim(stage):
    claims = stage.app.runtime.claims
    task = await stage.asks(CACHED, ASK)
    assert len(claims.mine) == 1
    stage.tries[0].fails()
    assert (await task).status >= 500
    assert claims.mine == []


@scene
async def test_a_caller_who_leaves_while_it_waits_asks_nobody_and_the_next_one_waits_on(stage):
    claims, store = stage.app.runtime.claims, stage.app.runtime.cache
    key, answer = await kept(stage)
    claims.theirs = True
    first = await stage.asks(CACHED, ASK)
    second = await stage.asks(CACHED, ASK)
    first.cancel()
    await quiet()
    await passes(stage)
    assert not second.done()
    store.keep(key, answer)
    claims.theirs, claims.ends = False, 1
    await passes(stage)
    assert status(await second) == "HIT"
    assert stage.tries == []
