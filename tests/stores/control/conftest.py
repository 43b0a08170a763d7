import pytest

from lockgate.stores.control.open import open_control, sqlite_url
from support.postgres import new_database
from support.tenants import KEY, NOW


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """An empty database of each kind."""
    return sqlite_url(tmp_path / "control.db") if request.param == "sqlite" else new_database()


@pytest.fixture
def opened():
    """Opens stores, which are closed at the end."""
    stores = []

    def opened(url, now_us=NOW):
        store = open_control(url, now_us)
        store.audit_key = KEY
        stores.append(store)
        return store

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def store(url, opened):
    return opened(url)
