"""Operations that are no conversation: vectors, ranks, pictures, sound, moderation.

Where the provider speaks the caller's dialect the bytes pass, in both directions: JSON, forms, events, and whatever else an
answer is made of. Vectors, ranks and pictures are translated too.
"""

from __future__ import annotations

from lockgate.core.failure import Failure
from lockgate.core.outcome import Outcome
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import AnyWholeCodec, AnyWholeTarget
from lockgate.pipeline.answer import pass_stream, pass_whole
from lockgate.pipeline.attempts import try_targets
from lockgate.pipeline.choose import Ask
from lockgate.pipeline.downgrade import model_for
from lockgate.pipeline.forms import prepare_form, read_form
from lockgate.pipeline.pass_bytes import pass_bytes
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.plan import plan
from lockgate.pipeline.prepare import Prepared, prepare
from lockgate.pipeline.respond import respond
from lockgate.pipeline.target import Target
from lockgate.transport.exchange import Exchange
from lockgate.wire.multipart import Form


async def serve(passing: Passing, provider_key: str) -> None:
    """Answer one. Raises `Refusal`, which the door renders."""
    call, account = passing.call, passing.account
    body: Form | Sheet
    if call.headers.get(b"content-type", b"").lower().startswith(b"multipart/"):
        body = await read_form(passing)
        asked, stream = body.text("model") or "", body.text("stream") == "true"
    else:
        if call.operation in UNREAD:
            call.body = await passing.caller.body(passing.snapshot.limits.request)
        body = Sheet.open(call.body)
        asked = call.params.get("model") or body.get("model", str) or ""
        stream = body.get("stream", bool) or False
    account.record.model_asked, account.record.stream = asked, stream
    ask = Ask(await model_for(passing, asked), provider_key, body, stream, modelless=True)
    route = plan(call, ask, passing.principal, passing.snapshot, passing.runtime)

    def make(target: Target, most: int | None = None) -> Prepared:
        if isinstance(body, Form):
            return prepare_form(call, body, asked, target)
        return prepare(call, body, asked, stream, target)

    await try_targets(passing, route, make, pass_answer)


#: Operations whose bodies may be forms: they are read here, where forms are understood, and not at the door.
UNREAD = frozenset(("image", "transcribe"))


async def pass_answer(passing: Passing, prepared: Prepared, exchange: Exchange) -> Failure | None:
    """An answer, by what it is made of."""
    lane = prepared.target.lane
    if not lane.relays:
        return await pass_result(passing, prepared, exchange)
    kind = exchange.header(b"content-type").lower()
    if b"event-stream" in kind and lane.provider.tap is not None:
        return await pass_stream(passing, prepared, exchange)
    if b"json" in kind:
        return await pass_whole(passing, prepared, exchange)
    return await pass_bytes(passing, exchange)


async def pass_result(passing: Passing, prepared: Prepared, exchange: Exchange) -> Failure | None:
    """A whole answer, read in the provider's dialect and written in the caller's."""
    account, lane, query = passing.account, prepared.target.lane, prepared.request
    theirs: AnyWholeTarget = lane.provider
    ours: AnyWholeCodec = lane.caller
    body = await exchange.read(passing.snapshot.limits.answer)
    account.heard()
    if isinstance(body, Failure):
        return body
    result = theirs.read_reply(body, query)
    if isinstance(result, Failure):
        return result
    result.created = result.created or passing.call.time_us // 1_000_000
    account.outcome = Outcome(result.id, result.model, result.usage, begun=True, complete=True)
    account.first_event()
    account.attempted(exchange.status, None)
    respond(passing.call, account, passing.caller, exchange.status, ours.write_reply(result, query), upstream=exchange.headers)
    return None
