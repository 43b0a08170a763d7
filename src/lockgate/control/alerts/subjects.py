"""What stored rows are to an alert: whose they are, what they are called, and who asked to know."""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.control.alerts.alert import About, Subject
from lockgate.core.holdings import Integration, VirtualKey
from lockgate.core.tenancy import ApiKey, Organisation, Policy, Row, User, Workspace

_ABOUT: dict[type[Row], About] = {
    Organisation: "organisation",
    Workspace: "workspace",
    User: "user",
    ApiKey: "key",
    VirtualKey: "provider",
    Integration: "provider",
    Policy: "policy",
}


def subject_of(row: Row, workspaces: Mapping[str, Workspace], name: str = "") -> Subject:
    """A row as the subject of an alert; `name` is for those that have several budgets ("policy by team: search")."""
    place = row.id if isinstance(row, Workspace) else getattr(row, "workspace", "")
    named = getattr(row, "name", "") or getattr(row, "email", "") or getattr(row, "slug", "")
    return Subject(
        _ABOUT[type(row)],
        row.id,
        name or named,
        row.organisation,
        place,
        workspaces[place].slug if place in workspaces else "",
        tuple(row.alert_emails) if isinstance(row, ApiKey) else (),
    )
