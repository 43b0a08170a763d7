"""One request, front to back, with a scripted provider behind."""

import json

import pytest

from lockgate.core.failure import Failure
from lockgate.dialects.signature import wrap
from support.asgi import Line, ask
from support.house import AUTH, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange, events

CONFIG = """
providers:
  openai: {api_key: sk-upstream-secret-1234567890}
  claude: {provider: anthropic, api_key: sk-ant-secret-1234567890}
prices: {"openai/gpt-x": {input: 1, output: 10}}
"""
USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
REPLY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": USAGE,
    "x_unknown": {"kept": True},
}
ASK = {"model": "@openai/gpt-x", "messages": [{"role": "user", "content": "ping"}]}
CLAUDE = {"model": "@openai/gpt-x", "max_tokens": 9, "messages": [{"role": "user", "content": "ping"}]}
VIA_CHAT = ("x-lockgate-config", '{"provider": "@openai", "upstream_api": "chat"}')


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path, CONFIG)
    app.tmp = tmp_path
    return app


def post(app, path, body, *answers, headers=()):
    client = app.runtime.clients["https"] = ScriptedClient(*answers)
    return ask(app.gateway, "POST", path, body=body, headers=[*AUTH, *headers]), client


def chat(app, *answers, body=ASK, **more):
    return post(app, "/v1/chat/completions", body, *answers, **more)


def record(app):
    (found,) = records(app.tmp)
    return found


def chunk(content=None, finish=None, usage=None, **more):
    choices = [] if usage and finish is None and content is None else [
        {"index": 0, "delta": {} if content is None else {"content": content}, "finish_reason": finish}
    ]  # fmt: skip
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x", "choices": choices, **(
        {"usage": usage} if usage else {}), **more}  # fmt: skip


DONE = b"data: [DONE]\n\n"


# --- whole answers


def test_the_same_dialect_passes_the_bytes(app):
    raw = json.dumps(REPLY, indent=3).encode()
    answer, client = chat(app, ScriptedExchange(200, raw, [(b"x-ratelimit-remaining", b"7"), (b"set-cookie", b"a=b")]))
    assert answer.status == 200
    assert answer.body == raw
    assert answer.headers["x-ratelimit-remaining"] == "7"
    assert "set-cookie" not in answer.headers
    assert client.body == {**ASK, "model": "gpt-x"}
    kept = record(app)
    assert (kept.gear, kept.outcome, kept.model_asked, kept.model_sent) == ("edit", "ok", "@openai/gpt-x", "gpt-x")
    assert kept.usage_source == "provider"
    assert kept.cost_nusd == 100 * 1000 + 10 * 10000
    assert kept.response == raw


def test_a_body_that_needs_no_edit_goes_out_as_it_came(app):
    raw = b'{ "model":"gpt-x",\n "messages":[{"role":"user","content":"\\u00e9"}], "seed": 1.50 }'
    _, client = chat(app, ScriptedExchange(200, json.dumps(REPLY).encode()), body=raw)
    assert client.sent[0][1].body == raw
    assert record(app).gear == "relay"


def test_the_caller_s_headers_stay_behind_and_the_provider_s_key_goes_out(app):
    headers = [
        ("cookie", "a=b"),
        ("x-forwarded-for", "10.0.0.1"),
        ("openai-organization", "org-1"),
        ("x-lockgate-trace-id", "t1"),
    ]
    answer, client = chat(app, ScriptedExchange(200, json.dumps(REPLY).encode()), headers=headers)
    sent = client.headers
    assert sent[b"authorization"] == b"Bearer sk-upstream-secret-1234567890"
    assert sent[b"openai-organization"] == b"org-1"
    assert not {b"cookie", b"x-forwarded-for", b"x-lockgate-trace-id"} & set(sent)
    assert answer.headers["x-lockgate-trace-id"] == record(app).trace_id == "t1"


def test_another_dialect_is_translated_and_named(app):
    answer, client = post(app, "/v1/messages", CLAUDE, ScriptedExchange(200, json.dumps(REPLY).encode()), headers=[VIA_CHAT])
    assert [block["text"] for block in answer.json["content"]] == ["pong"]
    assert answer.json["stop_reason"] == "end_turn"
    assert client.sent[0][1].target == b"/v1/chat/completions"
    kept = record(app)
    assert (kept.gear, kept.dialect_in, kept.dialect_out, kept.route) == (
        "translate",
        "anthropic.messages",
        "openai.chat",
        "inline",
    )
    assert kept.usage.input == 100


