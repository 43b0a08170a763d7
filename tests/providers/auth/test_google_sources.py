"""Tokens of Google Cloud, checked against google-auth, which is not ours."""

import base64
import datetime
import json
from urllib.parse import parse_qs

import google.auth.jwt
import google.oauth2.service_account
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from lockgate.core.failure import Failure
from lockgate.providers.auth.google_sources import (
    METADATA_URL,
    TOKEN_URL,
    AuthorizedUser,
    Federated,
    Impersonated,
    Metadata,
    ServiceAccount,
)
from lockgate.providers.auth.port import Given, Told
from support.fetching import issue

EMAIL = "llm@project.iam.gserviceaccount.com"
NOW_S = 1_791_000_000.0
TOKEN = b'{"access_token":"ya29.fresh","expires_in":3599,"token_type":"Bearer"}'
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, EMAIL)])


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def pem(key):
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture(scope="module")
def certificate(key):
    """What Google would publish of the key."""
    begins = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + datetime.timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def form_of(asked):
    return {name: value for name, (value,) in parse_qs(asked.body.decode()).items()}


class TestServiceAccount:
    def test_the_grant_is_one_that_googles_library_verifies(self, pem, certificate, monkeypatch):
        issued, place = issue(ServiceAccount(EMAIL, pem, "kid-1"), TOKEN, now_s=NOW_S)
        assert issued.credential == "ya29.fresh" and issued.expires_s == NOW_S + 3599
        (asked,) = place.asked
        assert (asked.method, asked.url) == ("POST", TOKEN_URL)
        form = form_of(asked)
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        monkeypatch.setattr(
            "google.auth._helpers.utcnow", lambda: datetime.datetime.fromtimestamp(NOW_S, datetime.UTC).replace(tzinfo=None)
        )
        claims = google.auth.jwt.decode(form["assertion"], certs={"kid-1": certificate}, audience=TOKEN_URL)
        assert claims["iss"] == EMAIL and claims["exp"] - claims["iat"] == 3600

    def test_it_claims_what_googles_own_library_claims(self, pem):
        about = {"client_email": EMAIL, "private_key": pem, "private_key_id": "kid-1", "token_uri": TOKEN_URL}
        theirs = google.oauth2.service_account.Credentials.from_service_account_info(
            about, scopes=["https://www.googleapis.com/auth/cloud-platform"]
        )._make_authorization_grant_assertion()
        ours = ServiceAccount(EMAIL, pem, "kid-1").assertion(NOW_S)
        for part in (0, 1):
            mine, other = (_part(token, part) for token in (ours.encode(), theirs))
            for name in ("iat", "exp"):
                mine.pop(name, None), other.pop(name, None)
            assert mine == other

    def test_a_key_that_is_none_is_told_without_being_shown(self):
        failure, place = issue(ServiceAccount(EMAIL, "-----BEGIN nonsense-----"))
        assert isinstance(failure, Failure) and failure.kind == "auth" and place.asked == []
        assert "vertex_service_account_json" in failure.message and "nonsense" not in failure.message

    def test_googles_no_is_told_with_its_words(self, pem):
        no = Told(400, b'{"error":"invalid_grant","error_description":"Invalid JWT Signature."}')
        failure, _ = issue(ServiceAccount(EMAIL, pem), no)
        assert failure.status == 401 and "Invalid JWT Signature." in failure.message and EMAIL in failure.message

    def test_a_place_that_is_not_there_is_a_failure_of_the_gateway(self, pem):
        failure, _ = issue(ServiceAccount(EMAIL, pem), Failure("connect", 502, "No connection."))
        assert failure.status == 502 and failure.code == "credential_unavailable"

    def test_its_key_is_not_shown(self, pem):
        assert "PRIVATE" not in repr(ServiceAccount(EMAIL, pem))


def _part(token, number):
    piece = token.split(b".")[number]
    return json.loads(base64.urlsafe_b64decode(piece + b"=" * (-len(piece) % 4)))


