"""Answers that are neither JSON nor events: sound, texts, files. They pass piece by piece, as they come, and are not held.

Nothing in them can say that they broke off: there the connection to the caller breaks too.
"""

from __future__ import annotations

from lockgate.core.failure import Failure
from lockgate.core.outcome import Outcome
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.render import answer_headers, passed_headers
from lockgate.transport.exchange import Exchange, Slow

#: Kinds of answers that a record keeps for its reader.
_READABLE = (b"text/", b"application/json", b"application/xml", b"application/x-ndjson", b"application/problem+json")
#: What an answer is that does not say what it is (RFC 9110, section 8.3).
_UNKNOWN = b"application/octet-stream"


async def pass_bytes(passing: Passing, exchange: Exchange, *, verbatim: bool = False) -> Failure | None:
    """None when the caller has been answered, or had the beginning of an answer; a `Failure` when nothing has come.
    `verbatim`: with all headers that may pass."""
    outcome = passing.account.outcome = Outcome()
    flow = _Flow(passing, exchange, verbatim)
    ended = await exchange.pour(flow.take)
    while isinstance(ended, Slow):
        await passing.caller.drain()
        ended = await exchange.pour(flow.take)
    account, caller = passing.account, passing.caller
    if ended is not None and not flow.started:
        return ended
    if not flow.started:
        flow.start()
    outcome.begun, outcome.complete = True, ended is None
    account.record.bytes_out = caller.bytes_out
    account.attempted(exchange.status, ended)
    if caller.left:
        account.close("client_left", exchange.status)
    else:
        account.close("ok" if ended is None else "broken", exchange.status, ended)
    if ended is None:
        caller.finish(b"")
    else:
        caller.cut()
    return None


class _Flow:
    """Called with each piece as it arrives, it writes to the caller at once."""

    __slots__ = ("_exchange", "_kind", "_passing", "_readable", "_verbatim", "started")

    def __init__(self, passing: Passing, exchange: Exchange, verbatim: bool) -> None:
        self._passing = passing
        self._verbatim = verbatim
        self._exchange = exchange
        self._kind = exchange.header(b"content-type") or _UNKNOWN
        self._readable = self._kind.lower().startswith(_READABLE)
        self.started = False

    def take(self, piece: bytes) -> bool:
        """False: the caller reads slowly."""
        if not self.started:
            self.start()
        if self._readable:
            self._passing.account.keep(piece)
        return self._passing.caller.send(piece)

    def start(self) -> None:
        """The first piece: the head leaves."""
        self.started = True
        passing, account = self._passing, self._passing.account
        account.heard()
        account.first_event()
        if self._verbatim:
            headers = passed_headers(passing.call, account.record, self._exchange.headers, account.headers())
        else:
            kind = (b"content-type", self._kind)
            headers = answer_headers(passing.call, account.record, kind, self._exchange.headers, account.headers())
        passing.caller.start(self._exchange.status, headers)
