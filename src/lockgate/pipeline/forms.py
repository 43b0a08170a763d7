"""Requests that are forms: read while they come, held once, and sent on with no more changed than must be; for a provider that
speaks otherwise, said in JSON and translated."""

from __future__ import annotations

import msgspec

from lockgate.core.call import Call
from lockgate.core.record import Gear
from lockgate.dialects.codec import AnyWholeCodec
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.prepare import Prepared, outgoing, prepare
from lockgate.pipeline.target import Target
from lockgate.transport.exchange import Pieces
from lockgate.wire.multipart import Form


async def read_form(passing: Passing) -> Form:
    """The caller's form; raises `Refusal`. What the record keeps of it is its fields, and of its files what they are."""
    call = passing.call
    form = Form.of(call.headers.get(b"content-type", b""))
    passing.account.record.bytes_in = await passing.caller.pour(passing.snapshot.limits.request, form.take)
    form.close()
    call.body = form.summary()
    return form


def prepare_form(call: Call, form: Form, asked: str, target: Target) -> Prepared:
    """The form for its target: fields that the route or the model's name change, and all else as it came. Raises `Refusal` when
    it cannot be read for a translation."""
    if not target.lane.relays:
        ours: AnyWholeCodec = target.lane.caller
        assert ours.read_form is not None  # a dialect with forms that is translated can read them
        return prepare(call, ours.read_form(form), asked, False, target)
    changes = {name: _field(value) for name, value in target.changes.defaults.items() if form.text(name) is None}
    changes |= {name: _field(value) for name, value in target.changes.overrides.items()}
    if asked != target.model and not target.passthrough:
        changes["model"] = target.model.encode()
    gear: Gear = "edit" if changes else "relay"
    kind = (b"content-type", call.headers[b"content-type"])
    return Prepared(target, outgoing(call, Pieces(form.body(changes)), target, stream=False, kind=kind), gear, stream=False)


def _field(value: msgspec.Raw) -> bytes:
    """A value as a form says it: texts bare, all else as JSON."""
    said = bytes(value)
    return msgspec.json.decode(said, type=str).encode() if said.startswith(b'"') else said
