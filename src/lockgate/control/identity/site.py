"""The dashboard's site as a browser knows it: its origin, its cookies, and which requests were made on it and not elsewhere.

A page of another site can make a browser send requests here (cross-site request forgery), or give its own name this machine's
address (DNS rebinding). Against the first stand a cookie that no other site's request carries (SameSite), a token that no other
page can read, and the Origin header; against the second, that the site's name is what the operator says, or this machine's own.

Over plain http there is no `Secure` cookie that every browser keeps, so the loopback variant has other names and no `__Host-`
prefix; it is for the machine that the gateway runs on. Sources: RFC 6265bis (cookies), the Fetch standard (Origin,
Sec-Fetch-Site), OWASP's cheat sheets on sessions and on request forgery.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping

import msgspec

from lockgate.control.identity.sessions import Visit
from lockgate.core.failure import Refusal
from lockgate.transport.addresses import literal
from lockgate.transport.destination import Destination

#: Methods that change nothing (RFC 9110, section 9.2.1).
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
#: The header that brings the token of `Visit.csrf`.
CSRF_HEADER = "x-lockgate-csrf"

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[a-zA-Z0-9.-]+)(:[0-9]{1,5})?")


class Site(msgspec.Struct, frozen=True):
    """`origin` is scheme and authority, as browsers write them: "https://gateway.example.com"."""

    origin: str

    @classmethod
    def of(cls, public_url: str, host: str) -> Site:
        """The site that the operator has named, else that of this machine, whose Host header says so. Raises `Refusal` 421."""
        if public_url:
            return cls(origin_of(public_url))
        match = _HOST.fullmatch(host)
        if match is not None and is_loopback(match[1]):
            return cls(f"http://{host.lower()}")
        raise Refusal(
            421,
            "unknown_site",
            "The dashboard does not answer under this name. Set identity.public_url to the address that people use, or open it "
            "as http://localhost on the machine itself.",
        )

    @property
    def secure(self) -> bool:
        """Whether it is reached over TLS."""
        return self.origin.startswith("https:")

    def cookie(self, name: str) -> str:
        """What a cookie of ours is called here ("session", "login")."""
        return f"__Host-lockgate-{name}" if self.secure else f"lockgate-{name}"

    def keep(self, name: str, value: str, *, same_site: str = "Strict", max_age_s: int | None = None) -> str:
        """A Set-Cookie header: for this host alone, out of scripts' reach; without `max_age_s` until the browser ends."""
        age = "" if max_age_s is None else f"; Max-Age={max_age_s}"
        secure = "; Secure" if self.secure else ""
        return f"{self.cookie(name)}={value}; Path=/; HttpOnly; SameSite={same_site}{secure}{age}"

    def drop(self, name: str, *, same_site: str = "Strict") -> str:
        """A Set-Cookie header that takes a cookie away."""
        return self.keep(name, "", same_site=same_site, max_age_s=0)

    def check_origin(self, method: str, headers: Mapping[str, str]) -> None:
        """Raises `Refusal` 403 for a change that another site's page asks for. Browsers send an Origin with every request that
        is not GET or HEAD; who sends none is no browser, or an old one, and must say where it comes from all the same."""
        if method in SAFE:
            return
        if headers.get("origin") != self.origin or headers.get("sec-fetch-site", "same-origin") != "same-origin":
            raise Refusal(
                403, "wrong_origin", f"Changes are made from {self.origin} alone; this request does not come from there."
            )

    def check_change(self, method: str, headers: Mapping[str, str], visit: Visit) -> None:
        """Raises `Refusal` 403 for a change in a session that was not made on this site, or lacks the session's token."""
        if method in SAFE:
            return
        self.check_origin(method, headers)
        if not hmac.compare_digest(headers.get(CSRF_HEADER, "").encode(), visit.csrf.encode()):
            raise Refusal(403, "csrf_token", f"Send the session's token as {CSRF_HEADER}; reload the page to get it.")


def origin_of(public_url: str) -> str:
    """The origin of the address that the operator says, as browsers write it. Raises `Refusal` 400 for one that they would not
    keep a cookie for: it is https, or on this machine."""
    destination, path = Destination.parse(public_url, trusted=True)
    if path:
        raise Refusal(400, "invalid_url", "It must end after the host, without a path.", param="public_url")
    if destination.scheme == "http" and not is_loopback(destination.host):
        raise Refusal(
            400, "insecure_url", "Over plain http the dashboard is for this machine alone: use https.", param="public_url"
        )
    return f"{destination.scheme}://{destination.host_header}"


def is_loopback(host: str) -> bool:
    """Whether a host (an address in brackets or not) is this machine, by its own name or address."""
    address = literal(host.strip("[]"))
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


def cookies_of(header: str) -> dict[str, str]:
    """The cookies of a Cookie header. One that comes twice is not there: one of the two is not ours."""
    found: dict[str, str] = {}
    twice: set[str] = set()
    for pair in header.split(";"):
        name, is_pair, value = pair.strip().partition("=")
        if is_pair and name in found:
            twice.add(name)
        elif is_pair:
            found[name] = value
    return {name: value for name, value in found.items() if name not in twice}
