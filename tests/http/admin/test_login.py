"""Logging in and out, as a browser does it, and as one does that is led here by another site."""

import asyncio
import json
import re

import pytest

from lockgate.control.identity import passwords, users
from lockgate.control.identity.sessions import begin, visit
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import Seat, Session, Tenant
from lockgate.http.admin.login import ROUTES, Desk, NewPassword, Password, login_methods
from lockgate.pipeline.admit import admit
from lockgate.stores.ports import StoreError
from lockgate.transport.client import HttpClient
from lockgate.transport.egress import Egress
from support.admin import Admin
from support.identity import PASSWORD
from support.oidc_provider import chosen, provider, quiet
from support.tenants import ME, NOW

HOST = "localhost:8787"
ORIGIN = f"http://{HOST}"


class Browser:
    """Keeps cookies for the dashboard at localhost, and asks from its pages."""

    def __init__(self, admin, host=HOST, origin=ORIGIN):
        self.admin = admin
        self.host = host
        self.origin = origin
        self.cookies = {}
        self.csrf = ""

    def headers(self, method, headers):
        said = {"host": self.host, "user-agent": "Firefox"}
        if method != "GET":
            said |= {"origin": self.origin, "content-type": "application/json"}
            if self.csrf:
                said["x-lockgate-csrf"] = self.csrf
        if self.cookies:
            said["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        said |= headers
        return [(name, value) for name, value in said.items() if value is not None]

    async def asked(self, method, path, body=None, **headers):
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.admin._ask(method, path, body, None, self.headers(method, said), None)
        for cookie in answer.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            if value:
                self.cookies[name] = value
            else:
                self.cookies.pop(name, None)
        if answer.status == 200 and answer.headers["content-type"] == "application/json":
            self.csrf = answer.json.get("csrf", self.csrf) if isinstance(answer.json, dict) else self.csrf
        return answer

    def ask(self, *arguments, **more):
        return asyncio.run(self.asked(*arguments, **more))

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.ask("POST", path, {} if body is None else body, **more)

    def log_in(self, email="ann@example.com", password=PASSWORD, **more):
        return self.post("/auth/login", {"email": email, "password": password}, **more)


@pytest.fixture
def place(tmp_path):
    admins = []

    def place(config="", **environment):
        admins.append(Admin(tmp_path, config, **environment))
        return admins[-1]

    yield place
    for admin in admins:
        admin.close()


@pytest.fixture
def admin(place):
    return place()


def person(admin, email="ann@example.com", **more):
    vault = admin.office.vault
    hashed = passwords.hashed(PASSWORD, email)
    with admin.store.change(admin.whole, ME, NOW) as change:
        return users.add(change, vault, admin.whole, email=email, hashed=hashed, **more)


def test_somebody_logs_in_looks_around_and_logs_out(admin):
    person(admin, name="Ann", role="admin", seats=[Seat(admin.home.workspace, "manager")])
    browser = Browser(admin)
    answer = browser.log_in()
    assert answer.json["user"]["email"] == "ann@example.com"
    (cookie,) = answer.cookies
    assert re.fullmatch(r"lockgate-session=[\w-]{43}; Path=/; HttpOnly; SameSite=Strict", cookie)
    assert answer.headers["cache-control"] == "no-store"
    who = browser.get("/auth/session").json
    assert (who["user"]["name"], who["user"]["role"], who["workspaces"]) == ("Ann", "admin", {admin.home.workspace: "manager"})
    assert who["csrf"] == answer.json["csrf"]
    assert who["session"]["current"]
    assert browser.get("/v1/configs").status == 200
    stolen = dict(browser.cookies)
    assert browser.post("/auth/logout").status == 200
    assert browser.cookies == {}
    browser.cookies = stolen  # the cookie is worth nothing any more, on the server
    assert (browser.get("/auth/session").status, browser.get("/v1/configs").status) == (401, 401)


def test_behind_tls_the_cookie_is_bound_to_the_host(place):
    admin = place('identity: {public_url: "https://gateway.example.com"}')
    admin.reload()
    person(admin)
    browser = Browser(admin, "internal:8787", "https://gateway.example.com")
    (cookie,) = browser.log_in().cookies
    assert re.fullmatch(r"__Host-lockgate-session=[\w-]{43}; Path=/; HttpOnly; SameSite=Strict; Secure", cookie)
    assert browser.get("/auth/session").status == 200
    browser.cookies = {"lockgate-session": browser.cookies["__Host-lockgate-session"]}  # what could be set without TLS
    assert browser.get("/auth/session").status == 401
    assert Browser(admin, "internal:8787", "http://internal:8787").log_in().code == "wrong_origin"


def test_a_wrong_password_is_told_like_an_unknown_person(admin):
    person(admin)
    browser = Browser(admin)
    wrong, nobody = browser.log_in(password="wrong"), browser.log_in("nobody@example.com")
    elsewhere = browser.post("/auth/login", {"email": "ann@example.com", "password": PASSWORD, "organisation": "abroad"})
    nowhere = browser.post("/auth/login", {"email": "ann@example.com", "password": PASSWORD, "organisation": "nowhere"})
    assert {(each.status, each.message) for each in (wrong, nobody, elsewhere, nowhere)} == {(401, wrong.message)}
    assert not wrong.cookies
    assert (
        browser.post("/auth/login", {"email": "ann@example.com", "password": PASSWORD, "organisation": "default"}).status == 200
    )


def test_guessing_ends_in_429_with_a_time(admin):
    browser = Browser(admin)
    for _ in range(10):
        assert browser.log_in(password="guess").status == 401
    answer = browser.log_in()
    assert answer.status == 429
    assert 0 < int(answer.headers["retry-after"]) <= 30


def test_a_login_ends_the_session_that_the_browser_had(admin):
    person(admin)
    browser = Browser(admin)
    browser.log_in()
    old = dict(browser.cookies)
    browser.log_in()
    assert browser.cookies != old
    assert len(admin.rows(Session)) == 1
    browser.cookies = old
    assert browser.get("/auth/session").status == 401


def test_another_password_is_given_by_the_old_one(admin):
    person(admin)
    browser, other = Browser(admin), Browser(admin)
    browser.log_in()
    other.log_in()
    assert browser.post("/auth/password", {"old": "wrong", "new": "another good one"}).code == "wrong_password"
    assert browser.post("/auth/password", {"old": PASSWORD, "new": "short"}).code == "password_too_short"
    before = dict(browser.cookies)
    assert browser.post("/auth/password", {"old": PASSWORD, "new": "another good one"}).status == 200
    assert browser.cookies != before
    assert browser.get("/auth/session").status == 200
    assert other.get("/auth/session").status == 401
    assert Browser(admin).log_in().status == 401
    assert Browser(admin).log_in(password="another good one").status == 200


def test_sessions_are_listed_and_ended_by_their_owner(admin):
    person(admin)
    person(admin, "bob@example.com")
    one, two, bob = Browser(admin), Browser(admin), Browser(admin)
    one.log_in()
    two.log_in()
    bob.log_in("bob@example.com")
    listed = one.get("/auth/sessions").json["data"]
    assert sorted(each["current"] for each in listed) == [False, True]
    assert listed[0]["client_ip"] == "192.0.2.7"
    (other,) = [each["id"] for each in listed if not each["current"]]
    assert bob.ask("DELETE", f"/auth/sessions/{other}").status == 404
    assert two.get("/auth/session").status == 200
    assert one.ask("DELETE", f"/auth/sessions/{other}").status == 200
    assert two.get("/auth/session").status == 401
    assert one.get("/auth/session").status == 200


def test_logging_out_everywhere(admin):
    person(admin)
    one, two = Browser(admin), Browser(admin)
    one.log_in()
    two.log_in()
    assert one.post("/auth/logout", {"everywhere": True}).status == 200
    assert two.get("/auth/session").status == 401
    assert admin.rows(Session) == []


# --- other sites


CHANGES = [each for each in ROUTES if each.method != "GET"]


@pytest.mark.parametrize("route", CHANGES, ids=lambda route: f"{route.method} {route.path}")
@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"origin": None}, {"sec_fetch_site": "cross-site"}],
    ids=lambda headers: str(next(iter(headers.items()))),
)
def test_no_change_is_made_for_another_site(admin, route, headers):
    person(admin)
    browser = Browser(admin)
    browser.log_in()
    bodies = {"/auth/login": {"email": "ann@example.com", "password": PASSWORD}, "/auth/logout": {"everywhere": True}}
    bodies["/auth/password"] = {"old": PASSWORD, "new": "another good one"}
    (session,) = admin.rows(Session)
    path = route.path.replace("{id}", session.id)
    answer = browser.ask(route.method, path, bodies.get(path, {}), **headers)
    assert (answer.status, answer.code) == (403, "wrong_origin")
    assert admin.rows(Session) == [session]


