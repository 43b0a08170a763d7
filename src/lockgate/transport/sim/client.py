"""The simulator behind the port of the upstream clients: an upstream that lives in the process.

It opens no socket and reads no name: whatever the destination, the simulator answers. Time is passed in: `now` dates the
answers, `wait` is called by the model `slow` alone; deadlines are kept by adding up what was waited.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from lockgate.core.failure import Failure
from lockgate.transport.destination import Destination
from lockgate.transport.exchange import CUT, SLOW, Abort, Deadlines, Headers, Outgoing, Slow
from lockgate.transport.sim.service import Response, respond

#: Waits so many seconds.
Wait = Callable[[float], Awaitable[object]]


class SimClient:
    """A `Client` whose upstream is the simulator."""

    def __init__(self, now: Callable[[], float] = time.time, wait: Wait = asyncio.sleep) -> None:
        self._now = now
        self._wait = wait

    async def send(
        self, destination: Destination, outgoing: Outgoing, deadlines: Deadlines, slot: Abort | None = None
    ) -> SimExchange | Failure:
        """The answer, when its first piece is due."""
        if slot is not None and slot.aborted:
            return CUT
        response = respond(outgoing.method, outgoing.target, bytes(outgoing.body), int(self._now()))
        exchange = SimExchange(response, deadlines, slot, self._wait)
        failure = await exchange.pause(deadlines.first_byte)
        return exchange if failure is None else failure


class SimExchange:
    """An answer of the simulator: each `chunk` is one event of a stream, or the whole of a JSON answer."""

    def __init__(self, response: Response, deadlines: Deadlines, slot: Abort | None, wait: Wait) -> None:
        self.status = response.status
        self.headers: Headers = [(b"content-type", response.content_type)]
        if response.retry_after_s is not None:
            self.headers.append((b"retry-after", b"%d" % response.retry_after_s))
        self.bytes_in = 0
        self._pieces = response.pieces
        self._pause_s = response.pause_s
        self._deadlines = deadlines
        self._waited_s = 0.0
        self._wait = wait
        self._waiting: asyncio.Future[object] | None = None
        self._end: bytes | Failure | None = None  # what `chunk` gives from now on
        self._slot = slot
        if slot is not None:
            slot.holds = self

    def __repr__(self) -> str:
        return f"SimExchange({self.status}, {'open' if self._end is None else 'ended' if self._end == b'' else 'broken'})"

    def header(self, name: bytes) -> bytes:
        """The value of a header, or b""."""
        return next((value for known, value in reversed(self.headers) if known == name), b"")

    async def read(self, limit: int) -> bytes | Failure:
        """The whole body."""
        pieces: list[bytes] = []
        while piece := await self.chunk():
            if isinstance(piece, Failure):
                return piece
            pieces.append(piece)
            if self.bytes_in > limit:
                return self._finish(Failure("malformed", 502, f"The upstream's answer is larger than {limit} bytes."))
        return b"".join(pieces)

    async def chunk(self) -> bytes | Failure:
        """The next piece, after the pause of a slow model."""
        if self._end is None and self.bytes_in:  # the pause before the first piece was in `send`
            await self.pause(self._deadlines.idle)
        if self._end is not None:
            return self._end
        piece = next(self._pieces, b"")
        if not piece:
            return self._finish(b"")
        self.bytes_in += len(piece)
        return piece

    async def pause(self, deadline_s: float) -> Failure | None:
        """Let the others run, or wait as a slow model does; a `Failure` when that takes too long or was broken off."""
        if not self._pause_s:
            await asyncio.sleep(0)  # as a socket would; an endless stream must not have the loop for itself
        else:
            left_s = min(deadline_s, self._deadlines.total - self._waited_s)
            wait_s = min(self._pause_s, left_s)
            self._waiting = asyncio.ensure_future(self._wait(wait_s))
            try:
                await asyncio.wait((self._waiting,))
            finally:
                self._waiting.cancel()
            self._waited_s += wait_s
            if self._end is None and self._pause_s > left_s:
                self._finish(Failure("timeout", 504, f"The upstream did not answer within {left_s:g} seconds."))
        return self._end if isinstance(self._end, Failure) else None

    async def pour(self, take: Callable[[bytes], bool]) -> Failure | Slow | None:
        """See `Exchange`."""
        while piece := await self.chunk():
            if isinstance(piece, Failure):
                return piece
            if not take(piece):
                return SLOW
        return None

    def hurry(self, seconds: float) -> None:
        """Nothing to do: the end comes with the last event."""

    def close(self) -> None:
        """Leave, and wake who waits."""
        if self._end is None:
            self._finish(CUT)
        if self._waiting is not None:
            self._waiting.cancel()

    def _finish(self, end: bytes | Failure) -> bytes | Failure:
        self._end = end
        if self._slot is not None and self._slot.holds is self:
            self._slot.holds = None
        return end
