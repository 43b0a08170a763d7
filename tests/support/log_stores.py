"""The kinds of log store that the contract (`tests/stores/logs/test_contract.py`) is tried on: a row each."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import msgspec
import pytest

from lockgate.stores.logs import rolling
from support import clickhouse


def _at_once(patch: pytest.MonkeyPatch, count: int) -> None:
    """For a store that waits with nothing."""


class Kind(msgspec.Struct, frozen=True):
    """`url` gives the URL of a new, empty store ("": it is in the data directory). Where a store rolls requests up, `roll` sees
    to it that it does as soon as there are so many, and `rollups` says how many roll-ups it has."""

    url: Callable[[], str]
    roll: Callable[[pytest.MonkeyPatch, int], None] = _at_once
    rollups: Callable[[Any], int] | None = None


def _new_database() -> str:
    from support.postgres import new_database  # the server takes seconds to be there, and not every test needs it

    return new_database()


def _roll(patch: pytest.MonkeyPatch, count: int) -> None:
    from lockgate.stores.logs.postgres import rolling

    patch.setattr(rolling, "FRESH", count)


def _in_database(log: Any) -> int:
    with log._link.reading() as db:
        return db.rows("SELECT count(*) FROM log_rollups")[0][0]


def _in_files(log: Any) -> int:
    count = 0
    for path in log._directory.glob("*.db"):
        with closing(sqlite3.connect(path)) as db:
            count += db.execute("SELECT count(*) FROM rollups").fetchone()[0]
    return count


STORES: dict[str, Kind] = {
    "postgresql": Kind(_new_database, roll=_roll, rollups=_in_database),
    "sqlite": Kind(lambda: "", lambda patch, count: patch.setattr(rolling, "FRESH", count), _in_files),
    "clickhouse": Kind(clickhouse.new_database),
}
