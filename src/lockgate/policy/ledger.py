"""The ledger's arithmetic: budgets, what is spent and reserved of them, and every change that there is. Pure; integers only.

    reserved   what workers hold: leases, as far as nothing is posted on them yet
    spent      what is posted; final, but for what is posted by estimate and corrected once
    overage    what answers cost beyond what was reserved for them. None, if bounds are true; it is kept apart, and counts

A worker takes a *lease* of a budget in one durable change and reserves of it for attempts in memory (`policy.teller`); what
attempts cost it posts later, many at once, and what it does not need it returns. A lease is open until its worker is done with
it, or is gone:

    open -> closed    its worker, or whoever read the worker's journal, knows what was spent: the rest is free
    open -> swept     nobody knows: all of it is posted, by estimate, so whatever its worker still does is paid for
    swept -> closed   somebody does know after all: the difference is given back

At all times, of a hard budget: spent + reserved <= ceiling, which is the highest cap that the window has had; and nothing is
granted unless spent + reserved + overage + it <= cap. Of every budget: spent is the sum of what its leases have posted,
reserved the sum of what open ones have not, so nothing is counted twice or lost.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.failure import Refusal
from lockgate.core.limits import MOST
from lockgate.policy.window import Period, Window

Measure = Literal["cost", "tokens", "requests"]
MEASURES: tuple[Measure, ...] = ("cost", "tokens", "requests")

_NANO = 1_000_000_000
_SECOND = 1_000_000


class Budget(msgspec.Struct, frozen=True):
    """How much may be used in a window: nano-USD, tokens or requests. Raises `ValueError` for amounts that cannot be.

    `hard`: nothing is sent that might exceed it; a soft one is watched alone. `alerts` are amounts at which somebody wants to
    be told (at the cap always). Of two budgets with one id the one with the higher `revision` holds. `scope` says for people
    what it belongs to ("key marketing").
    """

    id: str
    cap: int
    measure: Measure = "cost"
    hard: bool = True
    period: Period = Period()
    alerts: tuple[int, ...] = ()
    revision: int = 0
    scope: str = ""

    def __post_init__(self) -> None:
        for amount in (self.cap, *self.alerts):
            if not 0 <= amount <= MOST:
                raise ValueError(f"an amount of a budget lies between 0 and {MOST}, not at {amount}")


class Balance(msgspec.Struct):
    """One budget in one window."""

    budget: str
    window: Window
    ceiling: int = 0
    spent: int = 0
    reserved: int = 0
    overage: int = 0

    def room(self, budget: Budget) -> int:
        """What is left; less than nothing when the cap was lowered."""
        return budget.cap - self.spent - self.reserved - self.overage


LeaseState = Literal["open", "swept", "closed"]


class Lease(msgspec.Struct):
    """What one worker (`epoch`) has of one budget in one window. `posted` is spent of it; the rest of `granted` is reserved.
    `told` is what its worker has posted: less than `posted` once the lease has been swept."""

    epoch: int
    number: int
    budget: str
    window: str
    hard: bool
    granted: int = 0
    posted: int = 0
    told: int = 0
    overage: int = 0
    state: LeaseState = "open"


class Want(msgspec.Struct, frozen=True):
    """A worker needs `need` of a budget, and would like `want`. It gives `give` back first, what it has left of its lease
    `number` (0: it has none). `fresh` is the number of the lease that it gets when that one will not do; several wants may
    name the same."""

    budget: Budget
    need: int
    want: int
    number: int
    fresh: int
    give: int = 0


class Allotment(msgspec.Struct, frozen=True):
    """`amount` more of a lease. `share` is what the worker might have of the rest, next time; `room` is all of the rest."""

    number: int
    amount: int
    window: Window
    hard: bool
    share: int
    room: int = 0


class Short(msgspec.Struct, frozen=True):
    """Why nothing is granted: what is spent leaves no room ("exhausted"), or what others hold does, for now ("contended").

    `room` is what an attempt could have at most, now or when the others are done. `ends_us`: when the window ends.
    """

    budget: Budget
    why: Literal["exhausted", "contended"]
    need: int
    room: int
    ends_us: int | None


class Line(msgspec.Struct, frozen=True):
    """News of a lease since the last: `posted`, `overage` and `returned` amounts. `done`: it is not used any more."""

    number: int
    posted: int
    overage: int
    returned: int
    done: bool


class Alert(msgspec.Struct, frozen=True):
    """A threshold has been crossed: told once a window."""

    budget: str
    window: str
    threshold: int
    cap: int
    spent: int
    at_us: int


class Contradiction(Exception):
    """What cannot be: a fault of ours, or rows that somebody else has changed. Nothing of it may be committed."""


# --- leases


def lease_size(room: int, workers: int, need: int, want: int) -> int:
    """How much to grant where there is room for `need`: half of everybody's fair share at most, so that leases shrink as the
    cap comes near, down to single reservations."""
    return max(need, min(room // (2 * workers), want))


def open_lease(budget: Budget, balance: Balance, epoch: int, number: int) -> Lease:
    """A new lease, with nothing in it yet."""
    balance.ceiling = max(balance.ceiling, budget.cap if budget.hard else MOST * 4)
    return Lease(epoch, number, budget.id, balance.window.id, budget.hard)


def refuse(budget: Budget, balance: Balance, need: int) -> Short | None:
    """Why there is no room for `need`; None: there is. For nothing there always is."""
    if not budget.hard or need <= max(0, balance.room(budget)):
        return None
    free = budget.cap - balance.spent - balance.overage
    why = "exhausted" if need > free else "contended"
    return Short(budget, why, need, max(0, free), balance.window.end_us)


def grant(budget: Budget, balance: Balance, lease: Lease, want: Want, workers: int) -> Allotment:
    """Grant what `refuse` had nothing against."""
    room = balance.room(budget)
    amount = 0
    if lease.hard:
        amount = lease_size(room, workers, want.need, want.want)
        balance.ceiling = max(balance.ceiling, budget.cap)
        balance.reserved += amount
        lease.granted += amount
    return Allotment(lease.number, amount, balance.window, lease.hard, share(budget, balance, workers), balance.room(budget))


def share(budget: Budget, balance: Balance, workers: int) -> int:
    """What one worker might have of the room there is."""
    return balance.room(budget) // (2 * workers)


def write(line: Line, lease: Lease, balance: Balance) -> None:
    """Post the news of an open lease. Raises `Contradiction` for what its worker never had."""
    _post(lease, balance, line.posted, line.overage)
    lease.told += line.posted
    give_back(lease, balance, line.returned)
    if line.done:
        _must(not lease.hard or lease.granted == lease.posted, "a lease that is done with still holds something")
        lease.state = "closed"


def give_back(lease: Lease, balance: Balance, amount: int) -> None:
    """Return what is not needed of an open lease."""
    _must(0 <= amount <= lease.granted - lease.posted, "more returned than held")
    lease.granted -= amount
    balance.reserved -= amount


def sweep(lease: Lease, balance: Balance) -> None:
    """Post all of a lease whose worker is silent. One that is not open stays as it is."""
    if lease.state != "open":
        return
    if lease.hard:
        _post(lease, balance, lease.granted - lease.posted, 0)
    lease.state = "swept"


def close(lease: Lease, balance: Balance, paid: int, overage: int) -> None:
    """End a lease on which `paid` and `overage` were spent beyond what its worker has told. One that is closed stays as it
    is."""
    if lease.state == "closed":
        return
    posted = lease.told + paid
    _must(not lease.hard or lease.told <= posted <= lease.granted, "more spent than held")
    if lease.hard and lease.state == "open":
        balance.reserved -= lease.granted - lease.posted
    balance.spent += posted - lease.posted
    balance.overage += overage
    lease.granted = lease.posted = lease.told = posted
    lease.overage += overage
    lease.state = "closed"


def correct(lease: Lease, balance: Balance, charged: int, actual: int) -> None:
    """What was posted as `charged`, by estimate, was `actual`. Its lease is closed."""
    paid = min(actual, charged) if lease.hard else actual
    lease.granted += paid - charged
    lease.posted += paid - charged
    lease.told = lease.posted
    lease.overage += actual - paid
    balance.spent += paid - charged
    balance.overage += actual - paid


def total(whole: Lease, lease: Lease) -> None:
    """Let one closed lease stand for another one as well, which is forgotten."""
    whole.granted += lease.posted
    whole.posted += lease.posted
    whole.told += lease.posted
    whole.overage += lease.overage


def _must(claim: bool, otherwise: str) -> None:
    """Not an assertion: those can be switched off."""
    if not claim:
        raise Contradiction(otherwise)


def _post(lease: Lease, balance: Balance, paid: int, overage: int) -> None:
    _must(paid >= 0, "less than nothing posted")
    if lease.hard:
        _must(lease.posted + paid <= lease.granted, "more posted than held")
        balance.reserved -= paid
    else:
        lease.granted += paid
    lease.posted += paid
    lease.overage += overage
    balance.spent += paid
    balance.overage += overage


# --- what people are told


def crossed(budget: Budget, balance: Balance, before: int, now_us: int) -> list[Alert]:
    """The thresholds between what had been used before and what has been used now."""
    used = balance.spent + balance.overage
    if used <= before:
        return []
    return [
        Alert(budget.id, balance.window.id, threshold, budget.cap, used, now_us)
        for threshold in sorted({*budget.alerts, budget.cap})
        if before < threshold <= used
    ]


def refusal(short: Short, now_us: int) -> Refusal:
    """Our no. An exhausted budget is a 412, as callers of other gateways expect and no SDK tries again; a contended one a 429
    that may be tried in a second."""
    budget = short.budget
    whose = budget.scope or f"budget {budget.id}"
    if short.why == "contended":
        return Refusal(
            429,
            "budget_contended",
            f"The budget of {whose} is held by requests under way. Try again in a second.",
            scope=budget.scope,
            rule=budget.id,
            retry_after=1.0,
        )
    left, cap, need = (amount(budget.measure, each) for each in (short.room, budget.cap, short.need))
    again = "Raise it to go on."
    after = None
    if short.ends_us is not None:
        after = max(0, short.ends_us - now_us) / _SECOND
        again = f"It begins anew in {_span(int(after))}; raise it to go on before."
    return Refusal(
        412,
        "budget_exhausted",
        f"The budget of {whose} is used up: of {cap} {left} is left, and this request may need {need}. {again}",
        scope=budget.scope,
        rule=budget.id,
        retry_after=after,
    )


def unbounded(budget: Budget, why: str) -> Refusal:
    """Our no to what might cost anything."""
    whose = budget.scope or f"budget {budget.id}"
    return Refusal(
        400,
        "budget_unbounded",
        f"The budget of {whose} is hard, and what this request may use at most cannot be told: {why}.",
        scope=budget.scope,
        rule=budget.id,
    )


def unavailable(budget: Budget) -> Refusal:
    """Our no while nobody can say what is left."""
    whose = budget.scope or f"budget {budget.id}"
    return Refusal(
        503,
        "budget_unavailable",
        f"The budget of {whose} cannot be consulted now, and it is hard. Try again shortly.",
        scope=budget.scope,
        rule=budget.id,
        retry_after=1.0,
    )


def amount(measure: Measure, value: int) -> str:
    """An amount for people: "$1.25", "1,200 tokens"."""
    if measure != "cost":
        return f"{value:,} {measure}"
    dollars, nano = divmod(value, _NANO)
    digits = f"{nano:09d}".rstrip("0").ljust(2, "0")
    return f"${dollars:,}.{digits}"


def _span(seconds: int) -> str:
    """How long, in the largest whole unit."""
    for size, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            number = seconds // size
            return f"{number} {name}{'' if number == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


# --- what nobody counted


def unknown(most: int, heard: int, partial: int, per_second: int) -> int:
    """What to charge where the provider never told its usage: a tenth more than what was heard, or what it did tell if that is
    more; what it may have made in the second until it heard of our leaving; and never more than the bound `most`.

    All in one measure: `heard` is an estimate of what came, `per_second` of what comes in a second.
    """
    return min(most, max(-(-11 * heard // 10), partial) + per_second)
