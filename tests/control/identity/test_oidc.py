"""The authorization code flow, against a real provider on this machine and against forged answers of one."""

import asyncio
import base64
import hashlib
import json
import re
import time
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msgspec
import pytest

from lockgate.control.identity.oidc import FRESH_S, Flow, Provider, local_path, redirect_uri
from lockgate.control.identity.provision import Assertion
from lockgate.control.identity.secrets import Keys
from lockgate.control.identity.settings import OidcEntry
from lockgate.control.identity.site import Site
from lockgate.core.failure import Failure, Refusal
from lockgate.transport.client import HttpClient
from lockgate.transport.egress import Egress
from support.oidc_provider import chosen, provider, quiet
from support.tokens import Answers, ec_key, forged, jwk, rsa_key, sign

KEYS = Keys.of(b"k" * 32)
SITE = Site("https://gateway.example.com")
ISSUER = "https://id.example"
DISCOVERY = f"{ISSUER}/.well-known/openid-configuration"
NOW = 1_800_000_000


# --- a real provider


def logged_in(issuer, sub="ann", egress=(), now=None, **entry):
    """Through the whole flow, with our own client."""

    async def flow():
        client = HttpClient(Egress.compile(egress))
        try:
            one = Provider("mock", OidcEntry(issuer, "lockgate", "s3cret/+ &", **entry), time.monotonic)
            url, cookie = await one.begin(client, KEYS, Site("http://localhost:8787"), "/logs?a=b", time.time())
            at, query = await asyncio.to_thread(chosen, url, sub)
            assert at == "http://localhost:8787/auth/oidc/mock/callback"
            return await one.finish(client, KEYS, Site("http://localhost:8787"), cookie, query, time.time())
        finally:
            client.close()

    return asyncio.run(flow())


@quiet
def test_someone_logs_in_at_a_real_provider():
    with provider(require_nonce=True) as issuer:
        said, return_to = logged_in(issuer, groups=[])
    assert said == Assertion(issuer, "ann", "ann@example.com", "Ann", frozenset({"ml"}))
    assert return_to == "/logs?a=b"


@quiet
def test_a_provider_that_says_no_groups_is_asked_for_the_userinfo():
    with provider() as issuer:
        assert logged_in(issuer, "someone@example.com").__getitem__(0).email == ""  # which it does not call verified
        said, _ = logged_in(issuer, "someone@example.com", trusts_email=True)
    assert (said.subject, said.email, said.groups) == ("someone@example.com", "someone@example.com", frozenset())


@quiet
def test_a_real_provider_that_refuses_is_told():
    async def flow(issuer):
        client = HttpClient(Egress.compile(()))
        try:
            one = Provider("mock", OidcEntry(issuer, "lockgate", "secret"), time.monotonic)
            url, cookie = await one.begin(client, KEYS, SITE, "/", time.time())
            _, query = await asyncio.to_thread(chosen, url, action="deny")
            with pytest.raises(Refusal, match="access_denied"):
                await one.finish(client, KEYS, SITE, cookie, {**query, "state": state_of(url)}, time.time())
            url, cookie = await one.begin(client, KEYS, SITE, "/", time.time())
            _, query = await asyncio.to_thread(chosen, url)
            await one.finish(client, KEYS, SITE, cookie, query, time.time())
            with pytest.raises(Refusal, match="invalid_grant"):  # a code is good once
                await one.finish(client, KEYS, SITE, cookie, query, time.time())
        finally:
            client.close()

    with provider() as issuer:
        asyncio.run(flow(issuer))


def test_a_provider_that_is_not_there_is_told():
    with pytest.raises(Refusal) as caught:
        logged_in("http://127.0.0.1:1")
    assert (caught.value.status, caught.value.code) == (502, "identity_provider_failed")


def state_of(url):
    return parse_qs(urlsplit(url).query)["state"][0]


# --- a provider that is scripted


SAID = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "jwks_uri": f"{ISSUER}/jwks",
    "userinfo_endpoint": f"{ISSUER}/userinfo",
}
ENTRY = OidcEntry(ISSUER, "lockgate", "s3cret/+ &")
ANN = {"sub": "ann", "email": "ann@example.com", "email_verified": True, "name": "Ann"}


