"""/v1/configs: saved configs, and the versions that they have had.

Portkey's documents wrap single configs into `data`, and its SDK reads them without: the answers say both.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lockgate.control import declared, saved_configs
from lockgate.core.failure import Refusal
from lockgate.core.holdings import ConfigVersion, SavedConfig
from lockgate.core.json import as_any
from lockgate.core.tenancy import Tenant
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.shapes import Body, Empty, Listing, Paging, SuccessListing, Text, text_of
from lockgate.stores.control.change import Change

#: Yes and no, as Portkey writes them.
_Flag = Annotated[int, Meta(ge=0, le=1)]


class NewConfig(Body, frozen=True, kw_only=True):
    """A config to be saved. `isDefault` (or `is_default`) 1: for requests of its workspace that name none. `slug` is made up
    when it is left out."""

    name: Text
    config: dict[str, Any]
    slug: str = ""
    is_default: _Flag | bool | None = None
    isDefault: _Flag | bool | None = None
    workspace_id: str = ""


class ChangedConfig(Body, frozen=True, kw_only=True):
    """What is to be changed of a config. Another `config` is another version of it."""

    slug: str = ""
    name: Text | UnsetType = UNSET
    config: dict[str, Any] | UnsetType = UNSET
    status: Literal["active", "archived"] | UnsetType = UNSET
    is_default: _Flag | bool | None = None
    isDefault: _Flag | bool | None = None


class MadeConfigData(msgspec.Struct, frozen=True, kw_only=True):
    """A config that was saved, and its version."""

    id: str
    version_id: str
    slug: str
    object: Literal["config"] = "config"


class MadeConfig(MadeConfigData, frozen=True, kw_only=True):
    """The same, in both envelopes."""

    success: bool = True
    data: MadeConfigData


class ConfigSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A config without what it says. `declared_in`: where it is declared, if it is not stored."""

    id: str
    name: str
    slug: str
    organisation_id: str
    workspace_id: str | None
    is_default: int
    status: Literal["active", "archived"]
    owner_id: str | None
    updated_by: str | None
    created_at: str | None
    last_updated_at: str | None
    declared_in: str | None = None
    object: Literal["config"] = "config"


class ConfigData(ConfigSummary, frozen=True, kw_only=True):
    """A config, as it holds now."""

    config: dict[str, Any]
    version_id: str
    format: Literal["json"] = "json"
    type: Literal["ORG_CONFIG"] = "ORG_CONFIG"


class ShownConfig(ConfigData, frozen=True, kw_only=True):
    """The same, in both envelopes."""

    success: bool = True
    data: ConfigData


class ShownVersion(ConfigSummary, frozen=True, kw_only=True):
    """A config as it was once: `config` is its JSON, in a text."""

    config: str
    version_id: str
    format: Literal["json"] = "json"
    type: Literal["ORG_CONFIG"] = "ORG_CONFIG"


class ListConfigs(Paging, frozen=True, kw_only=True):
    """Which configs; `workspace_id` by id or slug."""

    workspace_id: str = ""


class ListVersions(Paging, frozen=True, kw_only=True):
    """Which versions; `workspace_id` of the config, where several workspaces have one of that slug."""

    workspace_id: str = ""


def create(ask: Ask, body: NewConfig) -> MadeConfig:
    """Save a config."""
    if ask.at_home and body.slug in declared.configs(ask.office.house):
        raise Refusal(409, "taken", f"The configuration declares '{body.slug}': choose another slug.", param="slug")
    with ask.change() as change:
        saved = saved_configs.create(
            change,
            ask.tenant,
            name=body.name,
            config=body.config,
            slug=body.slug,
            default=bool(_flag(body)),
            author=ask.caller.id,
        )
        return _made(saved, _version(change, saved))


def index(ask: Ask, query: ListConfigs) -> SuccessListing[ConfigSummary]:
    """List the configs that the caller may use, newest first, and those that the configuration declares."""
    listed = declared.configs(ask.office.house) if ask.at_home else {}
    found = declared.page(ask.store, ask.tenant, SavedConfig, listed, query.page_size, query.offset)
    return SuccessListing(total=found.total, data=[ConfigSummary(**_summary(row, _where(listed, row))) for row in found.rows])


