"""The provider table: one `Row` per provider, read from `table.toml` once, at import.

A row says everything the house knows of a provider; adding one that speaks a known dialect takes a row and no code.
"""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any, Literal, cast
from urllib.parse import quote

import msgspec

from lockgate.core.content import Role
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet


class Endpoint(msgspec.Struct, frozen=True, cache_hash=True):
    """Where one dialect is spoken: paths below the base URL, `{model}` standing for the quoted model name."""

    path: str
    stream: str

    def target(self, model: str, stream: bool) -> str:
        """The path (and query) to ask for `model`."""
        template = self.stream if stream else self.path
        return template.replace("{model}", quote(model, safe="")) if "{model}" in template else template


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
    speaks: dict[str, Endpoint]
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

    def owns(self, model: str) -> bool:
        """Whether a bare model name belongs here."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)


def _endpoints(entries: dict[str, Any]) -> dict[str, Any]:
    return {
        dialect: {"path": value, "stream": value} if isinstance(value, str) else value for dialect, value in entries.items()
    }


def read_table(text: str) -> dict[str, Row]:
    """The rows of a table; raises `msgspec.ValidationError` or `tomllib.TOMLDecodeError`, which are our bugs."""
    rows: dict[str, Row] = {}
    for slug, entry in cast("dict[str, dict[str, Any]]", tomllib.loads(text)).items():
        for member in ("speaks", "counts"):
            if member in entry:
                entry[member] = _endpoints(entry[member])
        rows[slug] = msgspec.convert({"slug": slug, **entry}, Row)
    return rows


TABLE: dict[str, Row] = read_table(files("lockgate.providers").joinpath("table.toml").read_text("utf-8"))
