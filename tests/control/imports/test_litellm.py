"""LiteLLM's configuration, part by part."""

import pytest

from lockgate.control.imports import litellm
from lockgate.control.imports.findings import Findings
from lockgate.control.imports.litellm.left import LEFT
from lockgate.control.imports.litellm.names import FOREIGN, NAMES, split
from lockgate.control.imports.source import BadSource, Source, read
from lockgate.providers.table import TABLE
from support.imports import Imported


def imported(text, keep=False):
    return Imported(litellm.convert, text, keep)


def one(params, **more):
    """A source with a single deployment."""
    return imported({"model_list": [{"model_name": "m", "litellm_params": params}], **more})


def group(*deployments, **more):
    """A source with several deployments of one name."""
    return imported({"model_list": [{"model_name": "m", "litellm_params": params} for params in deployments], **more})


OPENAI = {"model": "openai/gpt-4o", "api_key": "os.environ/OPENAI_API_KEY"}
GROQ = {"model": "groq/llama", "api_key": "os.environ/GROQ_API_KEY"}


# Names


def test_every_name_has_a_row():
    assert {name.slug for name in NAMES.values()} <= TABLE.keys()


def test_no_name_is_both_known_and_foreign():
    assert not NAMES.keys() & FOREIGN


@pytest.mark.parametrize(
    ("model", "said", "expected"),
    [
        ("openai/gpt-4o", "", ("openai", "gpt-4o")),
        ("openrouter/anthropic/claude-sonnet-4", "", ("openrouter", "anthropic/claude-sonnet-4")),
        ("gpt-4o", "", ("openai", "gpt-4o")),
        ("claude-sonnet-4-5", "", ("anthropic", "claude-sonnet-4-5")),
        ("gemini-2.5-flash", "", ("vertex_ai", "gemini-2.5-flash")),
        ("glm-4.6", "", ("zai", "glm-4.6")),
        ("gpt-4o", "azure", ("azure", "gpt-4o")),
        ("azure/gpt-4o", "azure", ("azure", "gpt-4o")),
        ("org/model", "hosted_vllm", ("hosted_vllm", "org/model")),
        ("watsonx/ibm/granite", "", ("watsonx", "ibm/granite")),
        ("nobody/knows", "", ("nobody", "knows")),
        ("unheard-of", "", ("", "unheard-of")),
    ],
)
def test_a_model_names_its_provider(model, said, expected):
    assert split(model, said) == expected


@pytest.mark.parametrize(
    ("model", "expected", "api"),
    [
        ("openai/responses/gpt-5", "gpt-5", "responses"),
        ("azure/o_series/o3", "o3", ""),
        ("bedrock/converse/us.anthropic.claude", "us.anthropic.claude", ""),
        ("bedrock/eu-west-1/anthropic.claude", "anthropic.claude", ""),
        ("openai/meta-llama/Llama-3.3", "meta-llama/Llama-3.3", ""),
    ],
)
def test_words_that_choose_an_api_are_no_part_of_the_model(model, expected, api):
    found = one({"model": model, "api_key": "os.environ/K"})
    (entry,) = found.draft.providers.values()
    assert entry["models"] == [expected]
    configs = list(found.draft.configs.values())
    assert [config.get("upstream_api", "") for config in configs] == ([api] if api else [])


def test_a_provider_that_is_not_here_is_left_out():
    found = imported(
        {
            "model_list": [
                {"model_name": "a", "litellm_params": {"model": "watsonx/granite"}},
                {"model_name": "b", "litellm_params": {"model": "unheard-of"}},
            ]
        }
    )
    assert not found.draft.providers and not found.draft.aliases
    assert "'watsonx'" in found.told("left")["model_list[0].litellm_params.model"]
    assert "no provider is known for 'unheard-of'" in found.told("left")["model_list[1].litellm_params.model"]


def test_an_unknown_provider_with_an_address_is_asked_in_openais_api():
    found = one({"model": "newone/m1", "api_base": "https://api.newone.ai/v1", "api_key": "os.environ/NEWONE_KEY"})
    assert found.draft.providers == {
        "openai-api.newone.ai": {
            "provider": "openai",
            "api_key": "${NEWONE_KEY}",
            "base_url": "https://api.newone.ai/v1",
            "models": ["m1"],
        }
    }
    assert "OpenAI's API" in found.told("changed")["model_list[0].litellm_params.model"]


