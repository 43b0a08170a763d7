"""stores/cache: the words by which answers are found, in memory, in a file and in Redis."""

import sqlite3
import time

import pytest

from lockgate.stores.cache.memory import MemoryCache
from lockgate.stores.cache.open import NAME, open_shelf
from lockgate.stores.cache.port import Meant, Wording, Wordings, WordingStore
from lockgate.stores.cache.redis_shelf import RedisShelf
from lockgate.stores.cache.sqlite import SqliteCache
from support.answers import LATER, NOW, answer


def wording(key, words="how", partition=b"p", number=1, expires_us=LATER):
    return Wording(partition, key, f"id-{number}", expires_us, words, b"\0\x01" * 256)


@pytest.fixture(params=["memory", "sqlite", "redis"])
def world(request, url_of, opened, run, patient):
    """A cache, and how to have it written."""
    url = url_of(request.param)
    cache = opened(url)

    class World:
        def __init__(self):
            self.cache = cache

        def keep(self, key, *more, **said):
            self.cache.keep(key, answer(), wording(key, *more, **said))

        def read(self, partition=b"p", after=0, most=100, now_us=NOW):
            if request.param != "memory":
                run(self.cache.close())
                self.cache = opened(url)
            return run(self.cache.wordings(partition, after, most, now_us))

        def words(self, *what, **said):
            return [each.words for each in self.read(*what, **said).found]

    return World()


def test_words_are_found_by_their_partition_in_their_order(world):
    world.keep(b"1", "one")
    world.keep(b"2", "two", b"q")
    world.keep(b"3", "three")
    world.cache.keep(b"4", answer())
    assert isinstance(world.cache, WordingStore)
    assert list(world.read().found) == [wording(b"1", "one"), wording(b"3", "three")]
    assert world.words(b"q") == ["two"]
    assert world.words(b"r") == []


def test_only_what_is_new_is_read_and_not_too_much_at_once(world):
    for n in range(5):
        world.keep(b"%d" % n, f"words {n}")
    first = world.read(most=2)
    assert [each.words for each in first.found] == ["words 0", "words 1"]
    rest = world.read(after=first.mark)
    assert [each.words for each in rest.found] == ["words 2", "words 3", "words 4"]
    assert world.read(after=rest.mark) == Wordings([], rest.mark, 0)
    world.keep(b"0", "words anew")
    assert world.words(after=rest.mark) == ["words anew"]
    assert world.words() == ["words 1", "words 2", "words 3", "words 4", "words anew"]


def test_words_go_with_their_answer(world):
    world.keep(b"1", "one")
    world.keep(b"2", "two")
    world.read()
    world.cache.drop(b"1")
    assert world.words() == ["two"]


def test_words_of_what_has_expired_are_not_read(world):
    world.keep(b"1", "one", expires_us=NOW + 5)
    assert world.words(now_us=NOW + 4) == ["one"]
    assert world.words(now_us=NOW + 5) == []


def test_words_may_be_anything(world):
    strange = "\0 \N{SNOWMAN} \ud800 '" * 100
    world.keep(b"1", strange)
    assert world.words() == [strange]


def test_memory_counts_words_and_lets_go_of_them(run):
    cache = MemoryCache(10_000)
    for n in range(20):
        cache.keep(b"%d" % n, answer(body=b""), wording(b"%d" % n, "x" * 500))
    found = run(cache.wordings(b"p", 0, 100, NOW)).found
    assert 4 < len(found) < 8
    for n in range(20):
        cache.drop(b"%d" % n)
    assert (cache._size, cache._partitions, cache._wordings) == (0, {}, {})


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
@pytest.mark.parametrize(("meant", "left"), [(Meant(id="id-1"), ["words 0", "words 2"]), (Meant(), [])])
def test_a_purge_takes_the_words_along_and_is_told(url_of, opened, run, tmp_path, patient, kind, meant, left):
    url = url_of(kind)
    cache = opened(url)
    for n in range(3):
        cache.keep(b"%d" % n, answer(n), wording(b"%d" % n, f"words {n}", number=n))
    run(cache.close())
    before = run(opened(url).wordings(b"p", 0, 9, NOW))
    assert open_shelf(url, tmp_path).purge(meant) == 3 - len(left)
    after = run(opened(url).wordings(b"p", 0, 9, NOW))
    assert [each.words for each in after.found] == left
    assert after.purges != before.purges


