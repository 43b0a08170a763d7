import pytest

from support.identity import Desk


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path / "control.db")
    yield desk
    desk.store.close()
