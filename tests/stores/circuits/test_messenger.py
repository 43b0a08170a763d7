"""stores/circuits: machines that share circuits through a real Redis, whose clock is the test's. Each machine has a board of its own,
and a clock that agrees with nobody's."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.failure import Failure
from lockgate.policy.breaker import Breaker, BreakerPolicy
from lockgate.stores.board import Board
from lockgate.stores.circuits import messenger as module
from lockgate.stores.circuits import redis
from lockgate.stores.circuits.messenger import PERMIT_S, RETRY_S, ROUND_S, SHARED_S, Messenger
from lockgate.stores.circuits.open import open_exchange
from lockgate.stores.circuits.port import OPEN, Exchange, News, Round, Telling
from lockgate.stores.circuits.redis import PATIENCE_S, RedisExchange
from lockgate.stores.ports import StoreError

BAD = Failure("server", 500, "It broke.")
POLICY = BreakerPolicy(failures=3, cooldown_s=30.0)
QUICK = BreakerPolicy(failures=1, cooldown_s=1.0)
EPOCH = 1_790_000_000.0


class Server(Protocol):
    url: str

    def __call__(self, *words: str | int) -> bytes: ...
    def signal(self, number: signal.Signals) -> None: ...
    def kill(self) -> None: ...
    def start(self) -> None: ...


class Time:
    """What all clocks follow."""

    def __init__(self) -> None:
        self.now = 0.0


class Machine:
    """One board, one worker, one messenger."""

    def __init__(self, folder: Path, time: Time, ahead: float, exchange: Exchange) -> None:
        self.clock: Callable[[], float] = lambda: 1000.0 + time.now + ahead
        self.path = folder / f"circuits-{ahead}"
        self.exchange = exchange
        self.board = Board(self.path, clock=self.clock, slots=8, columns=2)
        self.messenger = Messenger(self.board, exchange, clock=self.clock)
        self.policy = POLICY
        self.circuits: dict[str, Breaker] = {}

    def circuit(self, name: str = "one") -> Breaker:
        if name not in self.circuits:
            self.circuits[name] = Breaker(self.policy, self.board.cell(name), lambda: 0.0)
        return self.circuits[name]

    def state(self, name: str = "one") -> str:
        return self.circuit(name).state(self.clock())

    def left(self, name: str = "one") -> float:
        return self.circuit(name).until(self.clock()) - self.clock()

    def begins(self, name: str = "one") -> bool:
        return self.circuit(name).begin(self.clock())

    def hears(self, failure: Failure | None, name: str = "one") -> None:
        self.circuit(name).report(self.clock(), failure, self.clock())

    def opens(self, name: str = "one") -> None:
        for _ in range(3):
            self.hears(BAD, name)
        assert self.state(name) == "open"


class Cluster:
    """Machines at one Redis."""

    def __init__(self, folder: Path, server: Server, number: int = 3) -> None:
        self.time = Time()
        self.server = server
        self.tick(0.0)
        self.machines = [Machine(folder, self.time, 77.7 * at, RedisExchange(server.url)) for at in range(number)]

    def tick(self, seconds: float) -> None:
        self.time.now += seconds
        us = int((EPOCH + self.time.now) * 1e6)
        self.server("MSET", "{circuits}s", us // 1_000_000, "{circuits}us", us % 1_000_000)

    async def wait(self, seconds: float) -> None:
        """So much time, at whose end all have heard from Redis."""
        self.tick(seconds)
        await self.round()

    async def round(self, *machines: Machine) -> None:
        """Time for each machine to say what it has to say, and to hear it; of those that are given, or all."""
        for _ in range(3):
            self.tick(ROUND_S)
            for each in machines or self.machines:
                await each.messenger.step()

    def states(self, name: str = "one") -> list[str]:
        return [each.state(name) for each in self.machines]

    async def close(self) -> None:
        for each in self.machines:
            await each.exchange.close()
            each.board.close()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The script takes its time from two keys, and a slow machine is no hang."""
    script = redis._SCRIPT.replace(
        "redis.call('TIME')", "{redis.call('GET', '{circuits}s'), redis.call('GET', '{circuits}us')}"
    )
    monkeypatch.setattr(redis, "_SCRIPT", script)
    monkeypatch.setattr(redis, "TICK_S", 1.0)


