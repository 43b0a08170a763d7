"""Gateway keys at rest: SQLite in the data directory. What is stored is a keyed digest; a key cannot be read back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from lockgate.stores.ports import StoreError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    models TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    revoked_us INTEGER
) STRICT;
"""


class StoredKey(msgspec.Struct, frozen=True):
    """One key. `created_us` and `revoked_us` are microseconds since the epoch; None: not revoked."""

    id: str
    name: str
    digest: bytes
    scopes: list[str]
    models: list[str]
    created_us: int
    revoked_us: int | None = None

    def __repr__(self) -> str:
        return f"StoredKey({self.id}, {self.name!r})"


class KeyStore:
    """The keys of a data directory. One connection; every change is durable when the call returns.

    Every call raises `StoreError`, which names the file, when SQLite cannot do it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._told():
            self._db = sqlite3.connect(path, timeout=5.0, isolation_level=None)
            try:
                path.chmod(0o600)
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=FULL")
                self._db.executescript(_SCHEMA)
            except (sqlite3.Error, OSError):
                self._db.close()
                raise

    def __repr__(self) -> str:
        return f"KeyStore({self._path})"

    def add(self, key: StoredKey) -> None:
        """Keep a new key."""
        scopes, models = json.dumps(key.scopes), json.dumps(key.models)
        row = (key.id, key.name, key.digest, scopes, models, key.created_us, key.revoked_us)
        with self._told():
            self._db.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def all(self) -> list[StoredKey]:
        """Every key, revoked ones included, oldest first."""
        with self._told():
            rows = self._db.execute(
                "SELECT id, name, digest, scopes, models, created_us, revoked_us FROM keys ORDER BY created_us, id"
            ).fetchall()
        return [
            StoredKey(id, name, digest, json.loads(scopes), json.loads(models), *times)
            for id, name, digest, scopes, models, *times in rows
        ]

    def revoke(self, id: str, now_us: int) -> bool:
        """Revoke a key; False when there is none by that id that still holds."""
        with self._told():
            done = self._db.execute("UPDATE keys SET revoked_us = ? WHERE id = ? AND revoked_us IS NULL", (now_us, id))
        return done.rowcount == 1

    def version(self) -> int:
        """Changes whenever another connection has committed something."""
        with self._told():
            return self._db.execute("PRAGMA data_version").fetchone()[0]

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    @contextmanager
    def _told(self) -> Generator[None, None, None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"{self._path}: {error}") from None