@pytest.mark.parametrize("route", [each for each in CHANGES if each.policy == "session"], ids=lambda route: route.path)
@pytest.mark.parametrize("token", [None, "", "0" * 64])
def test_no_change_is_made_without_the_session_s_token(admin, route, token):
    person(admin)
    browser = Browser(admin)
    browser.log_in()
    assert browser.ask(route.method, route.path.replace("{id}", "x"), {}, x_lockgate_csrf=token).code == "csrf_token"


def test_the_admin_api_takes_a_session_with_its_token_alone(admin):
    person(admin, role="admin")
    browser = Browser(admin)
    browser.log_in()
    body = {"name": "mine", "config": {"provider": "sim"}}
    assert browser.post("/v1/configs", body, x_lockgate_csrf=None).code == "csrf_token"
    assert browser.post("/v1/configs", body, origin="https://evil.example").code == "wrong_origin"
    assert browser.post("/v1/configs", body, sec_fetch_site="cross-site").code == "wrong_origin"
    assert browser.post("/v1/configs", body).status == 200
    entry = admin.store.audit(admin.whole)[0]
    assert (entry.actor.kind, entry.actor.name) == ("user", "ann@example.com")


def test_a_session_can_do_what_the_person_can_and_no_more(admin):
    person(admin, seats=[Seat(admin.home.workspace, "member")])
    browser = Browser(admin)
    browser.log_in()
    assert browser.get("/v1/configs").status == 200
    assert browser.post("/v1/configs", {"name": "mine", "config": {"provider": "sim"}}).status == 403


