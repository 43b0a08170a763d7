"""Pass-through: what goes out, what comes back, and what may not."""

import json

import pytest

from lockgate.core.failure import Failure
from support.asgi import ask
from support.house import AUTH, KEY, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange, events

SECRET = "sk-upstream-secret-1234567890"
CONFIG = f"""
providers:
  openai: {{api_key: {SECRET}}}
  claude: {{provider: anthropic, api_key: sk-ant-secret-1234567890}}
  google: {{api_key: goog-upstream-secret-1234567890}}
  together-ai: {{api_key: tog-upstream-secret-1234567890}}
  few: {{provider: openai, api_key: sk-x, models: ["gpt-*"]}}
  own: {{provider: vllm, base_url: "https://own.example"}}
keys:
  - {{name: plain, key: {KEY}-plain}}
  - {{name: passing, key: {KEY}-passing, scopes: [proxy.write]}}
  - {{name: narrow, key: {KEY}-narrow, scopes: [proxy.write], models: ["@openai/gpt-*"]}}
prices: {{"openai/gpt-x": {{input: 1, output: 10}}, "google/gemini-x": {{input: 1, output: 10}}}}
"""
CHAT = {
    "id": "c1",
    "object": "chat.completion",
    "model": "gpt-x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
}
PROVIDER = ("x-lockgate-provider", "@openai")


@pytest.fixture
def app(tmp_path):
    app = make_app(tmp_path, CONFIG)
    app.tmp = tmp_path
    return app


def said(body=b"{}", status=200, kind=b"application/json", headers=()):
    answer = ScriptedExchange(status, body if isinstance(body, bytes | list) else json.dumps(body).encode())
    answer.headers = [*([(b"content-type", kind)] if kind else []), *headers]
    return answer


def send(app, method, path, *answers, headers=(), auth=AUTH, **more):
    client = app.runtime.clients["https"] = ScriptedClient(*answers)
    return ask(app.gateway, method, path, headers=[*auth, *headers], **more), client


def record(app):
    (found,) = records(app.tmp)
    return found


# --- what goes out


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/proxy/openai/v1/files/f-1?a=b&c", []),
        ("/v1/files/f-1?a=b&c", [PROVIDER]),
        ("/v1/proxy/files/f-1?a=b&c", [PROVIDER]),
    ],
)
def test_any_method_goes_to_the_provider_s_own_host_with_its_own_key(app, method, path, headers):
    answer, client = send(app, method, path, said(), headers=headers)
    assert answer.status == 200
    destination, sent = client.sent[0]
    assert (destination.host, sent.method, sent.target) == ("api.openai.com", method, b"/v1/files/f-1?a=b&c")
    assert client.headers[b"authorization"] == f"Bearer {SECRET}".encode()
    kept = record(app)
    assert (kept.operation, kept.provider, kept.path, kept.outcome) == ("proxy", "openai", path.partition("?")[0], "ok")


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/proxy/openai/files", b"/v1/files"),
        ("/proxy/@openai/v1/files", b"/v1/files"),
        ("/proxy/openai/", b"/v1/"),
        ("/proxy/claude/v1/messages/batches", b"/v1/messages/batches"),
        ("/proxy/google/v1beta/files", b"/v1beta/files"),
        ("/proxy/together-ai/v1/files", b"/v1/files"),
        ("/proxy/own/metrics", b"/metrics"),
    ],
)
def test_a_path_is_put_below_the_provider_s_address(app, path, target):
    _, client = send(app, "GET", path, said())
    assert client.sent[0][1].target == target


@pytest.mark.parametrize(
    ("provider", "target"),
    [
        ("@openai", b"/v1/files"),
        ("@claude", b"/v1/files"),
        ("@together-ai", b"/v1/files"),
        ("@own", b"/v1/files"),
        ("@google", b"/files"),
    ],
)
def test_v1_is_where_a_provider_has_its_conversations(app, provider, target):
    _, client = send(app, "GET", "/v1/files", said(), headers=[("x-portkey-provider", provider)])
    assert client.sent[0][1].target == target


def test_a_config_names_the_provider_too(app):
    config = json.dumps({"provider": "@openai", "request_timeout": 5000})
    answer, client = send(app, "GET", "/v1/files", said(), headers=[("x-portkey-config", config)])
    assert client.sent[0][0].host == "api.openai.com"
    assert answer.headers["x-portkey-provider"] == "openai"
    assert record(app).route == "inline"


