"""Caches that outlive who has opened them, of every kind, and how a test looks at the words in one."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from lockgate.stores.cache import lanes
from lockgate.stores.cache.open import NAME, open_cache, open_shelf
from lockgate.stores.cache.port import CacheShelf, CacheStore
from lockgate.stores.cache.postgres_words import WORDS
from support.postgres import new_database

KINDS = ["sqlite", "redis", "postgres"]


class Shared:
    """The place of one, and its kind."""

    def __init__(self, kind: str, url: str, folder: Path, keys: Callable[[], bytes]) -> None:
        self.kind, self.url, self._folder, self._keys = kind, url, folder, keys

    def open(self) -> CacheStore:
        return open_cache(self.url, self._folder, 1 << 22, report=print)

    def shelf(self) -> CacheShelf:
        return open_shelf(self.url, self._folder)

    def words(self) -> int:
        """How many texts lie there."""
        if self.kind == "redis":
            return int(self._keys()[1:].split(b"\r\n")[0])
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self._folder / NAME)) as db:
                return db.execute("SELECT count(*) FROM wordings").fetchone()[0]
        with psycopg.connect(self.url) as db:
            return db.execute(f"SELECT count(*) FROM {WORDS}").fetchall()[0][0]


@pytest.fixture
def shared_of(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Shared]:
    """An empty one of a kind. (The machine may be slow; that nobody waits is another test.)"""
    monkeypatch.setattr(lanes, "TICK_S", 2.0)

    def shared_of(kind: str) -> Shared:
        if kind == "redis":
            server = request.getfixturevalue("server")
            return Shared(kind, server.url, tmp_path, lambda: server("KEYS", "lockgate:cache:words:*"))
        return Shared(kind, new_database() if kind == "postgres" else "sqlite:", tmp_path, bytes)

    return shared_of


def written(store: CacheStore) -> bool:
    """Whether all that was kept is where others find it."""
    backlog = getattr(store, "_backlog", None)
    return backlog is None or not backlog._changes
