"""stores/ledger/redis_pool: the pool in a real Redis, and the one that other tests use in its place."""

from __future__ import annotations

import signal
import socket
import threading
import time

import pytest

from lockgate.policy.ledger import Budget
from lockgate.policy.pool import POOL_MOST, Filled
from lockgate.stores.ledger import open as open_module
from lockgate.stores.ledger.open import open_book
from lockgate.stores.ledger.redis_pool import RedisPool
from lockgate.stores.ledger.tier import Ask, Gone, Rest, Taken, TieredBook
from lockgate.stores.ports import StoreError
from support.ledger import Clock
from support.pool import FakePool
from support.redis import Server

KEY, ORG = Budget("key: ключ\nof two lines", 10**9, revision=3), Budget("org", 10**9)


def filled(budget, source, amount, share=77):
    return Filled(budget, "day 2026-11-25", source, amount, share)


def ask(budget, need, want, revision=None):
    return Ask((budget.id, "day 2026-11-25"), need, want, budget.revision if revision is None else revision)


def rest(budget, source, amount):
    return Rest((budget.id, "day 2026-11-25"), source, amount)


@pytest.fixture(params=["fake", "redis"])
def pool(request):
    if request.param == "fake":
        pool = FakePool(Clock())
    else:
        pool = RedisPool(request.getfixturevalue("server").url, timeout_s=2.0)
    pool.begin("ledger", 5)
    yield pool
    pool.close()


# --- what both do


def test_what_was_put_in_can_be_taken_once(pool):
    pool.put(5, [filled(KEY, 1, 1000), filled(ORG, 2, 1000, -9)])
    assert pool.take(5, 1, [ask(KEY, 10, 2000), ask(ORG, 10, 20)]) == [Taken(1, 500, 77), Taken(2, 20, -9)]
    assert pool.take(5, 1, [ask(KEY, 500, 500)]) == [Taken(1, 500, 77)]
    assert pool.take(5, 1, [ask(KEY, 1, 1)]) == [rest(KEY, 1, 0)]
    assert pool.take(5, 1, [ask(KEY, 1, 1)]) == []
    assert pool.take(5, 4, [ask(ORG, 10, 2000)]) == [Taken(2, 122, -9)]


def test_more_may_be_put_in(pool):
    pool.put(5, [filled(ORG, 2, 1000)])
    pool.put(5, [filled(ORG, 2, 500, 99)])
    assert pool.take(5, 1, [ask(ORG, 1500, 1500)]) == [Taken(2, 1500, 99)]


def test_another_lease_takes_the_place_of_the_first(pool):
    pool.put(5, [filled(ORG, 2, 1000)])
    pool.put(5, [filled(ORG, 3, 500)])
    assert pool.empty(5, [("org", "day 2026-11-25")]) == [rest(ORG, 3, 500)]


def test_all_is_taken_or_what_is_too_little_is_emptied(pool):
    pool.put(5, [filled(KEY, 1, 5), filled(ORG, 2, 1000)])
    assert pool.take(5, 1, [ask(ORG, 10, 10), ask(KEY, 6, 6)]) == [rest(KEY, 1, 5)]
    assert pool.take(5, 1, [ask(ORG, 10, 10), ask(KEY, 6, 6)]) == []
    assert pool.take(5, 1, [ask(ORG, 1000, 1000)]) == [Taken(2, 1000, 77)]


def test_a_pool_of_another_revision_is_emptied(pool):
    pool.put(5, [filled(ORG, 2, 1000)])
    assert pool.take(5, 1, [ask(ORG, 1, 1, revision=1)]) == [rest(ORG, 2, 1000)]


def test_the_largest_pool_is_exact_to_the_last_unit(pool):
    pool.put(5, [filled(ORG, 2, POOL_MOST - 1, 2**60)])
    assert pool.take(5, 1, [ask(ORG, 1, 1)]) == [Taken(2, 1, 2**60)]
    assert pool.empty(5, [("org", "day 2026-11-25"), ("nobody", "day")]) == [rest(ORG, 2, POOL_MOST - 2)]
    assert pool.empty(5, [("org", "day 2026-11-25")]) == []


def test_what_is_idle_is_emptied(pool):
    pool.put(5, [filled(KEY, 1, 5), filled(ORG, 2, 1000)])
    assert pool.rest(5, 60_000_000) == []
    assert sorted(pool.rest(5, 0), key=lambda each: each.source) == [rest(KEY, 1, 5), rest(ORG, 2, 1000)]
    assert pool.rest(5, 0) == []


def test_another_generation_is_not_here(pool):
    pool.put(5, [filled(ORG, 2, 1000)])
    for call in (
        lambda: pool.take(4, 1, [ask(ORG, 1, 1)]),
        lambda: pool.put(6, [filled(ORG, 2, 1)]),
        lambda: pool.empty(4, []),
        lambda: pool.rest(6, 0),
    ):
        with pytest.raises(Gone):
            call()
    assert pool.rest(5, 0) == [rest(ORG, 2, 1000)]


def test_a_generation_begins_empty_and_once(pool):
    pool.put(5, [filled(ORG, 2, 1000)])
    pool.begin("ledger", 5)
    pool.begin("ledger", 4)
    assert pool.take(5, 1, [ask(ORG, 1, 1)]) == [Taken(2, 1, 77)]
    pool.begin("ledger", 6)
    assert pool.rest(6, 0) == []


# --- Redis


@pytest.fixture
def redis(server):
    pool = RedisPool(server.url, timeout_s=2.0)
    pool.begin("ledger", 5)
    pool.put(5, [filled(ORG, 2, 1000)])
    yield pool
    pool.close()


