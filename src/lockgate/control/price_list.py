"""Taking a price list: fetched from where the operator says, or given as a file; checked, and kept in the data directory.

Nothing is fetched unless the operator asks. What is fetched goes the way of all requests: judged by the egress policy, over
verified TLS, within limits, and no redirect is followed. Workers find the new file and take it in like any other change.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lockgate import __version__
from lockgate.core.failure import Failure, Refusal
from lockgate.pipeline.snapshot import Refresh
from lockgate.providers.prices_file import LIMIT, Head, head_of, seal
from lockgate.transport.addresses import literal
from lockgate.transport.destination import Destination, TlsIdentity
from lockgate.transport.exchange import Client, Deadlines, Outgoing
from lockgate.transport.proxy import Proxy

log = logging.getLogger("lockgate")

_DEADLINES = Deadlines(connect=10.0, first_byte=30.0, idle=30.0, total=120.0)
#: Seconds after which a list that could not be had is asked for again, if that is sooner than it would be anyway.
RETRY_S = 900.0


class NoPriceList(Exception):
    """There is no new list; the message says why."""


def refresh_of(url: str, every_s: float, tls: TlsIdentity | None = None, proxy: str = "") -> Refresh:
    """Where a list is fetched from; raises `Refusal`, naming "url" or "proxy". A list comes over TLS, or from an address that
    the operator wrote as a number."""
    if proxy:
        try:
            Proxy.parse(proxy)
        except Refusal as refusal:
            refusal.param = "proxy"
            raise
    try:
        destination, path = Destination.parse(url, trusted=True, tls=tls, proxy=proxy)
    except Refusal as refusal:
        refusal.param = "url"
        raise
    if destination.scheme != "https" and literal(destination.host) is None:
        raise Refusal(400, "insecure_url", "A price list is fetched with https.", param="url")
    return Refresh(url, destination, path.encode("ascii") or b"/", every_s)


async def fetch(client: Client, refresh: Refresh) -> bytes:
    """The published data; raises `NoPriceList`."""
    headers = [(b"user-agent", f"lockgate/{__version__}".encode()), (b"accept", b"application/json")]
    try:
        exchange = await client.send(refresh.destination, Outgoing("GET", refresh.target, headers), _DEADLINES)
    except Refusal as refusal:
        raise NoPriceList(refusal.message) from None
    if isinstance(exchange, Failure):
        raise NoPriceList(exchange.message)
    try:
        body = await exchange.read(LIMIT)
    finally:
        exchange.close()
    if isinstance(body, Failure):
        raise NoPriceList(body.message)
    if exchange.status != 200:
        moved = "; redirects are not followed" if 300 <= exchange.status < 400 else ""
        raise NoPriceList(f"{refresh.url} answered with the status {exchange.status}{moved}")
    return body


def take(path: Path, data: bytes, source: str, taken_us: int) -> Head:
    """Check published data and keep it; raises `NoPriceList`. The file is replaced as a whole, and left alone when it holds
    the same data already."""
    try:
        head, file = seal(data, source, taken_us)
    except ValueError as error:
        raise NoPriceList(f"the price list of {source} is not used: {error}") from None
    before = head_of(path)
    if before is not None and before.digest == head.digest:
        return before
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with new.open("wb") as out:
            out.write(file)
            out.flush()
            os.fsync(out.fileno())
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise NoPriceList(f"{path} cannot be written: {error.strerror or error}") from None
    return head


@contextmanager
def turn(path: Path, every_s: float, now_s: float) -> Iterator[bool]:
    """Whether it is time for a new list, and this process that gets it: one of many workers. A body that raises has failed,
    and the list is due again after `RETRY_S`.

    The lock file's time says when the list was last asked for.
    """
    lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        new = os.fstat(lock).st_size == 0
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        if not new and now_s < os.fstat(lock).st_mtime + every_s:
            yield False
            return
        if new:
            os.write(lock, b"The time of this file says when the price list was last asked for.\n")
        asked_s = now_s - max(0.0, every_s - RETRY_S)
        try:
            yield True
            asked_s = now_s
        finally:
            os.utime(lock, (asked_s, asked_s))
    finally:
        os.close(lock)


async def refresh_when_due(client: Client, refresh: Refresh, path: Path) -> None:
    """Get a new list, if one is due and nobody else is at it. Failure is logged, and the old list stays."""
    now_s = time.time()
    try:
        with turn(path, refresh.every_s, now_s) as due:
            if due:
                data = await fetch(client, refresh)
                head = await asyncio.to_thread(take, path, data, refresh.url, int(now_s * 1e6))
                log.info("the price list is %s", head.version)
    except (NoPriceList, OSError) as why:
        log.error("no new price list, the old one stays: %s", why)
