"""The models that a key can ask for, as `GET /v1/models` lists them."""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

from lockgate.core.json import encode
from lockgate.pipeline.answer import Passing
from lockgate.pipeline.respond import respond
from lockgate.pipeline.target import Provider
from lockgate.providers.prices import Prices


class Model(msgspec.Struct):
    """One model in the list (https://platform.openai.com/docs/api-reference/models/object); `created` is not known."""

    id: str
    slug: str
    owned_by: str
    object: str = "model"
    created: int = 0


async def list_models(passing: Passing, provider_key: str) -> None:
    """Answer with every model of every provider that is set up and that this key may use."""
    call, account = passing.call, passing.account
    allowed = passing.principal.models
    models = [
        Model(f"@{slug}/{name}", name, provider.row.slug)
        for slug, provider in passing.snapshot.providers.items()
        for name in names(provider, passing.snapshot.prices)
        if not allowed or any(fnmatchcase(f"@{slug}/{name}", pattern) for pattern in allowed)
    ]
    body = encode({"object": "list", "total": len(models), "data": models})
    account.record.cost_nusd = 0
    respond(call, account, passing.caller, 200, body)


def names(provider: Provider, prices: Prices) -> list[str]:
    """The models of a provider: those the operator lists; else those its row names, or that the price catalogue knows."""
    listed = [name for name in (provider.models or provider.row.models) if not set(name) & set("*?[")]
    if listed and (provider.models or provider.row.free):
        return listed
    return prices.models(provider.row.prices)
