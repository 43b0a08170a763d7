"""Rows of what the operator has set up in the configuration and the environment, to be looked at; and a trial of an alert
channel."""

from __future__ import annotations

from lockgate.http.admin.route import ADMINS, AdminRoute


def _setting(name: str, *, reads_log: bool = False) -> AdminRoute:
    return AdminRoute(
        "GET",
        f"/v1/admin/settings/{name}",
        f"settings.{name}",
        ("organisations.read",),
        ADMINS,
        "organisation",
        "settings",
        "read",
        reads_log=reads_log,
    )


SETTINGS: tuple[AdminRoute, ...] = (
    _setting("log"),
    _setting("prices"),
    _setting("identity"),
    _setting("gateway"),
    AdminRoute(
        "GET",
        "/v1/admin/settings/alerts",
        "alerts.read",
        ("organisations.read",),
        ADMINS,
        "organisation",
        "settings",
        "read",
        reads_log=True,
    ),
    AdminRoute(
        "POST",
        "/v1/admin/settings/alerts/channels/{name}/test",
        "alerts.test",
        ("organisations.update",),
        ADMINS,
        "organisation",
        "alert-channel",
        "update",
        gives="application/json",
    ),
)
