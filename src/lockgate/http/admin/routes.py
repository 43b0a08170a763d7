"""The one table of the admin API: path → who may ask, on whose behalf, and what answers. A row without a policy stops the
start-up.

It holds data alone and no handler's code, so that the gateway knows at its start what belongs to the admin API while all of
that is imported when it is first asked (`door`). What a row's handler takes and gives stands in its signature (`operations`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from lockgate.control.scopes import ADMINISTRATIVE
from lockgate.http.admin.cache_routes import CACHE
from lockgate.http.admin.cost_routes import COSTS
from lockgate.http.admin.holding_routes import HOLDINGS
from lockgate.http.admin.insight_routes import INSIGHTS
from lockgate.http.admin.log_routes import ANALYTICS, EXPORTS, LOGS
from lockgate.http.admin.policy_routes import POLICIES
from lockgate.http.admin.route import ADMINS, EVERYONE, MANAGERS, MEMBERS, Action, AdminRoute, Role
from lockgate.http.admin.settings_routes import SETTINGS
from lockgate.http.routes import UnguardedRoute

_KEYS = ("organisation_service_api_keys", "workspace_service_api_keys", "workspace_user_api_keys")
#: What a key may do and use: who is no manager leaves that as it was given.
_GRANTS: dict[str, frozenset[Role]] = dict.fromkeys(
    ("scopes", "models", "usage_limits", "rate_limits", "expires_at", "reset_usage", "capture", "redact"), MANAGERS
)
#: Nobody hides their own requests from those who answer for them.
_PRIVACY: dict[str, frozenset[Role]] = {"capture": MANAGERS, "redact": MANAGERS}


def _key_scopes(verb: str) -> tuple[str, ...]:
    return tuple(f"{each}.{verb}" for each in _KEYS)


API_KEYS: tuple[AdminRoute, ...] = (
    AdminRoute(
        "POST",
        "/v1/api-keys/organisation/service",
        "api_keys.create_of_organisation",
        ("organisation_service_api_keys.create",),
        ADMINS,
        "organisation",
        "api-key",
        "create",
    ),
    AdminRoute(
        "POST",
        "/v1/api-keys/organisation/user",
        "api_keys.create_of_organisation_user",
        ("organisation_service_api_keys.create",),
        ADMINS,
        "organisation",
        "api-key",
        "create",
    ),
    AdminRoute(
        "POST",
        "/v1/api-keys/workspace/service",
        "api_keys.create_of_workspace",
        ("workspace_service_api_keys.create",),
        MANAGERS,
        "workspace",
        "api-key",
        "create",
    ),
    AdminRoute(
        "POST",
        "/v1/api-keys/workspace/user",
        "api_keys.create_of_workspace_user",
        ("workspace_user_api_keys.create",),
        MEMBERS,
        "workspace",
        "api-key",
        "create",
        _PRIVACY,
    ),
    AdminRoute("GET", "/v1/api-keys", "api_keys.index", _key_scopes("list"), MEMBERS, "either", "api-key", "list"),
    AdminRoute("GET", "/v1/api-keys/{id}", "api_keys.read", _key_scopes("read"), MEMBERS, "either", "api-key", "read"),
    AdminRoute(
        "PUT", "/v1/api-keys/{id}", "api_keys.update", _key_scopes("update"), MEMBERS, "either", "api-key", "update", _GRANTS
    ),
    AdminRoute("DELETE", "/v1/api-keys/{id}", "api_keys.remove", _key_scopes("delete"), MEMBERS, "either", "api-key", "delete"),
    AdminRoute(
        "POST", "/v1/api-keys/{id}/rotate", "api_keys.rotate", _key_scopes("rotate"), MEMBERS, "either", "api-key", "rotate"
    ),
)

CONFIGS: tuple[AdminRoute, ...] = (
    AdminRoute("POST", "/v1/configs", "configs.create", ("configs.create",), MANAGERS, "workspace", "config", "create"),
    AdminRoute("GET", "/v1/configs", "configs.index", ("configs.list",), MEMBERS, "either", "config", "list"),
    AdminRoute("GET", "/v1/configs/{slug}", "configs.read", ("configs.read",), MEMBERS, "either", "config", "read"),
    AdminRoute("PUT", "/v1/configs/{slug}", "configs.update", ("configs.update",), MANAGERS, "either", "config", "update"),
    AdminRoute("DELETE", "/v1/configs/{slug}", "configs.remove", ("configs.delete",), MANAGERS, "either", "config", "delete"),
    AdminRoute(
        "GET", "/v1/configs/{slug}/versions", "configs.versions", ("configs.read",), MEMBERS, "either", "config", "list"
    ),
    AdminRoute("GET", "/v1/config-schema", "config_tools.schema", ("configs.read",), MEMBERS, "either", "config", "read"),
    AdminRoute("POST", "/v1/configs/check", "config_tools.check", ("configs.read",), MEMBERS, "either", "config", "read"),
    AdminRoute(
        "POST",
        "/v1/configs/explain",
        "config_tools.explain",
        ("configs.read",),
        MEMBERS,
        "either",
        "config",
        "read",
        gives="application/json",
    ),
)

#: Who has a place of authority in a workspace: its managers have none over what it is.
_HEADS = ADMINS | frozenset[Role](("workspace admin",))
_ID = "/v1/admin/workspaces/{workspace_id}"
WORKSPACES: tuple[AdminRoute, ...] = (
    AdminRoute(
        "POST",
        "/v1/admin/workspaces",
        "workspaces.create",
        ("workspaces.create",),
        ADMINS,
        "organisation",
        "workspace",
        "create",
    ),
    AdminRoute("GET", "/v1/admin/workspaces", "workspaces.index", ("workspaces.list",), EVERYONE, "each", "workspace", "list"),
    AdminRoute("GET", _ID, "workspaces.read", ("workspaces.read",), MEMBERS, "workspace", "workspace", "read"),
    AdminRoute(
        "PUT",
        _ID,
        "workspaces.update",
        ("workspaces.update",),
        _HEADS,
        "workspace",
        "workspace",
        "update",
        dict.fromkeys(("usage_limits", "rate_limits", "reset_usage"), ADMINS),
    ),
    AdminRoute("DELETE", _ID, "workspaces.remove", ("workspaces.delete",), ADMINS, "organisation", "workspace", "delete"),
    AdminRoute("GET", f"{_ID}/users", "members.index", ("workspace_users.list",), MEMBERS, "workspace", "membership", "list"),
    AdminRoute(
        "POST", f"{_ID}/users", "members.create", ("workspace_users.create",), MANAGERS, "workspace", "membership", "create"
    ),
    AdminRoute(
        "GET", f"{_ID}/users/{{user_id}}", "members.read", ("workspace_users.read",), MEMBERS, "workspace", "membership", "read"
    ),
    AdminRoute(
        "PUT",
        f"{_ID}/users/{{user_id}}",
        "members.update",
        ("workspace_users.update",),
        MANAGERS,
        "workspace",
        "membership",
        "update",
    ),
    AdminRoute(
        "DELETE",
        f"{_ID}/users/{{user_id}}",
        "members.remove",
        ("workspace_users.delete",),
        MANAGERS,
        "workspace",
        "membership",
        "delete",
    ),
)


def _of_users(method: str, path: str, handler: str, verb: str, resource: str, action: Action) -> AdminRoute:
    return AdminRoute(method, path, handler, (f"organisation_users.{verb}",), ADMINS, "organisation", resource, action)


PEOPLE: tuple[AdminRoute, ...] = (
    _of_users("GET", "/v1/admin/users", "users.index", "list", "user", "list"),
    _of_users("GET", "/v1/admin/users/{user_id}", "users.read", "read", "user", "read"),
    _of_users("PUT", "/v1/admin/users/{user_id}", "users.update", "update", "user", "update"),
    _of_users("DELETE", "/v1/admin/users/{user_id}", "users.remove", "delete", "user", "delete"),
    _of_users("GET", "/v1/admin/users/invites", "invites.index", "list", "invite", "list"),
    _of_users("POST", "/v1/admin/users/invites", "invites.create", "create", "invite", "create"),
    _of_users("GET", "/v1/admin/users/invites/{invite_id}", "invites.read", "read", "invite", "read"),
    _of_users("DELETE", "/v1/admin/users/invites/{invite_id}", "invites.remove", "delete", "invite", "update"),
    _of_users("POST", "/v1/admin/users/invites/{invite_id}/resend", "invites.resend", "create", "invite", "rotate"),
    AdminRoute(
        "POST",
        "/v1/admin/users/invites/accept",
        "invites.accept",
        (),
        frozenset(),
        "organisation",
        "invite",
        "update",
        open="whoever holds the link of an invitation becomes a person by it",
    ),
)

_ORGANISATION = "/v1/admin/organisation"


def _of_organisation(method: str, path: str, handler: str, action: Action) -> AdminRoute:
    scope = f"organisations.{action}"
    return AdminRoute(method, path, handler, (scope,), ADMINS, "organisation", "organisation", action)


ORGANISATION: tuple[AdminRoute, ...] = (
    _of_organisation("GET", _ORGANISATION, "organisation.read", "read"),
    _of_organisation("PUT", _ORGANISATION, "organisation.update", "update"),
    _of_organisation("GET", f"{_ORGANISATION}/defaults", "organisation.read_defaults", "read"),
    _of_organisation("PUT", f"{_ORGANISATION}/defaults", "organisation.update_defaults", "update"),
)

ROUTES: tuple[AdminRoute, ...] = (
    *(*API_KEYS, *CONFIGS, *WORKSPACES, *PEOPLE, *ORGANISATION, *HOLDINGS, *POLICIES, *INSIGHTS, *LOGS, *ANALYTICS, *EXPORTS),
    *COSTS,
    *CACHE,
    *SETTINGS,
)

#: The scopes that rows may ask for: those that administer, and the one of whoever makes requests.
KNOWN = ADMINISTRATIVE | {"completions.write"}

#: Where the description of all this is.
OPENAPI = "/openapi.json"
_HOLE = re.compile(r"\{([a-z_]+)\}")
_HANDLER = re.compile(r"[a-z_]+\.[a-z_]+")


class AdminTable(msgspec.Struct, frozen=True):
    """Routes ready to be looked up, those without holes first; `whole` and `holed` tell which paths are theirs."""

    routes: tuple[AdminRoute, ...]
    whole: frozenset[str]
    holed: dict[str, list[re.Pattern[str]]]  # by the first part of the path after /v1/

    def owns(self, path: str) -> bool:
        """Whether a path, as it stands in the request line, is one of these, whatever the method."""
        if path in self.whole:
            return True
        return any(each.fullmatch(path) for each in self.holed.get(_first(path), ()))

    def methods(self, path: str) -> list[str]:
        """What a path can be asked with."""
        return sorted({route.method for route in self.routes if _compile(route).fullmatch(path)})


def lay_out(routes: Iterable[AdminRoute] = ROUTES, known: frozenset[str] = KNOWN) -> AdminTable:
    """The table. Raises `UnguardedRoute` for a row that does not say who may ask and on whose behalf, or that is there
    twice."""
    rows = sorted(routes, key=lambda route: route.path.count("{"))  # stable: a path without holes is no hole of another
    seen: set[tuple[str, str]] = set()
    holed: dict[str, list[re.Pattern[str]]] = {}
    for route in rows:
        if problem := _flaw(route, known):
            raise UnguardedRoute(f"{route.name} {problem}")
        if (route.method, _HOLE.sub("{}", route.path)) in seen:
            raise UnguardedRoute(f"{route.name} is there twice")
        seen.add((route.method, _HOLE.sub("{}", route.path)))
        if "{" in route.path:
            patterns = holed.setdefault(_first(route.path), [])
            if (pattern := _compile(route)) not in patterns:
                patterns.append(pattern)
    whole = frozenset((OPENAPI, *(route.path for route in rows if "{" not in route.path)))
    return AdminTable(tuple(rows), whole, holed)


def _flaw(route: AdminRoute, known: frozenset[str]) -> str:
    """What is missing of a row's policy; "" when nothing is."""
    if not route.path.startswith("/v1/") or not _HANDLER.fullmatch(route.handler):
        return "is no path below /v1, or has no handler"
    if not route.resource or not route.action:
        return "does not say what it is about"
    if route.open:
        return "is open, and asks for scopes or roles too" if route.scopes or route.roles else ""
    if not route.scopes or not route.roles:
        return "declares no scopes, or no roles"
    if unknown := set(route.scopes) - known:
        return f"asks for a scope that there is not: {', '.join(sorted(unknown))}"
    if any(not roles or not roles <= route.roles for roles in route.reserved.values()):
        return "reserves members for roles that may not ask at all"
    return ""


def _first(path: str) -> str:
    return path[4:].partition("/")[0]


def _compile(route: AdminRoute) -> re.Pattern[str]:
    pieces = _HOLE.split(route.path)  # text, hole, text, …
    holes = {True: ".+", False: "[^/]+"}
    return re.compile("".join(holes[piece == route.deep] if at % 2 else re.escape(piece) for at, piece in enumerate(pieces)))
