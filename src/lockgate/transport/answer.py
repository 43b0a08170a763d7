"""`Answer`: the exchange of an HTTP/1.1 connection, as the reader sees it: buffers, back-pressure, inflate, endings.

The connection feeds it from the network's callbacks (`begin`, `arrived`, `end`, `fail`); its reader awaits `chunk`,
`pour` or `read`. It outlives the connection's interest in it: a whole answer may be read when that serves another call.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from lockgate.core.failure import Failure
from lockgate.transport.exchange import CUT, SLOW, Headers, Slow
from lockgate.transport.inflate import CODINGS, Inflate, InflateError

#: Unread bytes beyond which the connection stops reading, and below which it goes on (reliability: C03).
HIGH = 256 * 1024
LOW = 64 * 1024

#: How much is inflated at a stretch before the loop gets a turn.
STRETCH = 1024 * 1024

_ENCODING = frozenset((b"content-encoding", b"content-length"))


class Source(Protocol):
    """What an answer asks of its connection."""

    def pause(self) -> None:
        """Stop reading from the network."""
        ...

    def resume(self) -> None:
        """Go on reading."""
        ...

    def hurry(self, seconds: float) -> None:
        """Give up when the end has not come by then."""
        ...

    def kill(self) -> None:
        """Close at once: nobody wants the rest."""
        ...


class Answer:
    """See `transport.exchange.Exchange`. One wait at a time: for the headers (`headed`), a chunk, or the whole."""

    __slots__ = (
        "_ended",
        "_fields",
        "_inflate",
        "_limit",
        "_loop",
        "_paused",
        "_pieces",
        "_source",
        "_take_now",
        "_trouble",
        "_unread",
        "_waiter",
        "bytes_in",
        "failure",
        "headers",
        "status",
        "untouched",
        "upstream",
    )

    def __init__(self, source: Source, upstream: str, loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0
        self.headers: Headers = []
        self.bytes_in = 0
        self.upstream = upstream  # host and port, for messages
        self.failure: Failure | None = None
        self.untouched = False  # failed on a connection that had idled, before a byte came: may be tried again
        self._source: Source | None = source
        self._loop = loop
        self._fields: dict[bytes, bytes] = {}
        self._pieces: deque[bytes] = deque()
        self._unread = 0
        self._limit = -1  # of a `read` that waits for the end
        self._paused = False
        self._ended = False
        self._waiter: asyncio.Future[None] | None = None
        self._take_now: Callable[[bytes], bool] | None = None  # who is poured to
        self._trouble: Exception | None = None  # what that one raised
        self._inflate: Inflate | None = None

    # --- the reader's side

    def headed(self) -> asyncio.Future[None]:
        """Done when the headers are there, or the failure is."""
        self._waiter = waiter = self._loop.create_future()
        return waiter

    def header(self, name: bytes) -> bytes:
        """See `Exchange`."""
        return self._fields.get(name, b"")

    async def chunk(self) -> bytes | Failure:
        """See `Exchange`. All that has come is one piece, so that a slow reader gets fewer and larger ones."""
        while True:
            data = self._take() if self._inflate is None else self._take_inflated(self._inflate)
            if data:
                return data
            if self.failure is not None:
                return self.failure
            if self._ended:
                return b""
            await self._wait()

    async def pour(self, take: Callable[[bytes], bool]) -> Failure | Slow | None:
        """See `Exchange`."""
        while True:
            while data := self._take() if self._inflate is None else self._take_inflated(self._inflate):
                if not take(data):
                    return SLOW
            if self.failure is not None:
                return self.failure
            if self._ended:
                return None
            if self._inflate is None:
                self._take_now = take
            try:
                await self._wait()
            finally:
                slow, self._take_now = self._inflate is None and self._take_now is None, None
            if self._trouble is not None:
                raise self._trouble
            if slow and self.failure is None:
                return SLOW

    async def read(self, limit: int) -> bytes | Failure:
        """See `Exchange`."""
        self._limit = limit
        if self._paused:
            self._resume()
        while not self._ended and self.failure is None and self._unread <= limit:
            await self._wait()
        self._limit = -1
        if self.failure is not None:
            return self.failure
        if self._unread > limit:
            return self._too_large(limit)
        if self._inflate is not None:
            return await self._read_inflated(self._inflate, limit)
        return self._take()

    def hurry(self, seconds: float) -> None:
        """See `Exchange`."""
        if self._source is not None:
            self._source.hurry(seconds)

    def close(self) -> None:
        """See `Exchange`."""
        if self._source is not None:
            source, self._source = self._source, None
            self.failure = CUT
            source.kill()
        elif self._pieces and self.failure is None:
            self.failure = CUT
        self._pieces.clear()
        self._unread = 0
        self._paused = False
        self._inflate = None
        self._wake()

    async def _wait(self) -> None:
        self._waiter = waiter = self._loop.create_future()
        await waiter

    def _take(self) -> bytes:
        pieces = self._pieces
        if not pieces:
            return b""
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._unread = 0
        if self._paused:
            self._resume()
        return data

    def _take_inflated(self, inflate: Inflate) -> bytes:
        """One plain piece; compressed ones are fed one by one, so that few wait unseen by the back-pressure."""
        try:
            while not (plain := inflate.take()):
                if not self._pieces:
                    if self._ended:
                        inflate.finish()
                    return b""
                piece = self._pieces.popleft()
                self._unread -= len(piece)
                inflate.feed(piece)
                if self._paused and self._unread < LOW:
                    self._resume()
        except InflateError as error:
            first = self.failure
            self.close()
            self.failure = first or malformed(self.upstream, str(error))
            return b""
        return plain

    async def _read_inflated(self, inflate: Inflate, limit: int) -> bytes | Failure:
        pieces: list[bytes] = []
        size = stretch = 0
        while plain := self._take_inflated(inflate):
            pieces.append(plain)
            size += len(plain)
            stretch += len(plain)
            if size > limit:
                return self._too_large(limit)
            if stretch > STRETCH:
                stretch = 0
                await asyncio.sleep(0)
        return b"".join(pieces) if self.failure is None else self.failure

    def _too_large(self, limit: int) -> Failure:
        self.close()
        self.failure = malformed(self.upstream, f"its body is larger than {limit} bytes")
        return self.failure

    def _resume(self) -> None:
        assert self._source is not None  # only an answer under way is paused
        self._paused = False
        self._source.resume()

    # --- the connection's side

    def begin(self, status: int, headers: Headers, fields: dict[bytes, bytes], has_body: bool) -> bool:
        """The headers have come. False: the body is in a coding that we do not read."""
        self.status = status
        self.headers = headers
        self._fields = fields
        coding = fields.get(b"content-encoding")
        if coding is not None and has_body and (coding := coding.strip().lower()) not in (b"", b"identity"):
            if coding not in CODINGS:
                return False
            self._inflate = Inflate(coding)
            # The body that is read is not the one these two describe.
            self.headers = [(name, value) for name, value in headers if name not in _ENCODING]
            self._fields = {name: value for name, value in fields.items() if name not in _ENCODING}
        self._wake()
        return True

    def arrived(self, piece: bytes) -> None:
        """A piece of the body."""
        size = len(piece)
        self.bytes_in += size
        take = self._take_now
        if take is not None:
            try:
                if take(piece):
                    return
            except Exception as error:  # noqa: BLE001 - the taker's own: it is raised where it waits, not in the network's callback
                self._trouble = error
            self._take_now = None
            self._wake()
            return
        self._unread += size
        self._pieces.append(piece)
        if self._limit >= 0:
            if self._unread > self._limit:
                self._wake()
            return
        if self._unread > HIGH and not self._paused and self._source is not None:
            self._paused = True
            self._source.pause()
        if self._waiter is not None:
            self._wake()

    def end(self) -> None:
        """The answer is complete, and the connection is done with it."""
        self._ended = True
        self._source = None
        self._paused = False
        self._wake()

    def fail(self, failure: Failure, *, untouched: bool = False) -> None:
        """The connection is lost; what came before is still given, to whom reads in chunks."""
        self.failure = failure
        self.untouched = untouched
        self._source = None
        self._paused = False
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def __repr__(self) -> str:
        state = "failed" if self.failure else "complete" if self._ended else "under way"
        return f"Answer({self.status} from {self.upstream}, {state}, {self.bytes_in} bytes in)"


def malformed(upstream: str, why: str) -> Failure:
    """An answer that cannot be read."""
    return Failure("malformed", 502, f"The answer of {upstream} cannot be read: {why}.")