class Stage:
    """A login under way at a provider that answers what one wants."""

    def __init__(self, entry=ENTRY, said=SAID, **answers):
        self.now_s = 100.0
        self.client = Answers({DISCOVERY: said, SAID["jwks_uri"]: {"keys": [jwk(rsa_key(), "1"), jwk(ec_key(), "2")]}})
        self.client.said |= answers
        self.provider = Provider("id", entry, lambda: self.now_s)
        self.begin()

    def begin(self, return_to="/"):
        self.url, self.cookie = asyncio.run(self.provider.begin(self.client, KEYS, SITE, return_to, NOW))
        self.query = {name: values[0] for name, values in parse_qs(urlsplit(self.url).query).items()}
        return self

    def claims(self, **more):
        claims = {"iss": ISSUER, "aud": "lockgate", "exp": NOW + 300, "iat": NOW, "nonce": self.query["nonce"], **ANN, **more}
        return {name: value for name, value in claims.items() if value is not None}

    def finish(self, token=None, cookie=None, now=NOW, back=None, access_token="at", **claims):
        token = sign(self.claims(**claims)) if token is None else token
        self.client.said.setdefault(SAID["token_endpoint"], {"id_token": token, "access_token": access_token})
        back = {"state": self.query["state"], "code": "c0de", **(back or {})}
        back = {name: value for name, value in back.items() if value is not None}
        cookie = self.cookie if cookie is None else cookie
        try:
            return asyncio.run(self.provider.finish(self.client, KEYS, SITE, cookie, back, now))[0]
        finally:
            assert self.client.open == 0

    def refused(self, *arguments, **more):
        with pytest.raises(Refusal) as caught:
            self.finish(*arguments, **more)
        return caught.value.status, caught.value.code, caught.value.message


def test_the_browser_takes_along_what_binds_the_answer_to_it():
    one, two = Stage(), Stage()
    assert one.url.startswith(f"{ISSUER}/authorize?")
    assert {
        name: one.query[name] for name in ("response_type", "client_id", "redirect_uri", "scope", "code_challenge_method")
    } == {
        "response_type": "code",
        "client_id": "lockgate",
        "redirect_uri": "https://gateway.example.com/auth/oidc/id/callback",
        "scope": "openid email profile",
        "code_challenge_method": "S256",
    }
    for name in ("state", "nonce", "code_challenge"):
        assert len(one.query[name]) == 43
        assert one.query[name] != two.query[name]
        assert one.query[name] not in one.cookie
    assert re.fullmatch(r"[A-Za-z0-9_-]+", one.cookie)
    assert len(one.cookie) < 1000
    assert repr(one.provider) == "Provider('id')"


def test_an_authorization_endpoint_keeps_the_query_it_has():
    assert Stage(said={**SAID, "authorization_endpoint": f"{ISSUER}/authorize?p=q"}).url.startswith(
        f"{ISSUER}/authorize?p=q&resp"
    )


