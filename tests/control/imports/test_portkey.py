"""Portkey's files, part by part."""

import json

import pytest

from lockgate.control.imports import portkey
from lockgate.control.imports.findings import Findings
from lockgate.control.imports.source import BadSource, Source
from support.imports import Imported


def imported(tree, keep=False, **known):
    return Imported(portkey.convert, tree, keep, known=known)


def config(tree):
    """What becomes of one config."""
    return imported(tree).draft.configs["pc-config"]


# Configs


def test_the_grammar_of_configs_is_kept():
    tree = {
        "strategy": {"mode": "fallback", "on_status_codes": [429]},
        "retry": {"attempts": 2, "on_status_codes": [500]},
        "request_timeout": 1000,
        "targets": [
            {"provider": "@openai", "override_params": {"model": "gpt-4o", "metadata": {"camelCase": 1}}},
            {
                "strategy": {"mode": "loadbalance", "cb_config": {"failure_threshold": 5}},
                "targets": [{"provider": "@groq", "weight": 0.3, "name": "g"}],
            },
        ],
    }
    assert config(tree) == tree


def test_camel_case_is_the_same_member():
    tree = {
        "strategy": {"mode": "fallback", "onStatusCodes": [429]},
        "targets": [{"virtualKey": "openai", "requestTimeout": 9, "overrideParams": {"maxTokens": 1}}],
    }
    tree["strategy"]["cbConfig"] = {"failureThreshold": 3, "cooldownInterval": 30000}
    assert config(tree) == {
        "strategy": {
            "mode": "fallback",
            "on_status_codes": [429],
            "cb_config": {"failure_threshold": 3, "cooldown_interval": 30000},
        },
        "targets": [{"virtual_key": "openai", "request_timeout": 9, "override_params": {"maxTokens": 1}}],
    }


@pytest.mark.parametrize("spelling", ["use_retry_after_headers", "use_retry_after_header", "useRetryAfterHeaders"])
def test_both_spellings_of_retry_after_are_one(spelling):
    assert config({"provider": "openai", "retry": {"attempts": 1, spelling: True}})["retry"] == {
        "attempts": 1,
        "use_retry_after_header": True,
    }


def test_what_there_is_no_member_for_is_left_with_its_path():
    found = imported(
        {
            "targets": [
                {
                    "provider": "openai",
                    "cache": {"mode": "simple", "novel": 5},
                    "input_guardrails": ["pg-1"],
                    "prompt_id": "p",
                    "novelty": 1,
                }
            ],
            "retry": {"attempts": 1, "novel": 2},
            "strategy": {"mode": "loadbalance", "cb_config": {"novel": 3}, "sticky": {"ttl": 60, "novel": 4}},
        }
    )
    assert found.told("left").keys() == {
        "targets[0].cache.novel",
        "targets[0].input_guardrails",
        "targets[0].prompt_id",
        "targets[0].novelty",
        "retry.novel",
        "strategy.cb_config.novel",
        "strategy.sticky.novel",
    }
    assert found.draft.configs["pc-config"] == {
        "targets": [{"provider": "openai", "cache": {"mode": "simple"}}],
        "retry": {"attempts": 1},
        "strategy": {"mode": "loadbalance", "cb_config": {}, "sticky": {"ttl": 60}},
    }


def test_a_config_of_which_nothing_is_left_is_told():
    found = imported({"retry": None, "prompt_id": "p"})
    assert not found.draft.configs
    assert "nothing is left" in found.told("left")["file"]


def test_the_old_form_is_told():
    assert (
        "strategy and targets"
        in imported({"mode": "fallback", "options": [{"provider": "openai"}], "retry": {"attempts": 1}}).told("left")["options"]
    )


def test_secrets_of_a_config_become_variables():
    tree = {
        "targets": [
            {"provider": "openai", "api_key": "sk-one"},
            {"provider": "bedrock", "aws_access_key_id": "AKIA", "aws_secret_access_key": "s", "aws_region": "us-east-1"},
        ]
    }
    assert config(tree)["targets"] == [
        {"provider": "openai", "api_key": "${PC_CONFIG_API_KEY}"},
        {
            "provider": "bedrock",
            "aws_access_key_id": "${PC_CONFIG_AWS_ACCESS_KEY_ID}",
            "aws_secret_access_key": "${PC_CONFIG_AWS_SECRET_ACCESS_KEY}",
            "aws_region": "us-east-1",
        },
    ]
    assert "sk-one" in imported(tree, keep=True).text


def test_a_service_account_is_a_secret_as_an_object_too():
    tree = {"provider": "vertex-ai", "vertex_service_account_json": {"private_key": "clear"}}
    assert config(tree)["vertex_service_account_json"] == "${PC_CONFIG_VERTEX_SERVICE_ACCOUNT_JSON}"


def test_a_custom_host_needs_a_rule_and_the_key_of_a_stored_account_none():
    found = imported(
        {
            "targets": [
                {"provider": "openai", "api_key": "k", "custom_host": "https://[::1]:8/v1"},
                {"provider": "@openai", "custom_host": "https://x.example"},
            ]
        }
    )
    assert found.draft.egress == {"allow": ["::1"]}
    assert found.draft.configs["pc-config"]["targets"][1] == {"provider": "@openai"}
    assert "targets[1].custom_host" in found.told("left")


