"""What comes over the wire to the real server: limits of heads and bodies, smuggling, callers that leave."""

import json

import pytest

from lockgate.http import server
from support.house import KEY
from support.process import until

HEAD = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer "
    + KEY.encode()
    + b"\r\n"
)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    from support.process import Gateway

    gateway = Gateway(tmp_path_factory.mktemp("wire")).ready()
    yield gateway
    gateway.stop()


def talk(gateway, data):
    """Everything that comes back until the connection closes, or until one whole answer is there."""
    with gateway.connect() as connection:
        connection.sendall(data)
        got = b""
        while True:
            try:
                piece = connection.recv(65536)
            except OSError:
                return got
            if not piece:
                return got
            got += piece
            if _whole(got):
                return got


def _whole(got):
    head, found, body = got.partition(b"\r\n\r\n")
    if not found or b"close" in head:
        return False
    length = [int(line[16:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: ")]
    return bool(length) and len(body) >= length[0]


def status(answer):
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (b"GET /" + b"x" * (server.URL_LIMIT + 10) + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nhost: x\r\nbig: " + b"x" * (server.HEAD_LIMIT + 10) + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\nhost: x\r\n" + b"a: b\r\n" * (server.HEADER_COUNT + 10) + b"\r\n", 431),
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nhost: x\r\n folded: y\r\n\r\n", 400),
        (HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (HEAD + b"content-length: +5\r\n\r\nhello", 400),
        (HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!", 400),
        (HEAD + b"transfer-encoding: xchunked\r\n\r\nhello", 400),
        (HEAD + b"transfer-encoding: chunked\r\n\r\nnonsense\r\n", 400),
        (HEAD + b"content-length: 99999999999\r\n\r\n", 413),
    ],
)
def test_a_request_that_breaks_the_rules_is_refused(gateway, data, wanted):
    assert status(talk(gateway, data)) == wanted


@pytest.mark.parametrize(
    "data",
    [
        b"GET /healthz HTTP/1.0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
        b"HEAD / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",  # the length that it tells does not come
    ],
)
def test_plain_requests_are_answered(gateway, data):
    assert status(talk(gateway, data)) == 200


def test_pipelined_requests_are_answered_in_order(gateway):
    one = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    last = b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    answer = talk(gateway, one * 3 + last)
    assert answer.count(b"HTTP/1.1 200 OK") >= 1


def test_expect_100_continue_is_answered(gateway):
    body = json.dumps({"model": "@sim/chat", "messages": [{"role": "user", "content": "hi"}]}).encode()
    with gateway.connect() as connection:
        connection.sendall(HEAD + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(body))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        assert b"200 OK" in connection.recv(65536)


@pytest.mark.parametrize("how", ["before the body", "in the stream"])
def test_a_caller_that_leaves_is_on_record(gateway, how):
    before = len(gateway.records())
    body = b'{"model": "@sim/slow", "stream": true, "messages": [{"role": "user", "content": "a long one"}]}'
    connection = gateway.connect()
    if how == "before the body":
        connection.sendall(HEAD + b"content-length: 100\r\n\r\n{")
    else:
        connection.sendall(HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)
        assert b"200 OK" in connection.recv(65536)
    connection.close()
    until(lambda: len(gateway.records()) == before + 1)
    newest = gateway.records()[0]
    if how == "in the stream":
        assert newest["outcome"] == "client_left"
        assert newest["usage"]["input"] > 0
        assert newest["latency_us"] < 2_000_000
