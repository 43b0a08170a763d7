"""/v1/admin/users: the people of an organisation."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from lockgate.control import members
from lockgate.control.budgets import standings_of_several
from lockgate.control.identity import users
from lockgate.control.roles import check_role
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import Membership, OrganisationRole, User
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.limit_lists import Rates, Usages, changed_usages, rates
from lockgate.http.admin.people_shapes import ShownUser, shown_user
from lockgate.http.admin.shapes import Body, Empty, Listing, Paging, Text
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent


class ChangedUser(Body, frozen=True, kw_only=True):
    """What is to be changed of a person. Who is `disabled` cannot log in, and their keys are refused.
    `reset_usage`: their budgets begin anew."""

    name: Text | UnsetType = UNSET
    role: OrganisationRole | UnsetType = UNSET
    status: Literal["active", "disabled"] | UnsetType = UNSET
    usage_limits: Usages | UnsetType | None = UNSET
    rate_limits: Rates | UnsetType | None = UNSET
    reset_usage: bool | UnsetType | None = UNSET


class ListUsers(Paging, frozen=True, kw_only=True):
    """Which people: those with a role in the organisation, a status, or an e-mail address."""

    role: OrganisationRole | None = None
    status: Literal["active", "disabled"] | None = None
    email: Text = ""


def index(ask: Ask, query: ListUsers) -> Listing[ShownUser]:
    """List the people of the organisation, newest first."""
    where: dict[str, Any] = {"email": query.email.strip().lower()} if query.email else {}
    rows = ask.store.page(ask.tenant, User, limit=1 << 30, **where).rows
    rows = [row for row in rows if query.role in (None, row.role) and query.status in (None, row.status)]
    part = rows[query.offset : query.offset + query.page_size]
    places: dict[str, list[Membership]] = {}
    for seat in ask.store.page(ask.tenant, Membership, limit=1 << 30).rows if part else ():
        places.setdefault(seat.user, []).append(seat)
    stand = standings_of_several(ask.office, part)
    shown = [shown_user(row, places.get(row.id, []), ask.now_us, stand.get(row.id, ())) for row in part]
    return Listing(total=len(rows), data=shown)


def read(ask: Ask) -> ShownUser:
    """Read a person."""
    id = ask.params["user_id"]
    try:
        row = ask.store.get(ask.tenant, User, id)
    except Absent:
        raise _unknown(id) from None
    ask.version = row.version
    seats = ask.store.page(ask.tenant, Membership, limit=1 << 30, user=row.id).rows
    stand = standings_of_several(ask.office, [row])
    return shown_user(row, seats, ask.now_us, stand.get(row.id, ()))


def update(ask: Ask, body: ChangedUser) -> Empty:
    """Change a person. Nobody gives, or takes, a role above their own; an organisation keeps an owner."""
    rank = ask.rank()
    if body.role is not UNSET:
        check_role(rank, body.role)
    if body.reset_usage is True:
        ask.check_resets()
    with ask.change() as change:
        user = _named(change, ask.params["user_id"])
        ask.match(user)
        check_role(rank, user.role)
        changes: dict[str, Any] = {}
        if body.name is not UNSET:
            changes["name"] = body.name
        if body.usage_limits is not UNSET or body.reset_usage is True:
            anew = body.reset_usage is True
            changes["usage_limits"] = changed_usages(body.usage_limits, anew, user.usage_limits, ask.now_us)
        if body.rate_limits is not UNSET:
            changes["rate_limits"] = rates(body.rate_limits)
        if changes:
            user = change.put(msgspec.structs.replace(user, **changes))
        if body.role is not UNSET and body.role != user.role:
            user = users.set_role(change, user, body.role)
            if user.role == "member":
                members.confine(change, user)
        if body.status is not UNSET:
            user = (users.disable if body.status == "disabled" else users.enable)(change, user)
    return Empty()


def remove(ask: Ask) -> Empty:
    """Remove a person, with their places, sessions and keys."""
    rank = ask.rank()
    with ask.change() as change:
        user = _named(change, ask.params["user_id"])
        ask.match(user)
        check_role(rank, user.role)
        users.remove(change, user)
    return Empty()


def _named(change: Change, id: str) -> User:
    try:
        return change.get(User, id)
    except Absent:
        raise _unknown(id) from None


def _unknown(id: str) -> Refusal:
    return Refusal(404, "user_not_found", f"There is no person '{id[:100]}' here.", param="user_id")
