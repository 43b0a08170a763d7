import os
import sqlite3

import pytest

from lockgate.control import keys
from lockgate.control.config import BadConfig
from lockgate.control.house import House
from lockgate.control.secrets import WeakSecret, derive
from lockgate.control.watch import Watch
from lockgate.http.routes import SCOPES
from lockgate.pipeline.admit import admit, digest
from lockgate.pipeline.runtime import now_us
from lockgate.stores.ports import StoreError
from support.house import KEY, make_house
from support.postgres import new_database
from support.tenants import ME


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
    house.snapshot()
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
    house.snapshot()
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
    house.snapshot()
    watch = Watch(house)
    assert not watch.changed()
    house.first_admin_key(1)
    assert watch.changed()
    watch.close()


def test_what_was_stored_before_the_watch_began_is_seen(tmp_path):
    house = House(tmp_path / "data", None, SCOPES, {})
    house.open()
    house.snapshot()
    house.first_admin_key(1)
    watch = Watch(house)
    assert watch.changed()
    watch.close()


def test_a_key_that_expires_is_seen_when_it_is_due_and_then_not_again(tmp_path):
    house = make_house(tmp_path)
    soon = now_us() + 3_600_000_000
    with house.control() as store:
        home = store.house().home
        keys.create(store, house.pepper, home, ME, 1, name="app", expires_us=soon)
    assert len(house.snapshot().keys) == 2
    time = [soon - 1]
    watch = Watch(house, lambda: time[0])
    assert not watch.changed()
    time[0] = soon
    assert watch.changed()
    watch.close()


def test_a_world_in_which_nothing_has_changed_is_not_made_again(tmp_path):
    house = make_house(tmp_path)
    world = house.snapshot()
    assert house.current(world) is world
    house.config_path.write_text("aliases: {fast: '@sim/chat'}")
    changed = house.current(world)
    assert changed.aliases == {"fast": "@sim/chat"}
    with House(house.data, None, SCOPES, house.environment).control() as store:
        keys.create(store, house.pepper, store.house().home, ME, 1, name="app")
    more = house.current(changed)
    assert (len(more.keys), len(changed.keys)) == (2, 1)
    assert house.current(more) is more


def test_a_world_in_which_a_key_has_expired_is_made_again(tmp_path, monkeypatch):
    house = make_house(tmp_path)
    soon = now_us() + 3_600_000_000
    with house.control() as store:
        keys.create(store, house.pepper, store.house().home, ME, 1, name="app", expires_us=soon)
    world = house.snapshot()
    assert house.current(world) is world
    monkeypatch.setattr("lockgate.control.house.now_us", lambda: soon)
    assert house.current(world) is not world


def test_a_store_whose_root_key_is_not_here_is_told(tmp_path):
    house = make_house(tmp_path)
    house.snapshot()
    (house.data / "root.secret").write_text("0123456789abcdef" * 4)
    with pytest.raises(StoreError, match=r"root\.secret"):
        House(house.data, None, SCOPES, {}).snapshot()


def test_the_control_store_may_be_at_a_server(tmp_path):
    url = new_database()
    house = House(tmp_path / "data", None, SCOPES, {"LOCKGATE_CONTROL_URL": url})
    house.open()
    house.first_admin_key(1)
    assert len(house.snapshot().keys) == 1
    watch = Watch(house)
    assert not watch.changed()
    with house.control() as store:
        keys.create(store, house.pepper, store.house().home, ME, 1, name="app")
    assert watch.changed()
    watch.close()
    assert not (house.data / "control.db").exists()


def test_the_keys_of_an_older_gateway_go_on_to_hold(tmp_path):
    """A data directory as Lockgate 0.1 left it: its root secret, and its table of keys."""
    data = tmp_path / "data"
    data.mkdir()
    root = bytes(range(32))
    (data / "root.secret").write_text(root.hex())
    text = "lg_0123456789ab_a-secret-of-old"
    hashed = digest(derive(root, "gateway-keys"), keys.sha256(text))
    db = sqlite3.connect(data / "control.db")
    db.execute(
        "CREATE TABLE keys (id TEXT PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, scopes TEXT NOT NULL,"
        " models TEXT NOT NULL, created_us INTEGER NOT NULL, revoked_us INTEGER) STRICT"
    )
    db.execute("INSERT INTO keys VALUES ('0123456789ab', 'old', ?, '[\"admin\"]', '[]', 5, NULL)", (hashed,))
    db.commit()
    db.close()
    house = House(data, None, SCOPES, {})
    house.open()
    assert house.first_admin_key(1) == ""
    principal, _ = admit({b"authorization": f"Bearer {text}".encode()}, house.snapshot())
    assert principal.id == "0123456789ab"
