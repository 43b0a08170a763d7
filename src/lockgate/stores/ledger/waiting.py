"""The waiting room: attempts that wait for room, because a lease is empty or because others hold the rest of a budget.

Whoever finds a lease empty asks the ledger, and waits `ANSWER_S` at most. Where others hold the rest, waiters stay in their
order for `PATIENCE_S`: whatever becomes free here goes to the first of them at once, and every `_AGAIN_S` the ledger is asked
what has become free elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from lockgate.policy.ledger import Short, Want
from lockgate.policy.purse import Account, Reservation
from lockgate.stores.ledger.ports import Fenced
from lockgate.stores.ledger.session import Reply, Session
from lockgate.stores.ports import StoreError

#: In seconds: the longest wait for an answer; and for others to let go.
ANSWER_S, PATIENCE_S = 1.0, 0.25
#: While others hold the rest of a budget: how often to look again, in seconds; how many attempts at a time are tried with what
#: is here, and for how many the ledger is asked (more only keep it from those who give something back).
_AGAIN_S, _TRYING, _ASKING = 0.02, 64, 8

Amounts = tuple[int, int, int]
#: `StoreError`: nobody can say.
Outcome = Reservation | Short | StoreError


class Waiter(msgspec.Struct, eq=False):
    """One attempt. `until` is loop time; `short`: others hold the rest."""

    accounts: Sequence[Account]
    id: str
    attempt: int
    amounts: Amounts
    until: float
    future: asyncio.Future[Outcome]
    short: Short | None = None
    asking: bool = False


class Queue:
    """One worker's. `waiters` are those for whom others have to let go, in their order.

    `session` gives the session of this moment, None where there is none; `now_us` the ledger's time; `nobody` reserves where
    there is nothing to reserve of; `used` is told which accounts have got a lease.
    """

    def __init__(
        self,
        session: Callable[[], Session | None],
        now_us: Callable[[], int],
        nobody: Callable[[Waiter], Reservation],
        used: Callable[[Sequence[Account]], None],
        say: Callable[[str], None],
    ) -> None:
        self._session = session
        self._now_us = now_us
        self._nobody = nobody
        self._used = used
        self._say = say
        self._loop = asyncio.get_running_loop()
        self.waiters: dict[Waiter, None] = {}
        self._timer: asyncio.Handle | None = None  # not every loop's timers know when they are due
        self._due = 0.0

    def __repr__(self) -> str:
        return f"Queue({len(self.waiters)} waiting)"

    async def wait(
        self, accounts: Sequence[Account], id: str, attempt: int, amounts: Amounts, *, away: bool
    ) -> Reservation | Short | StoreError:
        """Wait for room. `away`: the ledger does not answer, and there is no use in asking."""
        waiter = Waiter(accounts, id, attempt, amounts, self._loop.time() + ANSWER_S, self._loop.create_future())
        if away:
            self._let_pass(waiter)
        else:
            self._ask(waiter)
        timer = self._loop.call_at(waiter.until, self._expire, waiter)
        try:
            return await waiter.future
        except asyncio.CancelledError:
            if waiter.future.done() and not waiter.future.cancelled():
                got = waiter.future.result()  # granted in the very moment that the caller left
                if isinstance(got, Reservation):
                    got.teller.void(got)
            raise
        finally:
            timer.cancel()
            self.waiters.pop(waiter, None)

    def look_soon(self, after_s: float = 0.0) -> None:
        """Look after those who wait: something may have become free."""
        when = self._loop.time() + after_s
        if self.waiters and (self._timer is None or self._due > when):
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._due = self._loop.call_at(when, self._look), when

    def dismiss(self) -> None:
        """Nobody is served any more."""
        for waiter in list(self.waiters):
            self._resolve(waiter, StoreError("this worker ends"))

    def _ask(self, waiter: Waiter) -> None:
        """Ask the ledger for what is missing; where there is no session, when there is one again."""
        session = self._session()
        if waiter.future.done():
            return
        if session is None:
            self._loop.call_later(_AGAIN_S, self._ask, waiter)
            return
        wants = session.teller.wants(waiter.accounts, waiter.amounts, self._now_us())
        if wants:
            waiter.asking = True
            session.ask(wants, lambda reply: self._answered(session, waiter, wants, reply))
        elif not self._try(waiter):
            self._resolve(waiter, StoreError("too many attempts are under way"))

    def _answered(self, session: Session, waiter: Waiter, wants: Sequence[Want], reply: Reply) -> None:
        """The ledger's answer; whoever asked may be gone by now."""
        waiter.asking = False
        teller = session.teller
        if isinstance(reply, StoreError):
            teller.denied(waiter.accounts, wants, kept=True)
            self._say(str(reply))
            self._let_pass(waiter)
        elif isinstance(reply, Fenced):
            teller.denied(waiter.accounts, wants, kept=True)
            self._loop.call_soon(self._ask, waiter)  # in the next epoch
        elif isinstance(reply, Short):
            teller.denied(waiter.accounts, wants)
            self._stand(waiter, reply)
        else:
            teller.allot(waiter.accounts, wants, reply, self._now_us())
            self._used(waiter.accounts)
            if not self._try(waiter) and waiter.short is None:
                self._ask(waiter)  # others were faster

    def _stand(self, waiter: Waiter, short: Short) -> None:
        """There is no room: for good, or as long as others hold it."""
        if short.why == "exhausted":
            self._resolve(waiter, short)
        elif waiter.short is None and not waiter.future.done():
            waiter.short = short
            waiter.until = min(waiter.until, self._loop.time() + PATIENCE_S)
            self._loop.call_at(waiter.until, self._expire, waiter)
            self.waiters[waiter] = None
            self.look_soon(_AGAIN_S)

    def _let_pass(self, waiter: Waiter) -> None:
        """The ledger cannot be asked: what hard budgets have leases for passes, and soft ones do not ask."""
        now_us = self._now_us()
        waiter.accounts = [
            account for account in waiter.accounts if account.budget.hard or account.holds(waiter.amounts, now_us)
        ]
        if not waiter.future.done() and not waiter.accounts:
            self._resolve(waiter, self._nobody(waiter))
        elif not self._try(waiter):
            self._resolve(waiter, StoreError("the ledger cannot be reached"))

    def _try(self, waiter: Waiter) -> bool:
        """Reserve, now that there may be room; whether the waiter knows what he waited for."""
        session = self._session()
        if not waiter.future.done() and session is not None:
            reservation = session.teller.reserve(waiter.accounts, waiter.id, waiter.attempt, waiter.amounts, self._now_us())
            if reservation is not None:
                self._resolve(waiter, reservation)
        return waiter.future.done()

    def _look(self) -> None:
        """Whoever waits longest comes first."""
        self._timer = None
        for number, waiter in enumerate(list(self.waiters)[:_TRYING]):
            if not self._try(waiter) and not waiter.asking and number < _ASKING:
                self._ask(waiter)
        self.look_soon(_AGAIN_S)

    def _expire(self, waiter: Waiter) -> None:
        self._resolve(waiter, waiter.short or StoreError("the ledger does not answer"))

    def _resolve(self, waiter: Waiter, outcome: Outcome) -> None:
        """Tell a waiter, unless he has been told, or has left."""
        self.waiters.pop(waiter, None)
        if not waiter.future.done():
            waiter.future.set_result(outcome)
