import pytest

from lockgate.control import keys
from lockgate.control.config import KeyEntry
from lockgate.core.failure import Refusal
from lockgate.pipeline.admit import digest
from lockgate.stores.keys import KeyStore

PEPPER = b"p" * 32
SCOPES = frozenset({"completions.write", "models.list"})
KEY = "a-key-that-nobody-guesses-19"


@pytest.fixture
def store(tmp_path):
    store = KeyStore(tmp_path / "control.db")
    yield store
    store.close()


def known(stored=(), entries=(), environment=None, mistakes=None):
    return keys.principals(stored, list(entries), environment or {}, PEPPER, SCOPES, [] if mistakes is None else mistakes)


def test_a_made_key_is_found_by_its_digest(store):
    key, text = keys.create(store, PEPPER, "app", [], ["@sim/*"], 5)
    found = known(store.all())[digest(PEPPER, keys.sha256(text))]
    assert (found.id, found.name, found.models) == (key.id, "app", ("@sim/*",))
    assert found.scopes == SCOPES


def test_a_revoked_key_is_not_found(store):
    key, _ = keys.create(store, PEPPER, "app", [], [], 5)
    keys.revoke(store, key.id, 6)
    assert known(store.all()) == {}
    assert store.all()[0].revoked_us == 6


def test_a_key_is_revoked_once(store):
    key, _ = keys.create(store, PEPPER, "app", [], [], 5)
    keys.revoke(store, key.id, 6)
    with pytest.raises(Refusal, match="No key with the id"):
        keys.revoke(store, key.id, 7)


def test_the_file_holds_no_key(store, tmp_path):
    _, text = keys.create(store, PEPPER, "app", [], [], 5)
    store.close()
    assert text.encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_another_connection_sees_a_new_version(store, tmp_path):
    other = KeyStore(tmp_path / "control.db")
    before = store.version()
    keys.create(other, PEPPER, "app", [], [], 5)
    other.close()
    assert store.version() != before


def test_a_key_of_the_configuration_by_hash_and_by_text():
    entries = [KeyEntry("a", hash=f"sha256:{keys.sha256(KEY).hex()}"), KeyEntry("b", key=KEY + "2", scopes=["admin"])]
    found = {principal.name: principal for principal in known(entries=entries).values()}
    assert found["a"].id == "config:a"
    assert found["b"].may("admin")


def test_the_admin_key_comes_from_the_environment():
    (admin,) = known(environment={keys.ADMIN: KEY}).values()
    assert admin.may("completions.write")
    assert admin.may("admin")


@pytest.mark.parametrize(
    ("entry", "path"),
    [
        (KeyEntry("a"), "keys[0]"),
        (KeyEntry("a", hash="sha256:00", key=KEY), "keys[0]"),
        (KeyEntry("a", hash="sha256:zz"), "keys[0].hash"),
        (KeyEntry("a", hash="md5:" + "00" * 32), "keys[0].hash"),
        (KeyEntry("a", key="weak"), "keys[0].key"),
        (KeyEntry("a", key=KEY, scopes=["fly"]), "keys[0].scopes"),
    ],
)
def test_a_wrong_entry_is_a_mistake_with_its_path(entry, path):
    mistakes = []
    known(entries=[entry], mistakes=mistakes)
    assert [mistake.path for mistake in mistakes] == [path]
