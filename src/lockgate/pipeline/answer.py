"""The page to read first: how one request is answered.

A request comes here through the door (`door.py`): its key is known and its account open. It is planned, prepared in its gear,
sent, and its answer passed or translated back. Whatever happens, the account is closed before the last byte leaves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Failure
from lockgate.core.outcome import Outcome
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Voice
from lockgate.pipeline.account import Account
from lockgate.pipeline.plan import Ask, plan
from lockgate.pipeline.ports import Caller
from lockgate.pipeline.prepare import Prepared, prepare
from lockgate.pipeline.render import EVENTS, JSON, answer_headers, error_body, error_headers
from lockgate.pipeline.respond import respond
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.policy.retry_after import read_retry_after
from lockgate.transport.exchange import Abort, Exchange, Slow

#: The longest silence, in seconds, before the rest of a stream whose answer is complete: usage, a closing mark, the end.
_LINGER = 2.0
#: An answer that broke off.
_CUT = Failure("cut", 502, "The provider's answer broke off before it was complete.")


class Passing(msgspec.Struct):
    """One request under way: what each step of this page needs."""

    call: Call
    principal: Principal
    snapshot: Snapshot
    runtime: Runtime
    caller: Caller
    account: Account


async def answer(passing: Passing, provider_key: str) -> None:
    """Answer a conversation. Raises `Refusal`, which the door renders."""
    call, account = passing.call, passing.account
    sheet = Sheet.open(call.body)
    asked = call.params.get("model") or sheet.get("model", str) or ""
    stream = (sheet.get("stream", bool) or False) if call.streams is None else call.streams
    account.record.model_asked, account.record.stream = asked, stream

    ask = Ask(asked, provider_key)
    try:
        target = plan(call, ask, passing.principal, passing.snapshot)
    finally:
        account.record.route = ask.route
    prepared = prepare(call, sheet, asked, stream, target)
    failure = await attempt(passing, prepared, pass_stream if stream else pass_whole)
    if failure is not None:
        deliver_failure(passing, prepared, failure)


#: What takes a whole answer of an attempt: None when the caller has been answered.
Take = Callable[[Passing, Prepared, Exchange], Awaitable[Failure | None]]


async def attempt(passing: Passing, prepared: Prepared, take: Take) -> Failure | None:
    """One try. None when the caller has been answered (well, or by a stream that broke); else why another may be tried."""
    account, target = passing.account, prepared.target
    client = passing.runtime.client(target.destination.scheme)
    abort = Abort()
    passing.caller.on_leave(abort.abort)
    account.sending(prepared)
    destination, outgoing = target.destination, prepared.outgoing
    if target.provider.signer is not None:
        outgoing = await passing.runtime.credentials.sign(target.provider.signer, outgoing, destination.host_header)
    if isinstance(outgoing, Failure):
        exchange = outgoing
    else:
        exchange = await client.send(destination, outgoing, target.deadlines, abort)
    if isinstance(exchange, Failure):
        account.heard()
        account.attempted(0, exchange)
        return exchange
    try:
        if not 200 <= exchange.status < 300 and not prepared.verbatim:
            failure = await read_failure(passing, prepared, exchange)
        else:
            failure = await take(passing, prepared, exchange)
        if failure is not None:
            account.attempted(exchange.status, failure)
        return failure
    finally:
        passing.caller.on_leave(None)
        exchange.close()


async def read_failure(passing: Passing, prepared: Prepared, exchange: Exchange) -> Failure:
    """The provider's error answer as a value. A redirect is one: following it would carry the key elsewhere."""
    body = await exchange.read(passing.snapshot.limits.error)
    passing.account.heard()
    if isinstance(body, Failure):
        body = b""
    if exchange.status < 400:
        return Failure("malformed", 502, f"The provider answered with a redirect ({exchange.status}), which is not followed.")
    failure = prepared.target.lane.provider.read_error(exchange.status, body)
    if failure.retry_after is None:
        wait = read_retry_after(exchange.headers, passing.runtime.time_us() / 1e6)
        failure = msgspec.structs.replace(failure, retry_after=wait)
    return failure


async def pass_whole(passing: Passing, prepared: Prepared, exchange: Exchange) -> Failure | None:
    """A whole answer: watched when it passes, rewritten when it is translated."""
    account, lane = passing.account, prepared.target.lane
    body = await exchange.read(passing.snapshot.limits.answer)
    account.heard()
    if isinstance(body, Failure):
        return body
    if lane.relays:
        outcome = lane.provider.observe(body)
        if outcome.failure is not None:
            return outcome.failure
    else:
        reply = lane.provider.read_reply(body)
        if isinstance(reply, Failure):
            return reply
        outcome = Outcome.of(reply)
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
        outcome = self.outcome
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
            self._passing.account.keep(data)
            return self._passing.caller.send(data)
        return True

    def start(self) -> None:
        """The first real event: the head leaves."""
        self.started = True
        passing, account = self._passing, self._passing.account
        account.heard()
        account.first_event()
        headers = answer_headers(passing.call, account.record, self._kind, self._exchange.headers)
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


def deliver_failure(passing: Passing, prepared: Prepared, failure: Failure) -> None:
    """The last failure, in the caller's dialect, with the provider's status and message."""
    call = passing.call
    status = failure.status if failure.status >= 400 else 502
    body = error_body(call, failure, prepared.target.lane.provider)
    extra = error_headers(failure)
    respond(call, passing.account, passing.caller, status, body, extra=extra, end="failed", error=failure)


def voice(passing: Passing, prepared: Prepared) -> Voice:
    """What a written answer needs and the provider may not say."""
    call, request = passing.call, prepared.request
    assert isinstance(request, Request)
    return Voice(call.id.replace("-", ""), call.time_us // 1_000_000, request, prepared.usage_asked)
