"""/v1/admin/organisation: what holds for the whole organisation."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from lockgate.control import declared
from lockgate.control.budgets import standings_of_several
from lockgate.core.cache_cap import CacheCap, cap_of
from lockgate.core.failure import Refusal
from lockgate.core.holdings import SavedConfig
from lockgate.core.tenancy import Organisation
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.limit_lists import Rates, Usages, changed_usages, rates, shown_usages
from lockgate.http.admin.shapes import (
    Body,
    DefaultsBody,
    Empty,
    RateLimits,
    ShownCacheCap,
    ShownUsageLimits,
    shown_cap,
    shown_defaults,
    shown_rate,
    text_of,
)
from lockgate.http.admin.workspace_shapes import ChangedDefaults, Name
from lockgate.stores.control.change import Change


class ChangedOrganisation(Body, frozen=True, kw_only=True):
    """What is to be changed of the organisation; null takes limits away. `reset_usage`: its budgets begin anew.
    `cache`: the most that configs of all its workspaces may ask of the cache, false for nothing."""

    name: Name | UnsetType = UNSET
    usage_limits: Usages | UnsetType | None = UNSET
    rate_limits: Rates | UnsetType | None = UNSET
    reset_usage: bool | UnsetType | None = UNSET
    cache: CacheCap | bool | UnsetType | None = UNSET


class ShownOrganisation(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation."""

    id: str
    slug: str
    name: str
    usage_limits: list[ShownUsageLimits]
    rate_limits: list[RateLimits]
    cache: ShownCacheCap
    created_at: str | None
    last_updated_at: str | None
    object: Literal["organisation"] = "organisation"


class ShownOrganisationDefaults(DefaultsBody, frozen=True, kw_only=True):
    """What holds for requests where neither they, nor a key, nor a workspace says it."""

    object: Literal["organisation_defaults"] = "organisation_defaults"


def read(ask: Ask) -> ShownOrganisation:
    """Read the organisation."""
    row = _row(ask)
    ask.version = row.version
    return _shown(ask, row)


def update(ask: Ask, body: ChangedOrganisation) -> ShownOrganisation:
    """Change the organisation."""
    if body.reset_usage is True:
        ask.check_resets()
    with ask.change() as change:
        row = change.get(Organisation, ask.tenant.organisation)
        ask.match(row)
        changes: dict[str, Any] = {}
        if body.name is not UNSET:
            changes["name"] = body.name
        if body.usage_limits is not UNSET or body.reset_usage is True:
            anew = body.reset_usage is True
            changes["usage_limits"] = changed_usages(body.usage_limits, anew, row.usage_limits, ask.now_us)
        if body.rate_limits is not UNSET:
            changes["rate_limits"] = rates(body.rate_limits)
        if body.cache is not UNSET:
            changes["cache"] = cap_of(body.cache)
        if changes:
            row = change.put(msgspec.structs.replace(row, **changes))
    ask.version = row.version
    return _shown(ask, row)


def read_defaults(ask: Ask) -> ShownOrganisationDefaults:
    """Read what holds for requests that do not say it."""
    row = _row(ask)
    ask.version = row.version
    return ShownOrganisationDefaults(**msgspec.structs.asdict(shown_defaults(row.defaults)))


def update_defaults(ask: Ask, body: ChangedDefaults) -> Empty:
    """Change what holds for requests that do not say it."""
    with ask.change() as change:
        row = change.get(Organisation, ask.tenant.organisation)
        ask.match(row)
        defaults = body.over(row.defaults)
        if body.config_id is not UNSET:
            _check_config(ask, change, defaults.config)
        if defaults != row.defaults:
            change.put(msgspec.structs.replace(row, defaults=defaults))
    return Empty()


def _check_config(ask: Ask, change: Change, slug: str) -> None:
    """A default config is there, in some workspace or for all: requests of a workspace that has none of that name are refused,
    so one that is nowhere would stop them all."""
    if slug and not (ask.at_home and slug in declared.configs(ask.office.house)) and not change.all(SavedConfig, slug=slug):
        raise Refusal(404, "config_not_found", f"There is no config '{slug[:100]}' here.", param="config_id")


def _row(ask: Ask) -> Organisation:
    return ask.store.get(ask.tenant, Organisation, ask.tenant.organisation)


def _shown(ask: Ask, row: Organisation) -> ShownOrganisation:
    stand = standings_of_several(ask.office, [row])
    return ShownOrganisation(
        id=row.id,
        slug=row.slug,
        cache=shown_cap(row.cache),
        name=row.name,
        usage_limits=shown_usages(row.usage_limits, ask.now_us, stand.get(row.id, ())),
        rate_limits=[shown_rate(each) for each in row.rate_limits],
        created_at=text_of(row.created_us),
        last_updated_at=text_of(row.changed_us),
    )
