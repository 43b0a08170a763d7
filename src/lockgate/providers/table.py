"""The provider table: one `Row` per provider, read from the files of `table/` once, at import.

A row says everything the house knows of a provider; adding one that speaks a known dialect takes a row and no code.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import quote

import msgspec

from lockgate.core.failure import Refusal
from lockgate.providers.auth.settings import Settings
from lockgate.providers.edits import Edits, merged
from lockgate.providers.slots import Slot, fill, find_values, names_in

Entry = dict[str, Any]


class Endpoint(msgspec.Struct, frozen=True, cache_hash=True, forbid_unknown_fields=True):
    """Where one dialect is spoken: paths below the base URL, `{model}` standing for the quoted model name, `{deployment}` for
    what it says before a ":". `stream` is the path for a stream where that has one of its own.

    `quirk` names the function that gives a body the form wanted here, whoever wrote it (`providers.quirks`). `framed`: a stream
    comes in the frames of an AWS event stream, which are no part of the dialect.
    """

    path: str
    stream: str = ""
    quirk: str = ""
    framed: bool = False

    def target(self, model: str, stream: bool) -> str:
        """The path (and query) to ask for `model`."""
        template = (self.stream if stream else self.path) or self.path
        if "{" not in template:
            return template
        deployment = model.partition(":")[0]
        return template.replace("{model}", quote(model, safe="@")).replace("{deployment}", quote(deployment, safe="@"))

    def filled(self, values: Mapping[str, str]) -> Endpoint:
        """With its slots filled; the model stays open."""
        return msgspec.structs.replace(self, path=fill(self.path, values), stream=fill(self.stream, values))


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a row says otherwise for some accounts or models; a member that is left out stays the row's.

    when     slot → pattern of its value ("": nothing was said); all must match
    models   patterns of models; without them it holds for all that the row serves
    base_url with models, the host alone: they are elsewhere, unless the operator has an address of his own
    """

    when: dict[str, str] = {}
    models: list[str] = []
    base_url: str | None = None
    speaks: dict[str, Endpoint] | None = None
    operations: dict[str, Endpoint] | None = None
    counts: dict[str, Endpoint] | None = None
    headers: dict[str, str] | None = None
    usage: Literal["asked", "given"] | None = None
    edits: dict[str, Edits] | None = None
    sticks: bool | None = None

    def holds(self, said: Mapping[str, str]) -> bool:
        """Whether it is for an account of which this was said."""
        return all(fnmatchcase(said[name], pattern) for name, pattern in self.when.items())

    def serves(self, model: str) -> bool:
        """Whether it is for this model."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)

    def of(self, row: Row) -> Row:
        """The row as it is here."""
        changed = {name: value for name in _VARIES if (value := getattr(self, name)) is not None}
        return msgspec.structs.replace(row, **changed, variants=[])

    def filled(self, values: Mapping[str, str]) -> Variant:
        """With its slots filled."""
        places = {name: _filled(value, values) for name in _PLACES if (value := getattr(self, name)) is not None}
        base = None if self.base_url is None else fill(self.base_url, values)
        return msgspec.structs.replace(self, base_url=base, **places)


#: Members of a row that are addresses.
_PLACES = ("speaks", "operations", "counts")
_VARIES = ("base_url", *_PLACES, "headers", "usage", "edits", "sticks")


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One provider.

    kind       the file of `table/` that it stands in
    name       as people write it
    docs       its own documentation of its API
    base_url   what the endpoint paths are appended to; an operator's base_url or a caller's custom_host replaces it. ""
               where everyone has an address of their own
    auth       how the key travels (`auth.static.SCHEMES`, `auth.SIGNERS`)
    speaks     dialect → path, or an `Endpoint` where that is not all. Translations use the first
    operations dialect → path, likewise, for all that is no conversation, and for conversations that pass and are never the
               target of a translation (`dialects.registry.RELAYS` names these dialects)
    slots      what differs from account to account in these addresses (`providers.slots`)
    counts     dialect → path of the provider's own token counting
    env        environment variables that hold a key: when one is set, the provider is there without configuration
    prices     the provider's name in the price catalogue; with a "*", for which the model's name says the rest after ":"
    lists      path of the list of what it has loaded, for one whose models nobody else knows
    listed     its name in the listing of what models can do (`providers.display`), where that is not the slug
    models     patterns of model names that belong to this provider: a bare model name finds its way by them
    headers    sent unless the caller sends its own
    usage      how a stream tells its usage: "asked" (stream_options.include_usage) or "given"
    sticks     whether a request may say which conversation it belongs to, so that it comes to the machine that has its prefix
               (`dialects.codec.Relay.conversation`); where that is not known, it is an unknown member
    edits      dialect → what is spelt otherwise here (`providers.edits`); in the files, `like` names one of edits.toml
    names      how a model's name may begin → what stands there instead, for this provider
    variants   what is otherwise for some accounts and models
    notes      what someone who sets it up must know, a sentence each
    """

    slug: str
    kind: str
    name: str
    docs: str
    base_url: str
    auth: str = "bearer"
    speaks: dict[str, Endpoint] = {}
    operations: dict[str, Endpoint] = {}
    slots: dict[str, Slot] = {}
    counts: dict[str, Endpoint] = {}
    env: list[str] = []
    prices: str = ""
    lists: str = ""
    listed: str = ""
    models: list[str] = []
    headers: dict[str, str] = {}
    usage: Literal["asked", "given"] = "asked"
    edits: dict[str, Edits] = {}
    names: dict[str, str] = {}
    variants: list[Variant] = []
    notes: list[str] = []
    sticks: bool = False
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
        said = {name: self.slots[name].value(name, settings, environment) for each in self.variants for name in each.when}
        variants = [each for each in self.variants if each.holds(said)]
        row = self
        for variant in variants:
            row = row if variant.models else variant.of(row)
        variants = [each for each in variants if each.models]
        if base_url:
            variants = [msgspec.structs.replace(each, base_url=None) for each in variants]
        base = base_url or row.base_url
        if not base:
            raise Refusal(
                400, "missing_base_url", f"{self.name} has no address of its own: set base_url to yours.", param="base_url"
            )
        values = find_values(self.name, self.slots, row.slots_of(base, variants), settings, environment)
        if not values and not self.variants:
            return self if base == self.base_url else msgspec.structs.replace(self, base_url=base)
        return msgspec.structs.replace(
            row,
            base_url=fill(base, values),
            speaks=_filled(row.speaks, values),
            operations=_filled(row.operations, values),
            counts=_filled(row.counts, values),
            variants=[each.filled(values) for each in variants],
        )

    def slots_of(self, base: str, variants: Iterable[Variant]) -> frozenset[str]:
        """The slots of its addresses: of its base and of all endpoints."""
        endpoints = [place for name in _PLACES for each in (self, *variants) for place in (getattr(each, name) or {}).values()]
        bases = (base, *(each.base_url or "" for each in variants))
        return names_in([*bases, *(text for place in endpoints for text in (place.path, place.stream))]) & self.slots.keys()

    def named(self, model: str) -> str:
        """A model by the name that it has here."""
        for start, instead in self.names.items():
            if model.startswith(start):
                return instead + model[len(start) :]
        return model

    def variant(self, model: str) -> int:
        """The number of the variant that serves a model, or -1: the row itself does."""
        return next((number for number, each in enumerate(self.variants) if each.serves(model)), -1)