def test_what_the_target_cannot_say_is_named(app):
    answer, _ = post(
        app, "/v1/messages", {**CLAUDE, "top_k": 5}, ScriptedExchange(200, json.dumps(REPLY).encode()), headers=[VIA_CHAT]
    )
    assert "top_k" in answer.headers["x-lockgate-dropped"]
    assert "top_k" in record(app).losses


def test_another_model_s_signature_does_not_reach_the_provider_of_the_same_dialect(app):
    signed = {"type": "thinking", "thinking": "hm", "signature": wrap("sig", "gemini.generate")}
    history = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [signed, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "c"},
    ]
    reply = {"id": "m", "type": "message", "role": "assistant", "model": "claude", "content": [{"type": "text", "text": "d"}]}
    whole = ScriptedExchange(200, json.dumps({**reply, "stop_reason": "end_turn", "usage": {"input_tokens": 1}}).encode())
    body = {"model": "@claude/claude-sonnet-4-5", "max_tokens": 9, "messages": history}
    answer, client = post(app, "/v1/messages", body, whole)
    assert answer.json["content"][0]["text"] == "d"
    assert b"lockgate:" not in client.sent[0][1].body
    assert record(app).gear == "translate"


def test_overrides_replace_members(app):
    config = (
        "x-portkey-config",
        json.dumps({"provider": "@openai", "override_params": {"temperature": 0.5, "model": "gpt-y"}}),
    )
    answer, client = chat(app, ScriptedExchange(200, json.dumps(REPLY).encode()), headers=[config])
    assert client.body["temperature"] == 0.5
    assert client.body["model"] == "gpt-y"
    assert answer.headers["x-portkey-provider"] == "openai"
    assert answer.headers["x-portkey-last-used-option-index"] == "config"


def test_an_unknown_price_is_unknown_and_not_zero(app):
    chat(
        app,
        ScriptedExchange(200, json.dumps({**REPLY, "model": "gpt-nobody-knows"}).encode()),
        body={**ASK, "model": "@openai/gpt-nobody-knows"},
    )
    kept = record(app)
    assert kept.cost_nusd is None
    assert kept.cost_note == "unknown price"


# --- errors


@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503])
def test_an_upstream_error_keeps_its_status_and_message(app, status):
    body = json.dumps({"error": {"message": "it is so", "type": "t", "param": None, "code": "c"}}).encode()
    answer, _ = chat(app, ScriptedExchange(status, body, [(b"retry-after", b"3")]))
    assert answer.status == status
    assert answer.body == body
    assert answer.headers["retry-after"] == "3"
    kept = record(app)
    assert (kept.outcome, kept.status, kept.error) == ("failed", status, "it is so")
    assert kept.attempts[0].status == status
    assert kept.cost_nusd is None


def test_an_upstream_error_is_said_in_the_caller_s_dialect(app):
    body = json.dumps({"error": {"message": "it is so", "type": "t", "param": None, "code": "c"}}).encode()
    answer, _ = post(app, "/v1/messages", CLAUDE, ScriptedExchange(429, body), headers=[VIA_CHAT])
    assert answer.json["type"] == "error"
    assert answer.json["error"] == {"type": "rate_limit_error", "message": "it is so"}


def test_an_error_page_becomes_an_error_object(app):
    answer, _ = chat(app, ScriptedExchange(502, b"<html><h1>Bad gateway</h1></html>"))
    assert answer.status == 502
    assert answer.json["error"]["message"]


def test_an_error_that_says_success_is_an_error(app):
    answer, _ = chat(app, ScriptedExchange(200, b'{"error": {"message": "no", "type": "server_error"}}'))
    assert answer.status >= 400
    assert record(app).outcome == "failed"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"[" * 100_000, b'{"choices": 3}', b"\xff\xfe"])
def test_an_answer_that_cannot_be_read_is_502_when_translated(app, body):
    answer, _ = post(app, "/v1/messages", CLAUDE, ScriptedExchange(200, body), headers=[VIA_CHAT])
    assert answer.status == 502
    assert answer.json["type"] == "error"


