"""Letting requests in, within the limits of whoever asks, and attempts, within what they may use.

A request counts once in the limits of requests of whoever asks (`let_in`). Each attempt reserves what it may use of budgets, of
limits of tokens, and of what may be asked of its target (`reserve`), and is charged what it cost.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Refusal
from lockgate.core.sheet import Sheet
from lockgate.dialects.demand import ANYTHING, ask_of
from lockgate.pipeline.allowance import Allowances
from lockgate.pipeline.hold import Entry, Hold
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.runtime import Runtime
from lockgate.policy.bound import Ask
from lockgate.policy.limits import Denial, Grant, Limit
from lockgate.stores.limits.local import now_us
from lockgate.stores.limits.port import RateLimits

#: What an answer is taken to have, in tokens, where nobody says how long it may be; and a picture.
ANSWER, PICTURE = 1_024, 1_600
#: Requests that change nothing at a provider, and cost nothing there.
_FREE = frozenset(("GET", "HEAD", "DELETE"))


async def let_in(call: Call, principal: Principal, allowances: Allowances, runtime: Runtime) -> Entry:
    """Let a request in. Raises `Refusal` 429."""
    allowance = allowances.caller(call, principal)
    if not allowance.counts:
        return Entry(allowance, None, None)
    limits = runtime.limits
    assert limits is not None, "limits are opened before a world that has some is served"
    entry = Entry(allowance, limits, await _granted(limits, allowance.counts, 0))
    if entry.running:
        runtime.running.add(entry)
    return entry


def let_out(entry: Entry, runtime: Runtime) -> None:
    """The request has ended."""
    runtime.running.discard(entry)
    entry.leave()


async def reserve(passing: Passing, entry: Entry, prepared: Prepared) -> Hold | None:
    """Reserve for an attempt; None: nobody limits it. Raises `Refusal`."""
    call, snapshot, account = passing.call, passing.snapshot, passing.account
    if snapshot.allowances is None or (prepared.verbatim and call.method in _FREE):
        return None
    own = entry.allowance
    target = snapshot.allowances.target(call, passing.principal, account.record.route, prepared.target)
    budgets, tokens = own.budgets + target.budgets, own.tokens + target.tokens
    if call.operation == "count":  # which is free
        budgets = tokens = ()
    limits = target.counts + tokens
    if not budgets and not limits:
        return None
    ask = _ask(prepared) if budgets or tokens else Ask()
    counter, grant = passing.runtime.limits, None
    if limits:
        assert counter is not None, "limits are opened before a world that has some is served"
        grant = await _granted(counter, limits, expected(ask, tokens))
    if not budgets:
        return Hold(counter, grant, None, None, None)
    ledger = passing.runtime.ledger
    assert ledger is not None, "the ledger is opened before a world with budgets is served"
    provider = prepared.target.provider
    worst = snapshot.worst.of(provider.row, prepared.target.model, call.time_us, provider.known_by)
    accounts = [ledger.account(budget) for budget in budgets]
    account.tries += 1
    try:
        admitted = await ledger.admit(accounts, call.id, account.tries, ask, worst.capacity, worst.ceiling)
    except BaseException:
        if grant is not None and counter is not None:
            counter.settle(grant, now_us(), 0)
        raise
    return Hold(counter, grant, ledger, admitted.reservation, admitted.bound)


def expected(ask: Ask, limits: Sequence[Limit]) -> int:
    """The tokens that an attempt will use, about: what limits of tokens count until it is known. No more than each of them
    admits at once, so that nothing is refused for good."""
    found = ask.text_bytes // 4 + (ask.images or 0) * PICTURE + ask.answers * (ask.max_output or ANSWER)
    for limit in limits:
        found = min(found, limit.burst)
    return found


async def _granted(limits: RateLimits, wanted: tuple[Limit, ...], tokens: int) -> Grant:
    answer = limits.take(wanted, now_us(), tokens)
    if answer is None:
        answer = await limits.ask(wanted, tokens)
    if isinstance(answer, Denial):
        raise answer.refusal()
    return answer


def _ask(prepared: Prepared) -> Ask:
    """What goes out asks for."""
    body, sheet = prepared.outgoing.body, prepared.sheet
    if not isinstance(body, bytes):
        return ANYTHING
    if not body:
        return Ask(answers=0)
    try:
        sheet = sheet or Sheet.open(body)
    except Refusal:  # what passes unread need not be JSON
        return ANYTHING
    ask = ask_of(prepared.target.lane.provider, sheet, len(body))
    if prepared.verbatim or prepared.target.passthrough:  # nothing is put into what passes as it is
        return msgspec.structs.replace(ask, clamps=False)
    return ask
