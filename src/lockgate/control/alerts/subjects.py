"""What rows and budgets are to an alert: whose they are, what they are called, and who asked to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from lockgate.control.alerts.alert import About, Subject
from lockgate.control.stored import Stored
from lockgate.core.holdings import Integration, VirtualKey
from lockgate.core.tenancy import ApiKey, Organisation, Policy, Row, User, Workspace
from lockgate.policy.ledger import Budget

Find = Callable[[Stored, str, str], Subject | None]

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


class Owners:
    """Whose a budget is, by its id, which is as `control.allowances` makes it: "HOLDER:WHO:MEASURE:PERIOD". Where nobody is
    found, it is the operator's alone to hear of."""

    def __init__(self, stored: Callable[[], Stored]) -> None:
        self._stored = stored

    def __repr__(self) -> str:
        return f"Owners({self._stored()})"

    def __call__(self, budget: Budget) -> Subject | None:
        """See `budgets.Whose`."""
        holder, _, rest = budget.id.partition(":")
        find = _FIND.get(holder)
        if find is None or rest.count(":") < 2:
            return None
        who = rest.rsplit(":", 2)[0]
        return find(self._stored(), who, budget.scope.removeprefix(f"{holder} "))


def _of_row(noun: type[Row]) -> Find:
    def find(stored: Stored, who: str, name: str) -> Subject | None:
        row = stored.rows[noun].get(who)
        return None if row is None else subject_of(row, stored.rows[Workspace], name)

    return find


def _of_key(stored: Stored, who: str, name: str) -> Subject | None:
    row = stored.limited.get(who)
    if row is not None:
        return subject_of(row, stored.rows[Workspace])
    if not who.startswith(_DECLARED):
        return None
    home = stored.home
    place: Workspace | None = stored.rows[Workspace].get(home.workspace)
    return Subject("key", who, name, home.organisation, home.workspace, place.slug if place is not None else "")


def _of_provider(stored: Stored, who: str, name: str) -> Subject | None:
    declared = Subject("provider", who, name, stored.home.organisation)  # for all workspaces
    return _of_row(VirtualKey)(stored, who, name) or declared


def _of_account(stored: Stored, who: str, name: str) -> Subject | None:
    """An account's budget in one workspace is that workspace's to hear of."""
    id, _, place = who.partition("/")
    found = _of_row(Integration)(stored, id, name)
    workspace: Workspace | None = stored.rows[Workspace].get(place)
    if found is None or workspace is None:
        return found
    return msgspec.structs.replace(found, workspace=place, slug=workspace.slug)


def _of_policy(stored: Stored, who: str, name: str) -> Subject | None:
    if who.startswith(_DECLARED):
        return Subject("policy", who, name, stored.home.organisation)
    return _of_row(Policy)(stored, who.partition(":")[0], name)


#: How what the configuration declares is known.
_DECLARED = "config:"
_FIND: dict[str, Find] = {
    "organisation": _of_row(Organisation),
    "workspace": _of_row(Workspace),
    "user": _of_row(User),
    "key": _of_key,
    "provider": _of_provider,
    "integration": _of_account,
    "policy": _of_policy,
}
