"""stores/cache: whatever a server far away does, a request goes on; and when it is well again, it is used again."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from contextlib import contextmanager

import psycopg
import pytest

from lockgate.stores.cache import lanes
from lockgate.stores.cache.open import open_cache, open_shelf
from lockgate.stores.cache.port import Meant
from lockgate.stores.cache.postgres import PostgresCache
from lockgate.stores.cache.postgres_server import TABLE
from lockgate.stores.cache.redis import RedisCache
from lockgate.stores.cache.redis_entry import PREFIX
from lockgate.stores.ports import StoreError
from support.answers import HOUR, LATER, MOST, NOW, answer
from support.postgres import close_connections, hung, new_database

#: Users and passwords that must not be told, before where the server is.
SECRET = {"redis": "redis://us:hush-hush@", "postgres": "postgresql://us:hush-hush@"}


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(run, said, clock):
    """Opens caches whose pauses go by `clock`."""
    caches = []

    def opened(url, most_bytes=MOST, **more):
        kind = PostgresCache if url.startswith("postgres") else RedisCache
        caches.append(kind(url, most_bytes, report=said.append, clock=clock, **more))
        return caches[-1]

    yield opened
    for cache in caches:
        run(cache.close())


@pytest.fixture
def prompt(run):
    """Asks a cache, which answers promptly. (The bound is wide: the machine that runs the tests may be slow.)"""

    def prompt(cache, key=b"k", now=NOW):
        begin = time.monotonic()
        found = run(cache.find(key, now))
        assert time.monotonic() - begin < lanes.TICKS * lanes.TICK_S + 1.0
        return found

    return prompt


@contextmanager
def silent():
    """The port of a server that takes connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("kind", SECRET)
class TestOutOfReach:
    def test_a_server_that_says_nothing_is_a_miss_and_is_left_alone(self, kind, opened, prompt, clock, said):
        with silent() as port:
            cache = opened(f"{SECRET[kind]}127.0.0.1:{port}/0")
            assert prompt(cache) is None
            begin = time.monotonic()
            for _ in range(100):
                assert prompt(cache) is None
            assert time.monotonic() - begin < 1.0, "nobody waits again"
            clock.now += 1
            assert prompt(cache) is None
        (sentence,) = said
        assert f"at 127.0.0.1:{port} does not answer within 50 ms" in sentence
        assert "hush" not in sentence + repr(cache)

    def test_a_server_that_refuses_is_a_miss(self, kind, opened, prompt, said):
        with silent() as port:
            pass
        cache = opened(f"{SECRET[kind]}127.0.0.1:{port}/0")
        assert prompt(cache) is None
        assert f"at 127.0.0.1:{port}: " in said[0]
        assert "refused" in said[0] or "Connect call failed" in said[0]
        assert "hush" not in said[0]

    def test_a_server_of_no_name_is_a_miss(self, kind, opened, prompt, said):
        cache = opened(f"{SECRET[kind]}nowhere.invalid/0")
        assert prompt(cache) is None
        assert len(said) == 1
        assert "hush" not in said[0]

    def test_what_is_kept_is_found_here_while_the_server_says_nothing(self, kind, opened, prompt, said):
        with silent() as port:
            cache = opened(f"{SECRET[kind]}127.0.0.1:{port}/0")
            begin = time.monotonic()
            cache.keep(b"k", answer())
            assert time.monotonic() - begin < 0.5
            assert prompt(cache) == answer()

    def test_what_cannot_be_written_is_told_without_the_password(self, kind, opened, run, said):
        with silent() as port:
            pass
        cache = opened(f"{SECRET[kind]}127.0.0.1:{port}/0")
        for number in range(20):
            cache.keep(b"%d" % number, answer(number))
        run(cache.close())
        (sentence,) = said
        assert f"cannot write to {'Redis' if kind == 'redis' else 'PostgreSQL'} at 127.0.0.1:{port}: " in sentence
        assert "hush" not in sentence


