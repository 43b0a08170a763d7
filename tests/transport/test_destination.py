from __future__ import annotations

import pytest

from lockgate.core.failure import Refusal
from lockgate.transport.destination import Destination, TlsIdentity


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "path", "header"),
    [
        ("https://api.example.com", "https", "api.example.com", 443, "", "api.example.com"),
        ("https://api.example.com/", "https", "api.example.com", 443, "", "api.example.com"),
        ("https://api.example.com/v1/", "https", "api.example.com", 443, "/v1", "api.example.com"),
        ("HTTPS://API.Example.COM:443/V1", "https", "api.example.com", 443, "/V1", "api.example.com"),
        ("http://api.example.com:8080/a%20b/c:d@e", "http", "api.example.com", 8080, "/a%20b/c:d@e", "api.example.com:8080"),
        ("https://api.example.com:80", "https", "api.example.com", 80, "", "api.example.com:80"),
        ("http://localhost:11434", "http", "localhost", 11434, "", "localhost:11434"),
        ("http://my_service:80", "http", "my_service", 80, "", "my_service"),
        ("https://example.com.", "https", "example.com", 443, "", "example.com"),
        ("https://bücher.example/x", "https", "xn--bcher-kva.example", 443, "/x", "xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example", "https", "xn--bcher-kva.example", 443, "", "xn--bcher-kva.example"),
        ("http://127.0.0.1:1", "http", "127.0.0.1", 1, "", "127.0.0.1:1"),
        ("http://[::1]", "http", "::1", 80, "", "[::1]"),
        ("http://[2001:DB8:0:0::1]:65535", "http", "2001:db8::1", 65535, "", "[2001:db8::1]:65535"),
        ("https://1password.com", "https", "1password.com", 443, "", "1password.com"),
        ("https://a.0xfg", "https", "a.0xfg", 443, "", "a.0xfg"),
    ],
)
def test_a_url_is_a_destination_and_a_base_path(url, scheme, host, port, path, header):
    destination, base = Destination.parse(url, trusted=True)
    assert destination == Destination(scheme, host, port, trusted=True)
    assert base == path
    assert destination.host_header == header


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "must begin with"),
        ("api.example.com", "must begin with"),
        ("//api.example.com", "must begin with"),
        ("ftp://api.example.com", "must begin with"),
        ("file:///etc/passwd", "must begin with"),
        ("javascript://x", "must begin with"),
        (" https://api.example.com", "must begin with"),
        ("https:/api.example.com", "must begin with"),
        ("https://", "host or port"),
        ("https:///x", "host or port"),
        ("https://:80", "host or port"),
        ("https://user@api.example.com", "user name"),
        ("https://user:secret@api.example.com", "user name"),
        ("https://api.example.com@evil.example", "user name"),
        ("https://api.example.com#@evil.example", "fragment"),
        ("https://api.example.com/#x", "fragment"),
        ("https://api.example.com?x=@evil.example", "query"),
        ("https://api.example.com/v1?x=1", "query"),
        ("https://api.example.com:", "host or port"),
        ("https://api.example.com:0", "port must be"),
        ("https://api.example.com:65536", "port must be"),
        ("https://api.example.com:123456", "host or port"),
        ("https://api.example.com:-1", "host or port"),
        ("https://api.example.com:8 0", "host or port"),
        ("https://api.example.com:٨٠", "host or port"),
        ("https://api.example.com\\@evil.example", "path"),
        ("https://api.example.com\\x", "path"),
        ("https://api.example.com/a b", "path"),
        ("https://api.example.com/a\r\nhost: b", "path"),
        ("https://api.example.com/a\0", "path"),
        ("https://api.example.com/é", "path"),
        ("https://api.example.com/%", "path"),
        ("https://api.example.com/%zz", "path"),
        ("https://api.example.com/../x", "path"),
        ("https://api.example.com/v1/..", "path"),
        ("https://api.example.com/v1/%2e%2E/x", "path"),
        ("https://api.example.com/./x", "path"),
        ("https://api.example.com//x", "path"),
        ("https://api.ex ample.com", "not allowed"),
        ("https://api.example.com\r\n", "not allowed"),
        ("https://api..example.com", "not allowed"),
        ("https://.example.com", "not allowed"),
        ("https://example.com..", "not allowed"),
        ("https://-a.example", "not allowed"),
        ("https://a-.example", "not allowed"),
        ("https://*.example", "not allowed"),
        ("https://a%2eb.example", "not allowed"),
        ("https://" + "a" * 64 + ".example", "not allowed"),
        ("https://" + "a." * 126 + "aa", "longer than 253"),
        ("https://" + "ü" * 100 + ".example", "international"),
        ("https://ü\u200f.\u06dd", "international"),
        ("https://" + "ü." * 60 + "example", "not allowed"),
        ("https://a.example/" + "x" * 2048, "longer than 2048"),
        ("http://127.1", "four decimal"),
        ("http://127.0.1", "four decimal"),
        ("http://2130706433", "four decimal"),
        ("http://0177.0.0.1", "four decimal"),
        ("http://0x7f000001", "four decimal"),
        ("http://0x7f.0.0.1", "four decimal"),
        ("http://0x.0x.0", "four decimal"),
        ("http://127.0.0.0x1", "four decimal"),
        ("http://127.0.0.01", "four decimal"),
        ("http://127.0.0.256", "four decimal"),
        ("http://127.0.0.1.", "four decimal"),
        ("http://1.2.3.4.5", "four decimal"),
        ("http://example.1", "four decimal"),
        ("http://１２７.0.0.1", "four decimal"),
        ("http://127。0。0。1", "four decimal"),
        ("http://[::1", "host or port"),
        ("http://::1", "host or port"),
        ("http://[::1]x", "host or port"),
        ("http://[::g]", "host or port"),
        ("http://[1::2::3]", "IPv6"),
        ("http://[fe80::1%25eth0]", "host or port"),
        ("http://[127.0.0.1]", "IPv6"),
    ],
)
def test_a_url_that_is_not_exactly_right_is_refused(url, why):
    with pytest.raises(Refusal, match=why) as refusal:
        Destination.parse(url)
    assert (refusal.value.status, refusal.value.code) == (400, "invalid_url")
    assert "secret" not in str(refusal.value)


def test_a_destination_keys_a_pool():
    tls = TlsIdentity(ca_file="a")
    first, _ = Destination.parse("https://a.example", tls=tls, trusted=True)
    again, _ = Destination.parse("https://A.example:443/v2", tls=TlsIdentity(ca_file="a"), trusted=True)
    assert {first: 1}[again] == 1
    for other in ("https://b.example", "http://a.example:443", "https://a.example:444"):
        assert Destination.parse(other, tls=tls, trusted=True)[0] != first
    assert Destination.parse("https://a.example", trusted=True)[0] != first
    assert Destination.parse("https://a.example", tls=tls)[0] != first
    assert Destination.parse("https://a.example", tls=tls, proxy="http://p", trusted=True)[0] != first


def test_its_representations_hide_the_proxy():
    destination = Destination("https", "a.example", 443, proxy="http://user:secret@proxy.example", trusted=True)
    assert repr(destination) == "Destination(https://a.example:443 via a proxy, trusted)"
    assert "secret" not in str(destination.__rich_repr__())
    assert repr(Destination("http", "::1", 80)) == "Destination(http://[::1]:80, untrusted)"
