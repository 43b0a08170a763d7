"""`ControlStore`: rows by tenant, changes with their audit entries, and the feed that workers live by.

Nothing is read or changed without a tenant, and what belongs to another is not there: the same answer as for what never was.
Each change is one transaction: its rows, an audit entry for each, and the next *revision*, a number that only grows, by which
workers notice; all of it holds, durably, or none.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import msgspec

from lockgate.core.audit import Actor, AuditEntry, Link
from lockgate.core.tenancy import Organisation, Row, Session, Tenant
from lockgate.stores.control.change import Change
from lockgate.stores.control.driver import Clash, Connection, Driver
from lockgate.stores.control.query import Absent, InUse, Taken, read_page, read_row
from lockgate.stores.control.schema import migrate
from lockgate.stores.control.tables import TABLES, body_of
from lockgate.stores.ports import StoreError

T = TypeVar("T", bound=Row)
#: How many rows are read at once where there may be very many.
_BATCH = 1000


class House(msgspec.Struct, frozen=True):
    """What a store holds beside its rows: the revision, the root key that stands behind its secrets ("": none was sealed yet),
    and the organisation and workspace to begin with."""

    revision: int
    root: str
    organisation: str
    workspace: str

    @property
    def home(self) -> Tenant:
        """Where things are that nobody puts elsewhere."""
        return Tenant(self.organisation, self.workspace)


class Page(msgspec.Struct, Generic[T], frozen=True):
    """Some of the rows that were asked for, newest first, and how many there are."""

    rows: list[T]
    total: int


class Changes(msgspec.Struct, frozen=True):
    """What has become of the rows of some nouns since a revision: those that are new or changed, and the ids of those that are
    gone."""

    revision: int
    rows: dict[type[Row], list[Any]]
    gone: dict[str, set[str]]  # by the table's name


class HouseKey(msgspec.Struct, frozen=True):
    """A key of the house's own for one purpose, wrapped by the root key `root`."""

    purpose: str
    root: str
    wrapped: bytes

    def __repr__(self) -> str:
        return f"HouseKey({self.purpose})"


