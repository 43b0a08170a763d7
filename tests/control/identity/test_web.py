import asyncio

import pytest

from lockgate.control.identity.settings import TlsEntry
from lockgate.control.identity.web import LIMIT, Trouble, ask, claim, place_of
from lockgate.core.failure import Failure, Refusal
from support.tokens import Answers

URL = "https://id.example/path/?a=b"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://id.example", b"/"),
        ("https://id.example/", b"/"),
        ("https://id.example/a", b"/a"),
        ("https://id.example/a/", b"/a/"),
        ("https://id.example/a?x=y&z=%20", b"/a?x=y&z=%20"),
        ("http://127.0.0.1:9000/a", b"/a"),
        ("http://localhost:9000/a", b"/a"),
    ],
)
def test_an_address_is_asked_as_it_is_written(url, target):
    place = place_of(url)
    assert place.target == target
    assert place.destination.trusted
    assert repr(place) == f"Place({url})"


@pytest.mark.parametrize(
    ("url", "param"),
    [
        ("http://id.example/a", "url"),
        ("ftp://id.example", "url"),
        ("id.example", "url"),
        ("https://user@id.example", "url"),
        ("https://id.example/../a", "url"),
        ("https://id.example/a?b c", "url"),
        ("https://id.example/a?é", "url"),
        ("https://id.example/a?b#c", "url"),
        ("https://id.example/a?b\r\nhost: x", "url"),
    ],
)
def test_what_is_no_address_is_refused(url, param):
    with pytest.raises(Refusal) as caught:
        place_of(url)
    assert caught.value.param == param


def test_the_way_there_is_the_operator_s():
    place = place_of(URL, TlsEntry(ca_file="ca.pem"), "http://proxy.example:3128")
    assert (place.destination.tls.ca_file, place.destination.proxy) == ("ca.pem", "http://proxy.example:3128")
    near = place_of("https://other.example/token", near=place)
    assert (near.destination.tls, near.destination.proxy) == (place.destination.tls, place.destination.proxy)
    with pytest.raises(Refusal) as caught:
        place_of(URL, proxy="socks://proxy")
    assert caught.value.param == "proxy"


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/token", "https://10.0.0.1/token", "http://localhost:9000/token", "https://[::1]/token",
            "http://id.example/token", "file:///etc/passwd"]
)  # fmt: skip
def test_a_provider_s_document_leads_nobody_into_our_network(url):
    with pytest.raises(Refusal):
        place_of(url, near=place_of("https://id.example/"))


def test_a_provider_on_this_machine_may_point_to_itself():
    here = place_of("http://127.0.0.1:9000/")
    assert place_of("http://127.0.0.1:9001/token", near=here).destination.port == 9001


def answered(said, **more):
    client = Answers({URL: said})
    try:
        return asyncio.run(ask(client, place_of(URL), dict, **more))
    finally:
        assert client.open == 0


def test_an_answer_is_read_as_json():
    assert answered({"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Refusal(403, "egress_denied", "The gateway does not connect there."), "does not connect"),
        (Failure("connect", 502, "No connection."), "No connection"),
        ((200, Failure("cut", 502, "It broke off.")), "broke off"),
        ((200, b"x" * (LIMIT + 1)), "too long"),
        ((200, b"<html>"), "cannot be read"),
        ((200, b"[]"), "cannot be read"),
        ((200, b"\xff"), "cannot be read"),
        ((200, b'{"a":' * 5000), "cannot be read"),
        ((404, b""), r"status 404$"),
        ((302, b'{"error": "x"}'), "redirects are not followed"),
        ((400, b'{"error": "invalid_grant", "error_description": "code secret-code"}'), r"status 400 \(invalid_grant\)$"),
        ((400, b'{"error": "secret code=1"}'), r"status 400$"),
        ((400, b'{"error": 5}'), r"status 400$"),
        ((400, b"\xff" * 10), r"status 400$"),
    ],
)
def test_trouble_is_told_without_what_might_be_secret(said, told):
    with pytest.raises(Trouble, match=told) as caught:
        answered(said)
    assert "secret" not in str(caught.value)


def test_what_is_sent_is_what_was_said():
    client = Answers({URL: {}})
    asyncio.run(ask(client, place_of(URL), dict, method="POST", headers=((b"x", b"y"),), body=b"z"))
    ((method, _, headers, body),) = client.asked
    assert (method, headers[b"x"], headers[b"accept"], body) == ("POST", b"y", b"application/json", b"z")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a", 1),
        ("b.c", 2),
        ("b.d.e", 3),
        ("x", None),
        ("b.x", None),
        ("a.b", None),
        ("https://x.example/c", 4),
        ("b.d.e.f", None),
    ],
)
def test_a_claim_is_found_by_its_name_or_its_path(name, value):
    assert claim({"a": 1, "b": {"c": 2, "d": {"e": 3}}, "https://x.example/c": 4}, name) == value
