"""Signed tokens in the place of gateway keys, from the configuration to the caller that they make."""

import asyncio
import json
import time

import msgspec
import pytest

from lockgate.control.config import BadConfig, read_text
from lockgate.control.identity import tokens, users
from lockgate.control.identity.jwks import FRESH_S, UNKNOWN_S
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.limits import RateLimit, UsageLimit
from lockgate.core.tenancy import Defaults, Organisation, Tenant, Workspace
from lockgate.pipeline.admit import admit
from support.house import make_house
from support.tenants import ME, found_another, workspace
from support.tokens import Answers, ec_key, forged, jwk, part, rsa_key, sign

NOW = int(time.time())
JWKS = {"keys": [jwk(rsa_key(), "1"), jwk(ec_key(), "2")]}
ISSUER = "https://issuer.example"
URL = f"{ISSUER}/jwks"


class Stage:
    """A house with one issuer of tokens, `ci`, and what admits callers to it."""

    def __init__(self, tmp_path, **entry):
        said = {"issuer": ISSUER, "audience": ["lockgate"], "jwks": JWKS, **entry}
        self.said = {name: value for name, value in said.items() if value is not None}
        self.others = {}
        self.path = tmp_path
        self.house = make_house(tmp_path, self.text())
        self.reload()

    def text(self):
        return json.dumps({"identity": {"jwt": {"ci": self.said, **self.others}}})

    def reload(self, **entry):
        self.said |= entry
        self.house.config_path.write_text(self.text())
        self.snapshot = self.house.snapshot()
        self.clock = [float(NOW)]
        self.snapshot.tokens._clock = lambda: self.clock[0]
        return self

    @property
    def home(self):
        return self.house.stored.home

    def claims(self, **more):
        claims = {
            "iss": ISSUER,
            "aud": "lockgate",
            "exp": NOW + 600,
            "portkey_oid": self.home.organisation,
            "portkey_workspace": "default",
            "scope": "completions.write",
            "sub": "robot",
            **more,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, key=None, kid="1", **more):
        return sign(self.claims(**more), key, kid)

    def admit(self, token):
        return admit({b"authorization": b"Bearer " + token.encode()}, self.snapshot)[0]

    def refused(self, token):
        with pytest.raises(Refusal) as caught:
            self.admit(token)
        assert not any(len(each) > 16 and each in caught.value.message for each in token.split("."))
        return caught.value.status, caught.value.code, caught.value.message

    def change(self, *rows, tenant=None):
        with self.house.control() as store, store.change(tenant or Tenant(self.home.organisation), ME, NOW) as change:
            return [change.add(row) for row in rows]

    def person(self, email, **more):
        with self.house.control() as store:
            vault = self.house.vault(store)
            with store.change(Tenant(self.home.organisation), ME, NOW) as change:
                return users.add(change, vault, Tenant(self.home.organisation), email=email, **more)


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def test_a_token_stands_for_a_key(stage):
    who = stage.admit(stage.token())
    assert who.scopes == {"completions.write"}
    assert (who.organisation, who.workspace, who.view) == (stage.home.organisation, stage.home.workspace, "")
    assert (who.name, who.user, who.until_us) == ("robot", "jwt:ci:robot", (NOW + 600) * 1_000_000)
    assert who.metadata == {"_user": "robot"}
    assert who.id.startswith("jwt:ci:")
    assert stage.admit(stage.token(ec_key(), "2")).id == who.id


@pytest.mark.parametrize("header", [b"authorization", b"x-api-key", b"x-portkey-api-key", b"x-lockgate-api-key", b"api-key"])
def test_it_comes_as_a_key_would(stage, header):
    token = stage.token().encode()
    assert admit({header: token}, stage.snapshot)[0].name == "robot"
    if header.startswith(b"x-portkey"):
        assert admit({header: token, b"authorization": b"Bearer sk-theirs"}, stage.snapshot)[1] == "sk-theirs"


