"""Callers who speak Gemini: the path says model and stream, the query how the stream is framed and perhaps the key."""

import base64
import json

import pytest

from lockgate.core.failure import Failure
from lockgate.dialects.signature import wrap
from support.asgi import ask
from support.house import AUTH, KEY, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange, events

CONFIG = """
providers:
  google: {api_key: goog-upstream-secret-1234567890}
  openai: {api_key: sk-upstream-secret-1234567890}
prices: {"google/gemini-x": {input: 1, output: 10}, "openai/gpt-x": {input: 1, output: 10}}
"""
BODY = {"contents": [{"role": "user", "parts": [{"text": "ping"}]}]}
USAGE = {"promptTokenCount": 100, "candidatesTokenCount": 10, "totalTokenCount": 110}


def chunk(text, finish=None, **more):
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    return {"candidates": [{**candidate, "finishReason": finish} if finish else candidate], "modelVersion": "gemini-x", **more}


REPLY = chunk("pong", "STOP", usageMetadata=USAGE)
CHAT = {
    "id": "c1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
}
VIA_CHAT = ("x-lockgate-config", '{"provider": "@openai", "upstream_api": "chat"}')


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path, CONFIG)
    app.tmp = tmp_path
    return app


def post(app, path, *answers, body=BODY, headers=AUTH, more=()):
    client = app.runtime.clients["https"] = ScriptedClient(*answers)
    return ask(app.gateway, "POST", path, body=body, headers=[*headers, *more]), client


def record(app):
    (found,) = records(app.tmp)
    return found


@pytest.mark.parametrize("version", ["v1", "v1beta"])
@pytest.mark.parametrize("model", ["gemini-x", "@google/gemini-x", "%40google%2Fgemini-x"])
def test_bytes_pass_to_google_and_the_path_alone_names_the_model(app, version, model):
    said = json.dumps(BODY, indent=2).encode()
    told = json.dumps(REPLY, indent=2).encode()
    answer, client = post(app, f"/{version}/models/{model}:generateContent", ScriptedExchange(200, told), body=said)
    assert (answer.status, answer.body) == (200, told)
    (_, sent) = client.sent[0]
    assert (sent.target, sent.body) == (b"/v1beta/models/gemini-x:generateContent", said)
    assert client.headers[b"x-goog-api-key"] == b"goog-upstream-secret-1234567890"
    kept = record(app)
    assert (kept.gear, kept.operation, kept.dialect_in, kept.stream) == ("relay", "chat", "gemini.generate", False)
    assert kept.cost_nusd == 100 * 1000 + 10 * 10000


def test_another_provider_answers_in_gemini_s_shape(app):
    answer, client = post(
        app, "/v1beta/models/gpt-x:generateContent", ScriptedExchange(200, json.dumps(CHAT).encode()), more=[VIA_CHAT]
    )
    assert answer.json["candidates"][0]["content"]["parts"] == [{"text": "pong"}]
    assert answer.json["usageMetadata"]["promptTokenCount"] == 100
    assert client.body["model"] == "gpt-x"
    assert client.body["messages"][-1]["content"] == "ping"


STREAM = [chunk("po"), chunk("ng", "STOP", usageMetadata=USAGE)]


def test_events_when_asked_for(app):
    answer, client = post(app, "/v1beta/models/gemini-x:streamGenerateContent?alt=sse", events(*STREAM))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.body == b"".join(b"data: %b\n\n" % json.dumps(each).encode() for each in STREAM)
    assert client.sent[0][1].target == b"/v1beta/models/gemini-x:streamGenerateContent?alt=sse"
    assert record(app).stream


def test_an_array_when_not(app):
    answer, client = post(app, "/v1beta/models/gemini-x:streamGenerateContent", events(*STREAM))
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == STREAM
    assert client.sent[0][1].target.endswith(b"?alt=sse")
    assert record(app).cost_nusd == 100 * 1000 + 10 * 10000


def test_an_array_of_another_provider(app):
    said = [
        {"id": "c", "model": "gpt-x", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish}]}
        for text, finish in (("po", None), ("ng", "stop"))
    ]
    answer, _ = post(app, "/v1/models/gpt-x:streamGenerateContent", events(*said, end=[b"data: [DONE]\n\n"]), more=[VIA_CHAT])
    texts = [part["text"] for each in answer.json for part in each["candidates"][0]["content"]["parts"]]
    assert "".join(texts) == "pong"
    assert answer.json[-1]["candidates"][0]["finishReason"] == "STOP"


def test_a_complete_array_closes_though_the_provider_hangs(app):
    answer, _ = post(app, "/v1/models/gemini-x:streamGenerateContent", events(*STREAM, hang=True))
    assert answer.json == STREAM


@pytest.mark.parametrize("end", [(), (Failure("cut", 502, "it broke"),)])
def test_a_cut_array_ends_with_an_error_that_can_be_parsed(app, end):
    answer, _ = post(app, "/v1/models/gemini-x:streamGenerateContent", events(STREAM[0], end=end))
    assert answer.json[0] == STREAM[0]
    assert answer.json[-1]["error"]["code"] == 502
    kept = record(app)
    assert (kept.outcome, kept.usage_source) == ("broken", "estimated")
    assert kept.usage.output > 0


