"""stores/cache/lanes: few connections, and nobody who asks is held up."""

from __future__ import annotations

import asyncio

import pytest

from lockgate.stores.cache import lanes as module
from lockgate.stores.cache.lanes import Lanes
from lockgate.stores.cache.trouble import Trouble, Voice
from lockgate.stores.ports import StoreError


class Server:
    """Knows what `b"k1"` … are. It answers while `answers` is set, and makes connections while `lets_in` is."""

    def __init__(self):
        self.lets_in = asyncio.Event()
        self.answers = asyncio.Event()
        self.lets_in.set()
        self.answers.set()
        self.failing = []  # what the next connections or questions fail with
        self.lines = []
        self.asked = []
        self.closed = 0

    async def connect(self):
        await self.lets_in.wait()
        line = Line(self)
        self.lines.append(line)
        return line


class Line:
    def __init__(self, server):
        self.server = server

    async def read(self, keys):
        self.server.asked.append(list(keys))
        if self.server.failing:
            raise self.server.failing.pop(0)
        await self.server.answers.wait()
        return {key: key.decode() for key in keys if key.startswith(b"k")}

    async def close(self):
        self.server.closed += 1


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def server(run):
    async def made():
        return Server()

    return run(made())


@pytest.fixture
def lanes(server, clock, said, run):
    lanes = Lanes("the server", server.connect, Trouble(Voice(said.append, clock), clock))
    yield lanes
    run(lanes.close())
    assert server.closed == len(server.lines), "each connection is closed"


def test_what_stands_there_is_found_on_one_connection(lanes, server, run):
    assert [run(lanes.find(key)) for key in (b"k1", b"other", b"k2")] == ["k1", None, "k2"]
    assert len(server.lines) == 1


def test_those_who_come_together_are_asked_together(lanes, server, run):
    async def work():
        return await asyncio.gather(*(lanes.find(b"k%d" % number) for number in range(200)))

    assert run(work()) == [f"k{number}" for number in range(200)]
    assert len(server.lines) <= 4
    assert max(len(keys) for keys in server.asked) == 32
    assert len(server.asked) < 20


def test_a_request_waits_fifty_milliseconds():
    assert pytest.approx(0.05) == module.TICKS * module.TICK_S


def test_who_is_not_answered_goes_on_and_later_ones_do_not_wait(lanes, server, clock, said, run):
    server.answers.clear()

    async def work():
        loop = asyncio.get_running_loop()
        begin = loop.time()
        assert await asyncio.gather(*(lanes.find(b"k%d" % number) for number in range(100))) == [None] * 100
        first = loop.time() - begin
        asked = len(server.asked)
        assert await lanes.find(b"k1") is None
        assert len(server.asked) == asked, "the server is left alone"
        return first

    assert 0.03 < run(work()) < 1.0
    assert said == ["cache: the server does not answer within 50 ms"]
    server.answers.set()
    assert run(lanes.find(b"k1")) is None
    clock.now += 1
    assert run(lanes.find(b"k1")) == "k1"
    assert run(lanes.find(b"k2")) == "k2"


def test_a_server_that_is_busy_is_not_in_trouble(lanes, server, said, run, monkeypatch):
    """It answers, but not all in time."""

    async def read(self, keys, read=Line.read):
        await asyncio.sleep(0.02)
        return await read(self, keys)

    monkeypatch.setattr(Line, "read", read)

    async def work():
        return await asyncio.gather(*(lanes.find(b"k%d" % number) for number in range(1000)))

    found = run(work())
    assert found[0] == "k0"
    assert found[-1] is None
    assert said == []
    assert run(lanes.find(b"k1")) == "k1"
    assert len(server.lines) == 4


