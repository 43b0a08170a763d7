import os

import pytest

from lockgate.control.config import BadConfig
from lockgate.control.house import House
from lockgate.control.secrets import WeakSecret
from lockgate.control.watch import Watch
from lockgate.http.routes import SCOPES
from support.house import KEY, make_house


def test_a_new_house_gets_its_directories_for_its_owner_alone(tmp_path):
    house = make_house(tmp_path)
    assert house.data.stat().st_mode & 0o777 == 0o700
    assert house.spool.is_dir()


def test_opening_twice_finds_the_same_secret(tmp_path):
    assert make_house(tmp_path).pepper == make_house(tmp_path).pepper


def test_the_first_admin_key_is_made_once(tmp_path):
    house = House(tmp_path / "data", None, SCOPES, {})
    house.open()
    key = house.first_admin_key(1)
    assert key.startswith("lg_")
    assert house.first_admin_key(2) == ""
    assert len(house.snapshot().keys) == 1


def test_an_admin_key_of_the_environment_makes_another_needless(tmp_path):
    assert make_house(tmp_path).first_admin_key(1) == ""


def test_a_weak_admin_key_is_refused(tmp_path):
    with pytest.raises(WeakSecret, match="LOCKGATE_ADMIN_KEY"):
        House(tmp_path / "data", None, SCOPES, {"LOCKGATE_ADMIN_KEY": "changeme"}).open()


def test_a_house_does_not_show_its_secrets(tmp_path):
    house = make_house(tmp_path, OPENAI_API_KEY="sk-secret")
    assert KEY not in repr(house) + repr(house.snapshot())
    assert "sk-secret" not in repr(house.snapshot().providers)


def test_a_watch_sees_a_changed_file_and_changed_keys_once(tmp_path):
    house = make_house(tmp_path)
    watch = Watch(house)
    assert not watch.changed()
    house.config_path.write_text("log: {retention_days: 3}")
    assert watch.changed()
    assert not watch.changed()
    House(house.data, None, SCOPES, {}).first_admin_key(1)
    watch.changed()
    house.config_path.unlink()
    assert watch.changed()
    with pytest.raises(BadConfig):
        house.snapshot()
    watch.close()


def test_a_replaced_file_of_the_same_size_and_time_is_seen(tmp_path):
    house = make_house(tmp_path, "log: {retention_days: 3}")
    watch = Watch(house)
    stat = house.config_path.stat()
    other = tmp_path / "other"
    other.write_text("log: {retention_days: 4}")
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(house.config_path)
    assert watch.changed()
    watch.close()


def test_a_key_that_is_made_is_seen(tmp_path):
    house = House(tmp_path / "data", None, SCOPES, {})
    house.open()
    watch = Watch(house)
    house.first_admin_key(1)
    assert watch.changed()
    watch.close()
