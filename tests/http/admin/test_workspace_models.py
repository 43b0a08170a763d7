"""A workspace may use some of an account's models: what is granted holds wherever a request may go."""

import json

import pytest

from support.scripted import ScriptedClient, ScriptedExchange

PATH = "/v1/integrations/ours/workspaces"
REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
MESSAGES = [{"role": "user", "content": "ping"}]


class Place:
    """Two workspaces that use an account of the organisation, each by a key of its own."""

    def __init__(self, admin):
        self.admin = admin
        self.client = ScriptedClient()
        admin.app.runtime.clients.update(http=self.client, https=self.client)
        said = {"name": "Ours", "slug": "ours", "ai_provider_id": "openai", "key": "sk-0123456789-secret"}
        assert admin.post("/v1/integrations", said).status == 200
        self.open()
        scopes = ["completions.write", "models.list", "proxy.write"]
        self.keys = {"default": admin.key(admin.home, scopes), "other": admin.key(admin.other, scopes)}

    def open(self, **more):
        workspaces = [{"id": each, "enabled": True, "default_provider_slug": f"at-{each}"} for each in ("default", "other")]
        workspaces[0] |= more
        answer = self.admin.put(PATH, {"workspaces": workspaces})
        assert answer.status == 200, answer
        self.admin.reload()

    def ask(self, model, place="default", headers=(), path="/v1/chat/completions", answers=1):
        self.client.answers += [ScriptedExchange(200, json.dumps(REPLY).encode()) for _ in range(answers)]
        before = len(self.client.sent)
        body = {"messages": MESSAGES, **({"model": model} if model else {})}
        answer = self.admin.post(path, body, key=self.keys[place], headers=headers)
        self.client.answers.clear()
        return answer.status, [json.loads(outgoing.body)["model"] for _, outgoing, *_ in self.client.sent[before:]]


@pytest.fixture
def place(admin):
    return Place(admin)


def test_a_workspace_uses_what_is_granted_to_it_and_others_use_all(place):
    assert place.ask("@at-default/gpt-4o") == (200, ["gpt-4o"])
    place.open(models=["gpt-4o-mini", "o4-*"])
    assert place.ask("@at-default/gpt-4o-mini") == (200, ["gpt-4o-mini"])
    assert place.ask("@at-default/o4-mini") == (200, ["o4-mini"])
    assert place.ask("@at-default/gpt-4o") == (403, [])
    assert place.ask("@at-other/gpt-4o", "other") == (200, ["gpt-4o"])


def test_what_is_granted_is_no_more_than_the_account_has(place):
    place.open(models=["gpt-4o*"])
    models = [{"slug": "gpt-4o", "enabled": True}, {"slug": "gpt-4o-mini", "enabled": False}, {"slug": "o3", "enabled": True}]
    place.admin.put("/v1/integrations/ours/models", {"models": models, "allow_all_models": False})
    place.admin.reload()
    found = {model: place.ask(f"@at-default/{model}")[0] for model in ("gpt-4o", "gpt-4o-mini", "gpt-4o-2024-08-06", "o3")}
    assert found == {"gpt-4o": 200, "gpt-4o-mini": 403, "gpt-4o-2024-08-06": 403, "o3": 403}


@pytest.mark.parametrize("said", [{"override_params": {"model": "gpt-4o"}}, {}])
def test_a_fallback_is_held_to_it_like_the_first(place, said):
    place.open(models=["gpt-4o-mini"])
    config = {
        "strategy": {"mode": "fallback"},
        "targets": [
            {"provider": "@at-default", "override_params": {"model": "gpt-4o-mini"}},
            {"provider": "@at-default", **said},
        ],
    }
    headers = [("x-portkey-config", json.dumps(config))]
    place.client.answers += [ScriptedExchange(503, b'{"error": {"message": "away"}}')]
    _, sent = place.ask("gpt-4o", headers=headers)
    assert sent == ["gpt-4o-mini"]


def test_nothing_passes_through_unread_and_only_what_is_granted_is_listed(place):
    place.open(models=["gpt-4o-mini"])
    assert place.ask("gpt-4o-mini", path="/proxy/at-default/v1/chat/completions") == (403, [])
    listed = place.admin.get("/v1/models?provider=at-default&limit=1000", key=place.keys["default"]).json["data"]
    assert [each["id"] for each in listed] == ["@at-default/gpt-4o-mini"]


def test_a_workspace_sees_of_an_accounts_models_which_it_may_use(place):
    place.open(models=["gpt-4o-mini"])
    path = "/v1/integrations/ours/models?workspace_id="
    enabled = {
        each: {model["slug"] for model in place.admin.get(path + each).json["models"] if model["enabled"]}
        for each in ("default", "other")
    }
    assert enabled["default"] == {"gpt-4o-mini"} < enabled["other"]


def test_what_was_granted_is_not_widened_by_who_does_not_speak_of_it(place):
    place.open(models=["gpt-4o-mini"])
    place.open(rate_limits=[{"type": "requests", "unit": "rpm", "value": 100}])
    assert place.ask("@at-default/gpt-4o") == (403, [])
    (shown,) = [each for each in place.admin.get(PATH).json["workspaces"] if each["id"] == place.admin.home.workspace]
    assert shown["models"] == ["gpt-4o-mini"]
    place.open(models=None)
    assert place.ask("@at-default/gpt-4o") == (200, ["gpt-4o"])


def test_what_is_said_for_all_holds_for_those_of_whom_nothing_is_said(place):
    said = {"global_workspace_access": {"enabled": True, "models": ["gpt-4o-mini"]}, "override_existing_workspace_access": True}
    assert place.admin.put(PATH, said).status == 200
    place.admin.reload()
    assert place.ask("@at-other/gpt-4o", "other") == (403, [])
    assert place.ask("@at-other/gpt-4o-mini", "other") == (200, ["gpt-4o-mini"])
    assert place.admin.get(PATH).json["global_workspace_access"]["models"] == ["gpt-4o-mini"]


def test_a_workspace_grants_itself_nothing(place):
    place.open(models=["gpt-4o-mini"])
    head = place.admin.person("member", [(place.admin.home.workspace, "admin")])
    scopes = ["organisation_integrations.update", "workspace_integrations.update"]
    key = place.admin.key(place.admin.whole, scopes, kind="user", user=head.id)
    said = {"workspaces": [{"id": "default", "enabled": True, "models": None}]}
    assert place.admin.put(PATH, said, key=key).status == 403
    assert place.admin.put("/v1/integrations/ours/models", {"models": [], "allow_all_models": True}, key=key).status == 403


def test_no_models_at_all_are_no_grant(place):
    answer = place.admin.put(PATH, {"workspaces": [{"id": "default", "enabled": True, "models": []}]})
    assert (answer.status, answer.param) == (400, "workspaces[0].models")
