"""Log stores of each kind."""

import pytest

from lockgate.stores.logs.open import open_log
from support.log_stores import STORES


@pytest.fixture(scope="module", params=STORES)
def kind(request):
    """A kind of store."""
    return STORES[request.param]


@pytest.fixture
def opened(kind, tmp_path):
    """Opens the same store of this kind, again and again; all are closed at the end."""
    url, stores = kind.url(), []

    def opened(**more):
        stores.append(open_log(url, tmp_path, report=pytest.fail, **more))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def log(opened):
    """An empty store."""
    return opened()
