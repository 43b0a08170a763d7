"""An exchange whose answer was there before."""

from __future__ import annotations

from collections.abc import Callable

from lockgate.core.cached import CachedAnswer
from lockgate.core.failure import Failure
from lockgate.transport.exchange import SLOW, Slow

#: Bytes that are handed over at a stretch.
_STRETCH = 256 * 1024


class Replayed:
    """See `transport.exchange.Exchange`."""

    def __init__(self, answer: CachedAnswer) -> None:
        self.status = answer.status
        self.headers = answer.headers
        self.bytes_in = 0
        self._body = answer.body
        self._at = 0

    def __repr__(self) -> str:
        return f"Replayed({len(self._body)} bytes)"

    def header(self, name: bytes) -> bytes:
        """See `Exchange`."""
        return next((value for each, value in reversed(self.headers) if each == name), b"")

    async def read(self, limit: int) -> bytes | Failure:
        """See `Exchange`."""
        return self._body

    async def chunk(self) -> bytes | Failure:
        """See `Exchange`."""
        piece = self._body[self._at : self._at + _STRETCH]
        self._at += len(piece)
        return piece

    async def pour(self, take: Callable[[bytes], bool]) -> Failure | Slow | None:
        """See `Exchange`."""
        while piece := await self.chunk():
            if isinstance(piece, Failure):
                return piece
            if not take(piece):
                return SLOW
        return None

    def hurry(self, seconds: float) -> None:
        """See `Exchange`: all of it is there."""

    def close(self) -> None:
        """See `Exchange`."""
