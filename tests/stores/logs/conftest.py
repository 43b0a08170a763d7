"""Log stores of each kind."""

import pytest

from lockgate.stores.logs.open import open_log
from support.log_stores import STORES

_ROLLS = [name for name, kind in STORES.items() if kind.rollups is not None]
#: After how many requests a store rolls up what it has.
_AFTER = {"rolled": 1, "partly": 100, "fresh": 10_000}


def pytest_generate_tests(metafunc):
    """Each test of a `kind` of store is tried with those that it is about: with `after`, once for each way in which requests may
    be rolled up, where a store does that; with `bounded`, only with those that do."""
    if "kind" not in metafunc.fixturenames:
        return
    if "after" in metafunc.fixturenames:
        cases = {f"{name}-{how}": (name, count) for name in _ROLLS for how, count in _AFTER.items()}
        cases |= {name: (name, 1) for name in STORES if name not in _ROLLS}
        metafunc.parametrize(("kind", "after"), cases.values(), ids=cases.keys(), indirect=("kind",), scope="module")
    else:
        kinds = _ROLLS if "bounded" in metafunc.fixturenames else STORES
        metafunc.parametrize("kind", kinds, indirect=True, scope="module")


@pytest.fixture(scope="module")
def kind(request):
    """A kind of store."""
    return STORES[request.param]


@pytest.fixture
def bounded(kind):
    """One that has roll-ups, of which there must not be too many."""
    return kind


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
