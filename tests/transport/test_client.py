"""The client against a real, faulty upstream on loopback. (Its reading of bytes is tested in test_http1, without sockets.)"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator

import pytest

from lockgate.core.failure import Failure, Refusal
from lockgate.transport.client import HttpClient
from lockgate.transport.destination import Destination
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import CUT, Abort, Deadlines, Exchange, Outgoing
from lockgate.transport.pool import Limits
from lockgate.transport.wheel import Wheel
from transport.upstream import Script, Upstream, Wire, chunked, repeat, response, silent

ASK = Outgoing("POST", b"/v1/chat", [(b"content-type", b"application/json")], b'{"a":1}')
GET = Outgoing("GET", b"/v1/models")
PATIENT = Deadlines(connect=10, first_byte=10, idle=10, total=10)


@contextlib.asynccontextmanager
async def client(limits: Limits | None = None) -> AsyncIterator[HttpClient]:
    """A client whose deadlines are noticed within 2 ms."""
    made = HttpClient(Egress(), limits=limits, wheel=Wheel(asyncio.get_running_loop(), tick=0.002))
    try:
        yield made
    finally:
        made.close()
        await asyncio.sleep(0)  # let transports close


@contextlib.asynccontextmanager
async def pair(*scripts: Script, limits: Limits | None = None) -> AsyncIterator[tuple[HttpClient, Upstream]]:
    async with Upstream(*scripts) as upstream, client(limits) as made:
        yield made, upstream


async def whole(
    made: HttpClient, to: Upstream | Destination, outgoing: Outgoing = ASK, deadlines: Deadlines = PATIENT, limit: int = 1 << 20
) -> bytes | Failure:
    destination = to.destination if isinstance(to, Upstream) else to
    answer = await made.send(destination, outgoing, deadlines)
    if isinstance(answer, Failure):
        return answer
    body = await answer.read(limit)
    answer.close()
    return body


async def opened(made: HttpClient, upstream: Upstream, deadlines: Deadlines = PATIENT) -> Exchange:
    answer = await made.send(upstream.destination, ASK, deadlines)
    assert not isinstance(answer, Failure), answer
    return answer


# --- the plain way


def test_an_answer_is_read_whole(run):
    async def main():
        async with pair(repeat(response(b'{"b":2}', b"Content-Type: application/json"))) as (made, upstream):
            answer = await opened(made, upstream)
            assert answer.status == 200
            assert answer.header(b"content-type") == b"application/json"
            assert answer.header(b"nothing") == b""
            assert answer.headers == [(b"content-type", b"application/json"), (b"content-length", b"7")]
            assert await answer.read(100) == b'{"b":2}'
            assert answer.bytes_in == 7
            answer.close()
            (request,) = upstream.requests
            assert request.line == b"POST /v1/chat HTTP/1.1"
            assert request.headers == {
                b"host": upstream.destination.host_header.encode(),
                b"accept-encoding": b"identity",
                b"content-type": b"application/json",
                b"content-length": b"7",
            }
            assert request.body == b'{"a":1}'

    run(main())


def test_an_answer_is_read_as_it_comes(run):
    async def main():
        go_on = asyncio.Event()

        async def script(wire: Wire) -> None:
            await wire.request()
            await wire.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
            await go_on.wait()
            await wire.send(b"3\r\ntwo\r\n0\r\n\r\n")
            await wire.gone()

        async with pair(script) as (made, upstream):
            answer = await opened(made, upstream)
            assert await answer.chunk() == b"one"
            go_on.set()
            assert await answer.chunk() == b"two"
            assert await answer.chunk() == b""
            assert await answer.chunk() == b""
            answer.close()

    run(main())


def test_connections_are_reused_last_in_first_out(run):
    async def main():
        async with pair(repeat(response(b"ok"))) as (made, upstream):
            for _ in range(20):
                assert await whole(made, upstream) == b"ok"
            assert len(upstream.wires) == 1
            answers = await asyncio.gather(*(whole(made, upstream) for _ in range(10)))
            assert answers == [b"ok"] * 10
            assert len(upstream.wires) <= 10
            pool = f"HttpClient([Pool({upstream.destination.authority}, "
            await soon(lambda: repr(made) == pool + "{0} up, {0} idle, 0 coming, 0 waiting)])".format(len(upstream.wires)))

    run(main())


def test_a_get_has_no_body_and_no_length(run):
    async def main():
        async with pair(repeat(response(b"ok"))) as (made, upstream):
            assert await whole(made, upstream, GET) == b"ok"
            assert b"content-length" not in upstream.requests[0].headers

    run(main())


def test_a_head_is_answered_without_a_body_whatever_its_length_says(run):
    async def main():
        async with pair(repeat(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")) as (made, upstream):
            for _ in range(2):
                assert await whole(made, upstream, Outgoing("HEAD", b"/")) == b""

    run(main())


def test_a_redirect_is_an_answer_and_is_not_followed(run):
    async def main():
        async with Upstream(silent) as elsewhere:
            there = b"location: http://127.0.0.1:%d/" % elsewhere.port
            async with pair(repeat(response(b"", there, status=b"307 Temporary Redirect"))) as (made, upstream):
                answer = await opened(made, upstream)
                assert answer.status == 307
                assert await answer.read(10) == b""
            assert elsewhere.wires == []

    run(main())


def test_a_closed_answer_that_was_complete_leaves_its_connection_in_use(run):
    async def main():
        async with pair(repeat(response(b"ok"))) as (made, upstream):
            for _ in range(3):
                answer = await opened(made, upstream)
                answer.close()
                answer.close()
            assert len(upstream.wires) == 1

    run(main())


# --- U01, U02: connecting


def closed_port() -> Destination:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return Destination("http", "127.0.0.1", sock.getsockname()[1], trusted=True)


def test_a_refused_connection_fails_at_once(run):
    async def main():
        async with client() as made:
            there = closed_port()
            failure = Failure("connect", 502, f"No connection to {there.authority}: it refused the connection.")
            assert await asyncio.gather(*(whole(made, there) for _ in range(50))) == [failure] * 50
            assert repr(made) == "HttpClient([])"

    run(main())


def test_a_hanging_connect_ends_with_its_deadline(run):
    async def main():
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            blockers = []
            for _ in range(3):  # fill the backlog: further connects hang
                blocker = socket.socket()
                blocker.setblocking(False)
                blocker.connect_ex(("127.0.0.1", port))
                blockers.append(blocker)
            async with client() as made:
                there = Destination("http", "127.0.0.1", port, trusted=True)
                got = await whole(made, there, deadlines=Deadlines(connect=0.03))
                assert got == Failure("timeout", 504, f"No connection to {there.authority} within 0.03 s.")
            for blocker in blockers:
                blocker.close()

    run(main())


# --- U05, U06, U07: endings that are none

FIXTURE = chunked(b"hello ", b"world")
LENGTH_FIXTURE = response(b"hello world")


@pytest.mark.parametrize("how", ["fin", "reset"])
@pytest.mark.parametrize("fixture", [FIXTURE, LENGTH_FIXTURE], ids=["chunked", "length"])
def test_an_answer_cut_at_any_offset_is_never_complete(run, fixture, how):
    async def main():
        offsets = iter(range(len(fixture)))

        async def script(wire: Wire) -> None:
            await wire.request()
            await wire.send(fixture[: next(offsets)])
            getattr(wire, how)()
            await wire.gone()

        async with pair(script) as (made, upstream):
            for _ in range(len(fixture)):
                got = await whole(made, upstream)
                assert isinstance(got, Failure)
                assert (got.kind, got.status) == ("cut", 502)
            assert len(upstream.requests) == len(fixture)  # nothing was sent twice

    run(main())


def test_what_came_before_the_cut_is_given_then_the_failure(run):
    async def main():
        async def script(wire: Wire) -> None:
            await wire.request()
            await wire.send(FIXTURE[:-5])
            wire.fin()

        async with pair(script) as (made, upstream):
            answer = await opened(made, upstream)
            got = b""
            while isinstance(piece := await answer.chunk(), bytes) and piece:
                got += piece
            assert got == b"hello world"
            assert piece == Failure(
                "cut", 502, f"The answer of {upstream.destination.authority} broke off before it was complete."
            )

    run(main())


# --- U11: reused connections that have died


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_a_connection_that_died_as_it_was_reused_is_replaced_unseen(run, how):
    async def main():
        async def dies_at_the_second_request(wire: Wire) -> None:
            await wire.answer(response(b"first"))
            await wire.reader.readexactly(1)
            getattr(wire, how)()

        async with pair(dies_at_the_second_request) as (made, upstream):
            for _ in range(30):
                assert await whole(made, upstream) == b"first"

    run(main())


def test_it_is_replaced_once_and_by_a_new_one(run):
    async def main():
        async def dies_at_the_second_request(wire: Wire) -> None:
            await wire.answer(response(b"first"))
            await wire.request()
            wire.reset()

        async def dies_at_once(wire: Wire) -> None:
            await wire.request()
            wire.reset()

        async with pair(dies_at_the_second_request, dies_at_once) as (made, upstream):
            assert await whole(made, upstream) == b"first"
            got = await whole(made, upstream)
            assert got == Failure(
                "cut", 502, f"The upstream {upstream.destination.authority} closed the connection without an answer."
            )
            assert len(upstream.requests) == 3

    run(main())


def test_it_is_not_replaced_once_a_byte_came(run):
    async def main():
        async def says_a_byte(wire: Wire) -> None:
            await wire.answer(response(b"first"))
            await wire.request()
            await wire.send(b"H")
            wire.fin()

        async with pair(says_a_byte) as (made, upstream):
            assert await whole(made, upstream) == b"first"
            got = await whole(made, upstream)
            assert isinstance(got, Failure) and got.kind == "cut"
            assert len(upstream.requests) == 2

    run(main())


@pytest.mark.parametrize("how", ["fin", "reset"])
def test_idle_connections_that_the_upstream_closes_are_dropped_at_once(run, how):
    async def main():
        async def answers_when_all_are_there(wire: Wire) -> None:
            await wire.request()
            await soon(lambda: len(wire.upstream.requests) == 5)
            await wire.send(response(b"ok"))
            await wire.gone()

        async with pair(answers_when_all_are_there) as (made, upstream):
            await asyncio.gather(*(whole(made, upstream) for _ in range(5)))
            assert "5 up, 5 idle" in repr(made)
            for wire in upstream.wires:
                getattr(wire, how)()
            await soon(lambda: repr(made) == "HttpClient([])")

    run(main())


def test_an_idle_connection_that_speaks_is_dropped_at_once(run):
    async def main():
        idle = asyncio.Event()

        async def script(wire: Wire) -> None:
            await wire.answer(response(b"ok"))
            await idle.wait()
            await wire.send(response(b"poison"))
            await wire.gone()

        async with pair(script, repeat(response(b"clean"))) as (made, upstream):
            assert await whole(made, upstream) == b"ok"
            idle.set()
            await upstream.ends()
            assert await whole(made, upstream) == b"clean"

    run(main())


def test_random_idle_closes_are_never_seen(run):
    async def main():
        async def script(wire: Wire) -> None:
            for _ in range(wire.number % 4 + 1):
                await wire.answer(response(b"ok"))

        async with pair(script, limits=Limits(connections=8)) as (made, upstream):

            async def many() -> None:
                for _ in range(60):
                    assert await whole(made, upstream) == b"ok"

            await asyncio.gather(*(many() for _ in range(8)))

    run(main())


# --- deadlines


@pytest.mark.parametrize(
    ("says", "deadlines", "sentence"),
    [
        (b"", Deadlines(first_byte=0.02), "sent no answer within 0.02 s"),
        (b"HTTP/1.1 200 OK\r\nx: y", Deadlines(first_byte=0.02), "sent no answer within 0.02 s"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n", Deadlines(first_byte=0.02), "sent no answer within 0.02 s"),
        (FIXTURE[:-8], Deadlines(idle=0.02), "sent nothing in the middle of its answer for 0.02 s"),
        (FIXTURE[:-8], Deadlines(total=0.25), "did not complete its answer within 0.25 s"),
        (b"", Deadlines(total=0.25), "did not complete its answer within 0.25 s"),
    ],
)
def test_a_stall_ends_with_the_deadline_that_says_which_and_how_long(run, says, deadlines, sentence):
    async def main():
        async def script(wire: Wire) -> None:
            await wire.request()
            await wire.send(says)
            await wire.gone()

        async with pair(script) as (made, upstream):
            got = await whole(made, upstream, deadlines=deadlines)
            assert got == Failure("timeout", 504, f"The upstream {upstream.destination.authority} {sentence}.")
            await upstream.ends()  # and the upstream saw us leave

    run(main())


def test_a_drip_within_the_idle_deadline_ends_with_the_total(run):
    async def main():
        async def script(wire: Wire) -> None:
            await wire.request()
            await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                while not wire.writer.transport.is_closing():
                    await wire.send(b"x")
                    await asyncio.sleep(0.005)

        async with pair(script) as (made, upstream):
            got = await whole(made, upstream, deadlines=Deadlines(idle=0.5, total=0.1))
            assert isinstance(got, Failure)
            assert "did not complete its answer within 0.1 s" in got.message

    run(main())


def test_an_upstream_that_never_reads_ends_with_a_deadline(run):
    async def main():
        async def script(wire: Wire) -> None:
            wire.writer.transport.pause_reading()
            await asyncio.Event().wait()

        async with pair(script) as (made, upstream):
            huge = Outgoing("POST", b"/", [], b"x" * 20_000_000)
            got = await whole(made, upstream, huge, Deadlines(idle=0.05))
            assert got == Failure(
                "timeout", 504, f"The upstream {upstream.destination.authority} did not read the request for 0.05 s."
            )

    run(main())


def test_a_large_body_goes_out_whole(run):
    async def main():
        async def script(wire: Wire) -> None:
            while True:
                request = await wire.request()
                await wire.send(response(b"%d %d" % (len(request.body), hash(request.body))))

        async with pair(script) as (made, upstream):
            for size in (65536, 65537, 1_000_000, 9_000_001):
                body = bytes(range(256)) * (size // 256 + 1)
                got = await whole(made, upstream, Outgoing("PUT", b"/", [], body[:size]))
                assert got == b"%d %d" % (size, hash(body[:size]))
            assert len(upstream.wires) == 1

    run(main())


@pytest.mark.parametrize("status", [b"413 Content Too Large", b"200 OK"])
def test_an_answer_that_comes_while_we_still_write_is_read(run, status):
    async def main():
        async def script(wire: Wire) -> None:
            await wire.reader.readuntil(b"\r\n\r\n")
            wire.writer.transport.pause_reading()
            await wire.send(response(b"enough", status=status))
            await asyncio.Event().wait()

        async with pair(script) as (made, upstream):
            huge = Outgoing("POST", b"/", [], b"x" * 20_000_000)
            for _ in range(2):
                answer = await made.send(upstream.destination, huge, PATIENT)
                assert not isinstance(answer, Failure), answer
                assert answer.status == int(status[:3])
                assert await answer.read(100) == b"enough"
                answer.close()
            assert len(upstream.wires) == 2  # a connection with half a request on it serves no other

    run(main())


# --- back-pressure


def test_a_slow_reader_holds_the_upstream_back(run):
    async def main():
        sent = 0

        async def script(wire: Wire) -> None:
            nonlocal sent
            await wire.request()
            await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n")
            for _ in range(500):
                await wire.send(b"x" * 100_000)
                sent += 100_000
            await wire.gone()

        async with pair(script) as (made, upstream):
            answer = await opened(made, upstream)
            await soon(lambda: answer._paused)
            assert sent < 20_000_000
            size = 0
            while isinstance(piece := await answer.chunk(), bytes) and piece:
                assert len(piece) < 1_000_000
                size += len(piece)
            assert (piece, size) == (b"", 50_000_000)
            answer.close()

    run(main())


def test_a_body_larger_than_the_limit_is_refused_and_the_upstream_left(run):
    async def main():
        async def script(wire: Wire) -> None:
            await wire.request()
            await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 50000000\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                while not wire.writer.transport.is_closing():
                    await wire.send(b"x" * 10_000)

        async with pair(script) as (made, upstream):
            got = await whole(made, upstream, limit=300_000)
            assert got == Failure(
                "malformed",
                502,
                f"The answer of {upstream.destination.authority} cannot be read: its body is larger than 300000 bytes.",
            )
            await upstream.ends()

    run(main())


def test_a_body_of_exactly_the_limit_is_read(run):
    async def main():
        async with pair(repeat(response(b"x" * 1000))) as (made, upstream):
            assert await whole(made, upstream, limit=1000) == b"x" * 1000
            assert isinstance(await whole(made, upstream, limit=999), Failure)

    run(main())


# --- C01: the caller leaves


def at_rest(made: HttpClient) -> bool:
    """Nobody waits, nothing is being opened, and what is open is idle."""
    return all(re.search(r" (\d+) up, \1 idle, 0 coming, 0 waiting", pool) for pool in repr(made).split("Pool(")[1:])


async def soon(condition) -> None:
    while not condition():
        await asyncio.sleep(0.001)


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 200 OK\r\nx: y"])
def test_an_abort_ends_a_waiting_send_at_once(run, says):
    async def main():
        async def script(wire: Wire) -> None:
            await wire.request()
            await wire.send(says)
            await wire.gone()

        async with pair(script) as (made, upstream):
            slot = Abort()
            sending = asyncio.ensure_future(made.send(upstream.destination, ASK, PATIENT, slot))
            await soon(lambda: upstream.requests)
            slot.abort()
            slot.abort()
            assert await sending == CUT
            await upstream.ends()
            assert await made.send(upstream.destination, ASK, PATIENT, slot) == CUT
            assert len(upstream.requests) == 1

    run(main())


def test_an_abort_ends_the_exchange_that_send_gave(run):
    async def main():
        async def script(wire: Wire) -> None:
            await wire.request()
            await wire.send(FIXTURE[:-8])
            await wire.gone()

        async with pair(script) as (made, upstream):
            slot = Abort()
            answer = await made.send(upstream.destination, ASK, PATIENT, slot)
            assert not isinstance(answer, Failure)
            await answer.chunk()
            reading = asyncio.ensure_future(answer.chunk())
            await asyncio.sleep(0)
            slot.abort()
            assert await reading == CUT
            await upstream.ends()

    run(main())


def test_a_close_wakes_a_waiting_read(run):
    async def main():
        async def script(wire: Wire) -> None:
            await wire.request()
            await wire.send(FIXTURE[:-8])
            await wire.gone()

        async with pair(script) as (made, upstream):
            answer = await opened(made, upstream)
            reading = asyncio.ensure_future(answer.read(1000))
            await asyncio.sleep(0)
            answer.close()
            assert await reading == CUT
            assert await answer.chunk() == CUT
            await upstream.ends()

    run(main())


def test_an_abort_ends_a_wait_for_a_connection(run):
    async def main():
        async with pair(silent, limits=Limits(connections=1)) as (made, upstream):
            first, second = Abort(), Abort()
            sending = asyncio.ensure_future(made.send(upstream.destination, ASK, PATIENT, first))
            await soon(lambda: upstream.wires)
            waiting = asyncio.ensure_future(made.send(upstream.destination, ASK, PATIENT, second))
            await asyncio.sleep(0)
            assert repr(second) == "Abort(waiting)"
            second.abort()
            assert await waiting == CUT
            first.abort()
            assert await sending == CUT
            await soon(lambda: at_rest(made))

    run(main())


def test_a_cancelled_send_leaves_nothing_behind(run):
    async def main():
        async with pair(silent) as (made, upstream):
            for turns in range(12):  # in every phase, from the lookup to the wait for headers
                sending = asyncio.ensure_future(made.send(upstream.destination, ASK, PATIENT))
                for _ in range(turns):
                    await asyncio.sleep(0)
                sending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sending
            await soon(lambda: at_rest(made))

    run(main())


def test_aborts_in_every_phase_leave_nothing_behind(run):
    async def main():
        async with pair(silent) as (made, upstream):
            for turns in range(12):
                slot = Abort()
                sending = asyncio.ensure_future(made.send(upstream.destination, ASK, PATIENT, slot))
                for _ in range(turns):
                    await asyncio.sleep(0)
                slot.abort()
                assert await sending == CUT
            await soon(lambda: at_rest(made))

    run(main())


async def half(wire: Wire) -> None:
    """Answers all but the end, then as it should."""
    await wire.request()
    await wire.send(FIXTURE[:-5])
    await repeat(response(b"ok"))(wire)


@pytest.mark.parametrize("how", ["abort", "cancel"])
def test_who_leaves_as_he_is_given_a_connection_gives_it_back(run, how):
    async def main():
        async with pair(half, limits=Limits(connections=1)) as (made, upstream):
            answer = await opened(made, upstream)
            slot = Abort()
            sending = asyncio.ensure_future(made.send(upstream.destination, ASK, PATIENT, slot))
            await asyncio.sleep(0)
            answer._source.data_received(FIXTURE[-5:])  # the end comes, and with it the connection's next duty
            if how == "abort":
                slot.abort()
                assert await sending == CUT
            else:
                sending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await sending
            assert "1 up, 1 idle" in repr(made)
            assert await whole(made, upstream) == b"ok"
            assert len(upstream.wires) == 1

    run(main())


def test_a_connection_that_dies_as_it_is_given_is_replaced(run):
    async def main():
        async with pair(half, repeat(response(b"ok")), limits=Limits(connections=1)) as (made, upstream):
            answer = await opened(made, upstream)
            sending = asyncio.ensure_future(whole(made, upstream))
            await asyncio.sleep(0)
            connection = answer._source
            connection.data_received(FIXTURE[-5:])
            connection.eof_received()
            assert await sending == b"ok"
            assert len(upstream.wires) == 2

    run(main())


def test_an_upstream_that_closes_every_connection_as_it_is_given_is_a_cut(run, monkeypatch):
    async def main():
        async with pair(silent) as (made, upstream):
            wait = HttpClient._wait

            async def dies(*how):
                connection = await wait(*how)
                connection.eof_received()
                return connection

            monkeypatch.setattr(HttpClient, "_wait", dies)
            there = upstream.destination.authority
            failure = Failure("cut", 502, f"The upstream {there} closed the connection without an answer.")
            assert await whole(made, upstream) == failure
            assert at_rest(made)

    run(main())


# --- limits of the pool


def test_no_more_connections_than_the_limit_and_those_who_wait_are_served_in_order(run):
    async def main():
        async with pair(repeat(response(b"ok")), limits=Limits(connections=2)) as (made, upstream):
            order: list[int] = []

            async def one(number: int) -> None:
                assert await whole(made, upstream) == b"ok"
                order.append(number)

            await asyncio.gather(*(one(number) for number in range(40)))
            assert 1 <= len(upstream.wires) <= 2  # one may have served all before the other stood
            assert order == sorted(order)

    run(main())


def test_a_wait_for_a_free_connection_ends_with_the_connect_deadline(run):
    async def main():
        async with pair(silent, limits=Limits(connections=1)) as (made, upstream):
            first = asyncio.ensure_future(whole(made, upstream))
            await soon(lambda: upstream.requests or upstream.wires)
            got = await whole(made, upstream, deadlines=Deadlines(connect=0.02))
            assert got == Failure("timeout", 504, f"No connection to {upstream.destination.authority} within 0.02 s.")
            made.close()
            assert await first == CUT

    run(main())


def test_the_queue_for_connections_is_bounded(run):
    async def main():
        async with pair(silent, limits=Limits(connections=1, waiting=2)) as (made, upstream):
            sends = [asyncio.ensure_future(whole(made, upstream))]
            await soon(lambda: "1 up" in repr(made))
            sends += [asyncio.ensure_future(whole(made, upstream)) for _ in range(2)]
            await soon(lambda: "2 waiting" in repr(made))
            got = await whole(made, upstream)
            assert isinstance(got, Failure)
            assert (got.kind, got.status) == ("overloaded", 503)
            made.close()
            await asyncio.gather(*sends)

    run(main())


def test_a_lost_connection_makes_room_for_those_who_wait(run):
    async def main():
        async def dies(wire: Wire) -> None:
            await wire.request()
            await asyncio.sleep(0.002)
            wire.reset()

        async with pair(dies, dies, repeat(response(b"ok")), limits=Limits(connections=1)) as (made, upstream):
            got = await asyncio.gather(*(whole(made, upstream) for _ in range(5)))
            assert [kind for kind in got if kind == b"ok"] == [b"ok"] * 3

    run(main())


def test_idle_connections_expire(run):
    async def main():
        async with pair(repeat(response(b"ok")), limits=Limits(idle_s=0.02)) as (made, upstream):
            assert await whole(made, upstream) == b"ok"
            await upstream.ends()
            assert repr(made) == "HttpClient([])"

    run(main())


@pytest.mark.parametrize(
    ("header", "wires"),
    [(b"keep-alive: timeout=0", 2), (b"keep-alive: timeout=5, max=0", 2), (b"connection: close", 2), (b"x: y", 1)],
)
def test_what_the_server_says_of_keeping_a_connection_is_honoured(run, header, wires):
    async def main():
        async with pair(repeat(response(b"ok", header))) as (made, upstream):
            for _ in range(2):
                assert await whole(made, upstream) == b"ok"
            assert len(upstream.wires) == wires

    run(main())


# --- egress and the rest


def test_a_place_that_the_policy_forbids_is_never_connected_to(run):
    async def main():
        async with pair(silent) as (made, upstream):
            there = Destination("http", "127.0.0.1", upstream.port)
            with pytest.raises(Refusal, match=r"127\.0\.0\.0/8 to egress\.allow"):
                await made.send(there, ASK, PATIENT)
            assert upstream.wires == []
            assert repr(made) == "HttpClient([])"

    run(main())


def test_a_new_policy_uses_no_connection_of_the_old_one(run):
    async def main():
        async with pair(repeat(response(b"ok"))) as (made, upstream):
            there = Destination("http", "127.0.0.1", upstream.port)
            made.adopt(Egress.compile(["127.0.0.0/8"]))
            assert await whole(made, there) == b"ok"
            answer = await made.send(there, ASK, PATIENT)
            assert not isinstance(answer, Failure)
            made.adopt(Egress())
            assert made.egress == Egress()
            assert await answer.read(10) == b"ok"
            with pytest.raises(Refusal):
                await made.send(there, ASK, PATIENT)
            await soon(lambda: repr(made) == "HttpClient([])")

    run(main())


def test_a_header_that_would_split_the_request_is_refused(run):
    async def main():
        async with pair(silent) as (made, upstream):
            with pytest.raises(Refusal, match="line end"):
                await made.send(upstream.destination, Outgoing("GET", b"/", [(b"x", b"a\r\nhost: b")]), PATIENT)

    run(main())


def test_a_closed_client_sends_nothing(run):
    async def main():
        async with pair(silent) as (made, upstream):
            made.close()
            assert await made.send(upstream.destination, ASK, PATIENT) == CUT
            assert upstream.wires == []

    run(main())
