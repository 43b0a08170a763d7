"""What people may do now. Their own keys may do no more: a role or a place that is lost is lost to them as well, whoever
took it: an administrator, or an identity provider's groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lockgate.control.scopes import of_person
from lockgate.core.tenancy import ApiKey, Membership, OrganisationRole, User, WorkspaceRole


class People:
    """Those who are here, by id, and their places. `known` are all scopes that there are."""

    def __init__(self, users: Mapping[str, User], places: Iterable[Membership], known: frozenset[str]) -> None:
        self._users = users
        self._known = known
        self._seats: dict[str, dict[str, WorkspaceRole]] = {}
        for place in places:
            self._seats.setdefault(place.user, {})[place.workspace] = place.role
        self._held: dict[tuple[OrganisationRole, frozenset[WorkspaceRole]], frozenset[str]] = {}
        self._narrowed: dict[tuple[frozenset[str], frozenset[str]], frozenset[str]] = {}

    def __repr__(self) -> str:
        return f"People({len(self._users)})"

    def hold(self, key: ApiKey) -> bool:
        """Whether a key holds: a person's does while they may be here, and in its workspace."""
        if not key.user:
            return True
        user = self._users.get(key.user)
        if user is None or user.status != "active":
            return False
        return user.role != "member" or not key.workspace or key.workspace in self._seats.get(user.id, {})

    def narrowed(self, key: ApiKey, scopes: frozenset[str]) -> frozenset[str]:
        """Of a key's scopes those that its person has. A key of the organisation has what they have anywhere; where it is used,
        the admin API looks again."""
        if not key.user:
            return scopes
        user, seats = self._users[key.user], self._seats.get(key.user, {})
        roles: frozenset[WorkspaceRole] = frozenset(role for place, role in seats.items() if key.workspace in ("", place))
        held = self._held.get((user.role, roles))
        if held is None:
            seat: list[WorkspaceRole | None] = [None, *roles]
            each_has = [of_person(user.role, each, self._known) for each in seat]
            held = self._held[user.role, roles] = frozenset[str]().union(*each_has)
        found = self._narrowed.get((scopes, held))
        if found is None:  # one set for all keys that have it
            found = self._narrowed[scopes, held] = scopes & held
        return found
