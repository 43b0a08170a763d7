"""The port of auth schemes that sign requests or fetch tokens: who makes credentials, and who puts them on a request.

A `Signer` is what a provider's setting-up leaves behind: it does not change, and it knows the `Source` of its credentials.
A source makes a credential that lasts a while (a token, temporary keys); it holds no state and reaches the network only
through the `Fetch` that it is given. `pipeline.credentials` keeps what sources made and renews it before it expires, so
that signing is synchronous and pure.
"""

from __future__ import annotations

from typing import Any, Generic, Protocol, SupportsBytes, TypeVar

import msgspec

from lockgate.core.failure import Failure

C = TypeVar("C")

Headers = list[tuple[bytes, bytes]]

#: A credential that does not expire.
FOREVER = float("inf")


class Message(Protocol):
    """What a signer reads of a request: the target is path and query as they go on the wire, header names are lower case."""

    method: str
    target: bytes
    headers: Headers

    @property
    def body(self) -> SupportsBytes:
        """What is sent; as bytes when it must be seen whole."""
        ...


class Asked(msgspec.Struct, frozen=True):
    """A request to where credentials come from: a whole URL (its host is the operator's or the provider's, never a
    caller's), and what goes with it."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __repr__(self) -> str:
        """The place alone: query, headers and body may hold secrets."""
        return f"Asked({self.method} {self.url.partition('?')[0]})"


class Told(msgspec.Struct, frozen=True):
    """Its whole answer, whatever the status."""

    status: int
    body: bytes

    def __repr__(self) -> str:
        return f"Told({self.status}, {len(self.body)} bytes)"


class Fetch(Protocol):
    """Sends one request; a `Failure` when no answer came. Answers are small: one over 256 KiB is a failure too."""

    async def __call__(self, asked: Asked) -> Told | Failure: ...


class Issued(msgspec.Struct, Generic[C], frozen=True):
    """A credential and until when it is good (seconds since the epoch)."""

    credential: C
    expires_s: float = FOREVER

    def __repr__(self) -> str:
        return f"Issued(until {self.expires_s})"


class Source(Protocol[C]):
    """Makes credentials. Hashable, and equal to another that would make the same: what it made survives a reload."""

    def __hash__(self) -> int: ...

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[C] | Failure:
        """A new credential; a `Failure` of kind "auth" that names the setting to change (see `cannot_issue`)."""
        ...


class Signer(Protocol[C]):
    """Puts a credential on requests."""

    @property
    def source(self) -> Source[C]: ...

    def sign(self, message: Message, host: str, now_s: float, credential: C) -> Headers:
        """The headers to send besides the message's own; one of the same name is replaced. `host` is the value of the Host
        header, `now_s` in seconds since the epoch."""
        ...


class Given(msgspec.Struct, Generic[C], frozen=True, cache_hash=True):
    """The source of a credential that is there from the beginning and stays."""

    credential: C

    def __repr__(self) -> str:
        return "Given()"

    async def issue(self, fetch: Fetch, now_s: float) -> Issued[C] | Failure:
        """See `Source`."""
        return Issued(self.credential)


class Bearer(msgspec.Struct, frozen=True):
    """A token that goes into a header as it is. `headers` are sent with it (a project to bill, say)."""

    source: Source[str]
    header: str = "authorization"
    prefix: str = "Bearer "
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Bearer({self.source})"

    def sign(self, message: Message, host: str, now_s: float, credential: str) -> Headers:
        """See `Signer`."""
        more = [(name.encode(), value.encode("latin-1")) for name, value in self.headers]
        return [(self.header.encode(), (self.prefix + credential).encode("latin-1")), *more]


def cannot_issue(what: str, setting: str, why: Failure | Told | str, said: str = "") -> Failure:
    """The failure of a source: `what` it wanted ("The role …"), which setting decides that, and what the place answered
    (`said`: its own sentence, where it has one). The caller sees 502 when the place could not be reached or is broken,
    401 when it said no."""
    if isinstance(why, Failure):
        return Failure("auth", 502, f"{what} could not be had: {why.message} Check {setting}.", code="credential_unavailable")
    if isinstance(why, str):
        return Failure("auth", 502, f"{what} could not be had: {why} Check {setting}.", code="credential_unavailable")
    status = 401 if 400 <= why.status < 500 else 502
    words = f"{said} " if said else ""
    message = f"{what} could not be had (status {why.status}): {words}Check {setting}."
    return Failure("auth", status, message, code="credential_unavailable")


AnySigner = Signer[Any]
AnySource = Source[Any]
