"""The vault: what is sealed opens in its place, unaltered, and nowhere else."""

import ast
import secrets
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lockgate
from lockgate.control.kms.local import LocalRoot, read_roots, seal, unseal
from lockgate.control.kms.port import Ring, RootError, Tampered
from lockgate.control.secrets import WeakSecret
from lockgate.control.vault import Vault, masked, open_house, rewrap_all, take_root
from lockgate.core.holdings import Sealed
from lockgate.core.tenancy import Tenant
from lockgate.stores.control.open import open_control, sqlite_url
from lockgate.stores.ports import StoreError
from support.tenants import ME, NOW

ROOTS = [LocalRoot(bytes([n]) * 32) for n in range(3)]
VAULT = Vault(Ring(ROOTS[:1]))
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(texts, texts, texts, texts, st.integers(0, 1 << 40))
def test_what_goes_in_comes_out(secret, organisation, owner, field, number):
    sealed = VAULT.seal(organisation, owner, field, secret, number)
    assert VAULT.reveal(msgspec.json.decode(msgspec.json.encode(sealed), type=Sealed)) == secret


@given(st.data())
@settings(max_examples=200)
def test_a_bit_that_flips_is_noticed(data):
    sealed = VAULT.seal("o", "r", "key", "a secret")
    part = data.draw(st.sampled_from(["wrapped", "box"]))
    value = bytearray(getattr(sealed, part))
    value[data.draw(st.integers(0, len(value) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Tampered):
        VAULT.reveal(msgspec.structs.replace(sealed, **{part: bytes(value)}))


@given(st.data())
def test_what_is_cut_short_or_longer_is_noticed(data):
    sealed = VAULT.seal("o", "r", "key", "a secret")
    part = data.draw(st.sampled_from(["wrapped", "box"]))
    value = getattr(sealed, part)
    other = data.draw(st.one_of(st.integers(0, len(value) - 1).map(lambda n: value[:n]), st.just(value + b"\0")))
    with pytest.raises(Tampered):
        VAULT.reveal(msgspec.structs.replace(sealed, **{part: other}))


@given(st.fixed_dictionaries({"organisation": texts, "owner": texts, "field": texts, "number": st.integers(0, 99)}))
def test_in_another_place_it_opens_nothing(place):
    sealed = VAULT.seal("o", "r", "key", "a secret", 1)
    moved = msgspec.structs.replace(sealed, **place)
    if moved == sealed:
        return
    with pytest.raises(Tampered):
        VAULT.reveal(moved)


def test_places_that_read_the_same_are_not_the_same():
    sealed = VAULT.seal("o", "ab", "c", "a secret")
    with pytest.raises(Tampered):
        VAULT.reveal(msgspec.structs.replace(sealed, owner="a", field="bc"))


def test_a_box_under_another_data_key_opens_nothing():
    one, two = (VAULT.seal("o", "r", "key", text) for text in ("one", "two"))
    with pytest.raises(Tampered):
        VAULT.reveal(msgspec.structs.replace(one, box=two.box))
    assert VAULT.reveal(msgspec.structs.replace(one, box=two.box, wrapped=two.wrapped)) == "two"  # the same place


def test_nothing_is_sealed_twice_alike():
    boxes = {VAULT.seal("o", "r", "key", "same").box for _ in range(50)}
    assert len(boxes) == 50
    assert len({box[:12] for box in boxes}) == 50


def test_a_secret_is_nowhere_in_what_is_stored():
    sealed = VAULT.seal("o", "r", "key", "sk-proj-0123456789abcdef")
    stored = msgspec.json.encode(sealed)
    assert b"0123456789ab" not in stored
    assert sealed.hint == "cdef"
    assert "sk-" not in repr(sealed) + repr(VAULT)


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("sk-0123456789abcdef", "cdef"),
        ("short-secret", ""),
        ("a passphrase of words", ""),
        ('{"type": "service_account"}\n', ""),
        ("schlüssel-0123456789", ""),
        ("", ""),
    ],
)
def test_at_most_four_letters_of_a_long_secret_are_shown(secret, shown):
    assert masked(secret) == shown


# --- root keys