def test_both_spellings_and_lists_of_claims_are_read(stage):
    token = stage.token(
        portkey_oid=None,
        organisation_id="default",
        portkey_workspace=None,
        workspace_slug=stage.home.workspace,
        scope=None,
        scopes=["portkey.completions.write", "models.list", "openid"],
    )
    assert stage.admit(token).scopes == {"completions.write", "models.list"}


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ({"portkey_oid": None}, "names no organisation (portkey_oid or organisation_id)"),
        ({"portkey_oid": ""}, "names no organisation"),
        ({"portkey_oid": ["x"]}, "names no organisation"),
        ({"portkey_oid": "another"}, "an organisation that its issuer may not speak for"),
        ({"portkey_workspace": None}, "names no workspace"),
        ({"portkey_workspace": "another"}, "there is no workspace as it names it"),
        ({"portkey_workspace": {"a": 1}}, "names no workspace"),
        ({"scope": None}, "names no scopes"),
        ({"scope": ""}, "names no scopes"),
        ({"scope": []}, "names no scopes"),
        ({"scope": [5]}, "names no scopes"),
        ({"scope": {"a": "b"}}, "names no scopes"),
        ({"exp": None}, "does not say when it ends"),
        ({"exp": NOW - 61}, "has expired"),
        ({"exp": NOW + 25 * 3600}, "longer than the 24 hours"),
        ({"nbf": NOW + 100}, "does not hold yet"),
        ({"aud": None}, "is not for this gateway"),
        ({"aud": "another"}, "is not for this gateway"),
        ({"sub": ""}, "its user's name is none"),
        ({"sub": "x" * 256}, "its user's name is none"),
        ({"sub": "a\nb"}, "its user's name is none"),
        ({"sub": True}, "its user's name is none"),
        ({"sub": {"a": 1}}, "its user's name is none"),
        ({"usage_limits": {"credit_limit": "much"}}, "its usage_limits cannot be read"),
        ({"rate_limits": [{"type": "requests", "value": 0}]}, "its rate_limits cannot be read"),
        ({"defaults": "x"}, "its defaults cannot be read"),
    ],
)
def test_a_token_that_does_not_say_what_it_must_is_refused_and_nobody_instead(stage, claims, told):
    status, code, message = stage.refused(stage.token(**claims))
    assert (status, code) == (401, "invalid_token")
    assert told in message


@pytest.mark.parametrize(
    "make",
    [
        lambda stage: sign(stage.claims(), rsa_key("other")),
        lambda stage: sign(stage.claims(), rsa_key(), "2"),
        lambda stage: forged({"alg": "none", "kid": "1"}, stage.claims()),
        lambda stage: stage.token()[:-8] + "AAAAAAAA",
        lambda stage: ".".join((stage.token().split(".")[0], part(stage.claims(scope="admin")), stage.token().split(".")[2])),
        lambda stage: stage.token(iss="https://evil.example"),
        lambda stage: stage.token(iss=None),
        lambda stage: sign(stage.claims(), rsa_key("other"), "unknown"),
    ],
)
def test_a_token_that_its_issuer_has_not_signed_is_refused(stage, make):
    assert stage.refused(make(stage))[:2] == (401, "invalid_token")


@pytest.mark.parametrize("text", ["a.b.c", "eyJ.eyJ.eyJ", "lg_1.2.3", "..", "x" * 20_000 + ".a.b"])
def test_what_is_no_token_is_an_unknown_key(stage, text):
    assert stage.refused(text)[:2] == (401, "invalid_key")
    stage.snapshot.stale = True
    assert stage.refused(text)[:2] == (503, "keys_unavailable")
    assert stage.admit(stage.token()).name == "robot"  # for which nothing stored is needed


def test_without_issuers_a_token_is_an_unknown_key(tmp_path):
    snapshot = make_house(tmp_path).snapshot()
    assert snapshot.tokens is None
    with pytest.raises(Refusal, match="not known here"):
        admit({b"authorization": b"Bearer " + sign({}).encode()}, snapshot)


