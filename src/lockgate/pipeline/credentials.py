"""`Credentials`: what sources have issued, kept and renewed off the request path.

A request takes what is there. Only the first one to need a source waits for it, with all that come meanwhile: one fetch
serves them all, and a failure answers those of the next second too. What is in use, or belongs to the configured world, is
renewed ahead of its end; while renewing fails the old credential serves until that end.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from lockgate.core.failure import Failure, Refusal
from lockgate.providers.auth.port import FOREVER, AnySigner, AnySource, Asked, Issued, Told
from lockgate.transport.destination import Destination
from lockgate.transport.exchange import Client, Deadlines, Outgoing

log = logging.getLogger("lockgate")

#: Bytes of an answer that holds a credential.
ANSWER_LIMIT = 256 * 1024
DEADLINES = Deadlines(connect=3.0, first_byte=10.0, idle=10.0, total=15.0)
#: A credential is renewed when a quarter of its life is left, but at most this many seconds before its end.
AHEAD_S = 300.0
#: Seconds until a source that failed is asked again: by requests, and by the renewal.
AGAIN_S, RENEW_AGAIN_S = 1.0, 15.0
#: Seconds without a request after which what no configuration names is forgotten, and how many are kept at most.
IDLE_S = 900.0
MOST = 4096
TICK_S = 5.0


class _Kept:
    """One source and what it issued. Times in seconds since the epoch."""

    __slots__ = ("credential", "due_s", "expires_s", "failed_s", "failure", "flight", "source", "used_s")

    def __init__(self, source: AnySource, now_s: float) -> None:
        self.source = source
        self.credential: Any = None
        self.expires_s = self.due_s = 0.0
        self.failure: Failure | None = None
        self.failed_s = 0.0
        self.used_s = now_s
        self.flight: asyncio.Task[Any] | None = None

    def take(self, issued: Issued[Any] | Failure, now_s: float) -> None:
        if isinstance(issued, Failure):
            self.failure, self.failed_s = issued, now_s
            self.due_s = now_s + RENEW_AGAIN_S
            return
        self.failure = None
        self.credential, self.expires_s = issued.credential, issued.expires_s
        life_s = issued.expires_s - now_s
        self.due_s = FOREVER if issued.expires_s == FOREVER else issued.expires_s - min(AHEAD_S, life_s / 4)


class Credentials:
    """See the module. `client` finds a client by scheme, `time_s` tells the seconds since the epoch."""

    def __init__(self, client: Callable[[str], Client], time_s: Callable[[], float]) -> None:
        self._client = client
        self._time_s = time_s
        self._kept: dict[AnySource, _Kept] = {}
        self._pinned: frozenset[AnySource] = frozenset()

    def __repr__(self) -> str:
        return f"Credentials({len(self._kept)} kept, {len(self._pinned)} configured)"

    async def sign(self, signer: AnySigner, outgoing: Outgoing, host: str) -> Outgoing | Failure:
        """The request with its credential on it; the given one stays as it is, for other attempts."""
        now_s = self._time_s()
        kept = self._kept.get(signer.source)
        if kept is not None and now_s < kept.expires_s:
            kept.used_s = now_s
            credential = kept.credential
        else:
            credential = await self.obtain(signer.source)
            if isinstance(credential, Failure):
                return credential
        more = signer.sign(outgoing, host, now_s, credential)
        names = {name for name, _ in more}
        headers = [pair for pair in outgoing.headers if pair[0] not in names]
        return Outgoing(outgoing.method, outgoing.target, headers + more, outgoing.body)

    async def obtain(self, source: AnySource) -> Any:
        """What a source issues, at once when it is there; a `Failure` when it cannot."""
        now_s = self._time_s()
        kept = self._kept.get(source) or self._open(source, now_s)
        kept.used_s = now_s
        if now_s < kept.expires_s:
            return kept.credential
        if kept.failure is not None and now_s < kept.failed_s + AGAIN_S:
            return kept.failure
        return await asyncio.shield(self._fly(kept))

    def pin(self, sources: Iterable[AnySource]) -> None:
        """The sources of the configured world: fetched from now on before anyone asks. Called inside the running loop."""
        self._pinned = frozenset(sources)
        now_s = self._time_s()
        for source in self._pinned:
            if source not in self._kept:
                self._open(source, now_s)
        self.tick()

    def tick(self) -> None:
        """Begin to renew what is due; forget what nobody uses."""
        now_s = self._time_s()
        for source, kept in list(self._kept.items()):
            pinned = source in self._pinned
            if not pinned and now_s > kept.used_s + IDLE_S:
                del self._kept[source]
            elif now_s >= kept.due_s and (pinned or now_s < kept.expires_s):
                self._fly(kept)

    async def keep_fresh(self) -> None:
        """Renew for ever."""
        while True:
            await asyncio.sleep(TICK_S)
            self.tick()

    def _open(self, source: AnySource, now_s: float) -> _Kept:
        if len(self._kept) >= MOST:
            idle = min((each for each in self._kept if each not in self._pinned), key=lambda each: self._kept[each].used_s)
            del self._kept[idle]
        kept = self._kept[source] = _Kept(source, now_s)
        return kept

    def _fly(self, kept: _Kept) -> asyncio.Task[Any]:
        """The one fetch of a source that is under way."""
        if kept.flight is None:
            kept.flight = asyncio.get_running_loop().create_task(self._renew(kept))
        return kept.flight

    async def _renew(self, kept: _Kept) -> Any:
        try:
            issued = await kept.source.issue(self._fetch, self._time_s())
        finally:
            kept.flight = None
        if isinstance(issued, Failure) and kept.source in self._pinned and issued != kept.failure:
            log.warning("%s", issued.message)  # once: it is tried again every few seconds
        kept.take(issued, self._time_s())
        return issued if isinstance(issued, Failure) else issued.credential

    async def _fetch(self, asked: Asked) -> Told | Failure:
        """See `providers.auth.port.Fetch`."""
        url, _, query = asked.url.partition("?")
        try:
            destination, path = Destination.parse(url, trusted=True)
            target = (path or "/") + (f"?{query}" if query else "")
            headers = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in asked.headers]
            outgoing = Outgoing(asked.method, target.encode("ascii"), headers, asked.body)
            exchange = await self._client(destination.scheme).send(destination, outgoing, DEADLINES)
        except Refusal as refusal:  # the egress policy, or an address of the operator's that is none
            return Failure("auth", 502, refusal.message)
        if isinstance(exchange, Failure):
            return exchange
        try:
            body = await exchange.read(ANSWER_LIMIT)
            return body if isinstance(body, Failure) else Told(exchange.status, body)
        finally:
            exchange.close()
