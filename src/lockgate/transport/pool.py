"""The connections to one destination: idle ones reused last in, first out, new ones dialled up to a limit, and a bounded
queue of those who wait. A connection that comes free, or up, serves whoever has waited longest, whoever dialled it.

Decisions are synchronous; only `Waiting.future` is awaited, by `transport.client`.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.transport.destination import Destination
from lockgate.transport.dial import Dialer
from lockgate.transport.exchange import CUT
from lockgate.transport.head import own_lines
from lockgate.transport.http1 import Connection
from lockgate.transport.wheel import NEVER, Wheel

#: What a wait for a connection ends with.
Found = Connection | Failure | Refusal


class Limits(msgspec.Struct, frozen=True):
    """Per destination: connections at most, callers waiting for one at most, and seconds a connection may idle."""

    connections: int = 16_384
    waiting: int = 1024
    idle_s: float = 30.0


class Keeper(Protocol):
    """Who keeps the pools, and drops one that is empty."""

    def emptied(self, pool: Pool) -> None:
        """The pool has no connection, no dial and nobody waiting."""
        ...


class Waiting:
    """One caller's wait for a connection: `future` gives what was found, at the latest at its deadline."""

    __slots__ = ("_pool", "_seconds", "check_at", "dial", "fresh", "future", "until")

    def __init__(self, pool: Pool, future: asyncio.Future[Found], until: float, seconds: float, fresh: bool) -> None:
        self.check_at = NEVER  # the wheel's
        self.future = future
        self.fresh = fresh  # only a connection that has served nobody yet will do
        self.dial: Dial | None = None  # begun for this wait, though it may come to serve another
        self._pool = pool
        self.until = until
        self._seconds = seconds

    def due(self, now: float) -> float:
        """See `Watched`."""
        where = self._pool.destination.authority
        self._pool.left(self, Failure("timeout", 504, f"No connection to {where} within {self._seconds:g} s."))
        return NEVER

    def close(self) -> None:
        """See `Abortable`."""
        self._pool.left(self, CUT)


class Dial:
    """One connection being opened, in a task that its deadline cancels."""

    __slots__ = ("check_at", "connection", "task")

    def __init__(self, connection: Connection, task: asyncio.Task[Failure | Refusal | None]) -> None:
        self.check_at = NEVER  # the wheel's
        self.connection = connection
        self.task = task

    def due(self, now: float) -> float:
        """See `Watched`."""
        self.cancel()
        return NEVER

    def cancel(self) -> None:
        """Give up; the pool hears of it when the task has ended."""
        self.connection.kill()
        self.task.cancel()


