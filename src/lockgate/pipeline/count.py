"""Counting tokens before asking: by the provider where it counts in the caller's dialect, by rule of thumb elsewhere."""

from __future__ import annotations

import msgspec

from lockgate.core.failure import Failure
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Codec
from lockgate.pipeline.attempt import afford, attempt
from lockgate.pipeline.attempts import deliver_failure
from lockgate.pipeline.choose import Ask
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.plan import plan
from lockgate.pipeline.prepare import Prepared, prepare
from lockgate.pipeline.render import codec_of
from lockgate.pipeline.respond import respond
from lockgate.pipeline.target import Lane
from lockgate.policy.estimate import input_tokens
from lockgate.transport.exchange import Exchange


async def count(passing: Passing, provider_key: str) -> None:
    """Answer a count. An estimate says so in `x-lockgate-estimated`. Counting is free at all providers that offer it."""
    call, account = passing.call, passing.account
    sheet = Sheet.open(call.body)
    asked = call.params.get("model") or sheet.get("model", str) or ""
    account.record.model_asked = asked
    route = plan(call, Ask(asked, provider_key, sheet), passing.principal, passing.snapshot, passing.runtime)
    account.planned(route.route, route.decisions)
    target = route.first()
    codec = codec_of(call)
    assert isinstance(codec, Codec)
    counting = codec.counting
    assert counting is not None  # `http.routes` lets nobody count in a dialect that cannot
    there = target.row.counts.get(call.dialect)
    if there is None:
        body = counting.write(input_tokens(counting.read(sheet)))
        account.record.provider = target.provider.slug
        account.record.cost_nusd = 0
        respond(call, account, passing.caller, 200, body, extra=[(b"x-lockgate-estimated", b"input_tokens")])
        return
    codec = msgspec.structs.replace(codec, name_model=counting.name_model)
    target = msgspec.structs.replace(target, lane=Lane(codec, codec, there, target.lane.row, target.lane.headers))
    prepared = prepare(call, sheet, asked, False, target)
    _, hold = await afford(passing, prepared, lambda target, most=None: prepared)
    passing.runtime.health.begin_anyway(target.key)
    failure = await attempt(passing, prepared, _pass_count, hold)
    if failure is not None:
        deliver_failure(passing, prepared, failure)


async def _pass_count(passing: Passing, prepared: Prepared, exchange: Exchange) -> Failure | None:
    account = passing.account
    body = await exchange.read(passing.snapshot.limits.error)
    account.heard()
    if isinstance(body, Failure):
        return body
    account.record.cost_nusd = 0
    account.attempted(exchange.status, None)
    respond(passing.call, account, passing.caller, exchange.status, body, upstream=exchange.headers)
    return None