def test_a_known_key_with_two_dots_is_that_key(stage):
    stage.house.config_path.write_text(
        json.dumps({"keys": [{"name": "dotted", "key": "a-key.of-old.times-0123"}], "identity": {"jwt": {"ci": stage.said}}})
    )
    snapshot = stage.house.snapshot()
    assert admit({b"authorization": b"Bearer a-key.of-old.times-0123"}, snapshot)[0].name == "dotted"


# --- what it may do


def test_its_scopes_are_never_wider_than_its_issuer_s(stage):
    asked = ["completions.write", "models.list", "proxy.write", "configs.create", "admin", "portkey.admin", "nothing"]
    assert stage.admit(stage.token(scope=asked)).scopes == {"completions.write", "models.list"}
    assert stage.admit(stage.token(scope="admin")).scopes == frozenset()
    stage.reload(scopes=["models.list", "proxy.write"])
    assert stage.admit(stage.token(scope=asked)).scopes == {"models.list", "proxy.write"}


def test_an_issuer_that_may_give_everything_gives_it_by_name_alone(stage):
    stage.reload(scopes=["admin"])
    assert stage.admit(stage.token(scope="completions.write")).scopes == {"completions.write"}
    assert stage.admit(stage.token(scope="portkey.admin")).scopes == stage.house.scopes | {"admin"}


def test_models_are_its_issuer_s(stage):
    assert stage.reload(models=["@fast/*"]).admit(stage.token()).models == ("@fast/*",)


def test_what_a_token_does_not_say_may_be_assumed(stage):
    silent = {"portkey_oid": None, "portkey_workspace": None, "scope": None}
    stage.reload(assume={"organisation": "default", "workspace": "default", "scopes": ["portkey.models.list"]})
    assert stage.admit(stage.token(**silent)).scopes == {"models.list"}
    assert stage.refused(stage.token(**{**silent, "portkey_oid": "another"}))[0] == 401  # what it does say counts
    assert stage.admit(stage.token(**silent, scopes=["completions.write"])).scopes == {"completions.write"}


def test_claims_may_have_other_names_and_paths(stage):
    claims = {"organisation": ["org"], "workspace": ["https://x.example/ws", "w"], "scopes": ["perm.gw"], "user": ["act.sub"]}
    stage.reload(claims=claims, assume={"organisation": "default"})
    token = stage.token(**{"https://x.example/ws": "default", "perm": {"gw": ["models.list"]}, "act": {"sub": 7}})
    who = stage.admit(token)
    assert (who.scopes, who.name) == ({"models.list"}, "7")


def test_claims_that_are_required_must_be_there(stage):
    stage.reload(require={"repository_owner": "acme"})
    assert stage.refused(stage.token(repository_owner="evil"))[0] == 401
    assert stage.admit(stage.token(repository_owner="acme")).name == "robot"


def test_an_issuer_without_a_name_takes_tokens_of_any(stage):
    stage.reload(issuer="", audience=["*"])
    assert stage.admit(stage.token(iss=None, aud=None)).name == "robot"
    assert stage.admit(stage.token(iss="https://any.example", aud="any")).name == "robot"


def test_an_issuer_s_keys_sign_for_that_issuer_alone(stage):
    other = {"issuer": "https://other.example", "audience": ["lockgate"], "jwks": {"keys": [jwk(rsa_key("other"), "1")]}}
    stage.others = {"other": {**other, "scopes": ["models.list"]}}
    stage.reload()
    assert stage.refused(sign(stage.claims(), rsa_key("other"), "1"))[0] == 401
    mine = sign(stage.claims(iss="https://other.example", scope="models.list completions.write"), rsa_key("other"), "1")
    assert stage.admit(mine).scopes == {"models.list"}
    assert stage.refused(stage.token(iss="https://other.example"))[0] == 401


