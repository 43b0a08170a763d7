"""Who has a place in a workspace, and as what."""

from __future__ import annotations

import msgspec

from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Membership, User, Workspace, WorkspaceRole, new_id
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent


def add(change: Change, workspace: Workspace, user: str, role: WorkspaceRole, at: str = "users") -> Membership:
    """A place for a person who is in the organisation. Raises `Refusal` 404, 409."""
    try:
        person = change.get(User, user)
    except Absent:
        raise Refusal(404, "user_not_found", f"There is no person '{user[:100]}' here: invite them first.", param=at) from None
    if change.all(Membership, workspace=workspace.id, user=person.id):
        raise Refusal(409, "already_member", f"{person.email} has a place in '{workspace.name}' already.", param=at)
    return change.add(
        Membership(id=new_id(), organisation=workspace.organisation, workspace=workspace.id, user=person.id, role=role)
    )


def named(change: Change, workspace: str, user: str) -> Membership:
    """A person's place. Raises `Refusal` 404."""
    try:
        return change.find(Membership, workspace=workspace, user=user)
    except Absent:
        raise unknown_member(user) from None


def set_role(change: Change, seat: Membership, role: WorkspaceRole) -> Membership:
    """Another role in the workspace. It holds from the person's next request on."""
    return seat if seat.role == role else change.put(msgspec.structs.replace(seat, role=role))


def remove(change: Change, seat: Membership) -> None:
    """Take a place away, and with it the person's keys in that workspace, unless their role in the organisation keeps them
    there."""
    if change.get(User, seat.user).role == "member":
        _remove_keys(change, seat.user, seat.workspace)
    change.remove(seat)


def confine(change: Change, user: User) -> None:
    """Remove the keys that a person has where they have no place any more, once they are a member of the organisation and
    nothing above that."""
    seats = {seat.workspace for seat in change.all(Membership, user=user.id)}
    for key in change.all(ApiKey, user=user.id):
        if key.workspace not in seats:
            change.remove(key)


def unknown_member(user: str) -> Refusal:
    """There is no such place."""
    return Refusal(404, "member_not_found", f"The person '{user[:100]}' has no place in this workspace.", param="user_id")


def _remove_keys(change: Change, user: str, workspace: str) -> None:
    for key in change.all(ApiKey, user=user, workspace=workspace):
        change.remove(key)
