"""The schema's history: what earlier versions left is taken over, what later ones made is refused."""

import sqlite3
import threading

import pytest

from lockgate.core.tenancy import ApiKey, Tenant
from lockgate.stores.control import schema
from lockgate.stores.control.open import open_control, sqlite_url
from lockgate.stores.ports import StoreError
from support.tenants import NOW

#: As Lockgate 0.1 made it.
OLD = """
CREATE TABLE keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, scopes TEXT NOT NULL, models TEXT NOT NULL,
    created_us INTEGER NOT NULL, revoked_us INTEGER
) STRICT;
INSERT INTO keys VALUES ('a1', 'admin', x'aa', '["admin"]', '[]', 5, NULL);
INSERT INTO keys VALUES ('b2', 'app', x'bb', '[]', '["@sim/*"]', 6, NULL);
INSERT INTO keys VALUES ('c3', 'old', x'cc', '["completions.write"]', '[]', 7, 9);
"""


def test_the_keys_of_the_first_schema_are_taken_over(tmp_path, opened):
    db = sqlite3.connect(tmp_path / "control.db")
    db.executescript(OLD)
    db.close()
    store = opened(sqlite_url(tmp_path / "control.db"))
    home = store.house().home
    keys = {key.name: key for key in store.page(Tenant(home.organisation), ApiKey).rows}
    assert (keys["admin"].id, keys["admin"].digest, keys["admin"].scopes) == ("a1", b"\xaa", ["admin"])
    assert keys["admin"].workspace == ""
    assert (keys["app"].models, keys["app"].created_us, keys["app"].revoked_us) == (["@sim/*"], 6, 0)
    assert keys["app"].workspace == home.workspace
    assert keys["old"].status(NOW) == "revoked"
    assert {key.id for key in store.changes([ApiKey]).rows[ApiKey]} == {"a1", "b2", "c3"}
    db = sqlite3.connect(tmp_path / "control.db")
    assert db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'keys'").fetchall() == []
    db.close()


def test_each_step_is_made_once(url, opened):
    first = opened(url)
    assert first.migrated == len(schema.STEPS)
    assert opened(url).migrated == 0
    assert opened(url).house() == first.house()


def test_of_many_who_come_at_once_one_migrates(url):
    ready, made = threading.Barrier(4), []

    def come():
        ready.wait()
        store = open_control(url, NOW)
        made.append((store.migrated, store.house()))
        store.close()

    threads = [threading.Thread(target=come) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(steps for steps, _ in made) == [0, 0, 0, len(schema.STEPS)]
    assert len({house for _, house in made}) == 1


def test_a_step_that_fails_leaves_everything_as_it_was(url, opened, monkeypatch):
    opened(url).close()

    def half(driver, connection, now_us):
        connection.run("CREATE TABLE half (x TEXT)")
        raise RuntimeError

    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, half))
    with pytest.raises(RuntimeError):
        open_control(url, NOW)
    monkeypatch.setattr(schema, "STEPS", schema.STEPS[:-1])
    store = opened(url)
    with store._driver.reading() as connection:
        assert not store._driver.has_table(connection, "half")


def test_a_newer_schema_is_refused_and_says_so(url, opened):
    store = opened(url)
    with store._driver.writing() as connection:
        connection.run("UPDATE schema SET version = version + 1")
    with pytest.raises(StoreError, match="newer Lockgate"):
        open_control(url, NOW)


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite://x", "mysql://x", "control.db"])
def test_a_url_that_names_no_store_is_told(url):
    with pytest.raises(StoreError, match="sqlite://"):
        open_control(url, NOW)


def test_a_server_without_its_driver_is_told(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError

    monkeypatch.setattr("lockgate.stores.control.open.import_module", missing)
    with pytest.raises(StoreError, match=r"lockgate\[postgres\]"):
        open_control("postgresql://x/y", NOW)
