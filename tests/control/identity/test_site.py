import pytest

from lockgate.control.identity.site import Site, cookies_of, is_loopback
from lockgate.core.failure import Refusal

SITE = Site("https://gateway.example.com")
LOCAL = Site("http://localhost:8787")


class Visit:
    csrf = "token"


def refused(call, *arguments):
    with pytest.raises(Refusal) as caught:
        call(*arguments)
    return caught.value.status, caught.value.code


def test_the_site_is_what_the_operator_says_whatever_the_request_says():
    assert Site.of("https://gateway.example.com", "evil.example") == SITE
    assert Site.of("https://gateway.example.com", "localhost:8787") == SITE


@pytest.mark.parametrize("host", ["localhost:8787", "LOCALHOST", "127.0.0.1", "127.8.9.1:80", "[::1]:8787"])
def test_without_a_name_it_is_this_machine_s_own(host):
    assert Site.of("", host).origin == f"http://{host.lower()}"


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "evil.example:8787", "10.0.0.1", "0.0.0.0", "[::]", "a@localhost",
             "localhost:8787/x", "localhost\r\nx: y", "127.0.0.1.nip.io"]
)  # fmt: skip
def test_a_name_that_was_bound_to_this_machine_is_not_answered(host):
    assert refused(Site.of, "", host) == (421, "unknown_site")


def test_over_tls_a_cookie_is_bound_to_the_host():
    assert SITE.secure
    assert SITE.keep("session", "abc") == "__Host-lockgate-session=abc; Path=/; HttpOnly; SameSite=Strict; Secure"
    assert SITE.keep("login", "x", same_site="Lax", max_age_s=600).endswith("SameSite=Lax; Secure; Max-Age=600")


def test_on_loopback_without_tls_it_has_another_name():
    assert not LOCAL.secure
    assert LOCAL.keep("session", "abc") == "lockgate-session=abc; Path=/; HttpOnly; SameSite=Strict"
    assert LOCAL.drop("session") == "lockgate-session=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"


GOOD = {"origin": "https://gateway.example.com", "sec-fetch-site": "same-origin", "x-lockgate-csrf": "token"}


def test_a_change_from_our_own_page_passes():
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        SITE.check_change(method, GOOD, Visit)
        SITE.check_change(method, {name: GOOD[name] for name in ("origin", "x-lockgate-csrf")}, Visit)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"origin": "https://evil.example"}, "wrong_origin"),
        ({"origin": "null"}, "wrong_origin"),
        ({"origin": None}, "wrong_origin"),
        ({"origin": "http://gateway.example.com"}, "wrong_origin"),
        ({"origin": "https://gateway.example.com.evil.example"}, "wrong_origin"),
        ({"origin": "https://gateway.example.com:444"}, "wrong_origin"),
        ({"sec-fetch-site": "cross-site"}, "wrong_origin"),
        ({"sec-fetch-site": "same-site"}, "wrong_origin"),
        ({"x-lockgate-csrf": None}, "csrf_token"),
        ({"x-lockgate-csrf": ""}, "csrf_token"),
        ({"x-lockgate-csrf": "tokem"}, "csrf_token"),
        ({"x-lockgate-csrf": "tøken"}, "csrf_token"),
    ],
)
def test_a_change_that_another_page_asks_for_is_refused(wrong, code):
    headers = {name: value for name, value in {**GOOD, **wrong}.items() if value is not None}
    assert refused(SITE.check_change, "POST", headers, Visit) == (403, code)
    if code == "wrong_origin":
        assert refused(SITE.check_origin, "POST", headers) == (403, code)


def test_what_changes_nothing_needs_neither():
    for method in ("GET", "HEAD", "OPTIONS"):
        SITE.check_origin(method, {})
        SITE.check_change(method, {"origin": "https://evil.example"}, Visit)


def test_which_hosts_are_this_machine():
    assert is_loopback("[::1]")
    assert is_loopback("127.1.2.3")
    assert not is_loopback("::ffff:127.0.0.1.example")


def test_cookies_are_read_and_one_that_comes_twice_is_nobody_s():
    assert cookies_of("a=1; b=2=3;c=; d; =x") == {"a": "1", "b": "2=3", "c": "", "": "x"}
    assert cookies_of("a=1; b=2; a=3; a=4") == {"b": "2"}
    assert cookies_of("") == {}
