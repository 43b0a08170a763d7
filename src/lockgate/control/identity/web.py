"""Asking an identity provider something over HTTP: with the gateway's own client, so under its egress policy, over verified
TLS, within limits, and without following redirects."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from lockgate import __version__
from lockgate.control.identity.settings import TlsEntry
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE
from lockgate.transport.addresses import literal
from lockgate.transport.destination import Destination, TlsIdentity
from lockgate.transport.exchange import Client, Deadlines, Outgoing
from lockgate.transport.proxy import Proxy

T = TypeVar("T")

_DEADLINES = Deadlines(connect=3.0, first_byte=10.0, idle=5.0, total=15.0)
#: Bytes of an answer.
LIMIT = 256 * 1024


class Trouble(Exception):
    """An identity provider could not be asked, or has not answered as it should. The message says how, and holds no secret."""


class Place(msgspec.Struct, frozen=True):
    """An address of an identity provider's, as the operator, or a document of the provider's, says it."""

    url: str
    destination: Destination
    target: bytes

    def __repr__(self) -> str:
        return f"Place({self.url})"


def place_of(url: str, tls: TlsEntry | None = None, proxy: str = "", near: Place | None = None) -> Place:
    """An address. It is reached over TLS, unless it is a number or this machine's. One that the provider itself says is `near`
    the operator's: it goes the same way, and to a number or this machine only if that does. Raises `Refusal` 400, naming "url"
    or "proxy"."""
    if proxy:
        try:
            Proxy.parse(proxy)
        except Refusal as refusal:
            refusal.param = "proxy"
            raise
    identity = None if tls is None or tls == TlsEntry() else TlsIdentity(**msgspec.structs.asdict(tls))
    base, question, query = url.partition("?")
    try:
        destination, path = Destination.parse(base, trusted=True, tls=identity, proxy=proxy)
    except Refusal as refusal:
        refusal.param = "url"
        raise
    if near is not None:
        destination = msgspec.structs.replace(destination, tls=near.destination.tls, proxy=near.destination.proxy)
    is_here = literal(destination.host) is not None or destination.host == "localhost"
    if is_here and near is not None and destination.host != near.destination.host:
        raise Refusal(
            400, "invalid_url", f"{near.url} points to {url}, which is no name of a host on the internet.", param="url"
        )
    if destination.scheme != "https" and not is_here:
        raise Refusal(400, "insecure_url", "An identity provider is asked with https.", param="url")
    target = (path + "/" if base.endswith("/") or not path else path) + question + query
    if not target.isascii() or not target.isprintable() or " " in target or "#" in target:
        raise Refusal(400, "invalid_url", "It has characters that do not belong into an address.", param="url")
    return Place(url, destination, target.encode("ascii"))


async def ask(
    client: Client,
    place: Place,
    kind: type[T],
    *,
    method: str = "GET",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    body: bytes = b"",
) -> T:
    """What an address answers, as JSON of a kind. Raises `Trouble`; nothing of the answer is repeated but an OAuth error's
    code."""
    head = [(b"user-agent", f"lockgate/{__version__}".encode()), (b"accept", b"application/json"), *headers]
    try:
        exchange = await client.send(place.destination, Outgoing(method, place.target, head, body), _DEADLINES)
    except Refusal as refusal:  # the egress policy
        raise Trouble(refusal.message) from None
    if isinstance(exchange, Failure):
        raise Trouble(exchange.message)
    try:
        answer = await exchange.read(LIMIT)
    finally:
        exchange.close()
    if isinstance(answer, Failure):
        raise Trouble(answer.message)
    if exchange.status != 200:
        raise Trouble(f"{place.url} answered with the status {exchange.status}{_why(exchange.status, answer)}")
    try:
        return msgspec.json.decode(answer, type=kind)
    except UNREADABLE:
        raise Trouble(f"{place.url} answered with something that cannot be read") from None


class _OAuthError(msgspec.Struct):
    error: str = ""


def _why(status: int, answer: bytes) -> str:
    """What an error says of itself: a redirect's nature, or the code of RFC 6749, section 5.2, which is a word of a list."""
    if 300 <= status < 400:
        return "; redirects are not followed"
    try:
        code = msgspec.json.decode(answer, type=_OAuthError).error
    except UNREADABLE:
        return ""
    return f" ({code})" if code and code.isascii() and code.replace("_", "").isalnum() and len(code) < 64 else ""


def claim(claims: dict[str, Any], name: str) -> Any:
    """What a claim says; None when it is not there. A name with dots is a path, unless there is a claim of that whole name
    (those that are URLs have dots)."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        if not isinstance(found, dict) or part not in found:
            return None
        found = found[part]
    return found
