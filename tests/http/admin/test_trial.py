"""POST /v1/integrations/test: whether an account works, before it is kept; and what is known of providers and models."""

import json

import pytest

from support.scripted import ScriptedClient, ScriptedExchange

SECRET = "sk-of-the-test-1234567890"


@pytest.fixture
def answering(admin):
    def answering(status, body):
        client = ScriptedClient(ScriptedExchange(status, json.dumps(body).encode()))
        admin.app.runtime.clients["https"] = client
        return client

    return answering


def tried(admin, **said):
    return admin.post("/v1/integrations/test", {"ai_provider_id": "openai", "key": SECRET, "model": "gpt-a", **said})


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (200, {"id": "1"}, "works"),
        (401, {"error": {"message": "No such key.", "code": "invalid_api_key"}}, "key_refused"),
        (429, {"error": {"message": "Slow down.", "code": "rate_limit_exceeded"}}, "known"),
        (404, {"error": {"message": "No such model.", "code": "model_not_found"}}, "unclear"),
    ],
)
def test_what_the_provider_says_is_a_verdict_on_the_key(admin, answering, status, body, verdict):
    answering(status, body)
    told = tried(admin)
    assert told.status == 200, told
    assert (told.json["verdict"], told.json["status"], told.json["model"]) == (verdict, status, "gpt-a")
    assert SECRET.encode() not in told.body


def test_nothing_is_kept_of_a_trial(admin, answering):
    answering(200, {})
    before = admin.get("/v1/integrations").json["total"]
    assert tried(admin).json["verdict"] == "works"
    assert admin.get("/v1/integrations").json["total"] == before


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"ai_provider_id": "nobody"}, "ai_provider_id"),
        ({"key": ""}, "key"),
        ({"ai_provider_id": "azure-openai"}, "configurations.azure_resource_name"),
        ({"configurations": {"strange": 1}}, "configurations.strange"),
    ],
)
def test_what_is_no_account_is_refused_at_its_member(admin, said, param):
    told = tried(admin, **said)
    assert (told.status, told.param) == (400, param)


def test_the_offline_provider_works_without_a_key(admin):
    assert admin.post("/v1/integrations/test", {"ai_provider_id": "sim"}).json["verdict"] == "works"


def test_a_known_provider_says_what_an_account_is_known_by(admin):
    found = {each["slug"]: each for each in admin.get("/v1/ai-providers").json["data"]}
    assert found["openai"]["key"] == "needed" and found["openai"]["fields"] == []
    resource = next(each for each in found["azure-openai"]["fields"] if each["name"] == "azure_resource_name")
    assert resource["required"] and not resource["secret"]
    assert any(each["secret"] for each in found["bedrock"]["fields"])


def test_the_catalogue_is_searched_by_words_and_provider(admin):
    found = admin.get("/v1/ai-models?text=mini+4o&ai_provider_id=openai").json["data"]
    mini = next(each for each in found if each["name"] == "gpt-4o-mini")
    assert (mini["input"], mini["output"]) == (15.0, 60.0)
    assert all("mini" in each["name"] for each in found)
    assert admin.get("/v1/ai-models?ai_provider_id=nobody").status == 400
