import pytest

from lockgate.stores.logs.sqlite import SqliteLog
from support.log_store import MemoryLog


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    """The oracle, and the store that must agree with it."""
    store = MemoryLog() if request.param == "memory" else SqliteLog(tmp_path / "log", report=pytest.fail)
    yield store
    store.close()