def test_the_verifier_goes_to_the_token_endpoint_with_our_secret_in_the_header():
    stage = Stage()
    assert stage.finish() == Assertion(ISSUER, "ann", "ann@example.com", "Ann")
    ((_, url, headers, body),) = [each for each in stage.client.asked if each[0] == "POST"]
    form = dict(parse_qsl(body.decode()))
    challenge = base64.urlsafe_b64encode(hashlib.sha256(form.pop("code_verifier").encode()).digest()).rstrip(b"=").decode()
    assert challenge == stage.query["code_challenge"]
    assert form == {"grant_type": "authorization_code", "code": "c0de", "redirect_uri": redirect_uri(SITE, "id")}
    assert base64.b64decode(headers[b"authorization"].removeprefix(b"Basic ")) == b"lockgate:s3cret%2F%2B+%26"
    assert (url, headers[b"content-type"]) == (SAID["token_endpoint"], b"application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    ("methods", "secret", "sent"),
    [
        (["client_secret_post"], "s", {"client_id": "lockgate", "client_secret": "s"}),
        (["client_secret_post", "client_secret_basic"], "s", {}),
        (["private_key_jwt"], "s", {}),
        (["client_secret_post"], "", {"client_id": "lockgate"}),
    ],
)
def test_the_secret_goes_as_the_provider_takes_it(methods, secret, sent):
    said = {**SAID, "token_endpoint_auth_methods_supported": methods}
    stage = Stage(msgspec.structs.replace(ENTRY, client_secret=secret), said)
    stage.finish()
    ((_, _, headers, body),) = [each for each in stage.client.asked if each[0] == "POST"]
    form = dict(parse_qsl(body.decode()))
    assert {name: value for name, value in form.items() if name.startswith("client")} == sent
    assert (b"authorization" in headers) == (not sent)


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"iss": "https://evil.example"}, "(iss)"),
        ({"iss": f"{ISSUER}/"}, "(iss)"),
        ({"iss": None}, "(iss)"),
        ({"aud": "another"}, "(aud)"),
        ({"aud": None}, "(aud)"),
        ({"aud": ["another"]}, "(aud)"),
        ({"aud": ["lockgate", "another"]}, "(azp)"),
        ({"azp": "another"}, "(azp)"),
        ({"aud": ["lockgate", "another"], "azp": "another"}, "(azp)"),
        ({"exp": NOW - 61}, "has expired"),
        ({"exp": None}, "when it ends"),
        ({"iat": None}, "(iat)"),
        ({"iat": NOW + 61}, "(iat)"),
        ({"nonce": None}, "(nonce)"),
        ({"nonce": "x" * 43}, "(nonce)"),
        ({"nonce": 5}, "(nonce)"),
        ({"sub": None}, "(sub)"),
        ({"sub": ""}, "(sub)"),
        ({"sub": 5}, "(sub)"),
        ({"sub": "x" * 256}, "(sub)"),
        ({"hd": "other.example"}, "'hd'"),
    ],
)
def test_an_id_token_that_is_not_for_this_login_is_refused(claims, told):
    stage = Stage(msgspec.structs.replace(ENTRY, require={"hd": "example.com"}))
    status, code, message = stage.refused(**{"hd": "example.com", **claims})
    assert (status, code) == (403, "login_refused")
    assert told in message


def test_an_id_token_for_several_names_us_as_the_party():
    assert Stage().finish(aud=["lockgate", "another"], azp="lockgate").subject == "ann"


@pytest.mark.parametrize(
    "make",
    [
        lambda claims: sign(claims, rsa_key("other")),
        lambda claims: sign(claims, rsa_key(), "2"),
        lambda claims: sign(claims, rsa_key(), "unknown"),
        lambda claims: sign(claims, rsa_key("other"), "1", jwk=jwk(rsa_key("other"))),
        lambda claims: forged({"alg": "none", "kid": "1"}, claims),
        lambda claims: forged({"alg": "HS256", "kid": "1"}, claims, b"x" * 32),
        lambda claims: "no token",
        lambda claims: "",
    ],
)
def test_an_id_token_that_the_provider_has_not_signed_is_refused(make):
    stage = Stage()
    assert stage.refused(make(stage.claims()))[:2] == (403, "login_refused")


def test_a_key_that_is_new_is_fetched():
    stage = Stage()
    assert stage.finish().subject == "ann"
    stage.begin()
    stage.client.said[SAID["jwks_uri"]] = {"keys": [jwk(rsa_key("new"), "3")]}
    del stage.client.said[SAID["token_endpoint"]]
    stage.now_s += 31
    assert stage.finish(sign(stage.claims(), rsa_key("new"), "3")).subject == "ann"


def test_keys_that_cannot_be_had_are_the_provider_s_trouble():
    stage = Stage()
    stage.client.said[SAID["jwks_uri"]] = (500, b"")
    assert stage.refused()[:2] == (502, "identity_provider_failed")


@pytest.mark.parametrize(
    "back",
    [{"state": None}, {"state": ""}, {"state": "x" * 43}, {"state": "é"}],
)
def test_an_answer_to_a_login_that_was_not_begun_here_is_refused(back):
    assert Stage().refused(back=back)[:2] == (400, "login_not_begun")


