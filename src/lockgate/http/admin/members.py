"""/v1/admin/workspaces/{workspace_id}/users: who has a place in a workspace."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from lockgate.control import members, workspaces
from lockgate.control.roles import check_seat
from lockgate.core.tenancy import Membership, User, WorkspaceRole
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.people_shapes import NewSeat, ShownMember, shown_member
from lockgate.http.admin.shapes import Body, Empty, Listing, Paging, Text
from lockgate.stores.control.query import Absent

_Seats = Annotated[list[NewSeat], Meta(min_length=1, max_length=1000)]


class NewMembers(Body, frozen=True, kw_only=True):
    """People of the organisation who get a place: all of them, or none."""

    workspace_id: str = ""
    users: _Seats


class ChangedMember(Body, frozen=True, kw_only=True):
    """What someone becomes."""

    user_id: str = ""
    role: WorkspaceRole


class ListMembers(Paging, frozen=True, kw_only=True):
    """Which people: those with a role in the workspace, or an e-mail address."""

    role: WorkspaceRole | None = None
    email: Text = ""


def create(ask: Ask, body: NewMembers) -> Empty:
    """Give people a place in a workspace. Nobody gives a role above their own."""
    rank = ask.rank()
    for n, each in enumerate(body.users):
        check_seat(rank, each.role, f"users[{n}].role")
    with ask.change() as change:
        workspace = workspaces.named(change, ask.tenant.workspace)
        for n, each in enumerate(body.users):
            members.add(change, workspace, each.id, each.role, f"users[{n}].id")
    return Empty()


def index(ask: Ask, query: ListMembers) -> Listing[ShownMember]:
    """List who has a place in a workspace, newest first."""
    seats = ask.store.page(ask.tenant, Membership, limit=1 << 30).rows
    if query.role is not None:
        seats = [seat for seat in seats if seat.role == query.role]
    if query.email:
        found = ask.store.page(ask.tenant, User, email=query.email.strip().lower()).rows
        seats = [seat for seat in seats if any(seat.user == user.id for user in found)]
    part = seats[query.offset : query.offset + query.page_size]
    return Listing(total=len(seats), data=shown_members(ask, part))


def read(ask: Ask) -> ShownMember:
    """Read what someone is in a workspace."""
    id = ask.params["user_id"]
    try:
        seat = ask.store.find(ask.tenant, Membership, user=id)
    except Absent:
        raise members.unknown_member(id) from None
    ask.version = seat.version
    return shown_member(seat, ask.store.get(ask.tenant, User, seat.user))


def update(ask: Ask, body: ChangedMember) -> Empty:
    """Give someone another role in a workspace. Nobody gives, or takes, a role above their own."""
    rank = ask.rank()
    check_seat(rank, body.role)
    with ask.change() as change:
        seat = members.named(change, ask.tenant.workspace, ask.params["user_id"])
        ask.match(seat)
        check_seat(rank, seat.role)
        members.set_role(change, seat, body.role)
    return Empty()


def remove(ask: Ask) -> Empty:
    """Take someone's place in a workspace, with their keys there."""
    rank = ask.rank()
    with ask.change() as change:
        seat = members.named(change, ask.tenant.workspace, ask.params["user_id"])
        ask.match(seat)
        check_seat(rank, seat.role)
        members.remove(change, seat)
    return Empty()


def shown_members(ask: Ask, seats: list[Membership]) -> list[ShownMember]:
    """Places to be shown, with the people who have them: read in one query, however many they are."""
    people = {user.id: user for user in ask.store.page(ask.tenant, User, limit=1 << 30).rows} if seats else {}
    return [shown_member(seat, people[seat.user]) for seat in seats if seat.user in people]
