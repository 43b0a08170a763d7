"""A provider's whole Converse answer, read: canonical, or the failure that it states; and what a passing one says of itself."""

from __future__ import annotations

import msgspec

from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Choice, Finish, Reply
from lockgate.dialects.bedrock.converse.shapes import Tier, finish_of, part_of, usage_of
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.lenient import shaped


class _Message(msgspec.Struct):
    content: list[msgspec.Raw] | None = None


class _Output(msgspec.Struct):
    message: _Message | None = None


class _Body(msgspec.Struct, rename="camel"):
    output: _Output | None = None
    stop_reason: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: Tier | None = None
    additional_model_response_fields: msgspec.Raw = msgspec.Raw()
    message: str | None = None


def read_reply(body: bytes) -> Reply | Failure:
    """The answer, which names neither itself nor its model."""
    try:
        shape = shaped(body, _Body)
        if shape.output is None or shape.output.message is None:
            if shape.message:
                return failure_of(msgspec.json.decode(body), body=body)
            return unreadable("it has no message", body)
        parts = [part for raw in shape.output.message.content or () if (part := part_of(raw)) is not None]
    except UNREADABLE as error:
        return unreadable(str(error), body)
    usage = usage_of(shape.usage, shape.service_tier)
    choice = Choice(parts, finish_of(shape.stop_reason or "", shape.additional_model_response_fields))
    return Reply(choices=[choice], usage=usage, service_tier=usage.service_tier if usage is not None else "")


def observe(body: bytes) -> Outcome:
    """What a passing answer says of itself."""
    try:
        shape = shaped(body, _Body)
        if shape.output is None and shape.message:
            return Outcome(failure=failure_of(msgspec.json.decode(body), body=body))
    except UNREADABLE as error:
        return Outcome(failure=unreadable(str(error), body))
    finish: Finish | None = None
    if shape.stop_reason is not None:
        finish = finish_of(shape.stop_reason, shape.additional_model_response_fields)
    return Outcome(usage=usage_of(shape.usage, shape.service_tier), finish=finish, begun=True, complete=True)
