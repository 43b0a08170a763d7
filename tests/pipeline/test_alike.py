"""pipeline/alike: answers to the same in other words are found by likeness, and nothing else is."""

import asyncio
import json

import pytest

from lockgate.http.admin.log_shapes import row_of
from lockgate.pipeline import alike
from lockgate.policy.caching import CERTAINTIES
from lockgate.stores.cache.memory import MemoryCache
from lockgate.stores.cache.port import Meant, SearchingStore
from lockgate.stores.embedding.ports import NoEmbedder
from lockgate.stores.embedding.wordllama import open_wordllama
from lockgate.stores.nearest import beside
from lockgate.stores.nearest.nearest import Nearest
from lockgate.stores.nearest.searched import Searched
from support.house import make_app, records
from support.shared_caches import KINDS, written
from support.stage import REPLY, Stage, quiet

CONFIG = "providers: {openai: {api_key: sk-openai-secret-1234567890}}"
ROUTE = {"provider": "@openai", "override_params": {"model": "gpt-a"}, "upstream_api": "chat"}
START = 1_800_000_000_000_000
#: Ways to ask one thing, of which no rule of spelling makes one.
ONE, OTHER = "How tall is the Eiffel Tower?", "What is the height of the Eiffel Tower?"
THIRD = "How high is the Eiffel Tower?"
#: What looks like the same, and is not.
TRAPS = [
    ("Convert 15 miles to kilometers", "Convert 51 miles to kilometers"),
    ("How do I enable notifications in the app?", "How do I disable notifications in the app?"),
    ("Which fruits can dogs eat?", "Which fruits can dogs not eat?"),
    ("How do I convert a PDF to Word?", "How do I convert Word to a PDF?"),
    ("What happened on 4 May 1970?", "What happened on 5 May 1970?"),
    ("How do I cancel my order?", "How do I cancel your order?"),
]


@pytest.fixture(scope="session")
def embedder():
    return open_wordllama()


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """The machine that runs the tests may be slow; that nobody waits is another test."""
    monkeypatch.setattr(beside, "PATIENCE_S", 30.0)


class World:
    """A gateway whose cache finds by likeness, and its clocks."""

    def __init__(self, tmp_path, embedder, store):
        self.tmp, self.said, self.now_us = tmp_path, [], START
        self.stage = Stage(make_app(tmp_path, CONFIG), tmp_path)
        self.runtime = self.stage.app.runtime
        self.runtime.time_us = lambda: self.now_us
        self.opens = lambda: embedder
        self.words = lambda: len(self.runtime.cache._wordings)
        self.keeps_in(store)

    def keeps_in(self, store):
        self.runtime.cache = store
        said, opens = self.said.append, lambda: self.opens()
        if isinstance(store, SearchingStore):
            self.runtime.nearest = Searched(store, opens, report=said)
        else:
            self.runtime.nearest = Nearest(store, opens, report=said, clock=lambda: self.now_us / 1e6)

    async def asks(self, words, says="pong", *, body=(), headers=(), **cache):
        """Ask; whether the provider was, and what came."""
        said = {"mode": "semantic", "levels": ["canonical", "verified"], **cache}
        body = {"model": "m", "messages": [{"role": "user", "content": words}], **dict(body)}
        before = len(self.stage.tries)
        task = await self.stage.asks({**ROUTE, "cache": said}, body, headers=headers)
        for _ in range(3000):
            if task.done() or len(self.stage.tries) > before:
                break
            await asyncio.sleep(0.001)  # a thread reads or counts
        new = len(self.stage.tries) > before
        if new and not body.get("stream"):
            choice = {"index": 0, "message": {"role": "assistant", "content": says}, "finish_reason": "stop"}
            self.stage.tries[-1].answers({**REPLY, "choices": [choice]})
        if new and body.get("stream"):
            part = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x"}
            self.stage.tries[-1].streams(
                {**part, "choices": [{"index": 0, "delta": {"content": says}, "finish_reason": None}]},
                {**part, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": REPLY["usage"]},
                b"data: [DONE]\n\n",
            ).ends()
        told = await task
        await quiet()
        while not written(self.runtime.cache):
            await asyncio.sleep(0.001)
        return new, told

    @property
    def record(self):
        return records(self.tmp)[-1]


@pytest.fixture(params=["memory", *KINDS])
def world(request, tmp_path, embedder, shared_of):
    if request.param == "memory":
        return World(tmp_path, embedder, MemoryCache(1 << 20))
    world = World(tmp_path, embedder, (shared := shared_of(request.param)).open())
    world.words = shared.words
    return world


@pytest.fixture(params=KINDS)
def shared(request, shared_of):
    return shared_of(request.param)


def play(world, scene):
    async def whole():
        await scene()
        await world.runtime.nearest.close()
        await world.runtime.cache.close()

    asyncio.run(whole())


def test_the_same_in_other_words_is_given_and_says_how(world):
    async def scene():
        assert (await world.asks(ONE))[0]
        new, told = await world.asks(OTHER)
        assert not new
        assert told.json["choices"][0]["message"]["content"] == "pong"
        miss, hit = records(world.tmp)
        assert told.headers["x-portkey-cache-status"] == "SEMANTIC HIT"
        assert told.headers["x-lockgate-cache-match"] == "verified"
        assert told.headers["x-lockgate-cache-from"] == hit.cached_id == miss.id
        assert told.headers["x-lockgate-cache-score"] == f"{hit.match.score:.3f}"
        assert (hit.cache, hit.cache_note, hit.match.level, hit.match.id) == ("semantic hit", "verified", "verified", miss.id)
        assert hit.match.score >= hit.match.least == alike.verifier().levels["strict"].threshold
        assert {"numbers", "negation", "verifier (strict)"} <= set(hit.match.checks)
        assert 0.8 < hit.match.cosine < 1
        shown = row_of(hit)
        assert (shown.cache_note, shown.cache_match) == ("verified", hit.match)

    play(world, scene)


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap[1])
def test_a_trap_is_never_given(tmp_path, embedder, trap):
    world = World(tmp_path, embedder, MemoryCache(1 << 20))

    async def scene():
        for words in trap:
            assert (await world.asks(words, level="wide"))[0]

    play(world, scene)


