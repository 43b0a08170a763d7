"""Secret managers over HTTP: what is asked, and what becomes of the answers."""

import asyncio
import json

import pytest

from lockgate.control.managers.aws import secrets_manager
from lockgate.control.managers.azure import key_vault
from lockgate.control.managers.hashicorp import hashicorp
from lockgate.control.references import ManagerError
from lockgate.core.failure import Failure, Refusal
from lockgate.core.holdings import SecretReference
from lockgate.providers.auth.port import Told

NOW = 1_800_000_000.0


def reference(path="p", manager="hashicorp_vault", **config):
    return SecretReference(
        id="r", organisation="o", slug="ref", name="R", manager_type=manager, secret_path=path, auth_config=config
    )


class Manager:
    """A secret manager that answers in turn, and remembers what it was asked."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.asked = []

    async def __call__(self, asked):
        self.asked.append(asked)
        answer = self._answers.pop(0)
        if isinstance(answer, Failure):
            return answer
        status, body = answer if isinstance(answer, tuple) else (200, answer)
        return Told(status, body if isinstance(body, bytes) else json.dumps(body).encode())

    def give(self, manager, path="p", **config):
        return asyncio.run(manager(reference(path), config, self, NOW))


VAULT = {"vault_addr": "https://vault.example.com:8200/", "vault_token": "hvs.t"}


def test_vaults_second_version_has_the_secret_within():
    manager = Manager({"data": {"data": {"api_key": "sk"}, "metadata": {"version": 2}}})
    assert json.loads(manager.give(hashicorp, "/secret/data/open ai", **VAULT)) == {"api_key": "sk"}
    (asked,) = manager.asked
    assert (asked.method, asked.url) == ("GET", "https://vault.example.com:8200/v1/secret/data/open%20ai")
    assert dict(asked.headers) == {"x-vault-request": "true", "x-vault-token": "hvs.t"}


def test_vaults_first_version_is_the_secret():
    assert json.loads(Manager({"data": {"api_key": "sk"}}).give(hashicorp, **VAULT)) == {"api_key": "sk"}


def test_a_role_of_vault_logs_in_first():
    manager = Manager({"auth": {"client_token": "hvs.new"}}, {"data": {"k": "v"}})
    config = {"vault_addr": "https://v", "vault_auth_type": "approle", "vault_role_id": "r", "vault_secret_id": "s"}
    manager.give(hashicorp, **config, vault_namespace="team", vault_auth_mount="/roles/")
    login, read = manager.asked
    assert (login.method, login.url, json.loads(login.body)) == (
        "POST",
        "https://v/v1/auth/roles/login",
        {"role_id": "r", "secret_id": "s"},
    )
    assert dict(login.headers)["x-vault-namespace"] == "team"
    assert dict(read.headers)["x-vault-token"] == "hvs.new"


AWS = {"aws_access_key_id": "AKIAEXAMPLE", "aws_secret_access_key": "sec", "aws_region": "eu-west-1"}


def test_secrets_manager_is_asked_with_a_signature():
    manager = Manager({"Name": "prod", "SecretString": '{"k": "v"}'})
    assert manager.give(secrets_manager, "prod/openai", **AWS) == '{"k": "v"}'
    (asked,) = manager.asked
    headers = dict(asked.headers)
    assert (asked.method, asked.url) == ("POST", "https://secretsmanager.eu-west-1.amazonaws.com/")
    assert json.loads(asked.body) == {"SecretId": "prod/openai"}
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert "/eu-west-1/secretsmanager/aws4_request" in headers["authorization"]
    assert "x-amz-target" in headers["authorization"].partition("SignedHeaders=")[2]


def test_a_secret_may_be_binary():
    assert Manager({"SecretBinary": "c2s="}).give(secrets_manager, **AWS) == "sk"
    with pytest.raises(ManagerError, match="cannot be read"):
        Manager({"SecretBinary": "!"}).give(secrets_manager, **AWS)


def test_china_has_hosts_of_its_own():
    manager = Manager({"SecretString": "s"})
    manager.give(secrets_manager, **{**AWS, "aws_region": "cn-north-1"})
    assert manager.asked[0].url == "https://secretsmanager.cn-north-1.amazonaws.com.cn/"


AZURE = {
    "azure_vault_url": "https://mine.vault.azure.net/",
    "azure_auth_mode": "entra",
    "azure_entra_tenant_id": "tenant",
    "azure_entra_client_id": "client",
    "azure_entra_client_secret": "secret",
}


def test_key_vault_is_asked_with_a_token_for_it():
    manager = Manager({"access_token": "tok", "expires_in": 3600}, {"value": "sk", "id": "x"})
    assert manager.give(key_vault, "openai-key/0123abc", **AZURE) == "sk"
    login, read = manager.asked
    assert login.url == "https://login.microsoftonline.com/tenant/oauth2/v2.0/token"
    assert b"vault.azure.net%2F.default" in login.body
    assert read.url == "https://mine.vault.azure.net/secrets/openai-key/0123abc?api-version=7.4"
    assert dict(read.headers) == {"authorization": "Bearer tok"}


@pytest.mark.parametrize(
    ("manager", "path", "config", "told"),
    [
        (key_vault, "k", {**AZURE, "azure_vault_url": "https://evil.example.com"}, "address of a vault"),
        (key_vault, "k", {**AZURE, "azure_vault_url": "https://x.vault.azure.net.evil.com"}, "address of a vault"),
        (key_vault, "../k", AZURE, "no name of a secret"),
        (key_vault, "k", {**AZURE, "azure_entra_client_id": 1}, "cannot be read"),
        (secrets_manager, "k", {**AWS, "aws_region": 1}, "cannot be read"),
        (hashicorp, "k", {"vault_auth_type": "kubernetes"}, "token or approle"),
    ],
)
def test_a_setting_that_cannot_be_is_told(manager, path, config, told):
    stub = Manager()
    with pytest.raises(ManagerError, match=told):
        stub.give(manager, path, **config)
    assert stub.asked == []


@pytest.mark.parametrize(
    ("manager", "config"),
    [
        (key_vault, {**AZURE, "azure_auth_mode": "managed"}),
        (secrets_manager, {"aws_region": "eu-west-1", "aws_auth_type": "serviceRole"}),
        (secrets_manager, {"aws_region": "evil.com/", "aws_access_key_id": "a", "aws_secret_access_key": "b"}),
    ],
)
def test_no_identity_of_the_machine_is_lent_and_no_region_is_a_host(manager, config):
    stub = Manager()
    with pytest.raises(Refusal):
        stub.give(manager, **config)
    assert stub.asked == []


CASES = [(hashicorp, VAULT, []), (secrets_manager, AWS, []), (key_vault, AZURE, [{"access_token": "t", "expires_in": 60}])]


@pytest.mark.parametrize(("manager", "config", "before"), CASES)
@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Failure("connect", 502, "no route"), "cannot be reached: no route"),
        ((404, b"{}"), "knows no 'p'"),
        ((403, b'{"echo": "hvs.t"}'), "status 403"),
        (b"not json", "cannot be read"),
        ([1], "cannot be read"),
    ],
)
def test_trouble_is_told_and_repeats_nothing(manager, config, before, answer, told):
    with pytest.raises(ManagerError, match=told) as raised:
        Manager(*before, answer).give(manager, **config)
    assert "hvs.t" not in str(raised.value)


@pytest.mark.parametrize("answer", [(403, b""), {"auth": {}}, b"x"])
def test_a_login_that_fails_is_told(answer):
    with pytest.raises(ManagerError):
        Manager(answer).give(hashicorp, vault_addr="https://v", vault_auth_type="approle")


@pytest.mark.parametrize(
    ("manager", "config"), [(secrets_manager, {**AWS, "aws_role_arn": "arn:aws:iam::1:role/r"}), (key_vault, AZURE)]
)
def test_credentials_that_cannot_be_had_are_told(manager, config):
    with pytest.raises(ManagerError, match="could not be had"):
        Manager((400, b"{}")).give(manager, **config)


def test_aws_says_with_a_400_that_there_is_no_such_secret():
    with pytest.raises(ManagerError, match="knows no 'p'"):
        Manager((400, b'{"__type": "ResourceNotFoundException"}')).give(secrets_manager, **AWS)
