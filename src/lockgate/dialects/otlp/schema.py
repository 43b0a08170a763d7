"""OTLP 1.10's messages, as far as they are read or written here.

Source: https://github.com/open-telemetry/opentelemetry-proto. In JSON, ids are in hexadecimal and enums are numbers
(https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
"""

from __future__ import annotations

from lockgate.wire.protobuf import Field, Kind, Message


def _of(number: int, message: Message, *, explicit: bool = False) -> Field:
    return Field(number, "message", message, explicit=explicit)


def _many(number: int, message: Message) -> Field:
    return Field(number, "message", message, repeated=True)


def _choice(number: int, kind: Kind) -> Field:
    return Field(number, kind, explicit=True)


ANY = Message("AnyValue")
KEY_VALUE = Message("KeyValue", {"key": Field(1, "text"), "value": _of(2, ANY, explicit=True)})
ARRAY = Message("ArrayValue", {"values": _many(1, ANY)})
KEY_VALUES = Message("KeyValueList", {"values": _many(1, KEY_VALUE)})
ANY.define(
    {
        "stringValue": _choice(1, "text"),
        "boolValue": _choice(2, "bool"),
        "intValue": _choice(3, "int"),
        "doubleValue": _choice(4, "double"),
        "arrayValue": _of(5, ARRAY, explicit=True),
        "kvlistValue": _of(6, KEY_VALUES, explicit=True),
        "bytesValue": _choice(7, "bytes"),
    }
)
SCOPE = Message("InstrumentationScope", {"name": Field(1, "text"), "version": Field(2, "text")})
RESOURCE = Message("Resource", {"attributes": _many(1, KEY_VALUE)})

STATUS = Message("Status", {"message": Field(2, "text"), "code": Field(3, "small")})
EVENT = Message(
    "Span.Event",
    {"timeUnixNano": Field(1, "fixed64"), "name": Field(2, "text"), "attributes": _many(3, KEY_VALUE)},
)
SPAN = Message(
    "Span",
    {
        "traceId": Field(1, "hex"),
        "spanId": Field(2, "hex"),
        "traceState": Field(3, "text"),
        "parentSpanId": Field(4, "hex"),
        "name": Field(5, "text"),
        "kind": Field(6, "small"),
        "startTimeUnixNano": Field(7, "fixed64"),
        "endTimeUnixNano": Field(8, "fixed64"),
        "attributes": _many(9, KEY_VALUE),
        "events": _many(11, EVENT),
        "status": _of(15, STATUS),
        "flags": Field(16, "fixed32"),
    },
)
SCOPE_SPANS = Message("ScopeSpans", {"scope": _of(1, SCOPE), "spans": _many(2, SPAN), "schemaUrl": Field(3, "text")})
RESOURCE_SPANS = Message(
    "ResourceSpans",
    {"resource": _of(1, RESOURCE), "scopeSpans": _many(2, SCOPE_SPANS), "schemaUrl": Field(3, "text")},
)
TRACES = Message("ExportTraceServiceRequest", {"resourceSpans": _many(1, RESOURCE_SPANS)})

LOG_RECORD = Message(
    "LogRecord",
    {
        "timeUnixNano": Field(1, "fixed64"),
        "severityNumber": Field(2, "small"),
        "body": _of(5, ANY),
        "attributes": _many(6, KEY_VALUE),
        "traceId": Field(9, "hex"),
        "spanId": Field(10, "hex"),
        "observedTimeUnixNano": Field(11, "fixed64"),
        "eventName": Field(12, "text"),
    },
)
SCOPE_LOGS = Message("ScopeLogs", {"scope": _of(1, SCOPE), "logRecords": _many(2, LOG_RECORD), "schemaUrl": Field(3, "text")})
RESOURCE_LOGS = Message(
    "ResourceLogs",
    {"resource": _of(1, RESOURCE), "scopeLogs": _many(2, SCOPE_LOGS), "schemaUrl": Field(3, "text")},
)
LOGS = Message("ExportLogsServiceRequest", {"resourceLogs": _many(1, RESOURCE_LOGS)})

HISTOGRAM_POINT = Message(
    "HistogramDataPoint",
    {
        "startTimeUnixNano": Field(2, "fixed64"),
        "timeUnixNano": Field(3, "fixed64"),
        "count": Field(4, "fixed64"),
        "sum": Field(5, "double", explicit=True),
        "bucketCounts": Field(6, "fixed64", repeated=True),
        "explicitBounds": Field(7, "double", repeated=True),
        "attributes": _many(9, KEY_VALUE),
    },
)
HISTOGRAM = Message("Histogram", {"dataPoints": _many(1, HISTOGRAM_POINT), "aggregationTemporality": Field(2, "small")})
METRIC = Message(
    "Metric",
    {
        "name": Field(1, "text"),
        "description": Field(2, "text"),
        "unit": Field(3, "text"),
        "histogram": _of(9, HISTOGRAM),
    },
)
SCOPE_METRICS = Message("ScopeMetrics", {"scope": _of(1, SCOPE), "metrics": _many(2, METRIC), "schemaUrl": Field(3, "text")})
RESOURCE_METRICS = Message(
    "ResourceMetrics",
    {"resource": _of(1, RESOURCE), "scopeMetrics": _many(2, SCOPE_METRICS), "schemaUrl": Field(3, "text")},
)
METRICS = Message("ExportMetricsServiceRequest", {"resourceMetrics": _many(1, RESOURCE_METRICS)})

PARTIAL = Message(
    "ExportPartialSuccess",
    {"rejectedSpans": Field(1, "int"), "errorMessage": Field(2, "text")},
)
ANSWER = Message("ExportTraceServiceResponse", {"partialSuccess": _of(1, PARTIAL)})
PARTIAL_LOGS = Message(
    "ExportLogsPartialSuccess",
    {"rejectedLogRecords": Field(1, "int"), "errorMessage": Field(2, "text")},
)
LOGS_ANSWER = Message("ExportLogsServiceResponse", {"partialSuccess": _of(1, PARTIAL_LOGS)})
PARTIAL_POINTS = Message(
    "ExportMetricsPartialSuccess",
    {"rejectedDataPoints": Field(1, "int"), "errorMessage": Field(2, "text")},
)
METRICS_ANSWER = Message("ExportMetricsServiceResponse", {"partialSuccess": _of(1, PARTIAL_POINTS)})
#: `google.rpc.Status`: what an error answer says.
RPC_STATUS = Message("Status", {"code": Field(1, "small"), "message": Field(2, "text")})