def test_the_body_passes_untouched_in_the_pieces_that_came(app):
    pieces = [b"\x00\xff", b"{", b"x" * 100]
    headers = [("content-type", "application/octet-stream"), ("content-encoding", "gzip")]
    _, client = send(app, "PUT", "/proxy/openai/uploads/u-1", said(), headers=headers, pieces=pieces)
    assert bytes(client.sent[0][1].body) == b"".join(pieces)
    assert client.headers[b"content-encoding"] == b"gzip"
    kept = record(app)
    assert (kept.bytes_in, kept.request) == (103, b"")


def test_only_known_headers_pass_and_those_that_the_caller_names(app):
    headers = [
        ("accept", "text/event-stream"),
        ("anthropic-version", "2024-01-01"),
        ("anthropic-beta", "files-api"),
        ("idempotency-key", "i-1"),
        ("cookie", "a=b"),
        ("x-forwarded-for", "10.0.0.1"),
        ("x-lockgate-metadata", "{}"),
        ("x-api-key", KEY),
        ("x-special", "s"),
        ("x-other", "o"),
        ("x-lockgate-forward-headers", "X-Special, x-missing"),
    ]
    _, client = send(app, "GET", "/proxy/claude/v1/files", said(), headers=headers)
    sent = client.headers
    assert sent[b"accept"] == b"text/event-stream"
    assert sent[b"anthropic-version"] == b"2024-01-01"
    assert sent[b"anthropic-beta"] == b"files-api"
    assert sent[b"idempotency-key"] == b"i-1"
    assert sent[b"x-special"] == b"s"
    assert sent[b"x-api-key"] == b"sk-ant-secret-1234567890"
    assert not {b"cookie", b"x-forwarded-for", b"x-other", b"authorization", b"x-lockgate-metadata", b"x-missing"} & set(sent)
    assert KEY.encode() not in b"".join(sent.values())
    names = [name for name, _ in client.sent[0][1].headers]
    assert len(names) == len(set(names))


def test_what_the_operator_sends_is_not_the_caller_s_to_change(tmp_path):
    app = make_app(tmp_path, 'providers: {own: {provider: vllm, base_url: "https://own.example", headers: {x-tenant: a}}}')
    headers = [("x-tenant", "b"), ("x-lockgate-forward-headers", "x-tenant")]
    _, client = send(app, "GET", "/proxy/own/files", said(), headers=headers)
    assert client.headers[b"x-tenant"] == b"a"


@pytest.mark.parametrize(
    "name",
    ["cookie", "authorization", "x-api-key", "xi-api-key", "host", "te", "x-lockgate-api-key", "x-portkey-x", "x-amz-date"],
)
def test_some_headers_pass_never(app, name):
    answer, client = send(app, "GET", "/proxy/openai/files", headers=[("x-portkey-forward-headers", name)])
    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_header")
    assert client.sent == []


def test_a_caller_s_own_key_for_the_provider_goes_there(app):
    headers = [("x-lockgate-api-key", KEY), ("authorization", "Bearer sk-mine")]
    _, client = send(app, "GET", "/proxy/openai/files", said(), headers=headers, auth=())
    assert client.headers[b"authorization"] == b"Bearer sk-mine"
    _, client = send(app, "GET", "/proxy/own/files", said(), headers=headers, auth=())
    assert client.sent[0][0].host == "own.example"


def test_a_key_in_the_query_opens_the_door_and_stays_behind_it(app):
    answer, client = send(app, "GET", f"/proxy/google/v1beta/models?pageSize=2&key={KEY.replace('-', '%2d')}", said(), auth=())
    assert answer.status == 200
    assert client.sent[0][1].target == b"/v1beta/models?pageSize=2"
    assert client.headers[b"x-goog-api-key"] == b"goog-upstream-secret-1234567890"


# --- what comes back


def test_an_answer_passes_with_its_headers_less_those_of_its_site(app):
    headers = [(b"set-cookie", b"a=b"), (b"x-special", b"s"), (b"etag", b"e"), (b"access-control-allow-origin", b"*")]
    answer, _ = send(
        app, "GET", "/proxy/openai/files/f/content", said([b"\x00a", b"b\xff"], kind=b"image/png", headers=headers)
    )
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"\x00ab\xff", "image/png")
    assert (answer.headers["x-special"], answer.headers["etag"]) == ("s", "e")
    assert not {"set-cookie", "access-control-allow-origin"} & set(answer.headers)
    assert answer.headers["x-lockgate-provider"] == "openai"
    kept = record(app)
    assert (kept.bytes_out, kept.response, kept.cost_nusd, kept.cost_note) == (4, b"", None, "unknown usage")


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500])
def test_an_error_passes_as_it_came(app, status):
    body = b'{"type": "odd", "message": "it is so"}'
    answer, _ = send(app, "POST", "/proxy/openai/odd", said(body, status, headers=[(b"retry-after", b"3")]))
    assert (answer.status, answer.body, answer.headers["retry-after"]) == (status, body, "3")
    kept = record(app)
    assert (kept.outcome, kept.status, kept.error) == ("failed", status, "it is so")
    assert len(kept.attempts) == 1


