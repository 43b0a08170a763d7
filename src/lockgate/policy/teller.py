"""What one worker does with what it holds of budgets: the hot path of money. Pure, synchronous, no lock.

A reservation takes of all its purses or of none, and is resolved once. Every step is written into a journal (port
`policy.purse.Journal`) that outlives the worker, so that whoever finds it knows what was under way to the last nano-dollar.
What was posted reaches the ledger later, in flushes; each says up to which posting (`seq`) it goes, and until the ledger has
it the journal keeps it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import count

import msgspec

from lockgate.policy.ledger import MEASURES, Allotment, Line, Want
from lockgate.policy.purse import FOREVER, HELD, NONE, PLENTY, POSTED, VOIDED, Account, Journal, Purse, Reservation

_SECOND = 1_000_000
#: A lease is for at least so many attempts like this one, and for a minute like the last seconds; twice as large as the last
#: one when that was used up within a second.
_ATTEMPTS, _SOON_US = 16, _SECOND
#: How long, in µs, a purse is idle before it returns what it has.
IDLE_US = 10 * _SECOND


class Flush(msgspec.Struct, frozen=True):
    """What a worker has to tell the ledger. `seq`: all postings up to this one are in it."""

    seq: int
    lines: tuple[Line, ...]


class Teller:
    """All purses of one worker under one epoch. `now_us` is the ledger's clock, in µs since the epoch; `numbers` numbers its
    leases, and goes on in the worker's next epoch, so that what was asked for in this one is never taken for another's.

    `breaches` counts answers that cost more than their bound: it stays 0 while bounds are true.
    """

    def __init__(self, journal: Journal, numbers: Iterator[int] | None = None) -> None:
        self.journal = journal
        self.breaches = 0
        self._dirty: dict[int, Purse] = {}
        self._purses: dict[int, Purse] = {}
        self._gone: dict[int, Purse] = {}  # in the last flush for the last time
        self._seq = 0
        self._kept: deque[int] = deque()  # the slots of the last postings, which the ledger has not yet
        self._numbers = count(1) if numbers is None else numbers
        self._live: dict[int, Reservation] = {}  # by slot
        self._asked: dict[int, int] = {}  # wants under way, by the leases that they may be granted in

    def __repr__(self) -> str:
        return f"Teller({len(self._purses)} purses, {self.open} open, {len(self._kept)} not flushed)"

    # --- the hot path

    def reserve(
        self, accounts: Sequence[Account], id: str, attempt: int, amounts: tuple[int, int, int], now_us: int
    ) -> Reservation | None:
        """Reserve of all accounts (each named once), or of none: None, when one has too little (`short`)."""
        purses: list[Purse] = []
        numbers: list[int] = []
        for account in accounts:
            purse = account.purse
            spare = purse.spare - amounts[purse.measure]
            if spare < 0 or now_us >= purse.end_us:
                return _put_back(purses, amounts)
            purse.spare = spare
            purse.open += 1
            purses.append(purse)
            numbers.append(purse.number)
        slot = self.journal.open(id, attempt, numbers, *amounts)
        if slot < 0:
            return _put_back(purses, amounts)
        reservation = self._live[slot] = Reservation(self, id, attempt, purses, amounts, slot, now_us)
        return reservation

    def settle(self, reservation: Reservation, amounts: tuple[int, int, int], now_us: int) -> bool:
        """Charge an attempt what it cost. False: it has been resolved already, and nothing happens."""
        if reservation.state >= POSTED:
            return False
        reservation.state = POSTED
        self._seq = seq = self._seq + 1
        slot = reservation.slot
        self.journal.post(slot, seq, *amounts)
        self._kept.append(slot)
        reserved, dirty = reservation.amounts, self._dirty
        for purse in reservation.purses:
            measure = purse.measure
            held, paid = reserved[measure], amounts[measure]
            if paid > held and purse.hard:
                purse.over += paid - held
                paid = held
                self.breaches += 1
            purse.spare += held - paid
            purse.settled += paid
            purse.open -= 1
            dirty[purse.number] = purse
        del self._live[slot]
        return True

    def void(self, reservation: Reservation) -> bool:
        """Release an attempt that was never sent. False: it has been resolved already. One that may have been sent is not
        void: settle it."""
        if reservation.state >= POSTED:
            return False
        assert reservation.state == HELD, "an attempt that was dispatched cannot be void"
        reservation.state = VOIDED
        for purse in reservation.purses:
            purse.spare += reservation.amounts[purse.measure]
            purse.open -= 1
            self._dirty[purse.number] = purse
        del self._live[reservation.slot]
        self.journal.free(reservation.slot)
        return True

    # --- leases

    def wants(self, accounts: Sequence[Account], amounts: tuple[int, int, int], now_us: int) -> list[Want]:
        """What to ask the ledger for, so that `reserve` will do: [] when no account has too little. What the purses in question
        have left goes back with it: there may be enough of it together, and nothing for others. Only one want of an account
        at a time is for more than is needed."""
        found: list[Want] = []
        for account in accounts:
            purse, budget = account.purse, account.budget
            need = amounts[MEASURES.index(budget.measure)]
            if need <= purse.spare and now_us < purse.end_us:
                continue
            if not account.fresh:
                account.fresh = next(self._numbers)
            give = 0
            if purse.hard and purse.spare > 0:
                give, purse.spare = purse.spare, 0
            want = max(_ATTEMPTS * need, purse.pace, 2 * purse.got if now_us - purse.got_us < _SOON_US else 0)
            if account.asking or want <= need:
                want = need
            else:
                account.asking = True
            for number in (purse.number, account.fresh):
                self._asked[number] = self._asked.get(number, 0) + 1
            found.append(Want(budget, need, want, purse.number, account.fresh, give))
        return found

    def allot(self, accounts: Sequence[Account], wants: Sequence[Want], allotments: Sequence[Allotment], now_us: int) -> None:
        """The ledger has granted what was wanted."""
        by_id = {account.budget.id: account for account in accounts}
        for want, allotment in zip(wants, allotments, strict=True):
            account, number = by_id[want.budget.id], allotment.number
            purse = self._purses.get(number)
            if purse is None:
                purse = self._purses[number] = Purse(want.budget, number, allotment.window, allotment.hard, now_us)
                purse.pace = account.purse.pace
            purse.end_us = FOREVER if allotment.window.end_us is None else allotment.window.end_us  # it may have been ended
            if number == account.fresh:
                self._retire(account.purse)
                account.purse, account.fresh = purse, 0
            purse.retired = purse is not account.purse
            if purse.hard:
                purse.spare += allotment.amount
            purse.room = allotment.room if purse.hard else allotment.room + PLENTY - purse.spare
            if want.want > want.need:
                purse.got, purse.got_us = allotment.amount, now_us
            purse.need = max(purse.need, want.need)
            purse.tight = allotment.share < purse.need
            purse.used_us = now_us
            self._dirty[number] = purse
        self._answered(accounts, wants)

    def denied(self, accounts: Sequence[Account], wants: Sequence[Want], *, kept: bool = False) -> None:
        """The ledger has not. `kept`: it has not even heard of it, and what was given back was not."""
        for want in wants:
            if kept and want.give:
                self._purses[want.number].spare += want.give
        self._answered(accounts, wants)

    def _answered(self, accounts: Sequence[Account], wants: Sequence[Want]) -> None:
        for want in wants:
            for number in (want.number, want.fresh):
                self._asked[number] -= 1
                if not self._asked[number]:
                    del self._asked[number]
                if number in self._purses:
                    self._dirty[number] = self._purses[number]
            if want.want > want.need:
                for account in accounts:
                    if account.budget.id == want.budget.id:
                        account.asking = False

    def hear(self, number: int, share: int, hard: bool) -> None:
        """The ledger says of a lease what a worker may have of the rest, and whether its budget is hard now."""
        purse = self._purses.get(number)
        if purse is None:
            return
        purse.tight = share < purse.need
        if purse.tight or purse.hard != hard:
            self._dirty[number] = purse
        if purse.hard != hard:
            purse.end_us = 0  # the next attempt asks for another lease

    def flush(self, now_us: int) -> Flush | None:
        """The news since the last flush; None: there is none. The next must not be made before this one is in the ledger."""
        lines: list[Line] = []
        for number, purse in list(self._dirty.items()):
            purse.mark(now_us)
            ended = purse.retired or now_us >= purse.end_us
            returned = 0
            if purse.hard and (ended or purse.tight) and purse.spare > 0:
                returned, purse.spare = purse.spare, 0
            done = purse.retired and not purse.open and number not in self._asked
            if purse.settled or purse.over or returned or done:
                lines.append(Line(number, purse.settled, purse.over, returned, done))
            purse.settled = purse.over = 0
            if done:
                self._gone[number] = self._purses.pop(number)
            del self._dirty[number]
        if not lines and not self._kept:
            return None
        return Flush(self._seq, tuple(lines))

    def flushed(self, seq: int) -> None:
        """The ledger has all postings up to this one."""
        self._gone.clear()
        kept = self._kept
        for _ in range(seq - (self._seq - len(kept))):
            self.journal.free(kept.popleft())

    def unflush(self, flush: Flush) -> None:
        """The ledger has not, and never will: the epoch is over."""
        for line in flush.lines:
            purse = self._purses.get(line.number) or self._gone[line.number]
            purse.settled += line.posted
            purse.over += line.overage
            self._purses[line.number] = purse

    def beyond(self) -> dict[int, tuple[int, int]]:
        """What was spent (paid, overage) on each lease that the ledger has not heard of."""
        return {number: (purse.settled, purse.over) for number, purse in self._purses.items()}

    def rest(self, accounts: Sequence[Account], now_us: int) -> list[Account]:
        """Return what accounts have left that are idle, or whose window is over, with the next flush; those that are left
        without a purse."""
        bare: list[Account] = []
        for account in accounts:
            purse = account.purse
            if account.has_purse and not purse.open and (now_us - purse.used_us > IDLE_US or now_us >= purse.end_us):
                self._retire(purse)
                account.purse = NONE
            if not account.has_purse:
                bare.append(account)
        return bare

    def retire(self) -> None:
        """Return all that is not open: with the next flushes, nothing is left."""
        for purse in self._purses.values():
            self._retire(purse)

    def overdue(self, before_us: int) -> list[Reservation]:
        """Reservations that began before, oldest first."""
        return sorted((each for each in self._live.values() if each.began_us < before_us), key=lambda each: each.began_us)

    def step(self, us: int) -> None:
        """The clock was set by so much: what is under way began as long ago as before."""
        for reservation in self._live.values():
            reservation.began_us += us

    @property
    def open(self) -> int:
        """How many attempts are under way."""
        return len(self._live)

    @property
    def posted(self) -> int:
        """The number of the last posting."""
        return self._seq

    @property
    def at_rest(self) -> bool:
        """Whether nothing is under way, and the ledger has all there is to tell."""
        return not (self.open or self._dirty or self._kept or self._asked or self._gone)

    @property
    def leases(self) -> list[int]:
        """The numbers of all leases that are in use."""
        return list(self._purses)

    def _retire(self, purse: Purse) -> None:
        if purse is not NONE:
            purse.retired = True
            self._dirty[purse.number] = purse


def _put_back(purses: Sequence[Purse], amounts: tuple[int, int, int]) -> None:
    """There is too little of something, and nothing is taken of what is enough."""
    for purse in purses:
        purse.spare += amounts[purse.measure]
        purse.open -= 1