def test_a_secret_is_read_with_an_old_root_and_wrapped_by_the_new_one():
    sealed = VAULT.seal("o", "r", "key", "a secret")
    both = Vault(Ring([ROOTS[1], ROOTS[0]]))
    assert both.reveal(sealed) == "a secret"
    again = both.rewrap(sealed)
    assert (again.root, again.box) == (ROOTS[1].id, sealed.box)
    assert Vault(Ring([ROOTS[1]])).reveal(again) == "a secret"
    with pytest.raises(RootError, match=ROOTS[1].id):
        VAULT.reveal(again)


def test_a_wrapped_key_is_bound_to_its_root():
    sealed = VAULT.seal("o", "r", "key", "a secret")
    with pytest.raises(Tampered):
        Vault(Ring([ROOTS[0], ROOTS[1]])).reveal(msgspec.structs.replace(sealed, root=ROOTS[1].id))


def test_a_ring_is_not_empty_and_shows_no_key():
    with pytest.raises(RootError):
        Ring([])
    assert ROOTS[0].id in repr(Ring(ROOTS))
    assert "00" * 8 not in repr(ROOTS[0])


def test_root_keys_are_read_from_a_text_the_newest_first():
    one, two = secrets.token_hex(32), secrets.token_hex(32)
    assert read_roots(f"{one}\n{two}\n", "x") == read_roots(f" {one},{two}", "x") == [bytes.fromhex(one), bytes.fromhex(two)]


@pytest.mark.parametrize("text", ["", "ab" * 31, "zz" * 32, "0" * 64, "ab" * 32 + "c", f"{'12345678' * 8} 1234"])
def test_a_weak_root_key_is_refused_and_not_repeated(text):
    with pytest.raises(WeakSecret, match=r"root\.secret must hold") as told:
        read_roots(text, "root.secret")
    assert not text or text not in str(told.value)


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_sealing_binds_what_is_said(data, bound):
    box = seal(b"k" * 32, data, bound)
    assert unseal(b"k" * 32, box, bound) == data
    with pytest.raises(Tampered):
        unseal(b"k" * 32, box, bound + b"!")


# --- in a store


@pytest.fixture
def store(tmp_path):
    store = open_control(sqlite_url(tmp_path / "control.db"), NOW)
    yield store
    store.close()


def first(purpose):
    return purpose.encode().ljust(32, b".")


def test_the_houses_keys_stay_when_the_root_is_rotated(store):
    keys = open_house(store, Ring(ROOTS[:1]), first)
    assert keys == {purpose: first(purpose) for purpose in ("gateway-keys", "audit", "identity")}
    both = Ring([ROOTS[1], ROOTS[0]])
    assert open_house(store, both, first) == keys  # the new one is known, and not in use
    assert store.house().root == ROOTS[0].id
    assert take_root(store, both, keys)
    assert not take_root(store, both, keys)
    assert open_house(store, Ring([ROOTS[1]]), lambda _: b"other") == keys
    with pytest.raises(RootError):
        open_house(store, Ring(ROOTS[:1]), first)


def test_of_two_who_open_a_new_store_the_second_takes_the_firsts_keys(store, monkeypatch):
    ring = Ring(ROOTS[:1])
    open_house(store, ring, first)
    found = store.house_keys()
    answers = iter([{}, found])
    monkeypatch.setattr(store, "house_keys", lambda: next(answers))
    assert open_house(store, ring, lambda _: b"of the second")["audit"] == first("audit")


def test_a_store_of_an_older_version_gets_the_keys_that_it_lacks_once(store):
    ring = Ring(ROOTS[:1])
    keys = open_house(store, ring, first)
    with store._driver.writing() as connection:
        connection.run("DELETE FROM house_keys WHERE purpose = 'identity'")
    assert open_house(store, ring, lambda purpose: b"new " + purpose.encode()) == {**keys, "identity": b"new identity"}
    assert open_house(store, ring, first)["identity"] == b"new identity"


def test_of_two_who_bring_a_missing_key_the_first_one_s_stays(store, monkeypatch):
    ring = Ring(ROOTS[:1])
    open_house(store, ring, first)
    found = store.house_keys()
    answers = iter([{purpose: key for purpose, key in found.items() if purpose != "identity"}])
    real = store.house_keys
    monkeypatch.setattr(store, "house_keys", lambda: next(answers, None) or real())
    assert open_house(store, ring, lambda _: b"of the second")["identity"] == first("identity")


