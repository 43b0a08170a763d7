from __future__ import annotations

import base64

import pytest

from lockgate.core.failure import Refusal
from lockgate.transport.destination import Destination
from lockgate.transport.proxy import HEAD_LIMIT, ConnectAnswer, Proxy

PROXY = Proxy("proxy.example", 3128)
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n"


@pytest.mark.parametrize(
    ("url", "host", "port", "credentials"),
    [
        ("http://proxy.example:3128", "proxy.example", 3128, None),
        ("http://proxy.example", "proxy.example", 80, None),
        ("HTTP://Proxy.example:3128/", "proxy.example", 3128, None),
        ("http://10.0.0.1:3128", "10.0.0.1", 3128, None),
        ("http://[::1]:3128", "::1", 3128, None),
        ("http://user:pass@proxy.example:3128", "proxy.example", 3128, b"user:pass"),
        ("http://user@proxy.example", "proxy.example", 80, b"user:"),
        ("http://us%40er:p%3Aa%20ss:x@proxy.example", "proxy.example", 80, b"us@er:p:a ss:x"),
    ],
)
def test_a_proxys_url_is_read(url, host, port, credentials):
    proxy = Proxy.parse(url)
    authorization = b"Basic " + base64.b64encode(credentials) if credentials is not None else b""
    assert proxy == Proxy(host, port, authorization)
    assert proxy.destination() == Destination("http", host, port, trusted=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "proxy.example:3128",
        "https://proxy.example",
        "socks5://secret@proxy.example",
        "http://user:secret@proxy.example/path",
        "http://user:secret@proxy.example:x",
        "http://user:secret@",
        "http://user:secret@a@proxy.example",
        "http://127.1:3128",
    ],
)
def test_a_proxys_url_that_is_not_right_is_refused_and_not_quoted(url):
    with pytest.raises(Refusal) as refusal:
        Proxy.parse(url)
    assert refusal.value.status == 400
    assert "secret" not in str(refusal.value)


def test_a_connect_names_host_and_port_and_carries_credentials():
    proxy = Proxy.parse("http://user:pass@proxy.example")
    assert proxy.connect_request(Destination("https", "api.example.com", 443)) == (
        b"CONNECT api.example.com:443 HTTP/1.1\r\nhost: api.example.com:443\r\nproxy-authorization: Basic dXNlcjpwYXNz\r\n\r\n"
    )
    assert PROXY.connect_request(Destination("http", "::1", 80)) == b"CONNECT [::1]:80 HTTP/1.1\r\nhost: [::1]:80\r\n\r\n"


def test_its_representation_has_no_credentials():
    assert repr(Proxy.parse("http://user:pass@proxy.example")) == "Proxy(proxy.example:80)"


def test_an_open_tunnel_is_seen_however_the_answer_is_cut():
    for at in range(1, len(ESTABLISHED)):
        answer = ConnectAnswer(PROXY)
        assert not answer.feed(ESTABLISHED[:at])
        assert answer.feed(ESTABLISHED[at:])
        assert answer.failure is None


@pytest.mark.parametrize(
    ("pieces", "how"),
    [
        ([b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"], "did not accept our credentials (407)"),
        ([b"HTTP/1.1 403 Forbidden\r\n\r\n"], "answered 403 to CONNECT"),
        ([b"HTTP/1.1 301 Moved\r\n\r\n"], "answered 301 to CONNECT"),
        ([b"HTTP/1.1 100 Continue\r\n\r\n"], "answered 100 to CONNECT"),
        ([b"HTTP/2 200\r\n\r\n"], "did not answer as an HTTP proxy"),
        ([b"SSH-2.0-x\r\n\r\n"], "did not answer as an HTTP proxy"),
        ([ESTABLISHED + b"x"], "sent something before the tunnel was used"),
        ([b""], "closed the connection"),
        ([ESTABLISHED[:-1], b""], "closed the connection"),
        ([b"HTTP/1.1 200 OK\r\nx: " + b"y" * HEAD_LIMIT], f"answered with more than {HEAD_LIMIT} bytes"),
    ],
)
def test_anything_else_is_a_failure_that_names_the_proxy(pieces, how):
    answer = ConnectAnswer(PROXY)
    read = [answer.feed(piece) for piece in pieces]
    assert read[-1] and not any(read[:-1])
    assert answer.failure is not None
    assert (answer.failure.kind, answer.failure.status) == ("connect", 502)
    assert answer.failure.message == f"The proxy proxy.example:3128 {how}."
