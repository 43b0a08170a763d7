"""stores/limits/redis: the counter of all machines, in a real Redis. Its clock is the test's where a test needs one."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from time import monotonic
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.policy.allotment import SOON_US, life_us
from lockgate.policy.limits import UNITS, Limit
from lockgate.stores.limits import redis as module
from lockgate.stores.limits.port import Answer, Ask
from lockgate.stores.limits.redis import RedisCounter, key_of
from lockgate.stores.ports import StoreError

SECOND = 1_000_000
#: A moment, as epochs have it.
NOW = 1_790_000_000 * SECOND
KEY = Limit("key", "k", "requests", 60, tenant="t")
TOKENS = Limit("key", "k", "tokens", 1000, tenant="t")
AT_ONCE = Limit("user", "u", "concurrent", 10, tenant="t")


class Server(Protocol):
    url: str

    def __call__(self, *words: str | int) -> bytes: ...
    def signal(self, number: signal.Signals) -> None: ...
    def kill(self) -> None: ...
    def start(self) -> None: ...


@asynccontextmanager
async def counter(server: Server) -> AsyncIterator[RedisCounter]:
    found = RedisCounter(server.url)
    try:
        yield found
    finally:
        await found.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script takes its time from two keys."""
    ours = "{redis.call('GET', '{t}s'), redis.call('GET', '{t}us')}"
    for script in ("_SCRIPT", "_PULSE"):
        monkeypatch.setattr(module, script, getattr(module, script).replace("redis.call('TIME')", ours))


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine that runs the tests may be slow; that Redis hangs is another test."""
    monkeypatch.setattr(module, "TICK_S", 0.2)


def at(server: Server, now: int) -> None:
    server("MSET", "{t}s", now // SECOND, "{t}us", now % SECOND)


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


def rate(limit: Limit, need: int, more: int = 0, **others: Any) -> Ask:
    return Ask(limit, min(need, 1), need, more, life_us(limit.rate), **others)


class TestRates:
    def test_what_there_is_is_granted_and_no_more(self, server: Server, clock: None):
        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                assert (await redis.ask([rate(KEY, 40)], 1, 1))[0].granted == 40
                assert (await redis.ask([rate(KEY, 40)], 2, 1))[0].granted == 19
                refused = (await redis.ask([rate(KEY, 3)], 1, 1))[0]
                assert (refused.granted, refused.wait_us) == (0, SOON_US)
                at(server, NOW + 2 * SECOND)
                assert (await redis.ask([rate(KEY, 3)], 1, 1))[0].granted == 2

        run(work())

    def test_a_limit_too_small_for_a_lift_is_granted_to_its_end(self, server: Server, clock: None):
        one = Limit("key", "one", "requests", 1, UNITS["rps"], tenant="t")

        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                assert [(await redis.ask([rate(one, 1)], 1, 1))[0].granted for _ in range(2)] == [1, 0]

        run(work())

    def test_more_is_granted_beside_what_is_needed_but_only_a_part_of_what_is_left(self, server: Server, clock: None):
        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                assert (await redis.ask([rate(KEY, 1, 1000)], 1, 3))[0].granted == 1 + 9
                assert (await redis.ask([rate(KEY, 0, 1000)], 2, 3))[0].granted == 8
                assert (await redis.ask([rate(KEY, 41)], 2, 3))[0].granted == 41
                nothing = (await redis.ask([rate(KEY, 0, 1000)], 2, 3))[0]
                assert (nothing.granted, nothing.wait_us) == (0, 0)

        run(work())

    def test_what_was_not_used_can_be_granted_again(self, server: Server, clock: None):
        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                first = (await redis.ask([rate(TOKENS, 900)], 1, 1))[0]
                await redis.ask([rate(TOKENS, 0, settlements=[(first.term, 900, 100)])], 1, 1)
                assert (await redis.ask([rate(TOKENS, 890)], 1, 1))[0].granted == 890

        run(work())

    def test_what_was_used_above_is_a_debt_and_other_terms_are_not_settled_twice(self, server: Server, clock: None):
        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                first = (await redis.ask([rate(TOKENS, 100)], 1, 1))[0]
                await redis.ask([rate(TOKENS, 0, settlements=[(first.term, 100, 500), (first.term - 1, 90, 0)])], 1, 1)
                assert (await redis.ask([rate(TOKENS, 1000)], 1, 1))[0].granted == 500

        run(work())

    def test_limits_of_several_tenants_are_asked_in_one_go(self, server: Server):
        others = [Limit("key", "k", "requests", 60, tenant=tenant) for tenant in ("a", "b}", "{c", "")]

        async def work() -> None:
            async with counter(server) as redis:
                answers = await redis.ask([rate(each, index + 1) for index, each in enumerate(others)], 1, 1)
                assert [answer.granted for answer in answers] == [1, 2, 3, 4]

        run(work())
        assert len({key_of(each) for each in others}) == 4
        assert key_of(KEY) == f"lockgate:{{74}}:limit:{KEY.tag:x}"

    def test_a_changed_limit_goes_on_with_what_was_used(self, server: Server, clock: None):
        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                await redis.ask([rate(KEY, 50)], 1, 1)
                assert (await redis.ask([rate(Limit("key", "k", "requests", 100, tenant="t"), 60)], 1, 1))[0].granted == 49

        run(work())

    def test_a_cell_that_is_lost_goes_on_with_the_debt_that_was_last_seen(self, server: Server, clock: None):
        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                seen = (await redis.ask([rate(KEY, 50)], 1, 1))[0]
                server("FLUSHALL")
                at(server, NOW + SECOND)
                again = rate(KEY, 60, debt=seen.debt, stamp=seen.stamp)
                assert (await redis.ask([again], 1, 1))[0].granted == 10

        run(work())

    def test_cells_that_are_no_longer_of_use_go_away(self, server: Server):
        async def work() -> None:
            async with counter(server) as redis:
                await redis.ask([rate(KEY, 30)], 1, 1)

        run(work())
        left_ms = int(server("PTTL", key_of(KEY))[1:])
        assert 80_000 < left_ms < 92_000

    @pytest.mark.parametrize("settles", [False, True])
    @pytest.mark.parametrize("more", [0, 1000])
    def test_what_is_used_at_the_last_moment_has_not_drained_before(
        self, server: Server, clock: None, more: int, settles: bool
    ):
        """One machine uses what it has at the very end of its time, and another then takes all that there is: no more than the
        burst. A settlement in between, of something else, changes nothing of it."""
        limit = Limit("key", "k", "tokens", 6000, 60 * SECOND, tenant="t")

        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                other = (await redis.ask([rate(limit, 1000)], 1, 1))[0] if settles else None
                held = (await redis.ask([rate(limit, 1000, more)], 1, 1))[0].granted
                if other is not None:
                    at(server, NOW + 1)
                    await redis.ask([rate(limit, 0, settlements=[(other.term, 1000, 0)])], 1, 1)
                at(server, NOW + (life_us(limit.rate) if more else SOON_US))
                most = Ask(limit, 1, 6000, 0, life_us(limit.rate))
                assert 5800 < held + (await redis.ask([most], 1, 1))[0].granted <= 6000

        run(work())

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(data=st.data())
    def test_however_late_things_are_used_and_settled_the_limit_holds(self, server: Server, clock: None, data: st.DataObject):
        """Machines ask, use what they were granted at any time until it expires, and say so at any time after. Of all that was
        used, by when it was used, no interval has more than the limit admits."""
        value = data.draw(st.sampled_from([20, 100, 1000]))
        limit = Limit("key", f"{data.draw(st.integers(0, 2**60))}", "tokens", value, SECOND, tenant="t")
        life = life_us(limit.rate)
        steps = data.draw(
            st.lists(
                st.tuples(
                    st.integers(0, 120_000),  # until the next ask
                    st.integers(0, 10_000),  # since it was sent
                    st.integers(1, max(1, value // 4)),  # need
                    st.sampled_from([0, 3, value]),  # more
                    st.floats(0, 1),  # when it is used, of the time in which it may be
                    st.sampled_from([0.0, 0.1, 0.5, 1.0, 1.0]),  # how much of it is
                    st.integers(0, 400_000),  # until that is told
                ),
                min_size=20,
                max_size=60,
            )
        )

        async def work() -> list[tuple[int, int]]:
            used: list[tuple[int, int]] = []
            to_tell: list[tuple[int, tuple[int, int, int]]] = []
            now = NOW
            async with counter(server) as redis:
                for gap, way, need, more, when, share, tell in steps:
                    now += gap
                    at(server, now)
                    told = [each for moment, each in to_tell if moment <= now]
                    to_tell = [each for each in to_tell if each[0] > now]
                    answer = (await redis.ask([rate(limit, need, more, settlements=told)], 1, 1))[0]
                    if answer.granted:
                        until = now - way + (life if answer.granted > need else SOON_US)
                        moment = now + int(when * max(0, until - now))
                        units = int(share * answer.granted)
                        used.append((moment, units))
                        to_tell.append((moment + tell, (answer.term, answer.granted, units)))
            return sorted(used)

        used = asyncio.run(work())
        for first, (begin, _) in enumerate(used):
            total = 0
            for moment, units in used[first:]:
                total += units
                assert (total - value) * SECOND <= value * (moment - begin)


class TestClocks:
    def test_a_clock_set_back_neither_frees_nor_blocks(self, server: Server, clock: None):
        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                await redis.ask([rate(KEY, 58)], 1, 1)
                at(server, NOW - 7200 * SECOND)
                assert (await redis.ask([rate(KEY, 2)], 1, 1))[0].granted == 1
                assert (await redis.ask([rate(KEY, 1)], 1, 1))[0].granted == 0
                at(server, NOW - 7199 * SECOND)
                assert (await redis.ask([rate(KEY, 2)], 1, 1))[0].granted == 1

        run(work())

    def test_after_a_clock_set_back_settlements_are_not_held_up_for_long(self, server: Server, clock: None):
        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                first = (await redis.ask([rate(TOKENS, 900, 50)], 1, 1))[0]
                at(server, NOW - 7200 * SECOND)
                await redis.ask([rate(TOKENS, 0, settlements=[(first.term, first.granted, 0)])], 1, 1)
                assert (await redis.ask([rate(TOKENS, 980)], 1, 1))[0].granted >= 980

        run(work())

    def test_a_clock_set_ahead_gives_one_burst_at_most(self, server: Server, clock: None):
        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                await redis.ask([rate(KEY, 60)], 1, 1)
                at(server, NOW + 86_400 * SECOND)
                assert (await redis.ask([rate(KEY, 100)], 1, 1))[0].granted <= 60

        run(work())


class TestPlaces:
    @staticmethod
    def places(need: int, running: int = 0, more: int = 0) -> Ask:
        return Ask(AT_ONCE, min(1, need), need, more, 10 * SECOND, running=running)

    def test_machines_share_the_places(self, server: Server, clock: None):
        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                assert (await redis.ask([self.places(6)], 1, 2))[0].granted == 6
                assert (await redis.ask([self.places(6)], 2, 2))[0].granted == 4
                assert (await redis.ask([self.places(1, running=6)], 1, 2))[0].granted == 6
                assert (await redis.ask([self.places(0, running=2)], 1, 2))[0].granted == 2
                assert (await redis.ask([self.places(6, running=4)], 2, 2))[0].granted == 8

        run(work())

    def test_some_are_given_ahead_but_not_all_that_are_left(self, server: Server, clock: None):
        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                assert (await redis.ask([self.places(1, more=100)], 1, 2))[0].granted == 3

        run(work())

    def test_a_machine_that_is_not_heard_of_loses_its_places(self, server: Server, clock: None):
        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                await redis.ask([self.places(10)], 1, 2)
                at(server, NOW + 9 * SECOND)
                assert (await redis.ask([self.places(1)], 2, 2))[0].granted == 0
                at(server, NOW + 11 * SECOND)
                assert (await redis.ask([self.places(10)], 2, 2))[0].granted == 10

        run(work())

    def test_a_machine_that_needs_none_is_forgotten(self, server: Server):
        async def work() -> None:
            async with counter(server) as redis:
                await redis.ask([self.places(1)], 1, 2)
                await redis.ask([self.places(0)], 1, 2)

        run(work())
        assert server("EXISTS", key_of(AT_ONCE)) == b":0\r\n"


class TestMachines:
    def test_those_that_were_heard_of_lately_count(self, server: Server, clock: None):
        async def work() -> None:
            async with counter(server) as redis:
                at(server, NOW)
                assert [await redis.pulse(machine) for machine in (1, 2, 2, 3)] == [1, 2, 2, 3]
                at(server, NOW + 11 * SECOND)
                assert await redis.pulse(2) == 1
                at(server, NOW - 7200 * SECOND)
                assert await redis.pulse(1) == 1

        run(work())


class TestTrouble:
    """Whatever is wrong there is told in 50 ms."""

    @staticmethod
    def trouble(server: Server) -> str:
        found: list[str] = []

        async def work() -> None:
            async with counter(server) as redis:
                begun = monotonic()
                for call in (redis.ask([rate(KEY, 1)], 1, 1), redis.pulse(1)):
                    try:
                        await call
                    except StoreError as error:
                        found.append(str(error))
                assert monotonic() - begun < 1.0

        run(work())
        return found[0] if found else ""

    def test_one_that_hangs(self, server: Server, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(module, "TICK_S", 0.01)
        server.signal(signal.SIGSTOP)
        assert self.trouble(server) == "Redis did not answer within 50 ms."
        server.signal(signal.SIGCONT)

    def test_one_that_is_gone_and_comes_back_without_our_scripts(self, server: Server):
        assert self.trouble(server) == ""
        server.kill()
        assert self.trouble(server).startswith("Redis: ")
        server.start()
        assert self.trouble(server) == ""

    def test_one_that_may_not_be_written_to(self, server: Server):
        server("REPLICAOF", "127.0.0.1", "1")
        assert "read only replica" in self.trouble(server).lower() or "READONLY" in self.trouble(server)
        server("REPLICAOF", "NO", "ONE")

    def test_one_that_is_full(self, server: Server):
        server("CONFIG", "SET", "maxmemory", "1")
        assert "OOM" in self.trouble(server) or "memory" in self.trouble(server)
        server("CONFIG", "SET", "maxmemory", "0")

    def test_one_whose_key_is_of_another_kind(self, server: Server):
        server("SET", key_of(KEY), "a text")
        assert "WRONGTYPE" in self.trouble(server) or "wrong kind" in self.trouble(server)

    def test_one_that_has_forgotten_our_scripts_is_told_them_again(self, server: Server):
        async def work() -> None:
            async with counter(server) as redis:
                for _ in range(2):
                    assert (await redis.ask([rate(KEY, 1)], 1, 1))[0].granted == 1
                    server("SCRIPT", "FLUSH")

        run(work())

    def test_an_answer_that_came_while_we_were_busy_is_no_hang(self, server: Server, monkeypatch: pytest.MonkeyPatch):
        async def work() -> None:
            monkeypatch.setattr(module, "TICK_S", 0.03)
            async with counter(server) as redis:
                await redis.pulse(1)
                asking = asyncio.ensure_future(redis.ask([rate(KEY, 1)], 1, 1))
                await asyncio.sleep(0)
                until = monotonic() + 0.2
                while monotonic() < until:
                    pass
                assert (await asking)[0].granted == 1

        run(work())

    def test_a_url_that_is_none_is_told_and_no_password_is_shown(self):
        with pytest.raises(StoreError, match="cannot be read"):
            RedisCounter("http://nowhere")
        assert "secret" not in repr(RedisCounter("redis://:secret@localhost"))


def test_answers_are_as_the_script_gives_them():
    assert list(Answer.__struct_fields__) == ["granted", "wait_us", "term", "debt", "stamp"]