def test_a_redirect_is_not_followed(app):
    answer, client = chat(app, ScriptedExchange(307, b"", [(b"location", b"http://169.254.169.254/")]))
    assert answer.status == 502
    assert len(client.sent) == 1


@pytest.mark.parametrize("kind", ["connect", "timeout", "cut"])
def test_no_answer_at_all_is_a_gateway_error(app, kind):
    answer, _ = chat(app, Failure(kind, 504 if kind == "timeout" else 502, "nobody there"))
    assert answer.status in (502, 504)
    assert answer.json["error"]["message"] == "nobody there"
    assert record(app).attempts[0].kind == kind


def test_secrets_are_not_kept(app):
    body = {**ASK, "messages": [{"role": "user", "content": "my key is sk-proj-abcdefghijklmnopqrstuvwx"}]}
    chat(app, ScriptedExchange(200, json.dumps(REPLY).encode()), body=body)
    assert b"abcdefghijklmnop" not in record(app).request


def test_an_upstream_that_repeats_the_provider_s_key_is_not_believed_to_keep_it(tmp_path):
    """Keys that have no shape of their own are known too: they are the house's."""
    key = "0123456789abcdef0123456789abcdef"
    app = make_app(tmp_path, f"providers: {{openai: {{api_key: {key}}}}}")
    said = f"Incorrect API key provided: {key}, not sk-proj-abcdefghijklmnopqrstuvwx"
    body = json.dumps({"error": {"message": said, "type": "t"}}).encode()
    app.runtime.clients["https"] = ScriptedClient(ScriptedExchange(401, body))
    ask(app.gateway, "POST", "/v1/chat/completions", body=ASK, headers=AUTH)
    (kept,) = records(tmp_path)
    for text in (kept.attempts[0].message, kept.error, kept.response.decode()):
        assert "Incorrect API key provided" in text
        assert key not in text
        assert "abcdefghijklmnop" not in text


@pytest.mark.parametrize("past", range(8, 36, 3))
def test_a_secret_that_the_limit_cuts_is_not_kept_in_half(tmp_path, past):
    choice = {"index": 0, "message": {"role": "assistant", "content": "y sk-proj-abcdefghijklmnopqrstuvwxyz"}}
    body = json.dumps({"id": "c", "object": "chat.completion", "model": "gpt-x", "choices": [choice]}).encode()
    room = body.index(b"sk-proj") + past
    app = make_app(tmp_path, CONFIG + f"log: {{body_limit: {room}}}")
    app.runtime.clients["https"] = ScriptedClient(ScriptedExchange(200, body))
    ask(app.gateway, "POST", "/v1/chat/completions", body=ASK, headers=AUTH)
    (kept,) = records(tmp_path)
    assert b"sk-proj" not in kept.response
    assert len(kept.response) <= room


# --- streams


def stream(app, *answers, path="/v1/chat/completions", body=ASK, **more):
    return post(app, path, {**body, "stream": True}, *answers, **more)


def test_a_stream_passes_and_its_usage_is_obtained_without_showing(app):
    answer, client = stream(app, events(chunk("po"), chunk("ng"), chunk(finish="stop"), chunk(usage=USAGE), DONE))
    assert client.body["stream_options"] == {"include_usage": True}
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert b"prompt_tokens" not in answer.body
    assert answer.body.endswith(DONE)
    kept = record(app)
    assert (kept.usage.input, kept.usage.output, kept.outcome, kept.stream) == (100, 10, "ok", True)
    assert kept.ttft_us is not None
    assert kept.bytes_out == len(answer.body)
    assert kept.response == answer.body


def test_a_caller_that_asks_for_usage_sees_it(app):
    body = {**ASK, "stream_options": {"include_usage": True}}
    answer, _ = stream(app, events(chunk("pong"), chunk(finish="stop"), chunk(usage=USAGE), DONE), body=body)
    assert b"prompt_tokens" in answer.body


def test_a_stream_is_translated(app):
    source = events(chunk("po"), chunk("ng"), chunk(finish="stop"), chunk(usage=USAGE), DONE)
    answer, client = stream(app, source, path="/v1/messages", body=CLAUDE, headers=[VIA_CHAT])
    assert client.body["stream_options"] == {"include_usage": True}
    assert b"event: message_stop" in answer.body
    assert b'"input_tokens":100' in answer.body
    assert record(app).usage.output == 10


