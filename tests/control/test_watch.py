import pytest

from lockgate.control.watch import Watch
from support.house import make_house


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, "log: {bodies: none}")
    house.snapshot()
    return house


def test_nothing_has_changed_at_first(house):
    watch = Watch(house)
    assert not watch.changed()
    watch.close()


def test_a_file_that_changes_is_noticed_once(house):
    watch = Watch(house)
    house.config_path.write_text("log: {bodies: full}")
    assert watch.changed()
    assert not watch.changed()
    house.config_path.unlink()
    assert watch.changed()
    watch.close()


def test_what_changes_between_the_reading_and_the_first_look_is_noticed(house):
    house.config_path.write_text("log: {bodies: full, body_limit: 10}")
    watch = Watch(house)
    assert watch.changed()
    assert not watch.changed()
    watch.close()


def test_a_price_list_that_appears_is_noticed(house):
    watch = Watch(house)
    house.price_list.write_text("{}")
    assert watch.changed()
    watch.close()
