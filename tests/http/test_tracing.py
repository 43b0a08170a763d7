"""Which span a request is, and who is told."""

import json

from lockgate.http.gateway import find_span
from lockgate.wire.trace_context import read_traceparent
from support.asgi import ask
from support.house import AUTH, make_app
from support.scripted import ScriptedClient, ScriptedExchange

ID = "0193a0b1-c2d3-7e4f-9abc-0123456789ab"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-00".encode()
BODY = {"model": "@told/m", "messages": [{"role": "user", "content": "ping"}]}
REPLY = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
CONFIG = """
providers:
  told: {provider: openai, api_key: sk-openai-secret-1234567890, trace_context: true}
  silent: {provider: openai, api_key: sk-openai-secret-0987654321}
"""


def span(**headers):
    given = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    found = find_span(given, ID, steered=any(name.startswith(b"x-") for name in given))
    return found.trace_id, found.span_id, found.parent_id, found.name


def test_a_request_that_says_nothing_is_a_trace_of_its_own():
    assert span() == ("0193a0b1c2d37e4f9abc0123456789ab", "9abc0123456789ab", "", "")


def test_a_traceparent_names_trace_and_parent():
    assert span(traceparent=PARENT) == (TRACE, "9abc0123456789ab", SPAN, "")


def test_headers_of_ours_come_before_a_traceparent():
    said = {"x_portkey_trace_id": b"mine", "x_portkey_span_id": b"step-2", "x_portkey_parent_span_id": b"step-1"}
    assert span(traceparent=PARENT, x_portkey_span_name=b"Plan", **said) == ("mine", "step-2", "step-1", "Plan")
    assert span(x_portkey_trace_id=b"theirs", x_lockgate_trace_id=b"ours")[0] == "ours"


def test_a_parent_of_another_trace_is_no_parent():
    assert span(traceparent=PARENT, x_portkey_trace_id=b"mine")[2] == ""
    assert span(traceparent=PARENT, x_portkey_trace_id=TRACE.encode())[2] == SPAN


def test_what_is_strange_is_not_said():
    assert span(x_portkey_trace_id=b"two words", x_portkey_span_id=b"x" * 129) == span()
    assert span(traceparent=b"00-nonsense") == span()


def test_a_long_name_is_cut():
    assert span(x_portkey_span_name=b"n" * 1000)[3] == "n" * 256


def headers_sent(tmp_path, model, *headers):
    app = make_app(tmp_path, CONFIG)
    client = ScriptedClient(ScriptedExchange(200, json.dumps(REPLY).encode()))
    app.runtime.clients.update(https=client)
    ask(app.gateway, "POST", "/v1/chat/completions", body={**BODY, "model": model}, headers=(*AUTH, *headers))
    return dict(client.sent[0][1].headers)


def test_a_provider_is_told_only_when_its_operator_says_so(tmp_path):
    sent = headers_sent(tmp_path, "@silent/m", ("traceparent", PARENT.decode()), ("tracestate", "a=b"))
    assert b"traceparent" not in sent
    assert b"tracestate" not in sent


def test_a_provider_that_is_told_becomes_a_child_of_the_request(tmp_path):
    sent = headers_sent(tmp_path, "@told/m", ("traceparent", PARENT.decode()), ("tracestate", "a=b"))
    told = read_traceparent(sent[b"traceparent"])
    assert told is not None
    assert (told.trace_id, told.flags) == (TRACE, 0)
    assert told.span_id != SPAN
    assert sent[b"tracestate"] == b"a=b"


def test_a_state_of_another_trace_is_not_passed_on(tmp_path):
    headers = (("traceparent", PARENT.decode()), ("tracestate", "a=b"), ("x-portkey-trace-id", "mine"))
    sent = headers_sent(tmp_path, "@told/m", *headers)
    told = read_traceparent(sent[b"traceparent"])
    assert told is not None
    assert told.trace_id not in (TRACE, "mine")
    assert b"tracestate" not in sent
