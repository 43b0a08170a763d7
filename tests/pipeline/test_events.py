"""Log records come in: by the real SDK's exporter, by hand, before their span and after it; and what must not come in."""

import gzip
import json
import time

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from lockgate.control.search import Search
from lockgate.dialects.otlp.nouns import pairs
from lockgate.dialects.otlp.schema import LOGS
from lockgate.http.admin.conversation import conversation_of
from lockgate.stores.logs.ingest import Ingest
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.wire.protobuf import to_json, write
from support.asgi import ask
from support.collector import Collector
from support.house import AUTH, make_app, records

PATH = "/v1/otel/v1/logs"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PROTOBUF = ("content-type", "application/x-protobuf")
SECOND = 10**9


def event(name, body=None, at=0, **more):
    """A log record, `at` ns after a second ago."""
    tree = {"timeUnixNano": time.time_ns() - SECOND + at, "traceId": TRACE, "spanId": SPAN, "eventName": name, **more}
    return tree if body is None else {**tree, "body": {"kvlistValue": {"values": pairs(body)}}}


def tree_of(*events):
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": list(events)}]}]}


def post(tmp_path, body, *headers, config="", app=None):
    app = app or make_app(tmp_path, config)
    return ask(app.gateway, "POST", PATH, body=body, headers=(*AUTH, *(headers or (PROTOBUF,))))


def told(tmp_path):
    return [record for record in records(tmp_path) if record.source == "event"]


def sent_by_the_sdk(emit):
    """What the SDK's exporters send of a span and of what `emit` logs within it: (path, headers, body), the span last."""
    stub = Collector()
    headers = {"authorization": AUTH[0][1]}
    traces, logs = TracerProvider(), LoggerProvider()
    traces.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(stub.url + "/v1/otel/v1/traces", headers=headers)))
    logs.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(stub.url + PATH, headers=headers)))
    said = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o-mini", "gen_ai.provider.name": "openai"}
    with traces.get_tracer("mine").start_as_current_span("chat gpt-4o-mini", attributes=said):
        emit(logs.get_logger("mine"))
    logs.shutdown()
    traces.shutdown()
    stub.close()
    return stub.asked


def emit_messages(logger):
    def emit(name, body):
        now = time.time_ns()
        logger.emit(
            LogRecord(timestamp=now, observed_timestamp=now, severity_number=SeverityNumber.INFO, event_name=name, body=body)
        )

    emit("gen_ai.system.message", {"content": "Be brief."})
    emit("gen_ai.user.message", {"content": "Weather in Rome?"})
    call = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}
    emit("gen_ai.assistant.message", {"tool_calls": [call]})
    emit("gen_ai.tool.message", {"id": "c1", "content": "sunny"})
    emit("gen_ai.choice", {"index": 0, "finish_reason": "stop", "message": {"content": "Sunny."}})


def emit_details(logger):
    now = time.time_ns()
    messages = [
        {"role": "user", "parts": [{"type": "text", "content": "Weather in Rome?"}]},
        {"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Rome"}}]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": "sunny"}]},
    ]
    answer = [{"role": "assistant", "parts": [{"type": "text", "content": "Sunny."}], "finish_reason": "stop"}]
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
        "gen_ai.input.messages": messages,
        "gen_ai.output.messages": json.dumps(answer),
    }
    name = "gen_ai.client.inference.operation.details"
    logger.emit(LogRecord(timestamp=now, observed_timestamp=now, event_name=name, attributes=attributes))


def shown(tmp_path, store):
    """The only request in the log, as it is shown."""
    search = Search(tmp_path / "data", store)
    (record,) = search.page(Filter(), None, 50).records
    return search.get(record.id, Filter())


