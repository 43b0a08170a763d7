"""/v1/logs/{id}/replay: a recorded request is sent again, and the answers are compared. The same as `lockgate replay`."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from lockgate.control.resend.compare import Comparison, Side, compare, side_of
from lockgate.control.resend.key import payer
from lockgate.control.resend.send import MOST, Wish, check, send_again
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.record import Record
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.later import Later
from lockgate.http.admin.log_query import within
from lockgate.http.admin.shapes import LongText, Text
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.snapshot import Snapshot


class ReplayAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What shall be otherwise: another config (a slug, or JSON as a text), another model; how often it is sent. `key`, by id or
    name, pays for it: who comes with a key of their own pays with that."""

    config: LongText = ""
    model: Text = ""
    key: Text = ""
    times: Annotated[int, Meta(ge=1, le=MOST)] = 1


def create(ask: Ask, body: ReplayAsked) -> Response:
    """Send a recorded request again, through its route or another one. It is charged and on record like any other. What is
    told: the recorded answer and the new ones, with cost, latency and tokens, and where the texts differ."""
    record = ask.insight.search.get(ask.params["id"], within(ask.tenant))
    if record is None:
        raise Refusal(404, "not_found", f"There is no log '{ask.params['id'][:100]}' here.")
    runtime = ask.office.runtime
    if runtime is None:
        raise Refusal(503, "not_serving", "No requests are served here now, so none can be sent again.", retry_after=5.0)
    snapshot, wish = ask.office.snapshot(), Wish(body.config, body.model)
    check(record, wish)
    principal = payer(snapshot, ask.tenant, body.key, ask.caller.principal)
    return Later(partial(_answered, record, wish, principal, snapshot, runtime, body.times))


async def _answered(
    record: Record, wish: Wish, principal: Principal, snapshot: Snapshot, runtime: Runtime, times: int
) -> Comparison:
    recorded = side_of(record, record.response, whole=not record.truncated)
    sides: list[Side] = []
    for _ in range(times):
        sent = await send_again(record, wish, principal, snapshot, runtime)
        sides.append(side_of(sent.record, sent.body))
    return compare(recorded, sides)