Play = Callable[[Callable[[Cluster], Awaitable[None]]], None]


@pytest.fixture
def play(tmp_path: Path, server: Server) -> Play:
    """Plays something in a cluster of three."""

    def run(scene: Callable[[Cluster], Awaitable[None]], number: int = 3) -> None:
        async def work() -> None:
            cluster = Cluster(tmp_path, server, number)
            try:
                assert cluster.states() == ["closed"] * number  # of a circuit that every machine knows
                await cluster.round()
                await scene(cluster)
            finally:
                await cluster.close()

        asyncio.run(work())

    return run


# --- what is shared


def test_all_machines_learn_that_a_circuit_has_opened_and_for_how_long(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        one, two, three = cluster.machines
        one.opens()
        await cluster.round()
        assert cluster.states() == ["open"] * 3
        assert two.left() == pytest.approx(one.left(), abs=ROUND_S)
        assert three.left() == pytest.approx(one.left(), abs=ROUND_S)

    play(scene)


def test_a_machine_that_meets_the_circuit_only_later_finds_it_open(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        one, two, _ = cluster.machines
        one.opens("late")
        await cluster.round()
        assert two.state("late") == "closed"  # nobody has asked for it here, so that it has no place yet
        await cluster.round(two)
        assert two.state("late") == "open"

    play(scene)


def test_a_machine_that_comes_later_finds_it_open(play: Play, tmp_path: Path, server: Server) -> None:
    async def scene(cluster: Cluster) -> None:
        cluster.machines[0].opens()
        await cluster.round()
        late = Machine(tmp_path, cluster.time, 999.0, RedisExchange(server.url))
        cluster.machines.append(late)
        assert late.state() == "closed"
        await cluster.round()
        assert late.state() == "open"

    play(scene)


def test_what_only_some_have_counted_is_not_added_up(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        for each in cluster.machines:
            each.hears(BAD)
            each.hears(BAD)
        await cluster.round()
        assert cluster.states() == ["closed"] * 3

    play(scene)


def test_a_circuit_that_closes_closes_everywhere(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        one, two, _ = cluster.machines
        one.opens()
        await cluster.round()
        two.hears(None)  # a request that passed since nobody else was left
        await cluster.round()
        assert cluster.states() == ["closed"] * 3

    play(scene)


def test_after_it_has_closed_all_count_from_there(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        one, two, three = cluster.machines
        three.hears(BAD)
        three.hears(BAD)
        one.opens()
        await cluster.round()
        two.hears(None)
        await cluster.round()
        three.hears(BAD)
        assert three.state() == "closed"

    play(scene)


def test_two_that_open_it_at_once_agree(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        one, two, _ = cluster.machines
        one.opens()
        cluster.tick(0.1)
        two.opens()
        await cluster.round()
        assert cluster.states() == ["open"] * 3
        lefts = [each.left() for each in cluster.machines]
        assert max(lefts) - min(lefts) < 0.001 + ROUND_S

    play(scene)


def test_circuits_are_told_apart(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        one, two, _ = cluster.machines
        two.state("other")
        one.opens("one")
        await cluster.round()
        assert (two.state("one"), two.state("other")) == ("open", "closed")

    play(scene)


# --- probes


def test_one_machine_probes_when_the_cool_down_is_over(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        cluster.machines[0].opens()
        await cluster.round()
        await cluster.wait(POLICY.cooldown_s)
        assert [each.begins() for each in cluster.machines] == [False] * 3  # each has wanted to
        await cluster.round()
        assert sum(each.begins() for each in cluster.machines) == 1
        await cluster.round()
        assert cluster.states() == ["half-open"] * 3
        assert sum(each.begins() for each in cluster.machines) == 0
        assert all(20 < each.left() <= 30 for each in cluster.machines)

    play(scene)


def test_what_becomes_of_the_probe_holds_for_all(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        cluster.machines[0].opens()
        await cluster.round()
        for failure, state in ((BAD, "open"), (None, "closed")):
            await cluster.wait(POLICY.cooldown_s)
            assert not cluster.machines[1].begins()
            await cluster.round()
            assert cluster.machines[1].begins()
            await cluster.round()
            cluster.machines[1].hears(failure)
            await cluster.round()
            assert cluster.states() == [state] * 3

    play(scene)


def test_a_probe_that_is_over_before_it_was_told_is_told_all_the_same(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        cluster.machines[0].opens()
        await cluster.round()
        await cluster.wait(POLICY.cooldown_s)
        cluster.machines[1].begins()
        await cluster.round()
        assert cluster.machines[1].begins()
        cluster.tick(0.01)
        cluster.machines[1].hears(BAD)
        await cluster.round()
        assert cluster.states() == ["open"] * 3

    play(scene)


def test_a_machine_with_little_traffic_keeps_its_permit_while_no_other_wants_it(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        one, *_ = cluster.machines
        one.opens()
        await cluster.round()
        await cluster.wait(POLICY.cooldown_s)
        assert not one.begins()
        for _ in range(40):
            await cluster.round()
        assert one.begins()

    play(scene)


def test_a_machine_that_does_not_use_its_permit_loses_it_to_one_that_would(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        one, two, _ = cluster.machines
        one.opens()
        await cluster.round()
        await cluster.wait(POLICY.cooldown_s)
        assert not one.begins()
        await cluster.round()
        waited = 0.0
        while not two.begins():
            before = cluster.time.now
            await cluster.round()
            waited += cluster.time.now - before
            assert waited < PATIENCE_S + redis.PERMIT_S + 2.0
        assert waited > PATIENCE_S - 1.0
        assert not one.begins()

    play(scene)


def test_a_machine_that_dies_with_the_permit_does_not_keep_it(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        one, two, _ = cluster.machines
        one.opens()
        await cluster.round()
        await cluster.wait(POLICY.cooldown_s)
        one.begins()
        await cluster.round()
        assert not two.begins()
        cluster.tick(redis.PERMIT_S)
        await cluster.round(two)
        assert two.begins()

    play(scene)


def test_a_permit_is_not_good_for_long_nor_for_another_state(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        one, *_ = cluster.machines
        one.opens()
        await cluster.round()
        await cluster.wait(POLICY.cooldown_s)
        one.begins()
        await cluster.round()
        cluster.tick(PERMIT_S)
        assert not one.begins()
        await cluster.round()
        assert one.begins()
        await cluster.wait(POLICY.cooldown_s)  # nothing is heard of the probe
        assert not one.begins()
        await cluster.round()
        assert one.begins()

    play(scene)


OFTEN = {"fails": 1, "goes well": 1, "asks": 5, "says": 1, "all say": 3}
ACTS = st.tuples(st.sampled_from([act for act, often in OFTEN.items() for _ in range(often)]), st.integers(0, 2))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(ACTS, min_size=20, max_size=80))
def test_whatever_happens_they_agree_in_the_end_and_none_probes_while_another_does(
    tmp_path: Path, server: Server, acts: Sequence[tuple[str, int]]
) -> None:
    server("FLUSHALL")

    async def work() -> None:
        cluster = Cluster(tmp_path, server)
        for each in cluster.machines:
            each.policy = QUICK
        probed: float | None = None  # when, of this outage
        try:
            await cluster.round()
            for act, at in acts:
                cluster.tick(0.02)
                machine = cluster.machines[at]
                if act == "all say":
                    await cluster.round()
                elif act == "says":
                    await machine.messenger.step()
                elif act == "asks":
                    half_open = machine.state() == "half-open"
                    if machine.begins() and half_open:
                        assert probed is None or cluster.time.now - probed >= QUICK.cooldown_s
                        probed = cluster.time.now
                else:
                    machine.hears(BAD if act == "fails" else None)
                    if act == "goes well":
                        probed = None
            cluster.states()  # who has never asked for it learns of it now
            for _ in range(3):
                await cluster.round()
            assert len(set(cluster.states())) == 1
            lefts = [each.left() for each in cluster.machines]
            assert max(lefts) - min(lefts) < 3 * ROUND_S
        finally:
            await cluster.close()
            for path in tmp_path.iterdir():
                path.unlink()

    asyncio.run(work())


# --- the exchange is lost


def test_without_redis_each_machine_goes_on_by_itself(play: Play, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    async def scene(cluster: Cluster) -> None:
        one, two, _ = cluster.machines
        one.opens()
        await cluster.round()
        server.kill()
        caplog.set_level(logging.INFO)
        for each in cluster.machines:
            cluster.time.now += ROUND_S
            await each.messenger.step()
            assert each.messenger.trouble.startswith("Redis: ")
        assert len([each for each in caplog.records if "not shared" in each.message]) == 3
        cluster.time.now += POLICY.cooldown_s
        assert [each.begins() for each in (one, two)] == [True, True]
        one.hears(None)
        two.hears(BAD)
        assert (one.state(), two.state()) == ("closed", "open")

    play(scene)


def test_when_it_comes_back_empty_all_is_told_again(play: Play, server: Server) -> None:
    async def scene(cluster: Cluster) -> None:
        one, two, _ = cluster.machines
        cluster.states("other")
        one.opens()
        await cluster.round()
        server.kill()
        cluster.time.now += ROUND_S
        for each in cluster.machines:
            await each.messenger.step()
        two.opens("other")
        server.start()
        cluster.tick(RETRY_S)
        await cluster.round()
        await cluster.round()
        assert [each.messenger.trouble for each in cluster.machines] == [""] * 3
        assert cluster.states() == ["open"] * 3
        assert cluster.states("other") == ["open"] * 3
        one.hears(None)
        await cluster.round()
        assert cluster.states() == ["closed"] * 3

    play(scene)


@pytest.mark.parametrize("later", [False, True])
def test_what_happened_meanwhile_is_settled_by_the_later_word(play: Play, server: Server, later: bool) -> None:
    async def scene(cluster: Cluster) -> None:
        one, two, three = cluster.machines
        one.opens()
        await cluster.round()
        two.messenger._lose(StoreError("no way there"))
        if not later:
            two.hears(None)
        cluster.tick(POLICY.cooldown_s)
        await cluster.round(one, three)
        one.begins()
        await cluster.round(one, three)
        assert one.begins()
        one.hears(BAD)
        await cluster.round(one, three)
        if later:
            two.hears(None)
        await cluster.round()
        assert cluster.states() == ["closed" if later else "open"] * 3

    play(scene)


def test_one_that_hangs_is_lost_and_holds_nobody_up(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "TICK_S", 0.1)

    async def work() -> None:
        cluster = Cluster(tmp_path, server, 1)
        (machine,) = cluster.machines
        try:
            await cluster.round()
            machine.opens()
            await cluster.round()
            await cluster.wait(POLICY.cooldown_s)
            assert not machine.begins()
            server.signal(signal.SIGSTOP)
            cluster.time.now += ROUND_S
            stepping = asyncio.ensure_future(machine.messenger.step())
            await asyncio.sleep(0)
            for _ in range(1000):
                machine.circuit().allows(machine.clock())
                machine.begins()
            assert not stepping.done()
            await stepping
            assert machine.messenger.trouble == "Redis did not answer within 500 ms."
            assert machine.messenger.lost == 1
            assert machine.begins()
        finally:
            server.signal(signal.SIGCONT)
            await cluster.close()

    asyncio.run(work())


def test_a_machine_whose_messenger_stands_still_goes_on_by_itself(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        one, *_ = cluster.machines
        one.opens()
        await cluster.round()
        cluster.tick(POLICY.cooldown_s)
        assert not one.board.is_shared(one.clock())
        assert one.begins()

    play(scene)


def test_a_clock_that_is_set_back_blocks_nobody(play: Play, server: Server) -> None:
    async def scene(cluster: Cluster) -> None:
        one, two, _ = cluster.machines
        one.opens()
        await cluster.round()
        server("SET", "{circuits}s", int(EPOCH) - 86_400)
        cluster.time.now += POLICY.cooldown_s
        for _ in range(3):
            cluster.time.now += ROUND_S
            await one.messenger.step()
            await two.messenger.step()
            one.circuit().allows(one.clock())
            if one.begins():
                break
        else:
            pytest.fail("it was never probed")

    play(scene)


# --- the messenger itself


class Scripted:
    """An exchange that says what the test tells it to."""

    def __init__(self) -> None:
        self.told: list[Sequence[Telling]] = []
        self.news: list[News] = []
        self.trouble = ""
        self.closed = False

    async def round(self, machine: str, epoch: bytes, cursor: int, tellings: Sequence[Telling]) -> Round:
        self.told.append(tellings)
        if self.trouble:
            raise StoreError(self.trouble)
        news, self.news = self.news, []
        return Round(b"epoch", max([cursor, *(each.number for each in news)]), [], news)

    async def close(self) -> None:
        self.closed = True


def test_nothing_is_said_when_nothing_happens(tmp_path: Path) -> None:
    async def work() -> None:
        time, exchange = Time(), Scripted()
        machine = Machine(tmp_path, time, 0.0, exchange)
        for _ in range(100):
            await machine.messenger.step()
            time.now += 0.01
        assert len(exchange.told) <= 1 + 1 / ROUND_S + 1
        exchange.trouble = "gone"
        time.now += ROUND_S
        await machine.messenger.step()
        machine.opens()  # what changes is no reason to ask the lost one sooner
        before = len(exchange.told)
        for _ in range(9):
            time.now += RETRY_S / 10
            await machine.messenger.step()
        assert len(exchange.told) == before
        time.now += RETRY_S / 10
        await machine.messenger.step()
        assert len(exchange.told) == before + 1
        machine.board.close()

    asyncio.run(work())


def test_one_worker_of_a_machine_is_the_messenger(tmp_path: Path) -> None:
    async def work() -> None:
        exchange, paused = Scripted(), []
        machine = Machine(tmp_path, Time(), 0.0, exchange)

        async def pause(seconds: float) -> None:
            paused.append(seconds)
            if len(paused) == 3:
                raise asyncio.CancelledError
            granted.append(True)

        granted: list[bool] = []
        machine.board.elect = lambda: bool(granted)  # type: ignore[method-assign]
        messenger = Messenger(machine.board, exchange, clock=machine.clock, pause=pause)
        with pytest.raises(asyncio.CancelledError):
            await messenger.run()
        assert paused == [module.OFFICE_S, module.LOOK_S, module.LOOK_S]
        assert exchange.closed
        machine.board.close()

    asyncio.run(work())


def test_a_successor_tells_nothing_twice(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        one, two, _ = cluster.machines
        one.opens()
        await cluster.round()
        left = two.left()
        one.messenger = Messenger(one.board, one.exchange, clock=one.clock)
        await cluster.round()
        number = cluster.server("HGET", "lockgate:{circuits}", "number")
        assert number == b"$1\r\n1\r\n"
        assert two.left() == pytest.approx(left - 3 * ROUND_S)

    play(scene)


def test_what_is_remembered_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_KNOWN", 10)

    async def work() -> None:
        exchange = Scripted()
        machine = Machine(tmp_path, Time(), 0.0, exchange)
        await machine.messenger.step()
        exchange.news = [News(b"%016d" % at, at + 1, OPEN, 0, 1_000_000) for at in range(50)]
        await machine.messenger.step()
        assert len(machine.messenger._known) == 10
        machine.board.close()

    asyncio.run(work())


def test_what_is_kept_in_redis_is_bounded_and_goes_by_itself(
    play: Play, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis, "KEPT", 3)

    async def scene(cluster: Cluster) -> None:
        one, *_ = cluster.machines
        for at in range(6):
            one.opens(str(at))
            await cluster.round(one)
        assert server("ZCARD", "lockgate:{circuits}:order") == b":3\r\n"
        assert server("HLEN", "lockgate:{circuits}") == b":5\r\n"
        assert server("TTL", "lockgate:{circuits}") == b":172800\r\n"
        await cluster.wait(POLICY.cooldown_s)
        assert not one.begins("0")  # which has been forgotten there
        await cluster.round(one)
        assert one.begins("0")

    play(scene)


def test_more_news_than_one_round_tells_come_in_the_next(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis, "TOLD", 2)

    async def scene(cluster: Cluster) -> None:
        one, two, _ = cluster.machines
        names = [str(at) for at in range(5)]
        for name in names:
            two.state(name)
            one.opens(name)
        await cluster.round()
        await cluster.round()
        assert [two.state(name) for name in names] == ["open"] * 5

    play(scene)


def test_the_board_says_that_circuits_are_shared(play: Play) -> None:
    async def scene(cluster: Cluster) -> None:
        one, *_ = cluster.machines
        assert one.board.is_shared(one.clock())
        assert repr(one.messenger) == "Messenger(standing by)"
        cluster.time.now += SHARED_S
        assert not one.board.is_shared(one.clock())

    play(scene)


def test_a_url_that_is_none_is_told(server: Server) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        open_exchange("http://:secret@nowhere")
    assert "secret" not in repr(open_exchange("redis://:secret@localhost"))
