"""Asking a gateway that runs to send a recorded request again."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from lockgate import __version__
from lockgate.control.resend.compare import Comparison
from lockgate.control.resend.send import Wish
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import encode
from lockgate.transport.destination import Destination
from lockgate.transport.exchange import Client, Deadlines, Outgoing

#: Models take their time, ten times over; what comes is read up to so many bytes.
_DEADLINES = Deadlines(connect=5.0, first_byte=1800.0, idle=60.0, total=3600.0)
_LIMIT = 64 * 1024 * 1024


class NoAnswer(Exception):
    """The gateway did not send it; the message says why."""


async def ask_there(id: str, wish: Wish, times: int, url: str, key: str, client: Client) -> Comparison:
    """The comparison of the gateway at `url`, which the key pays for. Raises `NoAnswer`."""
    headers = [
        (b"user-agent", f"lockgate/{__version__}".encode()),
        (b"content-type", b"application/json"),
        (b"authorization", f"Bearer {key}".encode("latin-1", "replace")),
    ]
    body = encode({**msgspec.structs.asdict(wish), "times": times})
    try:
        destination, base = Destination.parse(url, trusted=True)
        target = f"{base.rstrip('/').removesuffix('/v1')}/v1/logs/{quote(id, safe='')}/replay".encode("ascii")
        exchange = await client.send(destination, Outgoing("POST", target, headers, body), _DEADLINES)
    except Refusal as refusal:
        raise NoAnswer(f"{url} cannot be asked: {refusal.message}") from None
    if isinstance(exchange, Failure):
        raise NoAnswer(f"{url} cannot be asked: {exchange.message}")
    try:
        found = await exchange.read(_LIMIT)
    finally:
        exchange.close()
    if isinstance(found, Failure):
        raise NoAnswer(f"{url} did not answer: {found.message}")
    try:
        if exchange.status == 200:
            return msgspec.json.decode(found, type=Comparison)
        message = msgspec.json.decode(found, type=_Error).error.message
    except msgspec.DecodeError:
        message = "it is no Lockgate of this version"
    raise NoAnswer(f"{url} did not send it (status {exchange.status}): {message}")


class _Message(msgspec.Struct):
    message: str = ""


class _Error(msgspec.Struct):
    error: _Message
