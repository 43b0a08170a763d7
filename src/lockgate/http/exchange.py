"""The caller's side of an exchange, over ASGI (https://asgi.readthedocs.io/en/latest/specs/www.html).

This is the port between pipeline and server: another server could stand behind it. Our protocol (`server.py`) adds what
ASGI cannot say: at once, and without a task of its own, that the caller has gone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from lockgate.core.failure import Refusal
from lockgate.pipeline.ports import Headers

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: Where our protocol puts itself in the scope.
LINE = "lockgate.line"


class AsgiCaller:
    """One caller. See `pipeline.ports.Caller`."""

    __slots__ = ("_finished", "_line", "_receive", "_scope", "_send", "_started", "bytes_out", "left")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._line = scope.get(LINE)
        self._started = False
        self._finished = False
        self.bytes_out = 0
        self.left = False

    async def body(self, limit: int) -> bytes:
        """The whole body; see the port."""
        size = 0
        pieces: list[bytes] = []
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.left = True
                raise Refusal(400, "incomplete_body", "The connection closed before the whole body had come.")
            piece: bytes = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise too_large(limit)
            if not message.get("more_body"):
                return piece if not pieces else b"".join((*pieces, piece))
            pieces.append(piece)

    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer."""
        if self._started:  # an answer has begun: all that can be said now is that it ends
            await self.finish(b"")
        elif self._line is not None:
            self._started = self._finished = True
            self.bytes_out = len(body)
            self._line.whole(status, headers, body)
        else:
            headers.append((b"content-length", str(len(body)).encode()))
            await self.start(status, headers)
            await self.finish(body)

    async def start(self, status: int, headers: Headers) -> None:
        """Begin the answer."""
        self._started = True
        if self._line is not None:
            self._line.begin(status, headers)
        else:
            await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def send(self, data: bytes) -> None:
        """More of it; waits while the caller reads slowly."""
        self.bytes_out += len(data)
        if self._line is not None:
            await self._line.push(data)
        else:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes) -> None:
        """The last of it."""
        if self._finished:
            return
        self._finished = True
        self.bytes_out += len(data)
        if self._line is not None:
            self._line.end(data)
        else:
            await self._send({"type": "http.response.body", "body": data, "more_body": False})

    def on_leave(self, callback: Callable[[], None] | None) -> None:
        """What to do when the caller goes; see the port."""
        line = self._line
        if line is None:
            return
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

    def __init__(self, caller: AsgiCaller, callback: Callable[[], None]) -> None:
        self._caller = caller
        self._callback = callback

    def __call__(self) -> None:
        self._caller.left = True
        self._callback()


def too_large(limit: int) -> Refusal:
    """The refusal of a body over the limit."""
    return Refusal(413, "body_too_large", f"The request body is larger than {limit // (1024 * 1024)} MiB, the limit here.")
