"""What passes between a machine and the counter of all machines, beside the requests: what is wanted, what was used, who is in.

One call at a time takes all that has come up since the last one. When a call fails the counter is lost, until it gives a sign
of life again; whoever waits is woken then as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import msgspec

from lockgate.policy.allotment import DEBT, SOON_US, STAMP, Settlement, deny, life_us, more, put, see
from lockgate.policy.concurrency import running
from lockgate.policy.gcra import charge, debt
from lockgate.policy.limiter import BESIDE_CELL, BESIDE_RING, CELL, IDLE, Limiter
from lockgate.policy.limits import Limit
from lockgate.stores.limits.port import Answer, Ask, Counter
from lockgate.stores.limits.table import Table
from lockgate.stores.ports import StoreError

log = logging.getLogger("lockgate")

#: Seconds between two signs of life; and, while the counter is lost, between two attempts.
PULSE_S, RETRY_S = 1.0, 0.25
#: How long what was settled waits to be told, so that much is told at once.
_TELL_S = 0.05
#: How long places are held here without a word to the counter, and before what age they are held anew.
_PLACES_US, _RENEW_US = 10_000_000, 5_000_000
#: How long a denial of places is repeated without asking.
_DENIED_US = 100_000
#: Limits whose settlements wait to be told, at most.
_MOST = 16_384

#: The numbers of places, beside the ring: how many may run here and until when; until when to deny without asking.
PLACES, PLACES_UNTIL, PLACES_DENIED = range(3)


class Want(msgspec.Struct):
    """What is wanted of a limit: the least and the sum of what requests wait for, and who waits."""

    limit: Limit
    least: int = 0
    sum: int = 0


class Errands:
    """One worker's. `trouble` says why the counter is lost; "": it is not. `alone` is who grants the machine's part then, and
    where what is in hand is kept.
    """

    def __init__(self, cells: Table, alone: Limiter, counter: Counter, clock: Callable[[], int]) -> None:
        self._cells = cells
        self._alone = alone
        self._counter = counter
        self._clock = clock
        self._wants: dict[int, Want] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._settled: dict[int, tuple[Limit, dict[int, tuple[int, int]]]] = {}
        self._due = asyncio.Event()
        self._telling: asyncio.TimerHandle | None = None
        self._beside: list[asyncio.Task[None]] = []
        self._over = False  # what cancels a task may be swallowed by a client's library
        self.at_once: dict[int, Limit] = {}  # limits of what runs at once that something runs in
        self.trouble = "not reached yet"
        self.lost = 0  # how often

    async def start(self) -> None:
        """Begin. The counter need not be there yet."""
        self._over = False
        await self.pulse()
        self._beside = [asyncio.create_task(self._go_on_asking()), asyncio.create_task(self._go_on_living())]

    async def stop(self) -> None:
        """Tell what there is to tell, and end."""
        self._over = True
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        if self._telling is not None:
            self._telling.cancel()
        self._wants.clear()
        asks = [] if self.trouble else self.collect()
        self._stand_alone("it has been left")
        if asks:
            with contextlib.suppress(StoreError):
                await self._counter.ask(asks, self._cells.machine, self._alone.nodes)
        await self._counter.close()

    def want(self, limit: Limit, units: int) -> None:
        """A request needs so many units; 0: more of it will be needed soon."""
        want = self._wants.get(limit.tag)
        if want is None:
            want = self._wants[limit.tag] = Want(limit, units)
        elif units:
            want.least = min(want.least or units, units)
        want.sum += units
        self._due.set()

    async def wait(self) -> None:
        """Until the counter has said something, or is lost."""
        came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(came)
        await came

    def tell(self, limit: Limit, what: Settlement) -> None:
        """Tell the counter, soon."""
        if limit.tag not in self._settled and len(self._settled) >= _MOST:
            return  # it drains there by itself, as if all had been used
        _, terms = self._settled.setdefault(limit.tag, (limit, {}))
        units, used = terms.get(what[0], (0, 0))
        terms[what[0]] = units + what[1], used + what[2]
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(_TELL_S, self._tell_now)

    async def pulse(self) -> None:
        """Give a sign of life, and see whether the counter does."""
        try:
            machines = await self._counter.pulse(self._cells.machine)
        except StoreError as trouble:
            self.lose(trouble)
            return
        self._alone.nodes = max(1, machines)
        if self.trouble:
            log.info("rate limits are counted together, by %d machines", self._alone.nodes)
            self.trouble = ""
        for limit in self.at_once.values():
            self.want(limit, 0)

    def lose(self, trouble: StoreError) -> None:
        """The counter is lost."""
        if not self.trouble:
            self.lost += 1
            log.warning("the counter of rate limits is lost: %s Each machine grants 1/%d.", trouble, self._alone.nodes)
        self._stand_alone(str(trouble))

    def collect(self) -> list[Ask]:
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

    async def _go_on_asking(self) -> None:
        while not self._over:
            await self._due.wait()
            self._due.clear()
            waiting, self._waiting = self._waiting, []
            try:
                if not self.trouble and (asks := self.collect()):
                    sent = self._clock()
                    answers = await self._counter.ask(asks, self._cells.machine, self._alone.nodes)
                    self._receive(asks, answers, sent)
            except StoreError as trouble:
                self.lose(trouble)
            finally:
                for each in waiting:
                    _wake(each)

    async def _go_on_living(self) -> None:
        while not self._over:
            await asyncio.sleep(RETRY_S if self.trouble else PULSE_S)
            await self.pulse()

    def _stand_alone(self, trouble: str) -> None:
        self.trouble = trouble
        self._wants.clear()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            _wake(each)

    def _tell_now(self) -> None:
        self._telling = None
        self._due.set()

    def _phrase(self, want: Want, now: int) -> Ask | None:
        limit, words, at = want.limit, self._cells.words, self._alone.seat(want.limit, now)
        if at < 0:
            return None
        if limit.dimension == "concurrent":
            here = running(words, at + CELL, limit.window_us, now)
            until = words[at + BESIDE_RING + PLACES_UNTIL]
            if not want.sum and here and until - now > _PLACES_US - _RENEW_US:
                return None
            if not here and not want.sum:
                self.at_once.pop(limit.tag, None)
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
            words[beside + PLACES], words[beside + PLACES_UNTIL] = answer.granted, sent + _PLACES_US
            words[at + IDLE] = max(words[at + IDLE], sent + _PLACES_US)
            if answer.granted <= ask.running:
                words[beside + PLACES_DENIED] = now + _DENIED_US
            return
        beside = at + BESIDE_CELL
        see(words, beside, answer.debt, answer.stamp, now)
        words[at + IDLE] = max(words[at + IDLE], now + limit.rate.drains_us(answer.debt))
        if answer.granted:
            self._count(limit, at, answer.granted, now)
            until = sent + (ask.life_us if answer.granted > ask.need else SOON_US)
            old = put(words, beside, answer.granted, answer.term, until, now, limit.dimension == "tokens")
            if old is not None:
                self.tell(limit, old)
        elif answer.wait_us:
            deny(words, beside, ask.least, answer.wait_us, now)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