def test_of_several_issuers_without_a_name_the_one_that_signed_counts(stage):
    stage.others = {"other": {"audience": ["*"], "jwks": {"keys": [jwk(rsa_key("other"), "9")]}}}
    stage.reload(issuer="", audience=["*"])
    assert stage.admit(sign(stage.claims(), rsa_key("other"), "9")).id.startswith("jwt:other:")
    assert stage.refused(sign(stage.claims(), rsa_key("third"), "9"))[0] == 401


# --- whose it is, and where


def test_the_user_is_the_first_of_email_id_sub_and_uid(stage):
    assert stage.admit(stage.token(email_id="ann@example.com", uid="u")).name == "ann@example.com"
    assert stage.admit(stage.token(sub=None, uid=17)).user == "jwt:ci:17"
    who = stage.admit(stage.token(sub=None))
    assert (who.user, who.name, who.metadata) == ("", "ci", {})


def test_users_places_and_issuers_have_each_their_own_id(stage):
    stage.change(workspace(stage.home, "second"))
    stage.others = {"ci2": {**stage.said, "issuer": "https://two.example"}}
    stage.reload()
    made = [{}, {"sub": "other"}, {"portkey_workspace": "second"}, {"iss": "https://two.example"}, {"sub": None}]
    assert len({stage.admit(stage.token(**each)).id for each in made}) == len(made)
    assert stage.admit(stage.token(jti="1")).id == stage.admit(stage.token(jti="2", exp=NOW + 60)).id


def test_a_verified_address_is_the_person_s_who_has_it_here(stage):
    ann = stage.person("ann@example.com")
    stage.reload()
    assert stage.admit(stage.token(email_id="Ann@example.com", email_verified=True)).user == ann.id
    assert stage.admit(stage.token(email="ann@example.com", email_verified=True)).user == ann.id
    for doubtful in (False, "false", "true", 1, None):
        assert stage.admit(stage.token(email_id="ann@example.com", email_verified=doubtful)).user == "jwt:ci:ann@example.com"
    stage.reload(trusts_email=True)
    assert stage.admit(stage.token(email_id="ann@example.com")).user == ann.id


def test_a_subject_is_the_person_s_whom_that_issuer_calls_so(stage):
    ann = stage.person("ann@example.com", subject=f"{ISSUER}|robot")
    stage.reload()
    assert stage.admit(stage.token()).user == ann.id
    stage.reload(issuer="")  # then nobody says that the issuer's name is true
    assert stage.admit(stage.token()).user == "jwt:ci:robot"


def test_no_name_makes_someone_else_s_id(stage):
    ann = stage.person("ann@example.com")
    stage.reload()
    assert stage.admit(stage.token(sub=ann.id)).user == f"jwt:ci:{ann.id}"


def test_who_was_disabled_does_not_come_in_by_a_token(stage):
    ann = stage.person("ann@example.com", subject=f"{ISSUER}|ann")
    token, by_email = stage.token(sub="ann"), stage.token(email_id="ann@example.com")
    stage.reload()
    stage.admit(token)
    with stage.house.control() as store, store.change(Tenant(stage.home.organisation), ME, NOW) as change:
        users.disable(change, ann)
    stage.reload()
    for each in (token, by_email):
        assert "may not come in" in stage.refused(each)[2]


def test_another_workspace_and_its_view(stage):
    (second,) = stage.change(workspace(stage.home, "second"))
    stage.reload()
    who = stage.admit(stage.token(portkey_workspace="second"))
    assert (who.workspace, who.view) == (second.id, second.id)


def test_another_organisation_only_for_an_issuer_that_may_speak_for_it(stage):
    with stage.house.control() as store:
        other = found_another(store, ME, NOW, "other")
    stage.reload()
    for name in (other.organisation, "other"):
        assert "may not speak for" in stage.refused(stage.token(portkey_oid=name, portkey_workspace=other.workspace))[2]
    stage.reload(organisations=["other"])
    for name in (other.organisation, "other"):
        who = stage.admit(stage.token(portkey_oid=name, portkey_workspace="work"))
        assert (who.organisation, who.workspace, who.view) == (other.organisation, other.workspace, other.workspace)
    assert "may not speak for" in stage.refused(stage.token())[2]
    assert "no workspace" in stage.refused(stage.token(portkey_oid="other"))[2]  # "default" is another organisation's


