"""What an alert of a rule is about: one of those whom the rule tells apart, or what its filter confines it to."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from lockgate.control.alerts.alert import About, Subject
from lockgate.control.alerts.rules import ABOUT, METADATA, Rule
from lockgate.control.alerts.subjects import subject_of
from lockgate.control.stored import Stored
from lockgate.core.tenancy import User, Workspace
from lockgate.stores.logs.ports import Filter

_CONFINED: tuple[tuple[About, Callable[[Filter], tuple[str, ...]]], ...] = (
    ("key", lambda meant: meant.keys),
    ("user", lambda meant: meant.users),
    ("route", lambda meant: meant.routes),
    ("model", lambda meant: meant.models),
    ("provider", lambda meant: meant.providers),
)


def subject_of_rule(rule: Rule, who: str, stored: Stored) -> Subject:
    """The subject of an alert about `who` ("": of all that the rule means)."""
    place = _named(stored, rule.workspaces[0]) if len(rule.workspaces) == 1 else None
    if rule.each.startswith(METADATA):
        found = Subject("metadata", who, f"{rule.each.removeprefix(METADATA)}={who}")
    elif rule.each:
        found = _FIND[rule.each](stored, who) if rule.each in _FIND else Subject(ABOUT[rule.each], who, who)
    else:
        found = _confined(rule.meant)
        if found is None:
            return Subject() if place is None else subject_of(place, {place.id: place})
    if place is not None and not found.workspace:
        return msgspec.structs.replace(found, organisation=place.organisation, workspace=place.id, slug=place.slug)
    return found


def _confined(meant: Filter) -> Subject | None:
    """The one that a filter confines a rule to; of several such, the closest."""
    for about, of in _CONFINED:
        names = of(meant)
        if len(names) == 1:
            return Subject(about, names[0], names[0])
    return None


def ids_of(workspaces: tuple[str, ...], stored: Stored) -> tuple[str, ...]:
    """The ids of the first organisation's workspaces of these slugs, as far as there are such."""
    return tuple(place.id for slug in workspaces if (place := _named(stored, slug)) is not None)


def _named(stored: Stored, slug: str) -> Workspace | None:
    rows: list[Workspace] = list(stored.rows[Workspace].values())
    return next((row for row in rows if row.slug == slug and row.organisation == stored.home.organisation), None)


def _workspace(stored: Stored, who: str) -> Subject:
    row: Workspace | None = stored.rows[Workspace].get(who)
    return Subject("workspace", who, who) if row is None else subject_of(row, {row.id: row})


def _user(stored: Stored, who: str) -> Subject:
    row: User | None = stored.rows[User].get(who)
    return Subject("user", who, who) if row is None else Subject("user", who, row.email, row.organisation)


def _key(stored: Stored, who: str) -> Subject:
    key = next((each for each in stored.keys.values() if each.id == who), None)
    if key is None:
        return Subject("key", who, who)
    row: Workspace | None = stored.rows[Workspace].get(key.workspace)
    return Subject("key", who, key.name, key.organisation, key.workspace, "" if row is None else row.slug)


_FIND: dict[str, Callable[[Stored, str], Subject]] = {"workspace": _workspace, "user": _user, "key": _key}
