"""Rows of what is looked at alone: who has changed what, and how the gateway is."""

from __future__ import annotations

from lockgate.http.admin.route import ADMINS, MANAGERS, AdminRoute

INSIGHTS: tuple[AdminRoute, ...] = (
    AdminRoute("GET", "/v1/audit-logs", "audit_logs.index", ("audit_logs.list",), MANAGERS, "either", "audit-log", "list"),
    AdminRoute("GET", "/v1/admin/state", "state.read", ("metrics.read",), ADMINS, "organisation", "state", "read"),
)