def test_a_user_who_logged_in_gets_a_token_for_the_refresh_token():
    issued, place = issue(AuthorizedUser("id", "secret", "refresh"), TOKEN)
    assert issued.credential == "ya29.fresh"
    assert form_of(place.asked[0]) == {
        "grant_type": "refresh_token",
        "client_id": "id",
        "client_secret": "secret",
        "refresh_token": "refresh",
    }


def test_the_metadata_server_is_asked_with_its_header():
    issued, place = issue(Metadata(), TOKEN)
    assert issued.credential == "ya29.fresh" and place.asked[0].url == METADATA_URL
    assert dict(place.asked[0].headers) == {"metadata-flavor": "Google"}


class TestFederated:
    ABOUT = {
        "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/k",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
    }

    def test_a_file_holds_the_token(self, tmp_path):
        (tmp_path / "token").write_text("other.issuers.token\n")
        source = Federated.of({**self.ABOUT, "credential_source": {"file": str(tmp_path / "token")}})
        issued, place = issue(source, TOKEN)
        assert issued.credential == "ya29.fresh" and place.asked[0].url == self.ABOUT["token_url"]
        form = form_of(place.asked[0])
        assert (form["subject_token"], form["audience"]) == ("other.issuers.token", self.ABOUT["audience"])

    def test_a_url_gives_the_token_in_json(self):
        shape = {"type": "json", "subject_token_field_name": "value"}
        place = {"url": "http://169.254.170.23/token", "headers": {"Metadata": "True"}, "format": shape}
        source = Federated.of({**self.ABOUT, "credential_source": place})
        issued, fetched = issue(source, b'{"value":"json.token"}', TOKEN)
        assert issued.credential == "ya29.fresh" and fetched.asked[0].headers == (("Metadata", "True"),)
        assert form_of(fetched.asked[1])["subject_token"] == "json.token"

    @pytest.mark.parametrize("answers", [(b"{}",), (Told(500, b""),), (Failure("connect", 502, "No."),)])
    def test_without_a_token_of_the_issuer_there_is_none_of_googles(self, answers):
        shape = {"type": "json", "subject_token_field_name": "value"}
        failure, place = issue(
            Federated.of({**self.ABOUT, "credential_source": {"url": "http://x", "format": shape}}), *answers
        )
        assert failure.kind == "auth" and len(place.asked) == 1

    def test_a_file_that_is_gone_is_told(self):
        failure, place = issue(Federated.of({**self.ABOUT, "credential_source": {"file": "/nowhere"}}))
        assert "credential_source" in failure.message and place.asked == []

    @pytest.mark.parametrize(
        "change",
        [
            {"token_url": "https://evil.example/token", "credential_source": {"file": "f"}},
            {"token_url": "http://sts.googleapis.com/v1/token", "credential_source": {"file": "f"}},
            {"credential_source": {"environment_id": "aws1"}},
        ],
    )
    def test_other_places_are_refused(self, change):
        with pytest.raises(ValueError, match=r"credential_source|googleapis"):
            Federated.of({**self.ABOUT, **change})


class TestImpersonated:
    URL = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken"

    def test_another_identity_asks_for_the_token(self):
        source = Impersonated.at(self.URL, Given("ya29.base"))
        issued, place = issue(source, b'{"accessToken":"ya29.target","expireTime":"2026-10-06T12:00:00Z"}')
        assert issued.credential == "ya29.target"
        assert issued.expires_s == datetime.datetime(2026, 10, 6, 12, tzinfo=datetime.UTC).timestamp()
        assert dict(place.asked[0].headers)["authorization"] == "Bearer ya29.base"

    def test_googles_no_is_told_with_its_words(self):
        no = Told(403, b'{"error":{"code":403,"message":"Permission denied.","status":"PERMISSION_DENIED"}}')
        failure, _ = issue(Impersonated.at(self.URL, Given("ya29.base")), no)
        assert failure.status == 401 and "Permission denied." in failure.message

    def test_only_googles_address_is_taken(self):
        with pytest.raises(ValueError, match="googleapis"):
            Impersonated.at("https://googleapis.com.evil.example/x", Given("t"))
