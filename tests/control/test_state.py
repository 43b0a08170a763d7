"""control/state, control/presence: the machine as it is, from what its workers have written down."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lockgate.control import presence as module
from lockgate.control.presence import Presence
from lockgate.control.state import read_state
from lockgate.core.failure import Failure
from lockgate.core.redact import Redactor
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.policy.breaker import BreakerPolicy
from lockgate.stores import roster
from lockgate.stores.board import Board
from lockgate.stores.roster import SUFFIX, lives
from lockgate.stores.spool import Spool

POLICY = BreakerPolicy(failures=1, cooldown_s=10.0)
BAD = Failure("server", 500, "It broke.")
LIMITED = Failure("rate_limit", 429, "Slow down.", retry_after=30.0)


class World:
    """A worker of a house, with its clock in the test's hand."""

    def __init__(self, folder: Path) -> None:
        self.data = folder
        self.now = 1000.0
        self.spool = Spool(folder / "spool", clock=lambda: 5, report=print)
        self.board = Board(folder / "circuits", clock=lambda: self.now)
        self.runtime = Runtime(
            {}, self.spool, Redactor([]), clock=lambda: self.now, time_us=lambda: 77, chance=lambda: 0.0, cells=self.board.cell
        )
        self.snapshot = cast(Snapshot, SimpleNamespace(revision="abc", stale=False))
        self.presence = Presence(folder, self.runtime, lambda: self.snapshot)

    def say(self) -> None:
        roster.Roster(self.data / "workers").write(self.presence.life())

    def state(self) -> Any:
        return read_state(self.data, self.now)


@pytest.fixture
def world(tmp_path: Path):
    world = World(tmp_path)
    yield world
    world.board.close()
    world.spool.close()


def test_a_house_in_which_nobody_works(tmp_path: Path) -> None:
    state = read_state(tmp_path)
    assert not state.runs
    assert (state.circuits, state.parked, state.targets, state.spool_bytes) == ([], [], [], 0)


def test_a_worker_says_what_it_does(world: World) -> None:
    world.runtime.in_flight, world.runtime.served, world.runtime.failed = 3, 10, 2
    world.snapshot.stale = True
    world.say()
    (worker,) = world.state().workers
    assert (worker.pid, worker.started_us, worker.revision, worker.stale) == (os.getpid(), 77, "abc", True)
    assert (worker.in_flight, worker.served, worker.failed) == (3, 10, 2)
    assert 1_000_000 < worker.memory_bytes < 10_000_000_000


def test_circuits_are_told_by_target_and_for_how_long(world: World) -> None:
    health = world.runtime.health
    for provider in ("openai", "space-1/own"):
        for _ in range(2):
            health.failed((provider, "vendor/gpt 5"), POLICY, world.now, world.now, BAD)
    health.succeeded(("openai", "fine"), POLICY, world.now, world.now)
    world.now += 4
    world.say()
    fine, broken, own = world.state().circuits
    assert (fine.provider, fine.model, fine.state, fine.left_s) == ("openai", "fine", "closed", 0.0)
    assert (broken.place, broken.provider, broken.model, broken.state) == ("", "openai", "vendor/gpt 5", "open")
    assert (broken.since_s, broken.left_s) == (4.0, 6.0)
    assert broken.policy == POLICY.identity
    assert (own.place, own.provider) == ("space-1", "own")
    world.now += 6
    world.say()
    assert [each.state for each in world.state().circuits] == ["closed", "half-open", "half-open"]
    assert health.begin(("openai", "vendor/gpt 5"), POLICY, world.now)
    _, probed, _ = world.state().circuits
    assert (probed.state, probed.left_s) == ("half-open", 10.0)


def test_the_circuits_of_a_gateway_that_is_gone_are_not_told(world: World) -> None:
    world.runtime.health.failed(("openai", "m"), POLICY, world.now, world.now, BAD)
    assert world.state().circuits == []
    world.say()
    assert len(world.state().circuits) == 1


def test_a_board_that_is_spoilt_is_no_circuits(world: World) -> None:
    world.say()
    (world.data / "circuits").write_bytes(b"nonsense")
    assert world.state().circuits == []


def test_whether_circuits_are_shared_is_told(world: World) -> None:
    world.say()
    assert not world.state().shared
    world.board.share(5.0)
    assert world.state().shared


def test_what_several_workers_know_is_put_together(world: World) -> None:
    health = world.runtime.health
    key = ("openai", "m")
    health.failed(key, None, world.now, world.now, LIMITED)
    health.failed(("openai", "gone"), None, world.now, world.now, Failure("auth", 401, "No."))
    health.begin_anyway(key)
    health.answered(key, None, world.now - 2.0, world.now)
    health.pulse(key).quota = 0.5
    world.say()
    first = world.data / "workers" / f"{os.getpid()}{SUFFIX}"
    first.rename(first.with_name(f"1{SUFFIX}"))
    world.now += 1.0
    health.pulse(key).quota, health.pulse(key).in_flight = 0.25, 4
    world.say()
    state = world.state()
    (target,) = state.targets
    assert (target.in_flight, target.latency_s, target.quota) == (5, 2.0, 0.25)
    whole, limited = state.parked
    assert (whole.model, whole.workers) == ("", 2)
    assert (limited.model, limited.why, limited.workers, limited.left_s) == ("m", "rate limited", 2, 30.0)


def test_what_is_told_of_targets_is_bounded_and_the_busy_come_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    health = world.runtime.health
    health.pulse(("never", "heard of"))
    for at in range(10):
        key = ("p", str(at))
        health.answered(key, None, world.now, world.now + at)
        health.failed(key, None, world.now, world.now, LIMITED)
    health.begin_anyway(("p", "0"))
    life = world.presence.life()
    assert {each.model for each in life.pulses} == {"0", "8", "9"}
    assert [each.model for each in life.parked] == ["7", "8", "9"]


def test_a_name_that_cannot_be_written_is_told_all_the_same(world: World) -> None:
    world.runtime.health.begin_anyway(("p", "m\ud800"))
    world.say()
    assert [each.model for each in world.state().targets] == ["m?"]


def test_the_spool_is_measured(world: World) -> None:
    (world.data / "spool").mkdir()
    (world.data / "spool" / "1.spool").write_bytes(b"x" * 100)
    (world.data / "spool" / "2.spool").write_bytes(b"x" * 10)
    (world.data / "spool" / "cursors.json").write_text('{"1.spool": 60}')
    state = world.state()
    assert (state.spool_bytes, state.backlog_bytes) == (110, 50)


def test_a_disk_that_takes_nothing_is_told_once(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    rounds: list[float] = []

    async def work() -> None:
        async def sleep(seconds: float) -> None:
            rounds.append(seconds)
            if len(rounds) == 3:
                (world.data / "workers" / f"{os.getpid()}.part").rmdir()
            if len(rounds) == 4:
                raise asyncio.CancelledError

        monkeypatch.setattr(module.asyncio, "sleep", sleep)
        (world.data / "workers" / f"{os.getpid()}.part").mkdir()
        with pytest.raises(asyncio.CancelledError):
            await world.presence.keep_saying()

    asyncio.run(work())
    assert len([each for each in caplog.records if "cannot be written down" in each.message]) == 1
    assert len(lives(world.data / "workers", world.now)) == 1
    world.presence.leave()
    assert lives(world.data / "workers", world.now) == []
