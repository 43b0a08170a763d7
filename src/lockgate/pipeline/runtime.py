"""`Runtime`: the living things beside the Snapshot, kept over reloads: clients, credentials, spool, clocks."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Refusal
from lockgate.core.record import Record
from lockgate.core.redact import Redactor
from lockgate.pipeline.credentials import Credentials
from lockgate.pipeline.flights import Flights
from lockgate.pipeline.health import Health
from lockgate.pipeline.ports import Address, Caller
from lockgate.pipeline.replayed import Replays
from lockgate.pipeline.snapshot import Snapshot
from lockgate.policy.breaker import Cell, LocalCell
from lockgate.stores.cache.claims import Claims
from lockgate.stores.cache.port import CacheStore
from lockgate.stores.ledger.ledger import Ledger
from lockgate.stores.limits.port import RateLimits
from lockgate.stores.nearest.port import Candidate, Neighbours
from lockgate.stores.spool import Spool
from lockgate.transport.exchange import Client


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


async def pause(seconds: float, caller: Caller) -> None:
    """Wait; no longer than the caller does."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not over.done():
            over.set_result(None)

    timer = loop.call_later(seconds, wake)
    caller.on_leave(wake)
    try:
        await over
    finally:
        timer.cancel()
        caller.on_leave(None)


class Timer(Protocol):
    """Something that will be called."""

    def cancel(self) -> None:
        """It will not."""
        ...


def later(seconds: float, call: Callable[[], None]) -> Timer:
    """Call it when so many seconds have passed."""
    return asyncio.get_running_loop().call_later(seconds, call)


class Sent(msgspec.Struct):
    """What came of a request of the gateway's own: its record, and the whole body that a caller would have got, redacted."""

    record: Record
    body: bytes


class Asks(Protocol):
    """Sends a request of the gateway's own, all the way through (`within.ask_within`, which stands above who asks)."""

    async def __call__(
        self,
        path: str,
        body: bytes,
        headers: Mapping[bytes, bytes],
        principal: Principal,
        snapshot: Snapshot,
        runtime: Runtime,
        *,
        parent: Call | None = None,
        name: str = "",
    ) -> Sent:
        """See there."""
        ...


class Running(Protocol):
    """A request that has a place among those that run at once."""

    def renew(self) -> None:
        """It goes on."""
        ...


class Runtime:
    """What requests use and do not own. `clients` are found by the scheme of a destination.

    `clock` gives monotonic seconds, `time_us` microseconds since the epoch, `draw` random bits, `chance` numbers in [0, 1);
    `pause` waits, unless the caller leaves; `later` sets a timer; `cells` hold what is shared of circuits. Tests pass
    their own.
    """

    def __init__(
        self,
        clients: dict[str, Client],
        spool: Spool,
        redactor: Redactor,
        *,
        clock: Callable[[], float] = time.perf_counter,
        time_us: Callable[[], int] = now_us,
        draw: Callable[[int], int] = random.getrandbits,
        chance: Callable[[], float] = random.random,
        pause: Callable[[float, Caller], Awaitable[None]] = pause,
        later: Callable[[float, Callable[[], None]], Timer] = later,
        cells: Callable[[str], Cell] = lambda identity: LocalCell(),
    ) -> None:
        self.clients = clients
        self.spool = spool
        self.redactor = redactor
        self.clock = clock
        self.time_us = time_us
        self.draw = draw
        self.chance = chance
        self.pause = pause
        self.later = later
        self.health = Health(cells, chance)
        self.limits: RateLimits | None = None  # until somebody is limited
        self.ledger: Ledger | None = None  # until there is a budget
        self.cache: CacheStore | None = None  # until some route keeps answers
        self.nearest: Neighbours | None = None  # what finds its answers by other words
        self.ask: Asks | None = None  # until there is somebody who is asked
        self.verdicts: dict[tuple[str, str, str, str], asyncio.Future[bool]] = {}  # of judges, on their way
        self.lookups: dict[tuple[object, ...], asyncio.Future[list[tuple[Candidate, float]]]] = {}  # of what is near, too
        self.flights = Flights()
        self.claims: Claims | None = None  # where other workers share the cache
        self.replays = Replays()
        self.running: set[Running] = set()
        self.credentials = Credentials(self.client, lambda: time_us() / 1e6)
        self.address: Callable[[str], Address | None] = lambda path: None  # what is asked for where: the server says
        self.served = 0
        self.failed = 0
        self.in_flight = 0

    def client(self, scheme: str) -> Client:
        """The client for a scheme; raises `Refusal` for one that nothing here speaks (a checked configuration has none)."""
        client = self.clients.get(scheme)
        if client is None:
            raise Refusal(500, "no_client", f"Nothing here can reach a '{scheme}' address.")
        return client

    def closed(self, record: Record) -> None:
        """Count a finished request."""
        self.served += 1
        if record.status >= 500:
            self.failed += 1
