"""Rows of policies: budgets and rates over many, and what nobody may ask for."""

from __future__ import annotations

from lockgate.http.admin.route import MANAGERS, MEMBERS, Action, AdminRoute, Role

_USAGE, _RATE = "/v1/policies/usage-limits", "/v1/policies/rate-limits"


def _row(method: str, path: str, handler: str, verb: str, roles: frozenset[Role], action: Action | None = None) -> AdminRoute:
    made: Action = action or verb  # type: ignore[assignment]
    return AdminRoute(method, path, f"policies.{handler}", (f"policies.{verb}",), roles, "either", "policy", made)


POLICIES: tuple[AdminRoute, ...] = (
    *(
        row
        for path, kind in ((_USAGE, "usage"), (_RATE, "rate"))
        for row in (
            _row("POST", path, f"create_{kind}", "create", MANAGERS),
            _row("GET", path, f"index_{kind}", "list", MEMBERS),
            _row("GET", f"{path}/{{id}}", f"read_{kind}", "read", MEMBERS),
            _row("PUT", f"{path}/{{id}}", f"update_{kind}", "update", MANAGERS),
            _row("DELETE", f"{path}/{{id}}", f"remove_{kind}", "delete", MANAGERS),
        )
    ),
    _row("GET", f"{_USAGE}/{{id}}/entities", "entities", "read", MEMBERS, "list"),
    _row("PUT", f"{_USAGE}/{{id}}/entities/{{entity_id}}/reset", "reset", "update", MANAGERS),
)