def test_a_slug_that_looks_like_an_id_is_not_the_workspace_of_that_id(stage):
    (second,) = stage.change(workspace(stage.home, "second"))
    stage.change(workspace(stage.home, second.id))
    stage.reload()
    assert stage.admit(stage.token(portkey_workspace=second.id)).workspace == second.id


def test_defaults_come_after_those_of_workspace_and_organisation(stage):
    with stage.house.control() as store, store.change(stage.home, ME, NOW) as change:
        work = change.get(Workspace, stage.home.workspace)
        change.put(msgspec.structs.replace(work, defaults=Defaults({"team": "work"}, "pc-work")))
    with stage.house.control() as store, store.change(Tenant(stage.home.organisation), ME, NOW) as change:
        whole = change.get(Organisation, stage.home.organisation)
        change.put(msgspec.structs.replace(whole, defaults=Defaults({"org": "whole"})))
    stage.reload()
    assert stage.admit(stage.token()).config == "pc-work"
    defaults = {
        "config_id": "pc-mine",
        "metadata": {"team": "mine", "n": 5, "ok": True, "none": None},
        "allow_config_override": False,
    }
    who = stage.admit(stage.token(defaults=defaults))
    assert (who.config, who.config_fixed) == ("pc-mine", True)
    assert who.metadata == {"team": "work", "org": "whole", "n": "5", "ok": "true", "_user": "robot"}


def test_limits_are_kept_in_the_shape_that_keys_have(stage):
    who = stage.admit(
        stage.token(
            usage_limits={"credit_limit": 12.345678901, "alert_threshold": 10, "periodic_reset": "monthly", "status": "x"},
            rate_limits=[{"type": "requests", "unit": "rpm", "value": 10}, {"type": "tokens", "unit": "rpd", "value": 9}],
        )
    )
    assert who.usage_limits == (UsageLimit("cost", 12_345_678_901, 10_000_000_000, "monthly"),)
    assert who.rate_limits == (RateLimit("requests", 10, "rpm"), RateLimit("tokens", 9, "rpd"))
    many = stage.admit(
        stage.token(usage_limits=[{"type": "tokens", "credit_limit": 5.9}, {"credit_limit": 1, "periodic_reset_days": 3}])
    )
    assert many.usage_limits == (UsageLimit("tokens", 5), UsageLimit("cost", 10**9, periodic_reset_days=3))


@pytest.mark.parametrize(
    "limits",
    [
        {"usage_limits": {}},
        {"usage_limits": "none"},
        {"usage_limits": {"credit_limit": 0}},
        {"usage_limits": {"credit_limit": -5}},
        {"usage_limits": {"credit_limit": 1e30}},
        {"usage_limits": {"credit_limit": 1_000_000_001}},
        {"usage_limits": {"credit_limit": 1e-12}},
        {"usage_limits": {"credit_limit": 0.5, "type": "tokens"}},
        {"usage_limits": {"credit_limit": 5, "type": "wishes"}},
        {"usage_limits": {"credit_limit": 5, "alert_threshold": -1}},
        {"usage_limits": {"credit_limit": 5, "periodic_reset": "hourly"}},
        {"usage_limits": {"credit_limit": 5, "periodic_reset": "weekly", "periodic_reset_days": 3}},
        {"usage_limits": {"credit_limit": 5, "periodic_reset_days": 366}},
        {"usage_limits": [{"credit_limit": 5}] * 17},
        {"rate_limits": {"type": "requests"}},
        {"rate_limits": [{"type": "requests", "value": 5, "unit": "rpy"}]},
        {"rate_limits": [{"type": "requests", "value": 1.5}]},
        {"rate_limits": 5},
        {"defaults": {"metadata": {"a": "x" * 129}}},
        {"defaults": {"metadata": {str(n): "" for n in range(65)}}},
        {"defaults": {"metadata": {"a": {"b": "c"}}}},
        {"defaults": {"config_id": 5}},
    ],
)
def test_a_limit_that_cannot_be_read_is_not_passed_over(stage, limits):
    assert stage.refused(stage.token(**limits))[:2] == (401, "invalid_token")