def test_a_houses_key_is_bound_to_its_purpose(store):
    open_house(store, Ring(ROOTS[:1]), first)
    with store._driver.writing() as connection:
        connection.run("UPDATE house_keys SET wrapped = (SELECT wrapped FROM house_keys WHERE purpose = 'audit')")
    with pytest.raises(Tampered):
        open_house(store, Ring(ROOTS[:1]), first)


def filled(store, count):
    keys = open_house(store, Ring(ROOTS[:1]), first)
    store.audit_key = keys["audit"]
    home = Tenant(store.house().organisation)
    with store.change(home, ME, NOW) as change:
        return [change.add(VAULT.seal(home.organisation, "owner", f"field {n}", f"secret {n}")) for n in range(count)]


def taken(store):
    """A new root key before the old one, taken into use."""
    both = Ring([ROOTS[1], ROOTS[0]])
    assert take_root(store, both, open_house(store, both, first))
    return both


def test_nothing_is_sealed_by_a_root_key_that_was_replaced(store):
    filled(store, 1)
    taken(store)
    tenant = Tenant(store.house().organisation)
    with pytest.raises(StoreError, match="try again"), store.change(tenant, ME, NOW) as change:
        change.add(VAULT.seal(tenant.organisation, "owner", "late", "secret"))


def test_a_ring_wraps_by_the_key_that_is_in_use():
    assert Ring(ROOTS).current is ROOTS[0]
    assert Ring(ROOTS, ROOTS[1].id).current is ROOTS[1]
    assert Ring(ROOTS, "another").current is ROOTS[0]


def test_every_secret_is_wrapped_anew_in_batches(store):
    filled(store, 7)
    both = taken(store)
    assert rewrap_all(store, both, ME, NOW, batch=3) == 7
    assert rewrap_all(store, both, ME, NOW) == 0
    new = Vault(Ring([ROOTS[1]]))
    assert {new.reveal(each) for each in store.page(Tenant(store.house().organisation), Sealed).rows} == {
        f"secret {n}" for n in range(7)
    }
    assert (store.wraps(ROOTS[0].id), store.wraps(ROOTS[1].id)) == (7, 7)
    assert [entry.action for entry in store.audit(Tenant(store.house().organisation))][:7] == ["rotate"] * 7


def test_a_rotation_that_is_stopped_goes_on_later(store, monkeypatch):
    filled(store, 7)
    both = taken(store)
    rewrap, left = Vault.rewrap, iter(range(5))

    def stopped(vault, sealed):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return rewrap(vault, sealed)

    monkeypatch.setattr(Vault, "rewrap", stopped)
    with pytest.raises(KeyboardInterrupt):
        rewrap_all(store, both, ME, NOW, batch=3)
    monkeypatch.setattr(Vault, "rewrap", rewrap)
    assert {both.root(each.root).id for each in store.page(Tenant(store.house().organisation), Sealed).rows} == {
        ROOTS[0].id,
        ROOTS[1].id,
    }
    assert all(Vault(both).reveal(each) for each in store.page(Tenant(store.house().organisation), Sealed).rows)
    assert rewrap_all(store, both, ME, NOW, batch=3) == 4


def test_a_secret_that_is_removed_during_a_rotation_is_let_go(store, monkeypatch):
    (sealed,) = filled(store, 1)
    answers = iter([[(sealed.organisation, "gone"), (sealed.organisation, sealed.id)], []])
    monkeypatch.setattr(store, "sealed_by_others", lambda root, limit: next(answers))
    assert rewrap_all(store, taken(store), ME, NOW) == 1


#: Who may see secrets.
REVEALERS = {"control/stored.py", "control/vault.py", "control/identity/login.py", "control/sinks/secrets.py"}


def test_only_what_must_reveals():
    house = Path(lockgate.__file__).parent
    callers = {
        str(path.relative_to(house))
        for path in house.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "reveal"
    }
    assert callers <= REVEALERS