def test_without_the_level_it_is_not_found(world):
    async def scene():
        await world.asks(ONE)
        assert (await world.asks(OTHER, levels=["canonical"]))[0]
        assert (await world.asks("how tall is  the Eiffel Tower", levels=["canonical"]))[0] is False

    play(world, scene)


def test_verified_alone_finds_what_differs_in_spelling_too(world):
    async def scene():
        await world.asks(ONE, levels=["verified"])
        new, told = await world.asks("how tall is the  Eiffel Tower", levels=["verified"])
        assert (new, told.headers["x-lockgate-cache-match"]) == (False, "verified")

    play(world, scene)


@pytest.mark.parametrize(
    "other",
    [
        {"body": {"temperature": 0.5}},
        {"body": {"max_tokens": 7}},
        {"headers": [("x-portkey-cache-namespace", "mine")]},
        {"scope": "key"},
    ],
    ids=str,
)
def test_all_but_the_last_words_must_be_the_same(world, other):
    async def scene():
        await world.asks(ONE)
        assert (await world.asks(OTHER, **other))[0]

    play(world, scene)


def test_words_of_the_moment_are_not_kept_and_not_found(world):
    async def scene():
        await world.asks("How tall is the Eiffel Tower today?")
        assert (await world.asks("What is the height of the Eiffel Tower today?"))[0]
        assert world.record.cache_note == "its words must not be matched with others"

    play(world, scene)


def test_a_hit_is_not_found_by_what_it_was_found_for(world):
    """Of three, of which each is like the next, the first and the last may not be alike: a hit adds no words."""

    async def scene():
        await world.asks(ONE)
        await world.asks(OTHER)
        assert world.words() == 1

    play(world, scene)


def test_an_answer_ends_after_its_time(world):
    async def scene():
        await world.asks(ONE, max_age=60)
        world.now_us += 59_000_000
        assert not (await world.asks(OTHER, max_age=60))[0]
        assert (await world.asks(OTHER, headers=[("cache-control", "max-age=30")]))[0], "too old for this one"
        world.now_us += 2_000_000
        assert (await world.asks(THIRD, max_age=60, levels=["verified"]))[0] is False, "of the second"
        world.now_us += 61_000_000
        assert (await world.asks(OTHER, max_age=60))[0]

    play(world, scene)


