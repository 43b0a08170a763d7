"""A poster sends requests from a thread without an event loop, by our own client and under the egress policy. No redirects.

It has a loop of its own, which runs only while something is sent; connections stay open between two requests.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from typing import Any

import msgspec

from lockgate import __version__
from lockgate.core.failure import Failure, Refusal
from lockgate.policy.retry_after import read_retry_after
from lockgate.providers.auth.port import AnySource, Asked, Issued
from lockgate.providers.auth.port import Told as FetchTold
from lockgate.stores.ports import StoreError
from lockgate.stores.sinks.port import Later, Refused
from lockgate.transport.client import HttpClient
from lockgate.transport.destination import Destination, TlsIdentity
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import Client, Deadlines, Headers, Outgoing

#: Bytes of an answer that are read.
_LIMIT = 64 * 1024
_QUERY = re.compile(r"[!-~]*")
#: Statuses after which the same request may well succeed. OTLP names these four
#: (https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes).
RETRIED = frozenset((429, 502, 503, 504))
#: So many seconds before it ends a credential is renewed.
_EARLY_S = 300.0
_AGENT = f"lockgate/{__version__}".encode()


class Place(msgspec.Struct, frozen=True):
    """Where to. Path and query may be a secret, so they are never shown."""

    destination: Destination
    target: bytes

    def __repr__(self) -> str:
        return f"Place({self.destination.authority})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The same guard for pretty printers."""
        return [("authority", self.destination.authority)]


def place_of(url: str, tls: TlsIdentity | None = None, proxy: str = "") -> Place:
    """The place of an operator's URL; raises `Refusal`."""
    base, mark, query = url.partition("?")
    destination, path = Destination.parse(base, trusted=True, tls=tls, proxy=proxy)
    if not _QUERY.fullmatch(query) or "#" in query:
        raise Refusal(400, "invalid_url", "The URL's query has characters that are not allowed.")
    slash = "/" if base.endswith("/") or not path else ""  # which `parse` leaves out, and which means something here
    return Place(destination, f"{path}{slash}{mark}{query}".encode("ascii"))


class Told(msgspec.Struct, frozen=True):
    """An answer."""

    status: int
    headers: Headers
    body: bytes


class Poster:
    """Belongs to the thread that first uses it. `timeout_s` is for all of an exchange; `now_s` are seconds since the epoch."""

    def __init__(
        self,
        egress: Callable[[], Egress],
        timeout_s: float = 30.0,
        *,
        now_s: Callable[[], float] = time.time,
        client: Callable[[Egress], Client] | None = None,
    ) -> None:
        self._egress = egress
        self._deadlines = Deadlines(connect=min(5.0, timeout_s), first_byte=timeout_s, idle=timeout_s, total=timeout_s)
        self.now_s = now_s
        self._make = client or HttpClient
        self._runner: asyncio.Runner | None = None
        self._client: Client | None = None
        self._credential: Issued[Any] | None = None

    def send(self, place: Place, outgoing: Outgoing, *, most: int = 0) -> Told:
        """The answer, whatever it says. With `most`, the whole of it, of at most so many bytes; else its status counts, also
        where the rest of it was lost. Raises `StoreError` where there is none."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        try:
            told = self._runner.run(self._send(place, outgoing, most))
        except Refusal as refusal:
            raise StoreError(refusal.message) from None
        if isinstance(told, Failure):
            raise StoreError(told.message)
        return told

    def post(self, place: Place, headers: Headers, body: bytes, *, retried: frozenset[int] = RETRIED) -> Told:
        """Post it; the answer when it was taken (2xx). Raises `Later` for statuses after which it is to be tried again,
        `Refused` for all others, `StoreError` where there is no answer."""
        return self.taken(place, Outgoing("POST", place.target, [(b"user-agent", _AGENT), *headers], body), retried)

    def taken(self, place: Place, outgoing: Outgoing, retried: frozenset[int] = RETRIED) -> Told:
        """Likewise for any request."""
        return self.check(place, self.send(place, outgoing), retried)

    def check(self, place: Place, told: Told, retried: frozenset[int] = RETRIED) -> Told:
        """Likewise for an answer that is there."""
        if 200 <= told.status < 300:
            return told
        why = f"{place.destination.authority} answered with the status {told.status}"
        if told.status in retried:
            raise Later(why, read_retry_after(told.headers, self.now_s()) or 0.0)
        raise Refused(why + ("; redirects are not followed" if 300 <= told.status < 400 else ""))

    def issued(self, source: AnySource) -> Any:
        """A credential of a source, kept until shortly before it ends. Raises `StoreError`."""
        now_s = self.now_s()
        if self._credential is None or now_s >= self._credential.expires_s - _EARLY_S:
            if self._runner is None:
                self._runner = asyncio.Runner()
            try:
                issued = self._runner.run(source.issue(self._fetch, now_s))
            except Refusal as refusal:
                raise StoreError(refusal.message) from None
            if isinstance(issued, Failure):
                raise StoreError(issued.message)
            self._credential = issued
        return self._credential.credential

    def close(self) -> None:
        """End all connections."""
        if self._runner is not None:
            client = self._client
            if isinstance(client, HttpClient):
                client.close()
            self._runner.close()
            self._runner = self._client = None

    async def _fetch(self, asked: Asked) -> FetchTold | Failure:
        """See `Fetch`: credentials come the same way."""
        outgoing = Outgoing(
            asked.method,
            b"",
            [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in asked.headers],
            asked.body,
        )
        place = place_of(asked.url)
        outgoing.target = place.target
        told = await self._send(place, outgoing)
        return told if isinstance(told, Failure) else FetchTold(told.status, told.body)

    async def _send(self, place: Place, outgoing: Outgoing, most: int = 0) -> Told | Failure:
        egress = self._egress()
        if self._client is None:
            self._client = self._make(egress)
        elif isinstance(self._client, HttpClient) and self._client.egress != egress:
            self._client.adopt(egress)
        exchange = await self._client.send(place.destination, outgoing, self._deadlines)
        if isinstance(exchange, Failure):
            return exchange
        try:
            body = await exchange.read(most or _LIMIT)
        finally:
            exchange.close()
        if most and isinstance(body, Failure):
            return body
        # What was answered counts, also where the rest of it was lost.
        return Told(exchange.status, exchange.headers, body if isinstance(body, bytes) else b"")
