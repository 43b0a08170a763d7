"""`lockgate models`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from lockgate.cli.desk import Stop, columns, data_option
from lockgate.pipeline.runtime import now_us
from lockgate.policy.price import Flat
from lockgate.providers.catalogue import Model, models_of
from lockgate.providers.prices import Prices
from lockgate.providers.prices_file import NAME
from lockgate.providers.table import TABLE


@click.command()
@click.option("--provider", "slugs", multiple=True, help="Only of this provider; repeatable.")
@click.option("--priced/--unpriced", default=None, help="Only those whose price is known, or is not.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON: one list.")
@data_option
def models(slugs: tuple[str, ...], priced: bool | None, as_json: bool, data: Path) -> None:
    """List the models that Lockgate knows, with prices in USD per million tokens."""
    if unknown := set(slugs) - set(TABLE):
        raise Stop(f"unknown provider: {', '.join(sorted(unknown))}. `lockgate providers` lists them.")
    prices, at_us = Prices(file=data / NAME), now_us()
    rows = sorted((TABLE[slug] for slug in slugs or TABLE), key=lambda row: row.slug)
    found = [model for row in rows for model in models_of(row, prices, at_us)]
    found = [model for model in found if priced is None or priced == (model.price is not None)]
    if as_json:
        click.echo(json.dumps([_as_json(model) for model in found], indent=1))
        return
    columns(("MODEL", "CONTEXT", "INPUT", "OUTPUT", "CACHED", "KINDS", "FEATURES"), [_line(model) for model in found])
    known = sum(model.price is not None for model in found)
    said = f"{len(found)} models, {known} with a price and {len(found) - known} without"
    click.echo(f"{said}; by {prices.load().version}.", err=True)


def _as_json(model: Model) -> dict[str, Any]:
    return {
        "id": f"@{model.provider}/{model.name}",
        "provider": model.provider,
        "model": model.name,
        "title": model.title,
        "price": None if model.price is None else price_of(model.price),
        "listed_price": None if model.listed is None else {"input": model.listed[0], "output": model.listed[1]},
        "context": model.context,
        "max_output": model.output,
        "inputs": model.inputs,
        "outputs": model.outputs,
        "features": model.features,
        "aliases": model.aliases,
        "retired": model.retired,
    }


#: Rates of special tokens, which are shown where they are their own.
_SPECIAL = ("audio_input", "audio_output", "cached_audio", "image_input", "image_output", "reasoning")
#: What is no token → the name and the number of it that is shown.
_UNITS = {
    "character": ("characters", 1_000_000),
    "page": ("page", 1),
    "annotated_page": ("annotated_page", 1),
    "image": ("image", 1),
    "hour": ("audio_hour", 1),
}


_SHOWN = [shown for shown, _ in _UNITS.values()]


def price_of(flat: Flat) -> dict[str, Any]:
    """A price as `prices` in lockgate.yaml would say it, in USD, and where it is from; null: not charged by this measure."""
    price: dict[str, Any] = dict.fromkeys(("input", "output", "cached", "cache_write"))
    if flat.tokens:
        price = {name: _usd(getattr(flat, name), flat) for name in price}
    if flat.special:
        plain = {"output": flat.output, "cached": flat.cached, "input": flat.input}
        for name in _SPECIAL:
            rate, whole = getattr(flat, name), "cached" if name == "cached_audio" else "output" if "output" in name else "input"
            if rate != (flat.output if name == "reasoning" else plain[whole]):
                price[name] = _usd(rate, flat)
        price |= {name: _usd(rate, flat) / 1e6 for name in ("search", "request") if (rate := getattr(flat, name))}
    for name, (shown, count) in _UNITS.items():
        if flat.units is not None and (rate := getattr(flat.units, name)) is not None:
            price[shown] = _usd(rate, flat) * count / 1e6
    if flat.above:
        price["above"] = [{"tokens": start, **price_of(dearer)} for start, dearer in flat.above]
    if flat.tiers:
        price["tiers"] = {name: price_of(tier) for name, tier in flat.tiers.items()}
    return {**price, "source": flat.version}


def _usd(rate: int, flat: Flat) -> float:
    return rate * 1_000_000 / flat.per / 1e9


def _line(model: Model) -> tuple[str, ...]:
    flat = model.price
    rates: tuple[str, ...] = ("?", "?", "?")
    if flat is not None and flat.tokens:
        rates = tuple(f"{_usd(rate, flat):g}" for rate in (flat.input, flat.output, flat.cached))
    elif flat is not None:
        shown = [f"{usd:g}/{name}" for name, usd in price_of(flat).items() if usd is not None and name in _SHOWN]
        rates = (" ".join(shown), "-", "-")
    kinds = "+".join(model.inputs) + ("->" + "+".join(model.outputs) if model.outputs else "")
    return (
        f"@{model.provider}/{model.name}",
        f"{model.context // 1000}k" if model.context else "-",
        *rates,
        kinds or "-",
        ", ".join(model.features),
    )
