"""Accounts as Portkey's users say them, read as entries of ours."""

import pytest

from lockgate.control.accounts import entry_of, split
from lockgate.core.failure import Refusal
from lockgate.core.holdings import Integration, ModelAccess


def entry(provider="openai", secrets=(), **more):
    return entry_of(Integration(id="i", organisation="o", slug="s", name="n", provider=provider, **more), dict(secrets))


def test_a_key_is_the_api_key():
    assert entry(secrets={"key": "sk"}).api_key == "sk"


def test_secrets_are_told_from_what_may_be_read():
    plain, secret = split(
        {"aws_region": "eu-west-1", "aws_secret_access_key": "s3", "vertex_service_account_json": {"private_key": "p"}}
    )
    assert plain == {"aws_region": "eu-west-1"}
    assert secret == {
        "configurations.aws_secret_access_key": "s3",
        "configurations.vertex_service_account_json": '{"private_key": "p"}',
    }


def test_a_configuration_that_is_not_known_is_refused():
    with pytest.raises(Refusal, match="'x' is not known"):
        split({"x": 1})


def test_secrets_find_their_members():
    read = entry("bedrock", {"configurations.aws_secret_access_key": "s3"}, configurations={"aws_access_key_id": "a"})
    assert (read.aws_access_key_id, read.aws_secret_access_key) == ("a", "s3")


def test_headers_and_addresses_as_portkey_says_them():
    read = entry(
        secrets={"configurations.custom_headers": '{"x-team": "a"}'},
        configurations={"openai_organization": "org", "openai_project": "p", "custom_host": "https://h/v1"},
    )
    assert read.headers == {"openai-organization": "org", "openai-project": "p", "x-team": "a"}
    assert read.base_url == "https://h/v1"


def test_deployments_of_azure():
    read = entry(
        "azure-openai",
        configurations={
            "azure_auth_mode": "default",
            "azure_deployment_config": [
                {"azure_deployment_name": "d1", "azure_model_slug": "gpt-4o", "azure_api_version": "2024-01-01"},
                {"azure_deployment_name": "d2", "alias": "mini", "is_default": True, "azure_api_version": "v1"},
            ],
        },
    )
    assert read.azure_auth_mode == "apiKey"
    assert [(each.deployment_id, each.alias, each.is_default) for each in read.deployments] == [
        ("d1", "gpt-4o", False),
        ("d2", "mini", True),
    ]
    assert read.azure_api_version == "v1"
    assert entry("azure-openai", configurations={"azure_deployment_config": []}).deployments == []


@pytest.mark.parametrize("written", ["x", [1]])
def test_deployments_that_are_none(written):
    with pytest.raises(Refusal, match="list of deployments"):
        entry("azure-openai", configurations={"azure_deployment_config": written})


def test_models_that_may_be_used():
    models = [ModelAccess("gpt-4o"), ModelAccess("gpt-4o-mini", enabled=False)]
    assert entry(models=models).models == []
    assert entry(models=models, allow_all_models=False).models == ["gpt-4o"]
