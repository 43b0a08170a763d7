"""The schema and its history: steps that only go forward, each made once, in order, in the transaction of the writer.

A step is never edited after a release; what must change comes in a new one at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from lockgate.core.json import encode
from lockgate.core.tenancy import ApiKey, Organisation, Workspace, new_id
from lockgate.stores.control.driver import Connection, Driver
from lockgate.stores.ports import StoreError

Step = Callable[[Driver, Connection, int], None]


def migrate(driver: Driver, now_us: int) -> int:
    """Bring a database to this version's schema; how many steps that took. Whoever comes at the same time waits, and finds it
    done. Raises `StoreError` for a schema that is newer than this program."""
    with driver.reading() as connection:
        if driver.has_table(connection, "schema") and _at(connection) == len(STEPS):
            return 0
    with driver.writing() as connection:
        if not driver.has_table(connection, "schema"):
            _run(driver, connection, ["CREATE TABLE schema (version {int} NOT NULL)", "INSERT INTO schema VALUES (0)"])
        at = _at(connection)
        if at > len(STEPS):
            raise StoreError(
                f"{driver}: its schema is version {at}, and this Lockgate knows {len(STEPS)}. A newer Lockgate has been here: "
                "use that one, or restore a backup from before."
            )
        for step in STEPS[at:]:
            step(driver, connection, now_us)
        connection.run("UPDATE schema SET version = ?", (len(STEPS),))
    return len(STEPS) - at


def _at(connection: Connection) -> int:
    return connection.rows("SELECT version FROM schema")[0][0]


def _run(driver: Driver, connection: Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        for word, meant in driver.types.items():
            statement = statement.replace("{" + word + "}", meant)
        connection.run(statement)


def _table(name: str, columns: str, *constraints: str) -> str:
    common = (
        "id TEXT PRIMARY KEY",
        "organisation TEXT NOT NULL",
        columns,
        "version {int} NOT NULL",
        "created_us {int} NOT NULL",
        "revision {int} NOT NULL",
        "body TEXT NOT NULL",
        "UNIQUE (organisation, id)",
    )
    return f"CREATE TABLE {name} ({', '.join((*common, *constraints))})"


_OF_ORGANISATION = "FOREIGN KEY (organisation) REFERENCES organisations (id)"
_OF_WORKSPACE = "FOREIGN KEY (organisation, workspace) REFERENCES workspaces (organisation, id)"
_OF_USER = 'FOREIGN KEY (organisation, "user") REFERENCES users (organisation, id)'


def _tenancy(driver: Driver, connection: Connection, now_us: int) -> None:
    """Tenants and all they have; an organisation and a workspace to begin with."""
    _run(
        driver,
        connection,
        [
            # One row: how often something was changed, whose root key stands behind the sealed secrets, and where to begin.
            "CREATE TABLE house (revision {int} NOT NULL, root TEXT NOT NULL, organisation TEXT NOT NULL,"
            " workspace TEXT NOT NULL)",
            "CREATE TABLE house_keys (purpose TEXT PRIMARY KEY, root TEXT NOT NULL, wrapped {blob} NOT NULL)",
            "CREATE TABLE roots (id TEXT PRIMARY KEY, wraps {int} NOT NULL)",
            "CREATE TABLE gone (revision {int} NOT NULL, noun TEXT NOT NULL, id TEXT NOT NULL)",
            "CREATE TABLE audit (seq {int} PRIMARY KEY, organisation TEXT NOT NULL, workspace TEXT NOT NULL,"
            " time_us {int} NOT NULL, entry {blob} NOT NULL, hash {blob} NOT NULL)",
            _table("organisations", "slug TEXT NOT NULL UNIQUE", "CHECK (id = organisation)"),
            _table("workspaces", "slug TEXT NOT NULL", _OF_ORGANISATION),
            _table("users", "email TEXT NOT NULL, subject TEXT", _OF_ORGANISATION),
            _table("memberships", 'workspace TEXT NOT NULL, "user" TEXT NOT NULL', _OF_WORKSPACE, _OF_USER),
            _table("invites", "email TEXT NOT NULL, digest {blob} NOT NULL UNIQUE", _OF_ORGANISATION),
            _table(
                "api_keys",
                'workspace TEXT, "user" TEXT, digest {blob} NOT NULL UNIQUE',
                _OF_ORGANISATION,
                _OF_WORKSPACE,
                _OF_USER,
            ),
            _table("policies", "workspace TEXT", _OF_ORGANISATION, _OF_WORKSPACE),
            _table("sessions", '"user" TEXT NOT NULL, digest {blob} NOT NULL UNIQUE', _OF_USER),
            _table("integrations", "workspace TEXT, slug TEXT NOT NULL", _OF_ORGANISATION, _OF_WORKSPACE),
            _table(
                "virtual_keys",
                "workspace TEXT NOT NULL, integration TEXT NOT NULL, slug TEXT NOT NULL",
                _OF_WORKSPACE,
                "FOREIGN KEY (organisation, integration) REFERENCES integrations (organisation, id)",
            ),
            _table("configs", "workspace TEXT NOT NULL, slug TEXT NOT NULL", _OF_WORKSPACE),
            _table(
                "config_versions",
                '"of" TEXT NOT NULL, workspace TEXT NOT NULL, number {int} NOT NULL',
                'FOREIGN KEY (organisation, "of") REFERENCES configs (organisation, id)',
            ),
            _table("secret_references", "slug TEXT NOT NULL", _OF_ORGANISATION),
            _table(
                "secrets",
                "workspace TEXT, owner TEXT NOT NULL, field TEXT NOT NULL, number {int} NOT NULL, root TEXT NOT NULL",
                _OF_ORGANISATION,
                _OF_WORKSPACE,
            ),
            "CREATE UNIQUE INDEX workspaces_slug ON workspaces (organisation, slug)",
            "CREATE UNIQUE INDEX users_email ON users (organisation, email)",
            "CREATE UNIQUE INDEX users_subject ON users (organisation, subject)",
            'CREATE UNIQUE INDEX memberships_place ON memberships (workspace, "user")',
            "CREATE UNIQUE INDEX integrations_slug ON integrations (organisation, slug)",
            "CREATE UNIQUE INDEX virtual_keys_slug ON virtual_keys (workspace, slug)",
            "CREATE UNIQUE INDEX configs_slug ON configs (workspace, slug)",
            'CREATE UNIQUE INDEX config_versions_number ON config_versions ("of", number)',
            "CREATE UNIQUE INDEX secret_references_slug ON secret_references (organisation, slug)",
            "CREATE UNIQUE INDEX secrets_place ON secrets (organisation, owner, field, number)",
            "CREATE INDEX secrets_root ON secrets (root)",
            "CREATE INDEX audit_tenant ON audit (organisation, time_us)",
            "CREATE INDEX gone_revision ON gone (revision)",
            *(f"CREATE INDEX {name}_revision ON {name} (revision)" for name in _FED),
        ],
    )
    home, work = new_id(), new_id()
    organisation = Organisation(id=home, organisation=home, version=1, created_us=now_us, slug="default", name="Default")
    workspace = Workspace(id=work, organisation=home, version=1, created_us=now_us, slug="default", name="Default")
    for table, row in (("organisations", organisation), ("workspaces", workspace)):
        connection.run(
            f"INSERT INTO {table} (id, organisation, slug, version, created_us, revision, body)"  # noqa: S608 - our names
            " VALUES (?, ?, 'default', 1, ?, 1, ?)",
            (row.id, home, now_us, encode(row).decode()),
        )
    connection.run("INSERT INTO house VALUES (1, '', ?, ?)", (home, work))
    if driver.has_table(connection, "keys"):
        _adopt(connection, home, work)


#: Tables that a worker's Snapshot is made of.
_FED = (
    "organisations",
    "workspaces",
    "users",
    "api_keys",
    "policies",
    "integrations",
    "virtual_keys",
    "configs",
    "secret_references",
    "secrets",
)


def _adopt(connection: Connection, organisation: str, workspace: str) -> None:
    """Take over the keys of Lockgate 0.1, which knew no tenants. Those that may administer become the organisation's."""
    for id, name, digest, scopes, models, created_us, revoked_us in connection.rows(
        "SELECT id, name, digest, scopes, models, created_us, revoked_us FROM keys"
    ):
        named = json.loads(scopes)
        key = ApiKey(
            id=id,
            organisation=organisation,
            workspace="" if "admin" in named else workspace,
            version=1,
            created_us=created_us,
            changed_us=revoked_us or created_us,
            name=name,
            digest=digest,
            scopes=named,
            models=json.loads(models),
            revoked_us=revoked_us or 0,
            mode="cli",
        )
        connection.run(
            "INSERT INTO api_keys (id, organisation, workspace, digest, version, created_us, revision, body)"
            " VALUES (?, ?, ?, ?, 1, ?, 1, ?)",
            (id, organisation, key.workspace or None, digest, created_us, encode(key).decode()),
        )
    connection.run("DROP TABLE keys")


