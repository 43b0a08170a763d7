"""The kinds of log store that the contract (`tests/stores/logs/test_contract.py`) is tried on: a row each."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from lockgate.stores.logs import rolling
from support import clickhouse


def at_once(patch: pytest.MonkeyPatch, count: int) -> None:
    """For a store that waits with nothing."""


class Kind(msgspec.Struct, frozen=True):
    """`url` gives the URL of a new, empty store ("": it is in the data directory). `roll` sees to it that requests are rolled
    up as soon as there are so many, where a store waits with that."""

    url: Callable[[], str]
    roll: Callable[[pytest.MonkeyPatch, int], None] = at_once


def _new_database() -> str:
    from support.postgres import new_database  # the server takes seconds to be there, and not every test needs it

    return new_database()


def _roll(patch: pytest.MonkeyPatch, count: int) -> None:
    from lockgate.stores.logs.postgres import rolling

    patch.setattr(rolling, "FRESH", count)


STORES: dict[str, Kind] = {
    "postgresql": Kind(_new_database, roll=_roll),
    "sqlite": Kind(lambda: "", roll=lambda patch, count: patch.setattr(rolling, "FRESH", count)),
    "clickhouse": Kind(clickhouse.new_database),
}
