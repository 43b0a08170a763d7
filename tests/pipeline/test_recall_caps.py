"""pipeline/recall: no config and no caller keeps an answer for longer than its workspace lets them."""

import asyncio

import pytest

from lockgate.stores.cache.memory import MemoryCache
from support.house import make_app, records
from support.stage import ASK, REPLY, Stage, scene

PROVIDER = "providers: {openai: {api_key: sk-openai-secret-1234567890}}"
CACHED = {"provider": "@openai", "override_params": {"model": "gpt-a"}, "upstream_api": "chat", "cache": {"max_age": 86_400}}
SECOND = 1_000_000


def staged(tmp_path, workspace):
    """A stage whose configuration says this of its workspace."""
    stage = Stage(make_app(tmp_path, f"{PROVIDER}\nworkspace: {workspace}"), tmp_path)
    stage.app.runtime.cache = MemoryCache(1 << 20)
    return stage


@pytest.fixture
def stage(tmp_path):
    return staged(tmp_path, "{cache: {max_age: 600}}")


async def asked(stage, **more):
    """A request; its cache status."""
    before = len(stage.tries)
    task = await stage.asks(CACHED, ASK, **more)
    if len(stage.tries) > before:
        stage.tries[-1].answers(REPLY)
    return (await task).headers["x-portkey-cache-status"]


def later(stage, seconds):
    """Time passes."""
    before = stage.app.runtime.time_us
    stage.app.runtime.time_us = lambda: before() + seconds * SECOND


@scene
async def test_an_answer_is_not_given_when_it_is_older_than_the_workspace_lets_it_be(stage):
    assert [await asked(stage), await asked(stage)] == ["MISS", "HIT"]
    later(stage, 599)
    assert await asked(stage) == "HIT"
    later(stage, 2)
    assert await asked(stage) == "MISS"


@scene
async def test_a_cap_holds_for_what_was_kept_before_it_was_said(stage):
    world = stage.app.world.snapshot
    world.caps, caps = {}, world.caps
    assert await asked(stage) == "MISS"
    later(stage, 601)
    assert await asked(stage) == "HIT"
    world.caps = caps
    assert await asked(stage) == "MISS"


@scene
async def test_a_caller_may_ask_for_less_and_not_for_more(stage):
    assert await asked(stage) == "MISS"
    later(stage, 120)
    assert await asked(stage, headers=[("cache-control", "max-age=86400")]) == "HIT"
    assert await asked(stage, headers=[("cache-control", "max-age=60")]) == "MISS"
    later(stage, 601)
    assert await asked(stage, headers=[("cache-control", "max-age=86400")]) == "MISS"


@pytest.mark.parametrize("said", ["{cache: false}", "{cache: off}", "{cache: {'off': true}}"])
def test_a_workspace_without_a_cache_has_none_whatever_its_configs_say(tmp_path, said):
    stage = staged(tmp_path, said)

    async def play():
        return [await asked(stage), await asked(stage)]

    assert asyncio.run(play()) == ["DISABLED"] * 2
    assert [each.cache for each in records(tmp_path)] == ["disabled"] * 2
    assert len(stage.tries) == 2