def _outbox(driver: Driver, connection: Connection, now_us: int) -> None:
    """What waits to be told to somebody outside (`stores.outbox`)."""
    _run(
        driver,
        connection,
        [
            "CREATE TABLE outbox (id TEXT NOT NULL, channel TEXT NOT NULL, address TEXT NOT NULL, body {blob} NOT NULL,"
            " made_us {int} NOT NULL, due_us {int} NOT NULL, tries {int} NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL,"
            " PRIMARY KEY (id, channel, address))",
            "CREATE INDEX outbox_due ON outbox (state, due_us)",
        ],
    )


def _alert_rules(driver: Driver, connection: Connection, now_us: int) -> None:
    """How alert rules stand, and what they have found that is not in the outbox yet (`stores.alert_states`)."""
    _run(
        driver,
        connection,
        [
            "CREATE TABLE alert_states (log TEXT NOT NULL, rule TEXT NOT NULL, who TEXT NOT NULL, seen_us {int} NOT NULL,"
            " body {blob} NOT NULL, PRIMARY KEY (log, rule, who))",
            "CREATE TABLE alert_findings (id TEXT PRIMARY KEY, made_us {int} NOT NULL, body {blob} NOT NULL)",
        ],
    )


STEPS: tuple[Step, ...] = (_tenancy, _outbox, _alert_rules)
