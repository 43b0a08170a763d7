"""Spans come in: by the real SDK's exporter, by hand, in three conventions; and what must not come in."""

import gzip
import json
import time

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode

from lockgate.dialects.otlp.nouns import Span, traces
from lockgate.dialects.otlp.schema import TRACES
from lockgate.wire.protobuf import to_json, write
from support.asgi import ask
from support.collector import Collector
from support.house import AUTH, make_app, records

PATH = "/v1/otel/v1/traces"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PROTOBUF = ("content-type", "application/x-protobuf")


def span(n=0, **attributes):
    now = time.time_ns()
    given = {name.replace("__", "."): value for name, value in attributes.items()}
    return Span(TRACE, f"{n + 1:016x}", "step", now - 2_000_000_000, now, SPAN, attributes=given)


def body_of(*spans):
    return write(TRACES, traces({"service.name": "agent"}, ("scope", "1"), spans))


def post(tmp_path, body, *headers, config="", app=None):
    app = app or make_app(tmp_path, config)
    return ask(app.gateway, "POST", PATH, body=body, headers=(*AUTH, *(headers or (PROTOBUF,))))


def kept(tmp_path):
    return [record for record in records(tmp_path) if not record.unkept]


GENAI = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "ping"}]}]),
    "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "pong"}]}]),
    "user.id": "alice",
}


def of(attributes):
    return Span(TRACE, SPAN, "chat gpt-4o-mini", time.time_ns() - 10**9, time.time_ns(), "", attributes=attributes)


def test_the_sdks_own_exporter_is_understood(tmp_path):
    """Real bytes of the real exporter, caught by a stub and brought to the door."""
    stub = Collector()
    exporter = OTLPSpanExporter(endpoint=stub.url + PATH, headers={"authorization": AUTH[0][1]})
    provider = TracerProvider(resource=Resource({"service.name": "my-agent"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("mine")
    with tracer.start_as_current_span("invoke_agent planner", attributes={"gen_ai.operation.name": "invoke_agent"}):
        with tracer.start_as_current_span("chat gpt-4o-mini", attributes=GENAI):
            pass
        with tracer.start_as_current_span("execute_tool weather", attributes={"gen_ai.operation.name": "execute_tool"}) as tool:
            tool.set_status(Status(StatusCode.ERROR, "no such city"))
    provider.shutdown()
    stub.close()
    app = make_app(tmp_path)
    for _, headers, body in stub.asked:
        given = [(name, value) for name, value in headers.items() if name.lower() in ("content-type", "content-encoding")]
        answer = ask(app.gateway, "POST", PATH, body=body, headers=(*AUTH, *given))
        assert (answer.status, answer.body) == (200, b"")
    found = {record.operation: record for record in kept(tmp_path)}
    assert set(found) == {"agent", "chat", "tool"}
    chat, agent, tool = found["chat"], found["agent"], found["tool"]
    assert (chat.source, chat.trace_id, chat.parent_span_id) == ("span", agent.trace_id, agent.span_id)
    assert (chat.model_sent, chat.usage.input, chat.usage.output) == ("gpt-4o-mini", 1000, 100)
    assert (chat.cost_nusd, chat.key_name) == (210_000, "admin")
    assert json.loads(chat.request)["messages"][0]["parts"][0]["content"] == "ping"
    assert chat.metadata == {"service": "my-agent", "user_id": "alice"}
    assert (tool.outcome, tool.error) == ("failed", "no such city")


def test_the_exporter_takes_our_answer_for_a_good_one(tmp_path):
    answers = post(tmp_path, body_of(span(gen_ai__system="openai")))
    assert answers.headers["content-type"] == "application/x-protobuf"
    assert ExportTraceServiceResponse.FromString(answers.body) == ExportTraceServiceResponse()


def test_json_and_gzip_are_read(tmp_path):
    tree = to_json(TRACES, traces({}, ("s", "1"), [of(GENAI)]))
    answer = post(
        tmp_path,
        gzip.compress(json.dumps(tree).encode()),
        ("content-type", "application/json; charset=utf-8"),
        ("content-encoding", "gzip"),
    )
    assert (answer.status, answer.json, len(kept(tmp_path))) == (200, {}, 1)


def test_openinference_is_understood(tmp_path):
    said = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "claude-sonnet-4-5",
        "llm.provider": "anthropic",
        "llm.token_count.prompt": 80,
        "llm.token_count.completion": 15,
        "llm.token_count.prompt_details.cache_read": 40,
        "llm.input_messages.0.message.role": "user",
        "llm.input_messages.0.message.content": "What's the weather?",
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": "Sunny.",
        "session.id": "s-1",
    }
    post(tmp_path, body_of(of(said)))
    (record,) = kept(tmp_path)
    assert (record.operation, record.provider, record.provider_kind) == ("chat", "anthropic", "anthropic")
    assert (record.usage.input, record.usage.output, record.usage.cached) == (80, 15, 40)
    assert record.cost_nusd > 0
    assert json.loads(record.request) == {
        "model": "claude-sonnet-4-5",
        "messages": [{"role": "user", "content": "What's the weather?"}],
    }
    assert json.loads(record.response)["messages"] == [{"role": "assistant", "content": "Sunny."}]
    assert record.metadata["session_id"] == "s-1"


def test_traceloop_is_understood(tmp_path):
    said = {
        "llm.request.type": "chat",
        "gen_ai.system": "OpenAI",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.usage.prompt_tokens": 10,
        "gen_ai.usage.completion_tokens": 2,
        "gen_ai.prompt.0.role": "system",
        "gen_ai.prompt.0.content": "Be brief.",
        "gen_ai.prompt.1.role": "user",
        "gen_ai.prompt.1.content": "ping",
        "gen_ai.completion.0.content": "pong",
        "gen_ai.completion.0.finish_reason": "stop",
        "traceloop.workflow.name": "qa",
        "traceloop.association.properties.tenant": "t1",
    }
    workflow = {"traceloop.span.kind": "workflow", "traceloop.entity.name": "qa", "traceloop.entity.input": '{"q": 1}'}
    post(tmp_path, body_of(of(said), Span(TRACE, "1" * 16, "qa", time.time_ns(), time.time_ns(), attributes=workflow)))
    chat, step = sorted(kept(tmp_path), key=lambda record: record.operation)
    assert (chat.operation, step.operation) == ("chat", "step")
    assert (chat.usage.input, chat.usage.output) == (10, 2)
    assert [each["content"] for each in json.loads(chat.request)["messages"]] == ["Be brief.", "ping"]
    assert chat.metadata == {"service": "agent", "workflow": "qa", "tenant": "t1"}
    assert step.request == b'{"q": 1}'


def test_what_was_cached_beside_the_input_is_a_part_of_it_here(tmp_path):
    said = {"gen_ai.usage.input_tokens": 5, "gen_ai.usage.cache_read_input_tokens": 100, "gen_ai.system": "anthropic"}
    post(tmp_path, body_of(of(said)))
    assert kept(tmp_path)[0].usage.input == 105


def test_a_span_that_comes_twice_is_one_record_and_another_tenants_is_another():
    from lockgate.dialects.otlp.nouns import Told
    from lockgate.dialects.otlp.reading import record_of

    told = Told(of(GENAI), {})
    assert record_of(told, "org/ws").id == record_of(told, "org/ws").id != record_of(told, "org/other").id


def test_other_spans_are_taken_and_let_be(tmp_path):
    answer = post(tmp_path, body_of(span(http__method="GET"), span(1, db__system="postgresql")))
    assert (answer.status, answer.body, kept(tmp_path)) == (200, b"", [])


def test_the_request_itself_is_counted_and_not_kept(tmp_path):
    post(tmp_path, body_of(of(GENAI)))
    own = [record for record in records(tmp_path) if record.unkept]
    assert [(record.operation, record.status, record.request) for record in own] == [("spans", 200, b"")]


def test_what_cannot_be_taken_is_counted_in_the_answer(tmp_path):
    old, backward, nameless = of(GENAI), of(GENAI), of(GENAI)
    old.start_ns = 1
    backward.end_ns = backward.start_ns - 1
    nameless.span_id = "00" * 8
    answer = post(tmp_path, body_of(old, backward, nameless, span(5, gen_ai__system="openai")))
    said = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, said.rejected_spans, bool(said.error_message)) == (200, 3, True)
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"\x0a\xff", (PROTOBUF,), 400),
        (b"{", (("content-type", "application/json"),), 400),
        (b"[]", (("content-type", "application/json"),), 400),
        (b"not gzip", (PROTOBUF, ("content-encoding", "gzip")), 400),
        (gzip.compress(b"", mtime=0)[:-4], (PROTOBUF, ("content-encoding", "gzip")), 400),
        (b"", (PROTOBUF, ("content-encoding", "br")), 415),
        (b"", (("content-type", "text/plain"),), 415),
        (gzip.compress(b"\x00" * (17 * 1024 * 1024), mtime=0), (PROTOBUF, ("content-encoding", "gzip")), 413),
    ],
)
def test_what_cannot_be_read_is_refused_for_good(tmp_path, body, headers, status):
    answer = post(tmp_path, body, *headers)
    assert answer.status == status
    assert kept(tmp_path) == []