def test_a_provider_that_only_passes_through_is_told():
    assert "/proxy/replicate/" in one({"model": "replicate/x"}).told("changed")["model_list[0].litellm_params"]


# Accounts and secrets


def test_a_key_in_the_clear_becomes_a_variable():
    found = one({"model": "openai/gpt-4o", "api_key": "sk-clear"})
    assert found.draft.providers["openai"]["api_key"] == "${OPENAI_API_KEY}"
    assert found.told("todo")["model_list[0].litellm_params.api_key"].endswith("as OPENAI_API_KEY")
    assert "sk-clear" not in found.text


def test_a_key_in_the_clear_is_kept_when_asked():
    found = Imported(
        litellm.convert, {"model_list": [{"model_name": "m", "litellm_params": {**OPENAI, "api_key": "sk-clear"}}]}, keep=True
    )
    assert found.draft.providers["openai"]["api_key"] == "sk-clear"
    assert "in the clear" in found.told("changed")["model_list[0].litellm_params.api_key"]


def test_no_secret_takes_the_variable_of_another():
    found = group({**OPENAI, "api_key": "sk-clear"}, OPENAI, {**OPENAI, "api_key": "sk-other"})
    assert [entry["api_key"] for entry in found.draft.providers.values()] == [
        "${OPENAI_API_KEY_2}",
        "${OPENAI_API_KEY}",
        "${OPENAI_3_API_KEY}",
    ]


def test_what_is_no_variables_name_is_a_secret():
    found = one({"model": "openai/gpt-4o", "api_key": "os.environ/not a name"})
    assert found.draft.providers["openai"]["api_key"] == "${OPENAI_API_KEY}"
    assert "not a name" not in found.text


@pytest.mark.parametrize("word", ["none", "EMPTY", "fake-key"])
def test_a_word_for_no_key_is_no_secret(word):
    found = one({"model": "hosted_vllm/m", "api_base": "http://localhost:8000/v1", "api_key": word})
    assert found.draft.providers["vllm"]["api_key"] == word
    assert not found.told("todo")


def test_a_key_that_nobody_says_comes_from_where_litellm_takes_it():
    assert one({"model": "together_ai/m"}).draft.providers["together-ai"]["api_key"] == "${TOGETHERAI_API_KEY}"


def test_the_same_account_is_one():
    found = imported(
        {"model_list": [{"model_name": name, "litellm_params": {**OPENAI, "model": f"openai/{name}"}} for name in "ab"]}
    )
    assert list(found.draft.providers) == ["openai"]
    assert found.draft.providers["openai"]["models"] == ["a", "b"]


def test_accounts_are_called_by_what_tells_them_apart():
    found = group(
        OPENAI,
        {**OPENAI, "api_key": "os.environ/OPENAI_API_KEY_TEAM_B"},
        {**OPENAI, "api_base": "https://eu.api.openai.com/v1"},
        {**OPENAI, "api_base": "http://localhost:9000/v1"},
        {**OPENAI, "api_base": "os.environ/MY_MODELS_BASE_URL"},
    )
    assert list(found.draft.providers) == [
        "openai",
        "openai-team-b",
        "openai-eu.api.openai.com",
        "openai-localhost-9000",
        "openai-my-models",
    ]


def test_no_key_goes_to_an_address_that_none_was_said_for():
    elsewhere = one({"model": "openai/m", "api_base": "https://llm.example.com/v1"})
    assert elsewhere.draft.providers["openai-llm.example.com"]["api_key"] == "none"
    assert "OPENAI_API_KEY" in elsewhere.told("changed")["model_list[0].litellm_params"]
    beside = one({"model": "openai/m", "api_base": "https://eu.api.openai.com/v1"})
    assert beside.draft.providers["openai-eu.api.openai.com"]["api_key"] == "${OPENAI_API_KEY}"


def test_an_address_that_is_the_rows_own_is_not_said():
    assert "base_url" not in one({**OPENAI, "api_base": "https://api.openai.com/v1/"}).draft.providers["openai"]


def test_an_endpoint_is_cut_from_an_address():
    found = one({**GROQ, "api_base": "https://gate.example.com/openai/v1/chat/completions"})
    assert found.draft.providers["groq-gate.example.com"]["base_url"] == "https://gate.example.com/openai/v1"


