import sys

import pytest


@pytest.fixture(autouse=True)
def nothing_stays_open():
    """A process that runs thousands of tests has room for a thousand open files."""
    house = sys.modules.get("support.house")
    kept = 0 if house is None else len(house.APPS)  # those of a whole module go on
    yield
    if (house := sys.modules.get("support.house")) is not None:
        house.close_apps(kept)


def pytest_sessionfinish():
    """Stop the database server that a test may have started: a worker of pytest-xdist ends without running `atexit`."""
    if (postgres := sys.modules.get("support.postgres")) is not None:
        postgres.stop()