def test_a_connection_that_hangs_while_others_serve_is_let_go(lanes, server, said, run):
    async def work():
        server.answers.clear()
        hanging = asyncio.create_task(lanes.find(b"k1"))
        while not server.asked:
            await asyncio.sleep(0)
        server.answers = asyncio.Event()  # those who ask from now on are answered
        server.answers.set()
        while not hanging.done():
            assert await lanes.find(b"k2") == "k2"
            await asyncio.sleep(0)
        assert await hanging is None
        await asyncio.sleep(0)
        assert server.closed == 1

    run(work())
    assert said == []


def test_a_connection_may_take_longer_than_a_request_waits(lanes, server, clock, run):
    server.lets_in.clear()
    assert run(lanes.find(b"k1")) is None
    server.lets_in.set()
    clock.now += 1
    assert run(lanes.find(b"k1")) == "k1"
    assert server.asked == [[b"k1"]], "who has gone on is not asked for"


def test_a_connection_that_is_not_made_is_given_up(lanes, server, clock, said, run, monkeypatch):
    monkeypatch.setattr(module, "CONNECT_S", 0.01)
    server.lets_in.clear()
    assert run(lanes.find(b"k1")) is None
    assert said == ["cache: the server cannot be connected to within 0 s"]


def test_who_is_refused_goes_on_at_once(lanes, server, said, run):
    server.failing = [StoreError("the server is loading")] * 4
    assert run(lanes.find(b"k1")) is None
    assert said == ["cache: the server is loading"]


def test_a_connection_that_has_served_and_fails_is_replaced(lanes, server, said, run):
    assert run(lanes.find(b"k1")) == "k1"
    server.failing = [StoreError("closed for idleness")]
    assert run(lanes.find(b"k2")) == "k2"
    assert len(server.lines) == 2
    assert said == []


def test_a_new_connection_that_fails_as_well_is_trouble(lanes, server, said, run):
    assert run(lanes.find(b"k1")) == "k1"
    server.failing = [StoreError("gone"), StoreError("still gone")]
    assert run(lanes.find(b"k2")) is None
    assert said == ["cache: still gone"]


def test_who_leaves_takes_nobody_along(lanes, server, said, run):
    server.answers.clear()

    async def work():
        leaving = asyncio.create_task(lanes.find(b"k1"))
        staying = asyncio.create_task(lanes.find(b"k2"))
        await asyncio.sleep(0)
        leaving.cancel()
        server.answers.set()
        assert await staying == "k2"
        assert leaving.cancelled()
        assert await lanes.find(b"k3") == "k3"

    run(work())
    assert said == []


def test_who_waits_when_it_is_closed_is_not_answered(lanes, server, said, run):
    server.answers.clear()

    async def work():
        waiting = asyncio.create_task(lanes.find(b"k1"))
        await asyncio.sleep(0)
        await lanes.close()
        assert await waiting is None

    run(work())
    assert said == []


def test_time_in_which_the_loop_stands_still_is_not_held_against_the_server(lanes, server, said, run):
    server.answers.clear()

    async def work():
        asking = asyncio.create_task(lanes.find(b"k1"))
        await asyncio.sleep(0)
        begin = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < begin + 0.1:
            pass
        server.answers.set()
        return await asking

    assert run(work()) == "k1"
    assert said == []


@pytest.mark.parametrize("held", ["lets_in", "answers"])
def test_a_connection_whose_library_swallows_the_cancellation_ends_all_the_same(server, clock, said, run, held):
    """As redis-py does, now and then, while it connects: the gateway would never have ended."""

    class Deaf:
        def __init__(self):
            self.opens = asyncio.Event()

        async def wait(self):
            while not self.opens.is_set():
                try:
                    await self.opens.wait()
                except asyncio.CancelledError:
                    self.opens.set()

    async def work():
        setattr(server, held, Deaf())
        lanes = Lanes("the server", server.connect, Trouble(Voice(said.append, clock), clock))
        task = asyncio.ensure_future(lanes.find(b"k1"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.wait_for(lanes.close(), 5)
        assert await task in (None, "k1")

    run(work())
    assert server.closed == len(server.lines)
