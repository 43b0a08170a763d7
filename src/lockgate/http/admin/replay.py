"""/v1/logs/{id}/replay: a recorded request is sent again, and the answers are compared. The same as `lockgate replay`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.responses import Response

from lockgate.control.resend.compare import compare, side_of
from lockgate.control.resend.key import payer
from lockgate.control.resend.send import MOST, Wish, check, send_again
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.record import Record
from lockgate.http.admin.answers import answer, refuse
from lockgate.http.admin.ask import Ask
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
    return _Later(_Replay(record, wish, principal, snapshot, runtime, body.times))


class _Replay(msgspec.Struct):
    """What is to be done, in the loop that serves requests: models take their time, and hold no thread meanwhile."""

    record: Record
    wish: Wish
    principal: Principal
    snapshot: Snapshot
    runtime: Runtime
    times: int

    async def answer(self, id: str) -> Response:
        recorded = side_of(self.record, self.record.response, whole=not self.record.truncated)
        sides = []
        try:
            for _ in range(self.times):
                sent = await send_again(self.record, self.wish, self.principal, self.snapshot, self.runtime)
                sides.append(side_of(sent.record, sent.body))
        except Refusal as refusal:
            return refuse(refusal, id)
        return answer(compare(recorded, sides), id)


class _Later(Response):
    """An answer that is made while it is waited for."""

    def __init__(self, replay: _Replay) -> None:
        super().__init__(b"", 200, media_type="application/json")
        self._replay = replay

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """See `starlette.responses.Response`."""
        response = await self._replay.answer(self.headers.get("x-lockgate-request-id", ""))
        await response(scope, receive, send)
