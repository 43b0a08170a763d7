"""/v1/admin/workspaces: the parts of an organisation."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from lockgate.control import declared, workspaces
from lockgate.control.budgets import standings_of_several
from lockgate.control.roles import check_seat
from lockgate.core.cache_cap import cap_of
from lockgate.core.failure import Refusal
from lockgate.core.holdings import SavedConfig
from lockgate.core.tenancy import Membership, Workspace, WorkspaceRole
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.limit_lists import changed_usages, rates, usages
from lockgate.http.admin.members import shown_members
from lockgate.http.admin.people_shapes import NewSeat
from lockgate.http.admin.shapes import DefaultsBody, Empty, Listing, RedactionBody, said
from lockgate.http.admin.workspace_shapes import (
    ChangedDefaults,
    ChangedWorkspace,
    ListWorkspaces,
    MadeWorkspace,
    NewWorkspace,
    RemovedWorkspace,
    Seated,
    ShownWorkspace,
    WholeWorkspace,
    shown,
)
from lockgate.stores.control.change import Change

#: What the organisation says of a workspace: nobody who is confined to the workspace changes it.
_GIVEN = ("usage_limits", "rate_limits", "reset_usage", "capture", "redact", "cache")
#: People of a workspace that are shown with it; `/users` has them all.
_PEOPLE = 1000


def create(ask: Ask, body: NewWorkspace) -> MadeWorkspace:
    """Make a workspace."""
    seats = [_seat(each) for each in body.users]
    for n, (_, role) in enumerate(seats):
        check_seat(ask.rank(), role, f"users[{n}].role")
    defaults = (body.defaults or DefaultsBody()).stored()
    if defaults.config and not _is_declared(ask, defaults.config):
        raise _no_config(defaults.config)
    with ask.change() as change:
        row = workspaces.create(
            change,
            ask.tenant,
            name=body.name,
            slug=body.slug,
            description=body.description or "",
            defaults=defaults,
            usage_limits=usages(body.usage_limits, ask.now_us),
            rate_limits=rates(body.rate_limits),
            capture=body.capture,
            redact=(body.redact or RedactionBody()).stored(),
            cache=cap_of(body.cache),
            seats=seats,
        )
    return MadeWorkspace(**_shown(ask, [row])[0], users=[Seated(id=id, role=role) for id, role in seats])


def index(ask: Ask, query: ListWorkspaces) -> Listing[ShownWorkspace]:
    """List the workspaces that the caller may see, newest first."""
    rows = ask.store.page(ask.tenant, Workspace, limit=1 << 30).rows
    caller = ask.caller
    if caller.person is not None and not ask.tenant.workspace and not caller.is_whole:
        rows = [row for row in rows if row.id in caller.seats]
    rows = [row for row in rows if query.name in row.name and query.exact_name in ("", row.name)]
    part = rows[query.offset : query.offset + query.page_size]
    return Listing(total=len(rows), data=[ShownWorkspace(**each) for each in _shown(ask, part)])


def read(ask: Ask) -> WholeWorkspace:
    """Read a workspace."""
    row = ask.store.get(ask.tenant, Workspace, ask.tenant.workspace)
    ask.version = row.version
    users = None
    if "workspace_users.list" in ask.scopes:
        seats = ask.store.page(ask.tenant, Membership, limit=_PEOPLE).rows[::-1]
        users = shown_members(ask, seats)
    return WholeWorkspace(**_shown(ask, [row])[0], users=users)


def update(ask: Ask, body: ChangedWorkspace) -> ShownWorkspace:
    """Change a workspace. What it may use, and what is kept of it, is changed on behalf of the organisation alone."""
    if not ask.caller.is_whole and (given := [name for name in _GIVEN if name in said(body)]):
        raise Refusal(
            403,
            "member_reserved",
            f"'{given[0]}' is for the organisation to say of its workspaces: use a key of the organisation, or leave it out.",
            param=given[0],
            scope="workspace",
        )
    if body.reset_usage is True:
        ask.check_resets()
    with ask.change() as change:
        row = workspaces.named(change, ask.tenant.workspace)
        ask.match(row)
        if body.defaults is not UNSET:
            row = _change_defaults(ask, change, row, body.defaults or ChangedDefaults(metadata={}, config_id=None))
        changes: dict[str, Any] = {}
        if body.name is not UNSET:
            changes["name"] = body.name
        if body.description is not UNSET:
            changes["description"] = body.description or ""
        if body.usage_limits is not UNSET or body.reset_usage is True:
            anew = body.reset_usage is True
            changes["usage_limits"] = changed_usages(body.usage_limits, anew, row.usage_limits, ask.now_us)
        if body.rate_limits is not UNSET:
            changes["rate_limits"] = rates(body.rate_limits)
        if body.capture is not UNSET:
            changes["capture"] = body.capture or "full"
        if body.redact is not UNSET:
            changes["redact"] = (body.redact or RedactionBody()).stored()
        if body.cache is not UNSET:
            changes["cache"] = cap_of(body.cache)
        if changes:
            row = change.put(msgspec.structs.replace(row, **changes))
    ask.version = row.version
    return ShownWorkspace(**_shown(ask, [row])[0])


def remove(ask: Ask, body: RemovedWorkspace) -> Empty:
    """Remove a workspace. One that still has keys, providers, integrations, configs or policies is removed with `force`
    alone."""
    with ask.change() as change:
        row = workspaces.named(change, ask.params["workspace_id"])
        ask.match(row)
        if row.id == _home(ask):
            raise workspaces.stays(row)
        if body.name and body.name != row.name:
            raise Refusal(400, "wrong_name", f"The workspace is not called '{body.name}'.", param="name")
        if body.force and not body.name:
            raise Refusal(400, "missing_member", "To remove it with all that it has, say its name.", param="name")
        workspaces.remove(change, row, force=body.force)
    return Empty()


def _change_defaults(ask: Ask, change: Change, row: Workspace, said: ChangedDefaults) -> Workspace:
    after = said.over(row.defaults)
    if said.config_id is not UNSET:
        stored = change.all(SavedConfig, workspace=row.id, slug=after.config)
        if after.config and not stored and not _is_declared(ask, after.config):
            raise _no_config(after.config)
        row = workspaces.set_default_config(change, row, after.config)
    return row if row.defaults == after else change.put(msgspec.structs.replace(row, defaults=after))


def _is_declared(ask: Ask, slug: str) -> bool:
    return ask.at_home and slug in declared.configs(ask.office.house)


def _no_config(slug: str) -> Refusal:
    return Refusal(404, "config_not_found", f"There is no config '{slug[:100]}' here.", param="defaults.config_id")


def _seat(said: str | NewSeat) -> tuple[str, WorkspaceRole]:
    return (said, "member") if isinstance(said, str) else (said.id, said.role)


def _shown(ask: Ask, rows: list[Workspace]) -> list[dict[str, Any]]:
    stand = standings_of_several(ask.office, rows)
    return [shown(row, _home(ask), ask.now_us, stand.get(row.id, ())) for row in rows]


def _home(ask: Ask) -> str:
    return ask.office.house.stored.home.workspace
