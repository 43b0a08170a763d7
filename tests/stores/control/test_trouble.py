"""A database that is locked, full, damaged, gone or hanging: a sentence within a time, and never an empty answer."""

import os
import socket
import sqlite3
import subprocess
import time
from contextlib import contextmanager

import pytest

from lockgate.core.tenancy import ApiKey
from lockgate.stores.control.open import open_control, sqlite_url
from lockgate.stores.control.sqlite import SqliteDriver
from lockgate.stores.control.store import ControlStore
from lockgate.stores.ports import StoreError
from support import postgres
from support.tenants import KEY, ME, NOW, api_key


@pytest.fixture
def file(tmp_path):
    return tmp_path / "control.db"


@pytest.fixture
def quick(file):
    """A store that does not wait long."""
    store = ControlStore(SqliteDriver(file, busy_s=0.05), NOW)
    store.audit_key = KEY
    yield store
    store.close()


def add(store, **more):
    home = store.house().home
    with store.change(home, ME, NOW) as change:
        return change.add(api_key(home, **more))


def test_only_its_owner_may_read_the_file(quick, file):
    assert file.stat().st_mode & 0o077 == 0


def test_a_writer_that_does_not_end_is_waited_for_and_told(quick, file):
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match=r"control\.db: database is locked"):
        add(quick)
    assert quick.page(quick.house().home, ApiKey).total == 0  # readers go on
    other.execute("ROLLBACK")
    other.close()
    assert add(quick)


def test_a_file_that_is_no_store_is_told_with_its_path(file):
    file.write_bytes(b"garbage" * 1000)
    with pytest.raises(StoreError, match=r"control\.db.*not a database"):
        open_control(sqlite_url(file), NOW)


def test_a_directory_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StoreError, match="nowhere"):
        open_control(sqlite_url(tmp_path / "nowhere" / "control.db"), NOW)


def test_a_store_that_goes_bad_while_open_is_told(quick, file):
    key = add(quick)
    quick.close()
    store = open_control(sqlite_url(file), NOW)
    home = store.house().home
    os.truncate(file, 5000)
    for call in (
        lambda: store.get(home, ApiKey, key.id),
        lambda: store.page(home, ApiKey),
        lambda: store.changes([ApiKey]),
        store.house,
    ):
        with pytest.raises(StoreError):
            call()
    store.close()
    with pytest.raises(StoreError):
        store.same()


def test_a_house_without_its_row_is_told_not_guessed(quick):
    with quick._driver.writing() as connection:
        connection.run("DELETE FROM house")
    with pytest.raises(StoreError, match="backup"):
        quick.house()


@contextmanager
def small_disk(path):
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(path)], capture_output=True).returncode:
        pytest.skip("only root may mount")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


def test_a_full_disk_is_told_and_passes(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        store = ControlStore(SqliteDriver(disk / "control.db"), NOW)
        store.audit_key = KEY
        kept = [add(store)]
        (disk / "ballast").write_bytes(bytes(disk.stat().st_blksize * 10))
        with pytest.raises(StoreError, match=r"control\.db: .*(full|I/O)"):
            for _ in range(500):
                kept.append(add(store, description="x" * 20_000))
        home = store.house().home
        assert store.page(home, ApiKey).total == len(kept)
        (disk / "ballast").unlink()
        kept.append(add(store))
        assert store.page(home, ApiKey).total == len(kept)
        assert sum(1 for _ in store.chain()) == len(kept)
        store.close()


# --- a server


@pytest.fixture
def served(opened):
    """A store at a server that waits for half a second, and its URL."""
    from lockgate.stores.control.postgres import PostgresDriver

    url = postgres.new_database()
    store = ControlStore(PostgresDriver(url, deadline_s=0.5), NOW)
    store.audit_key = KEY
    yield store, url
    store.close()


def test_a_server_that_refuses_is_told_without_its_password(opened):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(StoreError, match=rf"postgresql://127.0.0.1:{port}/x: .*refused") as told:
        open_control(f"postgresql://me:secret@127.0.0.1:{port}/x", NOW)
    assert "secret" not in str(told.value)


def test_a_server_that_takes_the_connection_and_says_nothing_is_given_up(monkeypatch):
    monkeypatch.setattr("lockgate.stores.control.postgres.CONNECT_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        with pytest.raises(StoreError):
            open_control(f"postgresql://127.0.0.1:{listener.getsockname()[1]}/x?sslmode=disable", NOW)
    assert time.monotonic() - began < 6


def test_a_server_that_hangs_is_given_up_and_found_again(served):
    store, url = served
    home = store.house().home
    key = add(store)
    began = time.monotonic()
    with postgres.hung(url):
        with pytest.raises(StoreError, match="does not answer"):
            store.get(home, ApiKey, key.id)
        assert time.monotonic() - began < 4
    assert store.get(home, ApiKey, key.id) == key


def test_a_server_that_was_restarted_is_found_again(served):
    store, url = served
    home = store.house().home
    key = add(store)
    postgres.close_connections(url)
    with pytest.raises(StoreError):
        store.get(home, ApiKey, key.id)
    assert store.get(home, ApiKey, key.id) == key


def test_a_connection_that_ends_within_a_change_undoes_it(served):
    store, url = served
    home = store.house().home
    with pytest.raises(StoreError), store.change(home, ME, NOW) as change:
        change.add(api_key(home))
        postgres.close_connections(url)
        change.add(api_key(home))
    assert store.page(home, ApiKey).total == 0


def test_a_server_that_is_read_only_is_told(served):
    import psycopg

    store, url = served
    name = url.partition("?")[0].rsplit("/", 1)[1]
    with psycopg.connect(postgres.server().get_uri(), autocommit=True) as db:
        db.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    store.close()  # the next connection has the new setting
    home = store.house().home
    with pytest.raises(StoreError, match="read-only"):
        add(store)
    assert store.page(home, ApiKey).total == 0


def test_a_writer_that_does_not_end_at_the_server_is_told(served):
    from lockgate.stores.control.postgres import PostgresDriver

    store, url = served
    other = PostgresDriver(url)
    with other.writing(), pytest.raises(StoreError, match="timeout"):
        add(store)
    other.close()
    assert add(store)


def test_a_failure_of_our_own_within_a_change_keeps_the_connection(served):
    store, _ = served
    home = store.house().home
    with pytest.raises(RuntimeError), store.change(home, ME, NOW) as change:
        change.add(api_key(home))
        raise RuntimeError
    assert store.page(home, ApiKey).total == 0
    assert "password" not in repr(store)
