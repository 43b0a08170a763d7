"""What shows of accounts, keys and answers is never a secret; and places that give no answer."""

import pytest

from lockgate.core.failure import Failure, Refusal
from lockgate.providers.auth import make_signer
from lockgate.providers.auth.aws_sources import Instance, WebIdentity
from lockgate.providers.auth.azure import Key
from lockgate.providers.auth.azure_sources import AUTHORITY, WorkloadIdentity
from lockgate.providers.auth.google_sources import AuthorizedUser, Federated, Impersonated, Metadata
from lockgate.providers.auth.port import Asked, Given, Told
from lockgate.providers.auth.settings import Settings
from support.fetching import issue

DOWN = Failure("connect", 502, "Nobody is there.")
BASE = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (WebIdentity("arn:aws:iam::1:role/r", "/secret/file", "us-east-1"), "WebIdentity(arn:aws:iam::1:role/r)"),
        (Instance(), "Instance()"),
        (Key(Given("secret")), "Key()"),
        (WorkloadIdentity(AUTHORITY, "t", "app-1", "/secret/file", "scope"), "WorkloadIdentity(app-1)"),
        (AuthorizedUser("client-1", "secret", "secret"), "AuthorizedUser(client-1)"),
        (Impersonated(Metadata(), f"{BASE}/a@b:generateAccessToken"), "Impersonated(Metadata(), a@b:generateAccessToken)"),
        (
            Asked("GET", "https://x.example/token?key=secret", (("a", "secret"),), b"secret"),
            "Asked(GET https://x.example/token)",
        ),
        (Told(200, b"secret"), "Told(200, 6 bytes)"),
    ],
)
def test_no_secret_shows(value, shown):
    assert repr(value) == shown


def test_a_federated_identity_shows_its_audience():
    about = {
        "audience": "//iam.googleapis.com/pools/p",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {"file": "/secret/file"},
    }
    assert repr(Federated.of(about)) == "Federated(//iam.googleapis.com/pools/p)"


@pytest.mark.parametrize("source", [Instance(), Metadata()], ids=repr)
def test_a_machine_that_does_not_answer_is_a_failure(source):
    failure, _ = issue(source, DOWN)
    assert (failure.kind, failure.status, failure.code) == ("auth", 502, "credential_unavailable")
    assert "Nobody is there." in failure.message


def test_a_token_service_that_does_not_answer_is_a_failure(tmp_path):
    (tmp_path / "token").write_text("t")
    failure, _ = issue(WebIdentity("arn:aws:iam::1:role/r", str(tmp_path / "token"), "us-east-1"), DOWN)
    assert "Nobody is there." in failure.message and "AWS_ROLE_ARN" in failure.message


def test_keys_that_do_not_come_are_a_failure():
    failure, _ = issue(Instance(), b"session", b"role", DOWN)
    assert "Nobody is there." in failure.message


def test_an_impersonation_fails_as_its_base_or_by_itself():
    source = Impersonated.at(f"{BASE}/a@b:generateAccessToken", Metadata())
    failure, place = issue(source, DOWN)
    assert "The machine's token" in failure.message and len(place.asked) == 1
    failure, place = issue(source, b'{"access_token":"ya29.base","expires_in":3599}', DOWN)
    assert "impersonated" in failure.message and len(place.asked) == 2


def test_application_default_without_a_file_names_the_setting():
    with pytest.raises(Refusal) as caught:
        make_signer("google", Settings(vertex_auth_type="applicationDefault"), "", {})
    assert (caught.value.code, caught.value.param) == ("missing_setting", "vertex_auth_type")
