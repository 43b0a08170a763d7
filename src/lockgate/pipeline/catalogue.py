"""The models that a key can ask for, as `GET /v1/models` lists them."""

from __future__ import annotations

import asyncio
from fnmatch import fnmatchcase
from urllib.parse import parse_qs

import msgspec

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.pipeline.discover import discover
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.respond import respond
from lockgate.pipeline.snapshot import Snapshot
from lockgate.pipeline.target import Provider
from lockgate.providers.catalogue import Model as Known
from lockgate.providers.catalogue import described
from lockgate.providers.prices import Prices

#: What a list can be sorted by, and the member of `Model` that this is.
_SORTS = {"name": "id", "provider": "provider", "ai_service": "owned_by"}
_WILD = set("*?[")


class Model(msgspec.Struct):
    """One model, in the words of OpenAI (https://platform.openai.com/docs/api-reference/models/object), Anthropic
    (https://docs.anthropic.com/en/api/models-list) and Portkey at once. When it was made is not known.

    `id` is what a request says; `provider` the provider's slug here and `owned_by` its name in the provider table. What it
    takes, makes and can do is left out where it is not known; sizes are in tokens.
    """

    id: str
    slug: str
    canonical_slug: str
    provider: str
    owned_by: str
    display_name: str
    object: str = "model"
    type: str = "model"
    created: int = 0
    created_at: str = "1970-01-01T00:00:00Z"
    context_window: int | msgspec.UnsetType = msgspec.UNSET
    max_output_tokens: int | msgspec.UnsetType = msgspec.UNSET
    input_modalities: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    output_modalities: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET
    features: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class Page(msgspec.Struct):
    """What a list's query asks for. `order` 1 is ascending, -1 descending."""

    provider: str = ""
    ai_service: str = ""
    limit: int | None = None
    offset: int = 0
    sort: str = ""
    order: int = 1


async def list_models(passing: Passing, provider_key: str) -> None:
    """Answer with the models of every provider that is set up and that this key may use, or with the one that the path
    names. Raises `Refusal`: a query that cannot be, 404 for a model that is not there."""
    call, account = passing.call, passing.account
    account.record.cost_nusd = 0
    wanted = call.params.get("model")
    page = Page() if wanted else read_page(call)
    providers = [each for each in passing.snapshot.providers.values() if _asked(each, page)]
    await discover(passing.snapshot, providers, passing.runtime)
    models = await asyncio.to_thread(
        _models, passing.principal, passing.snapshot, providers
    )  # the first time, what is known of them is read: 0.3 s
    body = encode(_whole(models, page) if wanted is None else _one(models, wanted))
    respond(call, account, passing.caller, 200, body)


def models_for(principal: Principal, snapshot: Snapshot) -> list[Model]:
    """The aliases and models that a key may use, as far as they are known by now. It reads what is known, and blocks."""
    return _models(principal, snapshot, list(snapshot.providers.values()))


def _models(principal: Principal, snapshot: Snapshot, providers: list[Provider]) -> list[Model]:
    """The aliases and models of these providers that this key may use."""
    models = [model for provider in providers for model in models_of(provider, snapshot.prices) if _may(principal, model.id)]
    return [*_aliases(principal, snapshot, providers, models), *models]


def _aliases(principal: Principal, snapshot: Snapshot, providers: list[Provider], models: list[Model]) -> list[Model]:
    """The aliases that this key may use, each with what is known of the model behind it."""
    known = {model.id: model for model in models}
    aliases: list[Model] = []
    for name, meant in snapshot.aliases.items():
        slug, _, model = meant[1:].partition("/")
        provider = next((each for each in providers if each.slug == slug), None)
        if provider is None or not any(_may(principal, each) for each in (name, meant)):
            continue
        behind = known.get(meant) or Model(meant, model, model, slug, provider.row.slug, name)
        aliases.append(msgspec.structs.replace(behind, id=name, slug=name, display_name=name))
    return aliases


def read_page(call: Call) -> Page:
    """The query of a list; members that it does not have are ignored, as by OpenAI. Raises `Refusal` 400."""
    said = {name: values[-1].strip() for name, values in parse_qs(call.query.decode("latin-1"), max_num_fields=64).items()}
    sort, order = said.get("sort", ""), said.get("order", "asc").lower()
    if sort and sort not in _SORTS:
        raise Refusal(400, "invalid_query", f"sort must be one of {', '.join(_SORTS)}, not '{sort}'.", param="sort")
    if order not in ("asc", "desc"):
        raise Refusal(400, "invalid_query", f"order must be asc or desc, not '{order}'.", param="order")
    provider = said.get("provider", "").removeprefix("@")
    limit, offset = _number(said, "limit"), _number(said, "offset") or 0
    return Page(provider, said.get("ai_service", ""), limit, offset, sort, 1 if order == "asc" else -1)


def models_of(provider: Provider, prices: Prices) -> list[Model]:
    """The models of a provider: what it says it has, else those that the operator lists by name, that its row names where
    all of them are known, or that the price list knows; all as far as the operator admits them."""
    known = described(provider.row, prices)
    names = dict.fromkeys(name for name in (*provider.models, *provider.granted) if not set(name) & _WILD)
    names |= dict.fromkeys(provider.found)
    if provider.row.free:
        names |= dict.fromkeys(name for name in provider.row.models if not set(name) & _WILD)
    names |= dict.fromkeys(name for name, model in known.items() if not model.retired)
    return [_model(provider, name, known.get(name)) for name in names if provider.admits(name)]


def _model(provider: Provider, name: str, known: Known | None) -> Model:
    model = Model(f"@{provider.slug}/{name}", name, name, provider.slug, provider.row.slug, name)
    if known is not None:
        model.display_name = known.title
        for member, value in (
            ("context_window", known.context),
            ("max_output_tokens", known.output),
            ("input_modalities", known.inputs),
            ("output_modalities", known.outputs),
            ("features", known.features),
        ):
            if value:
                setattr(model, member, value)
    return model


def _asked(provider: Provider, page: Page) -> bool:
    return page.provider in ("", provider.slug) and page.ai_service in ("", provider.row.slug)


def _may(principal: Principal, name: str) -> bool:
    return not principal.models or any(fnmatchcase(name, pattern) for pattern in principal.models)


def _whole(models: list[Model], page: Page) -> object:
    if page.sort or page.order < 0:
        member = _SORTS.get(page.sort, "id")
        models.sort(key=lambda model: (str(getattr(model, member)).lower(), model.id), reverse=page.order < 0)
    end = len(models) if page.limit is None else page.offset + page.limit
    shown = models[page.offset : end]
    return {
        "object": "list",
        "total": len(models),
        "data": shown,
        "has_more": end < len(models),
        "first_id": shown[0].id if shown else None,
        "last_id": shown[-1].id if shown else None,
    }


def _one(models: list[Model], wanted: str) -> Model:
    """The model of an id, or the only one of that bare name."""
    named = [model for model in models if wanted in (model.id, model.slug)]
    exact = [model for model in named if model.id == wanted]
    if exact or len(named) == 1:
        return (exact or named)[0]
    which = ", ".join(model.id for model in named)
    hint = f"several providers offer it: {which}" if named else "GET /v1/models lists those that this key may use"
    raise Refusal(404, "model_not_found", f"There is no model '{wanted}' here; {hint}.", param="model")


def _number(said: dict[str, str], name: str) -> int | None:
    text = said.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Refusal(400, "invalid_query", f"{name} must be a whole number, zero or more, not '{text}'.", param=name)
    return int(text)
