"""Rate limits that several machines share, through a counter far away which a request hardly ever waits for.

Each machine has a few units in hand (`policy.allotment`), in the table that its workers share, and grants from those. Before
they run out more are asked for, beside the requests. A request waits only where nothing is in hand: when a limit is first
used, seldom used or nearly used up; and then for one answer, or two.

Where the counter is lost, refuses or hangs, each machine has its part of every limit, by the number of machines that were last
there, until the counter answers again. What the machine had in hand counts in that part, so that losing the counter does not
give it another burst.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lockgate.policy.allotment import ASKED, LEFT, TERM, UNTIL, denies, is_low, left, restore, room
from lockgate.policy.concurrency import running
from lockgate.policy.limiter import BESIDE_CELL, BESIDE_RING, CELL, Limiter, longer
from lockgate.policy.limits import SECOND_US, Denial, Grant, Held, Limit, Reading
from lockgate.stores.limits.errands import PLACES, PLACES_DENIED, PLACES_UNTIL, Errands
from lockgate.stores.limits.local import OWN_SLOTS, now_us
from lockgate.stores.limits.port import Counter
from lockgate.stores.limits.table import Table

#: How often a request asks again when others have taken what came for it, until it is sent away for so long (µs).
_ROUNDS, _CONTENDED_US = 4, 50_000
#: How long one worker's asking for more keeps the others from it.
_ASKED_US = 20_000
#: The account of what is in hand (`Held.account`), after those of `policy.limiter`.
IN_HAND = 2


class ClusterLimits:
    """`RateLimits` in a table and a counter. To be started and stopped inside the loop; until it is, or while the counter is
    lost, it grants the machine's part."""

    def __init__(self, cells: Table, counter: Counter, workers: int = 1, *, clock: Callable[[], int] = now_us) -> None:
        self._cells = cells
        self._clock = clock
        self._alone = Limiter(cells, Table(OWN_SLOTS), workers)
        self._errands = Errands(cells, self._alone, counter, clock)
        self._lacking: list[tuple[Limit, int]] = []

    def __repr__(self) -> str:
        return f"ClusterLimits({self._errands.trouble or 'counted together'}, {self.machines} machines)"

    @property
    def machines(self) -> int:
        """How many machines share the limits, as far as is known."""
        return self._alone.nodes

    @property
    def lost(self) -> int:
        """How often the counter was lost."""
        return self._errands.lost

    def state(self) -> str:
        """Whether this machine counts by itself, and why."""
        if not self._errands.trouble:
            return ""
        return f"the counter of rate limits is lost ({self._errands.trouble}): this machine grants 1/{self.machines} of each"

    async def start(self) -> None:
        """Begin. The counter need not be there yet."""
        await self._errands.start()

    async def stop(self) -> None:
        """Tell the counter what was used, and end."""
        await self._errands.stop()

    def take(self, limits: Sequence[Limit], now: int, tokens: int = 0) -> Grant | Denial | None:
        """Count a request in all of its limits, or in none. None: `ask`."""
        if self._errands.trouble or not self._cells.enter():
            return self._alone.take(limits, now, tokens)
        try:
            return self._take(limits, now, tokens)
        finally:
            self._cells.leave()

    async def ask(self, limits: Sequence[Limit], tokens: int = 0) -> Grant | Denial:
        """The same, where it has to be asked for."""
        for _ in range(_ROUNDS):
            answer = self.take(limits, self._clock(), tokens)
            if answer is not None:
                return answer
            for limit, units in self._lacking:
                self._errands.want(limit, units)
            await self._errands.wait()
        answer = self.take(limits, self._clock(), tokens)
        return Denial(self._lacking[0][0], _CONTENDED_US) if answer is None else answer

    def settle(self, grant: Grant, now: int, tokens: int | None = None) -> None:
        """The request has ended. Later calls do nothing."""
        held = [each for each in grant.held if each.account == IN_HAND]
        if held:
            grant.held = [each for each in grant.held if each.account != IN_HAND]
            entered = self._cells.enter()
            try:
                for each in held:
                    self._settle(each, now, each.units if tokens is None else tokens, entered)
            finally:
                if entered:
                    self._cells.leave()
        self._alone.settle(grant, now, tokens)

    def renew(self, grant: Grant, now: int) -> None:
        """The request goes on."""
        self._alone.renew(grant, now)

    def readings(self, limits: Sequence[Limit], now: int) -> list[Reading]:
        """What is left, as far as this machine knows."""
        if self._errands.trouble or not self._cells.enter():
            return self._alone.readings(limits, now)
        try:
            return [self._read(limit, now) for limit in limits]
        finally:
            self._cells.leave()

    # --- between enter and leave

    def _take(self, limits: Sequence[Limit], now: int, tokens: int) -> Grant | Denial | None:
        words = self._cells.words
        denial: Denial | None = None
        lacking: list[tuple[Limit, int]] = []
        found: list[tuple[Limit, int, int]] = []
        for limit in limits:
            at = self._alone.seat(limit, now)
            if at < 0:
                return self._alone.decide(limits, now, tokens)
            units = tokens if limit.dimension == "tokens" else 1
            found.append((limit, at, units))
            if limit.dimension == "concurrent":
                beside = at + BESIDE_RING
                here = running(words, at + CELL, limit.window_us, now)
                if here < words[beside + PLACES] and now < words[beside + PLACES_UNTIL]:
                    continue
                wait = max(0, words[beside + PLACES_DENIED] - now) and SECOND_US
            else:
                beside = at + BESIDE_CELL
                if units > limit.burst:
                    denial = longer(denial, Denial(limit, None, units))
                    continue
                if left(words, beside, now) >= units:
                    continue
                wait = denies(words, beside, units, now)
            if wait:
                denial = longer(denial, Denial(limit, wait, units))
            else:
                lacking.append((limit, units))
        if denial is not None:
            return denial
        if lacking:
            self._lacking = lacking
            return None
        held: list[Held] = []
        rest: list[Reading] = []
        for limit, at, units in found:
            if limit.dimension == "concurrent":
                self._errands.at_once[limit.tag] = limit
                held.append(self._alone.lend(words, at, limit, now))
                continue
            beside = at + BESIDE_CELL
            words[beside + LEFT] -= units
            if is_low(words, beside) and words[beside + ASKED] < now:
                words[beside + ASKED] = now + _ASKED_US
                self._errands.want(limit, 0)
            if limit.dimension == "tokens":
                held.append(Held(limit, units, words[beside + TERM], IN_HAND, words[beside + UNTIL]))
            rest.append(Reading(limit, *room(words, beside, limit.rate, now)))
        return Grant(held, rest)

    def _settle(self, held: Held, now: int, used: int, entered: bool) -> None:
        spare = held.units - used
        if entered and spare > 0:
            at = self._alone.seat(held.limit, now)
            if at >= 0 and restore(self._cells.words, at + BESIDE_CELL, spare, held.term, held.until, now):
                self._errands.tell(held.limit, (held.term, used, used))
                return
        self._errands.tell(held.limit, (held.term, held.units, used))

    def _read(self, limit: Limit, now: int) -> Reading:
        at = self._alone.seat(limit, now)
        if at < 0:
            return Reading(limit, 0, 0)
        words = self._cells.words
        if limit.dimension == "concurrent":
            here = running(words, at + CELL, limit.window_us, now)
            return Reading(limit, max(0, words[at + BESIDE_RING + PLACES] - here), 0)
        return Reading(limit, *room(words, at + BESIDE_CELL, limit.rate, now))
