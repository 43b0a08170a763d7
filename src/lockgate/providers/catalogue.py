"""The catalogue: every model of a provider, with what is known of it.

The price list says which models there are and what is charged; the listing of what models can do (`providers.display`), where
it is installed, adds models, modalities and limits. Only a price that requests are charged by is a `price`.
"""

from __future__ import annotations

import msgspec

from lockgate.policy.price import Flat
from lockgate.providers import display
from lockgate.providers.display import Facts
from lockgate.providers.prices import Prices
from lockgate.providers.prices_catalogue import Listed
from lockgate.providers.table import Row

#: What is priced of a model, by the price list's names → the modality that it shows.
_INPUTS = {"input_audio_mtok": "audio", "input_audio_hours": "audio", "input_image_mtok": "image", "input_video_mtok": "video"}
_OUTPUTS = {"output_audio_mtok": "audio", "output_image_mtok": "image", "output_video_mtok": "video"}


class Model(msgspec.Struct, frozen=True):
    """One model of one provider. `name` is what a request says; `aliases` are others with the same price and limits.

    Sizes in tokens, None where not known. `listed` are prices that someone else lists, in USD per million tokens of input and
    output: for people to read.
    """

    provider: str
    name: str
    title: str
    price: Flat | None = None
    listed: tuple[float | None, float | None] | None = None
    context: int | None = None
    output: int | None = None
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    retired: bool = False


def models_of(row: Row, prices: Prices, at_us: int, slug: str = "") -> list[Model]:
    """The models of a provider by name, priced at a time (µs since the epoch). `slug` is its name in the configuration."""
    facts = {} if row.kind == "local" else display.facts_of(row.listed or row.slug, prices.shelf)
    listed = {each.name: each for each in prices.models(row.prices)}
    for name in row.models:
        if row.free and not set(name) & set("*?["):
            listed[name] = Listed(name, name)
    known = {row.named(name) for each in listed.values() for name in (each.name, *each.aliases)}
    more = [Listed(name, fact.title) for name, fact in facts.items() if row.named(name) not in known]
    models: list[Model] = []
    for each in (*listed.values(), *more):
        fact = next((facts[name] for name in (each.name, *each.aliases) if name in facts), None)
        price = Flat.free() if row.free else prices.flat(row.prices, row.named(each.name), at_us, slug)
        models.append(_model(row, each, price, fact))
    return sorted(models, key=lambda model: model.name.lower())


def described(row: Row, prices: Prices) -> dict[str, Model]:
    """The models that the price list has of a provider, by name and without their prices: what they are and can do."""
    facts = {} if row.kind == "local" else display.facts_of(row.listed or row.slug, prices.shelf)
    found: dict[str, Model] = {}
    for each in prices.models(row.prices):
        fact = next((facts[name] for name in (each.name, *each.aliases) if name in facts), None)
        found[each.name] = _model(row, each, None, fact)
    return found


def _model(row: Row, listed: Listed, price: Flat | None, fact: Facts | None) -> Model:
    inputs = {"text": None} | {word: None for kind, word in _INPUTS.items() if kind in listed.kinds}
    outputs = {word: None for kind, word in _OUTPUTS.items() if kind in listed.kinds}
    model = Model(
        row.slug,
        listed.name,
        listed.title,
        price,
        context=listed.context,
        inputs=tuple(inputs) if len(inputs) > 1 else (),
        outputs=tuple(outputs),
        aliases=listed.aliases,
        retired=listed.retired,
    )
    if fact is None:
        return model
    return msgspec.structs.replace(
        model,
        listed=(fact.input_price, fact.output_price) if price is None and fact.input_price is not None else None,
        context=model.context or fact.context,
        output=fact.output,
        inputs=fact.inputs or model.inputs,
        outputs=fact.outputs or model.outputs,
        features=fact.features,
    )