def test_an_error_inside_an_array_is_its_last_element(app):
    error = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}
    answer, _ = post(app, "/v1/models/gemini-x:streamGenerateContent", events(STREAM[0], error))
    assert answer.json == [STREAM[0], error]


def test_an_error_inside_a_translated_array_is_its_last_element(app):
    start = {"id": "c", "model": "gpt-x", "choices": [{"index": 0, "delta": {"content": "po"}, "finish_reason": None}]}
    error = {"error": {"message": "overloaded", "type": "server_error", "code": "overloaded"}}
    answer, _ = post(app, "/v1/models/gpt-x:streamGenerateContent", events(start, error), more=[VIA_CHAT])
    assert answer.json[0]["candidates"][0]["content"]["parts"][0]["text"] == "po"
    assert answer.json[-1]["error"]["message"] == "overloaded"


def test_errors_are_google_s(app):
    answer, _ = post(app, "/v1beta/models/@nobody/x:generateContent")
    assert answer.json["error"]["status"] == "NOT_FOUND"
    error = {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}
    answer, _ = post(app, "/v1beta/models/gemini-x:generateContent", ScriptedExchange(429, json.dumps(error).encode()))
    assert (answer.status, answer.json) == (429, error)


# --- the key


def test_the_key_comes_in_google_s_header(app):
    answer, _ = post(
        app,
        "/v1/models/gemini-x:generateContent",
        ScriptedExchange(200, json.dumps(REPLY).encode()),
        headers=[("x-goog-api-key", KEY)],
    )
    assert answer.status == 200


def test_the_key_comes_in_the_query_and_is_kept_nowhere(app):
    path = f"/v1/models/gemini-x:generateContent?key={KEY.replace('-', '%2D')}"
    answer, client = post(app, path, ScriptedExchange(200, json.dumps(REPLY).encode()), headers=[])
    assert answer.status == 200
    assert KEY.encode() not in client.sent[0][1].target
    kept = record(app)
    assert kept.path == "/v1/models/gemini-x:generateContent"
    assert KEY not in repr(kept) + str(kept.metadata)


def test_a_key_in_the_query_of_any_other_route_is_none(app):
    assert ask(app.gateway, "GET", f"/v1/models?key={KEY}").status == 401


def test_the_header_s_key_comes_before_the_query_s(app):
    answer, _ = post(
        app,
        "/v1/models/gemini-x:generateContent?key=wrong",
        ScriptedExchange(200, json.dumps(REPLY).encode()),
        headers=[("x-goog-api-key", KEY)],
    )
    assert answer.status == 200


def test_a_header_that_comes_twice_is_found_beside_a_key_in_the_query(app):
    headers = [("x-portkey-api-key", KEY), ("x-portkey-api-key", KEY)]
    answer, _ = post(app, "/v1/models/gemini-x:generateContent?key=x", headers=headers)
    assert (answer.status, "twice" in answer.json["error"]["message"]) == (400, True)


# --- signatures


def test_another_model_s_signature_does_not_reach_google(app):
    carried = base64.b64encode(wrap("sig", "anthropic.messages").encode()).decode()
    body = {"contents": [
        *BODY["contents"],
        {"role": "model", "parts": [{"text": "hm", "thought": True, "thoughtSignature": carried}, {"text": "pong"}]},
        *BODY["contents"],
    ]}  # fmt: skip
    answer, client = post(
        app, "/v1/models/gemini-x:generateContent", ScriptedExchange(200, json.dumps(REPLY).encode()), body=body
    )
    assert answer.status == 200
    assert carried.encode() not in client.sent[0][1].body
    assert record(app).gear == "translate"


# --- counting


def count(app, *answers, body=BODY, model="gemini-x"):
    return post(app, f"/v1beta/models/{model}:countTokens", *answers, body=body)


def test_google_counts_for_itself(app):
    told = json.dumps({"totalTokens": 7}).encode()
    answer, client = count(app, ScriptedExchange(200, told))
    assert answer.body == told
    assert client.sent[0][1].target == b"/v1beta/models/gemini-x:countTokens"
    assert client.body == BODY
    kept = record(app)
    assert (kept.operation, kept.cost_nusd, kept.gear) == ("count", 0, "relay")


def test_a_whole_request_names_the_model_that_the_path_names(app):
    inner = {"model": "models/@google/gemini-x", **BODY}
    _, client = count(
        app, ScriptedExchange(200, b'{"totalTokens": 7}'), body={"generateContentRequest": inner}, model="@google/gemini-x"
    )
    assert client.body == {"generateContentRequest": {"model": "models/gemini-x", **BODY}}


@pytest.mark.parametrize("body", [BODY, {"generateContentRequest": BODY}, {"generate_content_request": BODY}])
def test_elsewhere_a_count_is_estimated_and_says_so(app, body):
    answer, _ = count(app, model="@openai/gpt-x", body=body)
    assert answer.json == {"totalTokens": 5}
    assert answer.headers["x-lockgate-estimated"] == "input_tokens"


def test_google_s_error_about_a_count_passes(app):
    error = {"error": {"code": 404, "message": "no such model", "status": "NOT_FOUND"}}
    answer, _ = count(app, ScriptedExchange(404, json.dumps(error).encode()))
    assert (answer.status, answer.json) == (404, error)
