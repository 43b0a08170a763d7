"""Secret managers over sockets: AWS as moto has it, which checks each signature; Azure and HashiCorp as servers of ours."""

import asyncio
import json
import time

import boto3
import pytest
from moto import mock_aws
from moto.core.authorization import enable_iam_authentication

from lockgate.control.managers import managers_of
from lockgate.control.managers.aws import secrets_manager
from lockgate.control.managers.azure import key_vault
from lockgate.control.references import ManagerError
from lockgate.core.holdings import SecretReference
from lockgate.transport.egress import Egress
from support import managers


def reference(path, manager="aws_sm", **config):
    return SecretReference(
        id="r", organisation="o", slug="ref", name="R", manager_type=manager, secret_path=path, auth_config=config
    )


def give(manager, server, path, **config):
    return asyncio.run(manager(reference(path), config, server.ask, time.time()))


def allow(*actions):
    statements = [{"Effect": "Allow", "Action": action, "Resource": "*"} for action in actions]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


# --- AWS


@pytest.fixture
def amazon(monkeypatch):
    """A server before moto, and the account of a user who may read secrets and take the roles "reader" and "nobody"."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of-the-test")
    with mock_aws(), managers.served(managers.aws) as server:
        iam, secrets = boto3.client("iam", region_name="us-east-1"), boto3.client("secretsmanager", region_name="eu-west-1")
        iam.create_user(UserName="gateway")
        may = allow("secretsmanager:GetSecretValue", "sts:AssumeRole")
        iam.put_user_policy(UserName="gateway", PolicyName="p", PolicyDocument=may)
        for role in ("reader", "nobody"):
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=allow("sts:AssumeRole"))
        iam.put_role_policy(RoleName="reader", PolicyName="p", PolicyDocument=allow("secretsmanager:GetSecretValue"))
        key = iam.create_access_key(UserName="gateway")["AccessKey"]
        secrets.create_secret(Name="prod/openai", SecretString='{"api_key": "sk-of-aws"}')
        secrets.create_secret(Name="prod/binary", SecretBinary=b"sk-of-bytes")
        server.arn = secrets.describe_secret(SecretId="prod/openai")["ARN"]
        server.account = {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
            "aws_region": "eu-west-1",
        }
        with enable_iam_authentication():
            yield server


def test_aws_takes_our_signature_and_gives_the_secret_by_name_and_by_arn(amazon):
    for path in ("prod/openai", amazon.arn):
        assert json.loads(give(secrets_manager, amazon, path, **amazon.account)) == {"api_key": "sk-of-aws"}
    assert give(secrets_manager, amazon, "prod/binary", **amazon.account) == "sk-of-bytes"
    method, host, path, headers, _ = amazon.seen[0]
    assert (method, host, path) == ("POST", "secretsmanager.eu-west-1.amazonaws.com", "/")
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"


def test_aws_gives_nothing_for_another_secret_key_and_says_so_without_it(amazon):
    with pytest.raises(ManagerError, match="status 403") as raised:
        give(secrets_manager, amazon, "prod/openai", **{**amazon.account, "aws_secret_access_key": "of-somebody-else"})
    assert "of-somebody-else" not in str(raised.value)


def test_aws_knows_no_such_secret(amazon):
    with pytest.raises(ManagerError, match="knows no 'prod/none'"):
        give(secrets_manager, amazon, "prod/none", **amazon.account)


def test_a_role_of_aws_is_taken_and_may_what_it_may(amazon):
    def by(role):
        arn = f"arn:aws:iam::123456789012:role/{role}"
        return give(secrets_manager, amazon, "prod/openai", **amazon.account, aws_auth_type="assumedRole", aws_role_arn=arn)

    assert json.loads(by("reader")) == {"api_key": "sk-of-aws"}
    assert [host for _, host, *_ in amazon.seen] == ["sts.eu-west-1.amazonaws.com", "secretsmanager.eu-west-1.amazonaws.com"]
    assert amazon.seen[1][3]["x-amz-security-token"]
    with pytest.raises(ManagerError, match="status 403"):
        by("nobody")


# --- Azure

APPLICATION = {
    "azure_vault_url": "https://mine.vault.azure.net",
    "azure_auth_mode": "entra",
    "azure_entra_tenant_id": "tenant",
    "azure_entra_client_id": "client",
    "azure_entra_client_secret": "app-secret",
}


@pytest.fixture
def microsoft():
    with managers.served(managers.azure({"openai-key": "sk-of-azure", "openai-key/v1": "sk-of-before"})) as server:
        yield server


def test_azure_takes_our_login_and_gives_the_secret_and_one_version_of_it(microsoft):
    assert give(key_vault, microsoft, "openai-key", **APPLICATION) == "sk-of-azure"
    assert give(key_vault, microsoft, "openai-key/v1", **APPLICATION) == "sk-of-before"


@pytest.mark.parametrize(
    ("path", "changed", "told"),
    [
        ("openai-key", {"azure_entra_client_secret": "another"}, "could not be had"),
        ("openai-key", {"azure_entra_tenant_id": "elsewhere"}, "could not be had"),
        ("none", {}, "knows no 'none'"),
        ("openai-key", {"azure_vault_url": "https://yours.vault.azure.net"}, "status 401"),
    ],
)
def test_azure_gives_nothing_and_says_why_without_a_secret(microsoft, path, changed, told):
    with pytest.raises(ManagerError, match=told) as raised:
        give(key_vault, microsoft, path, **{**APPLICATION, **changed})
    assert "another" not in str(raised.value) and "entra-token" not in str(raised.value)


# --- HashiCorp

SECRETS = {"openai": {"api_key": "sk-of-vault"}}
ALLOW = Egress.compile(["127.0.0.0/8"])


def by_vault(server, path, egress=ALLOW, sealed=("vault_token", "hvs.root"), **config):
    """What our own client gets, as the resolver asks it."""
    fetch = managers_of({}, lambda: egress)["hashicorp_vault"]
    where = reference(path, "hashicorp_vault", vault_addr=server.url, **config)
    return fetch(where, {f"auth_config.{sealed[0]}": sealed[1]})


@pytest.mark.parametrize("path", ["secret/data/openai", "/kv/openai"])
def test_vault_gives_a_secret_of_both_engines(path):
    with managers.served(managers.vault(SECRETS)) as server:
        assert json.loads(by_vault(server, path)) == {"api_key": "sk-of-vault"}


def test_vault_is_logged_in_to_by_role_in_a_namespace():
    with managers.served(managers.vault(SECRETS, namespace="team")) as server:
        said = {"vault_auth_type": "approle", "vault_role_id": "role", "vault_namespace": "team"}
        got = by_vault(server, "secret/data/openai", sealed=("vault_secret_id", "role-secret"), **said)
        assert json.loads(got) == {"api_key": "sk-of-vault"}
        with pytest.raises(ManagerError, match="status 400") as raised:
            by_vault(server, "secret/data/openai", sealed=("vault_secret_id", "another-secret"), **said)
        assert "another-secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("path", "token", "egress", "told"),
    [
        ("secret/data/none", "hvs.root", ALLOW, "knows no"),
        ("secret/data/openai", "hvs.wrong", ALLOW, "status 403"),
        ("secret/data/../openai", "hvs.root", ALLOW, "path"),
        ("secret/data/openai", "hvs.root", Egress.compile(["10.0.0.0/8"]), "no rule allows"),
    ],
)
def test_vault_gives_nothing_and_says_why_without_a_token(path, token, egress, told):
    with managers.served(managers.vault(SECRETS)) as server, pytest.raises(ManagerError, match=told) as raised:
        by_vault(server, path, egress, ("vault_token", token))
    assert token not in str(raised.value)


def test_a_server_that_is_not_there_is_told():
    with managers.served(managers.vault(SECRETS)) as server:
        pass
    with pytest.raises(ManagerError, match="cannot be reached"):
        by_vault(server, "secret/data/openai")
