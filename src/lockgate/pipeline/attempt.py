"""One attempt: one try on one target, from the request's going out to what became of it.

Its end is told to whoever keeps the target's health; whether another attempt follows is for `attempts.py` to say.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec

from lockgate.core.call import Call
from lockgate.core.failure import Failure, Refusal
from lockgate.pipeline.hold import Hold
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.reserve import reserve
from lockgate.pipeline.target import Target
from lockgate.policy.retry_after import read_quota, read_retry_after
from lockgate.transport.exchange import Abort, Exchange, Headers
from lockgate.wire.trace_context import passable_state, read_traceparent, write_traceparent

#: From how many bytes on a body is large: a pass over it takes a millisecond and more, and there are several. They are made in
#: a thread, so that others have their turn between two of them.
LARGE = 1024 * 1024


class Make(Protocol):
    """Makes a target's request ready."""

    def __call__(self, target: Target, most: int | None = None, /) -> Prepared:
        """The request; `most`: its answer may have so many tokens, where the caller has not said how many. Raises `Refusal` for
        what the target cannot be asked."""
        ...


#: What takes a whole answer of an attempt: None when the caller has been answered.
Take = Callable[[Passing, Prepared, Exchange], Awaitable[Failure | None]]


async def attempt(passing: Passing, prepared: Prepared, take: Take, hold: Hold | None = None) -> Failure | None:
    """One try, begun already (`begin`), which has reserved `hold`. None when the caller has been answered (well, or by a stream
    that broke); else why another may be tried."""
    account, target = passing.account, prepared.target
    abort = Abort()
    passing.caller.on_leave(passing.leaving(abort.abort))
    account.sending(prepared, hold)
    exchange: Exchange | Failure | None = None
    try:
        exchange = await send(passing, prepared, abort, hold, late=bool(account.record.attempts))
        if isinstance(exchange, Failure):
            account.heard()
            account.attempted(0, exchange)
            return exchange
        if not 200 <= exchange.status < 300 and not prepared.verbatim:
            failure = await read_failure(passing, prepared, exchange)
        else:
            failure = await take(passing, prepared, exchange)
        if failure is not None:
            account.attempted(exchange.status, failure)
        return failure
    finally:
        passing.caller.on_leave(None)
        if exchange is not None and not isinstance(exchange, Failure):
            exchange.close()
        if hold is not None:
            hold.release()
        end(passing, target, exchange, account.sent, account.failed, told=not account.trying)


def ready(make: Make, target: Target, most: int | None = None) -> Prepared:
    """A target's request. Raises `Refusal`, also for a loss where the target is strict."""
    prepared = make(target, most)
    if target.strict and prepared.losses:
        raise lossy(prepared)
    return prepared


async def afford(passing: Passing, prepared: Prepared, make: Make) -> tuple[Prepared, Hold | None]:
    """Reserve what an attempt may use; the request as it is then to be sent: its answer may have to be shorter. Raises
    `Refusal`."""
    if (entry := passing.account.entry) is None:
        return prepared, None
    hold = await reserve(passing, entry, prepared)
    if hold is not None and hold.clamp is not None:
        try:
            bounded = ready(make, prepared.target, hold.clamp)
        except BaseException:
            hold.release()
            raise
        bounded.unbounded = prepared.unbounded or prepared
        return bounded, hold
    return prepared, hold


def begin(passing: Passing, target: Target, blind: bool) -> bool:
    """Tell that a try begins. False: another request is probing the target, and it is not to be tried. `blind`: nobody asks
    how it is."""
    health = passing.runtime.health
    if blind:
        health.begin_anyway(target.key)
        return True
    return health.begin(target.key, target.breaker, passing.runtime.clock())


async def send(passing: Passing, prepared: Prepared, abort: Abort, hold: Hold | None, *, late: bool) -> Exchange | Failure:
    """The answer once its headers are there. `late`: others have used some of the request's time. Raises `Refusal`."""
    target, runtime = prepared.target, passing.runtime
    destination, outgoing, deadlines = target.destination, prepared.outgoing, target.deadlines
    client = runtime.client(destination.scheme)
    if target.provider.signer is not None:
        outgoing = await runtime.credentials.sign(target.provider.signer, outgoing, destination.host_header)
        if isinstance(outgoing, Failure):
            return outgoing
    if target.provider.told_trace:
        outgoing = msgspec.structs.replace(outgoing, headers=[*outgoing.headers, *trace_headers(passing.call)])
    if hold is not None:
        hold.dispatch()
    if late:
        deadlines = msgspec.structs.replace(deadlines, total=max(0.001, left_s(passing, target)))
    return await client.send(destination, outgoing, deadlines, abort)


def trace_headers(call: Call) -> Headers:
    """Which trace a request belongs to, for a provider that its operator wants told: it is the parent of what happens there."""
    context = read_traceparent(call.headers.get(b"traceparent"))
    if context is None or context.trace_id != call.trace_id:
        return [(b"traceparent", write_traceparent(call.trace_id, call.span_id))]
    headers = [(b"traceparent", write_traceparent(call.trace_id, call.span_id, context.flags))]
    if state := passable_state(call.headers.get(b"tracestate", b"")):
        headers.append((b"tracestate", state))
    return headers


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
        after = read_retry_after(exchange.headers, passing.runtime.time_us() / 1e6)
        failure = msgspec.structs.replace(failure, retry_after=after)
    return failure


def end(
    passing: Passing,
    target: Target,
    exchange: Exchange | Failure | None,
    sent: float,
    failed: Failure | None,
    *,
    told: bool = True,
) -> None:
    """What a try that began at `sent` says of its target. One that the caller gave up, or that a bug of ours ended, says
    nothing: `told` is whether it came to an end of its own."""
    health = passing.runtime.health
    if told and not passing.caller.left:
        now = passing.runtime.clock()
        if failed is None:
            health.succeeded(target.key, target.breaker, sent, now)
        else:
            health.failed(target.key, target.breaker, sent, now, failed)
    health.ended(target.key)
    if target.watched and exchange is not None and not isinstance(exchange, Failure):
        health.pulse(target.key).quota = read_quota(exchange.headers)


def left_s(passing: Passing, target: Target) -> float:
    """What is left of the time that the request may take, in seconds."""
    return passing.call.clock + target.deadlines.total - passing.runtime.clock()


def lossy(prepared: Prepared) -> Refusal:
    """Why a strict target is not asked: what it cannot be told."""
    lost = ", ".join(prepared.losses)
    return Refusal(
        400,
        "not_expressible",
        f"{prepared.target.provider.row.name} cannot be told this: {lost}. Leave it out, ask another provider, or take "
        "'strict' out of the config.",
        param=prepared.losses[0],
    )
