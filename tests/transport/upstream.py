"""A scripted upstream on loopback: it says any bytes, at any offset, and ends a connection in any way.

    async def script(wire: Wire) -> None:
        await wire.request()
        await wire.send(b"HTTP/1.1 200 OK\\r\\n")
        wire.reset()

    async with Upstream(script) as upstream: ...

The script runs once per connection; when it returns, the connection is closed in order. The last of several scripts
serves all further connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterable

from lockgate.transport.destination import Destination, TlsIdentity


def response(body: bytes = b"", *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """A whole answer with its length."""
    return b"\r\n".join((b"HTTP/1.1 " + status, *headers, b"content-length: %d" % len(body), b"", body))


def chunked(*pieces: bytes) -> bytes:
    """A whole answer in chunks."""
    head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class Request:
    """What was asked: the head as it came, its headers by name, the body."""

    def __init__(self, head: bytes, body: bytes) -> None:
        self.head = head
        self.line, *lines = head.split(b"\r\n")
        self.headers = dict(line.split(b": ", 1) for line in lines)
        self.body = body


class Wire:
    """One accepted connection."""

    def __init__(self, upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.upstream = upstream
        self.reader = reader
        self.writer = writer
        self.number = len(upstream.wires)  # of the connection, from 0

    async def request(self) -> Request:
        """The next whole request; raises `IncompleteReadError` at the end of the connection."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        request = Request(head[:-4], b"")
        request.body = await self.reader.readexactly(int(request.headers.get(b"content-length", b"0")))
        self.upstream.requests.append(request)
        return request

    async def send(self, *pieces: bytes) -> None:
        """Say some bytes; several pieces leave as several segments."""
        for number, piece in enumerate(pieces):
            if number:
                await asyncio.sleep(0.001)
            self.writer.write(piece)
            await self.writer.drain()

    async def answer(self, *answers: bytes) -> None:
        """Answer as many requests, each with its answer."""
        for answer in answers:
            await self.request()
            await self.send(answer)

    async def gone(self) -> None:
        """Wait until the other side has left, however it did."""
        with contextlib.suppress(ConnectionError, OSError):
            while await self.reader.read(65536):
                pass

    def fin(self) -> None:
        """Say that nothing more comes, below TLS if there is TLS."""
        with self._socket() as sock:
            sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close with RST."""
        with self._socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def _socket(self) -> socket.socket:
        return socket.socket(fileno=os.dup(self.writer.get_extra_info("socket").fileno()))


Script = Callable[[Wire], Awaitable[None]]


def repeat(answer: bytes) -> Script:
    """A script that gives the same answer for as long as it is asked."""

    async def script(wire: Wire) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await wire.answer(answer)

    return script


async def silent(wire: Wire) -> None:
    """A script that reads and never answers."""
    await wire.gone()


class Upstream:
    """Listens while its context is open; `wires` and `requests` are all there have been."""

    def __init__(
        self, *scripts: Script, tls: ssl.SSLContext | None = None, identity: TlsIdentity | None = None, host: str = "127.0.0.1"
    ) -> None:
        self._scripts = scripts
        self._tls = tls
        self._identity = identity
        self._host = host
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.wires: list[Wire] = []
        self.requests: list[Request] = []

    async def __aenter__(self) -> Upstream:
        self._server = await asyncio.start_server(self._accept, self._host, 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for wire in self.wires:
            wire.writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await _settled(self._tasks)

    @property
    def port(self) -> int:
        assert self._server is not None
        return self._server.sockets[0].getsockname()[1]

    @property
    def destination(self) -> Destination:
        """The way here, as the operator's own address; by name with TLS."""
        scheme, host = ("https", "localhost") if self._tls else ("http", self._host)
        return Destination(scheme, host, self.port, self._identity, trusted=True)

    async def ends(self) -> None:
        """Wait until every script has ended, which raises what it raised."""
        await asyncio.gather(*self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(self, reader, writer)
        self.wires.append(wire)
        script = self._scripts[min(wire.number, len(self._scripts) - 1)]
        self._tasks.add(asyncio.ensure_future(self._run(script, wire)))

    async def _run(self, script: Script, wire: Wire) -> None:
        try:
            await script(wire)
        finally:
            wire.writer.close()


async def _settled(tasks: Iterable[asyncio.Task[None]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
