import msgspec
import pytest

from lockgate.control import keys
from lockgate.control.config import KeyEntry
from lockgate.control.stored import Stored
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Rotation, Tenant
from lockgate.pipeline.admit import digest
from lockgate.stores.control.open import open_control, sqlite_url
from support.tenants import KEY as AUDIT
from support.tenants import ME, NOW, found_another

PEPPER = b"p" * 32
SCOPES = frozenset({"completions.write", "models.list", "proxy.write"})
KEY = "a-key-that-nobody-guesses-19"
MINUTE = 60_000_000


@pytest.fixture
def store(tmp_path):
    store = open_control(sqlite_url(tmp_path / "control.db"), NOW)
    store.audit_key = AUDIT
    yield store
    store.close()


@pytest.fixture
def home(store):
    return store.house().home


def make(store, home, **more):
    return keys.create(store, PEPPER, home, ME, NOW, **{"name": "app", **more})


def known(store, now_us=NOW):
    """Who is known by which digest."""
    stored = Stored()
    stored.follow(store, None, SCOPES, now_us)
    return stored.keys


def who(store, text, now_us=NOW):
    return known(store, now_us).get(digest(PEPPER, keys.sha256(text)))


def declared(entries=(), environment=None, mistakes=None):
    return keys.principals(list(entries), environment or {}, PEPPER, SCOPES, [] if mistakes is None else mistakes)


def test_a_made_key_is_found_by_its_digest(store, home):
    key, text = make(store, home, models=["@sim/*"])
    found = who(store, text)
    assert (found.id, found.name, found.models) == (key.id, "app", ("@sim/*",))
    assert (found.organisation, found.workspace, found.view) == (home.organisation, home.workspace, "")
    assert found.scopes == SCOPES - {"proxy.write"}
    assert key.hint == text[-4:]


def test_a_key_that_may_administer_is_the_organisations(store, home):
    key, text = make(store, home, scopes=["admin"])
    assert key.workspace == ""
    assert who(store, text).scopes == SCOPES | {"admin"}


def test_members_of_a_key_are_kept(store, home):
    key, text = make(store, home, expires_us=NOW + 5, description="d", defaults={"config": "pc-x", "metadata": {"team": "a"}})
    assert store.get(home, ApiKey, key.id) == key
    assert (who(store, text).config, who(store, text).metadata) == ("pc-x", {"team": "a"})
    with pytest.raises(msgspec.ValidationError):
        make(store, home, defaults={"surprise": 1})


def test_a_revoked_key_is_not_found_and_stays_listed(store, home):
    key, text = make(store, home)
    keys.revoke(store, home, ME, NOW + 6, key.id)
    assert who(store, text) is None
    assert store.get(home, ApiKey, key.id).revoked_us == NOW + 6


def test_a_key_expires(store, home):
    _, text = make(store, home, expires_us=NOW + 5)
    assert who(store, text, NOW + 4) is not None
    assert who(store, text, NOW + 5) is None


def test_a_rotated_key_has_two_texts_for_a_while(store, home):
    key, old = make(store, home)
    rotated, new = keys.rotate(store, PEPPER, home, ME, NOW, key.id, 60_000)
    assert rotated.id == key.id
    assert who(store, new).id == who(store, old).id == key.id
    assert who(store, old, NOW + MINUTE) is None
    assert who(store, new, NOW + MINUTE) is not None


def test_the_time_of_transition_is_the_keys_own(store, home):
    key, old = make(store, home, rotation=Rotation(key_transition_period_ms=120_000))
    keys.rotate(store, PEPPER, home, ME, NOW, key.id)
    assert who(store, old, NOW + 2 * MINUTE - 1) is not None
    assert who(store, old, NOW + 2 * MINUTE) is None


def test_without_a_transition_the_old_text_is_refused_at_once(store, home):
    key, old = make(store, home)
    keys.rotate(store, PEPPER, home, ME, NOW, key.id, 0)
    assert who(store, old) is None


def test_an_old_text_outlives_neither_its_key_nor_a_second_rotation(store, home):
    key, first = make(store, home, expires_us=NOW + 5)
    _, second = keys.rotate(store, PEPPER, home, ME, NOW, key.id, 60_000)
    assert who(store, first, NOW + 5) is None
    keys.rotate(store, PEPPER, home, ME, NOW, key.id, 60_000)
    assert who(store, first) is None
    assert who(store, second) is not None
    keys.revoke(store, home, ME, NOW, key.id)
    assert known(store) == {}


def test_what_does_not_hold_is_neither_revoked_nor_rotated(store, home):
    key, _ = make(store, home)
    keys.revoke(store, home, ME, NOW, key.id)
    for act in (keys.revoke, lambda *given: keys.rotate(given[0], PEPPER, *given[1:])):
        for id in (key.id, "none"):
            with pytest.raises(Refusal, match="No key with the id"):
                act(store, home, ME, NOW, id)


def test_a_key_of_another_organisation_is_not_there(store, home):
    other = found_another(store, ME, NOW)
    key, text = make(store, other)
    for tenant in (home, Tenant(home.organisation)):
        with pytest.raises(Refusal):
            keys.revoke(store, tenant, ME, NOW, key.id)
        with pytest.raises(Refusal):
            keys.rotate(store, PEPPER, tenant, ME, NOW, key.id)
    assert who(store, text).view == other.workspace


def test_the_file_holds_no_key(store, home, tmp_path):
    _, text = make(store, home)
    store.close()
    secret = text.split("_", 2)[2]
    assert secret[:20].encode() not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_a_key_of_the_configuration_by_hash_and_by_text():
    entries = [KeyEntry("a", hash=f"sha256:{keys.sha256(KEY).hex()}"), KeyEntry("b", key=KEY + "2", scopes=["admin"])]
    found = {principal.name: principal for principal in declared(entries).values()}
    assert found["a"].id == "config:a"
    assert found["b"].may("admin")


def test_the_admin_key_comes_from_the_environment():
    (admin,) = declared(environment={keys.ADMIN: KEY}).values()
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
    declared([entry], mistakes=mistakes)
    assert [mistake.path for mistake in mistakes] == [path]
