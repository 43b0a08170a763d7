"""The installed price list as genai-prices publishes it: JSON that can be changed."""

from __future__ import annotations

import dataclasses
import json
from datetime import date, time
from decimal import Decimal
from functools import cache

from genai_prices.data import providers
from genai_prices.types import ModelPrice


def entries():
    """A new copy each time."""
    return json.loads(_whole())


def repriced(usd):
    """The list with another price of a million input tokens of @openai/gpt-4.1."""
    changed = entries()
    model(changed, "openai", "gpt-4.1")["prices"] = {"input_mtok": usd, "output_mtok": 9}
    return data(changed)


def data(entries):
    return json.dumps(entries).encode()


def model(entries, provider, name):
    (seller,) = (each for each in entries if each["id"] == provider)
    return next(each for each in seller["models"] if each["id"] == name)


@cache
def _whole():
    return json.dumps(_published(providers))


def _published(thing):
    if isinstance(thing, ModelPrice):
        return {name: _published(value) for name, value in vars(thing).items()}
    if dataclasses.is_dataclass(thing):
        members = {
            each.name.rstrip("_"): getattr(thing, each.name) for each in dataclasses.fields(thing) if each.name[0] != "_"
        }
        return {name: _published(value) for name, value in members.items() if value is not None}
    if isinstance(thing, list):
        return [_published(each) for each in thing]
    if isinstance(thing, dict):
        return {name: _published(value) for name, value in thing.items()}
    if isinstance(thing, Decimal):
        return float(thing)
    return thing.isoformat() if isinstance(thing, date | time) else thing
