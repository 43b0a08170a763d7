"""How the providers that Lockgate knows, and their models, are shown."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from lockgate.http.admin.shapes import Paging, Text


class AccountField(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an account is known by: a member of `configurations` (or of its `params`). `pattern` is what a value must
    match as a whole ("": anything), `default` what holds where nothing is said."""

    name: str
    label: str
    secret: bool
    required: bool
    pattern: str = ""
    default: str = ""
    long: bool = False


class KnownProvider(msgspec.Struct, frozen=True, kw_only=True):
    """A provider that Lockgate knows. `key`: whether it wants one; `base_url`: where it is, "" where everybody has an address
    of their own; `talks`: whether it has a chat."""

    slug: str
    name: str
    kind: str
    docs: str
    base_url: str
    key: Literal["needed", "possible", "none"]
    talks: bool
    fields: list[AccountField]
    notes: list[str]


class KnownModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model of the catalogue. Prices in US cents for a million tokens, null: not known, or not charged by tokens; `listed`:
    by somebody's list, and not what requests are charged by. Sizes in tokens."""

    provider: str
    name: str
    title: str
    input: float | None
    output: float | None
    listed: bool
    context: int | None
    most_output: int | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    features: tuple[str, ...]
    retired: bool


class ListModels(Paging, frozen=True, kw_only=True):
    """Which models: of one provider (`ai_provider_id`), and those whose names or titles have all words of `text`. Those that
    are retired only with `retired`."""

    ai_provider_id: Text = ""
    text: Annotated[str, Meta(max_length=255)] = ""
    retired: bool = False
    workspace_id: str = ""
