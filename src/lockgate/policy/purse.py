"""What one worker holds of budgets, and for whom.

    HELD         reserved; nothing has been sent
    DISPATCHED   the request is on its way: whatever becomes of it, it may be charged
    POSTED       it has been charged what it cost
    VOIDED       it was never sent, and cost nothing

A `Purse` is one lease in memory (`policy.ledger.Lease`), an `Account` the budget that it is of, a `Reservation` what one
attempt may use. What is done with them `policy.teller` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from lockgate.policy.ledger import MEASURES, MOST, Budget
from lockgate.policy.window import LIFETIME, Window

HELD, DISPATCHED, POSTED, VOIDED = range(1, 5)
STATES: tuple[Literal["held", "dispatched", "posted", "voided"], ...] = ("held", "dispatched", "posted", "voided")

#: What a purse of a soft budget has, as good as everything.
PLENTY = 4 * MOST
FOREVER = 2**62
_SECOND = 1_000_000
#: How long, in µs, the pace of spending is measured, and what it is told for.
_PACE_US, _MINUTE = 5 * _SECOND, 60 * _SECOND


class Journal(Protocol):
    """Where a worker writes what it is doing, before it does it. Calls are memory accesses; they cannot fail."""

    def open(self, id: str, attempt: int, numbers: Sequence[int], cost: int, tokens: int, requests: int) -> int:
        """A slot for a reservation on the leases `numbers`, HELD; -1 when there is none left."""
        ...

    def dispatch(self, slot: int) -> None:
        """It is about to be sent."""
        ...

    def post(self, slot: int, seq: int, cost: int, tokens: int, requests: int) -> None:
        """It cost so much. The slot is taken until `free`."""
        ...

    def free(self, slot: int) -> None:
        """The slot says nothing any more."""
        ...


class Purse:
    """One lease in one worker. `spare` is what can be reserved of it; `settled` and `over` are not flushed yet."""

    __slots__ = (
        "_marked",
        "_marked_us",
        "budget",
        "end_us",
        "got",
        "got_us",
        "hard",
        "measure",
        "need",
        "number",
        "open",
        "over",
        "pace",
        "retired",
        "room",
        "settled",
        "spare",
        "tight",
        "used_us",
        "window",
    )

    def __init__(self, budget: Budget, number: int, window: Window, hard: bool, now_us: int) -> None:
        self.budget = budget
        self.number = number
        self.measure = MEASURES.index(budget.measure)
        self.window = window.id
        self.end_us = FOREVER if window.end_us is None else window.end_us
        self.hard = hard
        self.spare = 0 if hard else PLENTY
        self.settled = self.over = self.open = 0
        self.need = 0  # the largest attempt
        self.tight = False  # near the cap: nothing is kept that is not needed
        self.retired = False
        self.room = 0  # what the ledger had left beside it, when it last granted something
        self.used_us = now_us
        self.pace = 0  # what is spent in a minute
        self.got, self.got_us = 0, now_us  # the last that was granted beyond need, and when
        self._marked = 0
        self._marked_us = now_us

    def __repr__(self) -> str:
        return f"Purse({self.budget.id} {self.window}: {self.spare} spare, {self.open} open, {self.settled} settled)"

    def mark(self, now_us: int) -> None:
        """Measure the pace of spending by what is settled at a flush."""
        if self.settled:
            self.used_us = now_us
            self._marked += self.settled
        passed = now_us - self._marked_us
        if passed >= _PACE_US or passed < 0:
            self.pace = self._marked * _MINUTE // passed if passed > 0 else 0
            self._marked, self._marked_us = 0, now_us


#: The purse of an account that has none: there is nothing in it, not even for nothing.
NONE = Purse(Budget("", 0), 0, LIFETIME, True, 0)
NONE.spare = -1


class Account:
    """One budget as one worker knows it. `fresh` is the number that its next lease will have; `asking`: more than is needed has
    been asked for already."""

    __slots__ = ("asking", "budget", "fresh", "purse")

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.purse = NONE
        self.fresh = 0
        self.asking = False

    def __repr__(self) -> str:
        return f"Account({self.budget.id}, {self.purse if self.has_purse else 'no purse'})"

    @property
    def has_purse(self) -> bool:
        """Whether there is a lease behind it."""
        return self.purse is not NONE

    @property
    def left(self) -> int | None:
        """What nobody has used or reserved yet of the budget, as far as this worker knows; None: it has no lease."""
        if not self.has_purse:
            return None
        purse = self.purse
        return purse.room + purse.spare if purse.hard else purse.room - (PLENTY - purse.spare)

    def holds(self, amounts: tuple[int, int, int], now_us: int) -> bool:
        """Whether its lease has enough."""
        return amounts[self.purse.measure] <= self.purse.spare and now_us < self.purse.end_us

    def revise(self, budget: Budget) -> None:
        """The budget is another now, by the same id. What is left of the old one's lease is not used any more where it would
        be for another stretch of time, or is of another kind."""
        if budget.revision > self.budget.revision:
            if self.has_purse and (budget.period, budget.hard) != (self.budget.period, self.budget.hard):
                self.purse.end_us = 0
            self.budget = budget

    def drop(self) -> None:
        """Forget the lease: its teller is another now."""
        self.purse, self.fresh, self.asking = NONE, 0, False


class Resolver(Protocol):
    """Who made a reservation, and resolves it (`policy.teller.Teller`). `breaches` counts answers above their bound."""

    journal: Journal
    breaches: int

    def settle(self, reservation: Reservation, amounts: tuple[int, int, int], now_us: int) -> bool:
        """Charge an attempt what it cost; whether it was open."""
        ...

    def void(self, reservation: Reservation) -> bool:
        """Release an attempt that was never sent; whether it was open."""
        ...


class Reservation(msgspec.Struct, eq=False):
    """What one attempt may use. Amounts are (nano-USD, tokens, requests)."""

    teller: Resolver
    id: str
    attempt: int
    purses: list[Purse]
    amounts: tuple[int, int, int]
    slot: int
    began_us: int
    state: int = HELD

    def __repr__(self) -> str:
        return f"Reservation({self.id}/{self.attempt}, {STATES[self.state - 1]}, {self.amounts})"

    def dispatch(self) -> None:
        """Tell that the request goes out now."""
        if self.state == HELD:
            self.state = DISPATCHED
            self.teller.journal.dispatch(self.slot)
