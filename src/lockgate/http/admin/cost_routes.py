"""Rows of what requests cost: reports of what was spent, history that is priced again, requests that are sent again, and those
of the playground."""

from __future__ import annotations

from lockgate.http.admin.route import ADMINS, MANAGERS, MEMBERS, OWNERS, Action, AdminRoute


def _spend(path: str, handler: str, gives: str = "") -> AdminRoute:
    return AdminRoute(
        "GET",
        f"/v1/analytics/{path}",
        f"spend.{handler}",
        ("analytics.view",),
        MEMBERS,
        "either",
        "analytics",
        "read",
        reads_log=True,
        gives=gives,
    )


def _repricing(method: str, path: str, handler: str, action: Action) -> AdminRoute:
    scope, roles = ("organisations.read", ADMINS) if method == "GET" else ("organisations.update", OWNERS)
    return AdminRoute(
        method,
        f"/v1/logs/repricings{path}",
        f"repricings.{handler}",
        (scope,),
        roles,
        "organisation",
        "repricing",
        action,
        reads_log=True,
    )


COSTS: tuple[AdminRoute, ...] = (
    _spend("spend", "read"),
    _spend("unpriced", "unpriced"),
    _repricing("POST", "", "create", "create"),
    _repricing("GET", "", "index", "list"),
    _repricing("GET", "/{id}", "read", "read"),
    _repricing("POST", "/{id}/apply", "apply", "update"),
    _repricing("POST", "/{id}/cancel", "cancel", "update"),
    _spend("spend/{format}", "table", "text/csv"),
    AdminRoute(
        "POST",
        "/v1/logs/{id}/replay",
        "replay.create",
        ("logs.write",),
        MANAGERS,
        "either",
        "log",
        "create",
        reads_log=True,
        gives="application/json",
    ),
    AdminRoute(
        "POST",
        "/v1/playground",
        "playground.create",
        ("completions.write",),
        MEMBERS,
        "either",
        "playground",
        "create",
        gives="text/event-stream",
    ),
    AdminRoute(
        "GET",
        "/v1/playground/models",
        "playground.models",
        ("completions.write",),
        MEMBERS,
        "either",
        "playground",
        "list",
    ),
)
