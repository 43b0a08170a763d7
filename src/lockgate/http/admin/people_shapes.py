"""How people, and their places in workspaces, are written in /v1/admin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from lockgate.core.tenancy import Membership, OrganisationRole, User, WorkspaceRole
from lockgate.http.admin.limit_lists import shown_usages
from lockgate.http.admin.shapes import Body, RateLimits, ShownUsageLimits, shown_rate, text_of
from lockgate.stores.ledger.standings import Standing

_Id = Annotated[str, Meta(min_length=1, max_length=100)]


class NewSeat(Body, frozen=True, kw_only=True):
    """A person by id, and what they become in the workspace."""

    id: _Id
    role: WorkspaceRole = "member"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place in a workspace, that somebody has or is promised."""

    workspace_id: str
    role: WorkspaceRole


class ShownUser(msgspec.Struct, frozen=True, kw_only=True):
    """A person. `workspaces`: where they have a place, and which (`workspace_ids`: the same without roles), whatever their role
    in the organisation lets them see."""

    id: str
    first_name: str
    last_name: str
    name: str
    email: str
    role: OrganisationRole
    status: Literal["active", "disabled"]
    created_at: str | None
    last_updated_at: str | None
    workspace_ids: list[str]
    workspaces: list[Place]
    usage_limits: list[ShownUsageLimits]
    rate_limits: list[RateLimits]
    object: Literal["user"] = "user"


class ShownMember(msgspec.Struct, frozen=True, kw_only=True):
    """A person's place in a workspace; `id` is the person's."""

    id: str
    user_id: str
    first_name: str
    last_name: str
    email: str
    org_role: OrganisationRole
    role: WorkspaceRole
    status: Literal["active", "disabled"]
    workspace_id: str
    created_at: str | None
    last_updated_at: str | None
    object: Literal["workspace_member"] = "workspace_member"


def shown_user(user: User, seats: Sequence[Membership], now_us: int, stand: Sequence[Standing | None]) -> ShownUser:
    """A person to be shown, with their places. `stand`: how their budgets stand."""
    return ShownUser(
        **_names(user),
        id=user.id,
        name=user.name,
        email=user.email,
        role=user.role,
        status=user.status,
        created_at=text_of(user.created_us),
        last_updated_at=text_of(user.changed_us),
        workspace_ids=[seat.workspace for seat in seats],
        workspaces=[Place(workspace_id=seat.workspace, role=seat.role) for seat in seats],
        usage_limits=shown_usages(user.usage_limits, now_us, stand),
        rate_limits=[shown_rate(each) for each in user.rate_limits],
    )


def shown_member(seat: Membership, user: User) -> ShownMember:
    """A place to be shown."""
    return ShownMember(
        **_names(user),
        id=user.id,
        user_id=user.id,
        email=user.email,
        org_role=user.role,
        role=seat.role,
        status=user.status,
        workspace_id=seat.workspace,
        created_at=text_of(seat.created_us),
        last_updated_at=text_of(seat.changed_us),
    )


def _names(user: User) -> dict[str, Any]:
    """Portkey asks for two names; here people say what they are called in one, and it is cut at the first space."""
    first, _, last = user.name.partition(" ")
    return {"first_name": first, "last_name": last}
