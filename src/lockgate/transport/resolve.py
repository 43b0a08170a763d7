"""Name lookups: the port, and the system's resolver behind a small cache that outlives a name server's bad minutes.

The system's resolver blocks and cannot be interrupted, so each lookup has a thread of its own; names asked for twice
share one lookup, and the number of lookups under way is bounded: a dead name server costs `LOOKUPS` threads, no more.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from lockgate.core.failure import Failure

#: Seconds that an answer is used; that a failed lookup is not tried again; that an old answer stands in for a failing server.
FRESH = 30.0
FAILED = 5.0
STALE = 300.0
#: Seconds to wait for a new answer while an old one is at hand (RFC 8767, section 5, recommends 1.8).
PATIENCE = 1.8
#: The most names kept, and the most lookups at a time.
NAMES = 1024
LOOKUPS = 32

#: The resolver's errors that say "there is no such name", as against "ask again later".
_NO_SUCH_NAME = frozenset(
    getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY", "EAI_FAMILY") if hasattr(socket, name)
)

Addresses = tuple[str, ...]


class Resolver(Protocol):
    """Finds the addresses of a host name."""

    async def resolve(self, host: str) -> Addresses | Failure:
        """The addresses in the order to try them, at least one; a `Failure` of kind "connect" when there are none."""
        ...


def system_lookup(host: str) -> Addresses:
    """Ask the system's resolver, blocking; raises `OSError` (`socket.gaierror`)."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class _Entry(msgspec.Struct):
    """What is known of a name: its last addresses and when they came; its last error and when."""

    addresses: Addresses = ()
    found_at: float = 0.0
    error: str = ""
    failed_at: float = 0.0


class CachedResolver:
    """The system's resolver, or another blocking `lookup`, with a cache. Times are in seconds of `now`."""

    __slots__ = ("_entries", "_lookup", "_now", "_patience", "_under_way")

    def __init__(
        self,
        lookup: Callable[[str], Addresses] = system_lookup,
        now: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._lookup = lookup
        self._now = now
        self._patience = patience
        self._entries: dict[str, _Entry] = {}
        self._under_way: dict[str, asyncio.Future[None]] = {}

    async def resolve(self, host: str) -> Addresses | Failure:
        """See `Resolver`."""
        entry = self._entries.get(host)
        now = self._now()
        if entry is not None:
            if entry.addresses and now < entry.found_at + FRESH:
                return entry.addresses
            if entry.error and now < entry.failed_at + FAILED:
                return self._answer(host, entry, now)
        flight = self._under_way.get(host)
        if flight is None:
            if len(self._under_way) >= LOOKUPS:
                return self._answer(host, entry or _Entry(error="too many lookups are under way"), now)
            flight = self._start(host)
        stale = entry is not None and entry.addresses and now < entry.found_at + STALE
        # `wait` leaves the lookup alone when its own waiter leaves: others may be waiting for it too.
        await asyncio.wait((flight,), timeout=self._patience if stale else None)
        entry = self._entries.get(host) or _Entry(error="it was not found")
        return self._answer(host, entry, self._now())

    def _answer(self, host: str, entry: _Entry, now: float) -> Addresses | Failure:
        """The addresses as far as they may still be used, else the failure."""
        if entry.addresses and now < entry.found_at + STALE:
            return entry.addresses
        return Failure("connect", 502, f"The host name {host} could not be resolved: {entry.error or 'no answer came'}.")

    def _start(self, host: str) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        flight: asyncio.Future[None] = loop.create_future()
        self._under_way[host] = flight

        def note(addresses: Addresses, error: str, gone: bool) -> None:
            self._under_way.pop(host, None)
            self._note(host, addresses, error, gone)
            flight.set_result(None)

        def look_up() -> None:
            addresses, error, gone = (), "", False
            try:
                addresses = self._lookup(host)
            except OSError as failed:
                error = (failed.strerror or "the lookup failed").lower()
                gone = failed.errno in _NO_SUCH_NAME
            except UnicodeError:
                error, gone = "it is not a host name", True
            with contextlib.suppress(RuntimeError):  # the loop has closed: nobody waits any more
                loop.call_soon_threadsafe(note, addresses, error, gone)

        # A daemon: a lookup that hangs must not keep the process from ending.
        threading.Thread(target=look_up, name="resolve", daemon=True).start()
        return flight

    def _note(self, host: str, addresses: Addresses, error: str, gone: bool) -> None:
        now = self._now()
        entry = self._entries.pop(host, None) or _Entry()
        if addresses:
            entry = _Entry(addresses, now)
        else:
            entry.error, entry.failed_at = error or "it has no addresses", now
            if gone:
                entry.addresses = ()  # the name server knows better than our memory
        self._entries[host] = entry
        if len(self._entries) > NAMES:
            del self._entries[next(iter(self._entries))]

    def __repr__(self) -> str:
        return f"CachedResolver({len(self._entries)} names, {len(self._under_way)} under way)"