def test_an_error_before_the_first_event_is_an_error_answer(app):
    source = events(("error", {"error": {"message": "too busy", "type": "server_error"}}))
    answer, _ = stream(app, source)
    assert answer.status >= 400
    assert "too busy" in answer.json["error"]["message"]
    assert record(app).outcome == "failed"


@pytest.mark.parametrize("end", [(), (Failure("cut", 502, "it broke"),), (Failure("timeout", 504, "it stalled"),)])
@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/chat/completions", ASK), ("/v1/messages", CLAUDE), ("/v1/responses", {"model": "@openai/gpt-x", "input": "ping"})],
)
def test_a_cut_stream_ends_in_an_error_event_and_nothing_is_invented(app, path, body, end):
    answer, _ = stream(app, events(chunk("zebra"), end=end), path=path, body=body, headers=[VIA_CHAT])
    assert answer.status == 200
    assert b"zebra" in answer.body
    assert b"error" in answer.body.rsplit(b"zebra", 1)[-1]
    for ending in (b"[DONE]", b"message_stop", b"response.completed", b'"stop"'):
        assert ending not in answer.body
    kept = record(app)
    assert kept.outcome == "broken"
    assert kept.usage_source == "estimated"
    assert kept.cost_nusd > 0


@pytest.mark.parametrize(
    ("path", "body", "closing"), [("/v1/chat/completions", ASK, b""), ("/v1/messages", CLAUDE, b"message_stop")]
)
@pytest.mark.parametrize("rest", [(), (b'data: {"id": "c1", "cho',)], ids=["nothing", "half an event"])
def test_an_answer_that_is_complete_does_not_wait_long_for_its_end(app, path, body, closing, rest):
    source = events(chunk("pong"), chunk(finish="stop"), *rest, hang=True)
    answer, _ = stream(app, source, path=path, body=body, headers=[VIA_CHAT])
    assert source.hurried <= 2
    assert b"error" not in answer.body
    assert closing in answer.body
    assert record(app).outcome == "ok"


@pytest.mark.parametrize("log", ["{capture: metadata}", "{body_limit: 100}", "{capture: full}"])
def test_what_a_broken_stream_used_is_counted_whatever_is_kept_of_it(tmp_path, log):
    app = make_app(tmp_path, CONFIG + f"log: {log}")
    said = [chunk("four words are here " * 20) for _ in range(200)]
    app.runtime.clients["https"] = ScriptedClient(events(*said))
    ask(app.gateway, "POST", "/v1/chat/completions", body={**ASK, "stream": True}, headers=AUTH)
    (kept,) = records(tmp_path)
    assert kept.outcome == "broken"
    assert 0.9 < kept.usage.output / (200 * 100) < 1.1
    assert len(kept.response) <= {"{capture: metadata}": 0, "{body_limit: 100}": 100}.get(log, 1 << 20)


def test_half_an_event_is_not_passed_on(app):
    answer, _ = stream(app, events(chunk("po"), b'data: {"id": "c1", "choi'))
    assert b"choi" not in answer.body.split(b"error")[-1]
    for line in answer.body.splitlines():
        if line.startswith(b"data: ") and not line.endswith(b"[DONE]"):
            json.loads(line[6:])


def test_nothing_of_the_answer_comes_before_its_first_event(app):
    answer, _ = stream(app, events(Failure("timeout", 504, "silence")))
    assert answer.status == 504


def test_a_json_error_to_a_stream_request_is_an_error_answer(app):
    answer, _ = stream(app, ScriptedExchange(200, b'{"error": {"message": "not today"}}'))
    assert answer.status >= 400
    assert "not today" in answer.json["error"]["message"]


def test_a_slow_caller_is_waited_for(app):
    line = Line()
    line.slow = True
    app.runtime.clients["https"] = ScriptedClient(events(chunk("po"), chunk("ng"), chunk(finish="stop"), DONE))
    answer = ask(app.gateway, "POST", "/v1/chat/completions", body={**ASK, "stream": True}, headers=AUTH, line=line)
    assert line.drained == 2
    assert answer.body.endswith(DONE)


