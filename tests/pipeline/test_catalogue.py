"""GET /v1/models: whose models, in which order, and what servers say of themselves."""

import json

import pytest

from lockgate.core.failure import Failure
from support.asgi import ask
from support.house import AUTH, make_app
from support.scripted import ScriptedClient, ScriptedExchange

CONFIG = """
providers:
  openai: {api_key: k}
  claude: {provider: anthropic, api_key: k, models: ["claude-sonnet-*", claude-own]}
  home: {provider: vllm, base_url: "http://localhost:8000/v1"}
"""
LOADED = json.dumps({"object": "list", "data": [{"id": "qwen3-mine", "object": "model"}]}).encode()


@pytest.fixture
def app(tmp_path):
    return make_app(tmp_path, CONFIG)


def get(app, path, *answers, headers=AUTH):
    client = ScriptedClient(*(answers or [Failure("connect", 502, "nobody is there")]))
    app.runtime.clients["http"] = client
    return ask(app.gateway, "GET", path, headers=headers), client


def ids(answer):
    assert answer.status == 200, answer
    return [model["id"] for model in answer.json["data"]]


def test_the_list_speaks_to_openai_s_anthropic_s_and_portkey_s_clients(app):
    answer, _ = get(app, "/v1/models")
    told = answer.json
    assert (told["object"], told["has_more"]) == ("list", False)
    assert told["total"] == len(told["data"]) > 50
    assert (told["first_id"], told["last_id"]) == (told["data"][0]["id"], told["data"][-1]["id"])
    model = next(model for model in told["data"] if model["id"] == "@openai/gpt-4.1")
    assert model == {
        "id": "@openai/gpt-4.1",
        "slug": "gpt-4.1",
        "canonical_slug": "gpt-4.1",
        "provider": "openai",
        "owned_by": "openai",
        "display_name": "gpt 4.1",
        "object": "model",
        "type": "model",
        "created": 0,
        "created_at": "1970-01-01T00:00:00Z",
        "context_window": 1000000,
        "max_output_tokens": 32768,
        "input_modalities": ["text", "image", "pdf"],
        "output_modalities": ["text"],
        "features": ["tools", "structured output", "attachments"],
    }


def test_what_is_not_known_of_a_model_is_left_out(app):
    listed = {model["id"]: model for model in get(app, "/v1/models")[0].json["data"]}
    assert not {"context_window", "features", "input_modalities"} & listed["@claude/claude-own"].keys()


def test_without_the_optional_listing_the_price_list_says_what_it_can(tmp_path, monkeypatch):
    app = make_app(tmp_path, "providers: {openai: {api_key: k}}")
    monkeypatch.setattr("lockgate.providers.display.facts_of", lambda provider, shelf=None: {})
    listed = {model["id"]: model for model in get(app, "/v1/models")[0].json["data"]}
    assert listed["@openai/gpt-4.1"]["context_window"] == 1000000
    assert "features" not in listed["@openai/gpt-4.1"]
    assert listed["@openai/gpt-image-1"]["input_modalities"] == ["text", "image"]


def test_only_what_the_operator_admits_is_listed(app):
    answer, _ = get(app, "/v1/models?provider=claude")
    listed = ids(answer)
    assert "@claude/claude-own" in listed
    assert "@claude/claude-sonnet-4-5" in listed
    assert all(name.startswith(("@claude/claude-sonnet-", "@claude/claude-own")) for name in listed)


def test_a_list_is_of_one_provider_or_of_one_service(app):
    assert {name.split("/")[0] for name in ids(get(app, "/v1/models?ai_service=anthropic")[0])} == {"@claude"}
    assert {name.split("/")[0] for name in ids(get(app, "/v1/models?provider=@openai")[0])} == {"@openai"}
    assert ids(get(app, "/v1/models?provider=nobody")[0]) == []