@pytest.mark.parametrize("emit", [emit_messages, emit_details])
@pytest.mark.parametrize("span_first", [False, True])
def test_a_span_shows_what_the_sdk_logged_in_it_whatever_comes_first_and_however_often(tmp_path, emit, span_first):
    asked = sent_by_the_sdk(emit)
    *logs, spans = sorted(asked, key=lambda each: each[0] != PATH)
    app = make_app(tmp_path)
    store = SqliteLog(tmp_path / "data" / "log", report=pytest.fail)
    for path, headers, body in (spans, *logs, *logs) if span_first else (*logs, *logs, spans):
        given = [(name, value) for name, value in headers.items() if name.lower() in ("content-type", "content-encoding")]
        answer = ask(app.gateway, "POST", path, body=body, headers=(*AUTH, *given))
        assert (answer.status, answer.body) == (200, b"")
    waiting = shown(tmp_path, store)
    ingest = Ingest(tmp_path / "data" / "spool", store, report=pytest.fail)
    while ingest.step():
        pass
    ingest.close()
    record = shown(tmp_path, store)
    assert (record.request, record.response) == (waiting.request, waiting.response)
    found = conversation_of(record)
    assert found.problem is None
    assert [(turn.role, turn.parts[0].kind, turn.parts[0].text) for turn in found.turns] == [
        ("system", "text", "Be brief."),
        ("user", "text", "Weather in Rome?"),
        ("assistant", "call", found.turns[2].parts[0].text),
        ("user", "result", "sunny"),
    ]
    assert json.loads(found.turns[2].parts[0].text) == {"city": "Rome"}
    (reply,) = found.replies
    assert (reply.parts[0].text, reply.finish) == ("Sunny.", "stop")
    since = record.time_us - 60_000_000
    (_, totals), *rest = store.series(Filter(since_us=since, until_us=since + 120_000_000), 86_400_000_000)
    assert (totals.requests, rest) == (1, [])
    store.close()


def test_json_and_gzip_are_read_and_the_answer_is_the_one_of_logs(tmp_path):
    body = gzip.compress(json.dumps(to_json(LOGS, tree_of(event("gen_ai.user.message", {"content": "ping"})))).encode())
    answer = post(tmp_path, body, ("content-type", "application/json"), ("content-encoding", "gzip"))
    assert (answer.status, answer.json) == (200, {})
    (record,) = told(tmp_path)
    assert (record.trace_id, record.span_id) == (TRACE, SPAN)
    assert json.loads(record.request)["messages"] == [{"role": "user", "content": "ping"}]


def test_an_event_may_be_named_by_an_attribute_as_it_was_before(tmp_path):
    old = event("", {"content": "ping"}, attributes=pairs({"event.name": "gen_ai.user.message"}))
    assert post(tmp_path, write(LOGS, tree_of(old))).status == 200
    assert len(told(tmp_path)) == 1


def test_what_belongs_to_no_span_is_counted_in_the_answer_and_other_logs_are_let_be(tmp_path):
    said = {"content": "ping"}
    body = write(
        LOGS,
        tree_of(
            event("gen_ai.user.message", said),
            event("gen_ai.user.message", said, spanId=""),
            event("gen_ai.user.message", said, timeUnixNano=1),
            {"body": {"stringValue": "a line of a log"}, "timeUnixNano": 1},
        ),
    )
    answer = post(tmp_path, body)
    partial = ExportLogsServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_log_records, "span_id" in partial.error_message) == (200, 2, True)
    assert len(told(tmp_path)) == 1


def test_messages_without_contents_are_none(tmp_path):
    assert post(tmp_path, write(LOGS, tree_of(event("gen_ai.user.message"), event("gen_ai.choice", {})))).status == 200
    assert told(tmp_path) == []


@pytest.mark.parametrize("capture", ["metadata", "off"])
def test_what_may_not_be_kept_is_not(tmp_path, capture):
    body = write(LOGS, tree_of(event("gen_ai.user.message", {"content": "ping"})))
    assert post(tmp_path, body, config=f"log: {{capture: {capture}}}").status == 200
    assert told(tmp_path) == []


def test_what_nobody_may_read_is_taken_out(tmp_path):
    body = write(LOGS, tree_of(event("gen_ai.user.message", {"content": "ping"})))
    post(tmp_path, body, config="log: {redact: {fields: ['messages.*.content']}}")
    (record,) = told(tmp_path)
    assert json.loads(record.request)["messages"] == [{"role": "user", "content": "[redacted]"}]


def test_a_long_conversation_is_several_records_each_of_which_can_be_read(tmp_path):
    events = [event("gen_ai.user.message", {"content": f"{n} " + "x" * 400}, at=n) for n in range(10)]
    post(tmp_path, write(LOGS, tree_of(*events)), config="log: {body_limit: 2000}")
    found = told(tmp_path)
    assert len(found) == 5
    assert sum(len(json.loads(record.request)["messages"]) for record in found) == 10


def test_what_cannot_be_read_is_refused_for_good(tmp_path):
    answer = post(tmp_path, b"{", ("content-type", "application/json"))
    assert (answer.status, "log records" in answer.json["message"]) == (400, True)
