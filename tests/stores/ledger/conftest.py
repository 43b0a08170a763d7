import pytest

from lockgate.stores.ledger.book import Book
from support.ledger import STORES, Breaking, Clock, Desk, open_database


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=STORES)
def database(request, tmp_path, clock):
    database = Breaking(open_database(request.param, tmp_path, clock))
    yield database
    database.close()


@pytest.fixture
def book(database):
    return Book(database)


@pytest.fixture
def desk(book, tmp_path, clock):
    """Makes workers."""
    return lambda name="worker", **more: Desk(book, tmp_path / "journals", clock, name, **more)
