"""stores/cache/postgres_words: the server searches the words, which go with their answers; and what is missing is told."""

import asyncio
import time
from contextlib import contextmanager

import numpy as np
import psycopg
import pytest

from lockgate.stores.cache import lanes, postgres_words
from lockgate.stores.cache.open import open_shelf
from lockgate.stores.cache.port import Meant, SearchingStore, Wording
from lockgate.stores.cache.postgres import PostgresCache
from lockgate.stores.cache.postgres_words import WIDTH, WORDS
from lockgate.stores.nearest.index import packed
from lockgate.stores.nearest.open import open_nearest
from support.answers import LATER, MOST, NOW, answer
from support.postgres import hung, new_database
from support.shared_caches import written

pytestmark = pytest.mark.usefixtures("patient")


def vector(number):
    """Vectors of which those of numbers near to each other are near."""
    found = np.zeros(WIDTH, np.float32)
    found[0], found[1] = np.cos(number / 10), np.sin(number / 10)
    return found.tobytes()


def keep(cache, number, partition=b"p", words="", **more):
    key = partition + b"%d" % number
    expires_us = more.get("expires_us", LATER)
    wording = Wording(partition, key, f"id-{number}", expires_us, words or f"words {number}", packed(vector(number)))
    cache.keep(key, answer(number, **more), wording)


@pytest.fixture
def url():
    return new_database()


@pytest.fixture
def near(opened, url, run):
    """Ask another worker what is near."""
    cache = opened(url)
    return lambda number, partition=b"p", now_us=NOW: run(cache.nearest(partition, vector(number), now_us))


def test_those_of_a_partition_are_found_the_nearest_first(opened, url, run, near):
    cache = opened(url)
    assert isinstance(cache, SearchingStore)
    for number in range(20):
        keep(cache, number)
        keep(cache, number, b"q")
    strange = "\0 \N{SNOWMAN} \ud800 '" * 100
    keep(cache, 5, b"r", strange)
    run(cache.close())
    found = near(5)
    assert len(found) == 8
    assert found[0][0] == Wording(b"p", b"p5", "id-5", LATER, "words 5", b"")
    assert [each.partition for each, _ in found] == [b"p"] * 8
    assert {each.words for each, _ in found[1:3]} == {"words 4", "words 6"}
    assert [cosine for _, cosine in found[:2]] == pytest.approx([1.0, np.cos(0.1)], abs=0.01)
    assert [each.words for each, _ in near(5, b"r")] == [strange]
    assert near(5, b"s") == []


def test_words_go_with_their_answer_however_it_goes(opened, url, run, tmp_path, near):
    cache = opened(url)
    for number in range(4):
        keep(cache, number)
    keep(cache, 4, expires_us=NOW + 5)
    run(cache.close())
    assert len(near(0, now_us=NOW + 4)) == 5
    assert len(near(0, now_us=NOW + 5)) == 4, "it has expired"
    open_shelf(url, tmp_path).purge(Meant(id="id-1"))
    cache = opened(url)
    cache.drop(b"p2")
    keep(cache, 3, words="anew")
    run(cache.close())
    assert [each.words for each, _ in near(0, now_us=NOW + 5)] == ["words 0", "anew"]
    tidy = PostgresCache(url, MOST, report=pytest.fail, time_us=lambda: NOW + 10)
    tidy.keep(b"other", answer(9))
    run(tidy.close())
    with psycopg.connect(url) as db:
        assert db.execute(f"SELECT count(*) FROM {WORDS}").fetchall() == [(2,)]


#: A row of the words, and its answer's, of a partition: by its number.
ANSWERS = """INSERT INTO lockgate_cache_1 SELECT %b || int4send(n), id, time_us, expires_us, used_us, size, organisation, workspace,
    namespace, provider, model, data FROM lockgate_cache_1, generate_series(1, 300) n WHERE key = 'p0'"""
FAR = f"""INSERT INTO {WORDS} SELECT %b || int4send(n), %b, 'id', {LATER}, 'far',
    (0.1::real || array_fill((n / 300.0)::real, ARRAY[255]))::vector FROM generate_series(1, 300) n"""


