"""Rate limits that several machines share, through a counter far away which a request hardly ever waits for.

Each machine has a few units in hand (`policy.allotment`), in the table that its workers share, and grants from those. Before
they run out more are asked for, beside the requests. A request waits only where nothing is in hand: when a limit is first
used, seldom used or nearly used up; and then for one answer, or two.

Where the counter is lost, refuses or hangs, each machine has its part of every limit, by the number of machines that were last
there, until the counter answers again. What the machine had in hand counts in that part, so that losing the counter does not
give it another burst.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

import msgspec

from lockgate.policy.allotment import (
    ASKED,
    DEBT,
    LEFT,
    SOON_US,
    STAMP,
    TERM,
    UNTIL,
    Settlement,
    denies,
    deny,
    is_low,
    left,
    life_us,
    more,
    put,
    restore,
    room,
    see,
)
from lockgate.policy.concurrency import running
from lockgate.policy.gcra import charge, debt
from lockgate.policy.limiter import BESIDE_CELL, BESIDE_RING, CELL, IDLE, Limiter, longer
from lockgate.policy.limits import Denial, Grant, Held, Limit, Reading
from lockgate.stores.limits.local import OWN_SLOTS, now_us
from lockgate.stores.limits.port import Answer, Ask, Counter
from lockgate.stores.limits.table import Table
from lockgate.stores.ports import StoreError

log = logging.getLogger("lockgate")

#: Seconds between two signs of life; and, while the counter is lost, between two attempts.
PULSE_S, RETRY_S = 1.0, 0.25
#: How long what was settled waits to be told, so that much is told at once.
_TELL_S = 0.05
#: How often a request asks again when others have taken what came for it, until it is sent away for so long (µs).
_ROUNDS, _CONTENDED_US = 4, 50_000
#: How long places are held here without a word to the counter, and before what age they are held anew.
_PLACES_US, _RENEW_US = 10_000_000, 5_000_000
#: How long one worker's asking for more keeps the others from it.
_ASKED_US = 20_000
#: Limits whose settlements wait to be told, at most.
_MOST = 16_384

#: The account of what is in hand (`Held.account`), after those of `policy.limiter`.
IN_HAND = 2
#: The numbers of places, beside the ring: how many may run here and until when; until when to deny without asking.
_ALLOWED, _UNTIL, _DENIED = range(3)


class Want(msgspec.Struct):
    """What is wanted of a limit: the least and the sum of what requests wait for, and who waits."""

    limit: Limit
    least: int = 0
    sum: int = 0


class ClusterLimits:
    """`RateLimits` in a table and a counter. To be started and stopped inside the loop; until it is, or while the counter is
    lost, it grants the machine's part."""

    def __init__(self, cells: Table, counter: Counter, workers: int = 1, *, clock: Callable[[], int] = now_us) -> None:
        self._cells = cells
        self._counter = counter
        self._clock = clock
        self._alone = Limiter(cells, Table(OWN_SLOTS), workers)
        self._wants: dict[int, Want] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._lacking: list[tuple[Limit, int]] = []
        self._settled: dict[int, tuple[Limit, dict[int, tuple[int, int]]]] = {}
        self._at_once: dict[int, Limit] = {}  # limits of what runs at once that something runs in
        self._due = asyncio.Event()
        self._telling: asyncio.TimerHandle | None = None
        self._beside: list[asyncio.Task[None]] = []
        self._trouble = "not reached yet"
        self.lost = 0  # how often

    def __repr__(self) -> str:
        return f"ClusterLimits({self._trouble or 'counted together'}, {self._alone.nodes} machines)"

    @property
    def machines(self) -> int:
        """How many machines share the limits, as far as is known."""
        return self._alone.nodes

    def state(self) -> str:
        """Whether this machine counts by itself, and why."""
        if not self._trouble:
            return ""
        return f"the counter of rate limits is lost ({self._trouble}): this machine grants 1/{self._alone.nodes} of each"

    async def start(self) -> None:
        """Begin. The counter need not be there yet."""
        await self._pulse()
        self._beside = [asyncio.create_task(self._go_on_asking()), asyncio.create_task(self._go_on_living())]

    async def stop(self) -> None:
        """Tell what there is to tell, and end."""
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        if self._telling is not None:
            self._telling.cancel()
        asks = [] if self._trouble else self._collect()
        self._stand_alone("it has been left")
        if asks:
            with contextlib.suppress(StoreError):
                await self._counter.ask(asks, self._cells.machine, self._alone.nodes)
        await self._counter.close()

    # --- the requests' side

    def take(self, limits: Sequence[Limit], now: int, tokens: int = 0) -> Grant | Denial | None:
        """Count a request in all of its limits, or in none. None: `ask`."""
        if self._trouble or not self._cells.enter():
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
                self._want(limit, units)
            # The counter answers or is lost, so this wakes; nobody else waits for this future, which goes with the request.
            came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(came)
            await came
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
        if self._trouble or not self._cells.enter():
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
                if here < words[beside + _ALLOWED] and now < words[beside + _UNTIL]:
                    continue
                wait = max(0, words[beside + _DENIED] - now) and 1_000_000
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
        for limit, at, units in found:
            if limit.dimension == "concurrent":
                self._at_once[limit.tag] = limit
                held.append(self._alone.lend(words, at, limit, now))
                continue
            beside = at + BESIDE_CELL
            words[beside + LEFT] -= units
            if is_low(words, beside) and words[beside + ASKED] < now:
                words[beside + ASKED] = now + _ASKED_US
                self._want(limit, 0)
            if limit.dimension == "tokens":
                held.append(Held(limit, units, words[beside + TERM], IN_HAND, words[beside + UNTIL]))
        return Grant(held)

    def _settle(self, held: Held, now: int, used: int, entered: bool) -> None:
        spare = held.units - used
        if entered and spare > 0:
            at = self._alone.seat(held.limit, now)
            if at >= 0 and restore(self._cells.words, at + BESIDE_CELL, spare, held.term, held.until, now):
                self._tell(held.limit, (held.term, used, used))
                return
        self._tell(held.limit, (held.term, held.units, used))

    def _read(self, limit: Limit, now: int) -> Reading:
        at = self._alone.seat(limit, now)
        if at < 0:
            return Reading(limit, 0, 0)
        words = self._cells.words
        if limit.dimension == "concurrent":
            here = running(words, at + CELL, limit.window_us, now)
            return Reading(limit, max(0, words[at + BESIDE_RING + _ALLOWED] - here), 0)
        return Reading(limit, *room(words, at + BESIDE_CELL, limit.rate, now))

    # --- the counter's side

    def _want(self, limit: Limit, units: int) -> None:
        want = self._wants.get(limit.tag)
        if want is None:
            want = self._wants[limit.tag] = Want(limit, units)
        elif units:
            want.least = min(want.least or units, units)
        want.sum += units
        self._due.set()

    def _tell(self, limit: Limit, what: Settlement) -> None:
        """Tell the counter, soon."""
        if limit.tag not in self._settled and len(self._settled) >= _MOST:
            return  # it drains there by itself, as if all had been used
        _, terms = self._settled.setdefault(limit.tag, (limit, {}))
        units, used = terms.get(what[0], (0, 0))
        terms[what[0]] = units + what[1], used + what[2]
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(_TELL_S, self._tell_now)

    def _tell_now(self) -> None:
        self._telling = None
        self._due.set()

    async def _go_on_asking(self) -> None:
        while True:
            await self._due.wait()
            self._due.clear()
            waiting, self._waiting = self._waiting, []
            try:
                if not self._trouble and (asks := self._collect()):
                    sent = self._clock()
                    answers = await self._counter.ask(asks, self._cells.machine, self._alone.nodes)
                    self._receive(asks, answers, sent)
            except StoreError as trouble:
                self._lose(trouble)
            finally:
                for each in waiting:
                    _wake(each)

    async def _go_on_living(self) -> None:
        while True:
            await asyncio.sleep(RETRY_S if self._trouble else PULSE_S)
            await self._pulse()

    async def _pulse(self) -> None:
        try:
            machines = await self._counter.pulse(self._cells.machine)
        except StoreError as trouble:
            self._lose(trouble)
            return
        self._alone.nodes = max(1, machines)
        if self._trouble:
            log.info("rate limits are counted together, by %d machines", self._alone.nodes)
            self._trouble = ""
        for limit in self._at_once.values():
            self._want(limit, 0)

    def _lose(self, trouble: StoreError) -> None:
        if not self._trouble:
            self.lost += 1
            log.warning("the counter of rate limits is lost: %s Each machine grants 1/%d.", trouble, self._alone.nodes)
        self._stand_alone(str(trouble))

    def _stand_alone(self, trouble: str) -> None:
        self._trouble = trouble
        self._wants.clear()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            _wake(each)

    def _collect(self) -> list[Ask]:
        """All that there is to ask and to tell."""
        wants, self._wants = self._wants, {}
        settled, self._settled = self._settled, {}
        for tag, (limit, _) in settled.items():
            wants.setdefault(tag, Want(limit, -1))
        now = self._clock()
        if not self._cells.enter():
            self._settled = settled
            return []
        try:
            asks = [self._phrase(want, now) for want in wants.values()]
        finally:
            self._cells.leave()
        for each in asks:
            if each is not None and each.limit.tag in settled:
                terms = settled[each.limit.tag][1]
                each.settlements = [(term, units, used) for term, (units, used) in terms.items()]
        return [each for each in asks if each is not None]

    def _phrase(self, want: Want, now: int) -> Ask | None:
        limit, words, at = want.limit, self._cells.words, self._alone.seat(want.limit, now)
        if at < 0:
            return None
        if limit.dimension == "concurrent":
            here = running(words, at + CELL, limit.window_us, now)
            until = words[at + BESIDE_RING + _UNTIL]
            if not want.sum and here and until - now > _PLACES_US - _RENEW_US:
                return None
            if not here and not want.sum:
                self._at_once.pop(limit.tag, None)
            return Ask(limit, 1, want.sum, here // 4 + 2 if here or want.sum else 0, _PLACES_US, running=here)
        beside = at + BESIDE_CELL
        life = life_us(limit.rate)
        ask = Ask(limit, 0, 0, 0, life, debt=words[beside + DEBT], stamp=words[beside + STAMP])
        if want.least >= 0:
            ask.least, ask.need = want.least, want.sum
            ask.more = more(words, beside, max(1, want.least))
        return ask

    def _receive(self, asks: list[Ask], answers: list[Answer], sent: int) -> None:
        now = self._clock()
        if not self._cells.enter():
            return  # what came is lost, and drains
        try:
            for each, answer in zip(asks, answers, strict=True):
                self._put(each, answer, sent, now)
        finally:
            self._cells.leave()

    def _count(self, limit: Limit, at: int, units: int, now: int) -> None:
        """What the machine has in hand counts in its part, for the time when it will be alone; not above the part's burst."""
        words, rate = self._cells.words, limit.rate.share(self._alone.nodes)
        owed = debt(words, at + CELL, rate, now)
        charge(words, at + CELL, rate, now, min(rate.cap, owed + units * rate.unit), 0)
        words[at + IDLE] = max(words[at + IDLE], now + rate.drains_us(rate.cap))

    def _put(self, ask: Ask, answer: Answer, sent: int, now: int) -> None:
        limit, words, at = ask.limit, self._cells.words, self._alone.seat(ask.limit, now)
        if at < 0:
            return
        if limit.dimension == "concurrent":
            beside = at + BESIDE_RING
            words[beside + _ALLOWED], words[beside + _UNTIL] = answer.granted, sent + _PLACES_US
            words[at + IDLE] = max(words[at + IDLE], sent + _PLACES_US)
            if answer.granted <= ask.running:
                words[beside + _DENIED] = now + 2 * _CONTENDED_US
            return
        beside = at + BESIDE_CELL
        see(words, beside, answer.debt, answer.stamp, now)
        words[at + IDLE] = max(words[at + IDLE], now + limit.rate.drains_us(answer.debt))
        if answer.granted:
            self._count(limit, at, answer.granted, now)
            until = sent + (ask.life_us if answer.granted > ask.need else SOON_US)
            old = put(words, beside, answer.granted, answer.term, until, now, limit.dimension == "tokens")
            if old is not None:
                self._tell(limit, old)
        elif answer.wait_us:
            deny(words, beside, ask.least, answer.wait_us, now)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
