"""A connection on a stage: its bytes are fed by hand, its clock is set by hand, its transport only notes what is asked."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine, Iterable
from typing import Any

from lockgate.core.failure import Failure
from lockgate.transport.answer import Answer
from lockgate.transport.exchange import Deadlines
from lockgate.transport.http1 import Connection
from lockgate.transport.wheel import Wheel

WAITS = "it waits"


def step(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """What a coroutine gives without waiting, or `WAITS`."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    coroutine.close()
    return WAITS


class Notes:
    """A transport that does nothing. `takes`: how many bytes it has room for before it pauses the writer."""

    def __init__(self, tls: object = None) -> None:
        self.written = b""
        self.aborted = False
        self.reading = True
        self.takes: int | None = None
        self.protocol: Connection | None = None
        self._tls = tls

    def write(self, data: bytes | memoryview) -> None:
        self.written += data
        if self.takes is not None and self.protocol is not None:
            self.takes -= len(data)
            if self.takes <= 0:
                self.protocol.pause_writing()

    def abort(self) -> None:
        self.aborted = True

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def get_extra_info(self, name: str) -> object:
        return self._tls if name == "ssl_object" else None


class Tls:
    """The end of a TLS stream: a proper one or not."""

    def __init__(self, proper: bool) -> None:
        self._proper = proper

    def read(self, _size: int) -> bytes:
        if self._proper:
            return b""
        raise ssl.SSLEOFError(8, "EOF occurred in violation of protocol")


class Stage:
    """One connection with an owner that notes, a wheel turned by hand and an exchange begun at 1000 s."""

    def __init__(
        self, method: str = "POST", body: bytes = b"{}", deadlines: Deadlines | None = None, tls: object = None
    ) -> None:
        self.time = 1000.0
        self.wheel = Wheel(now=lambda: self.time, tick=0.01)
        self.free: list[Connection] = []
        self.losses = 0
        self.notes = Notes(tls)
        self.loop = asyncio.new_event_loop()  # for its futures; it never runs
        self.connection = Connection(self, "up:80", self.wheel, 30.0)
        self.notes.protocol = self.connection
        self.connection.connection_made(self.notes)  # type: ignore[arg-type]
        self.deadlines = deadlines or Deadlines()
        self.answer = self.ask(method, body)

    def ask(self, method: str = "POST", body: bytes = b"{}") -> Answer:
        """Begin an exchange."""
        self.answer = Answer(self.connection, "up:80", self.loop)
        self.free.clear()
        total_at = self.time + self.deadlines.total
        self.connection.begin(self.answer, b"HEAD;", body, method == "HEAD", self.deadlines, total_at, self.time)
        return self.answer

    def hear(self, pieces: Iterable[bytes]) -> Stage:
        """Bytes from the network, until the connection is closed."""
        for piece in pieces:
            if not self.notes.aborted:
                self.connection.data_received(piece)
        return self

    def end(self) -> Stage:
        """The upstream says that nothing more comes."""
        if not self.notes.aborted:
            self.connection.eof_received()
        return self

    def at(self, time: float) -> Stage:
        """Let time pass."""
        self.time = time
        self.wheel.turn()
        return self

    @property
    def failure(self) -> Failure | None:
        return self.answer.failure

    @property
    def kept(self) -> bool:
        """Whether the connection is free for another exchange."""
        return self.free == [self.connection] and not self.connection.closed

    def body(self, limit: int = 1 << 24) -> Any:
        return step(self.answer.read(limit))

    def close(self) -> None:
        self.connection.kill()
        self.loop.close()

    # --- as the connection's owner

    def freed(self, connection: Connection) -> None:
        assert connection is self.connection and not connection.closed
        self.free.append(connection)
        connection.rest(self.time)

    def lost(self, connection: Connection) -> None:
        assert connection.closed
        self.losses += 1