def test_an_error_that_cannot_be_had_keeps_its_status(app):
    answer, _ = send(app, "POST", "/proxy/openai/odd", said([Failure("cut", 502, "it broke")], 503))
    assert (answer.status, answer.json["error"]["message"]) == (503, "it broke")


@pytest.mark.parametrize("status", [200, 404])
def test_a_page_that_passes_can_do_nothing_in_our_name(app, status):
    """It comes from the gateway's own address: a browser must not run it, nor guess what it is."""
    answer, _ = send(app, "GET", "/proxy/openai/page", said(b"<script>x</script>", status=status, kind=b"text/html"))
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_redirect_passes_and_is_not_followed(app):
    answer, client = send(app, "GET", "/proxy/openai/x", said([], 302, headers=[(b"location", b"https://else.example/")]))
    assert (answer.status, answer.headers["location"], len(client.sent)) == (302, "https://else.example/", 1)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("DELETE", 204), ("GET", 304)])
def test_an_answer_without_a_body(app, method, status):
    answer, _ = send(app, method, "/proxy/openai/x", said([], status, headers=[(b"etag", b"e")]))
    assert (answer.status, answer.body, answer.headers["etag"]) == (status, b"", "e")
    assert record(app).outcome == "ok"


def test_an_answer_that_breaks_off_breaks_the_connection(app):
    answer, _ = send(app, "GET", "/proxy/openai/x", said([b"a", Failure("cut", 502, "it broke")], kind=b"video/mp4"))
    assert (answer.body, answer.cut) == (b"a", True)
    assert record(app).outcome == "broken"


def test_an_upstream_that_is_not_there_is_an_error_of_ours(app):
    answer, _ = send(app, "GET", "/proxy/openai/x", Failure("connect", 502, "refused"))
    assert (answer.status, answer.json["error"]["message"]) == (502, "refused")


# --- what is read of it


@pytest.mark.parametrize(
    ("path", "headers"), [("/proxy/openai/v1/chat/completions", []), ("/v1/chat/completions/", [PROVIDER])]
)
def test_usage_is_read_where_a_known_dialect_is_spoken(app, path, headers):
    raw = json.dumps(CHAT, indent=2).encode()
    body = {"model": "gpt-x", "messages": [{"role": "user", "content": "ping"}]}
    answer, _ = send(app, "POST", path, said(raw, kind=b"application/json; charset=utf-8"), body=body, headers=headers)
    assert (answer.body, answer.headers["content-type"]) == (raw, "application/json; charset=utf-8")
    kept = record(app)
    if path.endswith("/"):
        assert (kept.dialect_in, kept.usage, kept.response) == ("", None, raw)
    else:
        assert (kept.dialect_in, kept.dialect_out, kept.model_sent) == ("openai.chat", "openai.chat", "gpt-x")
        assert (kept.cost_nusd, kept.gear) == (100 * 1000 + 10 * 10000, "relay")


def test_the_model_in_a_path_is_the_model(app):
    told = {
        "candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 100, "candidatesTokenCount": 10},
    }
    send(app, "POST", "/proxy/google/v1beta/models/gemini-x:generateContent", said(told), body={"contents": []})
    kept = record(app)
    assert (kept.dialect_out, kept.model_sent, kept.cost_nusd) == ("gemini.generate", "gemini-x", 200_000)


def test_a_stream_of_a_known_dialect_is_watched(app):
    chunks = [
        {"id": "c", "model": "gpt-x", "choices": [{"index": 0, "delta": {"content": "pong"}, "finish_reason": None}]},
        {"id": "c", "model": "gpt-x", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": CHAT["usage"]},
    ]
    body = {"model": "gpt-x", "stream": True, "messages": []}
    answer, client = send(
        app, "POST", "/proxy/openai/v1/chat/completions", events(*chunks, end=[b"data: [DONE]\n\n"]), body=body
    )
    assert answer.body.endswith(b"data: [DONE]\n\n")
    assert client.body == body
    kept = record(app)
    assert (kept.stream, kept.cost_nusd) == (True, 200_000)


def test_a_stream_of_a_known_dialect_that_is_cut_says_so(app):
    chunk = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "po"}}
    start = {"type": "message_start", "message": {"id": "m", "model": "c", "usage": {"input_tokens": 1}}}
    source = events(("message_start", start), ("content_block_delta", chunk))
    answer, _ = send(app, "POST", "/proxy/claude/v1/messages", source, body={"model": "c", "stream": True})
    assert b"event: error\n" in answer.body
    assert record(app).outcome == "broken"


