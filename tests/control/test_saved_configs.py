import pytest

from lockgate.control import saved_configs as configs
from lockgate.control.stored import Stored
from lockgate.core.failure import Refusal
from lockgate.core.holdings import ConfigVersion, SavedConfig
from lockgate.core.tenancy import Workspace
from lockgate.stores.control.open import open_control, sqlite_url
from lockgate.stores.control.query import Taken
from support.tenants import KEY, ME, NOW, found_another

A, B = {"provider": "openai"}, {"provider": "anthropic"}


@pytest.fixture
def store(tmp_path):
    store = open_control(sqlite_url(tmp_path / "control.db"), NOW)
    store.audit_key = KEY
    yield store
    store.close()


@pytest.fixture
def home(store):
    return store.house().home


def make(store, home, **said):
    with store.change(home, ME, NOW) as change:
        return configs.create(change, home, **{"name": "My config", "config": A, **said})


def routes(store, home):
    stored = Stored()
    stored.follow(store, None, frozenset(), NOW)
    return stored.parts[home.workspace].configs


def versions(store, home, saved):
    return [bytes(each.config) for each in store.page(home, ConfigVersion, of=saved.id).rows]


def test_a_config_is_kept_under_a_slug_of_its_own(store, home):
    saved = make(store, home)
    assert saved.slug.startswith("pc-my-config-")
    assert routes(store, home)[saved.slug].provider == "openai"
    assert versions(store, home, saved) == [b'{"provider":"openai"}']
    with pytest.raises(Taken):
        make(store, home, slug=saved.slug)


def test_a_change_makes_a_version_and_keeps_the_ones_before(store, home):
    saved = make(store, home, slug="pc-a")
    with store.change(home, ME, NOW + 1) as change:
        second = configs.update(change, "pc-a", config=B, author="ann")
    assert second.number == 2
    assert routes(store, home)["pc-a"].provider == "anthropic"
    assert versions(store, home, saved) == [b'{"provider":"anthropic"}', b'{"provider":"openai"}']


def test_a_new_name_or_the_same_config_makes_none(store, home):
    saved = make(store, home, slug="pc-a")
    with store.change(home, ME, NOW) as change:
        renamed = configs.update(change, "pc-a", name="Other", config=A)
        assert configs.update(change, "pc-a") == renamed
    assert (renamed.name, renamed.number) == ("Other", 1)
    assert len(versions(store, home, saved)) == 1


def test_an_archived_config_is_not_used(store, home):
    make(store, home, slug="pc-a")
    make(store, home, slug="pc-b")
    with store.change(home, ME, NOW) as change:
        configs.update(change, "pc-a", status="archived")
    assert routes(store, home).keys() == {"pc-b"}


@pytest.mark.parametrize(
    ("config", "path"),
    [({"surprise": 1}, "config"), ({"strategy": {"mode": "conditional"}, "targets": [{}]}, "config.strategy")],
)
def test_a_config_that_cannot_be_one_is_refused_with_its_path(store, home, config, path):
    with pytest.raises(Refusal) as told:
        make(store, home, config=config)
    assert told.value.param.startswith(path)
    assert store.page(home, SavedConfig).total == 0


def test_one_config_is_the_default_of_its_workspace(store, home):
    make(store, home, slug="pc-a", default=True)
    make(store, home, slug="pc-b")
    assert store.get(home, Workspace, home.workspace).defaults.config == "pc-a"
    with store.change(home, ME, NOW) as change:
        configs.update(change, "pc-b", default=True)
        configs.update(change, "pc-b", default=True)
    assert {each.slug: each.is_default for each in store.page(home, SavedConfig).rows} == {"pc-a": False, "pc-b": True}
    with store.change(home, ME, NOW) as change:
        configs.remove(change, "pc-b")
    assert store.get(home, Workspace, home.workspace).defaults.config == ""


def test_a_config_goes_with_its_versions(store, home):
    saved = make(store, home, slug="pc-a")
    with store.change(home, ME, NOW) as change:
        configs.remove(change, "pc-a")
    assert versions(store, home, saved) == []


def test_a_config_of_another_organisation_is_not_there(store, home):
    other = found_another(store, ME, NOW)
    make(store, other, slug="pc-a")
    for act in (configs.update, configs.remove):
        with pytest.raises(Refusal) as told, store.change(home, ME, NOW) as change:
            act(change, "pc-a")
        assert told.value.status == 404