# --- known again


def test_a_token_is_verified_once(stage, monkeypatch):
    calls = []
    real = tokens.jose.verified
    monkeypatch.setattr(tokens.jose, "verified", lambda *said: (calls.append(1), real(*said))[1])
    token = stage.token()
    first = stage.admit(token)
    assert all(stage.admit(token) is first for _ in range(5))
    assert admit({b"x-api-key": token.encode()}, stage.snapshot)[0] is first
    assert len(calls) == 1
    assert not stage.snapshot.seen  # where nothing ends
    assert [len(each) for each in stage.snapshot.tokens._known] == [32]


def test_a_token_that_differs_in_a_letter_is_another(stage):
    token = stage.token()
    stage.admit(token)
    others = {token[:-1] + letter for letter in "ABCDEFGHQgwxyz019-_"} - {token}
    for other in (token + "A", token + "=", token[:-1], token.replace("_", "/").replace("-", "+") + "AAAA", *others):
        with pytest.raises(Refusal):
            stage.admit(other)


def test_a_token_ends_while_it_is_known(stage):
    token = stage.token(exp=NOW + 10)
    stage.admit(token)
    stage.clock[0] = NOW + 69
    stage.admit(token)
    stage.clock[0] = NOW + 70
    assert "has expired" in stage.refused(token)[2]
    stage.clock[0] = NOW + 10**6
    assert "has expired" in stage.refused(token)[2]


def test_how_many_are_known_is_bounded(stage, monkeypatch):
    monkeypatch.setattr(tokens, "MOST", 3)
    for n in range(10):
        stage.admit(stage.token(jti=str(n)))
        assert len(stage.snapshot.tokens._known) <= 3
    assert repr(stage.snapshot.tokens) == "Tokens(1 issuers, 1 known)"


def test_nothing_shows_more_than_it_must(stage):
    stage.admit(stage.token())
    told = repr(stage.snapshot.tokens._issuers) + repr(stage.snapshot.tokens._realm)
    assert told == "(Issuer('ci'),)Realm(2 names, 0 people)"


def test_an_address_that_is_nobody_s_here_is_a_name(stage):
    stage.person("bob@example.com")
    stage.reload()
    who = stage.admit(stage.token(email_id="ann@example.com", email_verified=True, sub=None))
    assert who.user == "jwt:ci:ann@example.com"


def test_who_is_refused_is_not_kept(stage):
    for n in range(10):
        stage.refused(stage.token(aud=str(n)))
    assert len(stage.snapshot.tokens._known) == 0


# --- keys that are fetched


@pytest.fixture
def remote(tmp_path):
    stage = Stage(tmp_path, jwks=None, jwks_url=URL)
    stage.now = [1000.0]
    (found,) = stage.house.key_sets._sets.values()
    found._clock = lambda: stage.now[0]
    stage.keys = found
    stage.client = Answers({URL: JWKS})
    stage.fetch = lambda: asyncio.run(found.fetch(stage.client))
    return stage


def test_until_the_keys_are_there_nobody_is_told_to_be_wrong(remote):
    assert remote.refused(remote.token())[:2] == (503, "issuer_keys_unknown")
    remote.fetch()
    assert remote.admit(remote.token()).name == "robot"


def test_a_new_key_of_the_issuer_s_is_fetched_and_garbage_does_not_make_us_ask_for_ever(remote):
    remote.fetch()
    new = sign(remote.claims(), rsa_key("new"), "3")
    assert remote.refused(new)[0] == 401  # it was asked a moment ago
    remote.now[0] += UNKNOWN_S
    assert remote.refused(new)[:2] == (503, "issuer_keys_unknown")
    assert remote.keys.due
    remote.client.said[URL] = {"keys": [*JWKS["keys"], jwk(rsa_key("new"), "3")]}
    remote.fetch()
    assert remote.admit(new).name == "robot"
    for n in range(100):
        assert remote.refused(sign(remote.claims(), rsa_key("new"), f"garbage{n}"))[0] == 401
    assert len(remote.client.asked) == 2


