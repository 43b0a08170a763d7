import json

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from lockgate.core.record import Attempt
from lockgate.dialects.otlp.genai import spans
from lockgate.dialects.otlp.nouns import CLIENT, ERROR, SERVER, told, traces
from lockgate.dialects.otlp.schema import TRACES
from lockgate.wire.protobuf import from_json, read, to_json, write
from support.collector import attributes
from support.sinks import AT, record


def test_a_request_is_a_span_with_its_attempts_below_it():
    request, attempt = spans(record(0))
    assert (request.kind, attempt.kind) == (SERVER, CLIENT)
    assert (request.name, attempt.name) == ("chat gpt-5", "chat gpt-5")
    assert attempt.parent_id == request.span_id == f"{1:016x}"
    assert attempt.trace_id == request.trace_id == f"{1:032x}"
    assert (request.start_ns, request.end_ns) == (AT * 1000, (AT + 900_000) * 1000)
    assert (attempt.start_ns, attempt.end_ns) == ((AT + 1000) * 1000, (AT + 891_000) * 1000)


def test_what_the_conventions_name_has_their_names():
    found = spans(record(0))[0].attributes
    assert {name: value for name, value in found.items() if name.startswith(("gen_ai.", "http."))} == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.response.model": "gpt-5-2026",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": 0.3,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 20,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.reasoning.output_tokens": 5,
        "http.response.status_code": 200,
    }
    assert found["lockgate.cost.usd"] == 0.00125


def test_no_token_stands_in_two_spans_of_a_trace():
    assert not any(name.startswith("gen_ai.usage") for name in spans(record(0))[1].attributes)


def test_well_known_providers_have_their_well_known_names():
    found = spans(record(0, provider_kind="bedrock"))
    assert [each.attributes["gen_ai.provider.name"] for each in found] == ["aws.bedrock", "aws.bedrock"]


def test_a_failed_attempt_says_why_and_the_request_that_was_rescued_is_well():
    attempts = [
        Attempt("t[0]", "first", "gpt-5", 529, "overloaded", "Overloaded", 0, 10),
        Attempt("t[1]", "main", "gpt-5", 200, start_us=20, duration_us=30),
    ]
    request, failed, good = spans(record(0, attempts=attempts))
    assert (request.status, failed.status, good.status) == (0, ERROR, 0)
    assert failed.attributes["error.type"] == "overloaded"
    assert failed.attributes["http.response.status_code"] == 529
    assert failed.attributes["gen_ai.provider.name"] == "first"
    assert len({request.span_id, failed.span_id, good.span_id}) == 3


def test_the_loser_of_two_that_ran_at_once_has_not_failed():
    _, hedged = spans(record(0, attempts=[Attempt("t", "main", "gpt-5", 0, "hedged")]))
    assert hedged.status == 0
    assert hedged.attributes["error.type"] == "hedged"


def test_what_we_refused_is_the_callers_mistake_unless_it_is_ours():
    mistake = spans(record(0, outcome="refused", status=400, error_code="invalid_model", attempts=[]))[0]
    assert (mistake.status, mistake.attributes["error.type"]) == (0, "invalid_model")
    full = spans(record(0, outcome="refused", status=503, error_code="busy", error="Busy.", attempts=[]))[0]
    assert (full.status, full.status_message) == (ERROR, "Busy.")


def test_ids_that_are_none_of_opentelemetrys_are_hashed_and_said():
    one = spans(record(0, trace_id="order 4711", span_id="step", parent_span_id="root"))[0]
    other = spans(record(1, trace_id="order 4711", span_id="root"))[0]
    assert one.trace_id == other.trace_id
    assert one.parent_id == other.span_id
    assert one.attributes["lockgate.trace.id"] == "order 4711"
    assert len(one.trace_id) == 32