def test_a_flow_shows_nothing_of_itself():
    assert repr(Flow("id", "s", "n", "v", "/", 0.0)) == "Flow('id')"


def test_a_cookie_that_is_not_ours_binds_nothing():
    stage, other = Stage(), Stage()
    for cookie in ("", "x", "é", other.cookie, stage.cookie[:-4], stage.cookie + "AAAA", "A" * 200):
        assert stage.refused(cookie=cookie)[:2] == (400, "login_not_begun")
    assert not [each for each in stage.client.asked if each[0] == "POST"]


def test_a_login_takes_ten_minutes_at_most():
    stage = Stage()
    assert stage.refused(now=NOW + 600, exp=NOW + 900)[:2] == (400, "login_not_begun")
    assert stage.finish(now=NOW + 599).subject == "ann"


def test_one_provider_s_answer_is_not_another_s():
    stage = Stage()
    stage.provider.name = "other"
    assert stage.refused()[:2] == (400, "login_not_begun")


def test_an_answer_says_who_gives_it_where_it_should():
    stage = Stage(said={**SAID, "authorization_response_iss_parameter_supported": True})
    assert stage.refused()[1] == "login_refused"
    assert "(iss)" in stage.refused(back={"iss": "https://evil.example"})[2]
    assert stage.finish(back={"iss": ISSUER}).subject == "ann"
    assert "(iss)" in Stage().refused(back={"iss": "https://evil.example"})[2]


@pytest.mark.parametrize(
    ("back", "told"),
    [
        ({"error": "access_denied"}, "it said access_denied"),
        ({"error": "<script>"}, "it refused"),
        ({"error": "x" * 64}, "it refused"),
        ({"code": None}, "gave no code"),
        ({"code": ""}, "gave no code"),
    ],
)
def test_a_provider_s_no_is_told_in_its_own_word_if_it_is_one(back, told):
    assert told in Stage().refused(back=back)[2]


@pytest.mark.parametrize(
    "said", [(400, b'{"error": "invalid_grant"}'), (200, b"{}"), Failure("timeout", 504, "It took too long.")]
)
def test_a_token_endpoint_in_trouble_is_the_provider_s_trouble(said):
    stage = Stage(**{SAID["token_endpoint"]: said})
    status, code, message = stage.refused()
    assert (status, code) == (502, "identity_provider_failed")
    assert "s3cret" not in message
    assert "c0de" not in message


# --- what it says of someone


def test_an_address_counts_when_it_is_verified():
    assert Stage().finish(email_verified=None).email == ""
    assert Stage().finish(email_verified=False).email == ""
    assert Stage().finish(email_verified="true").email == "ann@example.com"  # as some providers write it
    assert Stage(msgspec.structs.replace(ENTRY, trusts_email=True)).finish(email_verified=None).email == "ann@example.com"
    assert Stage().finish(email="no address").email == ""
    assert Stage().finish(email=["ann@example.com"]).email == ""


def test_names_and_groups_are_read_where_they_are():
    claims = {"email": "mail", "name": "profile.full", "groups": "realm.roles"}
    entry = msgspec.structs.replace(ENTRY, claims=msgspec.convert(claims, type(ENTRY.claims)))
    said = Stage(entry).finish(mail="bob@example.com", profile={"full": "Bob"}, realm={"roles": ["a", 5, "b"]})
    assert said == Assertion(ISSUER, "ann", "bob@example.com", "Bob", frozenset({"a", "b"}))
    assert Stage().finish(name="a\nb", groups="one").groups == frozenset({"one"})
    assert Stage().finish(name="a\nb").name == ""
    assert Stage().finish(name=5, groups={"a": "b"}) == Assertion(ISSUER, "ann", "ann@example.com")
    assert len(Stage().finish(groups=[str(n) for n in range(5000)]).groups) == 1000


def with_groups():
    entry = {"issuer": ISSUER, "client_id": "lockgate", "groups": [{"group": "ml", "role": "admin"}]}
    return msgspec.json.decode(json.dumps(entry), type=OidcEntry)


