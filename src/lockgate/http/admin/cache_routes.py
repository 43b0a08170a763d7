"""Rows of answers that are kept to be given again."""

from __future__ import annotations

from lockgate.http.admin.route import MANAGERS, MEMBERS, AdminRoute

_ENTRIES = "/v1/cache/entries"

CACHE: tuple[AdminRoute, ...] = (
    AdminRoute("GET", "/v1/cache", "cache.read", ("analytics.view",), MEMBERS, "either", "cache", "read", reads_log=True),
    AdminRoute(
        "GET", "/v1/cache/shadow", "cache_shadow.read", ("analytics.view",), MEMBERS, "either", "cache", "read", reads_log=True
    ),
    AdminRoute("GET", _ENTRIES, "cache.index", ("cache.list",), MEMBERS, "either", "cache", "list", reads_log=True),
    AdminRoute("DELETE", _ENTRIES, "cache.purge", ("cache.delete",), MANAGERS, "either", "cache", "delete", reads_log=True),
    AdminRoute(
        "GET",
        f"{_ENTRIES}/{{id}}/served",
        "cache.served",
        ("logs.list", "logs.view"),
        MEMBERS,
        "either",
        "cache",
        "read",
        reads_log=True,
    ),
)
