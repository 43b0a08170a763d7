from __future__ import annotations

import asyncio
import random

import pytest

from lockgate.transport.wheel import NEVER, Wheel


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Thing:
    """Notes when it is asked, and answers with the times it was given."""

    def __init__(self, clock: Clock, *again: float) -> None:
        self.check_at = NEVER
        self.asked: list[float] = []
        self._clock = clock
        self._again = list(again)
        self.on_due = lambda: None

    def due(self, now: float) -> float:
        self.asked.append(now)
        self.on_due()
        return self._again.pop(0) if self._again else NEVER


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wheel(clock: Clock) -> Wheel:
    return Wheel(now=clock, tick=0.1)


def turn(wheel: Wheel, clock: Clock, to: float) -> None:
    clock.time = to
    wheel.turn()


def test_a_thing_is_asked_at_its_time_never_early_and_at_most_a_tick_late(wheel: Wheel, clock: Clock) -> None:
    thing = Thing(clock)
    wheel.watch(thing, 1001.0)
    while not thing.asked:
        turn(wheel, clock, clock.time + 0.01)
    assert 1001.0 <= thing.asked[0] <= 1001.11
    assert thing.check_at == NEVER
    assert repr(wheel) == "Wheel(0 watched)"


def test_a_later_deadline_changes_nothing_and_an_earlier_one_moves_the_thing(wheel: Wheel, clock: Clock) -> None:
    thing = Thing(clock)
    wheel.watch(thing, 1005.0)
    wheel.watch(thing, 1009.0)
    assert thing.check_at == 1005.0
    wheel.watch(thing, 1002.0)
    assert wheel.watching == 1
    turn(wheel, clock, 1002.2)
    assert thing.asked == [1002.2]


def test_a_thing_that_answers_with_a_time_is_asked_again(wheel: Wheel, clock: Clock) -> None:
    thing = Thing(clock, 1003.0)
    wheel.watch(thing, 1001.0)
    turn(wheel, clock, 1001.2)
    turn(wheel, clock, 1002.9)
    assert thing.asked == [1001.2]
    turn(wheel, clock, 1003.2)
    assert thing.asked == [1001.2, 1003.2]


def test_a_time_that_has_passed_is_asked_at_the_next_turn(wheel: Wheel, clock: Clock) -> None:
    other, thing = Thing(clock), Thing(clock, 900.0)
    wheel.watch(other, 2000.0)
    turn(wheel, clock, 1500.0)
    wheel.watch(thing, 1200.0)
    turn(wheel, clock, 1500.15)
    turn(wheel, clock, 1500.35)
    assert len(thing.asked) == 2
    assert wheel.watching == 1


def test_a_forgotten_thing_is_not_asked(wheel: Wheel, clock: Clock) -> None:
    thing = Thing(clock)
    wheel.watch(thing, 1001.0)
    wheel.forget(thing)
    wheel.forget(thing)
    turn(wheel, clock, 1002.0)
    assert thing.asked == []
    assert wheel.watching == 0


def test_a_thing_may_forget_its_neighbours_while_it_is_asked(wheel: Wheel, clock: Clock) -> None:
    things = [Thing(clock) for _ in range(5)]
    for thing in things:
        thing.on_due = lambda: [wheel.forget(other) for other in things]
        wheel.watch(thing, 1001.0)
    turn(wheel, clock, 1002.0)
    assert sum(len(thing.asked) for thing in things) == 1
    assert wheel.watching == 0


def test_a_pause_of_the_machine_asks_everything_in_order_once(wheel: Wheel, clock: Clock) -> None:
    order: list[int] = []
    for number in (3, 1, 2):
        thing = Thing(clock)
        thing.on_due = lambda number=number: order.append(number)
        wheel.watch(thing, 1000.0 + number)
    turn(wheel, clock, 1_000_000.0)
    assert order == [1, 2, 3]


def test_stop_forgets_all(wheel: Wheel, clock: Clock) -> None:
    thing = Thing(clock)
    wheel.watch(thing, 1001.0)
    wheel.stop()
    turn(wheel, clock, 1002.0)
    assert thing.asked == []
    assert thing.check_at == NEVER


def test_many_random_deadlines_are_each_met_once(wheel: Wheel, clock: Clock) -> None:
    chance = random.Random(7)
    wanted = {Thing(clock): 1000 + chance.random() * 50 for _ in range(300)}
    for thing, at in wanted.items():
        wheel.watch(thing, at)
    while clock.time < 1052:
        turn(wheel, clock, clock.time + chance.choice([0.01, 0.1, 0.35]))
    for thing, at in wanted.items():
        assert len(thing.asked) == 1
        assert at <= thing.asked[0] <= at + 0.46


def test_a_wheel_needs_a_clock() -> None:
    with pytest.raises(ValueError, match="clock"):
        Wheel()


async def _turns_by_itself() -> None:
    loop = asyncio.get_running_loop()
    wheel = Wheel(loop, tick=0.002)
    asked = loop.create_future()

    class Once:
        check_at = NEVER

        def due(self, now: float) -> float:
            asked.set_result(now)
            return NEVER

    at = loop.time() + 0.01
    wheel.watch(Once(), at)
    assert await asyncio.wait_for(asked, 5) >= at
    later = Once()
    wheel.watch(later, loop.time() + 60)
    wheel.stop()
    assert wheel.watching == 0


def test_on_a_loop_it_turns_by_itself_and_only_while_it_watches() -> None:
    asyncio.run(_turns_by_itself())