def test_who_may_not_write_logs_may_not(tmp_path):
    config = "keys: [{name: app, key: 'app-key-0123456789-abcdefg', scopes: [completions.write]}]"
    app = make_app(tmp_path, config)
    headers = (("authorization", "Bearer app-key-0123456789-abcdefg"), PROTOBUF)
    assert ask(app.gateway, "POST", PATH, body=body_of(of(GENAI)), headers=headers).status == 403


@pytest.mark.parametrize("place", ["log", "workspace"])
def test_what_may_not_be_kept_is_not(tmp_path, place):
    post(tmp_path, body_of(of(GENAI)), config=f"{place}: {{capture: metadata}}")
    (record,) = kept(tmp_path)
    assert (record.request, record.response, record.model_sent) == (b"", b"", "gpt-4o-mini")


@pytest.mark.parametrize("place", ["log", "workspace"])
def test_what_nobody_may_read_is_taken_out(tmp_path, place):
    post(tmp_path, body_of(of(GENAI)), config=f"{place}: {{redact: {{fields: ['messages.*.parts']}}}}")
    (record,) = kept(tmp_path)
    assert {each["parts"] for each in json.loads(record.request)["messages"]} == {"[redacted]"}


def test_a_spool_that_is_full_is_said_so_that_it_comes_again(tmp_path, monkeypatch):
    app = make_app(tmp_path)
    real = app.runtime.spool.append
    monkeypatch.setattr(app.runtime.spool, "append", lambda record: record.unkept and real(record))
    answer = post(tmp_path, body_of(of(GENAI)), app=app)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