def _filled(endpoints: Mapping[str, Endpoint], values: Mapping[str, str]) -> dict[str, Endpoint]:
    return {dialect: endpoint.filled(values) for dialect, endpoint in endpoints.items()}


def joined(base: str, path: str) -> str:
    """`path` below `base`. What ends the one and begins the other ("/v1") is said once, since people write it in either."""
    above, below = base.split("/"), path.split("/")[1:]
    for shared in range(min(len(above), len(below)), 0, -1):
        if above[-shared:] == below[:shared]:
            return "/".join(above + below[shared:])
    return base + path


#: The dialect that edits are meant for when a row does not say.
_USUAL = "openai.chat"
#: Members whose entries may be written as one text → what that text stands for.
_SHORT: dict[str, str] = {**dict.fromkeys(_PLACES, "path"), "slots": "pattern"}


def read_table(text: str, kind: str = "", presets: Mapping[str, Edits] | None = None) -> dict[str, Row]:
    """The rows of a table; raises `msgspec.ValidationError`, `tomllib.TOMLDecodeError` or `KeyError`, which are our bugs."""
    rows: dict[str, Row] = {}
    for slug, entry in cast("dict[str, Entry]", tomllib.loads(text)).items():
        for part in (entry, *entry.get("variants", ())):
            for member, meant in _SHORT.items():
                if member in part:
                    part[member] = _whole(meant, part[member])
            if "edits" in part:
                part["edits"] = _edits(part["edits"], PRESETS if presets is None else presets)
        rows[slug] = msgspec.convert({"slug": slug, "kind": kind, **entry}, Row)
    return rows


def _whole(meant: str, entries: Entry) -> Entry:
    return {key: {meant: value} if isinstance(value, str) else value for key, value in entries.items()}


def _edits(said: str | Entry, presets: Mapping[str, Edits]) -> Entry:
    """The edits of each dialect: a name of edits.toml, or a table, or both by `like`."""
    by_dialect = said if isinstance(said, dict) and any("." in key for key in said) else {_USUAL: said}
    return {dialect: _alike(entry, presets) for dialect, entry in by_dialect.items()}


def _alike(said: str | Entry, presets: Mapping[str, Edits]) -> Any:
    entry: Entry = {"like": said} if isinstance(said, str) else dict(said)
    like = entry.pop("like", ())
    names: Iterable[str] = (like,) if isinstance(like, str) else like
    return msgspec.to_builtins(merged([*(presets[name] for name in names), msgspec.convert(entry, Edits)]))


def _presets() -> dict[str, Edits]:
    text = Path(__file__).with_name("edits.toml").read_text("utf-8")
    return {name: msgspec.convert(entry, Edits) for name, entry in tomllib.loads(text).items()}


def _read_all() -> dict[str, Row]:
    rows: dict[str, Row] = {}
    for file in sorted(Path(__file__).with_name("table").iterdir()):
        found = read_table(file.read_text("utf-8"), file.name.removesuffix(".toml"))
        if twice := rows.keys() & found.keys():
            raise ValueError(f"the provider table has {', '.join(sorted(twice))} twice")
        rows |= found
    return rows


PRESETS: dict[str, Edits] = _presets()
TABLE: dict[str, Row] = _read_all()