def test_a_list_is_sorted_and_paged(app):
    whole = ids(get(app, "/v1/models?sort=name")[0])
    assert whole == sorted(whole, key=str.lower)
    backward = ids(get(app, "/v1/models?sort=provider&order=desc")[0])
    assert [name.split("/")[0] for name in backward] == sorted((name.split("/")[0] for name in whole), reverse=True)
    page, _ = get(app, "/v1/models?sort=name&limit=2&offset=3")
    assert ids(page) == whole[3:5]
    assert (page.json["total"], page.json["has_more"]) == (len(whole), True)
    assert ids(get(app, f"/v1/models?offset={len(whole)}")[0]) == []
    assert ids(get(app, "/v1/models?limit=0")[0]) == []


@pytest.mark.parametrize("query", ["limit=-1", "limit=many", "offset=1.5", "sort=price", "order=up", "limit=²"])
def test_a_query_that_cannot_be_says_what_to_change(app, query):
    answer, _ = get(app, f"/v1/models?{query}")
    assert answer.status == 400
    assert answer.json["error"]["param"] == query.split("=")[0]


def test_a_server_of_one_s_own_says_what_it_has(app):
    answer, client = get(app, "/v1/models?provider=home", ScriptedExchange(200, LOADED))
    assert ids(answer) == ["@home/qwen3-mine"]
    assert client.sent[0][1].method == "GET"
    assert client.sent[0][1].target == b"/v1/models"


def test_what_a_server_said_is_kept_a_while(app):
    get(app, "/v1/models?provider=home", ScriptedExchange(200, LOADED))
    answer, client = get(app, "/v1/models?provider=home", ScriptedExchange(500, b"{}"))
    assert ids(answer) == ["@home/qwen3-mine"]
    assert client.sent == []


@pytest.mark.parametrize(
    "said",
    [
        Failure("connect", 502, "nobody is there"),
        ScriptedExchange(500, LOADED),
        ScriptedExchange(200, b"<html>"),
        ScriptedExchange(200, b'{"data":[{"id":3}]}'),
        ScriptedExchange(200, b"[]"),
    ],
    ids=repr,
)
def test_a_server_that_does_not_say_has_none_and_the_others_are_listed(app, said):
    answer, _ = get(app, "/v1/models", said)
    assert "@openai/gpt-4.1" in ids(answer)
    assert not any(name.startswith("@home/") for name in ids(answer))


def test_one_model_is_found_by_its_id_and_by_its_bare_name(app):
    for path in ("/v1/models/@openai/gpt-4.1", "/v1/models/%40openai%2Fgpt-4.1", "/v1/models/gpt-4.1"):
        answer, _ = get(app, path)
        assert (answer.status, answer.json["id"], answer.json["object"]) == (200, "@openai/gpt-4.1", "model")
    answer, _ = get(app, "/v1/models/@openai/klingon")
    assert (answer.status, answer.json["error"]["code"]) == (404, "model_not_found")
    assert "klingon" in answer.json["error"]["message"]


def test_a_bare_name_that_several_have_is_not_guessed(tmp_path):
    app = make_app(tmp_path, "providers: {a: {provider: openai, api_key: k}, b: {provider: openai, api_key: k}}")
    answer, _ = get(app, "/v1/models/gpt-4.1")
    assert answer.status == 404
    assert "@a/gpt-4.1, @b/gpt-4.1" in answer.json["error"]["message"]


def test_a_key_sees_only_its_models(tmp_path):
    config = CONFIG + 'keys: [{name: narrow, key: narrow-key-0123456789, models: ["@claude/*"]}]\n'
    app = make_app(tmp_path, config)
    answer, _ = get(app, "/v1/models", headers=(("authorization", "Bearer narrow-key-0123456789"),))
    assert {name.split("/")[0] for name in ids(answer)} == {"@claude"}


def test_nobody_sees_the_list_without_a_key(app):
    assert get(app, "/v1/models", headers=())[0].status == 401
    assert get(app, "/v1/models/gpt-4.1", headers=())[0].status == 401
