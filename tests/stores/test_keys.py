import os

import pytest

from lockgate.stores.keys import KeyStore, StoredKey
from lockgate.stores.ports import StoreError

KEY = StoredKey("1", "app", b"d" * 32, [], [], 5)


def test_a_key_is_kept_and_found_again(tmp_path):
    store = KeyStore(tmp_path / "control.db")
    store.add(KEY)
    store.close()
    again = KeyStore(tmp_path / "control.db")
    assert again.all() == [KEY]
    again.close()


def test_only_its_owner_may_read_it(tmp_path):
    store = KeyStore(tmp_path / "control.db")
    assert (tmp_path / "control.db").stat().st_mode & 0o077 == 0
    store.close()


def test_a_file_that_is_no_store_is_told_with_its_path(tmp_path):
    (tmp_path / "control.db").write_bytes(b"garbage" * 1000)
    with pytest.raises(StoreError, match=r"control\.db.*not a database"):
        KeyStore(tmp_path / "control.db")


def test_a_store_that_goes_bad_while_open_is_told(tmp_path):
    store = KeyStore(tmp_path / "control.db")
    store.add(KEY)
    store.close()
    store = KeyStore(tmp_path / "control.db")
    os.truncate(tmp_path / "control.db", 5000)
    with pytest.raises(StoreError):
        store.all()
    with pytest.raises(StoreError):
        store.add(KEY)
    with pytest.raises(StoreError):
        store.revoke("1", 6)
    store.close()
    with pytest.raises(StoreError):
        store.version()


def test_a_directory_that_is_not_there_is_told(tmp_path):
    with pytest.raises(StoreError, match="nowhere"):
        KeyStore(tmp_path / "nowhere" / "control.db")
