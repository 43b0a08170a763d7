"""The page to read first: how one request is answered.

A request comes here through the door (`door.py`): its key is known and its account open. It is planned, its targets are tried
in turn (`attempts.py`), each prepared in its gear and sent, and the answer is passed or translated back. Whatever happens, the
account is closed before the last byte leaves.
"""

from __future__ import annotations

import asyncio

from lockgate.core.failure import Failure
from lockgate.core.outcome import Outcome
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Manner, Voice
from lockgate.pipeline.attempt import LARGE
from lockgate.pipeline.attempts import try_targets
from lockgate.pipeline.choose import Ask
from lockgate.pipeline.downgrade import model_for
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.plan import plan
from lockgate.pipeline.prepare import Prepared, held, prepare
from lockgate.pipeline.render import EVENTS, JSON, answer_headers
from lockgate.pipeline.respond import respond
from lockgate.pipeline.target import Target
from lockgate.transport.exchange import Exchange, Slow

#: The longest silence, in seconds, before the rest of a stream whose answer is complete: usage, a closing mark, the end.
_LINGER = 2.0
#: An answer that broke off.
_CUT = Failure("cut", 502, "The provider's answer broke off before it was complete.")


async def answer(passing: Passing, provider_key: str) -> None:
    """Answer a conversation. Raises `Refusal`, which the door renders."""
    call, account = passing.call, passing.account
    sheet = Sheet.open(call.body) if len(call.body) < LARGE else await asyncio.to_thread(Sheet.open, call.body)
    asked = call.params.get("model") or sheet.get("model", str) or ""
    stream = (sheet.get("stream", bool) or False) if call.streams is None else call.streams
    account.record.model_asked, account.record.stream = asked, stream

    ask = Ask(await model_for(passing, asked), provider_key, sheet, stream)
    route = plan(call, ask, passing.principal, passing.snapshot, passing.runtime)

    def make(target: Target, most: int | None = None) -> Prepared:
        return prepare(call, sheet if most is None else held(call.dialect, sheet, most), asked, stream, target)

    await try_targets(passing, route, make, pass_stream if stream else pass_whole)


async def pass_whole(passing: Passing, prepared: Prepared, exchange: Exchange) -> Failure | None:
    """A whole answer: watched when it passes, rewritten when it is translated."""
    account, lane = passing.account, prepared.target.lane
    body = await exchange.read(passing.snapshot.limits.answer)
    account.heard()
    if isinstance(body, Failure):
        return body
    if lane.relays:
        known = account.known
        outcome = lane.provider.observe(body) if known is None else known.observed(lane.provider, body)
        if outcome.failure is not None:
            return outcome.failure
    else:
        reply = lane.provider.read_reply(body)
        if isinstance(reply, Failure):
            return reply
        outcome = Outcome.of(reply)
        account.received(body)
        body = lane.caller.write_reply(reply, voice(passing, prepared))
    account.outcome = outcome
    account.first_event()
    account.attempted(exchange.status, None)
    respond(passing.call, account, passing.caller, exchange.status, body, upstream=exchange.headers)
    return None


async def pass_stream(passing: Passing, prepared: Prepared, exchange: Exchange) -> Failure | None:
    """A streamed answer. Nothing leaves before its first real event, so a failure before that is as good as an error answer;
    after it the answer is this provider's alone. What completes the answer is held back until the account is closed."""
    if b"json" in exchange.header(b"content-type"):
        return await read_unstreamed(passing, prepared, exchange)
    flow = Flow(passing, prepared, exchange)
    ended = await exchange.pour(flow.take)
    while isinstance(ended, Slow):
        await passing.caller.drain()
        ended = await exchange.pour(flow.take)
    if ended is None:
        flow.end()
    elif flow.outcome.complete:
        flow.close()
    outcome = flow.outcome
    failure = outcome.failure or ended
    if outcome.complete:
        failure = None  # what goes wrong after the answer's end is no concern of the caller's
    elif failure is None:
        failure = _CUT
    account, caller = passing.account, passing.caller
    if failure is not None and not flow.started and not outcome.begun:
        if not caller.left:
            account.outcome = None
        return failure
    held = flow.rest(failure)
    account.keep(held)
    account.record.bytes_out = caller.bytes_out + len(held)
    account.attempted(exchange.status, failure)
    if caller.left:
        account.close("client_left", exchange.status)
    else:
        account.close("ok" if failure is None else "broken", exchange.status, failure)
    caller.finish(held)
    return None


