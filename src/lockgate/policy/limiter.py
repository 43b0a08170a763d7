"""The decision: whether a request is within all of its limits, or which of them says no. All of them count it, or none does.

Cells are in a table that the workers of a machine may share; a decision is made while nobody else writes there, in a few
microseconds. A worker that cannot get at the table, or finds it full, counts by itself, with its part of the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lockgate.policy.concurrency import RING_WORDS, give_back, lend, running, width_us
from lockgate.policy.gcra import CELL_WORDS, DEBT, Rate, Words, charge, debt, hold, settle
from lockgate.policy.limits import SECOND_US, Denial, Grant, Held, Limit, Reading

#: A slot of the table: whose it is (0: nobody's), when nothing that matters is left in it any more, then the cell or the ring.
TAG, IDLE, CELL = 0, 1, 2
#: What comes after a cell, and after a ring.
BESIDE_CELL, BESIDE_RING = CELL + CELL_WORDS, CELL + RING_WORDS

#: Accounts (`Held.account`): the table that all share, this worker's own.
SHARED, OWN = 0, 1
#: Seats that are remembered, and settlements that wait for the table, at most.
_MOST_SEATS, _MOST_LATE = 65_536, 16_384


class Cells(Protocol):
    """The table. What `words` says is true between `enter` and `leave`."""

    @property
    def words(self) -> Words:
        """All numbers."""
        ...

    def enter(self) -> bool:
        """Lock the others out. False: it cannot be had now, and nothing is locked."""
        ...

    def leave(self) -> None:
        """Let the others in."""
        ...

    def seat(self, tag: int, now: int, force: bool = False) -> int:
        """Where a tag's slot begins, found or newly given; -1: the table is full. `force`: then take another's."""
        ...


class Limiter:
    """One worker's. Times are integer µs on the clock of the cells, which is the same for all who share them.

    `own` is a table that nobody else has, for what cannot be counted in `cells`; `workers` is how many share those, and
    `nodes` how many such tables there are, of which each has its part of the limits.
    """

    __slots__ = ("_cells", "_late", "_own", "_seats", "apart", "nodes", "workers")

    def __init__(self, cells: Cells, own: Cells, workers: int = 1) -> None:
        self._cells = cells
        self._own = own
        self._seats: dict[int, int] = {}
        self._late: list[tuple[Held, int, int | None]] = []  # settlements that found the table locked
        self.workers = workers
        self.nodes = 1
        self.apart = 0

    def __repr__(self) -> str:
        return f"Limiter({self._cells!r}, {self.apart} counted apart)"

    def take(self, limits: Sequence[Limit], now: int, tokens: int = 0) -> Grant | Denial:
        """Count a request in all of its limits: once in those of requests and concurrency, with so many tokens in those of
        tokens, which are to be settled. Denied: by the limit that takes longest to have room."""
        entered = self._cells.enter()
        try:
            if entered and self._late:
                self._settle_late()
            return self.decide(limits, now, tokens, entered)
        finally:
            if entered:
                self._cells.leave()

    def settle(self, grant: Grant, now: int, tokens: int | None = None) -> None:
        """A request has ended: its places are free, and it used so many tokens (None: what was reserved). Later calls do
        nothing."""
        held = grant.held
        if not held:
            return
        grant.held = []
        entered = self._cells.enter()
        try:
            for each in held:
                if entered or each.account == OWN:
                    self._settle(each, now, tokens)
                elif len(self._late) < _MOST_LATE:
                    self._late.append((each, now, tokens))
        finally:
            if entered:
                self._cells.leave()

    def renew(self, grant: Grant, now: int) -> None:
        """A request goes on running: to be said a few times within the time to live of its concurrency limits."""
        places = [each for each in grant.held if each.limit.dimension == "concurrent"]
        if not places:
            return
        entered = self._cells.enter()
        try:
            for each in places:
                if entered or each.account == OWN:
                    words, at, _ = self._find(each.limit, now, each.account == SHARED)
                    give_back(words, at + CELL, each.term)
                    each.term = self.lend(words, at, each.limit, now).term
        finally:
            if entered:
                self._cells.leave()

    def readings(self, limits: Sequence[Limit], now: int) -> list[Reading]:
        """What is left of the limits."""
        entered = self._cells.enter()
        try:
            return [self._read(limit, now, entered) for limit in limits]
        finally:
            if entered:
                self._cells.leave()

    # --- between enter and leave, of the table or of nothing

    def decide(self, limits: Sequence[Limit], now: int, tokens: int, entered: bool = True) -> Grant | Denial:
        """What `take` does with the table. Not `entered`: without it."""
        found: list[tuple[Limit, Words, int, Rate, int]] = []
        shared, seats, nodes = self._cells.words, self._seats, self.nodes
        denial: Denial | None = None
        for limit in limits:
            at = seats.get(limit.tag, -1) if entered else -1
            if at >= 0 and shared[at] == limit.tag:
                words, rate = shared, limit.rate if nodes == 1 else limit.rate.share(nodes)
            else:
                words, at, rate = self._find(limit, now, entered)
            if limit.dimension == "concurrent":
                owed = 0
                denied = running(words, at + CELL, limit.window_us, now) >= places(limit, rate)
            else:
                owed = debt(words, at + CELL, rate, now)
                denied = owed + rate.unit * (1 if limit.dimension == "requests" else tokens) > rate.cap
            if denied:
                denial = longer(denial, deny(limit, rate, owed, tokens))
            found.append((limit, words, at, rate, owed))
        if denial is not None:
            return denial
        held: list[Held] = []
        rest: list[Reading] = []
        for limit, words, at, rate, owed in found:
            if limit.dimension == "concurrent":
                place = self.lend(words, at, limit, now)
                place.account = SHARED if words is shared else OWN
                held.append(place)
                continue
            if limit.dimension == "requests":
                charge(words, at + CELL, rate, now, owed, 1)
                owed += rate.unit
            else:
                term = hold(words, at + CELL, rate, now, owed, tokens)
                owed += tokens * rate.unit
                held.append(Held(limit, tokens, term, SHARED if words is shared else OWN))
            drains_us = rate.drains_us(owed)
            words[at + IDLE] = now + drains_us + 1
            rest.append(Reading(limit, (rate.cap - owed) // rate.unit, drains_us))
        return Grant(held, rest)

    def seat(self, limit: Limit, now: int) -> int:
        """Where a limit's slot begins in the table; -1: nowhere."""
        at = self._seats.get(limit.tag, -1)
        if at >= 0 and self._cells.words[at] == limit.tag:
            return at
        at = self._cells.seat(limit.tag, now)
        if at >= 0:
            if len(self._seats) >= _MOST_SEATS:
                self._seats.clear()
            self._seats[limit.tag] = at
        return at

    def lend(self, words: Words, at: int, limit: Limit, now: int) -> Held:
        """Lend a place in a slot."""
        words[at + IDLE] = max(words[at + IDLE], now + limit.window_us + 2 * width_us(limit.window_us))
        return Held(limit, 1, lend(words, at + CELL, limit.window_us, now))

    def _find(self, limit: Limit, now: int, entered: bool) -> tuple[Words, int, Rate]:
        """Where a limit is counted, and at which rate."""
        if entered and (at := self.seat(limit, now)) >= 0:
            return self._cells.words, at, limit.rate.share(self.nodes)
        self.apart += 1
        return self._own.words, self._own.seat(limit.tag, now, force=True), limit.rate.share(self.nodes * self.workers)

    def _settle(self, held: Held, now: int, tokens: int | None) -> None:
        words, at, rate = self._find(held.limit, now, held.account == SHARED)
        if held.limit.dimension == "concurrent":
            give_back(words, at + CELL, held.term)
            return
        settle(words, at + CELL, rate, now, held.term, held.units, held.units if tokens is None else tokens)
        words[at + IDLE] = now + rate.drains_us(words[at + CELL + DEBT]) + 1

    def _settle_late(self) -> None:
        late, self._late = self._late, []
        for held, now, tokens in late:
            self._settle(held, now, tokens)

    def _read(self, limit: Limit, now: int, entered: bool) -> Reading:
        words, at, rate = self._find(limit, now, entered)
        if limit.dimension == "concurrent":
            return Reading(limit, max(0, places(limit, rate) - running(words, at + CELL, limit.window_us, now)), 0)
        owed = debt(words, at + CELL, rate, now)
        return Reading(limit, rate.room(owed), rate.drains_us(owed))


def places(limit: Limit, rate: Rate) -> int:
    """How many may run at the same time, of the part of a limit that a rate stands for; one at least."""
    return max(1, limit.value * limit.rate.unit // rate.unit)


def deny(limit: Limit, rate: Rate, owed: int, tokens: int) -> Denial:
    """The no of a limit without room."""
    if limit.dimension == "concurrent":
        return Denial(limit, SECOND_US)  # nobody knows when the next one ends
    units = tokens if limit.dimension == "tokens" else 1
    return Denial(limit, None if units > limit.burst else rate.wait_us(owed, units), units)


def longer(one: Denial | None, other: Denial) -> Denial:
    """The denial that lasts longer."""
    if one is None or other.wait_us is None:
        return other
    return other if one.wait_us is not None and other.wait_us > one.wait_us else one
