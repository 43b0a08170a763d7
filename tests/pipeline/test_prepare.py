"""What goes out where a host spells its dialect otherwise: only what must change does, and what is left out is named."""

import json

import pytest

from support.asgi import ask
from support.house import AUTH, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange

REPLY = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
}


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path, "providers: {mistral-ai: {api_key: k}, groq: {api_key: k}}")
    app.tmp = tmp_path
    return app


def post(app, body):
    client = ScriptedClient(ScriptedExchange(200, json.dumps(REPLY).encode()))
    app.runtime.clients["https"] = client
    headers = [*AUTH, ("x-lockgate-provider", "@mistral-ai")]
    answer = ask(app.gateway, "POST", "/v1/chat/completions", body=body.encode(), headers=headers)
    assert answer.status == 200, answer
    (record,) = records(app.tmp)
    return client.sent[0][1].body.decode(), answer, record


def test_a_body_without_anything_to_edit_passes_as_it_came(app):
    body = '{"model": "m",  "messages": [{"role": "user",  "content": "ping"}], "max_tokens": 5}'
    sent, answer, record = post(app, body)
    assert (sent, record.gear) == (body, "relay")
    assert "x-lockgate-dropped" not in answer.headers


def test_a_member_that_the_host_calls_otherwise_is_renamed_and_the_rest_stays(app):
    asked = '{"model": "m", "messages": [{"role": "user",  "content": "ping"}], "max_completion_tokens": 5, "x": [1,  2]}'
    sent, answer, record = post(app, asked)
    assert json.loads(sent) == {"model": "m", "messages": [{"role": "user", "content": "ping"}], "max_tokens": 5, "x": [1, 2]}
    assert '[{"role": "user",  "content": "ping"}]' in sent
    assert record.gear == "edit"
    assert "x-lockgate-dropped" not in answer.headers  # nothing is lost


def test_a_member_that_the_host_rejects_is_left_out_and_named(app):
    sent, answer, record = post(app, '{"model": "m", "messages": [], "store": true, "user": "u", "stream_options": null}')
    assert set(json.loads(sent)) == {"model", "messages"}
    assert answer.headers["x-lockgate-dropped"] == "user, store"  # what was off anyway is no loss
    assert record.losses == ["user", "store"]


def test_a_role_that_the_host_does_not_know_is_said_by_another(app):
    sent, _, _ = post(app, '{"model": "m", "messages": [{"role": "developer", "content": "Be brief."}]}')
    assert json.loads(sent)["messages"] == [{"role": "system", "content": "Be brief."}]
