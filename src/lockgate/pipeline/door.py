"""The one door: every data-plane request is admitted, answered, and on record, whatever its route."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from lockgate.core.call import Call
from lockgate.core.failure import Refusal
from lockgate.core.record import End
from lockgate.pipeline.account import Account
from lockgate.pipeline.admit import admit, permit
from lockgate.pipeline.answer import answer
from lockgate.pipeline.catalogue import list_models
from lockgate.pipeline.count import count
from lockgate.pipeline.explain import explain
from lockgate.pipeline.hold import Entry
from lockgate.pipeline.metadata import as_text, read_metadata
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.ports import Caller
from lockgate.pipeline.proxy import proxy
from lockgate.pipeline.render import JSON, codec_of, error_headers
from lockgate.pipeline.reserve import let_in, let_out
from lockgate.pipeline.respond import respond
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.serve import UNREAD, serve
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.spans import take_events, take_spans

log = logging.getLogger("lockgate")

#: Who answers which operation. An operation without an entry cannot be routed (`http.routes` checks at start-up).
ANSWERS: dict[str, Callable[[Passing, str], Awaitable[None]]] = {
    "chat": answer,
    "respond": answer,
    "message": answer,
    "complete": answer,
    "count": count,
    "embed": serve,
    "rerank": serve,
    "moderate": serve,
    "ocr": serve,
    "image": serve,
    "speech": serve,
    "transcribe": serve,
    "models": list_models,
    "explain": explain,
    "spans": take_spans,
    "events": take_events,
    "proxy": proxy,
}


#: Operations that read their bodies themselves, piece by piece.
_UNREAD = UNREAD | {"spans", "events", "proxy"}


async def enter(
    call: Call, scope: str, snapshot: Snapshot, runtime: Runtime, caller: Caller, flaw: Refusal | None = None
) -> None:
    """Take a request through the house. Nothing it does can escape: refusals and our own bugs become answers.

    `flaw` is what the server has already found wrong with the request's head; who asks is still told apart first.
    """
    account = Account(call, runtime, snapshot)
    entry: Entry | None = None
    runtime.in_flight += 1
    try:
        principal, provider_key = admit(call.headers, snapshot)
        account.admitted(principal)
        permit(principal, scope)
        snapshot = snapshot.seen_by(principal)
        if flaw is not None:
            raise flaw
        call.metadata = read_metadata(call)
        if principal.metadata:
            call.metadata = {**call.metadata, **principal.metadata}
        if call.metadata:
            account.record.metadata = {name: as_text(value) for name, value in call.metadata.items()}
        if call.method == "POST" and call.operation not in _UNREAD:
            call.body = await caller.body(snapshot.limits.request)
        if snapshot.allowances is not None:
            entry = account.entry = await let_in(call, principal, snapshot.allowances, runtime)
        await ANSWERS[call.operation](Passing(call, principal, snapshot, runtime, caller, account), provider_key)
    except Refusal as refusal:
        _refuse(call, account, caller, refusal, "refused")
    except Exception:  # the border: what gets here is our bug, answered as one and logged with the request's id
        log.exception("request %s failed inside the gateway", call.id)
        bug = Refusal(500, "internal_error", f"The gateway failed. Its log has the reason under the request id {call.id}.")
        _refuse(call, account, caller, bug, "failed")
    finally:
        runtime.in_flight -= 1
        account.close("client_left", 499)  # only what was cancelled is still open here
        if entry is not None:
            let_out(entry, runtime)


def _refuse(call: Call, account: Account, caller: Caller, refusal: Refusal, end: End) -> None:
    body = codec_of(call).write_error(refusal)
    if account.closed:  # an answer that has begun can only be cut; one that has not is this
        caller.reply(refusal.status, [JSON], body)
        return
    respond(call, account, caller, refusal.status, body, extra=error_headers(refusal), end=end, error=refusal)
