"""Who asks the admin API, what they may do, and where: found anew for each request, from nothing that the request says of
itself beside its credential."""

from __future__ import annotations

from typing import Literal, cast

import msgspec

from lockgate.control.office import Office
from lockgate.control.scopes import of_person
from lockgate.control.stored import widen
from lockgate.core.call import Principal
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Membership, Tenant, User, Workspace, WorkspaceRole
from lockgate.http.admin.routes import AdminRoute, Role
from lockgate.http.exchange import Scope
from lockgate.pipeline.admit import admit
from lockgate.pipeline.keys import OWN, SHARED
from lockgate.stores.control.query import Absent
from lockgate.stores.control.store import ControlStore
from lockgate.wire.forwarded import caller_address, networks_of


class Caller(msgspec.Struct, frozen=True):
    """A key, a person, or a person's key.

    organisation, workspace   where it stands; workspace "": in the whole organisation, as far as its roles go
    scopes     what a key carries; None: no key is in between, and the person's roles decide alone
    person     whose key or session it is, with the `seats` in workspaces; None: a service's
    principal  the key, as the data plane knows it
    """

    kind: Literal["api_key", "user"]
    id: str
    name: str
    organisation: str
    workspace: str = ""
    scopes: frozenset[str] | None = None
    person: User | None = None
    seats: dict[str, WorkspaceRole] = {}
    principal: Principal | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it may act for the organisation, and so in each of its workspaces."""
        return not self.workspace and (self.person is None or self.person.role != "member")

    def role_in(self, workspace: str) -> Role | None:
        """A person's role there; None for a service."""
        if self.person is None:
            return None
        if self.person.role != "member" or workspace not in self.seats:
            return self.person.role
        return cast("Role", f"workspace {self.seats[workspace]}")

    def scopes_in(self, workspace: str, known: frozenset[str]) -> frozenset[str]:
        """What it may do there. A person's key can never do more than the person may now."""
        if self.person is None:
            return self.scopes or frozenset()
        seats: list[WorkspaceRole | None] = [None, *self.seats.values()]  # in any of them
        if workspace:
            seats = [self.seats.get(workspace)]
        held = frozenset[str]().union(*(of_person(self.person.role, seat, known) for seat in seats))
        return held if self.scopes is None else held & self.scopes


def who(headers: dict[bytes, bytes], office: Office, method: str) -> Caller:
    """The caller: by a key, else by a session. Raises `Refusal` 401 when it is not known, 403 for a change in a session that
    was not made from the dashboard, and 503 when that cannot be said; nobody is ever taken for nobody in particular. It
    blocks."""
    if not any(name in headers for name in (*OWN, *SHARED)):
        said = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items()}
        visit = office.reception.visit(office.store, method, said, office.clock())
        if visit is not None:
            user = visit.user
            return Caller("user", user.id, user.email, user.organisation, person=user, seats=visit.seats)
    return by_key(headers, office)


def address_of(scope: Scope, office: Office) -> str:
    """Where a request comes from, by its connection and the operator's own proxies; "" when that is not known."""
    client: tuple[str, int] | None = scope.get("client")
    trusted = networks_of(tuple(office.declared.server.trusted_proxies))
    return caller_address(client[0] if client else "", scope["headers"], trusted)


def by_key(headers: dict[bytes, bytes], office: Office) -> Caller:
    """By the gateway key that came. What the configuration declares acts for the organisation to begin with."""
    principal, _ = admit(headers, office.snapshot())
    organisation = principal.organisation or office.house.stored.home.organisation
    person, seats, scopes = None, dict[str, WorkspaceRole](), principal.scopes
    if principal.user:
        person, seats = person_of(office.store, Tenant(organisation), principal.user)
        scopes = _given(office, Tenant(organisation), principal)
    return Caller(
        "api_key",
        principal.id,
        principal.name,
        organisation,
        principal.workspace,
        scopes,
        person,
        seats,
        principal,
    )


def _given(office: Office, tenant: Tenant, principal: Principal) -> frozenset[str]:
    """What a person's key was given. The data plane knows it without what they may do nowhere; here it depends on where."""
    try:
        return widen(office.store.get(tenant, ApiKey, principal.id).scopes, office.house.scopes)
    except Absent:  # a token, which is nowhere kept
        return principal.scopes


