"""Where credentials come from is asked as the clouds' own libraries ask: botocore and google-auth, which are not ours."""

import json
from types import SimpleNamespace
from urllib.parse import parse_qs

import botocore.session
import google.auth.compute_engine
import google.auth.identity_pool
import google.auth.impersonated_credentials
import google.oauth2.credentials
import pytest
from botocore import UNSIGNED
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.utils import ContainerMetadataFetcher, InstanceMetadataFetcher

from lockgate.providers.auth.aws_sources import SESSION, Container, Instance, WebIdentity
from lockgate.providers.auth.google_sources import SCOPE, AuthorizedUser, Federated, Impersonated, Metadata
from lockgate.providers.auth.port import Given
from support.fetching import issue

KEYS = {"AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z", "Code": "Success"}
STS = (
    b'<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>'
    b"<Credentials><AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
    b"<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult>"
    b"</AssumeRoleWithWebIdentityResponse>"
)
TOKEN = b'{"access_token":"ya29.fresh","expires_in":3599,"token_type":"Bearer"}'


def form(body):
    return {name: value for name, (value,) in parse_qs(body if isinstance(body, str) else body.decode()).items()}


def lower(headers):
    return {str(name).lower(): value.decode() if isinstance(value, bytes) else value for name, value in dict(headers).items()}


class Aws:
    """Amazon's library thinks that this is the network: `asked` holds what it asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def send(self, request):
        self.asked.append((request.method, request.url, lower(request.headers), request.body))
        body = self.answers.pop(0)
        return SimpleNamespace(status_code=200, content=body, text=body.decode(), headers={}, url=request.url)


class Google:
    """Google's library thinks that this is the network."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, url, method="GET", body=None, headers=None, **_):
        self.asked.append((method, url, lower(headers or {}), body))
        return SimpleNamespace(status=200, headers={"content-type": "application/json"}, data=self.answers.pop(0))


class TestAmazon:
    def test_a_clusters_token_is_exchanged_as_botocore_does_it(self, tmp_path):
        (tmp_path / "token").write_text("cluster.token")
        issued, place = issue(WebIdentity("arn:aws:iam::1:role/r", str(tmp_path / "token"), "eu-west-1"), STS)
        client = botocore.session.get_session().create_client("sts", "eu-west-1", config=Config(signature_version=UNSIGNED))
        asked = []

        def answer(request, **_):
            asked.append(request)
            return AWSResponse(request.url, 200, {"content-type": "text/xml"}, SimpleNamespace(stream=lambda *_: [STS]))

        client.meta.events.register("before-send.sts", answer)
        told = client.assume_role_with_web_identity(
            RoleArn="arn:aws:iam::1:role/r", RoleSessionName=SESSION, WebIdentityToken="cluster.token", DurationSeconds=3600
        )
        assert told["Credentials"]["AccessKeyId"] == issued.credential.id
        (ours,), (theirs,) = place.asked, asked
        assert (ours.method, ours.url) == (theirs.method, theirs.url)
        assert form(ours.body) == form(theirs.body)
        assert dict(ours.headers)["content-type"] == lower(theirs.headers)["content-type"]

    def test_a_container_is_asked_as_botocore_does_it(self):
        answer, url = json.dumps(KEYS).encode(), "http://169.254.170.23/v1/credentials"
        issued, place = issue(Container(url, "pod.token"), answer)
        network = Aws(answer)
        told = ContainerMetadataFetcher(session=network).retrieve_full_uri(url, {"Authorization": "pod.token"})
        assert told["AccessKeyId"] == issued.credential.id
        (ours,), ((method, theirs, headers, _),) = place.asked, network.asked
        assert (ours.method, ours.url, dict(ours.headers)["authorization"]) == (method, theirs, headers["authorization"])

    def test_an_instance_is_asked_as_botocore_does_it(self, monkeypatch):
        answers = [b"session", b"role-1", json.dumps(KEYS).encode()]
        issued, place = issue(Instance(), *answers)
        network = Aws(*answers)
        fetcher = InstanceMetadataFetcher()
        monkeypatch.setattr(fetcher, "_session", network)
        assert fetcher.retrieve_iam_role_credentials()["access_key"] == issued.credential.id
        assert [(each.method, each.url.rstrip("/")) for each in place.asked] == [
            (method, url.rstrip("/")) for method, url, _, _ in network.asked
        ]
        for ours, (_, _, theirs, _) in zip(place.asked, network.asked, strict=True):
            said = lower(ours.headers)
            assert said.keys() == {name for name in theirs if name.startswith("x-aws-ec2-metadata-token")}
            assert said.get("x-aws-ec2-metadata-token") == theirs.get("x-aws-ec2-metadata-token")


