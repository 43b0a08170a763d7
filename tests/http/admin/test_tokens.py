"""A signed token at the admin API: what it may do there, and what it can give away."""

import json
import time

import pytest

from lockgate.core.limits import RateLimit, UsageLimit
from support.admin import Admin
from support.tokens import jwk, rsa_key, sign

ENTRY = {
    "issuer": "https://issuer.example",
    "audience": ["lockgate"],
    "jwks": {"keys": [jwk(rsa_key(), "1")]},
    "scopes": ["configs.list", "workspace_service_api_keys.create", "completions.write"],
    "models": ["@sim/*"],
    "trusts_email": True,
}
KEY = {"name": "made", "scopes": ["completions.write"]}
ENDS = int(time.time()) + 86_400  # long after the last test of a slow machine


@pytest.fixture
def admin(tmp_path):
    admin = Admin(tmp_path, json.dumps({"identity": {"jwt": {"ci": ENTRY}}}))
    admin.reload()
    yield admin
    admin.close()


def token(admin, **more):
    claims = {"iss": "https://issuer.example", "aud": "lockgate", "exp": ENDS, "portkey_workspace": "default"}
    claims |= {"portkey_oid": admin.home.organisation, "scope": " ".join(ENTRY["scopes"]), **more}
    return sign(claims)


def test_a_service_s_token_administers_what_its_issuer_may(admin):
    assert admin.get("/v1/configs", key=token(admin)).status == 200
    assert admin.post("/v1/configs", {"name": "A", "config": {}}, key=token(admin)).code == "scope_missing"
    assert admin.get("/v1/configs", key=token(admin, scope="completions.write")).code == "scope_missing"


def test_a_token_of_somebody_unknown_administers_nothing(admin):
    answer = admin.get("/v1/configs", key=token(admin, sub="someone"))
    assert (answer.status, answer.code) == (401, "unknown_person")


def test_a_person_s_token_can_do_no_more_than_the_person(admin):
    ann = admin.person()
    admin.reload()
    mine = token(admin, email_id=ann.email)
    assert admin.get("/v1/configs", key=mine).status == 403
    bob = admin.person("admin")
    admin.reload()
    assert admin.get("/v1/configs", key=token(admin, email_id=bob.email)).status == 200


def test_a_key_that_a_token_makes_has_its_limits_and_its_end(admin):
    said = {"usage_limits": {"credit_limit": 5}, "rate_limits": [{"type": "requests", "unit": "rpm", "value": 3}]}
    assert admin.post("/v1/api-keys/workspace/service", KEY, key=token(admin, **said)).status == 200
    (row,) = [each for each in admin.rows() if each.name == "made"]
    assert (row.usage_limits, row.rate_limits) == (UsageLimit("cost", 5 * 10**9), [RateLimit("requests", 3, "rpm")])
    assert (row.expires_us, row.models) == (ENDS * 1_000_000, ["@sim/*"])
    wider = {**KEY, "models": ["@openai/*"]}
    assert admin.post("/v1/api-keys/workspace/service", wider, key=token(admin)).code == "beyond_your_rights"
    many = token(admin, usage_limits=[{"credit_limit": 5}, {"credit_limit": 1, "periodic_reset": "daily"}])
    assert admin.post("/v1/api-keys/workspace/service", KEY, key=many).code == "beyond_your_rights"