def test_saved_configs_keep_their_slugs():
    saved = [
        {"slug": "pc-a-1", "name": "A", "config": json.dumps({"provider": "openai"})},
        {"name": "My Config", "config": {"provider": "groq"}},
        {"success": True, "data": {"slug": "pc-a-1", "config": {"provider": "cohere"}}},
    ]
    assert imported(saved).draft.configs == {
        "pc-a-1": {"provider": "openai"},
        "pc-my-config": {"provider": "groq"},
        "pc-a-1-2": {"provider": "cohere"},
    }


@pytest.mark.parametrize("content", ["not json", "[1]", 3, "[" * 100_000])
def test_a_saved_config_that_cannot_be_read_is_told(content):
    assert imported({"slug": "pc-x", "config": content}).told("left") == {"config": "it cannot be read as a config"}


# Keys


def test_a_slug_that_only_configs_name_is_taken_by_its_name():
    found = imported(
        {"targets": [{"virtual_key": "openai-prod"}, {"provider": "@azure-openai-eu"}, {"provider": "@x"}, {"provider": "@y"}]},
        x="groq",
    )
    assert {slug: entry["provider"] for slug, entry in found.draft.providers.items()} == {
        "openai-prod": "openai",
        "azure-openai-eu": "azure-openai",
        "x": "groq",
    }
    assert "--provider y=NAME" in found.told("todo")["targets[3].provider"]
    assert "targets[0].virtual_key" in found.told("changed")
    assert "targets[2].provider" not in found.told("changed")


def test_a_slug_here_is_in_lower_case():
    found = imported(
        [
            {"object": "virtual-key", "slug": "Open AI!", "ai_provider_name": "openai"},
            {"config": {"virtual_key": "Open AI!"}, "slug": "pc-x"},
        ]
    )
    assert list(found.draft.providers) == ["open-ai"]
    assert found.draft.configs["pc-x"] == {"virtual_key": "open-ai"}
    assert "@open-ai" in found.told("changed")["[0]"]


@pytest.mark.parametrize(
    ("provider", "members"),
    [
        ("openai", {"api_key": "${K_API_KEY}"}),
        ("azure-openai", {"api_key": "${K_API_KEY}"}),
        ("bedrock", {"aws_access_key_id": "${K_AWS_ACCESS_KEY_ID}", "aws_secret_access_key": "${K_AWS_SECRET_ACCESS_KEY}"}),
        ("vertex-ai", {"vertex_service_account_json": "${K_VERTEX_SERVICE_ACCOUNT_JSON}"}),
        ("ollama", {}),
    ],
)
def test_what_stayed_in_the_vault_is_a_variable(provider, members):
    found = imported({"object": "virtual-key", "slug": "k", "ai_provider_name": provider})
    assert found.draft.providers["k"] == {"provider": provider, **members}
    assert bool(found.told("todo")) == bool(members)


def test_an_identity_needs_no_key():
    found = imported(
        {
            "object": "virtual-key",
            "slug": "k",
            "ai_provider_name": "bedrock",
            "model_config": {"awsRoleArn": "arn:aws:iam::1:role/r", "awsRegion": "eu-west-1"},
        }
    )
    assert found.draft.providers["k"] == {
        "provider": "bedrock",
        "aws_role_arn": "arn:aws:iam::1:role/r",
        "aws_region": "eu-west-1",
    }


def test_a_provider_has_what_its_integration_says():
    integration = {
        "object": "integration",
        "id": "u-1",
        "slug": "main",
        "ai_provider_id": "openai",
        "configurations": {
            "custom_host": "https://eu.example.com/v1",
            "custom_headers": {"X-Key": "clear", "X-Team": "t"},
            "novelty": 1,
        },
    }
    found = imported([{"object": "provider", "slug": "prod", "integration_id": "main"}, {"data": [integration]}])
    assert found.draft.providers == {
        "prod": {
            "provider": "openai",
            "base_url": "https://eu.example.com/v1",
            "headers": {"X-Key": "${PROD_X_KEY}", "X-Team": "t"},
            "api_key": "${PROD_API_KEY}",
        }
    }
    assert found.told("left") == {"[1].data[0].configurations.novelty": "there is no member for it"}


def test_an_integration_that_nobody_uses_is_a_provider():
    assert list(
        imported({"object": "integration", "id": "u-1", "slug": "main", "ai_provider_id": "openai"}).draft.providers
    ) == ["main"]


def test_models_that_are_enabled_may_be_used():
    models = [
        {"slug": "a", "enabled": True},
        {"slug": "b", "enabled": False},
        {"slug": "c", "status": "inactive"},
        {"slug": "d", "pricing_config": {"x": 1}},
    ]
    found = imported(
        {
            "integrations": [
                {"provider": "openai", "slug": "one", "models": models},
                {"provider": "openai", "slug": "two", "models": models, "allow_all_models": True},
            ]
        }
    )
    assert found.draft.providers["one"]["models"] == ["a", "d"]
    assert "models" not in found.draft.providers["two"]
    assert "prices" in found.told("left")["integrations[0].models"]


def test_a_provider_that_is_not_here_is_left():
    found = imported({"integrations": [{"provider": "klingon", "slug": "k"}, "x"]})
    assert "'klingon'" in found.told("left")["integrations[0]"]
    assert found.told("left")["integrations[1]"] == "it is no mapping"


def test_a_key_without_a_slug_is_left():
    assert imported({"object": "virtual-key"}).told("left")


@pytest.mark.parametrize("tree", [{"model_list": []}, [{"x": 1}], "text", [], {}, 7])
def test_what_is_none_of_portkeys_is_refused(tree, tmp_path):
    with pytest.raises(BadSource, match=r"x\.json"):
        portkey.convert(Source(tmp_path / "x.json", tree), False, Findings())