def test_where_a_graph_is_walked_nobody_else_s_words_are_given(opened, url, run, near):
    cache = opened(url)
    keep(cache, 0, b"small")
    keep(cache, 0)
    run(cache.close())
    with psycopg.connect(url, autocommit=True) as db:
        for partition in (b"p", b"q"):
            db.execute(ANSWERS, [partition])
            db.execute(FAR, [partition, partition])
        db.execute(f"ALTER DATABASE {url.partition('?')[0].rsplit('/', 1)[1]} SET enable_sort = off")
    with psycopg.connect(url) as db:
        plan = db.execute(
            f"EXPLAIN SELECT * FROM {WORDS} WHERE partition = 'p' ORDER BY vector <=> array_fill(1, ARRAY[256])::vector"
        )
        assert f"{WORDS}_near" in str(plan.fetchall())
    for partition, count in ((b"p", 8), (b"small", 1), (b"none", 0)):
        found = near(0, partition)
        assert len(found) == count
        assert all(each.key.startswith(partition) for each, _ in found)
        assert "words 0" in [each.words for each, _ in found[:1]] or not count


def test_a_text_without_words_is_near_to_nothing(opened, url, run):
    cache = opened(url)
    empty = bytes(4 * WIDTH)
    cache.keep(b"k", answer(), Wording(b"p", b"k", "id-1", LATER, "", packed(empty)))
    keep(cache, 1)
    run(cache.close())
    index = open_nearest(opened(url), report=pytest.fail)
    assert run(index.near(b"p", empty, NOW)) == []
    assert [each.entry.words for each in run(index.near(b"p", vector(1), NOW))] == ["words 1"]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@contextmanager
def somebody(url):
    """The URL of a user who may make tables, and no extension."""
    name = url.partition("?")[0].rsplit("/", 1)[1]
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"CREATE ROLE {name}_user LOGIN")
        db.execute(f"GRANT ALL ON SCHEMA public TO {name}_user")
        yield url.replace("//postgres:", f"//{name}_user:")
        db.execute(f"DROP OWNED BY {name}_user")
        db.execute(f"DROP ROLE {name}_user")


def wait(run, cache):
    async def wait():
        while not written(cache):
            await asyncio.sleep(0.001)

    run(wait())


def test_who_may_not_make_the_extension_is_told_what_to_do(url, run, said):
    clock = Clock()
    with somebody(url) as theirs:
        assert theirs != url
        cache = PostgresCache(theirs, MOST, report=said.append, clock=clock)
        keep(cache, 1)
        wait(run, cache)
        assert run(cache.nearest(b"p", vector(1), NOW)) == []
        assert run(cache.find(b"p1", NOW)) == answer(1), "it is kept without its words"
        (sentence,) = said
        assert "cannot find answers by likeness (levels verified, judged): this user may not make its extension" in sentence
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("CREATE EXTENSION vector")
        clock.now += 61
        keep(cache, 2)
        wait(run, cache)
        assert [each.words for each, _ in run(cache.nearest(b"p", vector(2), NOW))] == ["words 2"]
        run(cache.close())
    assert len(said) == 1


def test_a_server_without_the_extension_is_told_at_once_and_what_to_install(url, run, said, monkeypatch):
    monkeypatch.setattr(postgres_words, "EXTENSION", "no_such_vector")
    cache = PostgresCache(url, MOST, report=said.append)
    cache.look()
    run(cache.close())
    (sentence,) = said
    assert "it has no pgvector. Install it where the server runs (Debian, Ubuntu: postgresql-" in sentence


def test_a_server_that_hangs_is_near_to_nothing_in_time_and_is_left_alone(url, run, opened, said):
    cache = opened(url)
    keep(cache, 1)
    wait(run, cache)
    assert run(cache.nearest(b"p", vector(1), NOW))
    with hung(url):
        begin = time.monotonic()
        assert run(cache.nearest(b"p", vector(1), NOW)) == []
        assert time.monotonic() - begin < lanes.TICKS * lanes.TICK_S + 1.0
        begin = time.monotonic()
        for _ in range(100):
            assert run(cache.nearest(b"p", vector(1), NOW)) == []
        assert time.monotonic() - begin < 1.0, "nobody waits again"
    assert len(said) == 1