def test_a_key_beside_the_cookie_decides(admin):
    person(admin, role="admin")
    browser = Browser(admin)
    browser.log_in()
    assert browser.get("/v1/configs", x_api_key="lg_wrong").status == 401


def test_a_login_makes_no_key(admin):
    person(admin, role="owner")
    browser = Browser(admin)
    answer = browser.log_in()
    assert "lg_" not in answer.body.decode()
    assert admin.rows() == []
    cookie = {b"cookie": f"lockgate-session={browser.cookies['lockgate-session']}".encode()}
    with pytest.raises(Refusal, match="No key was sent"):
        admit(cookie, admin.app.world.snapshot)
    with pytest.raises(Refusal, match="not known here"):
        admit({b"x-api-key": browser.cookies["lockgate-session"].encode()}, admin.app.world.snapshot)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8787", "10.0.0.1:8787", ""])
def test_a_name_that_was_bound_to_this_machine_is_not_answered(admin, host):
    person(admin)
    browser = Browser(admin)
    browser.log_in()
    browser.host, browser.origin = host, f"http://{host}"
    for answer in (browser.get("/auth/session"), browser.get("/auth/methods"), browser.log_in(), browser.get("/v1/configs")):
        assert (answer.status, answer.code) == (421, "unknown_site")


# --- what is not a login


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ({"email": "a"}, {}, 400),
        ({"email": 5, "password": "x"}, {}, 400),
        ({"email": "a", "password": "x", "admin": True}, {}, 400),
        (b"{", {}, 400),
        (b"x" * 20_000, {}, 413),
        ({"email": "a", "password": "x"}, {"content_type": "text/plain"}, 415),
        (b"email=a&password=x", {"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"email": "a", "password": "x"}, {"content_type": None}, 415),
    ],
)
def test_what_is_no_login_is_told(admin, body, headers, status):
    assert Browser(admin).post("/auth/login", body, **headers).status == status


def test_a_header_that_may_come_once_comes_once(admin):
    answer = admin.ask("GET", "/auth/methods", key=None, headers=[("host", HOST), ("host", "evil.example")])
    assert answer.code == "repeated_header"


def test_every_route_says_who_may_ask(admin):
    for route in ROUTES:
        path = route.path.replace("{id}", "x").replace("{name}", "x")
        answer = Browser(admin).ask(route.method, path, {} if route.method == "POST" else None)
        if route.policy == "session":
            assert (answer.status, answer.code) == (401, "no_session")
        else:
            assert answer.status != 401
    assert {route.policy for route in ROUTES} == {"open", "session"}


