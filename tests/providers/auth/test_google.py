"""Accounts at Google Cloud: what was said decides which token is sent, and callers cannot lend the gateway's identity."""

import json

import pytest

from lockgate.core.failure import Refusal
from lockgate.providers.auth import make_signer
from lockgate.providers.auth.google_sources import AuthorizedUser, Federated, Impersonated, Metadata, ServiceAccount
from lockgate.providers.auth.port import Given
from lockgate.providers.auth.settings import Settings
from lockgate.transport.exchange import Outgoing

ACCOUNT = {
    "type": "service_account",
    "client_email": "llm@p.iam",
    "private_key": "pem",
    "private_key_id": "k",
    "project_id": "p",
}
FILE = "GOOGLE_APPLICATION_CREDENTIALS"


def signer(key="", environment=None, **said):
    return make_signer("google", Settings(**said), key, environment)


def headers(made, credential="c"):
    return dict(made.sign(Outgoing("POST", b"/", [], b""), "host", 0.0, credential))


def refused(key="", environment=None, **said):
    with pytest.raises(Refusal) as told:
        signer(key, environment, **said)
    return told.value


@pytest.mark.parametrize("said", [ACCOUNT, json.dumps(ACCOUNT)])
def test_a_service_account_is_an_object_or_its_text(said):
    made = signer(vertex_service_account_json=said)
    assert made.source == ServiceAccount("llm@p.iam", "pem", "k")
    assert headers(made, "ya29.x") == {b"authorization": b"Bearer ya29.x"}


def test_a_key_is_an_access_token_unless_it_looks_like_an_api_key():
    assert signer("ya29.token").source == Given("ya29.token")
    assert headers(signer("Bearer ya29.token"), "ya29.token") == {b"authorization": b"Bearer ya29.token"}
    assert headers(signer("AIzaSy"), "AIzaSy") == {b"x-goog-api-key": b"AIzaSy"}
    assert b"x-goog-api-key" in headers(signer("other", vertex_auth_type="apiKey"))
    assert b"authorization" in headers(signer("AIzaSy", vertex_auth_type="accessToken"))


@pytest.mark.parametrize(
    ("about", "source"),
    [
        (ACCOUNT, ServiceAccount("llm@p.iam", "pem", "k")),
        (
            {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"},
            AuthorizedUser("i", "s", "r"),
        ),
        (
            {
                "type": "impersonated_service_account",
                "service_account_impersonation_url": "https://iamcredentials.googleapis.com/x",
                "source_credentials": {"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "r"},
            },
            Impersonated(AuthorizedUser("i", "s", "r"), "https://iamcredentials.googleapis.com/x"),
        ),
        (
            {"type": "external_account", "audience": "a", "subject_token_type": "t", "credential_source": {"file": "/f"}},
            Federated("a", "t", "https://sts.googleapis.com/v1/token", "/f"),
        ),
    ],
    ids=lambda value: value.get("type") if isinstance(value, dict) else "",
)
def test_a_file_of_default_credentials_says_which_kind_it_is(about, source, tmp_path):
    (tmp_path / "adc.json").write_text(json.dumps({**about, "quota_project_id": "q"}))
    made = signer(environment={FILE: str(tmp_path / "adc.json")})
    assert made.source == source
    assert headers(made)[b"x-goog-user-project"] == b"q"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"type":"new_kind"}',
        '{"type":"authorized_user"}',
        '{"type":"service_account"}',
        '{"type":"external_account","audience":"a","subject_token_type":"t","credential_source":{}}',
    ],
)
def test_a_file_that_is_none_is_refused(text, tmp_path):
    (tmp_path / "adc.json").write_text(text)
    assert refused(environment={FILE: str(tmp_path / "adc.json")}).status == 400


def test_a_file_that_is_not_there_is_named():
    assert "/nowhere" in refused(environment={FILE: "/nowhere"}).message


def test_the_metadata_server_is_asked_only_when_the_operator_says_so():
    assert signer(environment={}, vertex_auth_type="metadata").source == Metadata()
    assert refused(environment={}).param == "vertex_service_account_json"


@pytest.mark.parametrize("kind", ["metadata", "applicationDefault"])
def test_a_caller_cannot_have_the_gateways_identity(kind):
    refusal = refused(vertex_auth_type=kind)
    assert (refusal.status, refusal.param) == (403, "vertex_auth_type")


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({}, "vertex_service_account_json"),
        ({"vertex_service_account_json": "{"}, "vertex_service_account_json"),
        ({"vertex_service_account_json": {"client_email": "x"}}, "vertex_service_account_json"),
        ({"vertex_auth_type": "password"}, "vertex_auth_type"),
        ({"vertex_auth_type": "apiKey"}, "api_key"),
        ({"vertex_auth_type": "accessToken"}, "api_key"),
    ],
)
def test_what_is_missing_is_named(said, param):
    assert refused(**said).param == param
