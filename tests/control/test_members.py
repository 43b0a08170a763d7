import pytest

from lockgate.control import members
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import ApiKey, Membership, Tenant, User, Workspace, new_id
from lockgate.stores.control.open import open_control, sqlite_url
from support.tenants import KEY, ME, NOW, api_key


@pytest.fixture
def store(tmp_path):
    store = open_control(sqlite_url(tmp_path / "control.db"), NOW)
    store.audit_key = KEY
    yield store
    store.close()


@pytest.fixture
def whole(store):
    return Tenant(store.house().organisation)


@pytest.fixture
def change(store, whole):
    with store.change(whole, ME, NOW) as change:
        yield change


@pytest.fixture
def workspace(change):
    return change.find(Workspace, slug="default")


@pytest.fixture
def person(change, whole):
    def person(role="member"):
        return change.add(User(id=new_id(), organisation=whole.organisation, email=f"{new_id()}@example.com", role=role))

    return person


def test_someone_has_one_place_in_a_workspace(change, workspace, person):
    ann = person()
    seat = members.add(change, workspace, ann.id, "manager")
    assert members.named(change, workspace.id, ann.id) == seat
    with pytest.raises(Refusal) as caught:
        members.add(change, workspace, ann.id, "member")
    assert (caught.value.status, caught.value.code) == (409, "already_member")


def test_somebody_unknown_gets_none(change, workspace):
    for call in (lambda: members.add(change, workspace, "x", "member"), lambda: members.named(change, workspace.id, "x")):
        with pytest.raises(Refusal) as caught:
            call()
        assert caught.value.status == 404


def test_the_same_role_again_is_no_change(change, workspace, person):
    seat = members.add(change, workspace, person().id, "member")
    assert members.set_role(change, seat, "member") is seat
    assert members.set_role(change, seat, "admin").version == 2


@pytest.mark.parametrize(("role", "left"), [("member", 0), ("admin", 1), ("owner", 1)])
def test_a_members_keys_go_with_the_place(change, workspace, person, role, left):
    user = person(role)
    seat = members.add(change, workspace, user.id, "member")
    change.add(api_key(Tenant(workspace.organisation, workspace.id), user=user.id, kind="user"))
    service = change.add(api_key(Tenant(workspace.organisation, workspace.id)))
    members.remove(change, seat)
    assert len(change.all(ApiKey, user=user.id)) == left
    assert change.get(ApiKey, service.id) and not change.all(Membership)


def test_who_is_confined_keeps_the_keys_of_their_places(change, whole, workspace, person):
    user = person()
    members.add(change, workspace, user.id, "member")
    kept = change.add(api_key(Tenant(whole.organisation, workspace.id), user=user.id, kind="user"))
    change.add(api_key(whole, user=user.id, kind="user"))
    members.confine(change, user)
    assert change.all(ApiKey) == [kept]
