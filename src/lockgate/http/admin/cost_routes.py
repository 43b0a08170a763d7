"""Rows of what requests cost: reports of what was spent, requests that are sent again, and those of the playground."""

from __future__ import annotations

from lockgate.http.admin.route import MANAGERS, MEMBERS, AdminRoute


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


COSTS: tuple[AdminRoute, ...] = (
    _spend("spend", "read"),
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
