"""Spans as they are thought of here, and the trees that OTLP makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from lockgate.wire.protobuf import Malformed, Tree

#: Values of an attribute: texts, booleans, numbers, bytes; lists and objects of these.
Attributes = dict[str, Any]

INTERNAL, SERVER, CLIENT = 1, 2, 3
OK, ERROR = 1, 2
_LARGEST: Final = 2**63


class SpanEvent(msgspec.Struct):
    """Something that happened in a span. Times are ns since the epoch."""

    name: str
    time_ns: int = 0
    attributes: Attributes = {}


class Span(msgspec.Struct):
    """One span. Ids are in hexadecimal, `parent_id` "" for a root. `status`: 0 is not said, else `OK` or `ERROR`."""

    trace_id: str
    span_id: str
    name: str
    start_ns: int
    end_ns: int
    parent_id: str = ""
    kind: int = INTERNAL
    attributes: Attributes = {}
    events: list[SpanEvent] = []
    status: int = 0
    status_message: str = ""


class Event(msgspec.Struct):
    """A log record, by the span in which it was written. `body` is as an attribute's value; times are ns since the epoch."""

    name: str
    trace_id: str
    span_id: str
    time_ns: int
    attributes: Attributes = {}
    body: Any = None


class Told(msgspec.Struct):
    """A span, and who tells of it: the attributes of a resource, and the name of an instrumentation."""

    span: Span
    resource: Attributes
    scope: str = ""


def traces(resource: Mapping[str, Any], scope: tuple[str, str], spans: Iterable[Span], schema: str = "") -> Tree:
    """An `ExportTraceServiceRequest`. `scope`: name and version of who tells; `schema`: the URL of the conventions."""
    within = {"scope": {"name": scope[0], "version": scope[1]}, "spans": [_tree(each) for each in spans], "schemaUrl": schema}
    return {"resourceSpans": [{"resource": {"attributes": pairs(resource)}, "scopeSpans": [within]}]}


def told(request: Tree) -> list[Told]:
    """All spans of an `ExportTraceServiceRequest`."""
    found: list[Told] = []
    for resource_spans in _items(request, "resourceSpans"):
        resource = values(_items(resource_spans.get("resource", {}), "attributes"))
        for scope_spans in _items(resource_spans, "scopeSpans"):
            scope = str(scope_spans.get("scope", {}).get("name", ""))
            found += (Told(_span(each), resource, scope) for each in _items(scope_spans, "spans"))
    return found


def logged(request: Tree) -> list[Event]:
    """All log records of an `ExportLogsServiceRequest`."""
    return [
        _event(each)
        for resource_logs in _items(request, "resourceLogs")
        for scope_logs in _items(resource_logs, "scopeLogs")
        for each in _items(scope_logs, "logRecords")
    ]


def pairs(attributes: Mapping[str, Any]) -> list[Tree]:
    """Attributes as OTLP lists them; those that are None are left out."""
    return [{"key": name, "value": _any(value)} for name, value in attributes.items() if value is not None]


def values(listed: Sequence[Tree]) -> Attributes:
    """Attributes by their names; the last one counts."""
    return {str(each.get("key", "")): _plain(each.get("value", {})) for each in listed}


def _any(value: Any) -> Tree:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, int):
        return {"intValue": value} if -_LARGEST <= value < _LARGEST else {"doubleValue": float(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, bytes):
        return {"bytesValue": value}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": pairs(cast("Mapping[str, Any]", value))}}
    if value is None:
        return {}
    return {"arrayValue": {"values": [_any(each) for each in value]}}


def _plain(value: Tree) -> Any:
    for name, each in value.items():
        if name == "arrayValue":
            return [_plain(item) for item in _items(each, "values")]
        if name == "kvlistValue":
            return values(_items(each, "values"))
        return each
    return None


def _tree(span: Span) -> Tree:
    tree: Tree = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.start_ns,
        "endTimeUnixNano": span.end_ns,
        "attributes": pairs(span.attributes),
        "events": [
            {"timeUnixNano": each.time_ns, "name": each.name, "attributes": pairs(each.attributes)} for each in span.events
        ],
    }
    if span.status:
        tree["status"] = {"code": span.status, "message": span.status_message}
    return tree


def _span(tree: Tree) -> Span:
    trace_id, span_id = tree.get("traceId", ""), tree.get("spanId", "")
    status = tree.get("status", {})
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        name=tree.get("name", ""),
        start_ns=_unsigned(tree.get("startTimeUnixNano", 0)),
        end_ns=_unsigned(tree.get("endTimeUnixNano", 0)),
        parent_id=tree.get("parentSpanId", ""),
        kind=tree.get("kind", 0),
        attributes=values(_items(tree, "attributes")),
        events=[
            SpanEvent(each.get("name", ""), _unsigned(each.get("timeUnixNano", 0)), values(_items(each, "attributes")))
            for each in _items(tree, "events")
        ],
        status=status.get("code", 0),
        status_message=status.get("message", ""),
    )


def _event(tree: Tree) -> Event:
    attributes = values(_items(tree, "attributes"))
    return Event(
        # Its name was an attribute before it was a member.
        name=tree.get("eventName") or str(attributes.get("event.name", "")),
        trace_id=tree.get("traceId", ""),
        span_id=tree.get("spanId", ""),
        time_ns=_unsigned(tree.get("timeUnixNano", 0)) or _unsigned(tree.get("observedTimeUnixNano", 0)),
        attributes=attributes,
        body=_plain(tree.get("body", {})),
    )


def _unsigned(number: int) -> int:
    if number < 0:
        raise Malformed("Span: a time is negative")
    return number


def _items(tree: Tree, name: str) -> list[Tree]:
    found: list[Tree] = tree.get(name, [])
    return found