def test_another_ledger_has_another_pool(redis, server):
    other = RedisPool(server.url)
    other.begin("other", 5)
    assert other.rest(5, 0) == []
    other.close()
    assert redis.take(5, 1, [ask(ORG, 1, 1)]) == [Taken(2, 1, 77)]


@pytest.mark.parametrize("words", [["FLUSHALL"], ["DEL", "lockgate:{ledger}:pool"], ["SCRIPT", "FLUSH"]])
def test_what_was_flushed_is_gone_and_the_script_is_not_missed(redis, server, words):
    server(*words)
    if words[0] == "SCRIPT":
        assert redis.take(5, 1, [ask(ORG, 1, 1)]) == [Taken(2, 1, 77)]
        return
    with pytest.raises(Gone):
        redis.take(5, 1, [ask(ORG, 1, 1)])
    redis.begin("ledger", 6)
    assert redis.rest(6, 0) == []


def test_a_server_that_was_started_anew_has_an_old_copy_whatever_it_has_saved(redis, server):
    server("SAVE")
    redis.take(5, 1, [ask(ORG, 900, 900)])
    server.kill()
    server.start()
    assert b"generation" in server("HGETALL", "lockgate:{ledger}:pool")
    with pytest.raises(Gone):
        redis.take(5, 1, [ask(ORG, 900, 900)])
    server("FLUSHALL")
    server("SAVE")


def test_a_replica_that_becomes_the_master_has_an_old_copy(redis, server, tmp_path):
    replica = Server(tmp_path)
    primary_port, replica_port = _free_port(), _free_port()
    server("CONFIG", "SET", "port", primary_port)
    replica.start()
    try:
        replica("CONFIG", "SET", "port", replica_port)
        replica("REPLICAOF", "127.0.0.1", primary_port)
        _until(lambda: b"master_link_status:up" in replica("INFO", "replication"))
        _until(lambda: b"generation" in replica("HGETALL", "lockgate:{ledger}:pool"))
        behind = RedisPool(replica.url, timeout_s=2.0)
        behind._key = redis._key
        with pytest.raises((StoreError, Gone)):  # a replica cannot be written to
            behind.take(5, 1, [ask(ORG, 900, 900)])
        server.signal(signal.SIGSTOP)
        replica("REPLICAOF", "NO", "ONE")
        with pytest.raises(Gone):
            behind.take(5, 1, [ask(ORG, 900, 900)])
        # and back again, with the old copy of the old master's, which is of its own making
        server.signal(signal.SIGCONT)
        server("REPLICAOF", "127.0.0.1", replica_port)
        _until(lambda: b"master_link_status:up" in server("INFO", "replication"))
        server("REPLICAOF", "NO", "ONE")
        with pytest.raises(Gone):
            redis.take(5, 1, [ask(ORG, 900, 900)])
        behind.close()
    finally:
        server.signal(signal.SIGCONT)
        server("CONFIG", "SET", "port", 0)
        replica.kill()


def test_a_server_that_hangs_is_waited_for_a_moment(redis, server):
    quick = RedisPool(server.url, timeout_s=0.1)
    quick.begin("ledger", 5)
    server.signal(signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(StoreError, match="Redis"):
        quick.take(5, 1, [ask(ORG, 1, 1)])
    assert time.monotonic() - began < 1
    server.signal(signal.SIGCONT)
    assert quick.take(5, 1, [ask(ORG, 1, 1)]) == [Taken(2, 1, 77)]  # not the late answer to the first
    quick.close()


def test_a_server_that_is_not_there_is_told(redis, server):
    server.kill()
    with pytest.raises(StoreError, match="Redis"):
        redis.take(5, 1, [ask(ORG, 1, 1)])
    with pytest.raises(StoreError):
        redis.begin("ledger", 6)


def test_a_server_that_takes_no_more_is_told(redis, server):
    server("CONFIG", "SET", "maxmemory", 1)
    try:
        with pytest.raises(StoreError, match="Redis"):
            redis.put(5, [filled(KEY, 1, 5)])
    finally:
        server("CONFIG", "SET", "maxmemory", 0)


def test_many_take_at_once_and_never_more_than_there_is(redis, server):
    got = []

    def work():
        own = RedisPool(server.url, timeout_s=5.0)
        own.begin("ledger", 5)
        while taken := [each.amount for each in own.take(5, 4, [ask(ORG, 3, 9)]) if isinstance(each, Taken)]:
            got.extend(taken)
        own.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 998 <= sum(got) <= 1000


# --- by URL


def test_a_pool_is_opened_by_its_url_before_the_ledgers(tmp_path, monkeypatch, server):
    url = f"{server.url},sqlite:///{tmp_path}/ledger.db"
    tiered = open_book(url, tmp_path)
    assert isinstance(tiered, TieredBook)
    assert repr(tiered) == f"TieredBook(SqliteLedger({tmp_path}/ledger.db), RedisPool(), generation 0)"
    tiered.shut()
    assert not isinstance(open_book(url), TieredBook)
    with pytest.raises(StoreError, match="pool cannot be read"):
        open_book(f"redis://me:secret@host:port,sqlite:///{tmp_path}/ledger.db", tmp_path)
    with pytest.raises(StoreError, match="begins with"):
        open_book("redis://host", tmp_path)
    monkeypatch.setattr(open_module, "import_module", _missing)
    with pytest.raises(StoreError, match=r"pip install 'lockgate\[redis\]'"):
        open_book(url, tmp_path)


def _missing(name):
    raise ModuleNotFoundError(name="redis")


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _until(claim):
    until = time.monotonic() + 15
    while not claim():
        assert time.monotonic() < until, "it never was so"
        time.sleep(0.02)
