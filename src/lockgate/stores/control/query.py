"""Queries for rows, each with its tenant in the condition: the only places that read a tenant's tables one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from lockgate.core.tenancy import Organisation, Row, Tenant, Workspace
from lockgate.stores.control.driver import Connection
from lockgate.stores.control.tables import TABLES, Table

T = TypeVar("T", bound=Row)


class Absent(Exception):
    """There is no such row, for this tenant."""


class Stale(Exception):
    """The row has been changed since it was read: read it again."""


class Taken(Exception):
    """There is such a row already: a name, or a place, is in use."""


class InUse(Exception):
    """A row that others belong to cannot go; one cannot belong to a row that is not there."""


def read_row(connection: Connection, tenant: Tenant, noun: type[T], where: Mapping[str, Any]) -> T:
    """One row. Raises `Absent`."""
    table = TABLES[noun]
    condition, values = condition_of(table, tenant, where)
    rows = connection.rows(f"SELECT body FROM {table.name} WHERE {condition} ORDER BY created_us, id LIMIT 1", values)  # noqa: S608
    if not rows:
        raise Absent(f"There is no such {table.word}.")
    return msgspec.json.decode(rows[0][0], type=noun)


def read_page(
    connection: Connection, tenant: Tenant, noun: type[T], where: Mapping[str, Any], limit: int, offset: int
) -> tuple[list[T], int]:
    """Some rows, newest first, and how many there are."""
    table = TABLES[noun]
    condition, values = condition_of(table, tenant, where)
    (total,) = connection.rows(f"SELECT count(*) FROM {table.name} WHERE {condition}", values)[0]  # noqa: S608
    rows = connection.rows(
        f"SELECT body FROM {table.name} WHERE {condition} ORDER BY created_us DESC, id LIMIT ? OFFSET ?",  # noqa: S608
        [*values, limit, offset],
    )
    decode = msgspec.json.Decoder(noun).decode
    return [decode(body) for (body,) in rows], total


def condition_of(table: Table, tenant: Tenant, where: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """A tenant's rows of which each column says this, as SQL. A tenant within a workspace sees that one, and its rows."""
    condition, values = ["organisation = ?"], [tenant.organisation]
    if tenant.workspace and (column := _place(table)):
        condition.append(f"{column} = ?")
        values.append(tenant.workspace)
    for name, value in where.items():
        if name != "id" and name not in table.columns:
            raise ValueError(f"{table.name} has no column {name}")
        if value == "":
            condition.append(f'"{name}" IS NULL')
        else:
            condition.append(f'"{name}" = ?')
            values.append(value)
    return " AND ".join(condition), values


def _place(table: Table) -> str:
    """The column that says in which workspace a row is."""
    return "id" if table.noun is Workspace else "workspace" if table.in_workspaces else ""


def belongs(tenant: Tenant, row: Row) -> bool:
    """Whether a row is one of the tenant's."""
    if row.organisation != tenant.organisation or (isinstance(row, Organisation) and row.id != row.organisation):
        return False
    column = _place(TABLES[type(row)])
    return not tenant.workspace or not column or getattr(row, column) == tenant.workspace