def test_old_keys_outlive_an_outage_of_their_issuer(remote):
    remote.fetch()
    remote.client.said[URL] = (500, b"")
    for _ in range(100):
        remote.now[0] += FRESH_S
        remote.fetch()
    assert remote.admit(remote.token()).name == "robot"
    remote.reload()  # a reload keeps them too
    assert remote.admit(remote.token()).name == "robot"


def test_a_token_is_not_known_any_more_when_its_key_is_taken_back(remote):
    remote.fetch()
    token = remote.token()
    remote.admit(token)
    remote.client.said[URL] = {"keys": [jwk(rsa_key("new"), "3")]}
    remote.fetch()
    assert remote.refused(token)[0] == 401
    remote.client.said[URL] = JWKS
    remote.fetch()
    remote.admit(token)
    remote.client.said[URL] = {"keys": [jwk(rsa_key("new"), "1")]}  # another one, under the same name
    remote.fetch()
    assert remote.refused(token)[0] == 401


# --- the configuration


def told(text, tmp_path=None):
    from lockgate.control.compile import compile_snapshot
    from lockgate.http.routes import SCOPES

    with pytest.raises(BadConfig) as caught:
        compile_snapshot(read_text(json.dumps({"identity": text}), {}), environment={}, pepper=b"p", scopes=SCOPES)
    return [str(mistake) for mistake in caught.value.mistakes]


GOOD_JWT = {"audience": ["a"], "jwks_url": URL}
GOOD_OIDC = {"issuer": "https://id.example", "client_id": "c"}


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ({"audience": []}, "identity.jwt.x.audience"),
        ({"audience": [""]}, "identity.jwt.x.audience"),
        ({"jwks": JWKS}, "identity.jwt.x: give either"),
        ({"jwks_url": ""}, "identity.jwt.x: give either"),
        ({"jwks_url": "http://issuer.example/jwks"}, "identity.jwt.x.jwks_url: An identity provider is asked with https"),
        ({"jwks_url": "", "jwks": {"keys": []}}, "identity.jwt.x.jwks: holds no public key"),
        ({"jwks_url": "", "jwks": {"keys": 5}}, "identity.jwt.x.jwks: is no key set"),
        ({"jwks_url": "", "jwks": {"keys": [{}] * 101}}, "identity.jwt.x.jwks: is no key set"),
        ({"proxy": "socks://x"}, "identity.jwt.x.proxy"),
        ({"scopes": ["nothing.read"]}, "identity.jwt.x.scopes: unknown: nothing.read"),
        ({"assume": {"scopes": ["proxy.write"]}}, "identity.jwt.x.assume.scopes: not among the issuer's scopes: proxy.write"),
        ({"max_hours": 0}, "identity.jwt.x.max_hours"),
        ({"claims": {"user": [""]}}, "identity.jwt.x.claims.user"),
        ({"surprise": 1}, "identity.jwt.x: "),
    ],
)
def test_what_is_wrong_with_an_issuer_is_told_with_its_path(entry, where):
    (mistake,) = told({"jwt": {"x": {**GOOD_JWT, **entry}}})
    assert mistake.startswith(where)