def test_what_the_token_does_not_say_the_userinfo_may():
    stage = Stage(with_groups())
    stage.client.said[SAID["userinfo_endpoint"]] = {"sub": "ann", "groups": ["ml"], "email": "evil@example.com"}
    assert stage.finish() == Assertion(ISSUER, "ann", "ann@example.com", "Ann", frozenset({"ml"}))
    (asked,) = [each for each in stage.client.asked if each[1] == SAID["userinfo_endpoint"]]
    assert asked[2][b"authorization"] == b"Bearer at"


def test_the_userinfo_of_someone_else_is_refused():
    stage = Stage(with_groups())
    for said in ({"sub": "bob", "groups": ["ml"]}, {"groups": ["ml"]}):
        stage.client.said[SAID["userinfo_endpoint"]] = said
        assert "someone else" in stage.refused()[2]
    stage.client.said[SAID["userinfo_endpoint"]] = (401, b"")
    assert stage.refused()[0] == 502


def test_the_userinfo_is_not_asked_without_need_or_means():
    for stage, more in (
        (Stage(), {}),
        (Stage(with_groups()), {"groups": []}),
        (Stage(with_groups()), {"access_token": ""}),
        (Stage(with_groups(), {name: SAID[name] for name in SAID if name != "userinfo_endpoint"}), {}),
    ):
        assert stage.finish(**more).groups == frozenset()
        assert SAID["userinfo_endpoint"] not in [each[1] for each in stage.client.asked]


# --- what it says of itself


@pytest.mark.parametrize(
    "said",
    [
        {**SAID, "issuer": f"{ISSUER}/"},
        {**SAID, "issuer": "https://evil.example"},
        {**SAID, "token_endpoint": "http://169.254.169.254/token"},
        {**SAID, "authorization_endpoint": "javascript:alert(1)"},
        {**SAID, "jwks_uri": "http://id.example/jwks"},
        {"issuer": ISSUER},
        (404, b""),
        (302, b""),
        (200, b"<html>"),
    ],
)
def test_a_document_that_is_not_the_provider_s_is_refused(said):
    with pytest.raises(Refusal) as caught:
        Stage(said=said)
    assert (caught.value.status, caught.value.code) == (502, "identity_provider_failed")


def test_a_document_is_asked_for_once_an_hour_and_outlives_an_outage():
    stage = Stage()
    first = len(stage.client.asked)
    stage.begin()
    assert len(stage.client.asked) == first
    stage.now_s += FRESH_S
    stage.client.said[DISCOVERY] = (500, b"")
    stage.begin()
    assert len(stage.client.asked) == first + 1
    stage.client.said[DISCOVERY] = SAID
    assert stage.finish().subject == "ann"


def test_a_provider_may_move_its_keys():
    stage = Stage()
    keys = stage.provider._keys
    stage.now_s += FRESH_S
    stage.begin()
    assert stage.provider._keys is keys
    stage.now_s += FRESH_S
    stage.client.said[DISCOVERY] = {**SAID, "jwks_uri": f"{ISSUER}/keys"}
    stage.client.said[f"{ISSUER}/keys"] = {"keys": [jwk(rsa_key("new"), "3")]}
    stage.begin()
    assert stage.finish(sign(stage.claims(), rsa_key("new"), "3")).subject == "ann"


@pytest.mark.parametrize("path", ["/", "/logs", "/logs?a=b&c=%20", "/a//b", "/#/route"])
def test_where_one_wanted_to_go_is_kept(path):
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "logs", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/a\r\nx: y", "/\tx", "/é",
     "/" + "x" * 1024, '/"onload="', "/<script>", "/a\\b", "/ a"],
)  # fmt: skip
def test_a_way_that_leads_elsewhere_leads_home(path):
    assert local_path(path) == "/"


def test_where_one_wanted_to_go_comes_back_with_who_one_is():
    stage = Stage().begin("/logs")
    stage.client.said[SAID["token_endpoint"]] = {"id_token": sign(stage.claims())}
    back = {"state": stage.query["state"], "code": "c"}
    assert asyncio.run(stage.provider.finish(stage.client, KEYS, SITE, stage.cookie, back, NOW))[1] == "/logs"
