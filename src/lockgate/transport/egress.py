"""The egress policy: which addresses a connection may be made to. Denied unless something says otherwise.

A name is resolved once, every address it has is judged, and the connection goes to an address that was judged: there is
no second lookup that could answer differently (DNS rebinding). Each new connection is judged again.

Who may go where:

- A *trusted* destination (the provider table's, the operator's) may go to any public address. To a special one (private,
  loopback, metadata ...) only if `egress.allow` has its network, or if the operator wrote an IP address, or `localhost`,
  in the URL itself: then the address is what he said, not what a name server says.
- An *untrusted* destination (the caller's) may go to a public address, with https, if `egress.allow` has its host; and
  to addresses in a network of `egress.allow`, then also with http.

Behind a proxy the proxy resolves names, so networks cannot be judged: an untrusted name needs a host rule there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address, ip_network
from typing import NoReturn

import msgspec

from lockgate.core.failure import Refusal
from lockgate.transport.addresses import Address, Network, around, literal, special
from lockgate.transport.destination import Destination, parse_host


class NetworkRule(msgspec.Struct, frozen=True):
    """A network in CIDR notation; `port` 0 means any."""

    network: Network
    port: int = 0

    def covers(self, address: Address, port: int) -> bool:
        """Whether a connection to that address and port is what the rule allows."""
        return self.port in (0, port) and address in self.network


class HostRule(msgspec.Struct, frozen=True):
    """A host name, `*.` before a name for any host below it, or `*` for any host; `port` 0 means any."""

    pattern: str
    port: int = 0

    def covers(self, host: str, port: int) -> bool:
        """Whether a connection to that host and port is what the rule allows."""
        if self.port not in (0, port):
            return False
        if self.pattern.startswith("*"):
            return host.endswith(self.pattern[1:])
        return host == self.pattern


class Egress(msgspec.Struct, frozen=True):
    """The policy, compiled. Judgements return nothing or raise `Refusal` 403 with the rule that would allow it."""

    networks: tuple[NetworkRule, ...] = ()
    hosts: tuple[HostRule, ...] = ()

    @classmethod
    def compile(cls, allow: Iterable[str]) -> Egress:
        """Rules as the operator writes them: `10.0.0.0/8`, `[fd00::/8]:443`, `api.example.com`, `*.example.com:8443`.

        Raises `ValueError` with a sentence about the first rule that cannot be read.
        """
        rules = [parse_rule(text) for text in allow]
        return cls(
            tuple(rule for rule in rules if isinstance(rule, NetworkRule)),
            tuple(rule for rule in rules if isinstance(rule, HostRule)),
        )

    def check(self, destination: Destination) -> None:
        """Judge what can be judged before a name is resolved; for planning, and again by `admit` when connecting."""
        host, port = destination.host, destination.port
        address = literal(host)
        if address is not None:
            self._judge(destination, (address,))
        elif not destination.trusted and (destination.proxy or not any(rule.port in (0, port) for rule in self.networks)):
            # No network rule can help this name, so the rest is known.
            self._judge_host(destination)

    def admit(self, destination: Destination, addresses: Sequence[str]) -> None:
        """Judge the addresses that a connection is about to be made to: all of them, or none may be used."""
        self._judge(destination, [ip_address(address) for address in addresses])

    def _judge(self, destination: Destination, addresses: Sequence[Address]) -> None:
        port = destination.port
        uncovered = [a for a in addresses if not any(rule.covers(a, port) for rule in self.networks)]
        if not uncovered:
            return
        if not destination.trusted:
            self._judge_host(destination)
        for address in uncovered:
            if (kind := special(address)) and not _operator_wrote(destination, address):
                _deny_special(destination, address, kind)

    def _judge_host(self, destination: Destination) -> None:
        """The untrusted destination must be named by a rule, and go there with https."""
        host, port = destination.host, destination.port
        address = literal(host)
        if address is not None:
            kind = special(address) or "public"
            _deny(destination, f"a {kind} address that no rule allows", str(around(address)))
        if not any(rule.covers(host, port) for rule in self.hosts):
            _deny(destination, "which no rule allows", host)
        if destination.scheme == "http":
            _deny(destination, "over plain http, which is kept for networks that a rule allows; use https", "its network")


def parse_rule(text: str) -> NetworkRule | HostRule:
    """One entry of `egress.allow`; raises `ValueError`."""
    subject, port = _split_port(text)
    if "/" in subject or ":" in subject or subject.replace(".", "").isdigit():
        try:
            return NetworkRule(ip_network(subject), port)
        except ValueError as error:
            raise ValueError(f"'{text}' is not a network: {error}") from None
    if subject == "*":
        return HostRule("*", port)
    star = "*." if subject.startswith("*.") else ""
    try:
        return HostRule(star + parse_host(subject.removeprefix(star)), port)
    except Refusal:
        raise ValueError(
            f"'{text}' is neither a network (10.0.0.0/8) nor a host (api.example.com, *.example.com), with or without a :port"
        ) from None


def _split_port(text: str) -> tuple[str, int]:
    """The subject without brackets, and the port or 0."""
    if text.startswith("["):
        subject, bracket, rest = text[1:].partition("]")
        if not bracket:
            raise ValueError(f"'{text}' has no bracket that closes")
        colon, digits = rest[:1], rest[1:]
    elif text.count(":") > 1:  # IPv6, which has a port only behind brackets
        return text, 0
    else:
        subject, colon, digits = text.partition(":")
    if not colon:
        return subject, 0
    if colon != ":" or not (digits.isascii() and digits.isdigit()) or not 0 < int(digits) < 65536:
        raise ValueError(f"'{text}' has no port that can be read behind its colon")
    return subject, int(digits)


def _operator_wrote(destination: Destination, address: Address) -> bool:
    """Whether the operator's own URL says that it goes to this address."""
    if not destination.trusted:
        return False
    return literal(destination.host) == address or (destination.host == "localhost" and address.is_loopback)


def _deny_special(destination: Destination, address: Address, kind: str) -> NoReturn:
    if destination.trusted:
        _deny(destination, f"which resolves to the {kind} address {address}", str(around(address)))
    # The caller learns the kind, not the number: the gateway is no window into the names of its own network.
    _deny(destination, f"which resolves to a {kind} address", "its network")


def _deny(destination: Destination, what: str, rule: str) -> NoReturn:
    raise Refusal(
        403,
        "egress_denied",
        f"The gateway does not connect to {destination.authority}, {what}. To allow it, add {rule} to egress.allow.",
        scope="egress",
        rule="egress.allow",
    )
