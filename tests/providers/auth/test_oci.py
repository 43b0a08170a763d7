"""Signatures for Oracle Cloud, verified by httpsig, which is not ours."""

import base64
import hashlib
import importlib.metadata
import sys
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from lockgate.core.failure import Failure, Refusal
from lockgate.providers.auth import make_signer
from lockgate.providers.auth.oci import HttpSignature, SigningKey
from lockgate.providers.auth.port import FOREVER, Bearer, Given
from lockgate.providers.auth.settings import Settings
from lockgate.transport.exchange import Outgoing, Pieces
from support.fetching import issue

#: httpsig asks for its own version by a module that is no longer shipped.
RESOURCES = SimpleNamespace(
    get_distribution=importlib.metadata.distribution, DistributionNotFound=importlib.metadata.PackageNotFoundError
)
with patch.dict(sys.modules, {"pkg_resources": RESOURCES}):
    from httpsig.verify import HeaderVerifier

NOW_S = 1_791_000_123.5
HOST = "inference.generativeai.us-chicago-1.oci.oraclecloud.com"
WHO = {
    "oracle_tenancy": "ocid1.tenancy.oc1..aaaa",
    "oracle_user": "ocid1.user.oc1..bbbb",
    "oracle_fingerprint": ":".join(["20"] * 16),
}
COMPARTMENT = "ocid1.compartment.oc1..cccc"


