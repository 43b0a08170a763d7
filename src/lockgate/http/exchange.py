"""The caller's side of an exchange: the body by ASGI's `receive`, the answer written to the connection's line.

This is the port between pipeline and server: another server could stand behind it. ASGI's own `send` is not used: it costs a
coroutine for each piece, and ASGI cannot say at once, and without a task of its own, that the caller has gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

from lockgate.core.failure import Refusal
from lockgate.pipeline.ports import Headers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: Where the server puts the line of a request into its scope.
LINE = "lockgate.line"


class Line(Protocol):
    """One request's connection, as far as its answer goes. The server's is `http.server.Line`."""

    lost: bool
    when_lost: Callable[[], None] | None

    def body(self) -> bytes | None:
        """The request's body, if all of it has come."""
        ...

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer."""
        ...

    def begin(self, status: int, headers: Headers) -> None:
        """The head of a streamed answer."""
        ...

    def push(self, data: bytes) -> bool:
        """More of it; False when the caller is slow."""
        ...

    async def drain(self) -> None:
        """Until the caller has read enough."""
        ...

    def end(self, data: bytes) -> None:
        """The last of it."""
        ...

    def cut(self) -> None:
        """No more of it, and no end either."""
        ...


class LineCaller:
    """One caller. See `pipeline.ports.Caller`."""

    __slots__ = ("_finished", "_line", "_receive", "_started", "bytes_out", "left")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._line: Line = scope[LINE]
        self._started = False
        self._finished = False
        self.bytes_out = 0
        self.left = False

    async def body(self, limit: int) -> bytes:
        """The whole body; see the port."""
        whole = self._line.body()
        if whole is not None and len(whole) <= limit:
            return whole
        size = 0
        pieces: list[bytes] = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.left = True
                raise _incomplete()
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            if not message.get("more_body"):
                return piece if not pieces else b"".join((*pieces, piece))
            pieces.append(piece)

    async def pour(self, limit: int, take: Callable[[bytes], object]) -> int:
        """The body, piece by piece; see the port."""
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.left = True
                raise _incomplete()
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            if piece:
                take(piece)
            if not message.get("more_body"):
                return size

    def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer."""
        if self._started:
            self.finish(b"")
            return
        self._started = self._finished = True
        self.bytes_out = len(body)
        self._line.whole(status, headers, body)

    def start(self, status: int, headers: Headers) -> None:
        """Begin the answer."""
        self._started = True
        self._line.begin(status, headers)

    def send(self, data: bytes) -> bool:
        """More of it."""
        self.bytes_out += len(data)
        return self._line.push(data)

    async def drain(self) -> None:
        """Wait for a slow reader."""
        await self._line.drain()

    def finish(self, data: bytes) -> None:
        """The last of it."""
        if not self._finished:
            self._finished = True
            self.bytes_out += len(data)
            self._line.end(data)

    def cut(self) -> None:
        """End it in the middle."""
        if not self._finished:
            self._finished = True
            self._line.cut()

    def on_leave(self, callback: Callable[[], None] | None) -> None:
        """What to do when the caller goes; see the port."""
        line = self._line
        if callback is None:
            line.when_lost = None
        elif line.lost:
            self.left = True
            callback()
        else:
            line.when_lost = _Leave(self, callback)


class _Leave:
    """Marks the caller as gone, then tells whoever waits."""

    __slots__ = ("_callback", "_caller")

    def __init__(self, caller: LineCaller, callback: Callable[[], None]) -> None:
        self._caller = caller
        self._callback = callback

    def __call__(self) -> None:
        self._caller.left = True
        self._callback()


def _incomplete() -> Refusal:
    return Refusal(400, "incomplete_body", "The connection closed before the whole body had come.")


def too_large(limit: int) -> Refusal:
    """The refusal of a body over the limit."""
    return Refusal(413, "body_too_large", f"The request body is larger than {limit // (1024 * 1024)} MiB, the limit here.")
