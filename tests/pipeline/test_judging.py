"""pipeline/judging: where the verifier is not sure, a model is asked, in the name of who asks."""

import asyncio

import pytest

from lockgate.pipeline import alike
from lockgate.pipeline.judging import DOUBTFUL
from lockgate.pipeline.within import ask_within
from lockgate.stores.cache.memory import MemoryCache
from lockgate.stores.embedding.wordllama import open_wordllama
from lockgate.stores.nearest import beside
from lockgate.stores.nearest.nearest import Nearest
from support.house import make_app, records
from support.stage import REPLY, Stage, quiet

CONFIG = "providers: {openai: {api_key: sk-openai-secret-1234567890}}"
LEVELS = ["canonical", "verified", "judged"]
ROUTE = {"provider": "@openai", "override_params": {"model": "gpt-a"}, "upstream_api": "chat"}
CACHE = {"mode": "semantic", "levels": LEVELS, "judge": "@openai/gpt-judge"}
#: The verifier is not sure of these, and nothing speaks against them.
ONE, OTHER = "How do I delete my account?", "What are the steps to close my account?"


@pytest.fixture(scope="session")
def embedder():
    return open_wordllama()


@pytest.fixture
def stage(tmp_path, embedder, monkeypatch):
    monkeypatch.setattr(beside, "PATIENCE_S", 30.0)
    stage = Stage(make_app(tmp_path, CONFIG), tmp_path)
    runtime = stage.app.runtime
    runtime.cache = MemoryCache(1 << 20)
    runtime.nearest = Nearest(runtime.cache, lambda: embedder, report=pytest.fail)
    runtime.ask = ask_within
    return stage


def says(text, reason="stop"):
    return {**REPLY, "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": reason}]}


async def asks(stage, words, *answers, **cache):
    """Ask, with what providers say to it, one after the other; what they were asked, and what came."""
    before = len(stage.tries)
    body = {"model": "m", "messages": [{"role": "user", "content": words}]}
    task = await stage.asks({**ROUTE, "cache": {**CACHE, **cache}}, body)
    for number, (status, answer) in enumerate(answers):
        for _ in range(3000):
            if len(stage.tries) > before + number or task.done():
                break
            await asyncio.sleep(0.001)  # a thread counts
        stage.tries[before + number].answers(answer, status)
    told = await task
    await quiet()
    return [each.body for each in stage.tries[before:]], told


def play(stage, scene):
    async def whole():
        await asks(stage, ONE, (200, says("pong")))
        await scene()
        await stage.app.runtime.nearest.close()

    asyncio.run(whole())


def test_the_pair_is_one_of_which_the_verifier_is_not_sure():
    score = alike.verifier().score(ONE, OTHER, 0.465)
    assert DOUBTFUL <= score < alike.verifier().levels["strict"].threshold


def test_what_the_judge_takes_for_the_same_is_given_and_says_so(stage):
    async def scene():
        (asked,), told = await asks(stage, OTHER, (200, says("YES")))
        assert asked["model"] == "gpt-judge"
        assert (OTHER in asked["messages"][1]["content"]) and (ONE in asked["messages"][1]["content"])
        assert told.json["choices"][0]["message"]["content"] == "pong"
        assert told.headers["x-portkey-cache-status"] == "SEMANTIC HIT"
        assert told.headers["x-lockgate-cache-match"] == "judged"
        first, judge, hit = records(stage.tmp)
        assert (hit.match.level, hit.match.id, hit.match.checks[-1]) == ("judged", first.id, "judge (@openai/gpt-judge)")
        assert hit.cost_nusd == 0
        assert (judge.trace_id, judge.parent_span_id, judge.span_name) == (hit.trace_id, hit.span_id, "cache judge")
        assert (judge.key_id, judge.cache) == (hit.key_id, "")

    play(stage, scene)


@pytest.mark.parametrize(
    "word",
    [(200, says("NO")), (200, says("Yes, mostly.")), (200, says("")), (200, {**REPLY, "choices": []}), (401, {"error": "no"})],
    ids=["no", "hesitates", "nothing", "no choice", "refused"],
)
def test_whatever_else_it_says_the_provider_is_asked(stage, word):
    async def scene():
        (judge, asked), told = await asks(stage, OTHER, word, (200, says("else")))
        assert (judge["model"], asked["model"]) == ("gpt-judge", "gpt-a")
        assert told.json["choices"][0]["message"]["content"] == "else"
        assert told.headers["x-portkey-cache-status"] == "SEMANTIC MISS"

    play(stage, scene)


def test_who_asks_the_same_at_once_waits_for_one_verdict(stage):
    async def scene():
        before = len(stage.tries)
        body = {"model": "m", "messages": [{"role": "user", "content": OTHER}]}
        tasks = [await stage.asks({**ROUTE, "cache": CACHE}, body) for _ in range(5)]
        for _ in range(3000):
            if len(stage.tries) > before:
                break
            await asyncio.sleep(0.001)  # a thread counts
        await quiet()
        (judge,) = stage.tries[before:]
        judge.answers(says("YES"), 200)
        for task in tasks:
            told = await task
            assert told.json["choices"][0]["message"]["content"] == "pong"
        assert len(stage.tries) == before + 1
        assert not stage.app.runtime.verdicts

    play(stage, scene)


def test_without_the_level_no_model_is_asked(stage):
    async def scene():
        (asked,), _ = await asks(stage, OTHER, (200, says("else")), levels=LEVELS[:2], judge=None)
        assert asked["model"] == "gpt-a"

    play(stage, scene)


def test_a_pair_that_something_speaks_against_is_put_before_no_judge(stage):
    async def scene():
        (asked,), _ = await asks(stage, "How do I not delete my account?", (200, says("else")))
        assert asked["model"] == "gpt-a"

    play(stage, scene)


def test_a_gateway_that_has_nobody_to_ask_asks_the_provider(stage):
    stage.app.runtime.ask = None

    async def scene():
        (asked,), _ = await asks(stage, OTHER, (200, says("else")))
        assert asked["model"] == "gpt-a"

    play(stage, scene)


def test_a_judge_that_the_key_may_not_ask_has_said_no(stage):
    async def scene():
        (asked,), _ = await asks(stage, OTHER, (200, says("else")), judge="@nobody/model")
        assert asked["model"] == "gpt-a"

    play(stage, scene)
