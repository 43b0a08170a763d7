from __future__ import annotations

import pytest

from lockgate.core.failure import Refusal
from lockgate.transport import head
from lockgate.transport.destination import Destination
from lockgate.transport.exchange import Outgoing
from lockgate.transport.head import own_lines, render

OWN = own_lines(Destination("https", "api.example.com", 443))


def test_a_request_is_a_line_our_headers_its_headers_and_its_length():
    outgoing = Outgoing("POST", b"/v1/chat?x=1", [(b"authorization", b"Bearer k"), (b"x-empty", b"")], b"{}")
    assert render(outgoing, OWN) == (
        b"POST /v1/chat?x=1 HTTP/1.1\r\nhost: api.example.com\r\naccept-encoding: identity\r\n"
        b"authorization: Bearer k\r\nx-empty: \r\ncontent-length: 2\r\n\r\n"
    )


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_a_request_without_a_body_says_no_length_where_none_is_expected(method):
    assert render(Outgoing(method, b"/"), OWN).endswith(b"accept-encoding: identity\r\n\r\n")
    assert b"content-length: 1\r\n" in render(Outgoing(method, b"/", [], b"x"), OWN)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_request_that_could_have_a_body_says_that_it_has_none(method):
    assert render(Outgoing(method, b"/"), OWN).endswith(b"content-length: 0\r\n\r\n")


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb", b"a\rb", b"a\0b", b"\r\n", b"a\r\n", b"\n\r"])
def test_a_value_that_would_end_its_line_is_refused(value):
    for headers in ([(b"x", value)], [(b"x", b"fine"), (b"y", value)], [(b"y", value), (b"x", b"fine")]):
        with pytest.raises(Refusal, match="line end or a NUL") as refusal:
            render(Outgoing("GET", b"/", headers), OWN)
        assert (refusal.value.status, refusal.value.code) == (400, "invalid_upstream_request")


@pytest.mark.parametrize("name", [b"", b"X-Upper", b"a b", b"a:b", b"a\r\nb", b"\xe9", b"a\0"])
def test_a_name_that_is_no_lower_case_token_is_refused(name):
    with pytest.raises(Refusal, match="token"):
        render(Outgoing("GET", b"/", [(name, b"x")]), OWN)


@pytest.mark.parametrize(
    "name",
    [
        b"host",
        b"content-length",
        b"connection",
        b"accept-encoding",
        b"transfer-encoding",
        b"te",
        b"upgrade",
        b"proxy-authorization",
    ],
)
def test_headers_that_are_the_clients_own_are_refused(name):
    with pytest.raises(Refusal, match="own to set"):
        render(Outgoing("GET", b"/", [(name, b"x")]), OWN)


@pytest.mark.parametrize(
    "target", [b"", b"x", b"*", b"http://a/", b"/a b", b"/a\r\nx: y", b"/\x7f", b"/\xe9", b"/a#b", b"/\0", b"/a HTTP/1.1\r\n"]
)
def test_a_target_that_is_no_path_is_refused(target):
    with pytest.raises(Refusal, match="percent-encoded"):
        render(Outgoing("GET", target), OWN)


@pytest.mark.parametrize("method", ["CONNECT", "TRACE", "get", "", "GET /x HTTP/1.1\r\n"])
def test_a_method_that_is_not_spoken_is_refused(method):
    with pytest.raises(Refusal, match="method"):
        render(Outgoing(method, b"/"), OWN)


def test_what_was_found_good_is_remembered_up_to_a_bound(monkeypatch):
    monkeypatch.setattr(head, "_KEPT", 3)
    names: set[bytes] = set()
    targets: set[bytes] = set()
    monkeypatch.setattr(head, "_good_names", names)
    monkeypatch.setattr(head, "_good_targets", targets)
    for number in range(10):
        assert render(Outgoing("GET", b"/%d" % number, [(b"x-%d" % number, b"y")]), OWN)
    assert (len(names), len(targets)) == (3, 3)
    with pytest.raises(Refusal):
        render(Outgoing("GET", b"/", [(b"Bad", b"y")]), OWN)


def test_a_request_shows_names_and_sizes_only():
    outgoing = Outgoing("POST", b"/v1?key=secret", [(b"authorization", b"Bearer secret")], b"secret")
    assert repr(outgoing) == "Outgoing(POST …, headers=[authorization], body=6 bytes)"
    assert "secret" not in str(outgoing.__rich_repr__())
