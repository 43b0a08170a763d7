"""Which credentials are used, by what was said and by whom."""

import pytest

from lockgate.core.failure import Refusal
from lockgate.providers.auth import make_signer
from lockgate.providers.auth.aws import SigV4
from lockgate.providers.auth.aws_sources import AssumedRole, Container, Instance, WebIdentity
from lockgate.providers.auth.port import Bearer, Given
from lockgate.providers.auth.settings import Settings
from lockgate.providers.auth.sigv4 import Keys
from lockgate.transport.exchange import Outgoing

SCHEME = "sigv4-bedrock"
KEYS = {"aws_access_key_id": "AKID", "aws_secret_access_key": "shh"}
ENV_KEYS = {"AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "env-secret", "AWS_SESSION_TOKEN": "env-token"}
IRSA = {"AWS_ROLE_ARN": "arn:role", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}
ECS = {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x"}
OWN = Given(Keys("AKID", "shh"))
FROM_ENV = Given(Keys("AKENV", "env-secret", "env-token"))
R = "us-west-2"


def source(said=None, key="", environment=None, **more):
    settings = Settings(**{"aws_region": R, **(said or {}), **more})
    return make_signer(SCHEME, settings, key, environment).source


def refusal(said=None, key="", environment=None, **more):
    with pytest.raises(Refusal) as caught:
        source(said, key, environment, **more)
    return caught.value


@pytest.mark.parametrize(
    ("said", "key", "environment", "found"),
    [
        (KEYS, "", None, OWN),
        (KEYS | {"aws_session_token": "t"}, "", None, Given(Keys("AKID", "shh", "t"))),
        (KEYS, "ignored", ENV_KEYS, OWN),
        ({}, "bedrock-key", None, Given("bedrock-key")),
        ({}, "bedrock-key", ENV_KEYS, Given("bedrock-key")),
        (KEYS | {"aws_auth_type": "apiKey"}, "k", None, Given("k")),
        ({}, "", {"AWS_BEARER_TOKEN_BEDROCK": "tok", **ENV_KEYS}, Given("tok")),
        ({"aws_auth_type": "accessKey"}, "", {"AWS_BEARER_TOKEN_BEDROCK": "tok", **ENV_KEYS}, FROM_ENV),
        ({}, "", ENV_KEYS, FROM_ENV),
        ({}, "", IRSA, WebIdentity("arn:role", "/token", R)),
        ({}, "", ECS, Container("http://169.254.170.2/v2/credentials/x")),
        ({"aws_auth_type": "instance"}, "", {"HOME": "/"}, Instance()),
        ({"aws_auth_type": "serviceRole"}, "", {"HOME": "/"}, Instance()),
        ({"aws_auth_type": "serviceRole"}, "", IRSA, WebIdentity("arn:role", "/token", R)),
        ({"aws_auth_type": "serviceRole"}, "", ECS, Container("http://169.254.170.2/v2/credentials/x")),
        (KEYS | {"aws_role_arn": "arn:r", "aws_external_id": "x"}, "", None, AssumedRole(OWN, "arn:r", "x", R)),
        ({"aws_role_arn": "arn:r"}, "", ENV_KEYS, AssumedRole(FROM_ENV, "arn:r", "", R)),
        ({"aws_role_arn": "arn:r"}, "", IRSA, AssumedRole(WebIdentity("arn:role", "/token", R), "arn:r", "", R)),
    ],
)
def test_what_was_said_decides_the_credentials(said, key, environment, found):
    assert source(said, key, environment) == found


@pytest.mark.parametrize("kind", ["serviceRole", "webIdentity", "container", "instance"])
def test_a_caller_cannot_use_the_gateway_s_own_identity(kind):
    assert refusal(aws_auth_type=kind).status == 403


def test_a_caller_s_role_is_assumed_with_the_caller_s_keys_alone():
    assert refusal(aws_role_arn="arn:r").param == "aws_access_key_id"


@pytest.mark.parametrize(
    ("said", "environment", "param"),
    [
        ({}, None, "aws_access_key_id"),
        ({}, {"HOME": "/"}, "aws_access_key_id"),
        ({"aws_access_key_id": "A"}, None, "aws_secret_access_key"),
        ({"aws_secret_access_key": "s"}, None, "aws_access_key_id"),
        (KEYS | {"aws_session_token": "a\r\nb"}, None, "aws_session_token"),
        ({"aws_auth_type": "apiKey"}, ENV_KEYS, "api_key"),
        ({"aws_auth_type": "magic"}, None, "aws_auth_type"),
        ({"aws_auth_type": "webIdentity"}, ENV_KEYS, "aws_auth_type"),
        ({"aws_auth_type": "container"}, ENV_KEYS, "aws_auth_type"),
        ({"aws_auth_type": "assumedRole"} | KEYS, None, "aws_role_arn"),
        (KEYS | {"aws_region": ""}, None, "aws_region"),
        (KEYS | {"aws_region": "evil.example/"}, None, "aws_region"),
        (KEYS | {"aws_region": "us-east-1\n"}, None, "aws_region"),
        ({}, {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil.example/"}, "aws_auth_type"),
    ],
)
def test_what_is_missing_or_wrong_is_named(said, environment, param):
    found = refusal(said, environment=environment)
    assert found.param == param
    assert "shh" not in found.message


def test_the_region_may_come_from_the_operator_s_environment():
    signer = make_signer(SCHEME, Settings(**KEYS), "", {"AWS_REGION": "eu-north-1"})
    assert isinstance(signer, SigV4)
    assert signer.region == "eu-north-1"


def test_the_region_that_fills_the_address_is_signed_for():
    assert (
        make_signer(SCHEME, Settings(**KEYS, aws_region="a", params={"region": "eu-north-1"}), "", None).region == "eu-north-1"
    )


def test_an_api_key_goes_in_the_header_that_the_service_wants():
    signer = make_signer("sigv4-claude-platform", Settings(aws_region=R), "", {"ANTHROPIC_AWS_API_KEY": "k"})
    assert signer.sign(Outgoing("POST", b"/"), "h", 0.0, "k") == [(b"x-api-key", b"k")]
    with pytest.raises(Refusal) as caught:
        make_signer("sigv4-sagemaker", Settings(aws_region=R, aws_auth_type="apiKey"), "", ENV_KEYS)
    assert caught.value.param == "api_key"


def test_an_api_key_goes_as_a_bearer_token():
    signer = make_signer(SCHEME, Settings(aws_region=R), "bedrock-key", None)
    assert isinstance(signer, Bearer)
    assert signer.sign(Outgoing("POST", b"/"), "h", 0.0, "bedrock-key") == [(b"authorization", b"Bearer bedrock-key")]


def test_a_signer_shows_no_secret():
    assert "shh" not in repr(make_signer(SCHEME, Settings(aws_region=R, **KEYS), "", None))
    assert "bedrock-key" not in repr(make_signer(SCHEME, Settings(aws_region=R), "bedrock-key", None))
    assert "shh" not in repr(Settings(**KEYS))
