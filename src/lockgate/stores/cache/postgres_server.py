"""How the cache's PostgreSQL server is reached, by the loop and by threads, and its table.

The table is unlogged: it does without the write-ahead log, and is empty after the server has crashed, or another has taken its
place. Every wait has a deadline on this side.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.waiting import wait_async

from lockgate.stores.ports import StoreError

#: The table. The number is that of its layout.
TABLE: Final = "lockgate_cache_1"
#: How long making a connection may take, in seconds (libpq takes no less than two).
_CONNECT_S = 2
#: The advisory lock of whoever makes the table: "cache" as a number.
MAKER: Final = 0x6361636865
_SCHEMA = (
    f"""CREATE UNLOGGED TABLE IF NOT EXISTS {TABLE} (
        key BYTEA PRIMARY KEY, id TEXT NOT NULL, time_us BIGINT NOT NULL, expires_us BIGINT NOT NULL, used_us BIGINT NOT NULL,
        size BIGINT NOT NULL, organisation TEXT NOT NULL, workspace TEXT NOT NULL, namespace TEXT NOT NULL,
        provider TEXT NOT NULL, model TEXT NOT NULL, data BYTEA NOT NULL
    )""",
    f"ALTER TABLE {TABLE} ALTER COLUMN data SET STORAGE EXTERNAL",  # it is compressed already
    f"CREATE INDEX IF NOT EXISTS {TABLE}_use ON {TABLE} (used_us)",
    f"CREATE INDEX IF NOT EXISTS {TABLE}_end ON {TABLE} (expires_us)",
    f"CREATE INDEX IF NOT EXISTS {TABLE}_time ON {TABLE} (time_us)",
    f"CREATE INDEX IF NOT EXISTS {TABLE}_id ON {TABLE} (id)",
    # Not of namespaces and models, which callers name: what is too long for an index could not be kept.
    f"CREATE INDEX IF NOT EXISTS {TABLE}_place ON {TABLE} (organisation, workspace)",
)


class Timed(psycopg.Connection[tuple[Any, ...]]):
    """A thread's connection, whose waits end."""

    deadline_s = 0.0

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        """See `psycopg.Connection.wait`."""
        return super().wait(gen, interval, self.deadline_s if timeout is None else timeout)


class Prompt(psycopg.AsyncConnection[tuple[Any, ...]]):
    """A connection of the loop's. Whoever waits for it can go at once: psycopg's own would first ask the server, for some
    seconds, to end the query. After that it can only be closed."""

    async def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - as there
        """See `psycopg.AsyncConnection.wait`."""
        return await wait_async(gen, self.pgconn.socket, interval=interval, timeout=timeout)


def where(url: str) -> str:
    """What the server at a URL is called, without the password. Raises `StoreError` for a URL that is none."""
    try:
        parts = conninfo_to_dict(url)
        ports = [port for port in str(parts.get("port") or "").split(",") if port]
        if not all(port.isdigit() for port in ports):
            raise ValueError
    except (psycopg.Error, ValueError):  # whose words may show the password
        raise StoreError("The URL of the cache cannot be read: postgresql://USER:PASSWORD@HOST:PORT/DATABASE.") from None
    host = parts.get("hostaddr") or parts.get("host") or "localhost"
    return f"PostgreSQL at {host}:{','.join(ports) or '5432'}"


def connect(url: str, deadline_s: float) -> Timed:
    """A thread's connection, on which the table is. Raises `psycopg.Error`."""
    db = Timed.connect(url, autocommit=True, **_options(deadline_s))
    db.deadline_s = deadline_s + 0.5  # the server's own deadline comes first, where it still can say so
    try:
        _make(db)
    except psycopg.Error:
        db.close()
        raise
    return db


async def connect_loop(url: str, deadline_s: float, settings: str = "") -> Prompt:
    """A connection of the loop's, with more settings of the server's, if need be. Raises `psycopg.Error`."""
    return await Prompt.connect(url, autocommit=True, **_options(deadline_s, settings))


def sentence(error: Exception) -> str:
    """What went wrong, in words."""
    if isinstance(error, psycopg.errors._WaitTimeout):
        return "the server does not answer"
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def _options(deadline_s: float, settings: str = "") -> dict[str, Any]:
    return {
        "connect_timeout": _CONNECT_S,
        "application_name": "lockgate cache",
        "options": f"-c statement_timeout={int(deadline_s * 1000)} -c synchronous_commit=off {settings}",
    }


def _make(db: Timed) -> None:
    """Make the table, unless it is there: to make sure of an index would lock those who write out."""
    if db.execute("SELECT to_regclass(%s) IS NOT NULL", (f"{TABLE}_place",)).fetchall()[0][0]:
        return
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%s)", (MAKER,))
        for statement in _SCHEMA:
            db.execute(statement)