def test_what_is_dropped_is_not_given(world, monkeypatch):
    keys = []

    async def scene():
        keep = world.runtime.nearest.keep
        monkeypatch.setattr(world.runtime.nearest, "keep", lambda key, *more: (keys.append(key), keep(key, *more)))
        await world.asks(ONE)
        world.runtime.cache.drop(keys[0])
        assert (await world.asks(OTHER))[0]
        assert (await world.asks(ONE))[0] is False, "of the second"
        assert world.words() == 1

    play(world, scene)


def test_after_a_restart_it_is_found_again_and_after_a_purge_not(tmp_path, embedder, shared):
    world = World(tmp_path, embedder, shared.open())

    async def scene():
        await world.asks(ONE)
        await world.runtime.cache.close()
        world.keeps_in(shared.open())
        assert not (await world.asks(OTHER))[0]
        assert (shared.words(), shared.shelf().size(Meant())[0]) == (1, 1), "the pointer is not seen"
        assert shared.shelf().purge(Meant(id=records(tmp_path)[0].id)) == 1
        assert shared.words() == 0
        world.now_us += 2_000_000
        assert (await world.asks(THIRD))[0]
        assert (await world.asks("how high is the Eiffel Tower"))[0] is False, "of the third"

    play(world, scene)


def test_other_workers_find_it_within_a_second(tmp_path, embedder, shared):
    world = World(tmp_path, embedder, shared.open())

    async def scene():
        await world.asks("Where is my parcel?")  # this one has read the partition
        first = world.runtime.cache, world.runtime.nearest
        world.keeps_in(shared.open())
        await world.asks(ONE)
        await world.runtime.cache.close()
        world.runtime.cache, world.runtime.nearest = first
        world.now_us += 1_100_000
        assert not (await world.asks(OTHER, levels=["verified"]))[0]

    play(world, scene)


def test_a_burst_of_one_rewording_looks_the_words_up_once(world, monkeypatch):
    async def scene():
        await world.asks(ONE)
        near, looked, everybody = world.runtime.nearest.near, [], asyncio.Event()

        async def counted(*asked):
            looked.append(asked)
            await everybody.wait()
            return await near(*asked)

        class Lookups(dict):
            def get(self, meant):
                came.append(meant)
                return super().get(meant)

        came = []
        monkeypatch.setattr(world.runtime, "lookups", Lookups())
        monkeypatch.setattr(world.runtime.nearest, "near", counted)
        said = {"mode": "semantic", "levels": ["canonical", "verified"]}
        body = {"model": "m", "messages": [{"role": "user", "content": OTHER}]}
        before = len(world.stage.tries)
        tasks = [await world.stage.asks({**ROUTE, "cache": said}, body) for _ in range(20)]
        while len(came) < 20:
            await asyncio.sleep(0.001)  # a server is asked first
        everybody.set()
        told = [await task for task in tasks]
        assert {each.headers["x-portkey-cache-status"] for each in told} == {"SEMANTIC HIT"}
        assert len(world.stage.tries) == before
        assert len(looked) == 1

    play(world, scene)


@pytest.mark.parametrize("level", CERTAINTIES)
def test_how_sure_it_must_be_is_the_config_s_to_say(tmp_path, embedder, level):
    assert set(alike.verifier().levels) == set(CERTAINTIES)
    world = World(tmp_path, embedder, MemoryCache(1 << 20))

    async def scene():
        await world.asks(ONE)
        await world.asks(OTHER, level=level)
        assert world.record.match.least == alike.verifier().levels[level].threshold

    play(world, scene)


