"""Which roles someone can give to people, and take from them: never one that brings more than they have themselves.

A key that is stored acts as an admin at most, whatever its scopes: an admin can make such a key, and would else make themselves
an owner with it.
"""

from __future__ import annotations

import msgspec

from lockgate.control.scopes import EVERYTHING, of_person
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import OrganisationRole, WorkspaceRole


class Rank(msgspec.Struct, frozen=True):
    """What whoever gives a role has: the scopes, of all that are `known`; `owns`: an owner, or a key that the operator
    declares."""

    scopes: frozenset[str]
    known: frozenset[str]
    owns: bool = False


def check_role(rank: Rank, role: OrganisationRole, at: str = "role") -> None:
    """Raises `Refusal` 403 for a role in the organisation that is above the giver's own."""
    if role == "member":
        return
    if EVERYTHING not in rank.scopes or (role == "owner" and not rank.owns):
        raise _above(role, at)


def check_seat(rank: Rank, role: WorkspaceRole, at: str = "role") -> None:
    """The same for a role in a workspace. Who may add people at all may add members."""
    if role == "member" or EVERYTHING in rank.scopes:
        return
    if of_person("member", role, rank.known) - rank.scopes:
        raise _above(f"workspace {role}", at)


def _above(role: str, at: str) -> Refusal:
    return Refusal(
        403, "role_above_yours", f"The role '{role}' is above your own: you cannot give it, or take it.", param=at, scope="role"
    )
