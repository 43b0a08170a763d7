"""Secret managers that are asked over HTTP, in a thread without an event loop: each question gets a client and a loop of its
own. They are rare: one for each reference every few minutes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from lockgate.control.references import Fetch, ManagerError
from lockgate.core.failure import Failure, Refusal
from lockgate.core.holdings import SecretReference
from lockgate.providers.auth.port import Asked, Told
from lockgate.providers.auth.port import Fetch as Ask
from lockgate.transport.client import HttpClient
from lockgate.transport.destination import Destination
from lockgate.transport.egress import Egress
from lockgate.transport.exchange import Deadlines, Outgoing

_DEADLINES = Deadlines(connect=3.0, first_byte=5.0, idle=5.0, total=10.0)
#: Bytes of an answer.
_LIMIT = 256 * 1024

#: What asks one manager: (the reference, its `auth_config` with the secrets in it, how to ask, seconds since the epoch) → the
#: text. Raises `ManagerError`, `Refusal`.
Manager = Callable[[SecretReference, Mapping[str, Any], Ask, float], Awaitable[str]]


def over_http(manager: Manager, egress: Callable[[], Egress], *, trusted: bool) -> Fetch:
    """A manager as the resolver knows it. `trusted`: its addresses are not what a reference says, but known here."""

    def fetch(reference: SecretReference, secrets: Mapping[str, str]) -> str:
        config = {**reference.auth_config}
        config.update((field.removeprefix("auth_config."), value) for field, value in secrets.items())
        try:
            return asyncio.run(_fetch(manager, reference, config, egress(), trusted))
        except Refusal as refusal:  # the egress policy, or a setting that cannot be
            raise ManagerError(f"'{reference.slug}': {refusal.message}") from None

    return fetch


async def _fetch(manager: Manager, reference: SecretReference, config: Mapping[str, Any], egress: Egress, trusted: bool) -> str:
    client = HttpClient(egress)

    async def ask(asked: Asked) -> Told | Failure:
        url, _, query = asked.url.partition("?")
        destination, path = Destination.parse(url, trusted=trusted)
        target = (path or "/") + (f"?{query}" if query else "")
        headers = [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in asked.headers]
        exchange = await client.send(
            destination, Outgoing(asked.method, target.encode("ascii"), headers, asked.body), _DEADLINES
        )
        if isinstance(exchange, Failure):
            return exchange
        try:
            body = await exchange.read(_LIMIT)
        finally:
            exchange.close()
        return body if isinstance(body, Failure) else Told(exchange.status, body)

    try:
        return await manager(reference, config, ask, time.time())
    finally:
        client.close()


def answer_of(reference: SecretReference, told: Told | Failure) -> bytes:
    """The body of a good answer. Raises `ManagerError`, which repeats nothing of a bad one: it might hold what was sent."""
    if isinstance(told, Failure):
        raise ManagerError(f"the secret manager of '{reference.slug}' cannot be reached: {told.message}")
    if told.status == 404:
        raise ManagerError(f"the secret manager of '{reference.slug}' knows no '{reference.secret_path}'")
    if told.status != 200:
        raise ManagerError(f"the secret manager of '{reference.slug}' answered with the status {told.status}")
    return told.body
