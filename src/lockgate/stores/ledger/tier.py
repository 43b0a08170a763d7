"""A ledger with a pool in front of it: what workers need next is granted from a place that is quick to ask.

The ledger grants all workers together a lease (`policy.pool`), the pool divides it among them. A worker that takes of it writes
that down beside its journal and tells the ledger with its next news, so that the ledger stays the one record of money: it knows
at all times how much is outside of it, and when a pool is lost nothing is but what nobody had taken, until all workers have
said what they have. Near the cap, and whenever the pool does not answer, workers ask the ledger itself.

Whenever something may have been lost (no answer, an old copy, a worker that died), a new generation begins, and the old one's
rest is free again as soon as all workers know.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from lockgate.policy.ledger import Allotment, Contradiction, Want
from lockgate.policy.pool import Filled
from lockgate.policy.teller import Flush
from lockgate.stores.ledger.book import Answer, Book, Doubt, Finding, PoolNews
from lockgate.stores.ledger.change import SILENT_US, Op
from lockgate.stores.ledger.journal import MOVES
from lockgate.stores.ledger.moves import Moves
from lockgate.stores.ledger.ports import Database, Key
from lockgate.stores.ports import StoreError

#: How long the pool is left alone after it did not answer; how old what the ledger said may be; in seconds.
AGAIN_S, FRESH_S = 1.0, 5.0
#: What is not used for so long goes back; and the one machine that sees to that does so for as long. In µs.
IDLE_US = 10_000_000


class Gone(Exception):
    """The generation is not in the pool: nothing was done."""


class Ask(msgspec.Struct, frozen=True):
    """A budget in a window: how much is needed of it, and how much would be taken."""

    key: Key
    need: int
    want: int
    revision: int


class Taken(msgspec.Struct, frozen=True):
    """What was taken, of the pool's lease `source`. `share`: what a worker might have had of what is not in the pool."""

    source: int
    amount: int
    share: int


class Rest(msgspec.Struct, frozen=True):
    """What was left in a pool, and is taken out of it."""

    key: Key
    source: int
    amount: int


class Pool(Protocol):
    """Where pools are kept. Each call may raise `StoreError`, and then nobody knows whether it was done; and, but for `begin`,
    `Gone`."""

    def begin(self, ledger: str, generation: int) -> None:
        """Begin a generation, unless it is there already, or a later one is. `ledger` is a name like no other's."""
        ...

    def take(self, generation: int, workers: int, asks: Sequence[Ask]) -> list[Taken] | list[Rest]:
        """Take all that is asked for; or empty the pools that have too little."""
        ...

    def put(self, generation: int, filled: Sequence[Filled]) -> None:
        """Put into pools what the ledger has granted for them."""
        ...

    def empty(self, generation: int, keys: Sequence[Key]) -> list[Rest]:
        """Take all that is in these pools."""
        ...

    def rest(self, generation: int, idle_us: int) -> list[Rest]:
        """Take all that is in pools which were not used for so long."""
        ...

    def close(self) -> None: ...


class _Own(msgspec.Struct, eq=False):
    """An epoch of this process: what it took, and the windows of its leases of hard budgets."""

    moves: Moves
    windows: dict[int, str] = {}


