"""Who gets which connection. Dials are opened by hand; the clock is set by hand."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lockgate.core.failure import Failure, Refusal
from lockgate.transport.answer import Answer
from lockgate.transport.destination import Destination
from lockgate.transport.exchange import CUT, Deadlines
from lockgate.transport.http1 import Connection
from lockgate.transport.pool import Limits, Pool, Waiting
from lockgate.transport.wheel import Wheel
from transport.stage import Notes

UP = Destination("http", "up.example", 80, trusted=True)
NO = Failure("connect", 502, "No.")


class Doors:
    """A dialler whose dials wait for a word; and the keeper of the pool."""

    def __init__(self, connections: int = 100, waiting: int = 100) -> None:
        self.time = 1000.0
        self.wheel = Wheel(now=lambda: self.time, tick=0.01)
        self.knocks: list[tuple[Connection, asyncio.Future[Any], Notes]] = []
        self.empty = 0
        self.pool = Pool(UP, self, self.wheel, Limits(connections, waiting), self, asyncio.get_running_loop())  # type: ignore[arg-type]

    async def dial(self, destination: Destination, protocol: Connection, seconds: float) -> Failure | None:
        assert destination is UP
        assert seconds > 0
        word: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.knocks.append((protocol, word, Notes()))
        return await word

    async def open(self, number: int) -> Connection:
        """The dial of that number succeeds."""
        connection, word, notes = self.knocks[number]
        connection.connection_made(notes)  # type: ignore[arg-type]
        word.set_result(None)
        await self.turn()
        return connection

    async def say(self, number: int, what: Failure | Exception) -> None:
        """The dial of that number ends with this."""
        word = self.knocks[number][1]
        if isinstance(what, Exception):
            word.set_exception(what)
        else:
            word.set_result(what)
        await self.turn()

    async def wait(self, *, fresh: bool = False) -> Waiting:
        waiting = self.pool.wait(self.time, self.time + 5, fresh)
        await self.turn()
        return waiting

    async def turn(self) -> None:
        for _ in range(4):
            await asyncio.sleep(0)

    def emptied(self, pool: Pool) -> None:
        assert pool is self.pool
        self.empty += 1

    def state(self) -> str:
        return repr(self.pool).removeprefix("Pool(up.example:80, ").removesuffix(")")


def begin(connection: Connection) -> Answer:
    """An exchange on it."""
    answer = Answer(connection, "up", asyncio.get_running_loop())
    connection.begin(answer, b"", b"", False, Deadlines(), 2000.0, 1000.0)
    return answer


def complete(connection: Connection) -> None:
    connection.data_received(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")


def test_a_connection_serves_whoever_has_waited_longest_whoever_dialled_it(run):
    async def main():
        doors = Doors()
        first, second, third = [await doors.wait() for _ in range(3)]
        assert doors.state() == "0 up, 0 idle, 3 coming, 3 waiting"
        late = await doors.open(2)
        assert first.future.result() is late
        begin(late)
        complete(late)
        assert second.future.result() is late
        assert not third.future.done()
        begin(late)
        connection = await doors.open(0)
        assert third.future.result() is connection
        spare = await doors.open(1)
        assert doors.state() == "3 up, 1 idle, 0 coming, 0 waiting"
        assert doors.pool.take() is spare
        assert doors.pool.take() is None

    run(main())


def test_a_failed_dial_is_its_callers_failure_and_nobody_elses(run):
    async def main():
        doors = Doors()
        first, second = await doors.wait(), await doors.wait()
        await doors.say(1, NO)
        assert second.future.result() is NO
        assert not first.future.done()
        await doors.say(0, NO)
        assert first.future.result() is NO
        assert doors.state() == "0 up, 0 idle, 0 coming, 0 waiting"
        assert doors.empty >= 1
        assert len(doors.knocks) == 2

    run(main())


def test_a_dial_that_failed_for_somebody_already_served_is_done_again_for_who_still_waits(run):
    async def main():
        doors = Doors()
        first, second = await doors.wait(), await doors.wait()
        connection = await doors.open(1)  # the second one's, given to the first
        assert first.future.result() is connection
        await doors.say(0, NO)  # the first one's
        assert not second.future.done()
        assert len(doors.knocks) == 3
        again = await doors.open(2)
        assert second.future.result() is again

    run(main())


def test_who_leaves_takes_his_dial_with_him_unless_others_need_it(run):
    async def main():
        doors = Doors(connections=2)
        first, second, third = [await doors.wait() for _ in range(3)]
        assert doors.state() == "0 up, 0 idle, 2 coming, 3 waiting"
        first.close()
        await doors.turn()
        assert first.future.result() == CUT
        assert doors.state() == "0 up, 0 idle, 2 coming, 2 waiting"
        second.close()
        await doors.turn()
        assert doors.knocks[1][1].cancelled()
        assert doors.state() == "0 up, 0 idle, 1 coming, 1 waiting"
        assert third.future.done() is False
        connection = await doors.open(0)
        assert third.future.result() is connection

    run(main())


def test_a_wait_ends_at_its_deadline_and_its_dial_too(run):
    async def main():
        doors = Doors()
        waiting = await doors.wait()
        doors.time = 1005.1
        doors.wheel.turn()
        await doors.turn()
        assert waiting.future.result() == Failure("timeout", 504, "No connection to up.example:80 within 5 s.")
        assert doors.knocks[0][1].cancelled()
        assert doors.empty >= 1
        assert doors.wheel.watching == 0

    run(main())


def test_a_dial_that_serves_nobody_any_more_still_ends_at_its_deadline(run):
    async def main():
        doors = Doors()
        first, _second = await doors.wait(), await doors.wait()
        connection = await doors.open(1)
        begin(first.future.result())
        complete(connection)
        assert doors.state() == "1 up, 0 idle, 1 coming, 0 waiting"
        doors.time = 1005.1
        doors.wheel.turn()
        await doors.turn()
        assert doors.state() == "1 up, 0 idle, 0 coming, 0 waiting"

    run(main())


def test_a_refusal_and_a_bug_reach_who_waits(run):
    async def main():
        doors = Doors()
        first, second, third = [await doors.wait() for _ in range(3)]
        refusal, bug = Refusal(403, "egress_denied", "No."), RuntimeError("a bug")
        await doors.say(0, refusal)
        await doors.say(1, bug)
        assert first.future.result() is refusal
        assert second.future.exception() is bug
        doors.pool.take_back(second)
        await doors.say(2, RuntimeError("another"))
        assert str(third.future.exception()) == "another"
        assert doors.state() == "0 up, 0 idle, 0 coming, 0 waiting"

    run(main())


def test_a_bug_after_the_caller_has_left_is_not_raised_at_nobody(run):
    async def main():
        doors = Doors()
        waiting = await doors.wait()
        waiting.future.cancel()
        await doors.say(0, RuntimeError("a bug"))
        assert waiting.future.cancelled()
        assert doors.state() == "0 up, 0 idle, 0 coming, 0 waiting"

    run(main())


def test_whoever_is_cancelled_is_passed_over(run):
    async def main():
        doors = Doors()
        first, second = await doors.wait(), await doors.wait()
        first.future.cancel()
        connection = await doors.open(0)
        assert second.future.result() is connection
        doors.pool.left(first, CUT)
        doors.pool.take_back(first)

    run(main())


@pytest.mark.parametrize("closed", [False, True])
def test_a_connection_given_to_somebody_who_has_just_left_is_given_back(run, closed):
    async def main():
        doors = Doors()
        waiting = await doors.wait()
        connection = await doors.open(0)
        assert waiting.future.result() is connection
        if closed:
            connection.eof_received()
        doors.pool.left(waiting, CUT)
        doors.pool.take_back(waiting)
        assert doors.state() == ("0 up, 0 idle, 0 coming, 0 waiting" if closed else "1 up, 1 idle, 0 coming, 0 waiting")

    run(main())


def test_a_fresh_connection_is_one_that_has_served_nobody(run):
    async def main():
        doors = Doors(connections=2)
        await doors.wait()
        used = await doors.open(0)
        begin(used)
        fresh = await doors.wait(fresh=True)
        plain = await doors.wait()
        assert doors.state() == "1 up, 0 idle, 1 coming, 2 waiting"
        complete(used)
        assert plain.future.result() is used
        assert not fresh.future.done()
        begin(used)
        complete(used)  # full, and only the fresh one waits: the used one makes room
        assert used.closed
        connection = await doors.open(1)
        assert fresh.future.result() is connection

    run(main())


def test_an_idle_connection_makes_room_for_a_fresh_one(run):
    async def main():
        doors = Doors(connections=1)
        await doors.wait()
        used = await doors.open(0)
        begin(used)
        complete(used)
        assert doors.state() == "1 up, 1 idle, 0 coming, 0 waiting"
        fresh = await doors.wait(fresh=True)
        assert used.closed
        connection = await doors.open(1)
        assert fresh.future.result() is connection

    run(main())


def test_the_queue_is_bounded(run):
    async def main():
        doors = Doors(connections=1, waiting=2)
        await doors.wait()
        await doors.wait()
        more = await doors.wait()
        assert more.future.result() == Failure("overloaded", 503, "2 requests wait for a connection to up.example:80 already.")
        assert doors.state() == "0 up, 0 idle, 1 coming, 2 waiting"

    run(main())


def test_a_retired_pool_dials_anew_for_who_waits_and_keeps_nothing(run):
    async def main():
        doors = Doors()
        await doors.wait()
        busy = await doors.open(0)
        begin(busy)
        waiting = await doors.wait()
        doors.pool.retire()
        await doors.turn()
        assert doors.knocks[1][1].cancelled()
        complete(busy)
        assert busy.closed
        assert not waiting.future.done()
        new = await doors.open(2)
        assert waiting.future.result() is new
        begin(new)
        complete(new)
        assert new.closed
        assert doors.state() == "0 up, 0 idle, 0 coming, 0 waiting"

    run(main())


def test_a_closed_pool_ends_waits_dials_and_exchanges(run):
    async def main():
        doors = Doors()
        await doors.wait()
        answer = begin(await doors.open(0))
        waiting = await doors.wait()
        doors.pool.close()
        await doors.turn()
        assert answer.failure == CUT
        assert waiting.future.result() == CUT
        assert doors.knocks[1][1].cancelled()
        assert doors.state() == "0 up, 0 idle, 0 coming, 0 waiting"

    run(main())


def test_a_connection_that_dies_before_it_is_counted_in_is_dialled_again(run):
    async def main():
        doors = Doors()
        waiting = await doors.wait()
        connection, word, notes = doors.knocks[0]
        connection.connection_made(notes)  # type: ignore[arg-type]
        connection.eof_received()
        word.set_result(None)
        await doors.turn()
        assert not waiting.future.done()
        assert len(doors.knocks) == 2
        again = await doors.open(1)
        assert waiting.future.result() is again

    run(main())


def test_nothing_is_dialled_for_who_is_past_his_deadline(run):
    async def main():
        doors = Doors(connections=1)
        await doors.wait()
        await doors.wait()
        doors.time = 1006.0
        await doors.say(0, NO)
        assert doors.state() == "0 up, 0 idle, 0 coming, 1 waiting"
        doors.wheel.turn()
        assert doors.state() == "0 up, 0 idle, 0 coming, 0 waiting"

    run(main())
