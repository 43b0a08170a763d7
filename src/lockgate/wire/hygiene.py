"""Which headers of a message belong to one connection, one host or one house, and go no further.

Sources: RFC 9110, section 7.6.1 (hop-by-hop); the Fetch standard for what browsers alone act on.
"""

from __future__ import annotations

from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]

#: Of one connection, or written anew for each (RFC 9110, 7.6.1, and what old proxies know).
HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade"
    b" host content-length expect accept-encoding".split()
)
#: Of one user and one site: they say who someone is.
PERSONAL = frozenset(b"cookie cookie2 set-cookie set-cookie2 authorization www-authenticate authentication-info".split())
#: What a host says of itself to browsers and caches between; to ours it would speak for another site.
_OF_A_SITE = (
    b"access-control-",
    b"alt-svc",
    b"cf-",
    b"clear-site-data",
    b"date",
    b"nel",
    b"report-to",
    b"reporting-endpoints",
    b"server",
    b"strict-transport-security",
    b"via",
    b"x-lockgate-",
    b"x-portkey-",
)


def of_answer(headers: Headers) -> Headers:
    """The headers of an answer that passes: all but those of its connection, its site and its user."""
    return [
        (name, value)
        for name, value in headers
        if name not in HOP_BY_HOP and name not in PERSONAL and not name.startswith(_OF_A_SITE)
    ]


def of_request(headers: dict[bytes, bytes], passing: Iterable[bytes]) -> Headers:
    """The headers of a request that pass: those that are named, in that order."""
    return [(name, headers[name]) for name in dict.fromkeys(passing) if name in headers]
