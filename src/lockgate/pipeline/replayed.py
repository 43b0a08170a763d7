"""An exchange whose answer was there before; and what is known of one that is given again and again."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from lockgate.core.cached import CachedAnswer
from lockgate.core.failure import Failure
from lockgate.core.outcome import Outcome
from lockgate.core.redact import Redactor
from lockgate.dialects.codec import Relay
from lockgate.pipeline.bill import Bill
from lockgate.providers.prices import Prices
from lockgate.transport.exchange import SLOW, Slow

#: Bytes that are handed over at a stretch.
_STRETCH = 256 * 1024
#: Answers of which a worker remembers what it made of them; larger ones it does not: it would hold their bodies.
_REMEMBERED, _SMALL = 512, 64 * 1024
#: Prices may change with time: what an answer would have cost is known for this long, in µs.
_PRICED_US = 60_000_000


class Known(msgspec.Struct, eq=False):
    """What was made of an answer when it was last given, each with what it was made by: with another one it is made anew.

    `outcome` as `relay` observed it; its `bill` by `prices` in one minute; its body as `redactor` left it, `clean`.
    """

    answer: CachedAnswer
    relay: Relay | None = None
    outcome: Outcome | None = None
    prices: Prices | None = None
    minute: int = -1
    bill: Bill | None = None
    redactor: Redactor | None = None
    clean: bytes = b""

    def observed(self, relay: Relay, body: bytes) -> Outcome:
        """What a whole answer says. It is the same each time: nobody changes what was found, once the answer is complete."""
        outcome = self.outcome
        if outcome is None or self.relay is not relay or body is not self.answer.body:
            self.bill, outcome = None, relay.observe(body)
            self.relay, self.outcome = relay, outcome
        return outcome

    def billed(self, prices: Prices, time_us: int, outcome: Outcome, make: Callable[[], Bill]) -> Bill:
        """What it would have cost; `make` says it. What is estimated depends on the question, and is anew each time."""
        bill, minute = self.bill, time_us // _PRICED_US
        if bill is None or self.prices is not prices or self.minute != minute or outcome is not self.outcome:
            bill = make()
            if bill.source == "provider":
                self.prices, self.minute, self.bill = prices, minute, bill
        return bill

    def redacted(self, redactor: Redactor, body: bytes) -> bytes:
        """The body that the caller gets, without secrets."""
        if body is not self.answer.body:  # it was translated
            return redactor(body)
        if self.redactor is not redactor:
            self.redactor, self.clean = redactor, redactor(body)
        return self.clean


class Replays:
    """The answers that a worker gave last, by what they are found by. What is known of one is forgotten with it: a store that
    gives another object gives another answer."""

    def __init__(self) -> None:
        self._known: dict[bytes, Known] = {}

    def __repr__(self) -> str:
        return f"Replays({len(self._known)} answers)"

    def of(self, key: bytes, answer: CachedAnswer) -> Known:
        """What is known of an answer."""
        known = self._known.get(key)
        if known is not None and known.answer is answer:
            return known
        known = Known(answer)
        if len(answer.body) <= _SMALL:
            if len(self._known) >= _REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[key] = known
        return known


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