def test_what_litellm_appends_to_an_address_is_appended():
    found = one({"model": "anthropic/claude", "api_base": "https://gate.example.com", "api_key": "os.environ/K"})
    assert found.draft.providers["anthropic-gate.example.com"]["base_url"] == "https://gate.example.com/v1"


def test_an_address_inside_needs_a_rule():
    assert "egress.allow" in one({**OPENAI, "api_base": "http://vllm:8000/v1"}).told("todo")["model_list[0].litellm_params"]
    assert not one({**OPENAI, "api_base": "http://127.0.0.1:8000/v1"}).told("todo")


def test_headers_that_look_like_keys_are_secrets():
    found = one(
        {**OPENAI, "extra_headers": {"X-Team": "a", "Authorization": "Bearer os.environ/X", "X-Api-Key": "os.environ/SIDE_KEY"}}
    )
    assert found.draft.providers["openai"]["headers"] == {
        "X-Team": "a",
        "Authorization": "${OPENAI_AUTHORIZATION}",
        "X-Api-Key": "${SIDE_KEY}",
    }


def test_an_azure_deployment_goes_by_the_name_of_its_model():
    azure = {"api_base": "https://ours.openai.azure.com", "api_key": "os.environ/K"}
    models = [
        {"model_name": "a", "litellm_params": {"model": "azure/dep-1", **azure}, "model_info": {"base_model": "azure/gpt-4o"}},
        {"model_name": "b", "litellm_params": {"model": "azure/dep-2", **azure}, "model_info": {"base_model": "gpt-4o"}},
        {"model_name": "c", "litellm_params": {"model": "azure/dep-3", **azure}},
    ]
    found = imported({"model_list": models})
    assert found.draft.providers["azure-openai"]["deployments"] == [{"deployment_id": "dep-1", "alias": "gpt-4o"}]
    assert found.draft.aliases == {"a": "@azure-openai/gpt-4o", "b": "@azure-openai/dep-2", "c": "@azure-openai/dep-3"}
    assert "another deployment" in found.told("left")["model_list[1].model_info.base_model"]


def test_what_clouds_cannot_be_told_is_left():
    told = one({"model": "bedrock/m", "aws_profile_name": "p", "aws_sts_endpoint": "https://sts"}).told("left")
    assert "model_list[0].litellm_params.aws_profile_name" in told
    told = one({"model": "azure/m", "api_base": "https://r.openai.azure.com", "azure_password": "p"}).told("left")
    assert "model_list[0].litellm_params.azure_password" in told
    told = one({"model": "oci/m", "oci_key": "k", "oci_region": "us-chicago-1"}).told("left")
    assert "model_list[0].litellm_params.oci_key" in told


def test_a_credential_that_is_not_there_is_told():
    assert (
        "has no 'x'"
        in one({**OPENAI, "litellm_credential_name": "x"}).told("left")["model_list[0].litellm_params.litellm_credential_name"]
    )


# Deployments


def test_members_of_a_request_become_defaults():
    found = one({**OPENAI, "temperature": 0.1, "extra_body": {"seed": 7}, "metadata": {"team": "os.environ/TEAM"}})
    assert found.draft.configs["pc-m"]["default_params"] == {"seed": 7, "temperature": 0.1, "metadata": {"team": "${TEAM}"}}


def test_members_that_steer_litellm_are_left_and_never_sent():
    left = sorted(LEFT["litellm_params"].keys() - {"litellm_credential_name"})
    found = one({**OPENAI, **dict.fromkeys(left, 1)})
    assert found.draft.aliases == {"m": "@openai/gpt-4o"}
    assert {f"model_list[0].litellm_params.{name}" for name in left} <= found.told("left").keys()


def test_prices_are_per_million_and_exact():
    found = one(
        {**OPENAI, "input_cost_per_token": 0.00000015, "output_cost_per_token": "6e-07", "cache_read_input_token_cost": 7.5e-08}
    )
    assert found.draft.prices == {"openai/gpt-4o": {"input": 0.15, "output": 0.6, "cache_read": 0.075}}


