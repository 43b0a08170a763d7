"""Flights: answers on their way to one caller, and to all who ask the same meanwhile.

Who asks first leads: its answer is copied into the flight as it comes, and who follows is given it from the start. A leader who
leaves flies on for those who follow. When a flight falls, the first of them leads another one; when that falls too, each
asks on its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from lockgate.core.failure import Failure
from lockgate.transport.exchange import CUT, SLOW, Exchange, Headers, Slow

#: How often those who wait for the same answer wait for another one.
FALLS = 2
#: Bytes of an answer that are held: while nobody follows, as many as may be kept; for those who follow, at most. An answer may
#: never end.
KEPT, HELD = 4 * 1024 * 1024, 64 * 1024 * 1024


class Flight:
    """One answer on its way. It ends whole, or falls; then nobody joins it any more. One that grows too large falls too."""

    __slots__ = ("_left", "_waiters", "ended", "falls", "followers", "headers", "id", "pieces", "size", "status", "whole")

    def __init__(self, id: str = "", falls: int = 0) -> None:
        self.id = id  # of the leader's request
        self.falls = falls  # of flights before it
        self.status = 0
        self.headers: Headers = []
        self.pieces: list[bytes] = []
        self.size = 0
        self.followers = 0
        self.ended = self.whole = False
        self._waiters: list[asyncio.Future[None]] = []
        self._left: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return f"Flight({self.size} bytes, {self.followers} followers{', ended' if self.ended else ''})"

    def begin(self, status: int, headers: Headers) -> None:
        """The head of the answer is there."""
        self.status, self.headers = status, headers
        self._wake()

    def add(self, piece: bytes) -> None:
        """A piece of it."""
        if self.ended:
            return
        self.size += len(piece)
        if self.size > (HELD if self.followers else KEPT):
            self.pieces = []
            self.end(whole=False)
            return
        self.pieces.append(piece)
        self._wake()

    def end(self, *, whole: bool) -> None:
        """That was all; or nothing more comes, and it is not whole."""
        if not self.ended:
            self.ended, self.whole = True, whole
            self._wake()

    def leave(self, give_up: Callable[[], None]) -> None:
        """The leader has gone: the answer is given up, at once or when nobody follows any more."""
        if self.followers:
            self._left = give_up
        else:
            give_up()

    def unfollow(self) -> None:
        """One who follows has gone."""
        self.followers -= 1
        if not self.followers and self._left is not None and not self.ended:
            self._left()

    def news(self) -> asyncio.Future[None]:
        """Done when there is more of it, or no more."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        return waiter

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


class Flights:
    """Those of a worker, by the key of what was asked."""

    def __init__(self) -> None:
        self._under_way: dict[bytes, Flight] = {}

    def __repr__(self) -> str:
        return f"Flights({len(self._under_way)} under way)"

    def find(self, key: bytes) -> Flight | None:
        """The flight that can be joined."""
        flight = self._under_way.get(key)
        return None if flight is None or flight.ended else flight

    def lead(self, key: bytes, id: str, falls: int) -> Flight:
        """Begin one."""
        flight = self._under_way[key] = Flight(id, falls)
        return flight

    def land(self, key: bytes, flight: Flight, *, whole: bool) -> None:
        """It has come to its end."""
        if self._under_way.get(key) is flight:
            del self._under_way[key]
        flight.end(whole=whole)


class Copied:
    """An exchange whose answer is copied into a flight as it passes. See `transport.exchange.Exchange`. `ended`: its proper end
    has come, so that the copy is whole; then `whole` is done, before anybody else knows of it."""

    def __init__(self, exchange: Exchange, flight: Flight, whole: Callable[[], Awaitable[None]] | None = None) -> None:
        self._exchange = exchange
        self._flight = flight
        self._whole = whole
        self.status = exchange.status
        self.headers = exchange.headers
        self.bytes_in = exchange.bytes_in
        self.ended = False
        flight.begin(exchange.status, exchange.headers)

    def header(self, name: bytes) -> bytes:
        """See `Exchange`."""
        return self._exchange.header(name)

    async def read(self, limit: int) -> bytes | Failure:
        """See `Exchange`."""
        body = await self._exchange.read(limit)
        self.bytes_in = self._exchange.bytes_in
        if isinstance(body, bytes):
            self._flight.add(body)
            await self._end()
        return body

    async def chunk(self) -> bytes | Failure:
        """See `Exchange`."""
        piece = await self._exchange.chunk()
        if isinstance(piece, bytes):
            if piece:
                self._flight.add(piece)
            else:
                await self._end()
        return piece

    async def pour(self, take: Callable[[bytes], bool]) -> Failure | Slow | None:
        """See `Exchange`. A slow reader does not hold up those who follow it."""
        flight = self._flight

        def both(piece: bytes) -> bool:
            flight.add(piece)
            return take(piece) or (flight.followers > 0 and not flight.ended)

        ended = await self._exchange.pour(both)
        self.bytes_in = self._exchange.bytes_in
        if ended is None:
            await self._end()
        return ended

    async def _end(self) -> None:
        self.ended = True
        if self._whole is not None:
            await self._whole()

    def hurry(self, seconds: float) -> None:
        """See `Exchange`."""
        self._exchange.hurry(seconds)

    def close(self) -> None:
        """See `Exchange`."""
        self._exchange.close()


class Following:
    """The exchange of one who follows a flight: what has come of it, and what comes. See `transport.exchange.Exchange`."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._seen = 0
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None
        self.status = flight.status
        self.headers = flight.headers
        self.bytes_in = 0
        flight.followers += 1

    async def begins(self) -> bool:
        """Wait for the head of the answer; whether it comes."""
        while not self._flight.status and not self._flight.ended and not self._closed:
            await self._wait()
        self.status, self.headers = self._flight.status, self._flight.headers
        return bool(self.status) and not self._closed

    def header(self, name: bytes) -> bytes:
        """See `Exchange`."""
        return next((value for each, value in reversed(self.headers) if each == name), b"")

    async def read(self, limit: int) -> bytes | Failure:
        """See `Exchange`."""
        while not self._flight.ended:
            if self._closed:
                return CUT
            await self._wait()
        if not self._flight.whole or self._closed:
            return CUT
        return b"".join(self._flight.pieces)

    async def chunk(self) -> bytes | Failure:
        """See `Exchange`."""
        while True:
            if self._closed:
                return CUT
            if self._seen < len(self._flight.pieces):
                piece = b"".join(self._flight.pieces[self._seen :])
                self._seen = len(self._flight.pieces)
                return piece
            if self._flight.ended:
                return b"" if self._flight.whole else CUT
            await self._wait()

    async def pour(self, take: Callable[[bytes], bool]) -> Failure | Slow | None:
        """See `Exchange`."""
        while True:
            piece = await self.chunk()
            if isinstance(piece, Failure):
                return piece
            if not piece:
                return None
            if not take(piece):
                return SLOW

    def hurry(self, seconds: float) -> None:
        """See `Exchange`: the leader hurries."""

    def close(self) -> None:
        """See `Exchange`."""
        if not self._closed:
            self._closed = True
            self._flight.unfollow()
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)

    async def _wait(self) -> None:
        self._waiter = self._flight.news()
        await self._waiter
