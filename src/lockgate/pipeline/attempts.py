"""The attempt loop: one target after another, one try after another, until the caller has an answer or nobody is left to ask.

A retry asks the same target again, a fallback another one. Both only before the caller has seen anything of an answer: what has
begun is this target's alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Failure, Refusal
from lockgate.pipeline.account import Account
from lockgate.pipeline.plan import Plan
from lockgate.pipeline.ports import Caller
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.render import error_body, error_headers
from lockgate.pipeline.respond import respond
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.target import Target
from lockgate.policy.retry import again
from lockgate.policy.retry_after import read_quota, read_retry_after
from lockgate.transport.exchange import Abort, Exchange


class Passing(msgspec.Struct):
    """One request under way: what each step needs."""

    call: Call
    principal: Principal
    snapshot: Snapshot
    runtime: Runtime
    caller: Caller
    account: Account


#: Makes a target's request ready. Raises `Refusal` for what it cannot be asked.
Make = Callable[[Target], Prepared]
#: What takes a whole answer of an attempt: None when the caller has been answered.
Take = Callable[[Passing, Prepared, Exchange], Awaitable[Failure | None]]


async def try_targets(passing: Passing, plan: Plan, make: Make, take: Take) -> None:
    """Try the targets of a plan in turn; the last failure is the answer when none of them gives one. Raises `Refusal` when
    none could be tried."""
    account, caller = passing.account, passing.caller
    account.planned(plan.route, plan.decisions)
    target: Target | None = plan.first()
    last: tuple[Prepared, Failure] | None = None
    while target is not None:
        try:
            prepared = make(target)
            if target.strict and prepared.losses:
                raise _lossy(prepared)
        except Refusal as refusal:
            target = plan.refuse(refusal)
            continue
        if not _begin(passing, target, plan):
            target = plan.skip("its circuit is half open, and another request is probing it")
            continue
        failure = await try_target(passing, plan, prepared, take)
        if failure is None:
            return
        last = prepared, failure
        if caller.left or _left_s(passing, target) <= 0:
            break
        target = plan.after(failure)
    if last is None:
        raise plan.refusal
    deliver_failure(passing, *last)


async def try_target(passing: Passing, plan: Plan, prepared: Prepared, take: Take) -> Failure | None:
    """Try one target, as often as its route says. None when the caller has been answered."""
    runtime, target = passing.runtime, prepared.target
    budget = runtime.health.budget(target.key[0])
    budget.asked(runtime.clock())
    number = 0
    while (failure := await attempt(passing, prepared, take)) is not None:
        if not target.retry.attempts or passing.caller.left:
            break
        wait = again(target.retry, number, failure, left_s=_left_s(passing, target), chance=runtime.chance())
        if wait is None:
            break
        if not budget.spend(runtime.clock()):
            plan.note(target.path, "left", "its provider has had as many retries as it may be burdened with")
            break
        plan.note(target.path, "again", f"{failure.kind} ({failure.status}), after {wait:.3g} s")
        await runtime.pause(wait, passing.caller)
        if passing.caller.left:
            break
        number += 1
        runtime.health.begin_anyway(target.key)
    return failure


async def attempt(passing: Passing, prepared: Prepared, take: Take) -> Failure | None:
    """One try. None when the caller has been answered (well, or by a stream that broke); else why another may be tried."""
    account, target = passing.account, prepared.target
    abort = Abort()
    passing.caller.on_leave(abort.abort)
    account.sending(prepared)
    exchange: Exchange | Failure | None = None
    try:
        exchange = await _send(passing, prepared, abort)
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
        _end(passing, target, exchange)


async def _send(passing: Passing, prepared: Prepared, abort: Abort) -> Exchange | Failure:
    target, runtime = prepared.target, passing.runtime
    destination, outgoing, deadlines = target.destination, prepared.outgoing, target.deadlines
    client = runtime.client(destination.scheme)
    if target.provider.signer is not None:
        outgoing = await runtime.credentials.sign(target.provider.signer, outgoing, destination.host_header)
        if isinstance(outgoing, Failure):
            return outgoing
    if passing.account.record.attempts:  # what others have used of the time is gone
        deadlines = msgspec.structs.replace(deadlines, total=max(0.001, _left_s(passing, target)))
    return await client.send(destination, outgoing, deadlines, abort)


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


def deliver_failure(passing: Passing, prepared: Prepared, failure: Failure) -> None:
    """The last failure, in the caller's dialect, with the provider's status and message."""
    call = passing.call
    status = failure.status if failure.status >= 400 else 502
    body = error_body(call, failure, prepared.target.lane.provider)
    extra = error_headers(failure)
    respond(call, passing.account, passing.caller, status, body, extra=extra, end="failed", error=failure)


def _begin(passing: Passing, target: Target, plan: Plan) -> bool:
    health = passing.runtime.health
    if plan.blind:
        health.begin_anyway(target.key)
        return True
    return health.begin(target.key, target.breaker, passing.runtime.clock())


def _end(passing: Passing, target: Target, exchange: Exchange | Failure | None) -> None:
    """What the try says of its target, but for its success, which was told when the answer began. One that the caller gave up
    says nothing."""
    account, health = passing.account, passing.runtime.health
    if account.failed is not None and not account.trying and not passing.caller.left:
        health.failed(target.key, target.breaker, account.sent, passing.runtime.clock(), account.failed)
    health.ended(target.key)
    if target.watched and exchange is not None and not isinstance(exchange, Failure):
        health.pulse(target.key).quota = read_quota(exchange.headers)


def _left_s(passing: Passing, target: Target) -> float:
    """What is left of the time that the request may take, in seconds."""
    return passing.call.clock + target.deadlines.total - passing.runtime.clock()


def _lossy(prepared: Prepared) -> Refusal:
    lost = ", ".join(prepared.losses)
    return Refusal(
        400,
        "not_expressible",
        f"{prepared.target.provider.row.name} cannot be told this: {lost}. Leave it out, ask another provider, or take "
        "'strict' out of the config.",
        param=prepared.losses[0],
    )
