"""The upstream client: `send` is one request's way from a pooled connection to the headers of its answer."""

from __future__ import annotations

import asyncio

from lockgate.core.failure import Failure, Refusal
from lockgate.transport.answer import Answer
from lockgate.transport.destination import Destination
from lockgate.transport.dial import Connector, Dialer, TcpConnector
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import CUT, Abort, Deadlines, Outgoing
from lockgate.transport.head import render
from lockgate.transport.http1 import Connection
from lockgate.transport.pool import Limits, Pool, Waiting
from lockgate.transport.resolve import CachedResolver, Resolver
from lockgate.transport.wheel import Wheel


class HttpClient:
    """See `transport.exchange.Client`. It belongs to one event loop, the one it is made in; `close` ends all it holds."""

    __slots__ = ("_closed", "_dialer", "_limits", "_living", "_loop", "_pools", "_wheel")

    def __init__(
        self,
        egress: Egress,
        *,
        limits: Limits | None = None,
        resolver: Resolver | None = None,
        connector: Connector | None = None,
        wheel: Wheel | None = None,
    ) -> None:
        """Make it inside the running loop. The ports are for tests; None is the system's."""
        self._loop = asyncio.get_running_loop()
        self._dialer = Dialer(egress, resolver or CachedResolver(), connector or TcpConnector())
        self._limits = limits or Limits()
        self._wheel = wheel or Wheel(self._loop)
        self._pools: dict[Destination, Pool] = {}
        self._living: set[Pool] = set()  # with those that a change of policy has retired
        self._closed = False

    @property
    def egress(self) -> Egress:
        """The policy in force."""
        return self._dialer.egress

    def adopt(self, egress: Egress) -> None:
        """Put another policy in force: no connection made under the old one is used again."""
        self._dialer.egress = egress
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.retire()

    async def send(
        self, destination: Destination, outgoing: Outgoing, deadlines: Deadlines, slot: Abort | None = None
    ) -> Answer | Failure:
        """See `Client`. A connection that idled and turns out to be dead is replaced by a new one, once."""
        now = self._wheel.now()
        total_at = now + deadlines.total
        for again in (False, True):
            if self._closed or (slot is not None and slot.aborted):
                return CUT
            pool = self._pools.get(destination) or self._open(destination)
            head = render(outgoing, pool.own)
            connection = None if again else pool.take()
            if connection is None:
                waiting = pool.wait(now, min(now + deadlines.connect, total_at), again)
                found = await self._wait(pool, waiting, slot)
                if not isinstance(found, Connection):
                    return found
                connection = found
                now = self._wheel.now()
            if not connection.closed:
                answer = Answer(connection, connection.upstream, self._loop)
                headed = answer.headed()
                if slot is not None:
                    slot.holds = answer
                connection.begin(answer, head, outgoing.body, outgoing.method == "HEAD", deadlines, total_at, now)
                try:
                    await headed
                except asyncio.CancelledError:
                    answer.close()
                    raise
                if answer.failure is None:
                    return answer
                if not answer.untouched:
                    return answer.failure
            now = self._wheel.now()
        return Failure("cut", 502, f"The upstream {destination.authority} closed the connection without an answer.")

    def close(self) -> None:
        """End all exchanges, waits and connections at once."""
        self._closed = True
        for pool in tuple(self._living):
            pool.close()
        self._wheel.stop()

    def emptied(self, pool: Pool) -> None:
        """See `Keeper`: the next request makes a new one."""
        self._living.discard(pool)
        if self._pools.get(pool.destination) is pool:
            del self._pools[pool.destination]

    def _open(self, destination: Destination) -> Pool:
        """A pool for a destination that the policy allows, as far as its name tells; raises `Refusal`."""
        self._dialer.egress.check(destination)
        pool = Pool(destination, self._dialer, self._wheel, self._limits, self, self._loop)
        self._pools[destination] = pool
        self._living.add(pool)
        return pool

    async def _wait(self, pool: Pool, waiting: Waiting, slot: Abort | None) -> Connection | Failure:
        """What the wait ends with; raises the policy's `Refusal`."""
        if slot is not None:
            slot.holds = waiting
        try:
            found = await waiting.future
        except asyncio.CancelledError:
            pool.left(waiting, CUT)
            pool.take_back(waiting)
            raise
        if isinstance(found, Refusal):
            raise found
        if slot is not None and slot.aborted:
            pool.take_back(waiting)
            return CUT
        return found

    def __repr__(self) -> str:
        return f"HttpClient({list(self._pools.values())})"
