"""The egress policy. Addresses here are judged, never connected to."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from lockgate.core.failure import Refusal
from lockgate.transport.addresses import around, literal, special
from lockgate.transport.destination import Destination
from lockgate.transport.egress import Egress, HostRule, NetworkRule, parse_rule

DEFAULT = Egress()
SPECIAL = {
    "0.0.0.0": "this-network",
    "0.1.2.3": "this-network",
    "10.0.0.1": "private",
    "10.255.255.255": "private",
    "100.64.0.1": "carrier-grade NAT",
    "100.100.100.200": "carrier-grade NAT",
    "100.127.255.255": "carrier-grade NAT",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "cloud platform",
    "169.254.169.254": "link-local or metadata",
    "169.254.170.2": "link-local or metadata",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "protocol assignment",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4 relay",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarking",
    "198.19.255.255": "benchmarking",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "v4-compatible",
    "::ffff:127.0.0.1": "v4-mapped",
    "::ffff:8.8.8.8": "v4-mapped",
    "::ffff:0:127.0.0.1": "v4-translated",
    "64:ff9b::7f00:1": "NAT64",
    "64:ff9b::8.8.8.8": "NAT64",
    "64:ff9b:1::a00:1": "NAT64",
    "100::1": "discard",
    "2001::1": "protocol assignment",
    "2001:0:7f00:1::": "protocol assignment",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4",
    "2002:a00:1::1": "6to4",
    "3fff::1": "documentation",
    "5f00::1": "segment routing",
    "fc00::1": "unique local",
    "fd00:ec2::254": "unique local",
    "fd20:ce::254": "unique local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "febf::1": "link-local",
    "fec0::1": "site-local",
    "feff::1": "site-local",
    "ff02::1": "multicast",
    "4000::1": "unassigned",
    "1::1": "unassigned",
}
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
    "168.63.129.15", "169.253.255.255", "169.255.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255",
    "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "2001:4860::8888",
    "2003::1", "2400::1", "3ffe::1",
]  # fmt: skip


def to(url: str, *, trusted: bool = False, proxy: str = "") -> Destination:
    return Destination.parse(url, trusted=trusted, proxy=proxy)[0]


def denied(egress: Egress, destination: Destination, *addresses: str) -> str:
    """The sentence of the refusal; planning and connecting are judged as the client does."""
    with pytest.raises(Refusal) as refusal:
        egress.check(destination)
        egress.admit(destination, addresses)
    assert (refusal.value.status, refusal.value.code, refusal.value.scope) == (403, "egress_denied", "egress")
    return refusal.value.message


def allowed(egress: Egress, destination: Destination, *addresses: str) -> None:
    egress.check(destination)
    egress.admit(destination, addresses)


@pytest.mark.parametrize("address", SPECIAL)
def test_special_addresses_are_known_for_what_they_are(address):
    assert special(ip_address(address)) == SPECIAL[address]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_not_special(address):
    assert special(ip_address(address)) == ""


# --- trusted destinations


@pytest.mark.parametrize("address", PUBLIC)
def test_a_trusted_name_may_go_to_a_public_address(address):
    allowed(DEFAULT, to("https://api.example.com", trusted=True), address)
    allowed(DEFAULT, to("http://api.example.com", trusted=True), address)


@pytest.mark.parametrize("address", SPECIAL)
def test_a_trusted_name_may_not_go_to_a_special_address(address):
    for addresses in ((address,), ("8.8.8.8", address), (address, "8.8.8.8")):
        message = denied(DEFAULT, to("https://api.example.com", trusted=True), *addresses)
        assert f"resolves to the {SPECIAL[address]} address {ip_address(address)}." in message


def test_the_refusal_names_the_rule_to_add():
    destination = to("https://api.example.com", trusted=True)
    for address, rule in (
        ("10.1.2.3", "10.1.2.0/24"),
        ("192.168.7.8", "192.168.7.0/24"),
        ("100.64.1.2", "100.64.1.0/24"),
        ("127.0.0.1", "127.0.0.0/8"),
        ("::1", "::1/128"),
        ("fd00:1:2:3::4", "fd00:1:2:3::/64"),
        ("169.254.169.254", "169.254.169.254/32"),
        ("fe80::1", "fe80::1/128"),
    ):
        assert denied(DEFAULT, destination, address) == (
            f"The gateway does not connect to api.example.com:443, which resolves to the {special(ip_address(address))} "
            f"address {address}. To allow it, add {rule} to egress.allow."
        )
        allowed(Egress.compile([rule]), destination, address)


@pytest.mark.parametrize("address", [address for address in SPECIAL if "%" not in address])
def test_an_address_that_the_operator_wrote_is_what_he_meant(address):
    destination = to(f"http://{f'[{address}]' if ':' in address else address}", trusted=True)
    allowed(DEFAULT, destination, destination.host)


def test_localhost_that_the_operator_wrote_is_loopback_and_nothing_else():
    destination = to("http://localhost:11434", trusted=True)
    allowed(DEFAULT, destination, "127.0.0.1", "::1")
    assert "10.0.0.1" in denied(DEFAULT, destination, "10.0.0.1")
    assert "10.0.0.1" in denied(DEFAULT, destination, "127.0.0.1", "10.0.0.1")
    assert "localhost.example:80" in denied(DEFAULT, to("http://localhost.example", trusted=True), "127.0.0.1")


def test_a_network_rule_lets_a_trusted_name_in():
    egress = Egress.compile(["10.0.0.0/8:8080"])
    allowed(egress, to("http://ollama:8080", trusted=True), "10.1.1.1", "8.8.8.8")
    denied(egress, to("http://ollama:8081", trusted=True), "10.1.1.1")
    denied(egress, to("http://ollama:8080", trusted=True), "10.1.1.1", "192.168.1.1")


# --- untrusted destinations


def test_an_untrusted_name_is_refused_before_it_is_resolved():
    with pytest.raises(
        Refusal, match=r"api\.example\.com:443, which no rule allows.* add api\.example\.com to egress\.allow\."
    ):
        DEFAULT.check(to("https://api.example.com"))


def test_a_host_rule_lets_an_untrusted_name_go_to_public_addresses_with_https():
    egress = Egress.compile(["api.example.com"])
    allowed(egress, to("https://api.example.com"), "8.8.8.8")
    allowed(egress, to("https://API.example.com.:8443"), "8.8.8.8")
    for other in ("https://example.com", "https://x.api.example.com", "https://api.example.com.evil.example"):
        denied(egress, to(other), "8.8.8.8")
    assert "use https" in denied(egress, to("http://api.example.com"), "8.8.8.8")


@pytest.mark.parametrize("address", SPECIAL)
def test_a_host_rule_does_not_let_an_untrusted_name_go_to_special_addresses(address):
    egress = Egress.compile(["api.example.com", "*"])
    for addresses in ((address,), ("8.8.8.8", address)):
        message = denied(egress, to("https://api.example.com"), *addresses)
        assert f"resolves to a {SPECIAL[address]} address" in message
        assert address not in message  # the gateway is no window into its own network


def test_a_star_covers_what_is_below_a_name_and_not_the_name():
    egress = Egress.compile(["*.example.com:443"])
    allowed(egress, to("https://a.example.com"), "8.8.8.8")
    allowed(egress, to("https://a.b.example.com"), "8.8.8.8")
    for other in ("https://example.com", "https://evilexample.com", "https://a.example.com:8443"):
        denied(egress, to(other), "8.8.8.8")


def test_a_lone_star_covers_every_name_and_no_special_address():
    egress = Egress.compile(["*"])
    allowed(egress, to("https://anything.example"), "8.8.8.8")
    denied(egress, to("https://anything.example"), "127.0.0.1")
    denied(egress, to("https://8.8.8.8"), "8.8.8.8")


def test_a_network_rule_lets_an_untrusted_name_go_there_even_with_http():
    egress = Egress.compile(["10.1.0.0/16", "fd00::/8"])
    allowed(egress, to("http://ollama:11434"), "10.1.2.3", "fd00::1")
    for addresses in (("10.1.2.3", "10.2.0.1"), ("8.8.8.8",), ("10.1.2.3", "8.8.8.8"), ("::ffff:10.1.2.3",)):
        assert "which no rule allows" in denied(egress, to("http://ollama:11434"), *addresses)


def test_both_kinds_of_rules_work_together_for_one_name():
    egress = Egress.compile(["10.1.0.0/16", "api.example.com"])
    allowed(egress, to("https://api.example.com"), "10.1.2.3", "8.8.8.8")
    allowed(egress, to("http://api.example.com"), "10.1.2.3")
    assert "use https" in denied(egress, to("http://api.example.com"), "10.1.2.3", "8.8.8.8")
    assert "private" in denied(egress, to("https://api.example.com"), "10.1.2.3", "10.9.9.9")


@pytest.mark.parametrize("address", [*(a for a in SPECIAL if "%" not in a), *PUBLIC])
def test_an_untrusted_address_needs_a_network_rule(address):
    destination = to(f"http://{f'[{address}]' if ':' in address else address}:8080")
    with pytest.raises(Refusal) as refusal:
        DEFAULT.check(destination)
    rule = refusal.value.message.split(" add ")[1].removesuffix(" to egress.allow.")
    allowed(Egress.compile([rule]), destination, destination.host)


def test_localhost_that_the_caller_wrote_is_a_name_like_any_other():
    assert "add localhost" in denied(DEFAULT, to("http://localhost:11434"), "127.0.0.1")
    allowed(Egress.compile(["127.0.0.0/8", "::1"]), to("http://localhost:11434"), "127.0.0.1", "::1")


def test_a_network_rule_for_another_port_does_not_delay_the_refusal():
    egress = Egress.compile(["10.0.0.0/8:8080"])
    with pytest.raises(Refusal, match="no rule allows"):
        egress.check(to("https://ollama:8081"))
    egress.check(to("https://ollama:8080"))


# --- behind a proxy


def test_behind_a_proxy_names_are_judged_and_addresses_only_where_they_are_written():
    egress = Egress.compile(["api.example.com", "10.0.0.0/8"])
    proxy = "http://proxy.example:3128"
    egress.check(to("https://api.example.com", proxy=proxy))
    egress.check(to("https://anything.example", proxy=proxy, trusted=True))
    egress.check(to("http://10.1.2.3", proxy=proxy))
    egress.check(to("http://192.168.1.1", proxy=proxy, trusted=True))
    for other in ("https://other.example", "http://api.example.com", "https://192.168.1.1"):
        with pytest.raises(Refusal):
            egress.check(to(other, proxy=proxy))


# --- the rules as they are written


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("127.0.0.0/8", ("127.0.0.0/8", 0)),
        ("127.0.0.0/8:11434", ("127.0.0.0/8", 11434)),
        ("10.1.2.3", ("10.1.2.3/32", 0)),
        ("10.1.2.3:80", ("10.1.2.3/32", 80)),
        ("::1", ("::1/128", 0)),
        ("fd00::/8", ("fd00::/8", 0)),
        ("[fd00::/8]", ("fd00::/8", 0)),
        ("[fd00::/8]:443", ("fd00::/8", 443)),
        ("[::1]:65535", ("::1/128", 65535)),
    ],
)
def test_a_network_is_read(text, rule):
    parsed = parse_rule(text)
    assert isinstance(parsed, NetworkRule)
    assert (str(parsed.network), parsed.port) == rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("api.example.com", HostRule("api.example.com")),
        ("API.Example.com:8443", HostRule("api.example.com", 8443)),
        ("*.example.com", HostRule("*.example.com")),
        ("*.Example.com:443", HostRule("*.example.com", 443)),
        ("*", HostRule("*")),
        ("*:443", HostRule("*", 443)),
        ("bücher.example", HostRule("xn--bcher-kva.example")),
        ("localhost", HostRule("localhost")),
    ],
)
def test_a_host_is_read(text, rule):
    assert parse_rule(text) == rule


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "neither a network"),
        ("10.0.0.1/8", "not a network.*host bits"),
        ("10.0.0/8", "not a network"),
        ("10.1", "not a network"),
        ("10.0.0.0/33", "not a network"),
        ("2130706433", "not a network"),
        ("0x7f.1", "neither a network"),
        ("https://api.example.com", "no port"),
        ("api.example.com/v1", "not a network"),
        ("api.*.com", "neither a network"),
        ("*example.com", "neither a network"),
        ("**.example.com", "neither a network"),
        ("api.example.com:", "no port"),
        ("api.example.com:0", "no port"),
        ("api.example.com:65536", "no port"),
        ("api.example.com:x", "no port"),
        ("api.example.com:٣", "no port"),
        ("[::1", "no bracket"),
        ("[::1]x", "no port"),
        ("[::1]:", "no port"),
        ("user@api.example.com", "neither a network"),
    ],
)
def test_a_rule_that_cannot_be_read_says_why(text, why):
    with pytest.raises(ValueError, match=why):
        Egress.compile(["127.0.0.0/8", text])


def test_the_network_around_an_address():
    assert str(around(ip_address("10.1.2.3"))) == "10.1.2.0/24"
    assert str(around(ip_address("8.8.8.8"))) == "8.8.8.8/32"
    assert literal("api.example.com") is None
    assert literal("::1") == ip_address("::1")