class ControlStore:
    """A control store over a database. Every call may raise `StoreError`; it blocks, so it is made off the request path.

    `audit_key` chains the audit log; nothing can be changed before it is set.
    """

    def __init__(self, driver: Driver, now_us: int) -> None:
        self._driver = driver
        self.audit_key = b""
        try:
            self.migrated = migrate(driver, now_us)
        except BaseException:
            driver.close()
            raise

    def __repr__(self) -> str:
        return f"ControlStore({self._driver})"

    def close(self) -> None:
        """Let go of the database."""
        self._driver.close()

    # --- by tenant

    def get(self, tenant: Tenant, noun: type[T], id: str) -> T:
        """One row. Raises `Absent`."""
        with self._driver.reading() as connection:
            return read_row(connection, tenant, noun, {"id": id})

    def find(self, tenant: Tenant, noun: type[T], **where: Any) -> T:
        """The row of which each column says this; the oldest of several. Raises `Absent`."""
        with self._driver.reading() as connection:
            return read_row(connection, tenant, noun, where)

    def page(self, tenant: Tenant, noun: type[T], *, limit: int = 100, offset: int = 0, **where: Any) -> Page[T]:
        """Rows of which each column says this, newest first."""
        with self._driver.reading() as connection:
            return Page(*read_page(connection, tenant, noun, where, limit, offset))

    def audit(self, tenant: Tenant, *, since_us: int = 0, until_us: int = 1 << 62, limit: int = 100) -> list[AuditEntry]:
        """Audit entries of an organisation in [since, until), newest first."""
        inside, values = ("", []) if not tenant.workspace else (" AND workspace = ?", [tenant.workspace])
        with self._driver.reading() as connection:
            rows = connection.rows(
                "SELECT entry FROM audit WHERE organisation = ? AND time_us >= ? AND time_us < ?"  # noqa: S608 - our own words
                f"{inside} ORDER BY seq DESC LIMIT ?",
                [tenant.organisation, since_us, until_us, *values, limit],
            )
        return [msgspec.json.decode(entry, type=AuditEntry) for (entry,) in rows]

    def trail(self, tenant: Tenant, since_us: int, until_us: int, before: int = 1 << 62) -> Generator[AuditEntry, None, None]:
        """All audit entries of a tenant in [since, until), newest first: some at a time, so that many need little memory.
        `before`: only those that stand before this one in the chain."""
        decode = msgspec.json.Decoder(AuditEntry).decode
        while True:
            with self._driver.reading() as connection:
                rows = connection.rows(
                    "SELECT seq, entry FROM audit WHERE organisation = ? AND time_us >= ? AND time_us < ? AND seq < ?"
                    " AND (workspace = ? OR ? = '') ORDER BY seq DESC LIMIT ?",
                    (tenant.organisation, since_us, until_us, before, tenant.workspace, tenant.workspace, _BATCH),
                )
            yield from (decode(entry) for _, entry in rows)
            if len(rows) < _BATCH:
                return
            before = rows[-1][0]

    @contextmanager
    def change(self, tenant: Tenant, actor: Actor, now_us: int) -> Generator[Change, None, None]:
        """Change rows of a tenant: all that is done to the `Change` in the block, or nothing when it raises.

        Raises `Absent`, `Stale` (the row has changed since it was read), `Taken` (a name is in use) and `InUse`.
        """
        try:
            with self._driver.writing() as connection:
                change = Change(connection, tenant, actor, now_us, self._revision(connection) + 1)
                yield change
                change.finish(self.audit_key)
        except Clash as clash:
            raise (
                Taken("This name is taken; choose another.")
                if clash.unique
                else InUse("It belongs to something that is not there, or something still belongs to it.")
            ) from None

    # --- the house's own: of no tenant

    def house(self) -> House:
        """What the store holds beside its rows."""
        with self._driver.reading() as connection:
            return _house(connection)

    def same(self) -> bool:
        """Whether certainly nothing has changed since this was last asked."""
        return self._driver.same()

    def session(self, digest: bytes) -> Session | None:
        """The session of a cookie, whose digest says whose it is."""
        with self._driver.reading() as connection:
            rows = connection.rows("SELECT body FROM sessions WHERE digest = ?", (digest,))
        return msgspec.json.decode(rows[0][0], type=Session) if rows else None

    def organisation(self, slug: str) -> Organisation | None:
        """The organisation that calls itself so."""
        with self._driver.reading() as connection:
            rows = connection.rows("SELECT body FROM organisations WHERE slug = ?", (slug,))
        return msgspec.json.decode(rows[0][0], type=Organisation) if rows else None

    def see(self, session: Session, now_us: int) -> None:
        """Note that a session is in use. It is no change: nothing follows from it for anyone else, so there is neither an audit
        entry nor a revision. One that has been changed or ended meanwhile is left alone."""
        body = body_of(msgspec.structs.replace(session, seen_us=now_us))
        with self._driver.writing() as connection:
            connection.run(
                "UPDATE sessions SET body = ? WHERE id = ? AND digest = ? AND version = ?",
                (body, session.id, session.digest, session.version),
            )

    def changes(self, nouns: Iterable[type[Row]], since: int = 0) -> Changes:
        """What has changed after revision `since`, in all organisations: for those who compile the Snapshot."""
        with self._driver.reading() as connection:
            revision = self._revision(connection)
            rows: dict[type[Row], list[Any]] = {}
            for noun in nouns:
                decode = msgspec.json.Decoder(noun).decode
                found = connection.rows(f"SELECT body FROM {TABLES[noun].name} WHERE revision > ?", (since,))  # noqa: S608
                rows[noun] = [decode(body) for (body,) in found]
            gone: dict[str, set[str]] = {}
            if since:
                for table, id in connection.rows("SELECT noun, id FROM gone WHERE revision > ?", (since,)):
                    gone.setdefault(table, set()).add(id)
        return Changes(revision, rows, gone)

    def each(self, noun: type[T], since: int = 0) -> Generator[T, None, None]:
        """The rows of one noun, in all organisations, that were changed after revision `since`, for those who compile the
        Snapshot: some at a time, so that many need little memory. What is changed meanwhile may be told or not; it is changed
        after the revision of `changes` that was asked for before, and will be told again."""
        table, decode, after = TABLES[noun], msgspec.json.Decoder(noun).decode, ""
        while True:
            with self._driver.reading() as connection:
                rows = connection.rows(
                    f"SELECT id, body FROM {table.name} WHERE revision > ? AND id > ? ORDER BY id LIMIT ?",  # noqa: S608
                    (since, after, _BATCH),
                )
            yield from (decode(body) for _, body in rows)
            if len(rows) < _BATCH:
                return
            after = rows[-1][0]

    def chain(self, after: int = 0) -> Generator[Link, None, None]:
        """The whole audit log in the order of its writing, for `core.audit.verify`."""
        while True:
            with self._driver.reading() as connection:
                rows = connection.rows("SELECT seq, entry, hash FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", (after, _BATCH))
            yield from (Link(bytes(entry), bytes(hash)) for _, entry, hash in rows)
            if len(rows) < _BATCH:
                return
            after = rows[-1][0]

    # --- keys that stand behind others

    def house_keys(self) -> dict[str, HouseKey]:
        """The house's own keys, by purpose."""
        with self._driver.reading() as connection:
            rows = connection.rows("SELECT purpose, root, wrapped FROM house_keys")
        return {purpose: HouseKey(purpose, root, bytes(wrapped)) for purpose, root, wrapped in rows}

    def set_root(self, root: str, keys: Iterable[HouseKey], before: str) -> bool:
        """Say which root key stands behind what is sealed from now on, with the house's own keys wrapped by it. False: it was
        not `before` any more."""
        with self._driver.writing() as connection:
            if not connection.run("UPDATE house SET root = ? WHERE root = ?", (root, before)):
                return False
            for key in keys:
                connection.run("DELETE FROM house_keys WHERE purpose = ?", (key.purpose,))
                connection.run("INSERT INTO house_keys VALUES (?, ?, ?)", (key.purpose, key.root, key.wrapped))
        return True

    def add_house_key(self, key: HouseKey) -> None:
        """Another key of the house's own, unless there is one for its purpose."""
        with self._driver.writing() as connection:
            connection.run(
                "INSERT INTO house_keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (key.purpose, key.root, key.wrapped)
            )

    def wraps(self, root: str) -> int:
        """How many data keys a root key has wrapped."""
        with self._driver.reading() as connection:
            rows = connection.rows("SELECT wraps FROM roots WHERE id = ?", (root,))
        return rows[0][0] if rows else 0

    def sealed_by_others(self, root: str, limit: int) -> list[tuple[str, str]]:
        """(organisation, id) of secrets whose data keys are wrapped by another root key than this."""
        with self._driver.reading() as connection:
            rows = connection.rows(
                "SELECT organisation, id FROM secrets WHERE root <> ? ORDER BY organisation, id LIMIT ?", (root, limit)
            )
        return [(organisation, id) for organisation, id in rows]

    def _revision(self, connection: Connection) -> int:
        return _house(connection).revision


def _house(connection: Connection) -> House:
    rows = connection.rows("SELECT revision, root, organisation, workspace FROM house")
    if len(rows) != 1:
        raise StoreError("The control store lacks its own row; restore it from a backup.")
    return House(*rows[0])


__all__ = ["Absent", "Change", "Changes", "ControlStore", "House", "HouseKey", "InUse", "Page", "Taken"]