def test_words_in_redis_are_nobody_s_after_their_answer(url_of, opened, run, patient, server):
    """What holds them ends with them, and a purge of everything leaves nothing that is ours but when it was."""
    url = url_of("redis")
    cache = opened(url)
    cache.keep(b"1", answer(1, expires_us=NOW + 60_000_000), wording(b"1", expires_us=NOW + 60_000_000))
    cache.keep(b"2", answer(2), wording(b"2"))
    run(cache.close())
    assert 0 < _seconds(server, "lockgate:cache:words:1:1") <= 60
    assert 60 < _seconds(server, "lockgate:cache:sequence:1:p") <= 3600
    RedisShelf(url).purge(Meant())
    assert server("KEYS", "*") == b"*1\r\n$21\r\nlockgate:cache:purged\r\n"


@pytest.mark.parametrize("junk", ["", "x", "\x94\xa1a\x01\xc4\x01\xff\xc4\x00", "\x91\x01"], ids=repr)
def test_words_in_redis_that_are_damaged_are_passed_over(url_of, opened, run, patient, server, junk):
    cache = opened(url_of("redis"))
    for number in (1, 2):
        cache.keep(b"%d" % number, answer(number), wording(b"%d" % number, number=number))
    run(cache.close())
    server("SET", "lockgate:cache:words:1:1", junk)
    server("SET", "lockgate:cache:purged", junk or "x")
    assert [each.key for each in run(opened(url_of("redis")).wordings(b"p", 0, 9, NOW)).found] == [b"2"]


def _seconds(server, key):
    return int(server("TTL", key)[1:])


def test_a_redis_in_trouble_is_not_asked_for_words(url_of, opened, run, patient, server, said):
    cache = opened(url_of("redis"))
    server.kill()
    assert run(cache.find(b"1", NOW)) is None
    begin = time.monotonic()
    for _ in range(100):
        assert run(cache.wordings(b"p", 0, 9, NOW)) is None
    assert time.monotonic() - begin < 1.0
    assert len(said) == 1


def test_what_is_thrown_out_for_want_of_room_takes_its_words_along(run, tmp_path, said):
    cache = SqliteCache(tmp_path / NAME, 400_000, report=said.append)
    for n in range(400):
        cache.keep(b"%d" % n, answer(n), wording(b"%d" % n, "w" * 2000))
    run(cache.close())
    with sqlite3.connect(tmp_path / NAME) as db:
        ((entries,),) = db.execute("SELECT count(*) FROM entries")
        ((words,),) = db.execute("SELECT count(*) FROM wordings")
    assert 0 < entries == words < 400
    assert said == []


def test_a_file_from_before_there_were_words_keeps_its_answers(run, tmp_path, said):
    cache = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
    cache.keep(b"k", answer())
    run(cache.close())
    with sqlite3.connect(tmp_path / NAME) as db:
        db.executescript("DROP TRIGGER words_go; DROP TABLE wordings; DROP TABLE purges")
    again = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
    assert run(again.wordings(b"p", 0, 9, NOW)) == Wordings((), 0, 0)
    again.keep(b"l", answer(2), wording(b"l"))
    run(again.close())
    assert run(again.find(b"k", NOW)) == answer()
    assert len(run(again.wordings(b"p", 0, 9, NOW)).found) == 1
    assert said == []


def test_a_damaged_file_tells_nothing_and_says_so(run, tmp_path, said):
    (tmp_path / NAME).write_bytes(b"no database at all " * 1000)
    cache = SqliteCache(tmp_path / NAME, 1 << 20, report=said.append)
    assert run(cache.wordings(b"p", 0, 9, NOW)) is None
    assert len(said) == 1


def test_an_entry_kept_anew_keeps_its_words(world):
    world.keep(b"1", "one")
    world.read()
    world.cache.keep(b"1", answer(2, time_us=NOW + 1), wording(b"1", "one", number=2))
    assert [each.id for each in world.read().found] == ["id-2"]
