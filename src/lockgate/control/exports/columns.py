"""What an export may tell of a record, by Portkey's names and our own. Costs are US cents, times ms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from lockgate.control.analytics.shapes import cents, ms, stamp
from lockgate.core.json import UNREADABLE
from lockgate.core.record import Record

Column = Callable[[Record], Any]


def body(data: bytes) -> Any:
    """A body as JSON, or as the text that it is."""
    if not data:
        return None
    try:
        return msgspec.json.decode(data)
    except UNREADABLE:
        return data.decode("utf-8", "backslashreplace")


def _units(name: str) -> Column:
    return lambda record: None if record.usage is None else getattr(record.usage, name)


def _member(name: str) -> Column:
    return lambda record: getattr(record, name) or None


COLUMNS: dict[str, Column] = {
    "id": lambda record: record.id,
    "trace_id": _member("trace_id"),
    "created_at": lambda record: stamp(record.time_us),
    "request": lambda record: body(record.request),
    "response": lambda record: body(record.response),
    "is_success": lambda record: record.outcome == "ok",
    "ai_org": lambda record: record.provider_kind or record.provider or None,
    "ai_model": lambda record: record.model_served or record.model_sent or record.model_asked or None,
    "req_units": _units("input"),
    "res_units": _units("output"),
    "total_units": lambda record: None if record.usage is None else record.usage.input + record.usage.output,
    "request_url": _member("path"),
    "cost": lambda record: None if record.cost_nusd is None else cents(record.cost_nusd),
    "cost_currency": lambda record: "USD",
    "response_time": lambda record: ms(record.latency_us),
    "response_status_code": _member("status"),
    "mode": lambda record: "stream" if record.stream else "single",
    "config": _member("route"),
    "prompt_slug": lambda record: record.metadata.get("_prompt"),
    "metadata": lambda record: record.metadata,
    "organisation": _member("organisation"),
    "workspace": _member("workspace"),
    "user": _member("user"),
    "api_key_id": _member("key_id"),
    "api_key_name": _member("key_name"),
    "provider": _member("provider"),
    "operation": _member("operation"),
    "outcome": lambda record: record.outcome,
    "finish": _member("finish"),
    "error_code": _member("error_code"),
    "error": _member("error"),
    "source": lambda record: record.source,
    "span_id": _member("span_id"),
    "parent_span_id": _member("parent_span_id"),
    "span_name": _member("span_name"),
    "model_asked": _member("model_asked"),
    "model_sent": _member("model_sent"),
    "model_served": _member("model_served"),
    "target": _member("target"),
    "attempts": lambda record: msgspec.to_builtins(record.attempts),
    "cached_units": _units("cached"),
    "reasoning_units": _units("reasoning"),
    "cost_note": _member("cost_note"),
    "price_version": _member("price_version"),
    "time_to_first_token": lambda record: None if record.ttft_us is None else ms(record.ttft_us),
    "gateway_time": lambda record: ms(record.gateway_us),
    "cache_status": _member("cache"),
    "cached_id": _member("cached_id"),
    "cached_age": lambda record: ms(record.cached_us) if record.cached_id else None,
    "cache_note": _member("cache_note"),
    "saved": lambda record: cents(record.saved_nusd),
    "saved_time": lambda record: ms(record.saved_us),
    "transformed_request": lambda record: body(record.sent),
    "upstream_response": lambda record: body(record.received),
}
#: What is told when nobody says what.
USUAL = tuple(name for name in COLUMNS if name not in ("request", "response", "transformed_request", "upstream_response"))
#: What the store gives only when a record is read by itself.
BY_ITSELF = frozenset(("response", "transformed_request", "upstream_response"))
#: What is a number, where it is known.
NUMBERS = frozenset(
    (
        "req_units", "res_units", "total_units", "cost", "response_time", "response_status_code", "cached_units",
        "reasoning_units", "time_to_first_token", "gateway_time", "saved", "saved_time",
        "cached_age",
    )
)  # fmt: skip
