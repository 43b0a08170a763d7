"""Google's and Azure's models, front to back: addresses, bodies, tokens, deployments, and what is said when a setting is missing."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lockgate.control.config import BadConfig
from support.asgi import ask
from support.house import AUTH, make_app, make_house, records
from support.scripted import ScriptedClient, ScriptedExchange, events

CHAT = {"messages": [{"role": "user", "content": "ping"}]}
CLAUDE = {"max_tokens": 9, "messages": [{"role": "user", "content": "ping"}], "x_unknown": [1]}
VERTEX = {"provider": "vertex-ai", "api_key": "ya29.token", "vertex_project_id": "proj-1", "vertex_region": "europe-west4"}
AZURE = {"provider": "azure-openai", "api_key": "az-key-0123456789", "resource_name": "res-1"}
FOUNDRY = {"provider": "azure-ai", "api_key": "az-key-0123456789", "azure_resource_name": "res-1"}
GEMINI = b'{"candidates":[{"content":{"role":"model","parts":[{"text":"pong"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":1},"modelVersion":"gemini-2.5-flash"}'
COMPLETION = b'{"id":"c","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"pong"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}'
MESSAGE = b'{"id":"m","type":"message","role":"assistant","model":"claude-sonnet-4-5","content":[{"type":"text","text":"pong"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":1}}'
STREAM = (
    (
        "message_start",
        {"type": "message_start", "message": {"id": "m", "model": "c", "usage": {"input_tokens": 3, "output_tokens": 1}}},
    ),
    ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "pong"}}),
    ("content_block_stop", {"type": "content_block_stop", "index": 0}),
    ("message_delta", {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}),
    ("message_stop", {"type": "message_stop"}),
)
TOKEN = b'{"access_token":"ya29.minted","expires_in":3599}'


@pytest.fixture
def app(tmp_path):
    return house(tmp_path)


def house(tmp_path, config="", **environment):
    app = make_app(tmp_path, config, **environment)
    app.tmp = tmp_path
    return app


def post(app, path, body, *answers, config=None, headers=()):
    client = app.runtime.clients["https"] = ScriptedClient(
        *(ScriptedExchange(200, a) if isinstance(a, bytes) else a for a in answers)
    )
    said = [("x-portkey-config", json.dumps(config))] if config else []
    key = [("x-portkey-api-key", AUTH[0][1].removeprefix("Bearer "))] if config else AUTH
    return ask(app.gateway, "POST", path, body=body, headers=[*key, *said, *headers]), client


def place(client, number=-1):
    destination, outgoing = client.sent[number]
    return f"{destination.scheme}://{destination.host}{outgoing.target.decode()}"


class TestVertex:
    @pytest.mark.parametrize(
        ("region", "host"),
        [
            ("europe-west4", "europe-west4-aiplatform.googleapis.com"),
            ("global", "aiplatform.googleapis.com"),
            ("us", "aiplatform.us.rep.googleapis.com"),
            ("eu", "aiplatform.eu.rep.googleapis.com"),
        ],
    )
    def test_gemini_is_asked_in_its_region(self, app, region, host):
        config = {**VERTEX, "vertex_region": region}
        answer, client = post(app, "/v1/chat/completions", {**CHAT, "model": "gemini-2.5-flash"}, GEMINI, config=config)
        assert answer.json["choices"][0]["message"]["content"] == "pong"
        path = f"/v1/projects/proj-1/locations/{region}/publishers/google/models/gemini-2.5-flash:generateContent"
        assert place(client) == f"https://{host}{path}"
        assert client.headers[b"authorization"] == b"Bearer ya29.token"

    @pytest.mark.parametrize(
        "model", ["claude-sonnet-4-5@20250929", "anthropic.claude-sonnet-4-5@20250929", "anthropic/claude-sonnet-4-5@20250929"]
    )
    def test_claude_is_asked_in_its_own_dialect(self, app, model):
        headers = [("anthropic-beta", "context-1m"), ("anthropic-version", "2023-06-01")]
        answer, client = post(app, "/v1/messages", {**CLAUDE, "model": model}, MESSAGE, config=VERTEX, headers=headers)
        assert answer.body == MESSAGE
        path = "/v1/projects/proj-1/locations/europe-west4/publishers/anthropic/models/claude-sonnet-4-5@20250929:rawPredict"
        assert place(client) == f"https://europe-west4-aiplatform.googleapis.com{path}"
        assert client.body == {**CLAUDE, "anthropic_version": "vertex-2023-10-16"}
        assert client.headers[b"anthropic-beta"] == b"context-1m"
        (record,) = records(app.tmp)
        assert (record.gear, record.model_sent, record.cost_nusd is not None) == ("edit", "claude-sonnet-4-5@20250929", True)

    def test_what_the_caller_says_of_the_version_stays(self, app):
        body = {**CLAUDE, "model": "claude-opus-4-5", "anthropic_version": "vertex-9"}
        _, client = post(app, "/v1/messages", body, MESSAGE, config=VERTEX)
        assert client.body == {**CLAUDE, "anthropic_version": "vertex-9"}

    def test_a_chat_is_translated_for_claude_and_streamed_by_its_path(self, app):
        body = {**CHAT, "model": "claude-sonnet-4-5", "stream": True}
        answer, client = post(app, "/v1/chat/completions", body, events(*STREAM), config=VERTEX)
        assert b'"content":"pong"' in answer.body and answer.body.endswith(b"data: [DONE]\n\n")
        assert place(client).endswith("/publishers/anthropic/models/claude-sonnet-4-5:streamRawPredict")
        assert "model" not in client.body and client.body["stream"] and client.body["anthropic_version"]

    def test_claudes_tokens_are_counted_by_one_path_for_all(self, app):
        body = {"model": "claude-sonnet-4-5", "messages": CLAUDE["messages"]}
        answer, client = post(app, "/v1/messages/count_tokens", body, b'{"input_tokens":8}', config=VERTEX)
        assert answer.json == {"input_tokens": 8}
        assert place(client).endswith("/publishers/anthropic/models/count-tokens:rawPredict")
        assert client.body == {**body, "anthropic_version": "vertex-2023-10-16"}

    @pytest.mark.parametrize(
        ("model", "path", "sent"),
        [
            ("meta/llama-3.3-70b-instruct-maas", "/endpoints/openapi/chat/completions", "meta/llama-3.3-70b-instruct-maas"),
            ("meta.llama-3.3-70b-instruct-maas", "/endpoints/openapi/chat/completions", "meta/llama-3.3-70b-instruct-maas"),
            ("mistralai.mistral-medium-3", "/publishers/mistralai/models/mistral-medium-3:rawPredict", "mistral-medium-3"),
            ("endpoints.1234567890", "/endpoints/1234567890/chat/completions", ""),
        ],
    )
    def test_other_makers_models_speak_chat(self, app, model, path, sent):
        answer, client = post(
            app, "/v1/chat/completions", {**CHAT, "model": model, "max_completion_tokens": 5}, COMPLETION, config=VERTEX
        )
        assert answer.body == COMPLETION
        assert (
            place(client) == f"https://europe-west4-aiplatform.googleapis.com/v1/projects/proj-1/locations/europe-west4{path}"
        )
        assert client.body == {**CHAT, "model": sent, "max_tokens": 5}

    def test_an_express_key_needs_no_project(self, app):
        config = {"provider": "vertex-ai", "api_key": "AIzaSyExpress", "vertex_auth_type": "apiKey"}
        _, client = post(app, "/v1/chat/completions", {**CHAT, "model": "gemini-2.5-flash"}, GEMINI, config=config)
        assert place(client) == "https://aiplatform.googleapis.com/v1/publishers/google/models/gemini-2.5-flash:generateContent"
        assert client.headers[b"x-goog-api-key"] == b"AIzaSyExpress" and b"authorization" not in client.headers

    def test_a_service_account_of_the_caller_has_a_token_fetched_once(self, app):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form = serialization.PrivateFormat.PKCS8
        pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
        account = {
            "client_email": "llm@p.iam",
            "private_key": pem,
            "project_id": "sa-proj",
            "token_uri": "https://evil.example/t",
        }
        config = {"provider": "vertex-ai", "vertex_region": "global", "vertex_service_account_json": account}
        body = {**CHAT, "model": "gemini-2.5-flash"}
        _, client = post(app, "/v1/chat/completions", body, TOKEN, GEMINI, config=config)
        assert place(client, 0) == "https://oauth2.googleapis.com/token"
        assert "/projects/sa-proj/" in place(client, 1) and client.headers[b"authorization"] == b"Bearer ya29.minted"
        _, client = post(app, "/v1/chat/completions", body, GEMINI, config=config)
        assert len(client.sent) == 1 and client.headers[b"authorization"] == b"Bearer ya29.minted"
        assert "PRIVATE" not in repr(records(app.tmp))

    @pytest.mark.parametrize(
        ("change", "param", "words"),
        [
            ({"vertex_region": ""}, "vertex_region", "set vertex_region"),
            ({"vertex_project_id": ""}, "vertex_project_id", "set vertex_project_id"),
            ({"vertex_region": "evil.example/"}, "vertex_region", "vertex_region"),
            ({"vertex_project_id": "../x"}, "vertex_project_id", "vertex_project_id"),
            ({"vertex_auth_type": "metadata"}, "vertex_auth_type", "its operator can lend"),
        ],
    )
    @pytest.mark.parametrize(("path", "body"), [("/v1/chat/completions", CHAT), ("/v1/messages", CLAUDE)])
    def test_what_is_missing_or_unsafe_is_named_in_the_callers_dialect(self, app, change, param, words, path, body):
        answer, client = post(app, path, {**body, "model": "gemini-2.5-flash"}, config={**VERTEX, **change})
        assert answer.status in (400, 403) and client.sent == []
        error = answer.json["error"]
        assert words in error["message"] and error.get("param", f"config.{param}") == f"config.{param}"
        assert (answer.json.get("type") == "error") == (path == "/v1/messages")

    def test_headers_say_the_settings_too(self, app):
        headers = [
            ("x-portkey-provider", "vertex-ai"),
            ("x-portkey-vertex-project-id", "proj-2"),
            ("x-portkey-vertex-region", "global"),
            ("authorization", "Bearer ya29.mine"),
            ("x-portkey-api-key", AUTH[0][1].removeprefix("Bearer ")),
        ]
        client = app.runtime.clients["https"] = ScriptedClient(ScriptedExchange(200, GEMINI))
        ask(app.gateway, "POST", "/v1/chat/completions", body={**CHAT, "model": "gemini-2.5-flash"}, headers=headers)
        assert "/projects/proj-2/locations/global/" in place(client)
        assert client.headers[b"authorization"] == b"Bearer ya29.mine"

    def test_an_operator_says_it_in_the_configuration(self, tmp_path):
        (tmp_path / "adc.json").write_text('{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r"}')
        config = "providers: {v: {provider: vertex-ai, vertex_project_id: p-1, vertex_region: global}}"
        app = house(tmp_path, config, GOOGLE_APPLICATION_CREDENTIALS=str(tmp_path / "adc.json"))
        _, client = post(app, "/v1/chat/completions", {**CHAT, "model": "@v/gemini-2.5-flash"}, TOKEN, GEMINI)
        assert place(client, 0) == "https://oauth2.googleapis.com/token" and "/projects/p-1/" in place(client)

    def test_a_stored_account_is_not_changed_by_a_caller(self, tmp_path):
        app = house(
            tmp_path, "providers: {v: {provider: vertex-ai, api_key: ya29.x, vertex_project_id: p-1, vertex_region: us}}"
        )
        config = {"provider": "@v", "vertex_region": "global"}
        answer, client = post(app, "/v1/chat/completions", {**CHAT, "model": "gemini-2.5-flash"}, config=config)
        assert answer.json["error"]["param"] == "config.vertex_region" and client.sent == []

    def test_a_saved_config_may_not_change_it_either(self, tmp_path):
        provider = "providers: {v: {provider: vertex-ai, api_key: ya29.x, vertex_project_id: p-1, vertex_region: us}}\n"
        with pytest.raises(BadConfig) as told:
            make_house(tmp_path, provider + "configs: {pc-1: {provider: '@v', vertex_region: global}}").snapshot()
        assert [mistake.path for mistake in told.value.mistakes] == ["configs.pc-1.vertex_region"]

    def test_the_environment_alone_sets_it_up(self, tmp_path):
        (tmp_path / "adc.json").write_text('{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"r"}')
        around = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "adc.json"), "GOOGLE_CLOUD_PROJECT": "p-1"}
        assert "vertex-ai" not in make_house(tmp_path, **around).snapshot().providers
        assert "vertex-ai" in make_house(tmp_path, **around, GOOGLE_CLOUD_LOCATION="global").snapshot().providers


class TestAzure:
    @pytest.mark.parametrize("version", [{}, {"api_version": "v1"}, {"azure_api_version": "v1"}])
    def test_the_api_is_v1_unless_a_date_is_said(self, app, version):
        answer, client = post(app, "/v1/chat/completions", {**CHAT, "model": "dep-1"}, COMPLETION, config={**AZURE, **version})
        assert answer.body == COMPLETION
        assert place(client) == "https://res-1.openai.azure.com/openai/v1/chat/completions"
        assert client.body == {**CHAT, "model": "dep-1"}
        assert client.headers[b"api-key"] == b"az-key-0123456789" and b"authorization" not in client.headers

    def test_responses_pass_too(self, app):
        body = {"model": "dep-1", "input": "ping"}
        _, client = post(
            app, "/v1/responses", body, b'{"id":"r","object":"response","status":"completed","output":[]}', config=AZURE
        )
        assert place(client) == "https://res-1.openai.azure.com/openai/v1/responses" and client.body == body

    @pytest.mark.parametrize("spelling", ["api_version", "azure_api_version"])
    def test_a_dated_api_has_the_deployment_in_its_path(self, app, spelling):
        config = {**AZURE, spelling: "2024-10-21"}
        _, client = post(app, "/v1/chat/completions", {**CHAT, "model": "dep-1"}, COMPLETION, config=config)
        assert (
            place(client) == "https://res-1.openai.azure.com/openai/deployments/dep-1/chat/completions?api-version=2024-10-21"
        )

    @pytest.mark.parametrize("spelling", ["deployment_id", "azure_deployment_id"])
    def test_one_deployment_answers_every_name(self, app, spelling):
        answer, client = post(
            app, "/v1/chat/completions", {**CHAT, "model": "gpt-4o"}, COMPLETION, config={**AZURE, spelling: "dep-9"}
        )
        assert answer.status == 200 and client.body["model"] == "dep-9"
        (record,) = records(app.tmp)
        assert (record.model_asked, record.model_sent, record.model_served) == ("gpt-4o", "dep-9", "gpt-4o")

    def test_deployments_have_other_names(self, app):
        known = [{"deployment_id": "dep-1", "alias": "gpt-4o"}, {"deployment_id": "dep-2", "alias": "mini", "is_default": True}]
        config = {**AZURE, "api_version": "2024-10-21", "deployments": known}
        for model, deployment in (("gpt-4o", "dep-1"), ("mini", "dep-2"), ("dep-1", "dep-1"), ("other", "dep-2")):
            _, client = post(app, "/v1/chat/completions", {**CHAT, "model": model}, COMPLETION, config=config)
            assert f"/deployments/{deployment}/chat" in place(client)

    @pytest.mark.parametrize(
        ("change", "param"),
        [
            ({"resource_name": ""}, "azure_resource_name"),
            ({"resource_name": "evil.example/x"}, "azure_resource_name"),
            ({"api_version": "2024-10-21&x=y"}, "azure_api_version"),
            ({"deployment_id": "../../x"}, "deployment_id"),
            ({"deployments": [{"deployment_id": ".."}]}, "deployments[0].deployment_id"),
            ({"azure_auth_mode": "managed"}, "azure_auth_mode"),
        ],
    )
    def test_what_is_missing_or_unsafe_is_named(self, app, change, param):
        answer, client = post(app, "/v1/chat/completions", {**CHAT, "model": "dep-1"}, config={**AZURE, **change})
        assert answer.json["error"]["param"] == f"config.{param}" and client.sent == []

    @pytest.mark.parametrize("model", [".", ".."])
    def test_a_model_that_would_climb_the_path_is_refused(self, app, model):
        answer, client = post(
            app, "/v1/chat/completions", {**CHAT, "model": model}, config={**AZURE, "api_version": "2024-10-21"}
        )
        assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_model") and client.sent == []

    def test_an_application_of_entra_has_a_token_fetched(self, app):
        said = {"azure_entra_tenant_id": "t-1", "azure_entra_client_id": "app-1", "azure_entra_client_secret": "s3cret"}
        config = {"provider": "azure-openai", "azure_resource_name": "res-1", "azure_auth_mode": "entra", **said}
        answer, client = post(app, "/v1/chat/completions", {**CHAT, "model": "dep-1"}, TOKEN, COMPLETION, config=config)
        assert answer.status == 200
        assert place(client, 0) == "https://login.microsoftonline.com/t-1/oauth2/v2.0/token"
        assert client.headers[b"authorization"] == b"Bearer ya29.minted" and b"api-key" not in client.headers

    def test_entras_no_is_a_401_that_names_the_settings(self, app):
        said = {"azure_entra_tenant_id": "t-1", "azure_entra_client_id": "app-1", "azure_entra_client_secret": "wrong-secret"}
        config = {"provider": "azure-openai", "azure_resource_name": "res-1", **said}
        no = ScriptedExchange(401, b'{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret."}')
        answer, _ = post(app, "/v1/chat/completions", {**CHAT, "model": "dep-1"}, no, config=config)
        message = answer.json["error"]["message"]
        assert answer.status == 401 and "AADSTS7000215" in message and "azure_entra_client_secret" in message
        assert "wrong-secret" not in message

    def test_the_environment_alone_sets_it_up(self, tmp_path):
        around = {"AZURE_OPENAI_API_KEY": "az-key-0123456789", "AZURE_OPENAI_RESOURCE": "res-1"}
        provider = make_house(tmp_path, **around).snapshot().providers["azure-openai"]
        assert provider.destination.host == "res-1.openai.azure.com" and provider.signer is not None


class TestFoundry:
    def test_claude_has_a_path_and_headers_of_its_own(self, app):
        answer, client = post(app, "/v1/messages", {**CLAUDE, "model": "claude-opus-4-5"}, MESSAGE, config=FOUNDRY)
        assert answer.body == MESSAGE
        assert place(client) == "https://res-1.services.ai.azure.com/anthropic/v1/messages"
        assert client.headers[b"x-api-key"] == b"az-key-0123456789" and client.headers[b"anthropic-version"] == b"2023-06-01"
        assert b"authorization" not in client.headers and client.body == {**CLAUDE, "model": "claude-opus-4-5"}

    @pytest.mark.parametrize(
        ("said", "url"),
        [
            ({}, "https://res-1.services.ai.azure.com/openai/v1/chat/completions"),
            (
                {"azure_api_version": "2024-05-01-preview"},
                "https://res-1.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
            ),
            (
                {"azure_foundry_url": "https://r-2.services.ai.azure.com/models"},
                "https://r-2.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
            ),
            (
                {"azure_foundry_url": "https://m.eastus2.models.ai.azure.com"},
                "https://m.eastus2.models.ai.azure.com/v1/chat/completions",
            ),
            (
                {"azure_foundry_url": "https://r.openai.azure.com/openai/deployments/d-1", "azure_api_version": "2024-10-21"},
                "https://r.openai.azure.com/openai/deployments/d-1/chat/completions?api-version=2024-10-21",
            ),
        ],
    )
    def test_other_models_are_asked_where_they_are(self, app, said, url):
        _, client = post(app, "/v1/chat/completions", {**CHAT, "model": "dep-1"}, COMPLETION, config={**FOUNDRY, **said})
        assert place(client) == url
        assert client.headers[b"authorization"] == b"Bearer az-key-0123456789"

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/models",
            "http://r.services.ai.azure.com",
            "https://azure.com.evil.example",
            "https://r.services.ai.azure.com/../x",
        ],
    )
    def test_a_foundry_url_is_at_azure(self, app, url):
        answer, client = post(app, "/v1/chat/completions", {**CHAT, "model": "d"}, config={**FOUNDRY, "azure_foundry_url": url})
        assert answer.json["error"]["param"] == "config.azure_foundry_url" and client.sent == []


class TestOthers:
    @pytest.mark.parametrize(
        ("said", "model", "path", "url"),
        [
            (
                {"provider": "workers-ai", "workers_ai_account_id": "0123456789abcdef" * 2},
                "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
                "/v1/chat/completions",
                f"https://api.cloudflare.com/client/v4/accounts/{'0123456789abcdef' * 2}/ai/v1/chat/completions",
            ),
            (
                {"provider": "workers-ai", "workers_ai_account_id": "0123456789abcdef" * 2},
                "@cf/openai/gpt-oss-120b",
                "/v1/chat/completions",
                f"https://api.cloudflare.com/client/v4/accounts/{'0123456789abcdef' * 2}/ai/v1/chat/completions",
            ),
            (
                {"provider": "cortex", "snowflake_account": "org-acme"},
                "llama4-maverick",
                "/v1/chat/completions",
                "https://org-acme.snowflakecomputing.com/api/v2/cortex/v1/chat/completions",
            ),
            (
                {"provider": "cortex", "snowflake_account": "org-acme"},
                "claude-sonnet-4-5",
                "/v1/messages",
                "https://org-acme.snowflakecomputing.com/api/v2/cortex/v1/messages",
            ),
            (
                {"provider": "oracle", "oracle_region": "us-chicago-1"},
                "xai.grok-4",
                "/v1/chat/completions",
                "https://inference.generativeai.us-chicago-1.oci.oraclecloud.com/openai/v1/chat/completions",
            ),
            (
                {"provider": "oracle", "oracle_region": "us-chicago-1", "oracle_api_version": "20231130"},
                "meta.llama-3.3-70b-instruct",
                "/v1/chat/completions",
                "https://inference.generativeai.us-chicago-1.oci.oraclecloud.com/20231130/actions/v1/chat/completions",
            ),
        ],
        ids=["workers-ai", "workers-ai-openai", "cortex", "cortex-claude", "oracle", "oracle-dated"],
    )
    def test_they_are_asked_at_the_account_s_address(self, app, said, model, path, url):
        body, told = (CLAUDE, MESSAGE) if path == "/v1/messages" else (CHAT, COMPLETION)
        answer, client = post(app, path, {**body, "model": model}, told, config={**said, "api_key": "key-0123456789"})
        assert answer.body == told and place(client) == url
        assert client.body == {**body, "model": model} and client.headers[b"authorization"] == b"Bearer key-0123456789"

    def test_a_user_of_oracles_signs(self, app):
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        form = serialization.PrivateFormat.PKCS8
        pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
        who = {
            "oracle_tenancy": "ocid1.tenancy.oc1..a",
            "oracle_user": "ocid1.user.oc1..b",
            "oracle_fingerprint": ":".join(["0f"] * 16),
        }
        config = {"provider": "oracle", "oracle_region": "us-chicago-1", "oracle_private_key": pem, **who}
        answer, client = post(app, "/v1/chat/completions", {**CHAT, "model": "xai.grok-4"}, COMPLETION, config=config)
        assert answer.body == COMPLETION
        key_id = "/".join(who.values())
        assert client.headers[b"authorization"].startswith(f'Signature version="1",keyId="{key_id}",'.encode())
        assert client.headers[b"date"].endswith(b" GMT") and client.headers[b"x-content-sha256"]
        assert b"PRIVATE KEY" not in b"".join(name + value for name, value in client.headers.items())
        config["oracle_private_key"] = "nonsense"
        answer, client = post(app, "/v1/chat/completions", {**CHAT, "model": "xai.grok-4"}, config=config)
        assert answer.status == 502 and "oracle_private_key" in answer.json["error"]["message"] and client.sent == []
