"""POST /v1/logs/{id}/replay: who may send a request again, and who pays for it."""

import json

import pytest

from lockgate.core.tenancy import Tenant
from support.admin import Admin
from support.house import records
from support.scripted import ScriptedClient, ScriptedExchange

HOUSE = """
providers:
  openai: {api_key: sk-openai-secret-1234567890}
prices: {"openai/gpt-a": {input: 2, output: 8}}
configs: {pc: {provider: "@openai", override_params: {model: gpt-b}}}
"""
SCOPES = ["logs.write", "completions.write"]


@pytest.fixture
def admin(tmp_path):
    admin = Admin(tmp_path, HOUSE)
    yield admin
    admin.close()


def answers(admin, *texts):
    def reply(text):
        message = {"role": "assistant", "content": text}
        body = {
            "id": "1", "object": "chat.completion", "created": 1, "model": "gpt-a",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 2},
        }  # fmt: skip
        return ScriptedExchange(200, json.dumps(body).encode())

    admin.app.runtime.clients["https"] = ScriptedClient(*map(reply, texts))


@pytest.fixture
def kept(admin, tmp_path):
    answers(admin, "before")
    key = admin.key(Tenant(admin.home.organisation, admin.home.workspace))
    body = {"model": "@openai/gpt-a", "messages": [{"role": "user", "content": "ping"}]}
    assert admin.post("/v1/chat/completions", body, key=key).status == 200
    (record,) = records(tmp_path)
    return record


def replay(admin, id, body=None, **more):
    return admin.post(f"/v1/logs/{id}/replay", body, **more)


def test_answers_are_compared_and_charged(admin, kept, tmp_path):
    answers(admin, "before", "after")
    told = replay(admin, kept.id, {"times": 2})
    assert told.status == 200, told
    assert told.headers["cache-control"] == "no-store" and told.headers["x-lockgate-request-id"]
    same, other = told.json["replays"]
    assert (same["same"], other["same"], other["difference"][-2:]) == (True, False, ["-before", "+after"])
    assert told.json["recorded"]["id"] == kept.id
    assert (other["answer"]["cost_nusd"], other["answer"]["input_tokens"]) == (36_000, 10)
    assert [record.id for record in records(tmp_path)] == [kept.id, same["answer"]["id"], other["answer"]["id"]]


def test_another_route_may_be_named(admin, kept):
    answers(admin, "x")
    (told,) = replay(admin, kept.id, {"config": "pc"}).json["replays"]
    assert told["answer"]["status"] == 200 and admin.app.runtime.clients["https"].body["model"] == "gpt-b"


def test_a_key_pays_for_itself_and_needs_the_scope(admin, kept):
    home = Tenant(admin.home.organisation, admin.home.workspace)
    answers(admin, "x", "y")
    assert replay(admin, kept.id, key=admin.key(home, SCOPES)).json["replays"][0]["answer"]["status"] == 200
    assert replay(admin, kept.id, key=admin.key(home, ["logs.view"])).code == "scope_missing"
    told = replay(admin, kept.id, {"key": "config:admin"}, key=admin.key(home, SCOPES))
    assert (told.status, told.code, told.param) == (403, "beyond_your_rights", "key")
    # Who may write logs and make no requests cannot make one by the back door.
    (told,) = replay(admin, kept.id, key=admin.key(home, ["logs.write"])).json["replays"]
    assert (told["answer"]["status"], told["answer"]["error"][:13]) == (403, "scope_missing")


def test_nobody_sends_the_request_of_another(admin, kept):
    assert replay(admin, kept.id, key=admin.key(admin.other, SCOPES)).status == 404
    assert replay(admin, kept.id, key=admin.key(admin.abroad, SCOPES)).status == 404
    assert replay(admin, "nothing").status == 404


def test_what_cannot_be_sent_again_says_why(admin, kept, tmp_path):
    answers(admin, "x")
    body = {"model": "@openai/gpt-a", "messages": [{"role": "user", "content": "ping"}]}
    admin.ask("POST", "/v1/chat/completions", body, headers=[("x-lockgate-debug", "false")])
    quiet = records(tmp_path)[-1]
    told = replay(admin, quiet.id)
    assert (told.status, told.code) == (409, "not_replayable") and "its body was not kept" in told.message
    assert replay(admin, kept.id, {"times": 11}).status == 400
    assert replay(admin, kept.id, {"color": "red"}).status == 400
