"""Trying an account at a provider before it is kept: one small request, sent as the request path would send it.

What comes back is a verdict and not a promise: that the provider answers, that it does not know the key, or that it knows the
key and has another reason. Nothing is recorded or charged here; the provider may charge some tokens.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.control.accounts import entry_of
from lockgate.control.config import Mistake, Timeouts
from lockgate.control.entries import provider_of
from lockgate.control.integrations import refusal_of
from lockgate.core.call import Call
from lockgate.core.failure import Failure, FailureKind, Refusal
from lockgate.core.holdings import Integration
from lockgate.core.json import encode
from lockgate.core.record import new_id
from lockgate.core.sheet import Sheet
from lockgate.pipeline.prepare import prepare
from lockgate.pipeline.runtime import Runtime
from lockgate.pipeline.target import Provider, Target
from lockgate.providers.catalogue import models_of
from lockgate.providers.prices import Prices
from lockgate.providers.table import TABLE, Row
from lockgate.transport.exchange import Deadlines

#: Somebody looks at a form meanwhile.
DEADLINES = Deadlines(connect=5.0, first_byte=20.0, idle=10.0, total=25.0)
#: Tokens of the answer at most, and bytes of an error that are read.
TOKENS, LIMIT = 16, 64 * 1024
_PATH, _DIALECT = "/v1/chat/completions", "openai.chat"

Verdict = Literal["works", "key_refused", "known", "unclear", "unreachable"]
#: What went wrong → what that says of the key. Where nothing is said, nothing is clear.
_VERDICTS: dict[FailureKind, Verdict] = {
    "auth": "key_refused",
    "billing": "known",
    "rate_limit": "known",
    "content_policy": "known",
    "context_window": "known",
    "connect": "unreachable",
    "timeout": "unreachable",
    "cut": "unreachable",
}


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it. `works`: the model has answered; `known`: the key is, but there is no money or no room; `unclear`: the
    provider says something else, in `message`. `latency` in ms; `status` 0: nobody answered."""

    verdict: Verdict
    model: str
    message: str
    status: int
    latency: float


def account_provider(account: Integration, secrets: dict[str, str]) -> Provider:
    """An account that is not kept, as the request path would know it; nothing of the gateway's own identity is lent to it.
    Raises `Refusal` 400."""
    entry = entry_of(account, secrets)
    mistakes: list[Mistake] = []
    provider = provider_of(account.slug, entry, Timeouts(), None, mistakes)
    if provider is None:
        raise refusal_of(mistakes[0])
    return provider


def usual_model(row: Row, prices: Prices, now_us: int) -> str:
    """The cheapest model that is known to talk; "" where none is."""
    talking = [
        (each.price.input / each.price.per + each.price.output / each.price.per, each.name)
        for each in models_of(row, prices, now_us)
        if each.price is not None and not each.retired and (row.free or each.price.output > 0)
    ]
    return min(talking)[1] if talking else ""


async def attempt(provider: Provider, model: str, runtime: Runtime) -> Tried:
    """Ask it for a word. Raises `Refusal` for what cannot be asked, or where requests may not go."""
    body = encode({"model": model, "messages": [{"role": "user", "content": "ping"}], "max_completion_tokens": TOKENS})
    id, begun = new_id(runtime.time_us(), runtime.draw(62)), runtime.clock()
    call = Call(id, id, runtime.time_us(), begun, "POST", _PATH, b"", {}, "chat", _DIALECT, body=body)
    target = Target(provider, provider.lane(_DIALECT, model=model), provider.named(model), DEADLINES)
    outgoing = prepare(call, Sheet.open(body), model, False, target).outgoing
    if provider.signer is not None:
        signed = await runtime.credentials.sign(provider.signer, outgoing, target.destination.host_header)
        if isinstance(signed, Failure):
            return _tried(model, signed, runtime.clock() - begun)
        outgoing = signed
    exchange = await runtime.client(target.destination.scheme).send(target.destination, outgoing, DEADLINES)
    if isinstance(exchange, Failure):
        return _tried(model, exchange, runtime.clock() - begun)
    try:
        answer = await exchange.read(LIMIT)
    finally:
        exchange.close()
    if exchange.status == 200:
        return _tried(model, None, runtime.clock() - begun)
    error = target.lane.provider.read_error(exchange.status, b"" if isinstance(answer, Failure) else answer)
    return _tried(model, error, runtime.clock() - begun)


def _tried(model: str, failure: Failure | None, seconds: float) -> Tried:
    latency = round(seconds * 1000, 1)
    if failure is None:
        return Tried(verdict="works", model=model, message="", status=200, latency=latency)
    verdict = _VERDICTS.get(failure.kind, "unclear")
    status = 0 if verdict == "unreachable" else failure.status
    return Tried(verdict=verdict, model=model, message=failure.message[:500], status=status, latency=latency)


def row_named(provider: str) -> Row:
    """Raises `Refusal` 400 for one that nobody knows."""
    row = TABLE.get(provider)
    if row is None:
        message = f"No provider is called '{provider[:100]}'; `lockgate providers` lists them."
        raise Refusal(400, "unknown_provider", message, param="ai_provider_id")
    return row