def test_a_path_is_asked_in_its_way(admin):
    assert login_methods("/auth/sessions/abc") == ["DELETE"]
    answer = Browser(admin).ask("PUT", "/auth/login", {})
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert Browser(admin).get("/auth/elsewhere").status == 404


def test_passwords_may_be_switched_off(place):
    admin = place("identity: {passwords: false, oidc: {okta: {issuer: 'https://id.example', client_id: c, title: Okta}}}")
    admin.reload()
    person(admin)
    browser = Browser(admin)
    assert browser.log_in().code == "passwords_off"
    user = users.by_email(admin.store, admin.home.organisation, "ann@example.com")
    with admin.store.change(admin.whole, ME, NOW) as change:
        _, browser.cookies["lockgate-session"] = begin(change, admin.office.reception.keys, user, admin.office.clock())
    assert browser.get("/auth/session").status == 200
    assert browser.post("/auth/password", {"old": PASSWORD, "new": "another good one"}).code == "passwords_off"
    assert browser.get("/auth/methods").json == {
        "password": False,
        "oidc": [{"name": "okta", "title": "Okta", "path": "/auth/oidc/okta"}],
    }


def test_while_the_store_cannot_be_reached_nobody_is_logged_out(admin, monkeypatch):
    person(admin)
    browser = Browser(admin)
    browser.log_in()

    def gone(*_):
        raise StoreError("the disk is gone")

    monkeypatch.setattr(admin.store, "session", gone)
    answer = browser.get("/auth/session")
    assert answer.status == 503
    assert "disk" not in answer.message
    assert browser.cookies


def test_a_bug_of_ours_is_answered_as_one(admin, monkeypatch, caplog):
    def bug(*_):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("lockgate.control.identity.login.log_in", bug)
    answer = Browser(admin).log_in()
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "secret detail" not in answer.message
    assert answer.headers["x-lockgate-request-id"] in caplog.text


def test_a_caller_who_leaves_before_the_body_is_whole(admin):
    headers = [("host", HOST), ("origin", ORIGIN), ("content-type", "application/json")]

    async def leave():
        sent = []

        async def receive():
            return {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http", "method": "POST", "path": "/auth/login", "raw_path": b"/auth/login", "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers], "client": None, "lockgate.line": None,
        }  # fmt: skip
        await admin.app.gateway(scope, receive, send)
        return sent[0]["status"]

    assert asyncio.run(leave()) == 400


def test_too_many_logins_at_once_are_told_to_wait(admin, monkeypatch):
    monkeypatch.setattr("lockgate.control.identity.reception.MOST", 0)
    answer = Browser(admin).log_in()
    assert (answer.status, answer.code) == (503, "login_busy")


def test_secrets_are_not_shown():
    assert repr(Password("a", "secret")) == "Password()"
    assert repr(NewPassword("secret", "secret")) == "NewPassword()"


# --- identity providers


def through(admin, issuer, sub="ann", return_to="/logs", back=None, egress=()):
    """A browser that logs in at the provider; its answers."""

    async def flow():
        client = HttpClient(Egress.compile(egress))
        admin.app.runtime.clients.update(http=client, https=client)
        try:
            browser = Browser(admin)
            there = await browser.asked("GET", f"/auth/oidc/mock?return_to={return_to}")
            if there.status != 302:
                return browser, there, there
            where, query = await asyncio.to_thread(chosen, there.headers["location"], sub)
            assert where == f"{ORIGIN}/auth/oidc/mock/callback"
            query |= back or {}
            text = "&".join(f"{name}={value}" for name, value in query.items())
            return browser, there, await browser.asked("GET", f"/auth/oidc/mock/callback?{text}", sec_fetch_site="cross-site")
        finally:
            client.close()

    return asyncio.run(flow())


def config(issuer, **more):
    entry = {"issuer": issuer, "client_id": "lockgate", "client_secret": "s", **more}
    return json.dumps({"identity": {"oidc": {"mock": entry}}})