class TestShadow:
    """Nothing is given, and both answers are compared."""

    @pytest.mark.parametrize(
        ("says", "answers"),
        [
            ("It is 330 m high.", "equal"),
            ("it is 330 m high", "canonical"),
            ("About a thousand feet, the antenna included.", "other"),
        ],
    )
    @pytest.mark.parametrize("stream", [False, True])
    def test_what_would_have_been_given_is_compared(self, world, says, answers, stream):
        async def scene():
            await world.asks(ONE, "It is 330 m high.", shadow=True, body={"stream": stream})
            new, told = await world.asks(OTHER, says, shadow=True, body={"stream": stream})
            assert new
            assert says.encode() in told.body
            first, second = records(world.tmp)
            assert (second.cache, second.cache_note) == ("semantic miss", f"would be verified; {first.id}")
            match = second.match
            assert (match.shadow, match.level, match.id, match.answers) == (True, "verified", first.id, answers)
            assert (match.alike == 1.0) == (answers == "equal")
            assert "x-lockgate-cache-match" not in told.headers

        play(world, scene)

    def test_one_level_may_be_trusted_and_the_other_not(self, world):
        async def scene():
            await world.asks(ONE, shadow=["verified"])
            assert (await world.asks(OTHER, shadow=["verified"]))[0]
            assert not (await world.asks("how tall is the Eiffel Tower", shadow=["verified"]))[0]
            assert (world.record.match.level, world.record.match.shadow) == ("canonical", False)

        play(world, scene)

    def test_an_answer_that_fails_is_not_compared(self, world):
        async def scene():
            await world.asks(ONE, shadow=True)
            body = {"model": "m", "messages": [{"role": "user", "content": OTHER}]}
            cache = {"mode": "semantic", "levels": ["canonical", "verified"], "shadow": True}
            before = len(world.stage.tries)
            task = await world.stage.asks({**ROUTE, "cache": cache}, body)
            while len(world.stage.tries) == before:
                await asyncio.sleep(0.001)
            world.stage.tries[-1].answers({"error": {"message": "no", "type": "server_error"}}, 500)
            await task
            assert (world.record.match.shadow, world.record.match.answers) == (True, "")

        play(world, scene)


def test_nobody_waits_for_an_embedder_that_is_being_opened(tmp_path, embedder, monkeypatch):
    monkeypatch.setattr(beside, "PATIENCE_S", 0.0)
    world = World(tmp_path, embedder, MemoryCache(1 << 20))

    async def scene():
        assert (await world.asks(ONE))[0], "it is asked, and kept without its words"
        await asyncio.gather(*world.runtime.nearest._beside.under_way.values())
        assert await world.runtime.nearest.vector(ONE)

    play(world, scene)


def test_weights_that_cannot_be_read_are_told_once_and_the_other_level_goes_on(tmp_path, embedder):
    world = World(tmp_path, embedder, MemoryCache(1 << 20))

    def broken():
        raise NoEmbedder("the weights in the package wordllama cannot be read: gone")

    world.opens = broken

    async def scene():
        await world.asks(ONE)
        assert (await world.asks(OTHER))[0]
        assert not (await world.asks("how tall is the Eiffel Tower"))[0]
        assert len(world.said) == 1
        assert "cannot be read: gone" in world.said[0]

    play(world, scene)


def test_a_long_question_is_compared_in_a_thread(world, monkeypatch):
    monkeypatch.setattr(alike, "_SHORT", 10)

    async def scene():
        await world.asks(ONE)
        assert not (await world.asks(OTHER))[0]

    play(world, scene)


def test_it_is_explained(world):
    async def scene():
        await world.asks(ONE)
        cache = {"mode": "semantic", "levels": ["canonical", "verified"]}
        body = {"model": "m", "messages": [{"role": "user", "content": OTHER}]}
        for shadow in (False, ["verified"]):
            config = {**ROUTE, "cache": {**cache, "shadow": shadow}}
            question = {"path": "/v1/chat/completions", "body": body, "headers": {"x-portkey-config": config}}
            task = await world.stage.asks(config, question, path="/v1/explain")
            (target,) = (await task).json["targets"]
            told = target["cache"]
            (miss,) = [each for each in records(world.tmp) if each.operation == "chat"]
            assert told["levels"] == ["canonical", "verified"]
            assert told["level"] == "strict"
            assert told["match"]["level"] == "verified"
            assert told["match"]["id"] == miss.id
            assert told.get("found") == (None if shadow else miss.id)
            assert told.get("in_shadow", []) == (shadow or [])

    play(world, scene)


@pytest.mark.parametrize("words", [ONE])
def test_the_wording_is_not_in_what_is_logged_of_the_cache(tmp_path, embedder, words):
    world = World(tmp_path, embedder, MemoryCache(1 << 20))

    async def scene():
        await world.asks(words)
        assert words not in repr(world.runtime.nearest) + repr(world.runtime.cache)
        assert words not in json.dumps([repr(each) for each in world.runtime.nearest._partitions.values()])

    play(world, scene)
