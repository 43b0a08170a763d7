"""The simulator's models: what each is for. A name like `long-500` is a model with a number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from lockgate.core.failure import Refusal


class Model(msgspec.Struct, frozen=True):
    """One model. `least` and `most` bound the number in its name; `usual` stands for a name without one, if it may be."""

    name: str
    about: str
    least: int = 0
    most: int = -1
    usual: int | None = 0
    embeds: bool = False


class Chosen(msgspec.Struct, frozen=True):
    """A model as a request names it, with its number."""

    model: Model
    number: int


MODELS = {
    model.name: model
    for model in (
        Model("chat", "answers in a sentence, calls tools, writes JSON"),
        Model("think", "as chat, and shows its reasoning first"),
        Model("echo", "repeats what the user last said"),
        Model("long", "counts; long-500 counts to 500, a token each", 1, 10_000, usual=1_000),
        Model("slow", "as chat, with a pause before each event; slow-250 pauses 250 ms", 0, 60_000, usual=100),
        Model("error", "fails; error-429 fails with HTTP status 429", 400, 599, usual=None),
        Model("embed", "embeds texts as vectors", embeds=True),
    )
}


def choose(name: str, embeds: bool) -> Chosen:
    """The model that a request names; raises `Refusal` 404 when there is none, 400 when it does other work."""
    stem, dash, number = name.partition("-")
    model = MODELS.get(stem)
    if model is None or not _fits(model, dash, number):
        message = f"The model '{name}' does not exist. The simulator has: {_names()}."
        raise Refusal(404, "model_not_found", message, param="model")
    if model.embeds is not embeds and model.name != "error":
        work = "embeddings" if model.embeds else "chat completions"
        raise Refusal(400, "invalid_value", f"The model '{name}' is for {work}.", param="model")
    return Chosen(model, int(number) if dash else model.usual or 0)


def _fits(model: Model, dash: str, number: str) -> bool:
    if not dash:
        return model.usual is not None
    return number.isascii() and number.isdigit() and len(number) < 9 and model.least <= int(number) <= model.most


def _names() -> str:
    return ", ".join(listed_name(model) for model in MODELS.values())


def listed_name(model: Model) -> str:
    """A name that works, for lists: the model's own, or with a number when it needs one."""
    return model.name if model.usual is not None else f"{model.name}-500"


def rows(created: int) -> Iterator[dict[str, Any]]:
    """The models as a provider lists them; `created` is in seconds since the epoch."""
    for model in MODELS.values():
        name = listed_name(model)
        yield {"id": name, "object": "model", "created": created, "owned_by": "lockgate", "description": model.about}
