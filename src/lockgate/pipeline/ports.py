"""What the pipeline needs of the server: the caller's side of an exchange, and what is asked for at which address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from lockgate.core.call import Operation

Headers = list[tuple[bytes, bytes]]


class Address(msgspec.Struct, frozen=True):
    """What a POST to some path asks for, and what a key must carry to ask it. `params` and `streams` as of a `Call`."""

    operation: Operation
    dialect: str
    scope: str
    params: dict[str, str]
    streams: bool | None


class Caller(Protocol):
    """The one who waits for the answer. Writing is synchronous; only who has much to say waits for a slow reader (`drain`)."""

    left: bool
    """The caller has gone: nothing that is sent arrives."""

    bytes_out: int
    """Body bytes sent so far."""

    async def body(self, limit: int) -> bytes:
        """The caller's whole body. Raises `Refusal` 413 over `limit` bytes, 400 when the caller leaves before its end."""
        ...

    async def pour(self, limit: int, take: Callable[[bytes], object]) -> int:
        """The caller's body, piece by piece as it comes; its size. Raises as `body` does, and what `take` raises."""
        ...

    def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """A whole answer at once; after `start`, all that can be said is that the answer ends."""
        ...

    def start(self, status: int, headers: Headers) -> None:
        """Begin a streamed answer."""
        ...

    def send(self, data: bytes) -> bool:
        """More of it. False: the caller reads slowly, wait with `drain` before sending more."""
        ...

    async def drain(self) -> None:
        """Wait until the caller has read enough, or is gone."""
        ...

    def finish(self, data: bytes) -> None:
        """The last of it."""
        ...

    def cut(self) -> None:
        """End the connection in the middle of an answer, for answers that have no words for a failure: what has come must not
        look whole."""
        ...

    def on_leave(self, callback: Callable[[], None] | None) -> None:
        """What to call, at once and once, when the caller goes away; None: nothing. Called now if it is gone already."""
        ...