def test_what_was_said_is_told_only_when_asked_for():
    assert not any(name in spans(record(0))[0].attributes for name in ("gen_ai.input.messages", "gen_ai.output.messages"))
    found = spans(record(0, stream=False), content=True)[0].attributes
    assert json.loads(found["gen_ai.input.messages"]) == [{"role": "user", "parts": [{"type": "text", "content": "ping"}]}]
    assert json.loads(found["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "pong"}], "finish_reason": "stop"}
    ]


CLAUDE = {
    "model": "c",
    "max_tokens": 50,
    "temperature": 1,
    "system": "Be brief.",
    "tools": [{"name": "weather", "description": "of a city", "input_schema": {"type": "object"}}],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Paris?"}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Paris"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "rainy"}]},
    ],
}
STREAM = b"".join(
    b"event: " + name + b"\ndata: " + json.dumps({"type": name.decode(), **data}).encode() + b"\n\n"
    for name, data in (
        (b"message_start", {"message": {"id": "m", "model": "c", "usage": {"input_tokens": 5, "output_tokens": 1}}}),
        (b"content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
        (b"content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "It "}}),
        (b"content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "rains."}}),
        (b"content_block_stop", {"index": 0}),
        (b"message_delta", {"delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 9}}),
        (b"message_stop", {}),
    )
)


def test_every_dialect_is_told_in_one_shape_streams_too():
    asked = record(0, dialect_in="anthropic.messages", request=json.dumps(CLAUDE).encode(), response=STREAM)
    found = spans(asked, content=True)[0].attributes
    assert json.loads(found["gen_ai.system_instructions"]) == [{"type": "text", "content": "Be brief."}]
    assert json.loads(found["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "Paris?"}]},
        {
            "role": "assistant",
            "parts": [{"type": "tool_call", "id": "t1", "name": "weather", "arguments": {"city": "Paris"}}],
        },
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "t1", "result": "rainy"}]},
    ]
    assert json.loads(found["gen_ai.output.messages"])[0]["parts"] == [{"type": "text", "content": "It rains."}]
    assert json.loads(found["gen_ai.tool.definitions"])[0]["name"] == "weather"
    assert (found["gen_ai.request.max_tokens"], found["gen_ai.request.temperature"]) == (50, 1.0)


def test_bodies_that_cannot_be_read_are_left_out():
    found = spans(record(0, request=b'{"model": "gpt-5", "messages": [{"role"', response=b"{", truncated=True), content=True)
    assert not any(name.endswith(".messages") for name in found[0].attributes)


def test_the_official_decoder_reads_what_is_written():
    tree = traces({"service.name": "lockgate"}, ("lockgate", "1"), spans(record(0), content=True), "https://schema")
    request = ExportTraceServiceRequest.FromString(write(TRACES, tree))
    (scope,) = request.resource_spans[0].scope_spans
    assert scope.schema_url == "https://schema"
    span = scope.spans[0]
    assert (span.trace_id.hex(), span.span_id.hex()) == (f"{1:032x}", f"{1:016x}")
    assert attributes(span)["gen_ai.usage.input_tokens"] == 100
    assert attributes(span)["gen_ai.response.finish_reasons"] == ["stop"]


def test_what_the_official_encoder_writes_is_read_and_written_the_same():
    tree = traces({"a": [1, 2.5, True], "b": {"c": b"d"}}, ("lockgate", "1"), spans(record(0)))
    data = write(TRACES, tree)
    assert ExportTraceServiceRequest.FromString(data) == ExportTraceServiceRequest.FromString(
        write(TRACES, read(TRACES, ExportTraceServiceRequest.FromString(data).SerializeToString()))
    )


def test_spans_come_back_as_they_went_by_either_way():
    given = spans(record(0))
    tree = traces({"service.name": "lockgate"}, ("lockgate", "1"), given)
    for back in (read(TRACES, write(TRACES, tree)), from_json(TRACES, to_json(TRACES, tree))):
        found = told(back)
        assert [each.span for each in found] == given
        assert (found[0].scope, found[0].resource) == ("lockgate", {"service.name": "lockgate"})
