import json

import pytest

from lockgate.core.failure import Failure
from support.asgi import ask
from support.house import AUTH, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange

ASK = {"model": "@claude/claude-sonnet-4-5", "messages": [{"role": "user", "content": "ping"}]}


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path, "providers: {claude: {provider: anthropic, api_key: sk-ant-secret-1234567890}}")
    app.tmp = tmp_path
    return app


def count(app, body, *answers):
    client = app.runtime.clients["https"] = ScriptedClient(*answers)
    return ask(app.gateway, "POST", "/v1/messages/count_tokens", body=body, headers=AUTH), client


def test_the_provider_counts_where_it_can(app):
    answer, client = count(app, ASK, ScriptedExchange(200, b'{"input_tokens": 8}'))
    assert answer.json == {"input_tokens": 8}
    assert client.sent[0][1].target == b"/v1/messages/count_tokens"
    assert client.body["model"] == "claude-sonnet-4-5"
    (record,) = records(app.tmp)
    assert (record.operation, record.outcome, record.cost_nusd) == ("count", "ok", 0)


def test_elsewhere_it_is_estimated_and_says_so(app):
    answer, _ = count(app, {**ASK, "model": "@sim/chat"})
    assert answer.json["input_tokens"] > 0
    assert answer.headers["x-lockgate-estimated"] == "input_tokens"


@pytest.mark.parametrize(
    "trouble",
    [
        ScriptedExchange(429, b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}'),
        Failure("connect", 502, "slow down"),
    ],
)
def test_trouble_is_told_in_the_dialect(app, trouble):
    answer, _ = count(app, ASK, trouble)
    assert answer.json["error"]["message"] == "slow down"


def test_a_malformed_count_is_refused(app):
    answer, _ = count(app, {"model": "@sim/chat", "messages": "x"})
    assert answer.status == 400
    assert json.loads(answer.body)["type"] == "error"
