"""Accounts as `litellm_params` say them, one by one, and the entries of `providers` that they become."""

import pytest

from lockgate.control.imports import litellm
from support.imports import Imported, checked

KEY = {"api_key": "os.environ/K"}


def entry(params):
    found = Imported(litellm.convert, {"model_list": [{"model_name": "m", "litellm_params": params}]})
    (said,) = found.draft.providers.values()
    return {name: value for name, value in said.items() if name != "models"}, found


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (
            {"model": "azure/d", "api_base": "https://r.openai.azure.com/", **KEY},
            {"api_key": "${K}", "azure_resource_name": "r"},
        ),
        (
            {"model": "azure/d", "api_base": "https://r.cognitiveservices.azure.com", **KEY},
            {"provider": "azure-openai", "api_key": "${K}", "base_url": "https://r.cognitiveservices.azure.com/openai"},
        ),
        (
            {"model": "azure/d", "api_base": "https://gate.example.com/openai/", "azure_ad_token": "os.environ/T"},
            {"provider": "azure-openai", "azure_ad_token": "${T}", "base_url": "https://gate.example.com/openai"},
        ),
        (
            {
                "model": "azure/d",
                "api_base": "https://r.openai.azure.com",
                "client_secret": "os.environ/S",
                "client_id": "c",
                "tenant_id": "t",
                "azure_scope": "s",
                **KEY,
            },
            {
                "azure_auth_mode": "entra",
                "azure_entra_tenant_id": "t",
                "azure_entra_client_id": "c",
                "azure_entra_client_secret": "${S}",
                "azure_entra_scope": "s",
                "api_key": "${K}",
                "azure_resource_name": "r",
            },
        ),
        (
            {
                "model": "azure_ai/d",
                "api_base": "https://r.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
                **KEY,
            },
            {"api_key": "${K}", "azure_resource_name": "r", "azure_api_version": "2024-05-01-preview"},
        ),
        (
            {"model": "azure_ai/d", "api_base": "https://d.eastus.models.ai.azure.com/v1", **KEY},
            {"api_key": "${K}", "azure_foundry_url": "https://d.eastus.models.ai.azure.com"},
        ),
        (
            {"model": "azure_ai/d"},
            {"api_key": "${AZURE_AI_API_KEY}", "azure_foundry_url": "${AZURE_AI_API_BASE}"},
        ),
        ({"model": "bedrock/m"}, {"aws_region": "${AWS_REGION:-us-west-2}"}),
        (
            {
                "model": "bedrock/m",
                "region_name": "eu-west-1",
                "aws_session_token": "clear",
                "aws_external_id": "x",
                "api_key": "os.environ/B",
            },
            {
                "aws_region": "eu-west-1",
                "aws_external_id": "x",
                "aws_session_token": "${BEDROCK_AWS_SESSION_TOKEN}",
                "api_key": "${B}",
            },
        ),
        (
            {"model": "bedrock/m", "aws_region_name": "eu-west-1", "aws_bedrock_runtime_endpoint": "https://vpce.example.com/"},
            {"aws_region": "eu-west-1", "base_url": "https://vpce.example.com"},
        ),
        (
            {"model": "sagemaker_chat/endpoint", "aws_region_name": "os.environ/REGION"},
            {"provider": "sagemaker", "aws_region": "${REGION}"},
        ),
        (
            {"model": "vertex_ai/gemini-2.5-flash", "vertex_credentials": {"type": "service_account", "private_key": "clear"}},
            {
                "vertex_region": "${VERTEXAI_LOCATION:-us-central1}",
                "vertex_service_account_json": "${VERTEX_AI_SERVICE_ACCOUNT_JSON}",
            },
        ),
        (
            {
                "model": "vertex_ai/gemini-2.5-flash",
                "vertex_location": "global",
                "api_key": "os.environ/V",
                "api_base": "https://g.example.com/",
            },
            {
                "vertex_region": "global",
                "vertex_project_id": "${VERTEXAI_PROJECT}",
                "api_key": "${V}",
                "base_url": "https://g.example.com",
            },
        ),
        (
            {"model": "vertex_ai/gemini-2.5-flash", "vertex_project": "p"},
            {
                "vertex_region": "${VERTEXAI_LOCATION:-us-central1}",
                "vertex_project_id": "p",
                "vertex_auth_type": "applicationDefault",
            },
        ),
        (
            {
                "model": "cloudflare/@cf/m",
                "api_base": f"https://api.cloudflare.com/client/v4/accounts/{'a' * 32}/ai/run/",
                **KEY,
            },
            {"api_key": "${K}", "workers_ai_account_id": "a" * 32},
        ),
        (
            {
                "model": "snowflake/m",
                "api_base": "https://org-acct.snowflakecomputing.com/api/v2/cortex/inference:complete",
                **KEY,
            },
            {"api_key": "${K}", "snowflake_account": "org-acct"},
        ),
        ({"model": "oci/m", "oci_region": "us-chicago-1", **KEY}, {"api_key": "${K}", "oracle_region": "us-chicago-1"}),
        ({"model": "predibase/m", "tenant_id": "t1", **KEY}, {"api_key": "${K}", "params": {"tenant_id": "t1"}}),
        (
            {"model": "codestral/codestral-latest"},
            {"provider": "mistral-ai", "api_key": "${CODESTRAL_API_KEY}", "base_url": "https://codestral.mistral.ai/v1"},
        ),
        ({"model": "v0/v0-1.5-md"}, {"provider": "openai", "api_key": "${V0_API_KEY}", "base_url": "https://api.v0.dev/v1"}),
        ({"model": "ollama_chat/qwen3"}, {}),
        ({"model": "hosted_vllm/m", "api_base": "os.environ/VLLM_URL"}, {"base_url": "${VLLM_URL}"}),
    ],
    ids=lambda value: value.get("model", "") if isinstance(value, dict) else "",
)
def test_an_account_becomes_an_entry(params, expected):
    said, found = entry(params)
    assert said | {"provider": expected.get("provider", "")} == expected | {"provider": expected.get("provider", "")}
    assert "clear" not in found.text.replace("in the clear", "")


@pytest.mark.parametrize(
    "params",
    [
        {"model": "openai/m", **KEY},
        {"model": "anthropic/m", "api_base": "https://gate.example.com", **KEY},
        {"model": "azure/d", "api_base": "os.environ/AZURE_API_BASE", **KEY},
        {"model": "bedrock/m", "aws_access_key_id": "a", "aws_secret_access_key": "b"},
        {"model": "vertex_ai/gemini-2.5-flash", "vertex_project": "p", "vertex_credentials": "/key.json"},
        {"model": "snowflake/m", "account_id": "org-acct"},
        {"model": "oci/m", "oci_region": "us-chicago-1"},
        {"model": "cloudflare/@cf/m"},
    ],
    ids=lambda params: params["model"],
)
def test_what_an_account_becomes_is_good(params):
    _, found = entry(params)
    assert next(iter(found.draft.providers)) in checked(found.text).providers


def test_members_of_a_wrong_type_are_told_and_left():
    _, found = entry(
        {"model": "openai/m", "api_key": ["x"], "extra_headers": 3, "additional_drop_params": "user", "timeout": [1]}
    )
    left = found.told("left")
    assert left["model_list[0].litellm_params.api_key"] == "it is not a text"
    assert left["model_list[0].litellm_params.extra_headers"] == "it is not a mapping"
    assert left["model_list[0].litellm_params.additional_drop_params"] == "it is not a list"
    assert left["model_list[0].litellm_params.timeout"] == "it is not a number"