def pem(key, passphrase=b""):
    form = serialization.PrivateFormat.TraditionalOpenSSL
    lock = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, lock).decode()


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def public(key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


def signer(key="", environment=None, **said):
    return make_signer("oci", Settings(**said), key, environment)


def signed(key, message, **said):
    made = signer(**WHO, oracle_private_key=pem(key), **said)
    issued, place = issue(made.source)
    assert issued.expires_s == FOREVER and place.asked == []
    return dict(made.sign(message, HOST, NOW_S, issued.credential))


def verifies(public, message, headers, tampered=()):
    """What httpsig says of it: the headers as they go on the wire, those of the transport too."""
    sent = {name.decode(): value.decode() for name, value in {**dict(message.headers), **headers}.items()}
    sent |= {"host": HOST, "content-length": str(len(message.body)), **dict(tampered)}
    required = ["(request-target)", "host", "date"]
    if message.method in ("POST", "PUT", "PATCH"):
        required += ["content-length", "content-type", "x-content-sha256"]
    verifier = HeaderVerifier(sent, public, required_headers=required, method=message.method, path=message.target.decode())
    return verifier.verify()


JSON = [(b"content-type", b"application/json")]
MESSAGES = [
    Outgoing("POST", b"/openai/v1/chat/completions", JSON, b'{"model":"xai.grok-4"}'),
    Outgoing(
        "POST", b"/openai/v1/files?purpose=user_data&x=%2F", [(b"content-type", b"multipart/form-data; boundary=b")], b"--b--"
    ),
    Outgoing("POST", b"/openai/v1/responses/r/cancel", [], b""),
    Outgoing("PUT", b"/x", JSON, Pieces([b"in ", b"pieces"])),
    Outgoing("GET", b"/openai/v1/models?limit=1", [], b""),
    Outgoing("DELETE", b"/openai/v1/files/f", [], b""),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: f"{each.method} {each.target.decode()}")
def test_a_signature_verifies(key, public, message):
    headers = signed(key, message)
    assert verifies(public, message, headers)
    for name, value in {"host": "other.example", "date": "Thu, 05 Jan 2014 21:31:40 GMT"}.items():
        assert not verifies(public, message, headers, [(name, value)])


def test_a_body_is_signed_by_its_hash(key, public):
    message = MESSAGES[0]
    headers = signed(key, message)
    assert headers[b"x-content-sha256"] == base64.b64encode(hashlib.sha256(b'{"model":"xai.grok-4"}').digest())
    for name, value in {"x-content-sha256": "AAAA", "content-length": "1", "content-type": "text/plain"}.items():
        assert not verifies(public, message, headers, [(name, value)])


def test_the_headers_look_as_documented(key):
    headers = signed(key, MESSAGES[0])
    assert headers[b"date"] == b"Sat, 03 Oct 2026 04:02:03 GMT"
    key_id = "/".join(WHO.values())
    names = "date (request-target) host content-length content-type x-content-sha256"
    assert (
        headers[b"authorization"]
        .decode()
        .startswith(f'Signature version="1",keyId="{key_id}",algorithm="rsa-sha256",headers="{names}",signature="')
    )
    assert b"x-content-sha256" not in signed(key, MESSAGES[-1])


def test_the_compartment_goes_along(key):
    headers = signed(key, MESSAGES[0], oracle_compartment_id=COMPARTMENT)
    assert headers[b"opc-compartment-id"] == headers[b"compartmentid"] == COMPARTMENT.encode()
    made = signer("sk-1", oracle_compartment_id=COMPARTMENT)
    assert (b"opc-compartment-id", COMPARTMENT.encode()) in made.sign(MESSAGES[0], HOST, NOW_S, "sk-1")


class TestSigningKey:
    @pytest.mark.parametrize("shape", [lambda text: text, lambda text: text.replace("\n", "\\n"), lambda text: f"\n {text}\n"])
    def test_a_pem_is_read_as_people_paste_it(self, key, shape):
        issued, _ = issue(SigningKey(shape(pem(key))))
        assert issued.credential.private_numbers() == key.private_numbers()

    def test_a_passphrase_opens_it(self, key):
        issued, _ = issue(SigningKey(pem(key, b"secret"), "secret"))
        assert issued.credential.private_numbers() == key.private_numbers()

    @pytest.mark.parametrize("passphrase", ["", "wrong"])
    def test_a_wrong_passphrase_names_the_setting(self, key, passphrase):
        failure, _ = issue(SigningKey(pem(key, b"secret"), passphrase))
        assert isinstance(failure, Failure) and failure.kind == "auth"
        assert "oracle_private_key and oracle_key_passphrase" in failure.message and "secret" not in failure.message

    def test_what_is_no_rsa_key_names_the_setting(self, key):
        other = pem(ec.generate_private_key(ec.SECP256R1()))
        for text in (other, "nonsense", pem(key)[:200]):
            failure, _ = issue(SigningKey(text))
            assert isinstance(failure, Failure) and "oracle_private_key" in failure.message

    def test_no_secret_shows(self, key):
        source = SigningKey(pem(key), "secret")
        assert repr(source) == "SigningKey()"
        assert repr(HttpSignature(source, "t/u/f")) == "HttpSignature(t/u/f)"


class TestAccounts:
    def test_an_api_key_is_a_bearer(self):
        assert signer("sk-1") == Bearer(Given("sk-1"))
        assert signer(environment={"OCI_GENAI_API_KEY": "sk-2"}) == Bearer(Given("sk-2"))

    def test_who_signs_comes_before_an_api_key_and_the_environment(self):
        made = signer("sk-1", {"OCI_GENAI_API_KEY": "sk-2", "OCI_CLI_PASSPHRASE": "other"}, **WHO, oracle_private_key="PEM")
        assert made == HttpSignature(SigningKey("PEM"), "/".join(WHO.values()))

    def test_oracles_own_variables_are_read(self):
        around = {
            "OCI_CLI_TENANCY": WHO["oracle_tenancy"],
            "OCI_CLI_USER": WHO["oracle_user"],
            "OCI_CLI_FINGERPRINT": WHO["oracle_fingerprint"],
            "OCI_CLI_KEY_CONTENT": "PEM",
            "OCI_CLI_PASSPHRASE": "secret",
        }
        assert signer(environment=around) == HttpSignature(SigningKey("PEM", "secret"), "/".join(WHO.values()))
        with pytest.raises(Refusal):
            signer(environment=None)

    @pytest.mark.parametrize("missing", [*WHO, "oracle_private_key"])
    def test_what_is_missing_is_named(self, missing):
        said = {**WHO, "oracle_private_key": "PEM"}
        del said[missing]
        with pytest.raises(Refusal) as caught:
            signer("sk-1", **said)
        assert (caught.value.code, caught.value.param) == ("missing_setting", missing)

    def test_nothing_said_names_the_key(self):
        with pytest.raises(Refusal) as caught:
            signer()
        assert caught.value.param == "api_key" and "oracle_fingerprint" in caught.value.message

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("oracle_tenancy", 'ocid1.tenancy.oc1..a",x="'),
            ("oracle_user", "me"),
            ("oracle_fingerprint", "20:20"),
            ("oracle_compartment_id", "c\r\nx: y"),
            ("oracle_serving_mode", "FAST"),
        ],
    )
    def test_what_does_not_look_right_is_refused(self, member, value):
        with pytest.raises(Refusal) as caught:
            signer(**{**WHO, "oracle_private_key": "PEM", member: value})
        assert (caught.value.code, caught.value.param) == ("invalid_setting", member)