def read(ask: Ask) -> ShownConfig:
    """Read a config."""
    slug = ask.params["slug"]
    listed = declared.configs(ask.office.house) if ask.at_home else {}
    if slug in listed:
        row, version = listed[slug].row, ""
        assert isinstance(row, SavedConfig)
    else:
        row = _named(ask, slug)
        version = ask.store.find(_at(row), ConfigVersion, of=row.id, number=row.number).id
    ask.version = row.version
    data = {
        **_summary(row, _where(listed, row)),
        "config": as_any(row.config),
        "version_id": version,
    }
    return ShownConfig(**data, data=ConfigData(**data))


def update(ask: Ask, body: ChangedConfig) -> MadeConfig:
    """Change a config. Requests that are under way keep the version that they began with."""
    slug = _stored_slug(ask)
    if body.slug not in ("", slug):
        raise Refusal(400, "invalid_value", "A slug cannot be changed: save the config under another one.", param="slug")
    with ask.change() as change:
        ask.match(saved_configs.named(change, slug))
        saved = saved_configs.update(
            change,
            slug,
            name="" if body.name is UNSET else body.name,
            config=None if body.config is UNSET else body.config,
            status="" if body.status is UNSET else body.status,
            default=_flag(body),
            author=ask.caller.id,
        )
        return _made(saved, _version(change, saved))


def remove(ask: Ask) -> Empty:
    """Remove a config, with all its versions."""
    slug = _stored_slug(ask)
    with ask.change() as change:
        ask.match(saved_configs.named(change, slug))
        saved_configs.remove(change, slug)
    return Empty()


def versions(ask: Ask, query: ListVersions) -> Listing[ShownVersion]:
    """List the versions of a config, newest first."""
    slug = ask.params["slug"]
    listed = declared.configs(ask.office.house) if ask.at_home else {}
    if slug in listed:
        row = listed[slug].row
        assert isinstance(row, SavedConfig)
        only = ShownVersion(**_summary(row, listed[slug].where), config=bytes(row.config).decode(), version_id="")
        return Listing(total=1, data=[only])
    row = _named(ask, slug)
    found = ask.store.page(_at(row), ConfigVersion, limit=query.page_size, offset=query.offset, of=row.id)
    return Listing(total=found.total, data=[_shown_version(row, each) for each in found.rows])


def _stored_slug(ask: Ask) -> str:
    """The slug in the path; raises `Refusal` 403 for a config that the file declares."""
    slug = ask.params["slug"]
    listed = declared.configs(ask.office.house) if ask.at_home else {}
    if slug in listed:
        raise declared.read_only(listed[slug])
    return slug


def _named(ask: Ask, slug: str) -> SavedConfig:
    found = ask.store.page(ask.tenant, SavedConfig, limit=2, slug=slug).rows
    if len(found) > 1:
        raise saved_configs.ambiguous(slug)
    if not found:
        raise saved_configs.unknown_config(slug)
    return found[0]


def _at(row: SavedConfig) -> Tenant:
    return Tenant(row.organisation, row.workspace)


def _version(change: Change, saved: SavedConfig) -> str:
    return change.find(ConfigVersion, of=saved.id, number=saved.number).id


def _flag(body: NewConfig | ChangedConfig) -> bool | None:
    flag = body.isDefault if body.is_default is None else body.is_default
    return None if flag is None else bool(flag)


def _made(saved: SavedConfig, version: str) -> MadeConfig:
    inside = MadeConfigData(id=saved.id, version_id=version, slug=saved.slug)
    return MadeConfig(id=saved.id, version_id=version, slug=saved.slug, data=inside)


def _shown_version(row: SavedConfig, version: ConfigVersion) -> ShownVersion:
    then: dict[str, Any] = {"created_at": text_of(version.created_us), "updated_by": version.author or None}
    return ShownVersion(**_summary(row, None) | then, config=bytes(version.config).decode(), version_id=version.id)


def _where(listed: dict[str, declared.Declared], row: SavedConfig) -> str | None:
    return None if row.version else listed[row.slug].where


def _summary(row: SavedConfig, declared_in: str | None) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "slug": row.slug,
        "organisation_id": row.organisation,
        "workspace_id": row.workspace or None,
        "is_default": int(row.is_default),
        "status": row.status,
        "owner_id": row.owner or None,
        "updated_by": None,
        "created_at": text_of(row.created_us),
        "last_updated_at": text_of(row.changed_us),
        "declared_in": declared_in,
    }
