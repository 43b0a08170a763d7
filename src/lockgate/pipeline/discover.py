"""What servers that people run themselves have loaded: their own lists of models, asked for and kept a short while.

They are asked when a worker starts, once a minute, and before models are listed; never by a request that wants an answer. By
what they said a bare model name finds its way to them (`Snapshot.homes`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, decode
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.target import Provider
from lockgate.providers.table import joined
from lockgate.transport.exchange import Deadlines, Outgoing

#: Seconds that a list is good for; one that could not be had is asked for again as late.
KEPT_S = 15.0
#: A server that does not answer soon is listed without models.
DEADLINES = Deadlines(connect=1.0, first_byte=2.0, idle=2.0, total=3.0)
#: Bytes of a list, and how many of its models are looked at.
LIMIT, MOST = 1024 * 1024, 2000


class _Entry(msgspec.Struct):
    id: str = ""


class _List(msgspec.Struct):
    """https://platform.openai.com/docs/api-reference/models/list, which all of them imitate."""

    data: list[_Entry] = []


async def discover(snapshot: Snapshot, providers: Iterable[Provider], runtime: Runtime) -> None:
    """Bring what these providers of the snapshot serve into `Provider.found`, all at once; those without a list of their own
    are left out."""
    now_s = runtime.clock()
    stale = [each for each in providers if each.row.lists and now_s >= each.found_s + KEPT_S]
    if stale:
        await asyncio.gather(*(_ask(snapshot, each, runtime, now_s) for each in stale))


async def _ask(snapshot: Snapshot, provider: Provider, runtime: Runtime, now_s: float) -> None:
    provider.found_s = now_s  # before the answer: others do not ask meanwhile
    target = joined(provider.base_path, provider.row.lists).encode("ascii")
    try:
        client = runtime.client(provider.destination.scheme)
        exchange = await client.send(provider.destination, Outgoing("GET", target, list(provider.headers)), DEADLINES)
    except Refusal:  # the egress policy: requests will say so too
        return
    if isinstance(exchange, Failure):
        return
    try:
        body = await exchange.read(LIMIT)
    finally:
        exchange.close()
    if isinstance(body, Failure) or exchange.status != 200:
        return
    try:
        snapshot.learn(provider, tuple(entry.id for entry in decode(body, _List).data[:MOST] if entry.id))
    except UNREADABLE:
        return