@pytest.mark.parametrize(
    "url",
    [
        "redis://us:hu/sh-hush@host/0",
        "redis://us:hush-hush@host:hush",
        "rediss://us:hush-hush@host/0?socket_timeout=hush",
        "postgresql://us:hu/sh-hush@host/d",
        "postgresql://us:hush-hush@host:hush/d",
        "postgresql://us:hush-hush@host/d?nothing=hush",
        "postgresql://us:hush%hush@host/d",
    ],
)
def test_a_url_that_is_none_is_refused_without_its_password(url, tmp_path, said):
    for opening in (lambda: open_cache(url, tmp_path, MOST, report=said.append), lambda: open_shelf(url, tmp_path)):
        with pytest.raises(StoreError, match="The URL of the cache cannot be read") as error:
            opening()
        assert "hu" not in str(error.value)


@pytest.mark.usefixtures("patient")
class TestRedis:
    def test_a_server_that_hangs_and_goes_on_is_used_again(self, server, opened, prompt, run, clock, said):
        first = opened(server.url)
        first.keep(b"k", answer())
        run(first.close())
        cache = opened(server.url)
        assert prompt(cache) == answer()
        server.signal(signal.SIGSTOP)
        assert prompt(cache) is None
        server.signal(signal.SIGCONT)
        assert prompt(cache) is None, "it is left alone"
        clock.now += 1
        assert prompt(cache) == answer()
        assert len(said) == 1

    def test_a_server_that_was_started_anew_is_used_again(self, server, opened, prompt, run, clock, said):
        cache = opened(server.url)
        assert prompt(cache) is None
        server.kill()
        assert prompt(cache) is None
        server.start()
        clock.now += 1
        assert prompt(cache) is None
        cache.keep(b"k", answer())
        run(cache.close())
        assert prompt(opened(server.url)) == answer()
        assert len(said) == 1

    def test_connections_that_the_server_closes_are_made_again_without_a_word(self, server, opened, prompt, run, said):
        cache = opened(server.url)
        cache.keep(b"k", answer(1))
        _written(server, cache, run)
        assert prompt(cache) == answer(1)
        assert server("CLIENT", "KILL", "TYPE", "normal") > b":0"
        assert prompt(cache) == answer(1)
        cache.keep(b"k", answer(2))
        run(cache.close())
        assert prompt(opened(server.url)) == answer(2)
        assert said == []

    def test_a_password_that_is_wrong_is_told_but_not_which(self, server, opened, prompt, run, said):
        server("CONFIG", "SET", "requirepass", "right")  # the next test has another server, since this one lets nobody in
        cache = opened(server.url.replace("unix://", "unix://us:hush-hush@"))
        assert prompt(cache) is None
        cache.keep(b"k", answer())
        run(cache.close())
        (sentence,) = said
        assert "invalid username-password pair" in sentence
        assert "hush" not in sentence

    def test_a_server_that_is_loading_is_left_alone(self, opened, run, said):
        async def work():
            async def speak(reader, writer):
                while await reader.read(1000):
                    writer.write(b"-LOADING Redis is loading the dataset in memory\r\n")
                writer.close()

            async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
                cache = opened(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}")
                assert await cache.find(b"k", NOW) is None
                await cache.close()

        run(work())
        assert "loading the dataset" in said[0]

    def test_a_replica_is_read_and_what_it_does_not_write_is_told(self, server, opened, prompt, run, said):
        first = opened(server.url)
        first.keep(b"k", answer())
        run(first.close())
        server("REPLICAOF", "127.0.0.1", "1")
        try:
            cache = opened(server.url)
            assert prompt(cache) == answer()
            cache.keep(b"l", answer(2))
            run(cache.close())
        finally:
            server("REPLICAOF", "NO", "ONE")
        (sentence,) = said
        assert "read only replica" in sentence

    def test_what_a_url_says_of_answers_changes_nothing(self, server, opened, prompt, run, tmp_path):
        url = f"{server.url}?decode_responses=yes&protocol=3"
        cache = opened(url)
        cache.keep(b"k", answer())
        run(cache.close())
        assert prompt(opened(url)) == answer()
        assert [each.id for each in open_shelf(url, tmp_path).entries(Meant())] == ["id-1"]

    def test_a_full_server_is_read_and_told(self, server, opened, prompt, run, said):
        first = opened(server.url)
        first.keep(b"k", answer())
        run(first.close())
        server("CONFIG", "SET", "maxmemory", "1")
        try:
            cache = opened(server.url)
            cache.keep(b"l", answer(2))
            run(cache.close())
            assert prompt(opened(server.url)) == answer()
        finally:
            server("CONFIG", "SET", "maxmemory", "0")
        (sentence,) = said
        assert "command not allowed when used memory" in sentence
        assert "SET" not in sentence

    def test_entries_expire_there_when_they_do_here(self, server, opened, run):
        cache = opened(server.url)
        cache.keep(b"k", answer())
        cache.keep(b"over", answer(expires_us=NOW))
        run(cache.close())
        assert HOUR // 1000 - 60_000 < int(server("PTTL", (PREFIX + b"k").decode())[1:]) <= HOUR // 1000
        time.sleep(0.002)
        assert server("KEYS", "*").count(PREFIX) == 1

    def test_nobody_elses_keys_are_touched(self, server, opened, run, tmp_path):
        server("SET", "lockgate:{t}:limit:1", "5")
        server("SET", PREFIX.decode() + "strange", "x")
        server("LPUSH", PREFIX.decode() + "list", "x")
        cache = opened(server.url)
        assert run(cache.find(b"list", NOW)) is None
        shelf = open_shelf(server.url, tmp_path)
        assert (list(shelf.entries(Meant())), shelf.purge(Meant(id="x"))) == ([], 0)
        assert shelf.purge(Meant()) == 2, "whoever says all means what cannot be read as well"
        assert server("DBSIZE") == b":2\r\n", "the other's, and when that was"

    def test_a_damaged_entry_is_a_miss_and_is_forgotten(self, server, opened, prompt, run, said):
        for number, value in enumerate(["", "x", "\0\0\0\1", "\0\0\0\1zz", "\0\0\0\0(\u00b5/\u00fdjunk junk junk"]):
            server("SET", PREFIX.decode() + str(number), value)
            cache = opened(server.url)
            assert prompt(cache, b"%d" % number) is None
            run(cache.close())
            assert said.pop().startswith("cache: an entry at Redis at ")
        assert server("DBSIZE") == b":0\r\n"