def test_a_caller_that_has_left_costs_what_was_used(app):
    line = Line()
    source = events(chunk("po"), chunk("ng"), hang=True)

    def leave(data, push=line.push):
        push(data)
        line.lost = True
        line.when_lost()
        return True

    line.push = leave
    app.runtime.clients["https"] = ScriptedClient(source)
    ask(app.gateway, "POST", "/v1/chat/completions", body={**ASK, "stream": True}, headers=AUTH, line=line)
    assert source.closed
    kept = record(app)
    assert (kept.outcome, kept.usage_source) == ("client_left", "estimated")
    assert kept.cost_nusd > 0


def test_a_caller_that_is_gone_already_is_not_asked_for(app):
    line = Line()
    line.lost = True
    app.runtime.clients["https"] = ScriptedClient(ScriptedExchange(200, json.dumps(REPLY).encode()))
    ask(app.gateway, "POST", "/v1/chat/completions", body=ASK, headers=AUTH, line=line)
    assert record(app).outcome == "client_left"


# --- bad input


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", ""),
        (b"{", ""),
        (b"[]", ""),
        (b"nonsense", ""),
        (b"\xff", ""),
        (b'{"a": ' * 50_000, ""),
        (b'{"model": "@sim/chat", "model": "@openai/gpt-x", "messages": []}', "model"),
        (b'{"model": 3, "messages": []}', "model"),
        (b'{"model": "@sim/chat", "stream": "yes", "messages": []}', "stream"),
        (b'{"messages": []}', "model"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses"])
def test_a_malformed_body_is_400_in_the_caller_s_dialect(app, path, body, param):
    answer, client = post(app, path, body)
    assert answer.status == 400, answer
    assert answer.json["error"]["message"]
    assert not client.sent
    assert record(app).outcome == "refused"
    if path != "/v1/messages":
        assert (answer.json["error"]["param"] or "") == param


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("content-type", "text/plain")], 415),
        ([("content-encoding", "gzip")], 415),
        ([("content-length", str(10**9))], 413),
        ([("x-portkey-metadata", "{")], 400),
        ([("x-portkey-metadata", '{"a": {"b": 1}}')], 400),
        ([("x-portkey-metadata", json.dumps({"a": "x" * 200}))], 400),
        (AUTH, 400),
    ],
)
def test_bad_headers_are_refused_and_on_record(app, headers, status):
    answer, client = chat(app, headers=headers)
    assert answer.status == status
    assert not client.sent
    assert record(app).status == status


def test_a_body_over_the_limit_is_413_before_all_of_it_is_read(tmp_path):
    app = make_app(tmp_path, "limits: {request_body: 1000}")
    answer = ask(app.gateway, "POST", "/v1/chat/completions", pieces=[b"x" * 600, b"x" * 600, b"x" * 600], headers=AUTH)
    assert answer.status == 413


def test_metadata_is_on_record(app):
    chat(
        app,
        ScriptedExchange(200, json.dumps(REPLY).encode()),
        headers=[("x-portkey-metadata", '{"_user": "u1", "n": 3, "b": true}')],
    )
    assert record(app).metadata == {"_user": "u1", "n": "3", "b": "true"}


def test_our_own_metadata_header_comes_first(app):
    headers = [("x-portkey-metadata", '{"plan": "free"}'), ("x-lockgate-metadata", '{"plan": "paid"}')]
    chat(app, ScriptedExchange(200, json.dumps(REPLY).encode()), headers=headers)
    assert record(app).metadata == {"plan": "paid"}


def test_an_unknown_address_says_what_there_is(app):
    answer = ask(app.gateway, "POST", "/v1/chat/completion", headers=AUTH)
    assert answer.status == 404
    assert "/v1/chat/completions" in answer.json["error"]["message"]
    assert ask(app.gateway, "GET", "/v1/chat/completions").status == 405
    assert ask(app.gateway, "POST", "/v1/chat%2Fcompletions").status == 404


def test_a_bug_of_ours_is_500_with_the_request_s_id_and_on_record(app, caplog):
    answer, _ = chat(app, None)
    assert answer.status == 500
    assert record(app).id in answer.json["error"]["message"]
    assert record(app).id in caplog.text


def test_a_complete_stream_gets_its_ending_though_the_provider_hangs(app):
    hanging = events(chunk("pong"), chunk(None, "stop", USAGE), hang=True)
    answer, _ = post(app, "/v1/messages", {**CLAUDE, "stream": True}, hanging, headers=[VIA_CHAT])
    assert answer.body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
    assert record(app).outcome == "ok"
