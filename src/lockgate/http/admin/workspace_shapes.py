"""How workspaces are written in /v1/admin/workspaces, and the defaults that organisations have as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lockgate.core.cache_cap import CacheCap
from lockgate.core.call import Capture
from lockgate.core.tenancy import Defaults, Workspace, WorkspaceRole
from lockgate.http.admin.limit_lists import Rates, Usages, shown_usages
from lockgate.http.admin.people_shapes import NewSeat, ShownMember
from lockgate.http.admin.shapes import (
    Body,
    DefaultsBody,
    LongText,
    Paging,
    RateLimits,
    RedactionBody,
    ShownCacheCap,
    ShownUsageLimits,
    Text,
    shown_cap,
    shown_defaults,
    shown_rate,
    shown_redaction,
    text_of,
)
from lockgate.stores.ledger.standings import Standing

Name = Annotated[str, Meta(min_length=1, max_length=255)]
_Seats = Annotated[list[str | NewSeat], Meta(max_length=1000)]


class ChangedDefaults(Body, frozen=True, kw_only=True):
    """What is to be changed of defaults; `config_id` null: none."""

    metadata: dict[str, str] | UnsetType = UNSET
    config_id: str | UnsetType | None = UNSET
    allow_config_override: bool | UnsetType = UNSET

    def over(self, before: Defaults) -> Defaults:
        """The defaults after it."""
        said: dict[str, Any] = {
            "metadata": self.metadata,
            "config": self.config_id or "" if self.config_id is not UNSET else UNSET,
            "allow_config_override": self.allow_config_override,
        }
        return msgspec.structs.replace(before, **{name: value for name, value in said.items() if value is not UNSET})


class NewWorkspace(Body, frozen=True, kw_only=True):
    """A workspace to be made. `slug` is made up when it is left out. `users`: their ids, or ids with roles. `capture`: the most
    that is kept of its requests; `redact`: what is taken out of that; `cache`: the most that its configs may ask of the cache,
    false for nothing."""

    name: Name
    slug: str = ""
    description: LongText | None = None
    defaults: DefaultsBody | None = None
    users: _Seats = []
    usage_limits: Usages | None = None
    rate_limits: Rates | None = None
    capture: Capture = "full"
    redact: RedactionBody | None = None
    cache: CacheCap | bool | None = None


class ChangedWorkspace(Body, frozen=True, kw_only=True):
    """What is to be changed of a workspace; null takes away. Of `defaults`, too, what is not said stays as it is.
    `reset_usage`: its budgets begin anew."""

    name: Name | UnsetType = UNSET
    description: LongText | UnsetType | None = UNSET
    defaults: ChangedDefaults | UnsetType | None = UNSET
    usage_limits: Usages | UnsetType | None = UNSET
    rate_limits: Rates | UnsetType | None = UNSET
    reset_usage: bool | UnsetType | None = UNSET
    capture: Capture | UnsetType | None = UNSET
    redact: RedactionBody | UnsetType | None = UNSET
    cache: CacheCap | bool | UnsetType | None = UNSET


class RemovedWorkspace(Body, frozen=True, kw_only=True):
    """`name` must be the workspace's, if it is said. `force`: with all that it has, and then the name must be said."""

    workspace_id: str = ""
    name: Text = ""
    force: bool = False


class ListWorkspaces(Paging, frozen=True, kw_only=True):
    """Which workspaces: those whose name contains `name`, or is `exact_name`."""

    name: Text = ""
    exact_name: Text = ""


class ShownWorkspace(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace. `is_default` 1: the one to begin with."""

    id: str
    slug: str
    name: str
    description: str | None
    organisation_id: str
    created_at: str | None
    last_updated_at: str | None
    defaults: DefaultsBody
    usage_limits: list[ShownUsageLimits]
    rate_limits: list[RateLimits]
    capture: Capture
    redact: RedactionBody | None
    cache: ShownCacheCap
    is_default: int
    object: Literal["workspace"] = "workspace"


class Seated(msgspec.Struct, frozen=True, kw_only=True):
    """A person by id, and what they are in a workspace."""

    id: str
    role: WorkspaceRole


class MadeWorkspace(ShownWorkspace, frozen=True, kw_only=True):
    """A workspace that was made, with who has a place in it."""

    users: list[Seated]


class WholeWorkspace(ShownWorkspace, frozen=True, kw_only=True):
    """A workspace with its people, oldest first; null for who may not list them."""

    users: list[ShownMember] | None


def shown(row: Workspace, home: str, now_us: int, stand: Sequence[Standing | None]) -> dict[str, Any]:
    """The members of a workspace to be shown. `home` is the one to begin with; `stand`: how its budgets stand."""
    return {
        "id": row.id,
        "slug": row.slug,
        "name": row.name,
        "description": row.description or None,
        "organisation_id": row.organisation,
        "created_at": text_of(row.created_us),
        "last_updated_at": text_of(row.changed_us),
        "defaults": shown_defaults(row.defaults),
        "usage_limits": shown_usages(row.usage_limits, now_us, stand),
        "rate_limits": [shown_rate(each) for each in row.rate_limits],
        "capture": row.capture,
        "redact": shown_redaction(row.redact),
        "cache": shown_cap(row.cache),
        "is_default": int(row.id == home),
    }
