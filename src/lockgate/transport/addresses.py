"""Which IP addresses are no place on the public internet, and what they are. A table, so that no Python version decides.

Sources: the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890 and what updated it). Addresses that carry
another address inside (v4-mapped, NAT64, 6to4, Teredo) are special as a whole: what is inside is never looked at.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SPECIAL_V4 = [
    (IPv4Network(network), name)
    for network, name in (
        ("0.0.0.0/8", "this-network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "cloud platform"),  # Azure's WireServer: public by number, the host's agent by nature
        ("169.254.0.0/16", "link-local or metadata"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignment"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "AMT"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
]

_SPECIAL_V6 = [
    (IPv6Network(network), name)
    for network, name in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "v4-compatible"),
        ("::ffff:0:0/96", "v4-mapped"),
        ("::ffff:0:0:0/96", "v4-translated"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("100::/64", "discard"),
        ("2001::/23", "protocol assignment"),  # with Teredo, ORCHID and benchmarking
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
]

_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")


def special(address: Address) -> str:
    """What kind of special address this is, in words; "" for one on the public internet."""
    if isinstance(address, IPv4Address):
        return next((name for network, name in _SPECIAL_V4 if address in network), "")
    name = next((name for network, name in _SPECIAL_V6 if address in network), "")
    return name or ("" if address in _GLOBAL_UNICAST_V6 else "unassigned")


def literal(host: str) -> Address | None:
    """The host as an address, if it is one."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def around(address: Address) -> Network:
    """The network to name in a rule that would allow an address: what usually goes together, and no more."""
    if address.is_loopback:
        return IPv4Network("127.0.0.0/8") if address.version == 4 else IPv6Network("::1/128")
    width = {"private": 24, "carrier-grade NAT": 24, "unique local": 64}.get(special(address), address.max_prefixlen)
    return ip_network((address, width), strict=False)
