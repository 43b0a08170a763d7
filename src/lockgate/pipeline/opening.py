"""`Opening`: an exchange whose answer is waited for to begin, before anyone takes it.

A stream begins with its first real event, any other answer with the first bytes of its body that are no blanks (some hosts
send those to keep a connection alive). What was read to know it is given first to whoever takes the exchange then.
"""

from __future__ import annotations

from collections.abc import Callable

from lockgate.core.failure import Failure
from lockgate.dialects.translation import Stream
from lockgate.pipeline.prepare import Prepared
from lockgate.transport.exchange import SLOW, Exchange, Slow

#: A stream that ended before it had begun.
_EMPTY = Failure("cut", 502, "The provider's stream ended before it had begun.")


class Opening:
    """See `transport.exchange.Exchange`."""

    __slots__ = ("_exchange", "_held", "bytes_in", "headers", "status")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._held = b""
        self.status = exchange.status
        self.headers = exchange.headers
        self.bytes_in = exchange.bytes_in

    def __repr__(self) -> str:
        return f"Opening({self._exchange!r}, {len(self._held)} bytes held)"

    async def begin(self, prepared: Prepared) -> Failure | None:
        """Wait until the answer begins; a `Failure` when it fails instead. A whole answer may still turn out to be none."""
        watch = self._watch(prepared)
        pieces: list[bytes] = []
        begun = False
        while not begun:
            piece = await self._exchange.chunk()
            if isinstance(piece, Failure):
                return piece
            if not piece:
                if watch is not None:
                    return _EMPTY
                break
            pieces.append(piece)
            if watch is None:
                begun = bool(piece.strip())
                continue
            watch.feed(piece)
            if watch.outcome.failure is not None and not watch.outcome.begun:
                return watch.outcome.failure
            begun = watch.outcome.begun or watch.outcome.complete
        self._held = b"".join(pieces)
        self.bytes_in = self._exchange.bytes_in
        return None

    def _watch(self, prepared: Prepared) -> Stream | None:
        """What sees a stream begin, on a copy of it; None for what is no stream of a known dialect."""
        kind = self._exchange.header(b"content-type").lower()
        if prepared.target.lane.provider.tap is None or b"json" in kind:
            return None
        return prepared.machine(None) if prepared.stream or b"event-stream" in kind else None

    def header(self, name: bytes) -> bytes:
        """See `Exchange`."""
        return self._exchange.header(name)

    async def read(self, limit: int) -> bytes | Failure:
        """See `Exchange`."""
        held = self._take()
        rest = await self._exchange.read(max(0, limit - len(held)))
        return rest if isinstance(rest, Failure) else held + rest

    async def chunk(self) -> bytes | Failure:
        """See `Exchange`."""
        return self._take() or await self._exchange.chunk()

    async def pour(self, take: Callable[[bytes], bool]) -> Failure | Slow | None:
        """See `Exchange`."""
        held = self._take()
        if held and not take(held):
            return SLOW
        return await self._exchange.pour(take)

    def hurry(self, seconds: float) -> None:
        """See `Exchange`."""
        self._exchange.hurry(seconds)

    def close(self) -> None:
        """See `Exchange`."""
        self._held = b""
        self._exchange.close()

    def _take(self) -> bytes:
        held, self._held = self._held, b""
        return held
