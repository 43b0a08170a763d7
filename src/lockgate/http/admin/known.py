"""/v1/ai-providers and /v1/ai-models: the providers that Lockgate knows, what an account at each is known by, and the catalogue
of their models with prices. Portkey's word for such a provider is an *AI provider*."""

from __future__ import annotations

from decimal import Decimal

from lockgate.control.trial import row_named
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.known_shapes import AccountField, KnownModel, KnownProvider, ListModels
from lockgate.http.admin.shapes import Listing
from lockgate.providers.auth import SIGNERS
from lockgate.providers.auth.fields import fields_of
from lockgate.providers.catalogue import Model, models_of
from lockgate.providers.slots import Slot
from lockgate.providers.table import TABLE, Row

_NANO_PER_CENT = 10**7
_MILLION = 10**6


def providers(ask: Ask) -> Listing[KnownProvider]:
    """List the providers that Lockgate knows, by name."""
    rows = sorted(TABLE.values(), key=lambda row: row.name.lower())
    return Listing(total=len(rows), data=[_known(row) for row in rows])


def models(ask: Ask, query: ListModels) -> Listing[KnownModel]:
    """Search the catalogue: models by provider and name, with what they cost and can do."""
    prices, words = ask.office.snapshot().prices, query.text.lower().split()
    rows = [row_named(query.ai_provider_id)] if query.ai_provider_id else sorted(TABLE.values(), key=lambda row: row.slug)
    found = [
        model
        for row in rows
        for model in models_of(row, prices, ask.now_us)
        if (query.retired or not model.retired) and _has(model, row, words)
    ]
    page = found[query.offset : query.offset + query.page_size]
    return Listing(total=len(found), data=[_shown(model) for model in page])


def _has(model: Model, row: Row, words: list[str]) -> bool:
    if not words:
        return True
    text = " ".join((row.slug, row.name, model.name, model.title, *model.aliases)).lower()
    return all(word in text for word in words)


def _known(row: Row) -> KnownProvider:
    needed = row.slots_of(row.base_url, row.variants)
    fields = [_slot(name, slot, required=name in needed) for name, slot in row.slots.items() if name in needed]
    said = {each.name for each in fields}
    fields += [
        AccountField(name=each.name, label=each.label, secret=each.secret, required=False, long=each.long)
        for each in fields_of(row.auth)
        if each.name not in said
    ]
    return KnownProvider(
        slug=row.slug,
        name=row.name,
        kind=row.kind,
        docs=row.docs,
        base_url=row.base_url,
        key="none" if row.auth == "none" else "possible" if row.keyless or row.auth in SIGNERS else "needed",
        talks=bool(row.speaks),
        fields=fields,
        notes=row.notes,
    )


def _slot(name: str, slot: Slot, *, required: bool) -> AccountField:
    label = name.replace("_", " ").capitalize().replace("Api ", "API ")
    member = slot.member or f"params.{name}"
    return AccountField(
        name=member,
        label=label,
        secret=False,
        required=required and not slot.default,
        pattern=slot.pattern,
        default=slot.default,
    )


def _shown(model: Model) -> KnownModel:
    price, listed = model.price, model.listed
    cents: tuple[float | None, float | None] = (None, None)
    if price is not None and (price.tokens or price.input or price.output):
        cents = (_cents(price.input, price.per), _cents(price.output, price.per))
    elif price is None and listed is not None:
        cents = (_hundredfold(listed[0]), _hundredfold(listed[1]))
    return KnownModel(
        provider=model.provider,
        name=model.name,
        title=model.title,
        input=cents[0],
        output=cents[1],
        listed=price is None and listed is not None,
        context=model.context,
        most_output=model.output,
        inputs=model.inputs,
        outputs=model.outputs,
        features=model.features,
        retired=model.retired,
    )


def _hundredfold(usd: float | None) -> float | None:
    return None if usd is None else usd * 100


def _cents(rate: int, per: int) -> float:
    """nano-USD for `per` tokens in cents for a million."""
    return float(Decimal(rate) * _MILLION / per / _NANO_PER_CENT)
