import sys


def pytest_sessionfinish():
    """Stop the database server that a test may have started: a worker of pytest-xdist ends without running `atexit`."""
    if (postgres := sys.modules.get("support.postgres")) is not None:
        postgres.stop()