def test_a_price_of_output_alone_is_a_price():
    assert one({**OPENAI, "output_cost_per_token": 0.00001}).draft.prices == {"openai/gpt-4o": {"input": 0, "output": 10}}


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(30, 30_000), (0.5, 500), ("45", 45_000), (7200, 3_600_000), (0, None), ("os.environ/T", None), (True, None)],
)
def test_a_timeout_is_in_milliseconds(seconds, expected):
    found = one({**OPENAI, "timeout": seconds})
    assert found.draft.configs.get("pc-m", {}).get("request_timeout") == expected
    if expected is None:
        assert "model_list[0].litellm_params.timeout" in found.told("left")


def test_entries_that_are_nothing_are_told():
    found = imported(
        {
            "model_list": [
                "x",
                {"litellm_params": OPENAI},
                {"model_name": "m"},
                {"model_name": "n", "litellm_params": {}},
                {"model_name": "o", "litellm_params": OPENAI, "tpm": 1},
            ]
        }
    )
    assert found.told("left").keys() >= {
        "model_list[0]",
        "model_list[1]",
        "model_list[2].litellm_params",
        "model_list[3].litellm_params",
        "model_list[4].tpm",
    }
    assert list(found.draft.aliases) == ["o"]


# Groups


def strategy(found, name="pc-m"):
    return found.draft.configs[name]["strategy"]


def test_a_group_draws_another_deployment_where_one_fails():
    found = group(OPENAI, GROQ)
    assert strategy(found)["mode"] == "loadbalance"
    assert {"server", "rate_limit", "connect", "auth"} <= set(strategy(found)["on_failures"])
    assert not {"bad_request", "context_window", "content_policy"} & set(strategy(found)["on_failures"])
    assert all("retry" not in target for target in found.draft.configs["pc-m"]["targets"])


def test_without_retries_nothing_is_drawn_again():
    assert "on_failures" not in strategy(group(OPENAI, GROQ, router_settings={"num_retries": 0}))


@pytest.mark.parametrize(
    ("retries", "deployments", "again"), [(1, 2, 0), (2, 2, 0), (3, 2, 1), (5, 2, 2), (5, 3, 1), (3, 1, 3), (99, 1, 10)]
)
def test_there_are_never_more_tries_than_at_litellm(retries, deployments, again):
    accounts = [{**OPENAI, "api_key": f"os.environ/K{n}"} for n in range(deployments)]
    config = group(*accounts, router_settings={"num_retries": retries}).draft.configs.get("pc-m", {})
    assert [target.get("retry", {}).get("attempts", 0) for target in config.get("targets", [config])] == [again] * deployments
    assert (again + 1) * deployments <= retries + 1


def test_a_deployments_own_retries_come_first():
    found = group({**OPENAI, "max_retries": 0}, {**GROQ, "num_retries": 2}, router_settings={"num_retries": 9})
    assert [target.get("retry") for target in found.draft.configs["pc-m"]["targets"]] == [None, {"attempts": 2}]


@pytest.mark.parametrize(
    ("one", "other", "weights"),
    [
        ({"weight": 3, "rpm": 1}, {"weight": 1, "rpm": 9}, [3, 1]),
        ({"rpm": 600, "tpm": 1}, {"rpm": 300}, [600, 300]),
        ({"tpm": 10}, {"tpm": 20}, [10, 20]),
        ({"rpm": 600}, {}, [600, 0]),
        ({}, {}, [None, None]),
    ],
)
def test_the_first_number_that_anyone_has_is_the_weight(one, other, weights):
    found = group({**OPENAI, **one}, {**GROQ, **other})
    assert [target.get("weight") for target in found.draft.configs["pc-m"]["targets"]] == weights
    assert ("model_list: m" in found.told("changed")) == (0 in weights)


def test_a_lower_order_goes_first():
    found = group({**OPENAI, "order": 2}, {**GROQ, "order": 1}, {"model": "cohere/c"})
    config = found.draft.configs["pc-m"]
    assert config["strategy"] == {"mode": "fallback"}
    assert [target["provider"] for target in config["targets"]] == ["@groq", "@openai", "@cohere"]


@pytest.mark.parametrize(
    ("said", "method"),
    [
        ("simple-shuffle", None),
        ("least-busy", "least_busy"),
        ("latency-based-routing", "latency"),
        ("cost-based-routing", "cost"),
        ("usage-based-routing-v2", "quota"),
        ("lar1", None),
    ],
)
def test_a_routing_strategy_is_a_method(said, method):
    found = group(OPENAI, GROQ, router_settings={"routing_strategy": said})
    assert strategy(found).get("method") == method
    if said in ("lar1", "usage-based-routing-v2"):
        assert "router_settings.routing_strategy" in found.told("changed")


