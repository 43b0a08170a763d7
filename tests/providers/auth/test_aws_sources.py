"""Keys from the token service and from metadata services."""

import datetime
import json
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lockgate.core.failure import Failure
from lockgate.providers.auth.aws_sources import AssumedRole, Container, Instance, WebIdentity
from lockgate.providers.auth.port import Given, Told
from lockgate.providers.auth.sigv4 import Keys
from support.fetching import issue

BASE = Keys("AKIDBASE", "base-secret-0123456789", "base-token")
ROLE = "arn:aws:iam::123456789012:role/llm"
XML = b"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><AssumedRoleId>AROA:lockgate</AssumedRoleId><Arn>arn:aws:sts::1:assumed-role/llm/lockgate</Arn></AssumedRoleUser>
<Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s/e+c&amp;ret</SecretAccessKey>
<SessionToken>tok/en==</SessionToken><Expiration>2026-10-06T12:00:00Z</Expiration></Credentials></AssumeRoleResult>
<ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></AssumeRoleResponse>"""
DENIED = Told(
    403,
    b"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code>"
    b"<Message>User: arn is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>",
)
METADATA = {
    "Code": "Success",
    "AccessKeyId": "ASIA2",
    "SecretAccessKey": "secret",
    "Token": "token",
    "Expiration": "2026-10-06T12:00:00Z",
}
EXPIRES = datetime.datetime(2026, 10, 6, 12, tzinfo=datetime.UTC).timestamp()


def form_of(asked):
    return {name: value for name, (value,) in parse_qs(asked.body.decode()).items()}


def test_a_role_is_assumed_with_the_base_keys_and_the_external_id():
    issued, place = issue(AssumedRole(Given(BASE), ROLE, "ext-1", "eu-west-1"), XML, now_s=1_791_000_000.0)
    assert issued.credential == Keys("ASIA1", "s/e+c&ret", "tok/en==")
    assert issued.expires_s == EXPIRES
    (asked,) = place.asked
    assert (asked.method, asked.url) == ("POST", "https://sts.eu-west-1.amazonaws.com/")
    assert form_of(asked) == {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "RoleArn": ROLE,
        "RoleSessionName": "lockgate",
        "DurationSeconds": "3600",
        "ExternalId": "ext-1",
    }
    request = AWSRequest(
        method="POST", url=asked.url, data=asked.body, headers={"content-type": dict(asked.headers)["content-type"]}
    )
    now = datetime.datetime.fromtimestamp(1_791_000_000, datetime.UTC)
    with patch("botocore.auth.get_current_datetime", lambda **_: now):
        botocore.auth.SigV4Auth(Credentials(BASE.id, BASE.secret, BASE.token), "sts", "eu-west-1").add_auth(request)
    assert dict(asked.headers)["authorization"] == request.headers["Authorization"]
    assert dict(asked.headers)["x-amz-security-token"] == "base-token"


def test_without_an_external_id_none_is_sent():
    _, place = issue(AssumedRole(Given(BASE), ROLE, "", "cn-north-1"), XML)
    assert "ExternalId" not in form_of(place.asked[0])
    assert place.asked[0].url == "https://sts.cn-north-1.amazonaws.com.cn/"


def test_a_role_that_may_not_be_assumed_names_the_setting_and_the_reason():
    failure, _ = issue(AssumedRole(Given(BASE), ROLE, "", "us-east-1"), DENIED)
    assert (failure.kind, failure.status) == ("auth", 401)
    assert "aws_role_arn" in failure.message
    assert "not authorized to perform: sts:AssumeRole" in failure.message
    assert "base-secret" not in failure.message


def test_a_role_on_top_of_keys_that_cannot_be_had_says_why_those_cannot():
    failure, place = issue(AssumedRole(Instance(), ROLE, "", "us-east-1"), Failure("connect", 502, "No route."))
    assert "The instance's AWS keys could not be had: No route." in failure.message
    assert len(place.asked) == 1


@pytest.mark.parametrize("body", [b"", b"<x/>", XML.replace(b"2026-10-06T12:00:00Z", b"tomorrow"), b"\xff"])
def test_an_answer_without_keys_is_a_failure(body):
    failure, _ = issue(AssumedRole(Given(BASE), ROLE, "", "us-east-1"), body)
    assert (failure.kind, failure.status) == ("auth", 502)


def test_a_web_identity_shows_the_token_that_stands_in_the_file_now(tmp_path):
    file = tmp_path / "token"
    source = WebIdentity(ROLE, str(file), "us-east-1")
    file.write_text("first\n")
    issued, place = issue(source, XML)
    assert issued.credential.id == "ASIA1"
    assert form_of(place.asked[0])["WebIdentityToken"] == "first"
    assert "authorization" not in dict(place.asked[0].headers)
    file.write_text("second")
    _, place = issue(source, XML)
    assert form_of(place.asked[0])["WebIdentityToken"] == "second"


def test_a_missing_token_file_is_a_failure_that_names_it(tmp_path):
    failure, place = issue(WebIdentity(ROLE, str(tmp_path / "none"), "us-east-1"))
    assert failure.kind == "auth"
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in failure.message
    assert not place.asked


def test_a_container_shows_its_token(tmp_path):
    file = tmp_path / "token"
    file.write_text("from-file\n")
    url = "http://169.254.170.23/v1/credentials"
    for source, token in ((Container(url, "given"), "given"), (Container(url, "", str(file)), "from-file")):
        issued, place = issue(source, json.dumps(METADATA).encode())
        assert issued.credential == Keys("ASIA2", "secret", "token")
        assert (place.asked[0].method, place.asked[0].url) == ("GET", url)
        assert dict(place.asked[0].headers) == {"authorization": token}


def test_an_instance_is_asked_by_version_two_of_its_metadata_service():
    issued, place = issue(Instance(), b"session==", b"my-role\n", json.dumps(METADATA).encode())
    assert issued.credential == Keys("ASIA2", "secret", "token")
    assert issued.expires_s == EXPIRES
    assert [(asked.method, asked.url) for asked in place.asked] == [
        ("PUT", "http://169.254.169.254/latest/api/token"),
        ("GET", "http://169.254.169.254/latest/meta-data/iam/security-credentials/"),
        ("GET", "http://169.254.169.254/latest/meta-data/iam/security-credentials/my-role"),
    ]
    assert all(dict(asked.headers)["x-aws-ec2-metadata-token"] == "session==" for asked in place.asked[1:])
    assert {urlsplit(asked.url).hostname for asked in place.asked} == {"169.254.169.254"}


@pytest.mark.parametrize(
    "answers",
    [
        (Told(403, b""),),
        (Failure("timeout", 504, "Too slow."),),
        (b"session", Told(404, b"")),
        (b"session", b"role", Told(404, b"<html>")),
        (b"session", b"role", b'{"Code": "Failed", "Message": "no"}'),
        (b"session", b"role", b"[]"),
        (b"session", b"role", json.dumps({**METADATA, "Token": 7}).encode()),
    ],
)
def test_an_instance_without_a_role_is_a_failure_that_names_the_setting(answers):
    failure, _ = issue(Instance(), *answers)
    assert failure.kind == "auth"
    assert "aws_auth_type" in failure.message


def test_sources_are_equal_when_they_would_issue_the_same_and_show_no_secret():
    assert AssumedRole(Given(BASE), ROLE, "e", "r") == AssumedRole(Given(BASE), ROLE, "e", "r")
    assert hash(AssumedRole(Given(BASE), ROLE, "e", "r")) == hash(AssumedRole(Given(BASE), ROLE, "e", "r"))
    assert AssumedRole(Given(BASE), ROLE, "e", "r") != AssumedRole(Given(BASE), ROLE, "f", "r")
    for source in (AssumedRole(Given(BASE), ROLE, "external", "r"), Container("http://x/y?z", "tok")):
        assert not any(secret in repr(source) for secret in ("base-secret", "base-token", "external", "tok'", "z"))
