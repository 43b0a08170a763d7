"""One change of the control store under way: rows written, each with an audit entry that nobody can leave out."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec

from lockgate.core.audit import GENESIS, Actor, AuditEntry, link
from lockgate.core.holdings import Sealed
from lockgate.core.tenancy import Row, Tenant, Workspace
from lockgate.stores.control.driver import Connection
from lockgate.stores.control.query import Absent, Stale, belongs, condition_of, read_page, read_row
from lockgate.stores.control.tables import TABLES, body_of
from lockgate.stores.ports import StoreError

T = TypeVar("T", bound=Row)
#: How many data keys one root key may wrap: the bound for AES-GCM with random nonces (NIST SP 800-38D, section 8.3).
MOST_WRAPS = 1 << 32


class Change:
    """See `ControlStore.change`, which makes it. Times and versions of rows are set here, whatever they say."""

    def __init__(self, connection: Connection, tenant: Tenant, actor: Actor, now_us: int, revision: int) -> None:
        self._connection = connection
        self._tenant = tenant
        self._actor = actor
        self._now_us = now_us
        self._entries: list[AuditEntry] = []
        self._touched = False  # rows were written
        self.revision = revision

    def __repr__(self) -> str:
        return f"Change({self.revision}, {len(self._entries)} rows)"

    def get(self, noun: type[T], id: str) -> T:
        """A row as it is within this change. Raises `Absent`."""
        return read_row(self._connection, self._tenant, noun, {"id": id})

    def find(self, noun: type[T], **where: Any) -> T:
        """See `ControlStore.find`."""
        return read_row(self._connection, self._tenant, noun, where)

    def all(self, noun: type[T], **where: Any) -> list[T]:
        """Every row of which each column says this."""
        return read_page(self._connection, self._tenant, noun, where, 1 << 30, 0)[0]

    def add(self, row: T) -> T:
        """A new row; as it is kept."""
        self._check(row)
        row = msgspec.structs.replace(row, version=1, created_us=self._now_us, changed_us=self._now_us)
        table = TABLES[type(row)]
        columns = ("id", "organisation", *table.columns, "version", "created_us", "revision", "body")
        names = ", ".join(f'"{name}"' for name in columns)
        self._connection.run(
            f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * len(columns))})",  # noqa: S608 - our own names
            [row.id, row.organisation, *table.values(row), 1, row.created_us, self.revision, body_of(row)],
        )
        if isinstance(row, Sealed):
            self._count_wrap(row.root)
        self._note("create", row, _shown(row))
        return row

    def put(self, row: T, action: Literal["update", "rotate"] = "update") -> T:
        """A row in the place of the one with its id and version; as it is kept. Raises `Absent`, `Stale`."""
        self._check(row)
        before = self.get(type(row), row.id)
        if before.version != row.version:
            raise Stale("It has been changed in the meantime: read it again.")
        row = msgspec.structs.replace(row, version=before.version + 1, created_us=before.created_us, changed_us=self._now_us)
        table = TABLES[type(row)]
        names = ", ".join(f'"{name}" = ?' for name in (*table.columns, "version", "revision", "body"))
        condition, values = condition_of(table, self._tenant, {"id": row.id})
        self._connection.run(
            f"UPDATE {table.name} SET {names} WHERE {condition}",  # noqa: S608 - our own names
            [*table.values(row), row.version, self.revision, body_of(row), *values],
        )
        if isinstance(row, Sealed):
            self._count_wrap(row.root)
        was = _shown(before)
        self._note(action, row, {name: value for name, value in _shown(row).items() if was.get(name) != value})
        return row

    def remove(self, row: Row) -> None:
        """Remove a row, with the secrets that are its own. Raises `Absent`, `Stale`."""
        before = self.get(type(row), row.id)
        if before.version != row.version:
            raise Stale("It has been changed in the meantime: read it again.")
        if not isinstance(row, Sealed):
            for sealed in self.all(Sealed, owner=row.id):
                self.remove(sealed)
        table = TABLES[type(row)]
        condition, values = condition_of(table, self._tenant, {"id": row.id})
        self._connection.run(f"DELETE FROM {table.name} WHERE {condition}", values)  # noqa: S608
        self._connection.run("INSERT INTO gone VALUES (?, ?, ?)", (self.revision, table.name, row.id))
        self._note("delete", before, {})

    def note(
        self,
        action: Literal["create", "update", "delete", "rotate"],
        resource_type: str,
        resource_id: str,
        workspace: str,
        detail: dict[str, Any],
    ) -> None:
        """An audit entry of a change to what is kept elsewhere."""
        self._entries.append(
            AuditEntry(
                0, self._now_us, self._tenant.organisation, self._actor, action, resource_type, resource_id, workspace, detail
            )
        )

    def finish(self, audit_key: bytes) -> None:
        """Write the audit entries and the revision. Raises `StoreError` without a key to chain them with."""
        if not self._entries:
            return
        if not audit_key:
            raise StoreError("The audit log has no key, so nothing may be changed.")
        rows = self._connection.rows("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
        seq, before = rows[0] if rows else (0, GENESIS)
        for entry in self._entries:
            seq += 1
            entry = msgspec.structs.replace(entry, seq=seq)
            made = link(audit_key, bytes(before), entry)
            before = made.hash
            self._connection.run(
                "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)",
                (seq, entry.organisation, entry.workspace, entry.time_us, made.entry, made.hash),
            )
        if self._touched:
            self._connection.run("UPDATE house SET revision = ?", (self.revision,))

    def _check(self, row: Row) -> None:
        if not belongs(self._tenant, row):
            raise Absent(f"There is no such {TABLES[type(row)].word}.")

    def _note(self, action: Literal["create", "update", "delete", "rotate"], row: Row, detail: dict[str, Any]) -> None:
        self._touched = True
        self._entries.append(
            AuditEntry(
                0,
                self._now_us,
                row.organisation,
                self._actor,
                action,
                TABLES[type(row)].word,
                row.id,
                row.id if isinstance(row, Workspace) else getattr(row, "workspace", ""),
                detail,
            )
        )

    def _count_wrap(self, root: str) -> None:
        """Count a data key that was wrapped, by the root key in use: one that was replaced meanwhile may be gone soon."""
        if self._connection.rows("SELECT root FROM house")[0][0] not in ("", root):
            raise StoreError("The root key has just been replaced: try again.")
        if not self._connection.run("UPDATE roots SET wraps = wraps + 1 WHERE id = ?", (root,)):
            self._connection.run("INSERT INTO roots VALUES (?, 1)", (root,))
        elif self._connection.rows("SELECT wraps FROM roots WHERE id = ?", (root,))[0][0] >= MOST_WRAPS:
            raise StoreError("The root key has wrapped as many keys as it may: rotate it (`lockgate vault rotate`).")


#: Members that say nothing in an audit entry that it does not say itself.
_OWN = frozenset(("id", "organisation", "workspace", "version", "created_us", "changed_us"))


def _shown(row: Row) -> dict[str, Any]:
    """The members of a row that an audit entry may show."""
    tree: dict[str, Any] = msgspec.json.decode(body_of(row))
    return {name: value for name, value in tree.items() if name not in _OWN and name not in row.PRIVATE}
