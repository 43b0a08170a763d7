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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from lockgate.policy.ledger import Allotment, Contradiction, Want
from lockgate.policy.pool import Filled
from lockgate.policy.teller import Flush
from lockgate.policy.window import Window
from lockgate.stores.ledger.book import Answer, Book, Doubt, Finding, PoolNews
from lockgate.stores.ledger.change import SILENT_US, Op
from lockgate.stores.ledger.journal import MOVES
from lockgate.stores.ledger.moves import Moves
from lockgate.stores.ledger.ports import Database, Key
from lockgate.stores.ports import StoreError

#: How long the pool is left alone after it did not answer; how old what the ledger said may be; in seconds.
AGAIN_S, FRESH_S = 1.0, 5.0
#: Of so many kinds of wants at a time, the pool is asked: each takes a round trip.
CROWDS = 8
#: What was asked for and was not there is not asked for again for so long, in seconds, unless it is filled.
SHORT_S = 0.05
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
    """An epoch of this process: what it took, the windows of its leases of hard budgets, and when the ledger last answered it
    (monotonic seconds). Before that it takes nothing: an epoch that the ledger knows no batch of is swept as one that has
    nothing, and nobody would be told what it took."""

    moves: Moves
    windows: dict[int, str] = {}
    heard_s: float = float("-inf")


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
        self._short: dict[Key, float] = {}
        self._skew_us = 0
        self._workers = 1

    def __repr__(self) -> str:
        return f"TieredBook({self._database}, {self._pool}, generation {self._generation})"

    def enroll(self, name: str, host: str = "", token: str = "") -> int:
        number = super().enroll(name, host, token)
        self._own[number] = _Own(Moves(self._directory / f"{number:012d}{MOVES}"))
        self._adopt(self.begin_pool(-1)[0])
        return number

    def quick(self, epoch: int, asked: Sequence[Sequence[Want]]) -> dict[int, tuple[Allotment, ...]]:
        own, granted = self._own.get(epoch), {}
        if own is None or self._monotonic() - own.heard_s > FRESH_S or not self._ready():
            return granted
        for windows, crowd in self._crowds(asked)[:CROWDS]:
            try:
                granted |= self._serve(own, windows, crowd)
            except (StoreError, Gone):
                self._lose()
                break
        return granted

    def _crowds(self, asked: Sequence[Sequence[Want]]) -> list[tuple[list[Window], dict[int, Sequence[Want]]]]:
        """Those who need of the same budgets in the same windows, by their places: they are served together."""
        now_us = int(self._monotonic() * 1e6) + self._skew_us
        crowds: dict[tuple[Key, ...], tuple[list[Window], dict[int, Sequence[Want]]]] = {}
        for index, wants in enumerate(asked):
            windows = [want.budget.period.window(now_us) for want in wants]
            keys = tuple((want.budget.id, window.id) for want, window in zip(wants, windows, strict=True))
            crowds.setdefault(keys, (windows, {}))[1][index] = wants
        return list(crowds.values())

    def _serve(
        self, own: _Own, windows: Sequence[Window], crowd: Mapping[int, Sequence[Want]]
    ) -> dict[int, tuple[Allotment, ...]]:
        """Take what a crowd needs: each gets that, and the first of them what is more."""
        first = next(iter(crowd.values()))
        keys = [(want.budget.id, window.id) for want, window in zip(first, windows, strict=True)]
        numbers = [_number(own, want, window.id) for want, window in zip(first, windows, strict=True)]
        same = all(own.windows.get(number, key[1]) == key[1] for number, key in zip(numbers, keys, strict=True))
        fit = {index: wants for index, wants in crowd.items() if same and all(map(_fits, wants, numbers))}
        if not fit or any(self._short.get(key, 0.0) > self._monotonic() for key in keys):
            return {}
        asks = [_ask(key, wants) for key, wants in zip(keys, zip(*fit.values(), strict=True), strict=True)]
        found: Sequence[Taken | Rest] = self._pool.take(self._generation, self._workers, asks)
        taken = [each for each in found if isinstance(each, Taken)]
        if len(taken) < len(asks):
            self._short = dict.fromkeys(keys, self._monotonic() + SHORT_S)
            own.moves.add(self._generation, [(each.source, 0, each.amount) for each in found])
            return {}
        # Nothing of it may be spent before this is written.
        own.moves.add(
            self._generation, [(each.source, number, each.amount) for each, number in zip(taken, numbers, strict=True)]
        )
        own.windows.update((number, window.id) for number, window in zip(numbers, windows, strict=True))
        self.quickly += len(fit)
        more = [each.amount - ask.need for each, ask in zip(taken, asks, strict=True)]
        granted: dict[int, tuple[Allotment, ...]] = {}
        for index, wants in fit.items():
            granted[index] = tuple(
                Allotment(numbers[at], max(want.need, want.give) + more[at], windows[at], True, taken[at].share)
                for at, want in enumerate(wants)
            )
            more = [0] * len(more)
        return granted

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
        own.heard_s = self._monotonic()
        self._skew_us = answer.now_us - int(own.heard_s * 1e6)
        self._workers = answer.workers
        if answer.filled:
            try:
                self._short = {}
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
        if own is not None and self._doubt:
            self._again_s = 0.0
            self._ready()  # nobody else knows that something may be lost
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
                self._give_back(self._generation, self._pool.rest(self._generation, IDLE_US))
                if keys := self.tight(self._generation):
                    self._give_back(self._generation, self._pool.empty(self._generation, keys))
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
            left = self._generation if self._begun else 0
            self._generation, self._ledger = self.begin_pool(believed)
            self._begun = self._doubt = False
            # Now, for what is taken out of a pool and cannot be given back is free only when its generation is over.
            if left and left != self._generation:
                self._empty(left)
        if self._generation:
            self._pool.begin(self._ledger, self._generation)
            self._begun = True

    def _anew(self) -> None:
        """End the generation that is in use, whichever it is, if the ledger answers."""
        try:
            generation, self._ledger = self.begin_pool(-1)
        except StoreError:
            return
        self._adopt(generation)
        self._again_s = 0.0
        if generation:
            self._ready()  # so that it can be emptied
            self._doubt, self._again_s = True, 0.0
            self._ready()

    def _empty(self, left: int) -> None:
        """When a generation is left: what is in the pool nobody has, and needs not be waited for."""
        try:
            self._give_back(left, self._pool.rest(left, 0))
        except (StoreError, Gone):
            pass  # it is free when all workers have said what they have

    def _give_back(self, generation: int, rests: Sequence[Rest]) -> None:
        try:
            if rests:
                self.give_back(generation, {each.source: each.amount for each in rests})
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
    """The own lease that something for a want may be added to: as `Change` would choose."""
    if want.fresh in own.windows or own.windows.get(want.number) != window:
        return want.fresh
    return want.number


def _fits(want: Want, number: int) -> bool:
    """Whether a want can be served with this lease: what is given back is of the same one then, and stays where it is."""
    return want.budget.hard and number in (want.number, want.fresh) and (not want.give or number == want.number)


def _ask(key: Key, wants: Sequence[Want]) -> Ask:
    """What several need and want of one budget."""
    return Ask(
        key,
        sum(max(0, want.need - want.give) for want in wants),
        sum(max(0, want.want - want.give) for want in wants),
        max(want.budget.revision for want in wants),
    )
