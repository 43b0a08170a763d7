"""`Ledger`: one worker's way to the money. What the attempt loop calls.

Within a lease, reserving and settling are arithmetic in memory. Where a lease is empty, or others hold the rest of a budget,
the caller waits a moment (`waiting`). A ledger that cannot be reached costs nobody his leases; beyond them, hard budgets refuse
and soft ones let pass.

All of this runs in the event loop, but for the database, which a `Hand` touches. A timer tells the ledger the news every
`TICK_S`, and every `BEAT_S` that the worker lives.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import msgspec

from lockgate.core.failure import Refusal
from lockgate.policy.bound import Ask, Bound, Capacity, Ceiling, bound, fit
from lockgate.policy.ledger import Alert, Budget, Short, refusal, unavailable, unbounded
from lockgate.policy.purse import HELD, POSTED, Account, Reservation
from lockgate.policy.teller import Teller
from lockgate.stores.ledger.book import Book
from lockgate.stores.ledger.hand import Hand
from lockgate.stores.ledger.journal import FileJournal, NoJournal
from lockgate.stores.ledger.recovery import recover
from lockgate.stores.ledger.session import Session
from lockgate.stores.ledger.turn import Turn
from lockgate.stores.ledger.waiting import ANSWER_S, Amounts, Queue, Waiter
from lockgate.stores.ports import StoreError

#: In seconds: between two flushes; between two signs of life; what the database does for so long, it will never finish.
TICK_S, BEAT_S, STUCK_S = 0.1, 1.0, 5.0
#: By so much, in ns, a clock goes wrong that nobody has set.
_STEP_NS = 1_000_000_000
#: The machine that tells of alerts does so for so long at least, in µs.
_ALERTS_US = 10_000_000
#: How often it is told that a budget is used up, in seconds; of so many budgets at most.
USED_UP_S, USED_UP_MOST = 60.0, 10_000
#: An attempt that is under way for so long, in µs, has been forgotten: it is charged in full.
FORGOTTEN_US = 4 * 3600 * 1_000_000


class Admitted(msgspec.Struct, frozen=True):
    """What an attempt may use: `bound.clamp`, if it is set, must be sent upstream as the most output tokens of an answer."""

    reservation: Reservation
    bound: Bound


class Ledger:
    """One worker's. `name` says for people who it is; `directory` is where the journals of this machine's workers are.

    `report` is told in words what went wrong; `alert` of each threshold that was crossed, once, in one of the workers. Both may
    be called from another thread.
    """

    def __init__(
        self,
        book: Book,
        directory: Path,
        name: str,
        *,
        report: Callable[[str], None],
        alert: Callable[[Alert], None] | None = None,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.late = 0  # attempts that had to wait
        self._book = book
        self._directory = directory
        self._name = name
        self._me = f"{os.uname().nodename} {name} {secrets.token_hex(4)}"
        self._report = report
        self._alert = alert
        self._monotonic_ns = monotonic_ns
        self._skew_ns = time.time_ns() - monotonic_ns()
        self._accounts: dict[str, Account] = {}
        self._waiters: dict[Waiter, None] = {}  # the queue's: to see that there are none costs no call
        self._used: set[Account] = set()  # those that have a purse
        self._numbers = count(1)  # of leases, in all epochs
        self._session: Session | None = None
        self._old: list[Session] = []  # epochs that are over, with something open in them
        self._nobody = Teller(NoJournal())  # where nothing is reserved
        self._bare: tuple[int, str] | None = None  # an epoch, and its token, that has no journal yet; the hand's own
        self._enrolling = self._closing = self._tidying = False
        self._beat_at = 0.0
        self._used_up: dict[str, float] = {}  # when that may be told again, by budget
        self._timer: asyncio.TimerHandle | None = None
        self._turn = Turn(directory / "leader.lock")
        self._told = ""

    def __repr__(self) -> str:
        return f"Ledger({self._name}, {self._session or 'not enrolled'})"

    # --- what the attempt loop calls

    def account(self, budget: Budget) -> Account:
        """The account of a budget, to be kept and named in reservations. The newest revision of a budget holds."""
        account = self._accounts.get(budget.id)
        if account is None:
            account = self._accounts[budget.id] = Account(budget)
        else:
            account.revise(budget)
        return account

    def left(self, budget: Budget) -> int | None:
        """What is left of a budget, as far as this worker knows; None: it has no lease of it."""
        account = self._accounts.get(budget.id)
        return None if account is None else account.left

    async def look(self, budget: Budget) -> int | None:
        """The same, asking the ledger where this worker knows nothing; None: nobody can say."""
        account = self.account(budget)
        if account.left is None:
            try:
                got = await self.hold([account], "", 0, (0, 0, 0))
            except Refusal:
                return None
            if isinstance(got, Reservation):
                self.release(got)
        return account.left

    def now_us(self) -> int:
        """The ledger's time, in µs since the epoch: steps of this machine's clock do not reach it."""
        return (self._monotonic_ns() + self._skew_ns) // 1000

    def reserve(self, accounts: Sequence[Account], id: str, attempt: int, amounts: Amounts) -> Reservation | None:
        """Reserve (nano-USD, tokens, requests) of each account, at once; None: `hold` may. Accounts are named once each."""
        session = self._session
        if session is None:
            return None
        now_us = (self._monotonic_ns() + self._skew_ns) // 1000  # as `now_us`, without the call: this is the hot path
        return session.teller.reserve(accounts, id, attempt, amounts, now_us)

    async def hold(self, accounts: Sequence[Account], id: str, attempt: int, amounts: Amounts) -> Reservation | Short:
        """Reserve, waiting for the ledger if need be; `Short`: there is no room. Raises `Refusal` 503 when nobody can say."""
        reservation = None if self._closing else self.reserve(accounts, id, attempt, amounts)
        if reservation is not None:
            return reservation
        self.late += 1
        away = self._session is None or self._closing or self._hand.busy_s() > ANSWER_S
        outcome = await self._queue.wait(accounts, id, attempt, amounts, away=away)
        if isinstance(outcome, StoreError):
            raise unavailable(next((account.budget for account in accounts if account.budget.hard), accounts[0].budget))
        return outcome

    async def admit(
        self,
        accounts: Sequence[Account],
        id: str,
        attempt: int,
        ask: Ask,
        capacity: Capacity,
        price: Ceiling | None,
        *,
        requests: int = 1,
    ) -> Admitted:
        """Reserve for one attempt the most that it can use; if there is less room, and its answer's length is ours to set, for
        a shorter answer. Raises `Refusal`: 400 what it may use cannot be told, 412 or 429 there is no room, 503 nobody can say.
        """
        found = bound(ask, capacity, price)
        while True:
            if found.cost is None or found.tokens is None:
                _check(found, accounts)
            amounts = (found.cost or 0, found.tokens or 0, requests)
            got = self.reserve(accounts, id, attempt, amounts) or await self.hold(accounts, id, attempt, amounts)
            if isinstance(got, Reservation):
                return Admitted(got, found)
            shorter = _shorter(got, ask, capacity, price)
            if shorter is None or (found.tokens is not None and (shorter.tokens or 0) >= found.tokens):
                if got.why == "exhausted":
                    self._tell_used_up(got.budget)
                raise refusal(got, self.now_us())
            found = shorter

    def settle(self, reservation: Reservation, amounts: Amounts) -> bool:
        """Charge an attempt what it cost. False: it had been resolved before, and nothing happens."""
        teller = reservation.teller
        breaches = teller.breaches
        done = teller.settle(reservation, amounts, (self._monotonic_ns() + self._skew_ns) // 1000)
        if teller.breaches != breaches:
            self._report(f"ledger: {reservation} cost {amounts}, which is more than its bound")
        if self._waiters:
            self._queue.look_soon()
        return done

    def release(self, reservation: Reservation) -> None:
        """The end of an attempt, whatever became of it: nothing, if it was settled; void, if it was never dispatched; else it
        is charged in full, since nobody says what it cost."""
        if reservation.state >= POSTED:
            return
        if reservation.state == HELD:
            reservation.teller.void(reservation)
            self._queue.look_soon()
        else:
            self.settle(reservation, reservation.amounts)

    def _tell_used_up(self, budget: Budget) -> None:
        """Somebody was refused: have that told. (A cap itself is hardly ever reached: what is left is too little for any.)"""
        now = self._loop.time()
        if now < self._used_up.get(budget.id, 0.0):
            return
        if len(self._used_up) >= USED_UP_MOST:
            self._used_up.clear()
        self._used_up[budget.id] = now + USED_UP_S

        def job() -> None:
            try:
                self._book.used_up(budget)
            except StoreError as error:
                self._say(str(error))

        self._hand.do(job)

    # --- its life

    async def start(self) -> None:
        """Begin: enrol, if the ledger can be reached, and tick from now on."""
        self._loop = asyncio.get_running_loop()
        self._hand = Hand()
        self._queue = Queue(lambda: self._session, self.now_us, self._let_pass, self._used.update, self._say)
        self._waiters = self._queue.waiters
        enrolled = self._loop.create_future()
        self._enrol(enrolled)
        await asyncio.wait([enrolled], timeout=3 * ANSWER_S)
        self._timer = self._loop.call_later(TICK_S, self._tick)

    async def close(self, wait_s: float = 5.0) -> None:
        """End: tell all news, return all leases. What is still open is left to whoever reads the journal."""
        self._closing = True
        if self._timer is not None:
            self._timer.cancel()
        self._queue.dismiss()
        until = self._loop.time() + wait_s
        while self._loop.time() < until and (self._old or (self._session and not self._at_end(self._session))):
            self._drain()
            await asyncio.sleep(0.01)
        if self._session is not None and self._session.at_rest:
            self._session.end()
        if not self._hand.stop(max(0.1, until - self._loop.time())):
            self._book.interrupt()
            self._hand.stop(1.0)
        for session in self._sessions():
            session.leave()
        self._turn.end()
        self._book.shut()

    def _at_end(self, session: Session) -> bool:
        session.teller.retire()
        session.send_news(self.now_us())
        return session.at_rest

    def _enrol(self, enrolled: asyncio.Future[None] | None = None) -> None:
        """Begin an epoch; where the ledger cannot be reached, some later tick tries again."""
        self._enrolling = True

        def job() -> None:
            made: tuple[int, FileJournal] | None = None
            if self._closing:
                return
            try:
                if self._bare is None:
                    token = secrets.token_hex(16)
                    self._bare = self._book.enroll(self._name, os.uname().nodename, token), token
                epoch, token = self._bare
                made = epoch, FileJournal(self._directory, epoch, token)
                self._bare = None
            except StoreError as error:
                self._say(str(error))
            self._loop.call_soon_threadsafe(self._enrolled, made, enrolled)

        self._hand.do(job)

    def _enrolled(self, made: tuple[int, FileJournal] | None, enrolled: asyncio.Future[None] | None) -> None:
        self._enrolling = False
        if made is not None:
            epoch, journal = made
            self._session = Session(
                self._book,
                journal,
                epoch,
                self._hand,
                self._numbers,
                hear=self._hear,
                over=self._over,
                say=self._say,
                again_s=TICK_S,
            )
        if enrolled is not None and not enrolled.done():
            enrolled.set_result(None)

    def _over(self, session: Session, why: str) -> None:
        """Somebody took us for lost: what is open is seen to its end, and another epoch begins."""
        self._say(f"{why}; this worker goes on in a new epoch")
        self._old.append(session)
        self._session = None
        for account in self._used:
            account.drop()
        self._used.clear()
        self._enrol()

    def _drain(self) -> None:
        """End old epochs in which nothing is open any more."""
        for session in [session for session in self._old if not session.teller.open]:
            self._old.remove(session)
            session.end()

    def _hear(self, now_us: int) -> None:
        before, self._skew_ns = self._skew_ns, now_us * 1000 - self._monotonic_ns()
        if abs(self._skew_ns - before) > _STEP_NS:
            for session in self._sessions():
                session.teller.step((self._skew_ns - before) // 1000)
        self._told = ""

    def _sessions(self) -> list[Session]:
        return self._old if self._session is None else [*self._old, self._session]

    def _let_pass(self, waiter: Waiter) -> Reservation:
        reservation = self._nobody.reserve((), waiter.id, waiter.attempt, waiter.amounts, self.now_us())
        assert reservation is not None, "there is always room for nothing"
        return reservation

    # --- from time to time

    def _tick(self) -> None:
        self._timer = self._loop.call_later(TICK_S, self._tick)
        if self._hand.busy_s() > STUCK_S:
            self._book.interrupt()
        if self._session is None and not self._enrolling:
            self._enrol()
        self._drain()
        if self._loop.time() >= self._beat_at:
            self._beat_at = self._loop.time() + BEAT_S
            self._beat()
        if self._session is not None:
            self._session.send_news(self.now_us())

    def _beat(self) -> None:
        """A sign of life; what is idle goes back; who is gone is buried."""
        now_us = self.now_us()
        for session in self._sessions():
            for reservation in session.teller.overdue(now_us - FORGOTTEN_US):
                self._say(f"{reservation} was forgotten, and is charged in full")
                self.release(reservation)
        if self._session is not None:
            for account in self._session.teller.rest(list(self._used), now_us):
                self._used.discard(account)
                self._accounts.pop(account.budget.id, None)
            self._session.beat()
        self._nobody.flushed(self._nobody.posted)
        if not self._tidying:
            self._tidying = True
            self._hand.do(self._keep_house)

    # --- in the hand

    def _keep_house(self) -> None:
        """One worker of a machine buries the dead, and tells of alerts."""
        try:
            if self._turn.has_come():
                recover(self._book, self._directory)
                self._book.tend()
                if self._alert is not None and self._book.lead("alerts", self._me, _ALERTS_US):
                    alerts = self._book.alerts()
                    for alert in alerts:
                        self._alert(alert)
                    if alerts:
                        self._book.told(alerts)
        except StoreError as error:
            self._say(str(error))
        finally:
            self._tidying = False

    def _say(self, what: str) -> None:
        """Report, but not the same again and again."""
        if what != self._told:
            self._told = what
            self._report(f"ledger: {what}")


def _check(found: Bound, accounts: Sequence[Account]) -> None:
    """Raises `Refusal` where a hard budget is in what has no bound."""
    for account in accounts:
        most = {"cost": found.cost, "tokens": found.tokens, "requests": found.requests}[account.budget.measure]
        if most is None and account.budget.hard:
            raise unbounded(account.budget, found.why)


def _shorter(short: Short, ask: Ask, capacity: Capacity, price: Ceiling | None) -> Bound | None:
    """The same attempt with as long an answer as there is room for."""
    if short.budget.measure == "requests":
        return None
    return fit(ask, capacity, price, *((short.room, None) if short.budget.measure == "cost" else (None, short.room)))
