"""The attempt loop: one target after another, one try after another, until the caller has an answer or nobody is left to ask.

A retry asks the same target again, a fallback another one. Both only before the caller has seen anything of an answer: what has
begun is this target's alone. So is a hedge (`hedge.py`), which asks beside a first attempt that is slow.
"""

from __future__ import annotations

import asyncio

from lockgate.core.failure import Failure, Refusal
from lockgate.pipeline.attempt import LARGE, Make, Take, afford, attempt, begin, left_s, ready
from lockgate.pipeline.hedge import race
from lockgate.pipeline.hold import Hold
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.plan import Plan
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.recall import Recall
from lockgate.pipeline.render import error_body, error_headers
from lockgate.pipeline.respond import respond
from lockgate.pipeline.target import Target
from lockgate.policy.retry import again

#: How often providers are asked for one request, whatever a config says: callers write configs too.
MOST_TRIES = 100


async def try_targets(passing: Passing, plan: Plan, make: Make, take: Take) -> None:
    """Try the targets of a plan in turn; the last failure is the answer when none of them gives one. Raises `Refusal` when
    none could be tried."""
    if not plan.caches:
        await _try_targets(passing, plan, make, take, None)
        return
    recall = Recall(passing, take)
    try:
        await _try_targets(passing, plan, make, recall.take, recall)
    finally:
        recall.let_go()


async def _try_targets(passing: Passing, plan: Plan, make: Make, take: Take, recall: Recall | None) -> None:
    account, caller = passing.account, passing.caller
    small = len(passing.call.body) < LARGE
    account.planned(plan.route, plan.decisions)
    target: Target | None = plan.first()
    last: tuple[Prepared, Failure] | None = None
    while target is not None:
        try:
            prepared = ready(make, target) if small else await asyncio.to_thread(ready, make, target)
            if recall is not None and target.cache is not None and await recall.serves(prepared, target.cache):
                return
            prepared, hold = await afford(passing, prepared, make)
        except Refusal as refusal:
            target = plan.refuse(refusal)
            continue
        if not begin(passing, target, plan.blind):
            if hold is not None:
                hold.release()
            target = plan.skip("its circuit is half open, and another request is probing it")
            continue
        last = await try_target(passing, plan, prepared, hold, make, take)
        if last is None:
            return
        if len(account.record.attempts) >= MOST_TRIES:
            plan.note(last[0].target.path, "left", f"{MOST_TRIES} tries are enough for one request")
            break
        if caller.left or left_s(passing, last[0].target) <= 0:
            break
        target = plan.after(last[1])
    if last is None:
        raise plan.refusal
    deliver_failure(passing, *last)


async def try_target(
    passing: Passing, plan: Plan, prepared: Prepared, hold: Hold | None, make: Make, take: Take
) -> tuple[Prepared, Failure] | None:
    """Try one target, as often as its route says, at first with what is reserved in `hold`. None when the caller has been
    answered; else why not, and whose word that is: a hedge may have moved the plan to the next target."""
    runtime, target = passing.runtime, prepared.target
    if not target.retry.attempts and target.hedge is None:
        failure = await attempt(passing, prepared, take, hold)
        return None if failure is None else (prepared, failure)
    budget = runtime.health.budget(target.key[0])
    budget.asked(runtime.clock())
    if target.hedge is not None and not passing.account.record.attempts:
        prepared, failure = await race(passing, plan, prepared, hold, target.hedge, make, take)
        target = prepared.target
        budget = runtime.health.budget(target.key[0])
    else:
        failure = await attempt(passing, prepared, take, hold)
    number = 0
    while failure is not None:
        if not target.retry.attempts or passing.caller.left or len(passing.account.record.attempts) >= MOST_TRIES:
            break
        wait = again(target.retry, number, failure, left_s=left_s(passing, target), chance=runtime.chance())
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
        try:
            prepared, hold = await afford(passing, prepared, make)
        except Refusal as refusal:
            plan.note(target.path, "left", refusal.message)
            break
        runtime.health.begin_anyway(target.key)
        failure = await attempt(passing, prepared, take, hold)
    return None if failure is None else (prepared, failure)


def deliver_failure(passing: Passing, prepared: Prepared, failure: Failure) -> None:
    """The last failure, in the caller's dialect, with the provider's status and message."""
    call = passing.call
    status = failure.status if failure.status >= 400 else 502
    body = error_body(call, failure, prepared.target.lane.provider)
    extra = error_headers(failure)
    respond(call, passing.account, passing.caller, status, body, extra=extra, end="failed", error=failure)
