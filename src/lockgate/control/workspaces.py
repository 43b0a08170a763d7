"""Workspaces: made, given defaults, and removed, with all they have or not at all."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from lockgate.control import members
from lockgate.core.cache_cap import UNCAPPED, CacheCap
from lockgate.core.call import Capture
from lockgate.core.failure import Refusal
from lockgate.core.holdings import ConfigVersion, Integration, SavedConfig, SecretReference, VirtualKey
from lockgate.core.limits import RateLimit, UsageLimit
from lockgate.core.mask import Redaction
from lockgate.core.tenancy import (
    ApiKey,
    Defaults,
    Invite,
    Membership,
    Policy,
    Row,
    Tenant,
    Workspace,
    WorkspaceRole,
    check_slug,
    new_id,
    slug_of,
)
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent

#: What a workspace is not removed with unless that is said, in an order in which it can go; and what people call it.
HOLDINGS: dict[type[Row], str] = {
    ApiKey: "API keys",
    VirtualKey: "providers",
    Integration: "integrations",
    SavedConfig: "configs",
    Policy: "policies",
}
_NOTHING = Redaction()


def create(
    change: Change,
    tenant: Tenant,
    *,
    name: str,
    slug: str = "",
    description: str = "",
    defaults: Defaults | None = None,
    usage_limits: Iterable[UsageLimit] = (),
    rate_limits: Iterable[RateLimit] = (),
    capture: Capture = "full",
    redact: Redaction = _NOTHING,
    cache: CacheCap = UNCAPPED,
    seats: Iterable[tuple[str, WorkspaceRole]] = (),
) -> Workspace:
    """A new workspace; `seats` are people's ids with their roles in it. Raises `Refusal`, `Taken`."""
    workspace = change.add(
        Workspace(
            id=new_id(),
            organisation=tenant.organisation,
            slug=check_slug(slug or slug_of(f"ws-{name}")),
            name=name,
            description=description,
            defaults=defaults or Defaults(),
            usage_limits=list(usage_limits),
            rate_limits=list(rate_limits),
            capture=capture,
            redact=redact,
            cache=cache,
        )
    )
    for user, role in seats:
        members.add(change, workspace, user, role)
    return workspace


def named(change: Change, name: str, at: str = "workspace_id") -> Workspace:
    """The workspace of an id or a slug. Raises `Refusal` 404."""
    try:
        return change.get(Workspace, name)
    except Absent:
        try:
            return change.find(Workspace, slug=name)
        except Absent:
            raise unknown_workspace(name, at) from None


def unknown_workspace(name: str, at: str = "workspace_id") -> Refusal:
    """There is no such workspace."""
    return Refusal(404, "workspace_not_found", f"There is no workspace '{name[:100]}' here.", param=at)


def stays(workspace: Workspace) -> Refusal:
    """The answer to whoever would remove the workspace to begin with."""
    return Refusal(409, "default_workspace", f"'{workspace.name}' is the workspace to begin with, and stays.")


def set_default_config(change: Change, workspace: Workspace, slug: str) -> Workspace:
    """The config of requests that name none, by its slug; "": none. Of those that are stored, that one alone is the default."""
    for saved in change.all(SavedConfig, workspace=workspace.id):
        if saved.is_default != (is_it := saved.slug == slug):
            change.put(msgspec.structs.replace(saved, is_default=is_it))
    if workspace.defaults.config == slug:
        return workspace
    return change.put(msgspec.structs.replace(workspace, defaults=msgspec.structs.replace(workspace.defaults, config=slug)))


def remove(change: Change, workspace: Workspace, *, force: bool = False) -> None:
    """Remove a workspace; with `force` also all that it has. `change` is the organisation's. People lose their place in it and
    stay in the organisation. Raises `Refusal` 409."""
    held = {noun: change.all(noun, workspace=workspace.id) for noun in HOLDINGS}
    if any(held.values()) and not force:
        counts = ", ".join(f"{HOLDINGS[noun]} ({len(rows)})" for noun, rows in held.items() if rows)
        raise Refusal(
            409,
            "workspace_not_empty",
            f"'{workspace.name}' still has {counts}. Remove them first, or force it (force: true with its name).",
            param="force",
        )
    for version in change.all(ConfigVersion, workspace=workspace.id):
        change.remove(version)
    for rows in held.values():
        for row in rows:
            change.remove(row)
    for seat in change.all(Membership, workspace=workspace.id):
        change.remove(seat)
    _forget(change, workspace.id)
    change.remove(workspace)


def _forget(change: Change, id: str) -> None:
    """Take a workspace out of what the organisation says of each."""
    for account in change.all(Integration):
        kept = [each for each in account.workspaces if each.workspace != id]
        if len(kept) < len(account.workspaces):
            change.put(msgspec.structs.replace(account, workspaces=kept))
    for reference in change.all(SecretReference):
        if id in reference.allowed_workspaces:
            allowed = [each for each in reference.allowed_workspaces if each != id]
            change.put(msgspec.structs.replace(reference, allowed_workspaces=allowed))
    for invite in change.all(Invite):
        if any(seat.workspace == id for seat in invite.seats):
            change.put(msgspec.structs.replace(invite, seats=[seat for seat in invite.seats if seat.workspace != id]))
