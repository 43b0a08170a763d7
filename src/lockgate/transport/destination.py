"""`Destination`: where a connection goes and as whom. It is parsed strictly, never guessed at, and keys the pool.

Sources: RFC 3986 (URL), RFC 3490 (host names beyond ASCII), WHATWG URL "ends in a number" (which host is an address).
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import msgspec

from lockgate.core.failure import Refusal

#: The schemes spoken, with their own ports.
PORTS = {"https": 443, "http": 80}

URL_LIMIT = 2048

_URL = re.compile(r"(https?)://([^/?#\\]*)([^?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]@]+)(?::([0-9]{1,5}))?")
_PATH = re.compile(r"(?:/(?!/)(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*)*")
_DOTS = re.compile(r"/(?:\.|%2[Ee]){1,2}(?:/|$)")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class TlsIdentity(msgspec.Struct, frozen=True, cache_hash=True):
    """Whom to trust and who we are, as file paths; "" means the default (the system's authorities, no certificate of ours).

    `server_name` is the name asked for and verified, when it is not the destination's host.
    """

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    server_name: str = ""


class Destination(msgspec.Struct, frozen=True, cache_hash=True):
    """An origin, and the way to it. `host` is a lower-case ASCII name or an IP address without brackets.

    `proxy` is an http URL of a CONNECT proxy ("" for none), credentials included. `trusted`: the provider table or the
    operator's config names this host; False: the caller gave it.
    """

    scheme: str
    host: str
    port: int
    tls: TlsIdentity | None = None
    proxy: str = ""
    trusted: bool = False

    @classmethod
    def parse(
        cls, url: str, *, trusted: bool = False, tls: TlsIdentity | None = None, proxy: str = ""
    ) -> tuple[Destination, str]:
        """A base URL as destination and base path (no slash at its end); raises `Refusal` 400 for one we will not use."""
        if len(url) > URL_LIMIT:
            raise _bad(f"it is longer than {URL_LIMIT} characters")
        match = _URL.fullmatch(url)
        if match is None:
            raise _bad("it must begin with https:// or http://")
        scheme, authority, path, rest = match.groups()
        if rest:
            raise _bad("it must end before any query (?) or fragment (#)")
        host, port = parse_authority(authority)
        if not _PATH.fullmatch(path) or _DOTS.search(path):
            raise _bad("its path has characters or segments that are not allowed")
        scheme = scheme.lower()
        return cls(scheme, host, port or PORTS[scheme], tls, proxy, trusted), path.rstrip("/")

    @property
    def authority(self) -> str:
        """Host and port, always both: what a CONNECT names, and what messages call this destination."""
        return f"{bracketed(self.host)}:{self.port}"

    @property
    def host_header(self) -> str:
        """The value of the Host header: the port only where it is not the scheme's own (RFC 9110, section 7.2)."""
        return bracketed(self.host) if self.port == PORTS[self.scheme] else self.authority

    def __repr__(self) -> str:
        """Without the proxy's credentials."""
        via = " via a proxy" if self.proxy else ""
        whose = "trusted" if self.trusted else "untrusted"
        return f"Destination({self.scheme}://{self.authority}{via}, {whose})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same guard for pretty printers, which would ask msgspec otherwise."""
        return [("origin", f"{self.scheme}://{self.authority}"), ("trusted", self.trusted)]


def bracketed(host: str) -> str:
    """A host as it stands in an authority: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def parse_authority(authority: str) -> tuple[str, int]:
    """Host and port of `host[:port]`, the port 0 when none is given; raises `Refusal` 400."""
    if "@" in authority:
        raise _bad("it must not carry a user name or password")
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise _bad("its host or port cannot be read")
    port = int(match[2] or 0)
    if port > 65535 or (match[2] is not None and port == 0):
        raise _bad("its port must be a number from 1 to 65535")
    return parse_host(match[1]), port


def parse_host(text: str) -> str:
    """A host in its one spelling: a lower-case ASCII name, or an IP address; raises `Refusal` 400.

    An IPv4 address has one spelling only, four decimal numbers: the decimal, octal, hexadecimal and short forms that
    resolvers understand exist to slip past filters.
    """
    if text.startswith("["):
        try:
            return str(ipaddress.IPv6Address(text[1:-1]))
        except ValueError:
            raise _bad("its IPv6 address cannot be read") from None
    if len(text) > 253:
        raise _bad("its host name is longer than 253 characters")
    host = text
    if not text.isascii():
        try:
            host = text.encode("idna").decode("ascii")
        except UnicodeError:
            raise _bad("its host name is not a valid international name") from None
    host = host.lower().removesuffix(".")
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(text)
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _bad("its host name has characters that are not allowed")
    return host


def _ipv4(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError:
        raise _bad("an IPv4 address must be written as four decimal numbers") from None


def _bad(why: str) -> Refusal:
    return Refusal(400, "invalid_url", f"The URL of the upstream cannot be used: {why}.")
