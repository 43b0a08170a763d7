"""Whoever watches sees what is completed from then on, of what they may see; so many at a time, and not for ever."""

import asyncio

import pytest

from lockgate.control.crew import Crew
from lockgate.control.tail import Tail
from lockgate.control.tails import MOST, Tails
from lockgate.core.failure import Refusal
from lockgate.stores.logs.ports import Filter
from lockgate.stores.spool import Spool
from support.logged import START, logged

ALL = Filter(organisation="org")


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path, clock=lambda: START, report=pytest.fail)
    yield spool
    spool.close()


@pytest.fixture
def tail(tmp_path):
    made = []

    def one(meant=ALL):
        made.append(Tail(tmp_path, meant))
        return made[-1]

    yield one
    for each in made:
        each.close()


def times(records):
    return [record.time_us - START for record in records]


def test_it_begins_where_the_spool_ends_and_goes_on_in_the_order_of_completion(spool, tail):
    spool.append(logged(1))
    watcher = tail()
    assert watcher.step() == []
    spool.append(logged(2, latency_us=100))
    spool.append(logged(3, latency_us=1))
    assert times(watcher.step()) == [3, 2]
    assert watcher.step() == []


def test_only_what_is_meant_and_kept_is_seen_and_no_bodies(spool, tail):
    watcher, words = tail(), tail(Filter(text="fox"))
    watcher.step(), words.step()
    spool.append(logged(1, organisation="other"))
    spool.append(logged(2, unkept=True))
    spool.append(logged(3, request=b"the fox"))
    for found in (watcher.step(), words.step()):
        assert times(found) == [3] and not found[0].request


def test_segments_that_are_new_are_read_and_those_that_went_are_let_go(spool, tail, tmp_path):
    watcher = tail()
    watcher.step()
    spool.append(logged(1))
    spool.close()
    watcher.step()
    for path in tmp_path.iterdir():
        path.unlink()
    watcher.step()
    assert repr(watcher) == "Tail(0 segments)"


def test_a_closed_one_sees_nothing(spool, tail):
    watcher = tail()
    watcher.step()
    watcher.close()
    spool.append(logged(1))
    assert watcher.step() == []


def watching(tmp_path, work, **more):
    async def run():
        crew = Crew("log", 1, 8, "the log")
        try:
            return await work(Tails(tmp_path, crew, **{"ending": lambda: False, "look_s": 0, **more}))
        finally:
            crew.close()

    return asyncio.run(run())


def test_looks_go_on_until_the_time_is_over_or_the_worker_ends(tmp_path):
    async def count(tails):
        return [found async for found in tails.watch(ALL)]

    assert watching(tmp_path, count, longest_s=0) == []
    ends = iter([False, False, True])
    assert watching(tmp_path, count, ending=lambda: next(ends)) == [[], []]


def test_too_many_watchers_are_refused_until_one_goes(tmp_path):
    async def crowd(tails):
        watchers = [tails.watch(ALL) for _ in range(MOST)]
        for each in watchers:
            await anext(each)
        with pytest.raises(Refusal) as raised:
            tails.check()
        assert raised.value.status == 503
        await watchers[0].aclose()
        tails.check()
        for each in watchers:
            await each.aclose()

    watching(tmp_path, crowd)