class Pool:
    """See the module. A retired pool still serves who waits in it, with new connections, and keeps none."""

    __slots__ = (
        "_dialer",
        "_dials",
        "_idle",
        "_keeper",
        "_limits",
        "_loop",
        "_retired",
        "_up",
        "_waiting",
        "_wheel",
        "destination",
        "own",
    )

    def __init__(
        self,
        destination: Destination,
        dialer: Dialer,
        wheel: Wheel,
        limits: Limits,
        keeper: Keeper,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.destination = destination
        self.own = own_lines(destination)
        self._dialer = dialer
        self._wheel = wheel
        self._limits = limits
        self._keeper = keeper
        self._loop = loop
        # Dicts as ordered sets: the oldest is first, the newest is popped, any one leaves at once.
        self._idle: dict[Connection, None] = {}
        self._waiting: dict[Waiting, None] = {}
        self._dials: dict[Dial, Waiting] = {}
        self._up: set[Connection] = set()
        self._retired = False

    def take(self) -> Connection | None:
        """An idle connection, the one used last: the others get a chance to expire."""
        return self._idle.popitem()[0] if self._idle else None

    def wait(self, now: float, until: float, fresh: bool) -> Waiting:
        """Wait for a connection, any or a `fresh` one; a new one is dialled if there may be one more."""
        waiting = Waiting(self, self._loop.create_future(), until, until - now, fresh)
        if len(self._waiting) >= self._limits.waiting:
            crowd = f"{len(self._waiting)} requests wait for a connection to {self.destination.authority} already."
            waiting.future.set_result(Failure("overloaded", 503, crowd))
            return waiting
        self._waiting[waiting] = None
        self._wheel.watch(waiting, until)
        if self._idle and self._full():  # only who wants a fresh one waits while others idle
            next(iter(self._idle)).kill()
        self._dial_for_those_who_wait(now)
        return waiting

    def left(self, waiting: Waiting, found: Found) -> None:
        """The wait ends without a connection; nothing happens if it has ended already."""
        if waiting not in self._waiting:
            return
        del self._waiting[waiting]
        self._wheel.forget(waiting)
        if not waiting.future.done():
            waiting.future.set_result(found)
        if waiting.dial is not None and len(self._dials) > len(self._waiting):
            waiting.dial.cancel()
        self._tidy()

    def take_back(self, waiting: Waiting) -> None:
        """He has left in the very moment in which he was given a connection."""
        future = waiting.future
        if future.cancelled() or future.exception() is not None:
            return
        given = future.result()
        if isinstance(given, Connection) and not given.closed:
            self.freed(given)

    def retire(self) -> None:
        """The policy has changed: whatever was connected under the old one is used up, and not again."""
        self._retired = True
        for connection in tuple(self._idle):
            connection.kill()
        for dial in tuple(self._dials):
            dial.cancel()

    def close(self) -> None:
        """End everything at once."""
        for waiting in tuple(self._waiting):
            self.left(waiting, CUT)
        self.retire()
        for connection in tuple(self._up):
            connection.close()

    # --- what connections tell

    def freed(self, connection: Connection) -> None:
        """See `Owner`."""
        if self._retired:
            connection.kill()
        elif self._serve(connection):
            return
        elif self._waiting and self._full():
            connection.kill()  # it makes room for the fresh one that somebody waits for
        else:
            connection.rest(self._wheel.now())
            self._idle[connection] = None

    def lost(self, connection: Connection) -> None:
        """See `Owner`."""
        self._up.discard(connection)
        self._idle.pop(connection, None)
        self._dial_for_those_who_wait(self._wheel.now())
        self._tidy()

    # --- dials

    def _serve(self, connection: Connection) -> bool:
        """Give a connection to whoever has waited longest for one like it."""
        used = connection.served > 0
        for waiting in self._waiting:
            if not (used and waiting.fresh) and not waiting.future.done():  # done: cancelled, and about to leave
                del self._waiting[waiting]
                self._wheel.forget(waiting)
                waiting.future.set_result(connection)
                return True
        return False

    def _dial_for_those_who_wait(self, now: float) -> None:
        while len(self._dials) < len(self._waiting) and not self._full():
            waiting = next((waiting for waiting in reversed(self._waiting) if waiting.dial is None), None)
            if waiting is None or waiting.until <= now:
                return
            self._dial(waiting, now)

    def _dial(self, waiting: Waiting, now: float) -> None:
        connection = Connection(self, self.destination.authority, self._wheel, self._limits.idle_s)
        task = self._loop.create_task(self._open(connection, waiting.until - now))
        dial = waiting.dial = Dial(connection, task)
        self._dials[dial] = waiting
        self._wheel.watch(dial, waiting.until)
        task.add_done_callback(lambda task: self._dialled(dial, task))

    async def _open(self, connection: Connection, seconds: float) -> Failure | Refusal | None:
        try:
            return await self._dialer.dial(self.destination, connection, seconds)
        except Refusal as refusal:
            return refusal

    def _dialled(self, dial: Dial, task: asyncio.Task[Failure | Refusal | None]) -> None:
        waiting = self._dials.pop(dial)
        waiting.dial = None
        self._wheel.forget(dial)
        found: Found | None = None
        if not task.cancelled():
            if (bug := task.exception()) is not None:
                if not waiting.future.done():
                    waiting.future.set_exception(bug)
                found = CUT
            else:
                found = task.result()
        if found is not None:
            self.left(waiting, found)  # before the connection is counted out, which would dial again for him
            dial.connection.kill()
        elif not dial.connection.closed:
            self._up.add(dial.connection)
            if not self._serve(dial.connection):
                self.freed(dial.connection)
        self._dial_for_those_who_wait(self._wheel.now())
        self._tidy()

    def _full(self) -> bool:
        return len(self._up) + len(self._dials) >= self._limits.connections

    def _tidy(self) -> None:
        if not (self._up or self._dials or self._waiting):
            self._keeper.emptied(self)

    def __repr__(self) -> str:
        up = f"{len(self._up)} up, {len(self._idle)} idle"
        return f"Pool({self.destination.authority}, {up}, {len(self._dials)} coming, {len(self._waiting)} waiting)"