def test_a_routing_group_has_a_method_of_its_own():
    groups = [{"group_name": "g", "models": ["m"], "routing_strategy": "least-busy"}]
    assert strategy(group(OPENAI, GROQ, router_settings={"routing_groups": groups}))["method"] == "least_busy"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, None),
        ({"allowed_fails": 0}, {"failure_threshold": 1}),
        ({"allowed_fails": 3, "cooldown_time": 60}, {"failure_threshold": 4, "cooldown_interval": 60_000}),
        ({"cooldown_time": 0.2}, {"failure_threshold_percentage": 50, "minimum_requests": 5, "cooldown_interval": 1000}),
        ({"allowed_fails": 3, "disable_cooldowns": True}, False),
    ],
)
def test_cooldowns_are_a_breaker(said, expected):
    assert strategy(group(OPENAI, GROQ, router_settings=said)).get("cb_config") == expected


@pytest.mark.parametrize(
    ("policy", "retries", "expected"),
    [
        ({"RateLimitErrorRetries": 4}, None, {"attempts": 4}),
        (
            {"RateLimitErrorRetries": 0},
            3,
            {"attempts": 3, "on_failures": ["timeout", "server", "connect", "cut", "malformed", "overloaded"]},
        ),
        ({"AuthenticationErrorRetries": 1, "DefaultRetries": 0}, 3, {"attempts": 1, "on_failures": ["auth"]}),
        ({"TimeoutErrorRetries": 50}, None, {"attempts": 10}),
        (
            {
                "RateLimitErrorRetries": 0,
                "TimeoutErrorRetries": 0,
                "InternalServerErrorRetries": 0,
                "ServiceUnavailableErrorRetries": 0,
            },
            3,
            None,
        ),
    ],
)
def test_a_retry_policy_says_after_what_and_how_often(policy, retries, expected):
    said = {"retry_policy": policy, **({} if retries is None else {"num_retries": retries})}
    assert group(OPENAI, router_settings=said).draft.configs.get("pc-m", {}).get("retry") == expected


def test_a_group_can_have_a_retry_policy_of_its_own():
    said = {"num_retries": 1, "model_group_retry_policy": {"m": {"DefaultRetries": 5}}}
    assert group(OPENAI, router_settings=said).draft.configs["pc-m"]["retry"] == {"attempts": 5}


# Fallbacks


def three(**more):
    models = [
        {"model_name": name, "litellm_params": {"model": f"openai/{name}", "api_key": "os.environ/K"}}
        for name in ("a", "b", "c")
    ]
    return imported({"model_list": models, **more})


def order(config):
    return [target.get("name") or target["override_params"]["model"] for target in config["targets"]]


def test_fallbacks_go_on_to_the_fallbacks_of_fallbacks():
    found = three(litellm_settings={"fallbacks": [{"a": ["b"]}, {"b": ["c", "a"]}]})
    assert order(found.draft.configs["pc-a"]) == ["a", "b", "c"]
    assert order(found.draft.configs["pc-b"]) == ["b", "c", "a"]
    assert found.draft.configs["pc-a"]["strategy"] == {"mode": "fallback"}
    assert found.draft.aliases == {"a": {"config": "pc-a"}, "b": {"config": "pc-b"}, "c": "@openai/c"}


def test_default_fallbacks_are_for_those_that_have_none():
    found = three(litellm_settings={"fallbacks": [{"a": ["b"]}], "default_fallbacks": ["c"]})
    assert order(found.draft.configs["pc-a"]) == ["a", "b", "c"]
    assert order(found.draft.configs["pc-b"]) == ["b", "c"]
    assert found.draft.aliases["c"] == "@openai/c"