class TestGoogle:
    def test_a_login_is_refreshed_as_googles_library_does_it(self):
        _, place = issue(AuthorizedUser("client-1", "s&cret", "refresh-1"), TOKEN)
        network = Google(TOKEN)
        google.oauth2.credentials.Credentials(
            None, "refresh-1", token_uri="https://oauth2.googleapis.com/token", client_id="client-1", client_secret="s&cret"
        ).refresh(network)
        (ours,), ((method, url, headers, body),) = place.asked, network.asked
        assert (ours.method, ours.url, form(ours.body)) == (method, url, form(body))
        assert dict(ours.headers)["content-type"] == headers["content-type"]

    def test_the_metadata_server_is_asked_as_googles_library_does_it(self):
        _, place = issue(Metadata(), TOKEN)
        network = Google(b'{"email":"sa@p.iam","scopes":["s"],"aliases":["default"]}', TOKEN)
        google.auth.compute_engine.Credentials().refresh(network)
        (ours,), (method, url, headers, _) = place.asked, network.asked[-1]
        path = "/computeMetadata/v1/instance/service-accounts/"
        assert ours.method == method and ours.url.partition("?")[0].endswith(f"{path}default/token")
        assert path in url and url.partition("?")[0].endswith("/token")
        assert dict(ours.headers)["metadata-flavor"] == headers["metadata-flavor"] == "Google"

    @pytest.mark.parametrize(
        "shape", [{}, {"format": {"type": "json", "subject_token_field_name": "id"}}], ids=["text", "json"]
    )
    def test_a_federated_identity_is_exchanged_as_googles_library_does_it(self, tmp_path, shape):
        (tmp_path / "token").write_text('{"id": "issuer.token"}' if shape else "issuer.token")
        about = {
            "audience": "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            "token_url": "https://sts.googleapis.com/v1/token",
            "credential_source": {"file": str(tmp_path / "token"), **shape},
        }
        _, place = issue(Federated.of(about), TOKEN)
        network = Google(TOKEN)
        google.auth.identity_pool.Credentials(**about, scopes=[SCOPE]).refresh(network)
        (ours,), ((method, url, _, body),) = place.asked, network.asked
        theirs = {name: value for name, value in form(body).items() if name != "options"}
        assert (ours.method, ours.url, form(ours.body)) == (method, url, theirs)

    def test_another_identity_is_impersonated_as_googles_library_does_it(self):
        url = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/sa@p.iam:generateAccessToken"
        answer = b'{"accessToken":"ya29.other","expireTime":"2099-01-01T00:00:00Z"}'
        issued, place = issue(Impersonated.at(url, Given("ya29.base")), answer)
        network = Google(answer)
        base = google.oauth2.credentials.Credentials("ya29.base")
        theirs = google.auth.impersonated_credentials.Credentials(base, "sa@p.iam", [SCOPE], lifetime=3600)
        theirs.refresh(network)
        assert theirs.token == issued.credential
        (ours,), (method, asked, headers, body) = place.asked, network.asked[-1]
        assert (ours.method, ours.url) == (method, asked)
        assert dict(ours.headers)["authorization"] == headers["authorization"] == "Bearer ya29.base"
        said = {name: value for name, value in json.loads(body).items() if value}
        assert json.loads(ours.body) == said
