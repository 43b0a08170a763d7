"""Whose request it is when it came through proxies of one's own: the address that the outermost of them has seen.

Each proxy appends to `X-Forwarded-For` the address that it was asked from, so the list is true from its right end on, for as
long as it was written by proxies that are trusted; what stands to the left of that anybody could have made up.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Networks = tuple[IPv4Network | IPv6Network, ...]

#: Proxies that are followed, at most.
MOST = 32


@lru_cache(maxsize=16)
def networks_of(said: tuple[str, ...]) -> Networks:
    """The networks that were said, as CIDRs or single addresses. Raises `ValueError` for what is none, or everywhere."""
    found: list[IPv4Network | IPv6Network] = []
    for each in said:
        network = ip_network(each.strip())
        if network.prefixlen == 0:
            raise ValueError(f"'{each}' would believe everybody")
        found.append(network)
    return tuple(found)


def caller_address(peer: str, headers: Iterable[tuple[bytes, bytes]], trusted: Networks) -> str:
    """Where a request comes from: the right-most address that is no trusted proxy's, `peer` being whoever has connected. Where
    the list ends, or is none, the last proxy before that stands for it."""
    if not trusted or (address := _address(peer)) is None or not _within(address, trusted):
        return peer
    said = b",".join(value for name, value in headers if name == b"x-forwarded-for")
    for piece in said.rsplit(b",", MOST)[::-1][:MOST]:
        before = _address(piece.strip().decode("latin-1"))
        if before is None:
            break
        address = before
        if not _within(address, trusted):
            break
    return str(address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address, which some proxies write with a port; None for what is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    if "%" in text:  # a zone may be any text
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _within(address: IPv4Address | IPv6Address, networks: Networks) -> bool:
    return any(address in network for network in networks)