def person_of(store: ControlStore, tenant: Tenant, id: str) -> tuple[User, dict[str, WorkspaceRole]]:
    """A person, with their roles in workspaces. Raises `Refusal` 401 for one who is not here any more."""
    try:
        person = store.get(tenant, User, id)
    except Absent:
        person = None
    if person is None or person.status != "active":
        raise Refusal(401, "unknown_person", "Whose key this is may not come in here any more. Ask an administrator.")
    seats = store.page(tenant, Membership, limit=10_000, user=id).rows
    return person, {seat.workspace: seat.role for seat in seats}


def permit(caller: Caller, route: AdminRoute, scopes: frozenset[str]) -> None:
    """Raises `Refusal` 403 when none of the scopes is one that the route asks for."""
    if scopes.isdisjoint(route.scopes):
        wanted = " or ".join(f"'{scope}'" for scope in route.scopes)
        raise Refusal(403, "scope_missing", f"'{caller.name}' lacks the scope {wanted}.", scope=caller.kind, rule=caller.id)


def place(caller: Caller, route: AdminRoute, named: str, office: Office) -> Tenant:
    """On whose behalf a request works; `named` is the workspace that it names, by id or slug. Raises `Refusal`: 404 for one
    that is not the caller's to see, 400 when one must be named, 403 for what is the whole organisation's alone."""
    inside = _workspace(caller, named, office.store) if named else caller.workspace
    if route.within == "each":
        return Tenant(caller.organisation, inside)
    if route.within == "organisation":
        if not caller.is_whole:
            raise Refusal(
                403,
                "organisation_only",
                f"{route.name} is for the whole organisation: use a key of the organisation, or ask its administrator.",
                scope="organisation",
            )
        return Tenant(caller.organisation)
    if not inside and (not caller.is_whole or route.within == "workspace"):
        inside = _only_workspace(caller, office)
    return Tenant(caller.organisation, inside)


def check_role(caller: Caller, route: AdminRoute, tenant: Tenant, said: frozenset[str]) -> None:
    """Raises `Refusal` 403 when a person's role does not allow the route there, or the members of the body that were said."""
    role = caller.role_in(tenant.workspace)
    if role is None:
        return
    if role not in route.roles:
        raise Refusal(
            403, "role_missing", f"{route.name} is for {_list(route.roles)}; you are {role}.", scope="role", rule=role
        )
    for member, roles in route.reserved.items():
        if member in said and role not in roles:
            raise Refusal(
                403,
                "member_reserved",
                f"'{member}' can be set by {_list(roles)}; you are {role}. Leave it out.",
                param=member,
                scope="role",
                rule=role,
            )


def _workspace(caller: Caller, named: str, store: ControlStore) -> str:
    """The id of a workspace that a request names, if the caller may know of it."""
    whole = Tenant(caller.organisation)
    try:
        found = store.get(whole, Workspace, named).id
    except Absent:
        try:
            found = store.find(whole, Workspace, slug=named).id
        except Absent:
            found = ""
    allowed = caller.is_whole or found == caller.workspace or (not caller.workspace and found in caller.seats)
    if not found or not allowed:
        raise Refusal(404, "workspace_not_found", f"There is no workspace '{named[:100]}' here.", param="workspace_id")
    return found


def _only_workspace(caller: Caller, office: Office) -> str:
    """The workspace of a request that names none: the only one that the caller could mean, or the one to begin with."""
    home = office.house.stored.home
    if not caller.is_whole:
        known = list(caller.seats)
    elif caller.organisation == home.organisation:
        return home.workspace
    else:
        known = [row.id for row in office.store.page(Tenant(caller.organisation), Workspace, limit=2).rows]
    if len(known) == 1:
        return known[0]
    if not known:
        raise Refusal(403, "no_workspace", "You are in no workspace yet: an administrator can add you to one.")
    raise Refusal(400, "workspace_needed", "There are several workspaces: say which by workspace_id.", param="workspace_id")


def _list(roles: frozenset[Role]) -> str:
    return ", ".join(sorted(roles))