@pytest.mark.parametrize(
    ("entry", "where"),
    [
        ({"issuer": "http://id.example"}, "identity.oidc.x.issuer"),
        ({"issuer": ""}, "identity.oidc.x.issuer"),
        ({"proxy": "socks://x"}, "identity.oidc.x.proxy"),
        ({"client_id": ""}, "identity.oidc.x.client_id"),
        ({"scopes": ["email"]}, "identity.oidc.x.scopes"),
        ({"allowed_domains": ["@example.com"]}, "identity.oidc.x.allowed_domains[0]"),
        ({"allowed_domains": ["a.com", "*.example.com"]}, "identity.oidc.x.allowed_domains[1]"),
        ({"allowed_domains": [""]}, "identity.oidc.x.allowed_domains[0]"),
        ({"groups": [{"group": "", "role": "admin"}]}, "identity.oidc.x.groups[0]: must name a group"),
        ({"groups": [{"group": "g", "role": "manager"}]}, "identity.oidc.x.groups[0]: there are managers of workspaces only"),
        ({"groups": [{"group": "g", "role": "owner"}]}, "identity.oidc.x.groups[0].role"),
        ({"surprise": 1}, "identity.oidc.x: "),
    ],
)
def test_what_is_wrong_with_a_provider_is_told_with_its_path(entry, where):
    (mistake,) = told({"oidc": {"x": {**GOOD_OIDC, **entry}}})
    assert mistake.startswith(where)


@pytest.mark.parametrize(
    "url", ["http://gateway.example.com", "https://gateway.example.com/path", "gateway", "https://a@b", "https://x?y"]
)
def test_a_public_url_that_is_none_is_told(url):
    (mistake,) = told({"public_url": url})
    assert mistake.startswith("identity.public_url: ")


def test_names_are_told_and_all_at_once():
    for good in (
        {"public_url": "http://localhost:8787"},
        {"oidc": {"x": {**GOOD_OIDC, "groups": [{"group": "g", "role": "admin"}]}}},
    ):
        assert [each.partition(":")[0] for each in told({**good, "jwt": {"-": GOOD_JWT}})] == ["identity.jwt.-"]
    mistakes = told({"jwt": {"Not A Name": GOOD_JWT, "-": {**GOOD_JWT, "audience": []}}, "oidc": {"a/b": GOOD_OIDC}})
    assert len(mistakes) == 4


def test_secrets_do_not_enter_what_tells_one_configuration_from_another(tmp_path):
    def revision(secret, path):
        path.mkdir()
        entry = {"oidc": {"x": {**GOOD_OIDC, "client_secret": secret}}}
        config = read_text(json.dumps({"identity": entry}), {})
        assert secret not in repr(config) + repr(config.identity)
        return config.identity.without_secrets()

    assert revision("secret-one", tmp_path / "a") == revision("secret-two", tmp_path / "b")


def test_a_spoilt_configuration_leaves_the_keys_of_the_one_in_force(remote):
    remote.fetch()
    remote.house.config_path.write_text(json.dumps({"identity": {}, "aliases": {"x": "@nowhere/x"}}))
    with pytest.raises(BadConfig):
        remote.house.snapshot()
    assert remote.house.key_sets._sets
    remote.house.config_path.write_text("{}")
    assert remote.house.snapshot().tokens is None
    assert not remote.house.key_sets._sets


def test_a_key_costs_nothing_more_for_it(stage):
    snapshot = stage.snapshot

    class Never:
        def principal(self, text):
            raise AssertionError

    snapshot.tokens = Never()
    from support.house import KEY

    header = {b"authorization": b"Bearer " + KEY.encode()}
    assert admit(header, snapshot)[0] is admit(header, snapshot)[0]
    with pytest.raises(Refusal):
        admit({b"authorization": b"Bearer lg_unknown"}, snapshot)


def test_an_anonymous_caller_has_no_shape(stage):
    """Whatever claims are missing: there is a caller with a name, a place and an id, or none."""
    names = ("iss", "aud", "exp", "portkey_oid", "portkey_workspace", "scope", "sub")
    for bits in range(1 << len(names)):
        missing = {name: None for n, name in enumerate(names) if bits >> n & 1}
        try:
            who = stage.admit(stage.token(**missing))
        except Refusal as refusal:
            assert refusal.status == 401
        else:
            assert not set(missing) - {"sub"}
            assert isinstance(who, Principal)
            assert all((who.id, who.name, who.organisation, who.workspace, who.until_us))
