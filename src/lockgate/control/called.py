"""Rows by what people call them: a slug, or an id."""

from __future__ import annotations

from typing import TypeVar

from lockgate.core.tenancy import Row, Tenant
from lockgate.stores.control.change import Change
from lockgate.stores.control.query import Absent
from lockgate.stores.control.store import ControlStore

T = TypeVar("T", bound=Row)


def called(store: ControlStore, tenant: Tenant, noun: type[T], said: str) -> T | None:
    """The tenant's row of this slug or id; None when there is none."""
    for column in ("slug", "id") if said else ():
        try:
            return store.find(tenant, noun, **{column: said})
        except Absent:
            continue
    return None


def called_within(change: Change, noun: type[T], said: str) -> T | None:
    """The same, as it is within a change."""
    for column in ("slug", "id") if said else ():
        try:
            return change.find(noun, **{column: said})
        except Absent:
            continue
    return None
