"""Serving the dashboard: which paths are its own, in which form, and with what around it."""

import gzip
import hashlib

import pytest

from lockgate.http.dashboard.shelf import take_stock
from lockgate.http.dashboard.site import Dashboard
from lockgate.http.routes import lay_out
from support.asgi import ask
from support.house import AUTH, make_app

PAGE, SCRIPT = b"<!doctype html><title>Lockgate</title>", b"export {};" * 50
BROWSER = (("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"), ("accept-encoding", "gzip, deflate, br, zstd"))


@pytest.fixture
def built(tmp_path):
    folder = tmp_path / "built"
    (folder / "assets").mkdir(parents=True)
    for name, body in (("index.html", PAGE), ("assets/index-Ab12.js", SCRIPT), ("icon.svg", b"<svg/>")):
        (folder / name).write_bytes(body)
        (folder / f"{name}.gz").write_bytes(gzip.compress(body))
    (folder / "assets/index-Ab12.js.br").write_bytes(b"brotli")
    (folder / ".stamp").write_text("no file of it")
    return folder


@pytest.fixture
def gateway(tmp_path, built):
    gateway = make_app(tmp_path).gateway
    gateway._dashboard._stock = lambda: take_stock(built)
    return gateway


@pytest.mark.parametrize(
    "path", ["/", "/logs", "/logs/01a0c450-6c00-7000-8000-000000000000", "/logs/a.b", "/invite", "/nowhere", "/v1x"]
)
def test_every_view_begins_with_the_one_page(gateway, path):
    answer = ask(gateway, "GET", path, headers=BROWSER)
    assert answer.status == 200 and gzip.decompress(answer.body) == PAGE
    assert answer.headers["content-type"] == "text/html; charset=utf-8" and answer.headers["cache-control"] == "no-cache"
    policy = dict(each.split(" ", 1) for each in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"


@pytest.mark.parametrize(
    "path",
    ["/v1/nowhere", "/v1/chat/completions", "/v1beta/x", "/v2/x", "/proxy/sim", "/proxy", "/healthz/x", "/metrics/x", "/v1"],
)
def test_what_begins_like_a_route_is_answered_as_ever(tmp_path, gateway, path):
    (tmp_path / "plain").mkdir()
    plain = make_app(tmp_path / "plain").gateway
    plain._dashboard._stock = dict
    with_it, without = (ask(each, "GET", path, headers=(*BROWSER, *AUTH)) for each in (gateway, plain))
    assert (with_it.status, with_it.body) == (without.status, without.body)
    assert with_it.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    "accept", [(), (("accept", "*/*"),), (("accept", "application/json"),), (("accept", "text/html;q=0"),)]
)
def test_a_program_gets_what_it_always_got(gateway, accept):
    assert ask(gateway, "GET", "/", headers=accept).json == {"name": "Lockgate"}
    assert ask(gateway, "GET", "/nowhere", headers=accept).status == 404


def test_without_a_build_it_is_said_how_to_make_one(tmp_path):
    gateway = make_app(tmp_path).gateway
    gateway._dashboard._stock = dict
    said = ask(gateway, "GET", "/", headers=BROWSER).json
    assert said["name"] == "Lockgate" and "make web" in said["dashboard"]
    assert ask(gateway, "GET", "/logs", headers=BROWSER).status == 404


def test_a_build_that_comes_later_is_found(tmp_path, built):
    stocks = [{}, take_stock(built)]
    site = Dashboard(lay_out().known(), lambda: stocks.pop(0))
    assert not site.is_built
    assert site.is_built and site.find("/", [(b"accept", b"text/html")]) is not None


def test_files_are_kept_for_ever_in_the_best_form_that_is_taken(gateway):
    path = "/assets/index-Ab12.js"
    best, zipped, plain = (
        ask(gateway, "GET", path, headers=[("accept-encoding", each)]) for each in ("gzip, br", "br;q=0, gzip", "identity")
    )
    assert best.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert best.headers["content-type"] == "text/javascript; charset=utf-8"
    assert (best.headers["content-encoding"], best.body) == ("br", b"brotli")
    assert zipped.headers["content-encoding"] == "gzip" and gzip.decompress(zipped.body) == SCRIPT
    assert "content-encoding" not in plain.headers and plain.body == SCRIPT
    assert len({each.headers["etag"] for each in (best, zipped, plain)}) == 3  # RFC 9110, section 8.8.3.3
    assert (
        plain.headers["etag"] == f'"{hashlib.sha256(SCRIPT).hexdigest()[:20]}"' and "accept-encoding" in plain.headers["vary"]
    )


def test_who_has_it_already_is_not_sent_it_again(gateway):
    etag = ask(gateway, "GET", "/", headers=BROWSER).headers["etag"]
    again = ask(gateway, "GET", "/", headers=(*BROWSER, ("if-none-match", f'"old", W/{etag}')))
    assert (again.status, again.body) == (304, b"")
    assert again.headers["etag"] == etag and "content-type" not in again.headers
    assert ask(gateway, "GET", "/", headers=(*BROWSER, ("if-none-match", '"old"'))).status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/assets/nothing.js",
        "/assets/../index.html",
        "/.stamp",
        "/assets/index-Ab12.js.br",
        "/index.html",
        "/../pyproject.toml",
        "/%2e%2e/x",
    ],
)
def test_nothing_else_is_served(gateway, path):
    answer = ask(gateway, "GET", path, headers=[("accept", "*/*")])
    assert answer.status == 404 and answer.headers["content-type"].startswith("application/json")


def test_it_is_looked_at_and_not_written_to(gateway):
    assert ask(gateway, "POST", "/logs", headers=BROWSER).status == 404
    head = ask(gateway, "HEAD", "/logs", headers=BROWSER)
    assert head.status == 200 and head.headers["content-type"] == "text/html; charset=utf-8"
