"""What holds for all tests.

Properties are tried on the same examples each time, however slow the machine: who changed nothing sees nothing change. With
LOCKGATE_RANDOM or LEDGER_STEPS (`tests/stores/ledger/test_machine.py`) in the environment they are tried on others, by chance.
"""

import gc
import os
import sys

import pytest
from hypothesis import HealthCheck, settings

from lockgate.core.structs import resolve_structs

BY_CHANCE = bool(os.environ.get("LOCKGATE_RANDOM") or os.environ.get("LEDGER_STEPS"))

settings.register_profile(
    "lockgate",
    derandomize=not BY_CHANCE,
    deadline=None,
    database=None,
    print_blob=BY_CHANCE,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("lockgate")


@pytest.fixture(autouse=True)
def nothing_stays_open():
    """A process that runs thousands of tests has room for a thousand open files."""
    house = sys.modules.get("support.house")
    kept = 0 if house is None else len(house.APPS)  # those of a whole module go on
    yield
    if (house := sys.modules.get("support.house")) is not None:
        house.close_apps(kept)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is collected stays. The collector of garbage would meanwhile walk through all of it again and again (a fifth of the
    time), and later in each of its great rounds."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_finish():
    """No two threads of a test may work out the same Struct (`core.structs`)."""
    resolve_structs()


def pytest_sessionfinish():
    """Stop the database servers that a test may have started: a worker of pytest-xdist ends without running `atexit`."""
    if (postgres := sys.modules.get("support.postgres")) is not None:
        postgres.stop()
    if (clickhouse := sys.modules.get("support.clickhouse")) is not None:
        clickhouse.stop()
