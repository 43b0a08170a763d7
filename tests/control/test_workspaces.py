import pytest

from lockgate.control import saved_configs, workspaces
from lockgate.core.failure import Refusal
from lockgate.core.holdings import ConfigVersion, SavedConfig
from lockgate.core.tenancy import Policy, Tenant, Workspace, new_id
from lockgate.stores.control.open import open_control, sqlite_url
from lockgate.stores.control.query import Absent, Taken
from support.tenants import KEY, ME, NOW, found_another, one_of_each


@pytest.fixture
def store(tmp_path):
    store = open_control(sqlite_url(tmp_path / "control.db"), NOW)
    store.audit_key = KEY
    yield store
    store.close()


@pytest.fixture
def whole(store):
    return Tenant(store.house().organisation)


def make(store, whole, **said):
    with store.change(whole, ME, NOW) as change:
        return workspaces.create(change, whole, **{"name": "Team A", **said})


def test_a_slug_is_made_of_the_name(store, whole):
    assert make(store, whole).slug.startswith("ws-team-a-")
    assert make(store, whole).slug != make(store, whole).slug
    assert make(store, whole, name="日本").slug.startswith("ws-")
    make(store, whole, slug="mine")
    with pytest.raises(Taken):
        make(store, whole, slug="mine")


def test_it_is_found_by_id_and_slug_within_its_organisation(store, whole):
    made = make(store, whole, slug="mine")
    there = found_another(store, ME, NOW)
    with store.change(whole, ME, NOW) as change:
        assert workspaces.named(change, made.id) == workspaces.named(change, "mine") == made
    with store.change(Tenant(there.organisation), ME, NOW) as change, pytest.raises(Refusal) as caught:
        workspaces.named(change, made.id)
    assert (caught.value.status, caught.value.code) == (404, "workspace_not_found")


def test_all_that_it_can_have_goes_with_it_and_nothing_else(store, whole):
    """A noun that is new and can belong to a workspace keeps it from going, until it is told how."""
    made, other = make(store, whole), make(store, whole)
    here, there = (Tenant(whole.organisation, each.id) for each in (made, other))
    with store.change(whole, ME, NOW) as change:
        for row in [*one_of_each(here), *one_of_each(there)]:
            change.add(row)
    with store.change(whole, ME, NOW) as change, pytest.raises(Refusal) as caught:
        workspaces.remove(change, made)
    assert caught.value.code == "workspace_not_empty"
    with store.change(whole, ME, NOW) as change:
        workspaces.remove(change, made, force=True)
    with pytest.raises(Absent):
        store.get(whole, Workspace, made.id)
    for row in one_of_each(here):
        if hasattr(row, "workspace"):
            assert not store.page(here, type(row)).rows, type(row)
            assert store.page(there, type(row)).total == 1, type(row)


def test_a_policy_keeps_it(store, whole):
    made = make(store, whole)
    with store.change(whole, ME, NOW) as change:
        change.add(Policy(id=new_id(), organisation=whole.organisation, workspace=made.id))
    with store.change(whole, ME, NOW) as change, pytest.raises(Refusal, match="policies"):
        workspaces.remove(change, made)


def test_its_default_config_is_marked_alone(store, whole):
    made = make(store, whole)
    here = Tenant(whole.organisation, made.id)
    with store.change(here, ME, NOW) as change:
        for slug in ("pc-a", "pc-b"):
            saved_configs.create(change, here, name=slug, slug=slug, config={"provider": "openai"}, default=slug == "pc-a")
        row = workspaces.set_default_config(change, change.get(Workspace, made.id), "pc-b")
        assert row.defaults.config == "pc-b"
        assert {each.slug for each in change.all(SavedConfig) if each.is_default} == {"pc-b"}
        assert workspaces.set_default_config(change, row, "pc-b") is row
        assert workspaces.set_default_config(change, row, "").defaults.config == ""
        assert not any(each.is_default for each in change.all(SavedConfig))
    assert store.page(here, ConfigVersion).total == 2