class TieredBook(Book):
    """A `Book` with a pool. `directory` is where this machine's journals are; `monotonic` gives seconds."""

    def __init__(
        self,
        database: Database,
        pool: Pool,
        directory: Path,
        *,
        silent_us: int = SILENT_US,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(database, silent_us=silent_us)
        self.quickly = 0  # wants that the ledger was not asked for
        self._pool = pool
        self._directory = directory
        self._monotonic = monotonic
        self._me = f"{os.uname().nodename} {secrets.token_hex(8)}"
        self._own: dict[int, _Own] = {}
        self._ledger = ""
        self._generation = 0
        self._begun = False  # the pool has been told of it
        self._doubt = False  # something of it may have been lost
        self._again_s = 0.0
        self._heard_s = float("-inf")
        self._skew_us = 0
        self._workers = 1

    def __repr__(self) -> str:
        return f"TieredBook({self._database}, {self._pool}, generation {self._generation})"

    def enroll(self, name: str, host: str = "", token: str = "") -> int:
        number = super().enroll(name, host, token)
        self._own[number] = _Own(Moves(self._directory / f"{number:012d}{MOVES}"))
        self._adopt(self.begin_pool(-1)[0])
        return number

    def quick(self, epoch: int, wants: Sequence[Want]) -> tuple[Allotment, ...] | None:
        own = self._own.get(epoch)
        if own is None or self._monotonic() - self._heard_s > FRESH_S or not self._ready():
            return None
        now_us = int(self._monotonic() * 1e6) + self._skew_us
        windows = [want.budget.period.window(now_us) for want in wants]
        numbers = [_number(own, want, window.id) for want, window in zip(wants, windows, strict=True)]
        asks = [
            Ask((want.budget.id, window.id), max(0, want.need - want.give), max(0, want.want - want.give), want.budget.revision)
            for want, window in zip(wants, windows, strict=True)
        ]
        if not all(numbers):
            return None
        try:
            found = self._pool.take(self._generation, self._workers, asks)
            taken = [each for each in found if isinstance(each, Taken)]
            rests = [(each.source, 0, each.amount) for each in found if isinstance(each, Rest)]
            if len(taken) < len(asks):
                own.moves.add(self._generation, rests)
                return None
            own.moves.add(
                self._generation, [(each.source, number, each.amount) for each, number in zip(taken, numbers, strict=True)]
            )
        except (StoreError, Gone):
            self._lose()
            return None
        self.quickly += len(wants)
        granted: list[Allotment] = []
        for want, window, number, each in zip(wants, windows, numbers, taken, strict=True):
            own.windows[number] = window.id
            granted.append(Allotment(number, each.amount + want.give, window, True, each.share))
        return tuple(granted)

    def transact(
        self, epoch: int, batch: int, ops: Sequence[Op], beat: Sequence[int] = (), news: PoolNews | None = None
    ) -> Answer:
        own = self._own[epoch]
        fill = self._begun and not self._doubt
        moves = own.moves.untold
        try:
            answer = super().transact(epoch, batch, ops, beat, PoolNews(moves, self._generation, fill))
        except Doubt:
            self._doubt = True
            raise
        if moves:
            own.moves.told(moves[-1].seq)
        self._heard_s = self._monotonic()
        self._skew_us = answer.now_us - int(self._heard_s * 1e6)
        self._workers = answer.workers
        if answer.filled:
            try:
                self._pool.put(self._generation, answer.filled)
            except (StoreError, Gone):
                self._lose()
        self._adopt(answer.pool)
        for op, result in zip(ops, answer.results, strict=True):
            if isinstance(op, Flush):
                for line in op.lines:
                    if line.done:
                        own.windows.pop(line.number, None)
            elif isinstance(result, tuple):
                own.windows.update((each.number, each.window.id) for each in result if each.hard)
        return answer

    def end(self, epoch: int, finding: Finding) -> bool:
        own = self._own.get(epoch)
        if own is not None and own.moves.untold:
            self.declare(epoch, own.moves.untold)
        ended = super().end(epoch, finding)
        if own is not None:
            own.moves.close(gone=True)
            del self._own[epoch]
        elif ended:
            self._doubt = True  # it may have died between taking something and writing that down
        if not any(each.state == "open" for each in self.epochs()):
            self._anew()  # there is nobody left to keep anything for
            super().tend()
        return ended

    def write_off(self, epoch: int) -> bool:
        self._anew()  # what is in the pool now, nobody has
        return super().write_off(epoch)

    def tend(self) -> None:
        if self._ready() and self.lead("pool", self._me, IDLE_US):
            try:
                self._give_back(self._pool.rest(self._generation, IDLE_US))
                if keys := self.tight(self._generation):
                    self._give_back(self._pool.empty(self._generation, keys))
            except (StoreError, Gone):
                self._lose()
        super().tend()

    def shut(self) -> None:
        for own in self._own.values():
            own.moves.close(gone=False)
        self._pool.close()
        super().shut()

    # --- generations

    def _ready(self) -> bool:
        """Whether there is something to take from; if not, see to it, now and then."""
        if (self._doubt or not self._begun) and self._monotonic() >= self._again_s:
            self._again_s = self._monotonic() + AGAIN_S
            try:
                self._begin()
            except StoreError:
                return False  # the ledger, or the pool, does not answer
            self._again_s = 0.0
        return self._begun and not self._doubt

    def _begin(self) -> None:
        """Begin a generation where something of the one in use may be lost; and have it in the pool. Raises `StoreError`."""
        if self._doubt or not self._generation or not self._ledger:
            believed = self._generation if self._doubt or not self._generation else -1
            self._empty()
            self._generation, self._ledger = self.begin_pool(believed)
            self._begun = self._doubt = False
        if self._generation:
            self._pool.begin(self._ledger, self._generation)
            self._begun = True

    def _anew(self) -> None:
        """Begin another generation, if the ledger and the pool answer."""
        self._doubt, self._again_s = True, 0.0
        self._ready()

    def _empty(self) -> None:
        """Before a generation is left: what is in the pool nobody has, and needs not be waited for."""
        if self._begun and self._doubt:
            try:
                self._give_back(self._pool.rest(self._generation, 0))
            except (StoreError, Gone):
                pass  # it is free when all workers have said what they have

    def _give_back(self, rests: Sequence[Rest]) -> None:
        try:
            if rests:
                self.give_back(self._generation, {each.source: each.amount for each in rests})
        except Contradiction:
            self._doubt = True

    def _adopt(self, generation: int) -> None:
        """The ledger says which generation is in use."""
        if generation != self._generation:
            self._generation, self._begun, self._doubt = generation, False, False

    def _lose(self) -> None:
        """The pool did not answer, or not with what we know: leave it alone for a while, and begin anew then."""
        self._doubt = True
        self._again_s = self._monotonic() + AGAIN_S


def _number(own: _Own, want: Want, window: str) -> int:
    """The own lease that something for a want may be added to: as `Change` would choose. 0: ask the ledger."""
    number = want.number
    if want.fresh in own.windows or own.windows.get(number) != window:
        number = want.fresh
    fits = want.budget.hard and own.windows.get(number, window) == window and (not want.give or number == want.number)
    return number if fits else 0
