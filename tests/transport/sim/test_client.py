"""The simulator behind the client's port: pieces, pauses, deadlines, leaving."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from lockgate.core.failure import Failure
from lockgate.transport.destination import Destination
from lockgate.transport.exchange import CUT, Abort, Client, Deadlines, Exchange, Outgoing
from lockgate.transport.sim import SimClient

T = TypeVar("T")
SOMEWHERE = Destination("https", "sim.invalid", 443)
PATIENT = Deadlines()


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


class Clock:
    """Counts what is waited, without waiting; `stuck` waits for ever."""

    def __init__(self, *, stuck: bool = False) -> None:
        self.waited: list[float] = []
        self.stuck = stuck

    async def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        if self.stuck:
            await asyncio.Future()


def chat(model: str = "chat", **members: Any) -> Outgoing:
    body = {"model": model, "messages": [{"role": "user", "content": "Say pong."}], **members}
    return Outgoing("POST", b"/v1/chat/completions", [(b"content-type", b"application/json")], json.dumps(body).encode())


async def opened(clock: Clock, outgoing: Outgoing, deadlines: Deadlines = PATIENT, slot: Abort | None = None) -> Exchange:
    client: Client = SimClient(now=lambda: 1_767_225_600.9, wait=clock.wait)
    exchange = await client.send(SOMEWHERE, outgoing, deadlines, slot)
    assert not isinstance(exchange, Failure)
    return exchange


async def drained(exchange: Exchange) -> list[bytes | Failure]:
    pieces: list[bytes | Failure] = []
    while (piece := await exchange.chunk()) and not isinstance(piece, Failure):
        pieces.append(piece)
    return [*pieces, piece] if piece else pieces


def test_an_answer_is_dated_by_the_clock_that_is_passed_in():
    async def work() -> bytes | Failure:
        return await (await opened(Clock(), chat())).read(10_000)

    body = run(work())
    assert isinstance(body, bytes) and json.loads(body)["created"] == 1_767_225_600


def test_nothing_waits_unless_the_model_is_slow():
    async def work() -> list[float]:
        clock = Clock()
        await drained(await opened(clock, chat(stream=True)))
        return clock.waited

    assert run(work()) == []


def test_a_stream_comes_an_event_a_chunk_and_ends():
    async def work() -> tuple[list[bytes | Failure], Exchange, bytes | Failure]:
        exchange = await opened(Clock(), chat(stream=True))
        return await drained(exchange), exchange, await exchange.chunk()

    pieces, exchange, after = run(work())
    assert all(isinstance(p, bytes) and p.startswith(b"data: ") and p.endswith(b"\n\n") for p in pieces)
    assert pieces[-1] == b"data: [DONE]\n\n" and after == b""
    assert exchange.header(b"content-type").startswith(b"text/event-stream")
    assert exchange.bytes_in == sum(len(p) for p in pieces if isinstance(p, bytes))


def test_a_slow_model_pauses_before_each_event():
    async def work() -> tuple[list[float], int]:
        clock = Clock()
        pieces = await drained(await opened(clock, chat("slow-250", stream=True)))
        return clock.waited, len(pieces)

    waited, pieces = run(work())
    assert set(waited) == {0.25} and len(waited) == pieces + 1  # the last one finds the end


def test_a_first_byte_that_is_late_is_a_timeout():
    async def work() -> tuple[Exchange | Failure, list[float]]:
        clock = Clock()
        client = SimClient(wait=clock.wait)
        return await client.send(SOMEWHERE, chat("slow-9000"), Deadlines(first_byte=2)), clock.waited

    failure, waited = run(work())
    assert isinstance(failure, Failure) and (failure.kind, failure.status) == ("timeout", 504)
    assert waited == [2]


def test_a_silence_inside_the_answer_is_a_timeout():
    async def work() -> list[bytes | Failure]:
        return await drained(await opened(Clock(), chat("slow-3000", stream=True), Deadlines(idle=1)))

    first, end = run(work())
    assert isinstance(first, bytes) and isinstance(end, Failure) and end.kind == "timeout"


def test_the_pauses_together_meet_the_total_deadline():
    async def work() -> tuple[list[bytes | Failure], float]:
        clock = Clock()
        return await drained(await opened(clock, chat("slow-1000", stream=True), Deadlines(total=3.5))), sum(clock.waited)

    pieces, waited = run(work())
    assert len(pieces) == 4 and isinstance(pieces[-1], Failure) and waited == 3.5


def test_closing_wakes_who_waits_and_cancels_the_wait():
    async def work() -> tuple[bytes | Failure, bytes | Failure]:
        clock = Clock()
        exchange = await opened(clock, chat("slow", stream=True))
        first = await exchange.chunk()
        assert isinstance(first, bytes)
        clock.stuck = True
        waiting = asyncio.ensure_future(exchange.chunk())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        exchange.close()
        return await waiting, await exchange.chunk()

    assert run(work()) == (CUT, CUT)


def test_aborting_ends_a_send_that_waits():
    async def work() -> tuple[Exchange | Failure, Abort]:
        slot, clock = Abort(), Clock(stuck=True)
        waiting = asyncio.ensure_future(SimClient(wait=clock.wait).send(SOMEWHERE, chat("slow"), PATIENT, slot))
        while not clock.waited:
            await asyncio.sleep(0)
        slot.abort()
        return await waiting, slot

    failure, slot = run(work())
    assert failure is CUT and slot.holds is None


def test_an_aborted_slot_sends_nothing():
    async def work() -> Exchange | Failure:
        slot = Abort()
        slot.abort()
        return await SimClient().send(SOMEWHERE, chat(), PATIENT, slot)

    assert run(work()) is CUT


def test_a_slot_is_free_after_the_end():
    async def work() -> Abort:
        slot = Abort()
        exchange = await opened(Clock(), chat(), slot=slot)
        assert slot.holds is exchange
        await exchange.read(10_000)
        return slot

    assert run(work()).holds is None


def test_closing_after_the_end_changes_nothing():
    async def work() -> bytes | Failure:
        exchange = await opened(Clock(), chat())
        await exchange.read(10_000)
        exchange.close()
        return await exchange.chunk()

    assert run(work()) == b""


def test_a_body_beyond_the_limit_is_malformed():
    async def work() -> bytes | Failure:
        return await (await opened(Clock(), chat())).read(100)

    failure = run(work())
    assert isinstance(failure, Failure) and failure.kind == "malformed"


def test_a_failing_model_says_when_to_come_again():
    async def work() -> Exchange:
        return await opened(Clock(), chat("error-503"))

    exchange = run(work())
    assert (exchange.status, exchange.header(b"retry-after"), exchange.header(b"x")) == (503, b"1", b"")


def test_an_endless_stream_lets_others_run():
    async def work() -> int:
        others = 0

        async def other() -> None:
            nonlocal others
            while True:
                others += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(other())
        await drained(await opened(Clock(), chat("long-100", stream=True)))
        task.cancel()
        return others

    assert run(work()) > 50
