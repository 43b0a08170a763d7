"""What the pipeline needs of the server: the caller's side of an exchange."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Headers = list[tuple[bytes, bytes]]


class Caller(Protocol):
    """The one who waits for the answer. Sending waits while the caller reads slowly."""

    left: bool
    """The caller has gone: nothing that is sent arrives."""

    bytes_out: int
    """Body bytes sent so far."""

    async def body(self, limit: int) -> bytes:
        """The caller's whole body. Raises `Refusal` 413 over `limit` bytes, 400 when the caller leaves before its end."""
        ...

    async def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer at once."""
        ...

    async def start(self, status: int, headers: Headers) -> None:
        """Begin a streamed answer."""
        ...

    async def send(self, data: bytes) -> None:
        """More of it."""
        ...

    async def finish(self, data: bytes) -> None:
        """The last of it."""
        ...

    def on_leave(self, callback: Callable[[], None] | None) -> None:
        """What to call, at once and once, when the caller goes away; None: nothing. Called now if it is gone already."""
        ...
