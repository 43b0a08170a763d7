"""An alert as one POST: what webhooks and chats have in common.

It goes the way of all requests, by our own client: the egress policy judges the address that is connected to, each time; no
redirect is followed, and nothing large is read.
"""

from __future__ import annotations

import re

import msgspec

from lockgate import __version__
from lockgate.control.alerts.channel import Means, Trouble
from lockgate.core.failure import Failure, Refusal
from lockgate.policy.retry_after import read_retry_after
from lockgate.transport.destination import Destination, TlsIdentity
from lockgate.transport.exchange import Deadlines, Headers, Outgoing

_DEADLINES = Deadlines(connect=5.0, first_byte=10.0, idle=5.0, total=20.0)
#: Bytes of an answer that are read.
_LIMIT = 64 * 1024
_QUERY = re.compile(r"[!-~]*")
#: What a chat says of its reasons: "invalid_token", "channel_not_found".
_WORD = re.compile(rb"[a-z_]{3,48}")


class Place(msgspec.Struct, frozen=True):
    """Where to. The path and the query are often the secret, so they are never shown."""

    destination: Destination
    target: bytes

    def __repr__(self) -> str:
        return f"Place({self.destination.authority})"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """The same guard for pretty printers."""
        return [("authority", self.destination.authority)]


def place_of(url: str, ca_file: str = "", proxy: str = "") -> Place:
    """The place of an operator's URL, with a query if it has one; raises `Refusal`."""
    base, mark, query = url.partition("?")
    tls = TlsIdentity(ca_file=ca_file) if ca_file else None
    destination, path = Destination.parse(base, trusted=True, tls=tls, proxy=proxy)
    if not _QUERY.fullmatch(query) or "#" in query:
        raise Refusal(400, "invalid_url", "The URL's query has characters that are not allowed.")
    # A path's last slash is left out by `parse`, and means something here.
    slash = "/" if base.endswith("/") or not path else ""
    return Place(destination, f"{path}{slash}{mark}{query}".encode("ascii"))


async def post(place: Place, body: bytes, headers: Headers, means: Means) -> Trouble | None:
    """Send it; None: it was taken (2xx)."""
    outgoing = Outgoing(
        "POST",
        place.target,
        [(b"content-type", b"application/json"), (b"user-agent", f"lockgate/{__version__}".encode()), *headers],
        body,
    )
    try:
        exchange = await means.client().send(place.destination, outgoing, _DEADLINES)
    except Refusal as refusal:
        return Trouble(refusal.message)
    if isinstance(exchange, Failure):
        return Trouble(exchange.message)
    try:
        answer = await exchange.read(_LIMIT)
    finally:
        exchange.close()
    if 200 <= exchange.status < 300:
        return None  # also where the rest of its answer was lost
    why = f"{place.destination.authority} answered with the status {exchange.status}"
    if 300 <= exchange.status < 400:
        why += "; redirects are not followed"
    elif isinstance(answer, bytes) and _WORD.fullmatch(answer.strip()):
        why += f" ({answer.strip().decode()})"
    return Trouble(why + ".", read_retry_after(exchange.headers, means.clock() / 1e6) or 0.0)