@pytest.mark.usefixtures("patient")
class TestPostgres:
    @pytest.fixture
    def url(self):
        return new_database()

    @pytest.fixture
    def sql(self, url):
        with psycopg.connect(url, autocommit=True) as db:
            yield lambda statement: db.execute(statement).fetchall()

    def test_a_server_that_hangs_and_goes_on_is_used_again(self, url, opened, prompt, run, clock, said):
        first = opened(url)
        first.keep(b"k", answer())
        run(first.close())
        cache = opened(url)
        assert prompt(cache) == answer()
        with hung(url):
            assert prompt(cache) is None
            assert prompt(opened(url)) is None
        assert prompt(cache) is None, "it is left alone"
        clock.now += 1
        assert prompt(cache) == answer()

    def test_connections_that_the_server_closes_are_made_again_without_a_word(self, url, opened, prompt, run, said):
        cache = opened(url)
        cache.keep(b"k", answer(1))
        _written(None, cache, run)
        assert prompt(cache) == answer(1)
        close_connections(url)
        assert prompt(cache) == answer(1)
        cache.keep(b"k", answer(2))
        run(cache.close())
        assert prompt(opened(url)) == answer(2)
        assert said == []

    def test_a_table_that_is_not_there_is_a_miss_and_is_made(self, url, opened, prompt, run, said, sql):
        cache = opened(url)
        assert prompt(cache) is None
        run(cache.close())
        assert sql(f"SELECT count(*) FROM {TABLE}") == [(0,)]
        assert said == []

    def test_the_table_is_not_logged(self, url, opened, run, sql):
        cache = opened(url)
        cache.keep(b"k", answer())
        run(cache.close())
        assert sql(f"SELECT relpersistence FROM pg_class WHERE relname = '{TABLE}'") == [("u",)]

    def test_a_table_that_somebody_locks_is_a_miss(self, url, opened, prompt, run, clock, sql):
        first = opened(url)
        first.keep(b"k", answer())
        run(first.close())
        cache = opened(url)
        with psycopg.connect(url) as other:
            other.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
            assert prompt(cache) is None
        clock.now += 1
        assert prompt(cache) == answer()

    def test_workers_that_begin_together_make_one_table(self, url, opened, run, said, sql):
        caches = [opened(url) for _ in range(6)]
        for number, cache in enumerate(caches):
            cache.keep(b"%d" % number, answer(number))

        async def close():
            await asyncio.gather(*(cache.close() for cache in caches))

        run(close())
        assert sql(f"SELECT count(*) FROM {TABLE}") == [(6,)]
        assert said == []

    def test_workers_that_write_the_same_in_any_order_do_not_block_each_other(self, url, opened, run, said):
        caches = [opened(url) for _ in range(4)]
        for turn in range(40):
            for place, cache in enumerate(caches):
                numbers = range(60) if place % 2 else reversed(range(60))
                for number in numbers:
                    cache.drop(b"%d" % number) if (number + turn) % 7 == 0 else cache.keep(b"%d" % number, answer(number))

        async def close():
            await asyncio.gather(*(cache.close() for cache in caches))

        run(close())
        assert said == []

    def test_what_has_expired_goes_away(self, url, opened, run, sql):
        now = NOW
        first = opened(url, time_us=lambda: now)
        for number in range(1200):
            first.keep(b"%d" % number, answer(number, b"x", expires_us=NOW + 60_000_000 + number % 2))
        run(first.close())
        assert sql(f"SELECT count(*) FROM {TABLE}") == [(1200,)]
        now = NOW + 60_000_000
        second = opened(url, time_us=lambda: now)
        second.keep(b"k", answer())
        run(second.close())
        assert sql(f"SELECT count(*) FROM {TABLE}") == [(601,)]

    def test_a_full_table_lets_go_of_what_was_not_used_longest(self, url, opened, run, sql, tmp_path):
        first = opened(url, time_us=lambda: NOW)
        for number in range(100):
            first.keep(b"%d" % number, answer(number, time_us=NOW + number))
        run(first.close())
        ((taken,),) = sql(f"SELECT sum(size + 500)::bigint FROM {TABLE}")
        user = opened(url, int(taken * 0.8), time_us=lambda: NOW)
        assert run(user.find(b"0", NOW + HOUR // 2))
        run(user.close())
        left = {each.id for each in open_shelf(url, tmp_path).entries(Meant(), 1000)}
        gone = {number for number in range(100) if f"id-{number}" not in left}
        assert gone == set(range(1, len(gone) + 1)), "the eldest but the one that was used"
        assert sql(f"SELECT sum(size + 500) <= {int(taken * 0.8)}::bigint, count(*) > 65 FROM {TABLE}") == [(True, True)]

    def test_a_damaged_entry_is_a_miss_and_is_forgotten(self, url, opened, prompt, run, said, sql):
        first = opened(url)
        first.keep(b"k", answer())
        run(first.close())
        with psycopg.connect(url) as db:
            db.execute(f"UPDATE {TABLE} SET data = 'x'::bytea")
        cache = opened(url)
        assert prompt(cache) is None
        run(cache.close())
        assert sql(f"SELECT count(*) FROM {TABLE}") == [(0,)]
        assert len(said) == 1


@pytest.mark.usefixtures("patient")
def test_an_answer_that_has_expired_by_our_clock_is_not_found(server, opened, run):
    cache = opened(server.url)
    cache.keep(b"k", answer())
    run(cache.close())
    assert run(opened(server.url).find(b"k", LATER)) is None


def _written(server, cache, run):
    """Wait until what was kept stands there, by asking another cache."""
    other = type(cache)(cache._url if server is None else server.url, MOST, report=[].append)

    async def found():
        try:
            async with asyncio.timeout(10):
                while await other.find(b"k", NOW) is None:
                    await asyncio.sleep(0.01)
        finally:
            await other.close()

    run(found())
