import threading

import msgspec
import pytest

from lockgate.control import keys
from lockgate.control.references import FRESH_S, Resolver
from lockgate.control.watch import Watch
from lockgate.core.holdings import Integration, SecretMapping, SecretReference, VirtualKey
from lockgate.core.tenancy import Tenant, new_id
from support.house import make_house
from support.tenants import ME, NOW


@pytest.fixture
def house(tmp_path):
    house = make_house(tmp_path, "log: {capture: metadata}")
    house.snapshot()
    return house


def test_nothing_has_changed_at_first(house):
    watch = Watch(house)
    assert not watch.changed()
    watch.close()


def test_a_file_that_changes_is_noticed_once(house):
    watch = Watch(house)
    house.config_path.write_text("log: {capture: full}")
    assert watch.changed()
    assert not watch.changed()
    house.config_path.unlink()
    assert watch.changed()
    watch.close()


def test_what_changes_between_the_reading_and_the_first_look_is_noticed(house):
    house.config_path.write_text("log: {capture: full, body_limit: 10}")
    watch = Watch(house)
    assert watch.changed()
    assert not watch.changed()
    watch.close()


def test_a_price_list_that_appears_is_noticed(house):
    watch = Watch(house)
    house.price_list.write_text("{}")
    assert watch.changed()
    watch.close()


class Hanging:
    """A secret manager that answers only when it is let go, once it hangs; and what asks it."""

    def __init__(self):
        self.text, self.now, self.hangs = "sk-first-0123456789", 0.0, False
        self.let_go, self.asked = threading.Event(), threading.Event()
        self.threads = []
        self.resolver = Resolver({"file": self.fetch}, lambda: self.now)

    def fetch(self, reference, secrets):
        self.asked.set()
        if self.hangs:
            assert threading.current_thread() in self.threads, "whoever looks for changes waits for a secret manager"
            assert self.let_go.wait(30)
        return self.text

    def aside(self, work):
        thread = threading.Thread(target=work, daemon=True)
        self.threads.append(thread)
        thread.start()

    def hang(self):
        self.hangs = True
        self.asked.clear()

    def answer(self):
        self.let_go.set()
        for thread in self.threads:
            thread.join(30)


@pytest.fixture
def manager():
    manager = Hanging()
    yield manager
    manager.answer()


@pytest.fixture
def kept(house, manager):
    """A house with a provider whose secret is kept elsewhere, and a key."""
    house.resolver = manager.resolver
    with house.control() as store:
        home = store.house().home
        whole = Tenant(home.organisation)
        with store.change(whole, ME, NOW) as change:
            change.add(reference_of(home, "openai"))
            change.add(account_of(home, "openai"))
            change.add(provider_of(home, "openai"))
        key, _ = keys.create(store, house.pepper, home, ME, NOW, name="app")
    snapshot = house.snapshot()
    assert snapshot.providers["openai"].secret() == b"sk-first-0123456789"
    return key


def reference_of(home, name, path="p"):
    return SecretReference(
        id=f"reference-{name}", organisation=home.organisation, slug=name, name=name, manager_type="file", secret_path=path
    )


def account_of(home, name):
    mappings = [SecretMapping("key", name)]
    return Integration(
        id=f"account-{name}",
        organisation=home.organisation,
        workspace=home.workspace,
        slug=name,
        name=name,
        provider="openai",
        secret_mappings=mappings,
    )


def provider_of(home, name):
    return VirtualKey(
        id=new_id(),
        organisation=home.organisation,
        workspace=home.workspace,
        slug=name,
        name=name,
        integration=f"account-{name}",
    )


def knows(house, key):
    return any(who.id == key.id for who in house.snapshot().keys.values())


def test_a_key_is_revoked_while_a_secret_manager_hangs(house, kept, manager):
    watch = Watch(house, aside=manager.aside)
    manager.hang()
    manager.now = FRESH_S
    assert not watch.changed()
    assert manager.asked.wait(30)
    with house.control() as store:
        keys.revoke(store, Tenant(store.house().organisation), ME, NOW, kept.id)
    assert watch.changed() and not knows(house, kept)
    for _ in range(5):
        assert not watch.changed()
    assert len(manager.threads) == 1, "one at a time asks"
    assert house.snapshot().providers["openai"].secret() == b"sk-first-0123456789"
    manager.text = "sk-second-0123456789"
    manager.answer()
    assert watch.changed()
    assert house.snapshot().providers["openai"].secret() == b"sk-second-0123456789"
    watch.close()


def test_what_is_set_up_while_its_secret_manager_hangs_holds_up_nothing_else(house, kept, manager):
    watch = Watch(house, aside=manager.aside)
    manager.hang()
    with house.control() as store:
        home = store.house().home
        with store.change(Tenant(home.organisation), ME, NOW) as change:
            change.add(reference_of(home, "another"))
            change.add(account_of(home, "another"))
            change.add(provider_of(home, "another"))
        keys.revoke(store, Tenant(home.organisation), ME, NOW, kept.id)
    assert watch.changed() and not knows(house, kept)
    assert set(house.snapshot().providers) >= {"openai"} and "another" not in house.snapshot().providers
    assert not watch.changed()
    manager.answer()
    assert watch.changed()
    assert house.snapshot().providers["another"].secret() == b"sk-first-0123456789"
    watch.close()


def test_a_reference_that_points_elsewhere_keeps_its_secret_until_there_is_an_answer(house, kept, manager):
    watch = Watch(house, aside=manager.aside)
    manager.hang()
    with house.control() as store:
        home = store.house().home
        with store.change(Tenant(home.organisation), ME, NOW) as change:
            row = change.get(SecretReference, "reference-openai")
            change.put(msgspec.structs.replace(row, secret_path="elsewhere"))
    manager.text = "sk-elsewhere-0123456789"
    assert watch.changed()
    assert house.snapshot().providers["openai"].secret() == b"sk-first-0123456789"
    assert not watch.changed()
    manager.answer()
    assert watch.changed()
    assert house.snapshot().providers["openai"].secret() == b"sk-elsewhere-0123456789"
    watch.close()
