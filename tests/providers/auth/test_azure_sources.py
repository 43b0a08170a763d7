"""Tokens of Entra ID, asked for as Microsoft's own library asks."""

import json
from urllib.parse import parse_qs, parse_qsl, urlsplit

import msal
import pytest

from lockgate.core.failure import Failure
from lockgate.providers.auth.azure_sources import AUTHORITY, METADATA, ClientSecret, Managed, WorkloadIdentity
from lockgate.providers.auth.port import Told
from support.fetching import issue

TENANT = "11111111-2222-3333-4444-555555555555"
SCOPE = "https://cognitiveservices.azure.com/.default"
NOW_S = 1_791_000_000.0
TOKEN = b'{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"eyJ.fresh"}'


class Answer:
    """What msal reads of an HTTP answer."""

    def __init__(self, body, status=200):
        self.status_code, self.text, self.headers = status, body, {}

    def raise_for_status(self):
        assert self.status_code < 400


class Recorder:
    """Microsoft's library thinks that this is the network."""

    def __init__(self):
        self.posted, self.gotten = [], []

    def get(self, url, params=None, headers=None, **_):
        self.gotten.append((url, params, headers))
        if "openid-configuration" not in url:
            return Answer(json.dumps({"access_token": "eyJ.fresh", "expires_in": "3599", "resource": "r"}))
        base = f"{AUTHORITY}/{TENANT}/oauth2/v2.0"
        places = {
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "issuer": f"{AUTHORITY}/{TENANT}/v2.0",
        }
        return Answer(json.dumps(places))

    def post(self, url, data=None, headers=None, **_):
        self.posted.append((url, dict(parse_qsl(data)) if isinstance(data, str) else dict(data)))
        return Answer(TOKEN.decode())

    def close(self):
        pass


def by_msal(credential):
    network = Recorder()
    app = msal.ConfidentialClientApplication(
        "app-1", credential, f"{AUTHORITY}/{TENANT}", instance_discovery=False, http_client=network, validate_authority=False
    )
    assert app.acquire_token_for_client([SCOPE])["access_token"] == "eyJ.fresh"
    ((url, form),) = network.posted
    return url, {name: value for name, value in form.items() if name not in ("client_info",)}


def ours(source):
    issued, place = issue(source, TOKEN, now_s=NOW_S)
    assert issued.credential == "eyJ.fresh" and issued.expires_s == NOW_S + 3599
    (asked,) = place.asked
    assert asked.method == "POST"
    return asked.url, {name: value for name, (value,) in parse_qs(asked.body.decode()).items()}


def test_an_applications_secret_is_exchanged_as_msal_does_it():
    assert ours(ClientSecret(AUTHORITY, TENANT, "app-1", "s&cret=", SCOPE)) == by_msal("s&cret=")


def test_a_clusters_token_is_exchanged_as_msal_does_it(tmp_path):
    (tmp_path / "token").write_text("cluster.token\n")
    source = WorkloadIdentity(AUTHORITY, TENANT, "app-1", str(tmp_path / "token"), SCOPE)
    assert ours(source) == by_msal({"client_assertion": lambda: "cluster.token"})


@pytest.mark.parametrize("client_id", ["", "user-assigned-1"])
def test_the_machine_is_asked_as_msal_does_it(client_id, monkeypatch):
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "AZURE_POD_IDENTITY_AUTHORITY_HOST"):
        monkeypatch.delenv(name, raising=False)
    identity = msal.UserAssignedManagedIdentity(client_id=client_id) if client_id else msal.SystemAssignedManagedIdentity()
    network = Recorder()
    msal.ManagedIdentityClient(identity, http_client=network).acquire_token_for_client(resource=SCOPE.removesuffix("/.default"))
    ((url, params, headers),) = network.gotten
    issued, place = issue(
        Managed(SCOPE.removesuffix("/.default"), client_id), b'{"access_token":"eyJ.m","expires_in":"86400"}', now_s=NOW_S
    )
    assert issued.expires_s == NOW_S + 86400
    (asked,) = place.asked
    assert asked.url.partition("?")[0] == url == METADATA
    assert dict(parse_qsl(urlsplit(asked.url).query)) == params
    theirs = {name.lower(): value for name, value in headers.items() if not name.lower().startswith(("x-client", "x-ms-"))}
    assert theirs == dict(asked.headers)


def test_an_apps_platform_is_asked_as_msal_does_it(monkeypatch):
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:41000/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "platform-secret")
    network = Recorder()
    network.get = lambda url, params=None, headers=None, **_: (
        network.gotten.append((url, params, headers)) or Answer('{"access_token":"t","expires_on":"1791003600","resource":"r"}')
    )
    msal.ManagedIdentityClient(msal.SystemAssignedManagedIdentity(), http_client=network).acquire_token_for_client(
        resource="https://r"
    )
    ((url, params, headers),) = network.gotten
    source = Managed("https://r", "", "http://127.0.0.1:41000/msi/token", "platform-secret")
    issued, place = issue(source, b'{"access_token":"t","expires_on":"1791003600","resource":"r"}', now_s=NOW_S)
    assert issued.expires_s == 1791003600
    (asked,) = place.asked
    assert asked.url.partition("?")[0] == url and dict(parse_qsl(urlsplit(asked.url).query)) == params
    assert {"x-identity-header": headers["X-IDENTITY-HEADER"]} == dict(asked.headers)


def test_entras_no_is_told_in_its_first_line():
    body = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided.\r\nTrace ID: 1"}
    failure, _ = issue(ClientSecret(AUTHORITY, TENANT, "app-1", "wrong", SCOPE), Told(401, json.dumps(body).encode()))
    assert failure.status == 401 and "AADSTS7000215: Invalid client secret provided." in failure.message
    assert "Trace" not in failure.message and "wrong" not in failure.message and "azure_entra_client_secret" in failure.message


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"access_token":7}', Failure("timeout", 504, "Too slow.")])
def test_an_answer_without_a_token_is_a_failure(answer):
    failure, _ = issue(Managed("https://r"), answer)
    assert isinstance(failure, Failure) and failure.kind == "auth"


def test_a_token_file_that_is_gone_is_named():
    failure, place = issue(WorkloadIdentity(AUTHORITY, TENANT, "app-1", "/nowhere", SCOPE))
    assert "/nowhere" in failure.message and place.asked == []


def test_secrets_are_not_shown():
    for source in (ClientSecret(AUTHORITY, TENANT, "app-1", "topsecret", SCOPE), Managed("r", "", "http://x", "topsecret")):
        assert "topsecret" not in repr(source)