def test_a_list_for_one_kind_takes_it_from_the_general_one():
    found = three(
        router_settings={
            "fallbacks": [{"a": ["b"]}],
            "context_window_fallbacks": [{"a": ["c"]}],
            "content_policy_fallbacks": [],
        }
    )
    outer = found.draft.configs["pc-a"]
    assert outer["strategy"] == {"mode": "fallback", "on_failures": ["context_window"]}
    assert order({"targets": outer["targets"][1:]}) == ["c"]
    inner = outer["targets"][0]
    assert order(inner) == ["a", "b"]
    assert {"server", "bad_request"} <= set(inner["strategy"]["on_failures"])
    assert not {"context_window", "content_policy"} & set(inner["strategy"]["on_failures"])


def test_router_settings_go_before_litellm_settings():
    found = three(
        router_settings={"fallbacks": [{"a": ["b"]}], "num_retries": 1},
        litellm_settings={"fallbacks": [{"a": ["c"]}], "num_retries": 7},
    )
    assert order(found.draft.configs["pc-a"]) == ["a", "b"]
    assert found.draft.configs["pc-c"]["retry"] == {"attempts": 1}


def test_a_fallback_may_be_what_a_pattern_stands_for():
    models = [
        {"model_name": "a", "litellm_params": OPENAI},
        {"model_name": "claude/*", "litellm_params": {"model": "anthropic/claude-*"}},
    ]
    found = imported({"model_list": models, "router_settings": {"fallbacks": [{"a": ["claude/haiku", "other/x"]}]}})
    assert found.draft.configs["pc-a"]["targets"][1]["override_params"] == {"model": "claude-haiku"}
    assert found.draft.providers["anthropic"]["models"] == ["claude-*"]
    assert "names no group" in found.told("left")["fallbacks: other/x"]
    assert "claude/*" not in found.draft.aliases


def test_a_pattern_for_all_leaves_the_models_open():
    found = imported({"model_list": [{"model_name": "*", "litellm_params": {"model": "openai/*"}}]})
    assert "models" not in found.draft.providers["openai"]
    assert "own name" in found.told("changed")["model_list[0].litellm_params"]


def test_a_name_that_no_alias_can_have_is_left():
    found = imported(
        {"model_list": [{"model_name": "@m", "litellm_params": OPENAI}, {"model_name": "x" * 201, "litellm_params": OPENAI}]}
    )
    assert not found.draft.aliases
    assert len([says for says in found.told("left").values() if "alias" in says]) == 2


def test_configs_of_names_that_look_alike_are_told_apart():
    models = [{"model_name": name, "litellm_params": {**OPENAI, "timeout": 3}} for name in ("a b", "a-b", "日本")]
    assert list(imported({"model_list": models}).draft.configs) == ["pc-a-b", "pc-a-b-2", "pc-group"]


# Settings


def test_the_master_key_opens_completions():
    found = one(OPENAI, general_settings={"master_key": "os.environ/LITELLM_MASTER_KEY"})
    assert found.draft.keys == [{"name": "litellm-master", "key": "${LITELLM_MASTER_KEY}"}]


@pytest.mark.parametrize(
    ("general", "litellm_settings", "log"),
    [
        ({}, {}, {"capture": "metadata"}),
        ({"store_prompts_in_spend_logs": True}, {}, {}),
        ({"store_prompts_in_spend_logs": True}, {"turn_off_message_logging": True}, {"capture": "metadata"}),
        ({"maximum_spend_logs_retention_period": "72h"}, {}, {"capture": "metadata", "retention_days": 3}),
        ({"maximum_spend_logs_retention_period": "soon"}, {}, {"capture": "metadata"}),
    ],
)
def test_what_is_kept_of_bodies_stays_so(general, litellm_settings, log):
    assert one(OPENAI, general_settings=general, litellm_settings=litellm_settings).draft.log == log


@pytest.mark.parametrize(
    ("router", "litellm_settings", "expected"),
    [
        ({"timeout": 30}, {"request_timeout": 60}, {"first_byte": 30}),
        ({}, {"request_timeout": 1.5}, {"first_byte": 1.5}),
        ({}, {"request_timeout": 900}, {"first_byte": 900, "total": 900}),
        ({}, {}, {}),
    ],
)
def test_the_timeout_of_all_is_said_once(router, litellm_settings, expected):
    assert one(OPENAI, router_settings=router, litellm_settings=litellm_settings).draft.timeouts == expected