def test_a_stream_of_an_unknown_dialect_passes(app):
    answer, _ = send(app, "GET", "/proxy/openai/odd/events", said([b"data: 1\n\n", b"data: 2\n\n"], kind=b"text/event-stream"))
    assert (answer.headers["content-type"], answer.body) == ("text/event-stream", b"data: 1\n\ndata: 2\n\n")
    assert record(app).response == answer.body


def test_an_error_said_with_success_passes_and_is_on_record(app):
    body = b'{"error": {"message": "it is so"}}'
    answer, _ = send(app, "POST", "/proxy/openai/v1/chat/completions", said(body), body={"model": "gpt-x"})
    assert (answer.status, answer.body) == (200, body)
    kept = record(app)
    assert (kept.outcome, kept.error) == ("failed", "it is so")


def test_an_answer_of_a_known_dialect_that_breaks_off_is_an_error_in_it(app):
    broken = said([Failure("cut", 502, "it broke")])
    answer, _ = send(
        app, "POST", "/proxy/claude/v1/messages", broken, body=b"no JSON", headers=[("content-type", "text/plain")]
    )
    assert (answer.status, answer.json["type"]) == (502, "error")


def test_a_large_body_is_kept_in_part(tmp_path):
    app = make_app(tmp_path, CONFIG + "log: {body_limit: 10}")
    app.tmp = tmp_path
    pieces = [b"x" * 700_000] * 3
    _, client = send(app, "POST", "/proxy/openai/odd", said(), pieces=pieces, headers=[("content-type", "text/plain")])
    assert len(client.sent[0][1].body) == 2_100_000
    kept = record(app)
    assert (kept.request, kept.bytes_in, kept.truncated) == (b"x" * 10, 2_100_000, True)


# --- what may not


@pytest.mark.parametrize("rest", ["../admin", "..%2fadmin", "%2e%2e/admin", "a//b", "a%5cb"])
@pytest.mark.parametrize(("base", "headers"), [("/proxy/openai/", []), ("/v1/x/", [PROVIDER])])
def test_a_path_that_climbs_is_refused(app, rest, base, headers):
    answer, client = send(app, "GET", base + rest, headers=headers)
    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_path")
    assert client.sent == []


def test_a_key_must_be_given_the_scope_by_name(app):
    answer, _ = send(app, "GET", "/proxy/openai/files", auth=[("authorization", f"Bearer {KEY}-plain")])
    assert (answer.status, answer.json["error"]["code"]) == (403, "scope_missing")
    assert "proxy.write" in answer.json["error"]["message"]
    answer, _ = send(app, "GET", "/proxy/openai/files", said(), auth=[("authorization", f"Bearer {KEY}-passing")])
    assert answer.status == 200


@pytest.mark.parametrize(("key", "provider"), [("narrow", "openai"), ("passing", "few")])
def test_who_may_use_some_models_only_passes_nothing_through(app, key, provider):
    answer, client = send(app, "GET", f"/proxy/{provider}/files", auth=[("authorization", f"Bearer {KEY}-{key}")])
    assert (answer.status, answer.json["error"]["code"]) == (403, "pass_through_not_allowed")
    assert client.sent == []


def test_one_provider_is_named(app):
    answer, _ = send(app, "GET", "/proxy/openai/files", headers=[("x-lockgate-provider", "@claude")])
    assert (answer.status, answer.json["error"]["code"]) == (400, "two_providers")
    answer, _ = send(app, "GET", "/proxy/nobody/files")
    assert (answer.status, answer.json["error"]["code"]) == (400, "unknown_provider")
    answer, _ = send(app, "GET", "/proxy/groq/files")
    assert answer.status == 401


def test_what_names_no_provider_is_at_no_address(app):
    answer, client = send(app, "GET", "/v1/files", auth=())
    assert answer.status == 404
    assert "x-lockgate-provider" in answer.json["error"]["message"]
    assert send(app, "GET", "/v1/files", headers=[PROVIDER], auth=())[0].status == 401
    assert client.sent == []


def test_an_exact_route_stays_what_it_is(app):
    assert send(app, "GET", "/v1/chat/completions", headers=[PROVIDER])[0].status == 405
