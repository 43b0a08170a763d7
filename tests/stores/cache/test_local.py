"""stores/cache: in memory and in a file; what each does when it is full, and where there is trouble."""

import asyncio
import fcntl
import os
import sqlite3
import threading

import pytest

from lockgate.stores.cache import sqlite_file
from lockgate.stores.cache.memory import MemoryCache
from lockgate.stores.cache.open import NAME
from lockgate.stores.cache.port import Meant
from lockgate.stores.cache.sqlite import SqliteCache, SqliteShelf
from lockgate.stores.ports import StoreError
from support.answers import NOW, answer


def found(cache, key, now=NOW):
    return asyncio.run(cache.find(key, now))


def closed(cache):
    asyncio.run(cache.close())


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


def test_the_file_is_for_its_owner_alone(tmp_path, said):
    cache = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
    cache.keep(b"k", answer())
    closed(cache)
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_a_file_that_is_full_makes_room(tmp_path, said):
    cache = SqliteCache(tmp_path / NAME, 400_000, report=said.append)
    for number in range(300):
        cache.keep(b"%d" % number, answer(number, os.urandom(4000)))
    closed(cache)
    count, size = SqliteShelf(tmp_path / NAME).size(Meant())
    assert 0 < count < 300
    assert size < 400_000


def test_of_many_who_make_the_file_at_once_none_takes_the_others_entries(tmp_path, said):
    together, makers, lost = threading.Barrier(4), [], []

    def make(path, number):
        together.wait()
        if number % 2:
            SqliteShelf(path).size(Meant())
        else:
            cache = SqliteCache(path, 1 << 20, report=said.append)
            cache.keep(b"%d" % number, answer(number))
            closed(cache)

    for turn in range(50):
        path = tmp_path / str(turn) / NAME
        makers = [threading.Thread(target=make, args=(path, number)) for number in range(4)]
        for maker in makers:
            maker.start()
        for maker in makers:
            maker.join()
        lost += [turn] * (SqliteShelf(path).size(Meant())[0] != 2)
    assert (lost, said) == ([], [])


def test_who_makes_the_file_and_does_not_go_on_is_not_waited_for_without_end(tmp_path, said, monkeypatch):
    monkeypatch.setattr(sqlite_file, "BUSY_S", 0.01)
    with (tmp_path / f"{NAME}-turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        with pytest.raises(StoreError, match="another process makes the file and does not go on"):
            SqliteShelf(tmp_path / NAME).size(Meant())
        cache = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
        cache.keep(b"k", answer())
        closed(cache)
    assert len(said) == 1 and "does not go on" in said[0]


def test_what_was_begun_by_who_was_killed_is_begun_again(tmp_path, said):
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"{NAME}-new{suffix}").write_bytes(b"half of it")
    cache = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
    cache.keep(b"k", answer())
    closed(cache)
    assert found(cache, b"k") == answer()
    closed(cache)
    assert said == []
    assert not [*tmp_path.glob(f"{NAME}-new*")]


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