def test_every_known_member_has_its_reason():
    for section in ("router_settings", "litellm_settings", "general_settings"):
        told = one(OPENAI, **{section: dict.fromkeys(LEFT[section], 1)}).told("left")
        assert all(told[f"{section}.{name}"] == why for name, why in LEFT[section].items()), section
    told = one(OPENAI, **{name: [1] for name in LEFT["sections"]}).told("left")
    assert all(told[name] == why for name, why in LEFT["sections"].items())


def test_a_member_that_nobody_knows_is_told_and_one_that_is_off_is_not():
    told = one(OPENAI, litellm_settings={"novelty": 1, "cache": False}, novel_section={"x": 1}).told("left")
    assert told["litellm_settings.novelty"] == told["novel_section"] == "there is nothing like it here"
    assert "litellm_settings.cache" not in told


def test_environment_variables_are_named_and_not_copied():
    found = one(OPENAI, environment_variables={"OPENAI_API_KEY": "sk-clear", "OTHER": "x-clear"})
    assert "environment_variables.OPENAI_API_KEY" in found.told("todo")
    assert "environment_variables.OTHER" in found.told("left")
    assert "clear" not in found.text


# Files


def test_included_files_are_read(tmp_path):
    (tmp_path / "config.yaml").write_text(
        "include: [more/models.yaml]\nmodel_list: [{model_name: a, litellm_params: {model: openai/a}}]\n"
    )
    (tmp_path / "more").mkdir()
    (tmp_path / "more/models.yaml").write_text(
        "include: [models.yaml, router.yaml]\nmodel_list: [{model_name: b, litellm_params: {model: openai/b}}]\n"
    )
    (tmp_path / "more/router.yaml").write_text("router_settings: {num_retries: 1}\n")
    draft = litellm.convert(read(tmp_path / "config.yaml"), False, Findings())
    assert list(draft.aliases) == ["a", "b"]
    assert draft.configs["pc-b"]["retry"] == {"attempts": 1}


def test_files_elsewhere_are_not_read(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secret.yaml").write_text("model_list: [{model_name: stolen, litellm_params: {model: openai/x}}]")
    (home / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    for name in ("../secret.yaml", str(tmp_path / "secret.yaml"), "link.yaml"):
        (home / "config.yaml").write_text(f"include: ['{name}']\nmodel_list: []\n")
        findings = Findings()
        assert not litellm.convert(read(home / "config.yaml"), False, findings).aliases
        assert "lies outside" in next(finding.says for finding in findings.all() if finding.at == "include")


def test_a_file_that_is_missing_is_told_with_its_path(tmp_path):
    (tmp_path / "config.yaml").write_text("include: [gone.yaml]\nmodel_list: []\n")
    with pytest.raises(BadSource, match=r"gone\.yaml cannot be read"):
        litellm.convert(read(tmp_path / "config.yaml"), False, Findings())


@pytest.mark.parametrize(("text", "why"), [("- a", "it is no mapping"), ("include: [more.yaml]", "more than 32 files")])
def test_an_include_that_makes_no_sense_is_refused(tmp_path, text, why):
    (tmp_path / "config.yaml").write_text("include: [more.yaml]\nmodel_list: []\n")
    (tmp_path / "more.yaml").write_text(text if text.startswith("-") else f"include: {[f'{n}.yaml' for n in range(40)]}")
    for n in range(40):
        (tmp_path / f"{n}.yaml").write_text("{}")
    with pytest.raises(BadSource, match=why):
        litellm.convert(read(tmp_path / "config.yaml"), False, Findings())


def test_a_section_that_is_given_twice_is_told(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("model_list: []\nrouter_settings: {num_retries: 1}\nrouter_settings: {num_retries: 2}\n")
    findings = Findings()
    litellm.convert(read(path), False, findings)
    assert [finding.at for finding in findings.all() if "twice" in finding.says] == ["router_settings"]


@pytest.mark.parametrize("tree", [[], "text", 3, {"providers": {}}])
def test_what_is_none_of_litellms_is_refused(tree, tmp_path):
    with pytest.raises(BadSource, match="no configuration of LiteLLM's"):
        litellm.convert(Source(tmp_path / "x.yaml", tree), False, Findings())


@pytest.mark.parametrize(
    "tree", [{"model_list": 3}, {"model_list": [], "router_settings": [1], "litellm_settings": "x", "general_settings": 7}]
)
def test_parts_of_a_wrong_type_are_told(tree):
    assert imported(tree).told("left")
