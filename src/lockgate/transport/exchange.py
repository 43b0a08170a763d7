"""The port to an upstream: what is sent, how long it may take, and the answer as it arrives.

`Client` is what the pipeline holds; `transport.client` is the real one. Upstream trouble comes back as a `Failure`;
a `Refusal` is raised only for what we will not send (egress policy, a header that would split the request).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import msgspec

from lockgate.core.failure import Failure
from lockgate.transport.destination import Destination

Headers = list[tuple[bytes, bytes]]

#: What a closed or aborted exchange answers with: we broke it off, not the upstream.
CUT = Failure("cut", 502, "The request to the upstream was broken off before its answer was complete.")


class Slow:
    """What `pour` answers when the taker asked for a pause."""

    def __repr__(self) -> str:
        return "SLOW"


SLOW = Slow()


class Pieces:
    """A request's body in the pieces that it came in: they are held once, and can be sent again."""

    __slots__ = ("_pieces", "_size")

    def __init__(self, pieces: Sequence[bytes | memoryview]) -> None:
        self._pieces = pieces
        self._size = sum(map(len, pieces))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[bytes | memoryview]:
        return iter(self._pieces)

    def __bytes__(self) -> bytes:
        """All of it, put together: for those who must see it whole."""
        return b"".join(self._pieces)

    def __repr__(self) -> str:
        return f"Pieces({len(self._pieces)}, {self._size} bytes)"


class Outgoing(msgspec.Struct):
    """One request. `target` is path and query as they go on the wire; header names are lower case.

    The client adds host, content-length, connection and accept-encoding, and refuses an `Outgoing` that has them.
    """

    method: str
    target: bytes
    headers: Headers = []
    body: bytes | Pieces = b""

    def __repr__(self) -> str:
        """Names and sizes only: a target's query, header values and bodies may hold secrets."""
        names = b", ".join(name for name, _ in self.headers).decode("latin-1")
        return f"Outgoing({self.method} …, headers=[{names}], body={len(self.body)} bytes)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same guard for pretty printers, which would ask msgspec otherwise."""
        return [("method", self.method), ("body_bytes", len(self.body))]


class Deadlines(msgspec.Struct, frozen=True):
    """How long each part may take, in seconds. A deadline that passes is a `Failure` of kind "timeout".

    `connect`: until a connection is there (waiting for a free one, name lookup, TCP, proxy and TLS together).
    `first_byte`: from the request being written to the answer's headers. `idle`: the longest silence inside an answer,
    and the longest time the upstream may leave our request unread. `total`: from `send` to the end of the answer.
    """

    connect: float = 5.0
    first_byte: float = 120.0
    idle: float = 60.0
    total: float = 600.0


class Abortable(Protocol):
    """What an `Abort` can end: a wait for a connection, a wait for an answer, an answer."""

    def close(self) -> None:
        """End it now; synchronous and idempotent."""
        ...


class Abort:
    """A caller's way to end `send`, and the exchange it gave, from a callback: no task, no cancellation.

    One slot serves all attempts of a call. Once aborted it stays so: a later `send` with it answers `CUT` at once.
    """

    __slots__ = ("aborted", "holds")

    def __init__(self) -> None:
        self.aborted = False
        self.holds: Abortable | None = None

    def abort(self) -> None:
        """End what is under way; a waiting `send`, `chunk` or `read` answers with a `Failure` of kind "cut"."""
        self.aborted = True
        holds, self.holds = self.holds, None
        if holds is not None:
            holds.close()

    def __repr__(self) -> str:
        return f"Abort({'aborted' if self.aborted else 'waiting' if self.holds else 'free'})"


class Exchange(Protocol):
    """An answer whose headers have come. Whoever holds one calls `close`, always; after a proper end that is free.

    `headers` have lower-case names; what `chunk` and `read` give is never compressed. `bytes_in` counts the body bytes
    that came over the wire.
    """

    status: int
    headers: Headers
    bytes_in: int

    def header(self, name: bytes) -> bytes:
        """The value of a header (the last one, if repeated), or b""."""
        ...

    async def read(self, limit: int) -> bytes | Failure:
        """The whole body; one larger than `limit` bytes is a `Failure` of kind "malformed"."""
        ...

    async def chunk(self) -> bytes | Failure:
        """The next piece of the body as soon as there is one; b"" at its proper end, and from then on."""
        ...

    async def pour(self, take: Callable[[bytes], bool]) -> Failure | Slow | None:
        """Hand each piece to `take` the moment it arrives, inside the network's callback: no task is woken for it.

        None at the body's proper end. `SLOW` when `take` answers False: nothing more is handed over until `pour` is called
        again, and reading stops when much waits. What `take` raises is raised here.
        """
        ...

    def hurry(self, seconds: float) -> None:
        """The answer is complete in its own terms: its proper end is not waited for in longer silence than this."""
        ...

    def close(self) -> None:
        """Leave. Before the end this kills the connection at once and wakes a waiting `chunk` or `read` with `CUT`."""
        ...


class Client(Protocol):
    """Sends requests to upstreams."""

    async def send(
        self, destination: Destination, outgoing: Outgoing, deadlines: Deadlines, slot: Abort | None = None
    ) -> Exchange | Failure:
        """The answer once its headers are there. Redirects are answers. Raises `Refusal` (see the module)."""
        ...
