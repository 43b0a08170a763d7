"""One timer for all deadlines: a wheel of slots that visits what may be due, a tick late at most and never early.

A thing under watch is in one slot, at or before its deadline. When the slot's time comes it is asked, and says when to ask
again; so a deadline that moves later (every chunk moves one) costs nothing, and a request costs no timer, task or handle.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Protocol

#: Width of a slot in seconds: how late a deadline may be noticed.
TICK = 0.05

NEVER = math.inf


class Watched(Protocol):
    """Something with deadlines. `check_at` is the wheel's: when it will ask, `NEVER` while not under watch."""

    check_at: float

    def due(self, now: float) -> float:
        """Act on a deadline that has passed by `now`; say when to ask again (`NEVER`: leave me)."""
        ...


class Wheel:
    """Times are those of `now`, in seconds: the loop's clock, unless a test passes its own and calls `turn` itself."""

    __slots__ = ("_handle", "_last", "_loop", "_slots", "now", "tick", "watching")

    def __init__(
        self, loop: asyncio.AbstractEventLoop | None = None, now: Callable[[], float] | None = None, tick: float = TICK
    ) -> None:
        """A wheel without a loop turns only by hand."""
        if now is None:
            if loop is None:
                raise ValueError("a wheel needs a loop or a clock")
            now = loop.time
        self.now = now
        self.tick = tick
        self.watching = 0
        self._loop = loop
        self._slots: dict[int, set[Watched]] = {}
        self._handle: asyncio.TimerHandle | None = None
        self._last = 0

    def watch(self, thing: Watched, at: float) -> None:
        """Ask `thing` at that time, or at the time it is already to be asked, whichever is earlier."""
        if at >= thing.check_at:  # also: never, asked of a thing that is not watched
            return
        if thing.check_at != NEVER:
            self._take_out(thing)
        if self.watching == 0:
            self._last = int(self.now() / self.tick)
        slot = int(at / self.tick) + 1
        if slot <= self._last:  # a time that has passed: the next turn asks
            slot = self._last + 1
            at = (self._last + 0.5) * self.tick
        thing.check_at = at
        there = self._slots.get(slot)
        if there is None:
            self._slots[slot] = {thing}
        else:
            there.add(thing)
        self.watching += 1
        if self._handle is None and self._loop is not None:
            self._handle = self._loop.call_later(self.tick, self._turn_again)

    def forget(self, thing: Watched) -> None:
        """Stop watching; nothing happens to a thing that is not watched."""
        if thing.check_at != NEVER:
            self._take_out(thing)
            thing.check_at = NEVER

    def turn(self) -> None:
        """Ask all things whose time has come."""
        now = self.now()
        current = int(now / self.tick)
        if current - self._last > len(self._slots):  # after a pause of the machine, or a far jump of a test's clock
            passed = sorted(slot for slot in self._slots if slot <= current)
        else:
            passed = range(self._last + 1, current + 1)
        self._last = current
        for slot in passed:
            there = self._slots.get(slot)
            while there:
                thing = there.pop()
                self.watching -= 1
                thing.check_at = NEVER
                self.watch(thing, thing.due(now))
            self._slots.pop(slot, None)

    def stop(self) -> None:
        """Forget everything, without asking."""
        for there in self._slots.values():
            for thing in there:
                thing.check_at = NEVER
        self._slots.clear()
        self.watching = 0
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _turn_again(self) -> None:
        self._handle = None
        self.turn()
        if self.watching and self._handle is None and self._loop is not None:
            self._handle = self._loop.call_later(self.tick, self._turn_again)

    def _take_out(self, thing: Watched) -> None:
        slot = int(thing.check_at / self.tick) + 1
        there = self._slots[slot]
        there.remove(thing)
        self.watching -= 1
        if not there:
            del self._slots[slot]

    def __repr__(self) -> str:
        return f"Wheel({self.watching} watched)"
