"""The provider table: one `Row` per provider, read from `table.toml` once, at import.

A row says everything the house knows of a provider; adding one that speaks a known dialect takes a row and no code.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any, Literal, cast
from urllib.parse import quote

import msgspec

from lockgate.core.content import Role
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.providers.auth.settings import Settings
from lockgate.providers.slots import Slot, fill, find_values, names_in


class Endpoint(msgspec.Struct, frozen=True, cache_hash=True):
    """Where one dialect is spoken: paths below the base URL, `{model}` standing for the quoted model name."""

    path: str
    stream: str

    def target(self, model: str, stream: bool) -> str:
        """The path (and query) to ask for `model`."""
        template = self.stream if stream else self.path
        return template.replace("{model}", quote(model, safe="")) if "{model}" in template else template

    def filled(self, values: Mapping[str, str]) -> Endpoint:
        """With its slots filled; the model stays open."""
        return Endpoint(fill(self.path, values), fill(self.stream, values))


class Edits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this provider spells otherwise than its dialect: applied to what a translation writes, never to a caller's body."""

    rename: dict[str, str] = {}
    drop: list[str] = []
    roles: dict[Role, Role] = {}

    def before(self, request: Request) -> None:
        """Change the canonical request before it is written."""
        if self.roles:
            for turn in request.turns:
                turn.role = self.roles.get(turn.role, turn.role)

    def after(self, sheet: Sheet, request: Request) -> None:
        """Change the written body; what is dropped is noted as a loss."""
        for name in self.drop:
            if name in sheet:
                sheet.drop(name)
                request.lose(name)
        for old, new in self.rename.items():
            sheet.rename(old, new)


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One provider. The members are explained at the head of `table.toml`."""

    slug: str
    name: str
    docs: str
    base_url: str
    auth: str
    speaks: dict[str, Endpoint] = {}
    slots: dict[str, Slot] = {}
    counts: dict[str, Endpoint] = {}
    env: list[str] = []
    prices: str = ""
    models: list[str] = []
    headers: dict[str, str] = {}
    usage: Literal["asked", "given"] = "asked"
    edits: Edits = Edits()
    free: bool = False  # nothing is ever charged
    keyless: bool = False  # works without a key
    builtin: bool = False  # is there without configuration
    proxy: bool = False  # has no conversation: what it does is reached by pass-through

    def owns(self, model: str) -> bool:
        """Whether a bare model name belongs here."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)

    def filled(self, settings: Settings, environment: Mapping[str, str], base_url: str = "") -> Row:
        """The row with its slots filled, at `base_url` where that is given. Raises `Refusal`, also for a parameter that the
        row has no slot for."""
        base = base_url or self.base_url
        endpoints = [*self.speaks.values(), *self.counts.values()]
        templates = [base, *(text for endpoint in endpoints for text in (endpoint.path, endpoint.stream))]
        values = find_values(self.name, self.slots, names_in(templates) & self.slots.keys(), settings, environment)
        if not values:
            return self if base == self.base_url else msgspec.structs.replace(self, base_url=base)
        return msgspec.structs.replace(
            self,
            base_url=fill(base, values),
            speaks={dialect: endpoint.filled(values) for dialect, endpoint in self.speaks.items()},
            counts={dialect: endpoint.filled(values) for dialect, endpoint in self.counts.items()},
        )


#: Members whose entries may be written as one text → what that text stands for.
_SHORT: dict[str, tuple[str, ...]] = {"speaks": ("path", "stream"), "counts": ("path", "stream"), "slots": ("pattern",)}


def _whole(names: tuple[str, ...], entries: dict[str, Any]) -> dict[str, Any]:
    return {key: dict.fromkeys(names, value) if isinstance(value, str) else value for key, value in entries.items()}


def read_table(text: str) -> dict[str, Row]:
    """The rows of a table; raises `msgspec.ValidationError` or `tomllib.TOMLDecodeError`, which are our bugs."""
    rows: dict[str, Row] = {}
    for slug, entry in cast("dict[str, dict[str, Any]]", tomllib.loads(text)).items():
        for member, names in _SHORT.items():
            if member in entry:
                entry[member] = _whole(names, entry[member])
        rows[slug] = msgspec.convert({"slug": slug, **entry}, Row)
    return rows


TABLE: dict[str, Row] = read_table(files("lockgate.providers").joinpath("table.toml").read_text("utf-8"))
