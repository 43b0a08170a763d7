"""stores/cache: what is kept is found, until its time is over or there is no room; trouble is a miss."""

import asyncio
import os
import sqlite3

import pytest

from lockgate.core.cached import CachedAnswer
from lockgate.stores.cache.memory import MemoryCache
from lockgate.stores.cache.open import NAME, open_cache, open_shelf
from lockgate.stores.cache.port import Meant
from lockgate.stores.cache.sqlite import SqliteCache, SqliteShelf
from lockgate.stores.ports import StoreError

NOW = 1_800_000_000_000_000
LATER = NOW + 3600 * 1_000_000


def answer(number=1, body=b"x" * 1000, **more):
    return CachedAnswer(f"id-{number}", NOW, LATER, 200, [(b"content-type", b"application/json")], body, "acme", "blue", **more)


def found(cache, key, now=NOW):
    return asyncio.run(cache.find(key, now))


def closed(cache):
    asyncio.run(cache.close())


@pytest.fixture
def said():
    return []


@pytest.fixture(params=["memory:", "sqlite:"])
def cache(request, tmp_path, said):
    cache = open_cache(request.param, tmp_path, 10 * 1024 * 1024, report=said.append)
    yield cache
    closed(cache)


def test_what_is_kept_is_found(cache):
    assert found(cache, b"k") is None
    cache.keep(b"k", answer())
    assert found(cache, b"k") == answer()
    assert found(cache, b"l") is None


def test_a_later_answer_takes_the_place_of_an_earlier_one(cache):
    cache.keep(b"k", answer(1))
    cache.keep(b"k", answer(2))
    assert found(cache, b"k").id == "id-2"


def test_what_has_expired_is_not_found(cache):
    cache.keep(b"k", answer())
    assert found(cache, b"k", LATER) is None


def test_what_is_dropped_is_not_found(cache):
    cache.keep(b"k", answer())
    cache.drop(b"k")
    assert found(cache, b"k") is None


def test_memory_lets_go_of_what_was_not_asked_for_longest():
    cache = MemoryCache(10_000)
    for number in range(5):
        cache.keep(bytes([number]), answer(number))
    assert found(cache, b"\0")
    for number in range(5, 8):
        cache.keep(bytes([number]), answer(number))
    assert [number for number in range(8) if found(cache, bytes([number]))] == [0, 3, 4, 5, 6, 7]
    cache.keep(b"large", answer(9, b"x" * 20_000))
    assert found(cache, b"large") is None
    assert found(cache, b"\0")


def test_other_workers_and_later_ones_find_it(tmp_path, said):
    first = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
    first.keep(b"k", answer())
    closed(first)
    second = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
    assert found(second, b"k") == answer()
    closed(second)
    assert said == []
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_full_makes_room(tmp_path, said):
    cache = SqliteCache(tmp_path / NAME, 400_000, report=said.append)
    for number in range(300):
        cache.keep(b"%d" % number, answer(number, os.urandom(4000)))
    closed(cache)
    count, size = SqliteShelf(tmp_path / NAME).size(Meant())
    assert 0 < count < 300
    assert size < 400_000


def test_a_damaged_file_is_a_miss_and_is_made_anew(tmp_path, said):
    (tmp_path / NAME).write_bytes(b"no database at all " * 1000)
    cache = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
    assert found(cache, b"k") is None
    cache.keep(b"k", answer())
    closed(cache)
    again = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
    assert found(again, b"k") == answer()
    closed(again)
    assert len(said) == 1


def test_a_damaged_entry_is_a_miss_and_is_forgotten(tmp_path, said):
    cache = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
    cache.keep(b"k", answer())
    closed(cache)
    with sqlite3.connect(tmp_path / NAME) as db:
        db.execute("UPDATE entries SET data = x'00'")
    again = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
    assert found(again, b"k") is None
    closed(again)
    assert SqliteShelf(tmp_path / NAME).size(Meant())[0] == 0


def test_a_directory_that_cannot_be_written_is_told_once(tmp_path, said):
    (tmp_path / "file").write_bytes(b"")
    cache = SqliteCache(tmp_path / "file" / NAME, 1 << 20, report=said.append)
    for number in range(20):
        cache.keep(b"%d" % number, answer(number))
    closed(cache)
    assert len(said) == 1


def test_a_reader_is_not_held_up_by_a_writer(tmp_path, said):
    cache = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
    cache.keep(b"k", answer())
    closed(cache)
    with sqlite3.connect(tmp_path / NAME, isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        again = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
        assert found(again, b"k") == answer()
        other.execute("ROLLBACK")
        closed(again)


def test_entries_are_listed_and_purged_by_what_they_are(tmp_path, said):
    cache = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
    for number in range(6):
        cache.keep(b"%d" % number, answer(number, namespace="mine" if number % 2 else "", model=f"m{number % 3}", provider="p"))
    closed(cache)
    shelf = SqliteShelf(tmp_path / NAME)
    assert [each.id for each in shelf.entries(Meant(model="m1"))] == ["id-1", "id-4"]
    assert [each.id for each in shelf.entries(Meant(), limit=2, offset=2)] == ["id-2", "id-3"]
    assert shelf.size(Meant(namespace="mine"))[0] == 3
    assert shelf.purge(Meant(id="id-3")) == 1
    assert shelf.purge(Meant(organisation="another")) == 0
    assert shelf.purge(Meant(workspace="blue", namespace="")) == 3
    assert {each.id for each in shelf.entries(Meant())} == {"id-1", "id-5"}


@pytest.mark.parametrize(("url", "why"), [("memory:", "in the memory of each worker"), ("ftp://x", "'ftp:' is not known")])
def test_a_shelf_that_nobody_can_look_into_says_so(tmp_path, url, why):
    with pytest.raises(StoreError, match=why):
        open_shelf(url, tmp_path)