@quiet
def test_someone_logs_in_by_a_real_provider(place):
    with provider() as issuer:
        admin = place(config(issuer, allowed_domains=["example.com"], workspaces={"default": "manager"}))
        admin.reload()
        browser, there, back = through(admin, issuer)
        assert re.search(r"lockgate-login=[\w-]+; Path=/; HttpOnly; SameSite=Lax; Max-Age=600", there.cookies[0])
        assert back.status == 200
        assert back.headers["content-type"] == "text/html; charset=utf-8"
        assert '<meta http-equiv=refresh content="0;url=/logs">' in back.body.decode()
        assert list(browser.cookies) == ["lockgate-session"]  # that of the login is gone
        who = browser.get("/auth/session").json
        assert (who["user"]["email"], who["workspaces"]) == ("ann@example.com", {admin.home.workspace: "manager"})
        first = admin.rows(Session)
        again, _, _ = through(admin, issuer)  # and a second time as the same person
        assert again.get("/auth/session").json["user"] == who["user"]
        assert len(admin.rows(Session)) == len(first) + 1
        entry = next(each for each in admin.store.audit(admin.whole) if each.resource_type == "user")
        assert (entry.actor.name, entry.actor.uri) == ("ann@example.com", "/auth/oidc/mock/callback")


@quiet
def test_someone_whom_nobody_let_in_sees_a_page_that_says_so(place):
    with provider() as issuer:
        admin = place(config(issuer))
        admin.reload()
        browser, _, back = through(admin, issuer)
        assert back.status == 403
        assert "Nobody here is known by this login" in back.body.decode()
        assert "lockgate-session" not in browser.cookies
        assert admin.rows(Session) == []


@quiet
def test_an_answer_with_another_state_is_refused_in_words_that_run_nothing(place):
    with provider() as issuer:
        admin = place(config(issuer, allowed_domains=["*"]))
        admin.reload()
        _, _, back = through(admin, issuer, back={"state": "<script>"})
        assert back.status == 400
        _, _, back = through(admin, issuer, return_to="//evil.example", back={})
        assert 'content="0;url=/"' in back.body.decode()
        _, _, back = through(admin, issuer, back={"iss": "%3Cscript%3Ealert(1)%3C/script%3E"})
        assert back.status == 403
        assert "<script>" not in back.body.decode()
        assert back.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_provider_that_there_is_not(admin):
    answer = Browser(admin).get("/auth/oidc/nobody")
    assert answer.status == 404
    assert "<title>" in answer.body.decode()


def test_a_provider_that_cannot_be_reached(place):
    admin = place(config("http://127.0.0.1:1"))
    admin.reload()
    _, there, _ = through(admin, "http://127.0.0.1:1")
    assert there.status == 502
    assert "cannot be used now" in there.body.decode()


def test_a_provider_in_our_network_needs_a_rule(place):
    admin = place(config("https://localhost.localdomain.invalid"))
    admin.reload()
    assert through(admin, "")[1].status == 502


def test_a_desk_says_what_it_is_about(admin):
    class Request:
        method = "GET"

        class url:
            path = "/auth/session"

    assert repr(Desk(Request, None, admin.office, "1")) == "Desk(GET /auth/session)"


def test_a_reception_keeps_its_providers_until_they_are_others(place):
    admin = place(config("https://id.example"))
    admin.reload()
    reception = admin.office.reception
    one = reception.provider("mock")
    assert reception.provider("mock") is one
    assert repr(reception) == "Reception([Provider('mock')])"
    admin.house.config_path.write_text(config("https://id.example", title="New"))
    admin.reload()
    assert reception.provider("mock") is not one


def test_a_session_of_another_organisation_works_there(admin):
    user = admin.person("admin", tenant=admin.abroad)
    hashed = passwords.hashed(PASSWORD, user.email)
    vault = admin.office.vault
    with admin.store.change(Tenant(admin.abroad.organisation), ME, NOW) as change:
        users.keep_hash(change, vault, user, hashed)
    browser = Browser(admin)
    body = {"email": user.email, "password": PASSWORD}
    assert browser.post("/auth/login", body).status == 401
    assert browser.post("/auth/login", {**body, "organisation": "abroad"}).status == 200
    assert browser.get("/auth/session").json["organisation_id"] == admin.abroad.organisation
    found = visit(admin.store, admin.office.reception.keys, browser.cookies["lockgate-session"], admin.office.clock())
    assert found.user.id == user.id
