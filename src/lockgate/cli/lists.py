"""`lockgate providers` and `lockgate models`."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from lockgate.cli.desk import Stop, columns
from lockgate.pipeline.runtime import now_us
from lockgate.policy.price import Flat
from lockgate.providers.catalogue import Model, models_of
from lockgate.providers.prices import Prices
from lockgate.providers.table import TABLE


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def providers(as_json: bool) -> None:
    """List the providers that Lockgate knows, and which of them have a key in the environment."""
    rows = [
        {
            "provider": row.slug,
            "name": row.name,
            "kind": row.kind,
            "ready": row.builtin or any(os.environ.get(name) for name in row.env),
            "dialects": list(row.speaks) or ["proxy"],
            "env": row.env,
            "params": list(row.slots),
            "base_url": row.base_url,
            "docs": row.docs,
        }
        for row in sorted(TABLE.values(), key=lambda row: row.slug)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    columns(
        ("PROVIDER", "READY", "KEY", "DIALECTS"),
        [
            (row["provider"], "yes" if row["ready"] else "", " ".join(row["env"]) or "-", " ".join(row["dialects"]))
            for row in rows
        ],
    )


@click.command()
@click.option("--provider", "slugs", multiple=True, help="Only of this provider; repeatable.")
@click.option("--priced/--unpriced", default=None, help="Only those whose price is known, or is not.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON: one list.")
def models(slugs: tuple[str, ...], priced: bool | None, as_json: bool) -> None:
    """List the models that Lockgate knows, with prices in USD per million tokens."""
    if unknown := set(slugs) - set(TABLE):
        raise Stop(f"unknown provider: {', '.join(sorted(unknown))}. `lockgate providers` lists them.")
    prices, at_us = Prices(), now_us()
    rows = sorted((TABLE[slug] for slug in slugs or TABLE), key=lambda row: row.slug)
    found = [model for row in rows for model in models_of(row, prices, at_us)]
    found = [model for model in found if priced is None or priced == (model.price is not None)]
    if as_json:
        click.echo(json.dumps([_as_json(model) for model in found], indent=1))
        return
    columns(("MODEL", "CONTEXT", "INPUT", "OUTPUT", "CACHED", "KINDS", "FEATURES"), [_line(model) for model in found])
    known = sum(model.price is not None for model in found)
    click.echo(f"{len(found)} models, {known} with a price and {len(found) - known} without.", err=True)


def _as_json(model: Model) -> dict[str, Any]:
    return {
        "id": f"@{model.provider}/{model.name}",
        "provider": model.provider,
        "model": model.name,
        "title": model.title,
        "price": None if model.price is None else _price(model.price),
        "listed_price": None if model.listed is None else {"input": model.listed[0], "output": model.listed[1]},
        "context": model.context,
        "max_output": model.output,
        "inputs": model.inputs,
        "outputs": model.outputs,
        "features": model.features,
        "aliases": model.aliases,
        "retired": model.retired,
    }


def _price(flat: Flat) -> dict[str, Any]:
    """A price in USD per million tokens, and where it is from."""
    price: dict[str, Any] = {
        "input": _usd(flat.input, flat),
        "output": _usd(flat.output, flat),
        "cached": _usd(flat.cached, flat),
        "cache_write": _usd(flat.cache_write, flat),
    }
    if flat.above:
        price["above"] = [{"tokens": start, **_price(dearer)} for start, dearer in flat.above]
    if flat.tiers:
        price["tiers"] = {name: _price(tier) for name, tier in flat.tiers.items()}
    return {**price, "source": flat.version}


def _usd(rate: int, flat: Flat) -> float:
    return rate * 1_000_000 / flat.per / 1e9


def _line(model: Model) -> tuple[str, ...]:
    flat = model.price
    rates = (
        ("?", "?", "?") if flat is None else tuple(f"{_usd(rate, flat):g}" for rate in (flat.input, flat.output, flat.cached))
    )
    kinds = "+".join(model.inputs) + ("->" + "+".join(model.outputs) if model.outputs else "")
    return (
        f"@{model.provider}/{model.name}",
        f"{model.context // 1000}k" if model.context else "-",
        *rates,
        kinds or "-",
        ", ".join(model.features),
    )
