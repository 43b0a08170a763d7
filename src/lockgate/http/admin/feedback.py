"""/v1/feedback: what people say of a trace: a value, how much it weighs, and what else there is to it.

Shapes: https://portkey.ai/docs/api-reference/inference-api/feedback. An id tells of which trace something was said, so that it
is found again wherever the log is kept.
"""

from __future__ import annotations

import random
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.core.record import new_id
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.shapes import Body
from lockgate.pipeline.metadata import as_text
from lockgate.stores.logs.ports import Feedback

#: What is said at once.
MOST = 1000
_MEMBERS, _LENGTH = 64, 1024

TraceId = Annotated[str, Meta(min_length=1, max_length=128)]
Value = Annotated[int, Meta(ge=-10, le=10)]
Weight = Annotated[float, Meta(ge=0, le=1)]


class NewFeedback(Body, frozen=True, kw_only=True):
    """What is said of a trace: from -10 to 10; `weight` from 0 to 1, to the thousandth."""

    trace_id: TraceId
    value: Value
    weight: Weight = 1.0
    metadata: dict[str, Any] | None = None


class ChangedFeedback(Body, frozen=True, kw_only=True):
    """What is said instead; what is left out stays."""

    value: Value | UnsetType = UNSET
    weight: Weight | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType | None = UNSET


class KeptFeedback(msgspec.Struct, frozen=True, kw_only=True):
    """What was kept, by its ids."""

    status: Literal["success"] = "success"
    message: str
    feedback_ids: list[str]


Many = Annotated[list[NewFeedback], Meta(min_length=1, max_length=MOST)]


def create(ask: Ask, body: Many) -> KeptFeedback:
    """Say something of traces: of one, or of several at once."""
    tenant = ask.tenant
    said = [
        Feedback(
            _id(new_id(ask.now_us, random.getrandbits(62)), each.trace_id),
            each.trace_id,
            ask.now_us,
            each.value,
            round(each.weight * 1000),
            _metadata(each.metadata),
            tenant.organisation,
            tenant.workspace,
        )
        for each in body
    ]
    ask.insight.intake.rate(said)
    return KeptFeedback(message="Feedback successfully saved", feedback_ids=[each.id for each in said])


def update(ask: Ask, body: ChangedFeedback) -> KeptFeedback:
    """Say something else instead."""
    id = ask.params["id"]
    trace = _trace(id)
    tenant = ask.tenant
    known = ask.insight.search.feedback([trace], tenant.organisation, tenant.workspace) if trace else []
    before = next((each for each in known if each.id == id), None)
    if before is None:
        raise Refusal(404, "not_found", f"There is no feedback '{id[:100]}' here.")
    after = msgspec.structs.replace(
        before,
        time_us=max(ask.now_us, before.time_us + 1),  # what is said last holds
        value=before.value if isinstance(body.value, UnsetType) else body.value,
        weight=before.weight if isinstance(body.weight, UnsetType) else round(body.weight * 1000),
        metadata=before.metadata if isinstance(body.metadata, UnsetType) else _metadata(body.metadata),
    )
    ask.insight.intake.rate([after])
    return KeptFeedback(message="Feedback successfully updated", feedback_ids=[id])


def _metadata(said: dict[str, Any] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in (said or {}).items():
        text = as_text(value) if isinstance(value, str | int | float | bool | None) else encode(value).decode()
        if len(name) > _LENGTH or len(text) > _LENGTH or len(found) >= _MEMBERS:
            message = f"Metadata may have {_MEMBERS} members of {_LENGTH} characters each."
            raise Refusal(400, "invalid_metadata", message, param="metadata")
        found[name] = text
    return found


def _id(own: str, trace: str) -> str:
    return f"{own}.{urlsafe_b64encode(trace.encode('utf-8', 'surrogatepass')).decode().rstrip('=')}"


def _trace(id: str) -> str:
    """The trace that an id tells of; "" for what is no id of ours."""
    _, dot, text = id.partition(".")
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode() if dot else ""
    except ValueError:
        return ""