class Flow:
    """A stream on its way: called with each piece as it arrives, it writes to the caller at once."""

    __slots__ = ("_exchange", "_held", "_hurried", "_kind", "_passing", "_relays", "_stream", "outcome", "started")

    def __init__(self, passing: Passing, prepared: Prepared, exchange: Exchange) -> None:
        self._passing = passing
        self._exchange = exchange
        self._relays = prepared.target.lane.relays
        self._stream = prepared.machine(None if self._relays else voice(passing, prepared))
        self._kind = JSON if prepared.array else EVENTS
        self._held = b""
        self._hurried = False
        self.started = False
        self.outcome = passing.account.outcome = self._stream.outcome

    def take(self, chunk: bytes) -> bool:
        """A piece of the provider's stream. False: the caller reads slowly, or enough is known: come back when it has read."""
        outcome, account = self.outcome, self._passing.account
        account.came()
        if not self._relays:
            account.received(chunk)
        data = self._stream.feed(chunk)
        if self._held:
            data, self._held = self._held + data, b""
        if outcome.failure is not None:
            self._held = data
            self._exchange.close()  # whatever follows is not waited for
        elif outcome.complete:
            self._held = data
            if not self._hurried:
                self._hurried = True
                self._exchange.hurry(_LINGER)
        elif not outcome.begun:
            self._held = data
        elif data:
            if not self.started:
                self.start()
            account.keep(data)
            return self._passing.caller.send(data)
        return True

    def start(self) -> None:
        """The first real event: the head leaves."""
        self.started = True
        passing, account = self._passing, self._passing.account
        account.heard()
        account.first_event()
        headers = answer_headers(passing.call, account.record, self._kind, self._exchange.headers, account.headers())
        passing.caller.start(self._exchange.status, headers)

    def end(self) -> None:
        """The provider's body has ended properly."""
        self._held += self._stream.end()

    def close(self) -> None:
        """The answer is complete, whatever became of the body's end."""
        self._held += self._stream.close()

    def rest(self, failure: Failure | None) -> bytes:
        """What is still to be said: the held end of a complete answer, or the error. A relayed error event is held already."""
        if not self.started:
            self.start()
        if failure is not None and not (self._relays and self.outcome.failure is not None):
            return self._held + self._stream.broken(failure)
        return self._held


async def read_unstreamed(passing: Passing, prepared: Prepared, exchange: Exchange) -> Failure:
    """A stream was asked for and one JSON document came: an error, said with the status of success."""
    body = await exchange.read(passing.snapshot.limits.error)
    passing.account.heard()
    if isinstance(body, Failure):
        return body
    reply = prepared.target.lane.provider.read_reply(body)
    if isinstance(reply, Failure):
        return reply
    return Failure("malformed", 502, "The provider answered a request for a stream with a whole document.")


def voice(passing: Passing, prepared: Prepared) -> Voice:
    """What a written answer needs and the provider may not say."""
    call, request = passing.call, prepared.request
    assert isinstance(request, Request)
    strictly = prepared.target.compliant
    said = call.header("strict-open-ai-compliance").lower() if strictly is None else str(strictly).lower()
    return Voice(call.id.replace("-", ""), call.time_us // 1_000_000, request, prepared.usage_asked, _MANNERS.get(said, ""))


#: What is said of strict-open-ai-compliance → how answers are written.
_MANNERS: dict[str, Manner] = {"true": "strict", "false": "extended"}
