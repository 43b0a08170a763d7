"""CPU of one JSON exchange in the upstream client, beside the floor: the same bytes over asyncio with no HTTP at all.

Run: `python bench/transport.py [exchanges] [connections]`. The upstream is a process of its own; what is shown is the CPU
time of this process, kernel included, in µs per exchange. The difference to the floor is what the client itself costs.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import resource
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import cast

import uvloop

from lockgate.core.failure import Failure
from lockgate.transport.client import HttpClient
from lockgate.transport.destination import Destination
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import Deadlines, Outgoing

ROUNDS = 7
BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "word " * 150}]}).encode()
ANSWER = json.dumps({"id": "x", "choices": [{"message": {"role": "assistant", "content": "word " * 150}}]}).encode()
HEADERS = [
    (b"authorization", b"Bearer " + b"k" * 50),
    (b"content-type", b"application/json"),
    (b"accept", b"application/json"),
    (b"user-agent", b"bench"),
]
RESPONSE = (
    b"HTTP/1.1 200 OK\r\nDate: Mon, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: application/json\r\n"
    b"X-Request-Id: req_0123456789abcdef\r\nX-RateLimit-Limit-Requests: 10000\r\nX-RateLimit-Remaining-Requests: 9999\r\n"
    b"X-RateLimit-Limit-Tokens: 2000000\r\nX-RateLimit-Remaining-Tokens: 1999999\r\nServer: bench\r\nVia: 1.1 edge\r\n"
    b"Content-Length: %d\r\n\r\n" % len(ANSWER)
) + ANSWER


class Upstream(asyncio.Protocol):
    """Answers each whole request, found by its length alone."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._held = b""

    def data_received(self, data: bytes) -> None:
        self._held += data
        _, end, body = self._held.partition(b"\r\n\r\n")
        if end and len(body) >= len(BODY):
            self._held = b""
            self._transport.write(RESPONSE)


def serve(listening: socket.socket) -> None:
    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(Upstream, sock=listening)
        await server.serve_forever()

    uvloop.run(forever())


class Bare(asyncio.Protocol):
    """The floor: write the request's bytes, wait for as many as the answer has."""

    def __init__(self) -> None:
        self.waiter: asyncio.Future[None] | None = None
        self._got = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._got += len(data)
        if self._got >= len(RESPONSE):
            self._got = 0
            waiter, self.waiter = self.waiter, None
            if waiter is not None:
                waiter.set_result(None)


async def bare(port: int, count: int, connections: int) -> float:
    loop = asyncio.get_running_loop()
    request = b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\n"
    request += b"".join(b"%b: %b\r\n" % header for header in HEADERS) + b"content-length: %d\r\n\r\n" % len(BODY) + BODY

    async def one() -> Callable[[], Awaitable[None]]:
        _, protocol = await loop.create_connection(Bare, "127.0.0.1", port)

        async def exchange() -> None:
            protocol.waiter = waiter = loop.create_future()
            protocol.transport.write(request)
            await waiter

        return exchange

    return await measure([await one() for _ in range(connections)], count)


async def ours(port: int, count: int, connections: int) -> float:
    client = HttpClient(Egress.compile(["127.0.0.0/8"]))
    destination, _ = Destination.parse(f"http://127.0.0.1:{port}", trusted=True)
    deadlines = Deadlines()

    async def exchange() -> None:
        answer = await client.send(destination, Outgoing("POST", b"/v1/chat/completions", HEADERS, BODY), deadlines)
        assert not isinstance(answer, Failure), answer
        body = await answer.read(1 << 20)
        answer.close()
        assert isinstance(body, bytes) and len(body) == len(ANSWER)

    try:
        return await measure([exchange] * connections, count)
    finally:
        client.close()


async def measure(exchanges: list[Callable[[], Awaitable[None]]], count: int) -> float:
    """CPU µs per exchange, after a warm-up, with as many at a time as there are in the list."""

    async def run(exchange: Callable[[], Awaitable[None]], times: int) -> None:
        for _ in range(times):
            await exchange()

    each = count // len(exchanges)
    await asyncio.gather(*(run(exchange, max(each // 10, 1)) for exchange in exchanges))
    before = time.process_time()
    await asyncio.gather(*(run(exchange, each) for exchange in exchanges))
    return (time.process_time() - before) / (each * len(exchanges)) * 1e6


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    connections = int(sys.argv[2]) if len(sys.argv) > 2 else 64
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port = listening.getsockname()[1]
    upstream = multiprocessing.get_context("fork").Process(target=serve, args=(listening,), daemon=True)
    upstream.start()
    print(f"CPU µs per exchange, {connections} at a time, {count} exchanges, best of {ROUNDS}")
    print("| loop | floor | client | client itself |\n|---|---:|---:|---:|")
    for name, run in (("uvloop", uvloop.run), ("asyncio", asyncio.run)):
        # In turn, so that both see the machine's good and bad moments.
        rounds = [(run(bare(port, count, connections)), run(ours(port, count, connections))) for _ in range(ROUNDS)]
        floor, client = (min(column) for column in zip(*rounds, strict=True))
        print(f"| {name} | {floor:.1f} | {client:.1f} | {client - floor:.1f} |")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")
    upstream.kill()


if __name__ == "__main__":
    main()
