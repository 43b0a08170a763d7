"""Our signatures against botocore's, which is the independent implementation."""

import datetime
from unittest.mock import patch

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from lockgate.providers.auth.sigv4 import UNSIGNED, Keys, signature_headers
from lockgate.transport.exchange import Outgoing

NOW = 1_791_000_123.5
HOST = "bedrock-runtime.us-east-1.amazonaws.com"
LASTING = Keys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
PASSING = Keys("ASIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "IQoJb3JpZ2luX2VjE//token+with/signs==")


def botocore_signs(keys, message, host=HOST, region="us-east-1", service="bedrock", unsigned=False):
    headers = {name.decode(): value.decode() for name, value in message.headers}
    url = f"https://{host}{message.target.decode()}"
    request = AWSRequest(method=message.method, url=url, data=message.body, headers=headers)
    if unsigned:
        request.context["payload_signing_enabled"] = False
    now = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    with patch("botocore.auth.get_current_datetime", lambda **_: now):
        botocore.auth.SigV4Auth(Credentials(keys.id, keys.secret, keys.token or None), service, region).add_auth(request)
    return request.headers


def agrees(keys, message, host=HOST, region="us-east-1", service="bedrock", payload=""):
    ours = dict(signature_headers(keys, message, host, NOW, region=region, service=service, payload=payload))
    theirs = botocore_signs(keys, message, host, region, service, unsigned=payload == UNSIGNED)
    assert {name.decode(): value.decode() for name, value in ours.items()} == {
        name.lower(): value
        for name, value in theirs.items()
        if name.lower() in ("authorization",) or name.lower().startswith("x-amz")
    }
    return ours


JSON = [(b"content-type", b"application/json")]


@pytest.mark.parametrize("keys", [LASTING, PASSING], ids=["lasting", "temporary"])
@pytest.mark.parametrize(
    "target",
    [
        b"/",
        b"/model/amazon.titan-embed-text-v2%3A0/invoke",
        b"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.anthropic.claude-v1/converse",
        b"/model/us.meta~x/converse-stream",
        b"/foundation-models?byProvider=meta&byInferenceType=ON_DEMAND",
        b"/a?b=2&b=1&a=%2F%20x&c&c1=",
    ],
)
def test_the_signature_is_botocore_s(keys, target):
    agrees(keys, Outgoing("POST", target, JSON, b'{"a":1}'))
    agrees(keys, Outgoing("GET", target))


def test_the_headers_look_as_documented():
    headers = agrees(LASTING, Outgoing("POST", b"/model/m/converse", JSON, b"{}"))
    assert headers[b"x-amz-date"] == b"20261003T040203Z"
    assert headers[b"authorization"].startswith(
        b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261003/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature="
    )


def test_a_host_with_a_port_another_region_and_another_service_are_signed():
    agrees(LASTING, Outgoing("POST", b"/x", JSON, b"{}"), host="127.0.0.1:8443")
    agrees(PASSING, Outgoing("POST", b"/", JSON, b"a=b"), host="sts.eu-west-3.amazonaws.com", region="eu-west-3", service="sts")


def test_a_body_that_nobody_hashed_is_said_to_be_so():
    headers = agrees(PASSING, Outgoing("POST", b"/x", JSON, b"never read"), payload=UNSIGNED)
    assert headers[b"x-amz-content-sha256"] == b"UNSIGNED-PAYLOAD"


def test_headers_of_the_service_are_signed_and_others_are_not():
    more = [*JSON, (b"x-amzn-bedrock-trace", b"  ENABLED   now "), (b"user-agent", b"lockgate")]
    ours = dict(signature_headers(LASTING, Outgoing("POST", b"/x", more), HOST, NOW, region="r", service="s"))
    theirs = botocore_signs(LASTING, Outgoing("POST", b"/x", more[:2]), region="r", service="s")
    assert ours[b"authorization"].decode() == theirs["Authorization"]
    assert b"content-type;host;x-amz-date;x-amzn-bedrock-trace" in ours[b"authorization"]


_SEGMENT = st.text("abcXYZ019-._~", min_size=1, max_size=8).filter(lambda text: text.strip("."))
_ESCAPED = st.sampled_from(["%3A", "%2F", "%20", "%C3%A9"])


@given(
    st.lists(st.one_of(_SEGMENT, _ESCAPED), min_size=1, max_size=5),
    st.lists(st.tuples(_SEGMENT, st.one_of(_SEGMENT, _ESCAPED)), max_size=4),
    st.binary(max_size=64),
)
def test_any_path_query_and_body_is_signed_as_botocore_does(path, query, body):
    target = "/" + "/".join(path) + ("?" + "&".join(f"{name}={value}" for name, value in query) if query else "")
    agrees(PASSING, Outgoing("POST", target.encode(), JSON, body))


def test_keys_show_their_id_alone():
    assert repr(PASSING) == "Keys(ASIDEXAMPLE)"
