"""/v1/admin/workspaces/{workspace_id}/users."""

import pytest

from lockgate.core.tenancy import ApiKey, Membership, Tenant

VERBS = ("create", "read", "update", "delete", "list")
ALL = tuple(f"workspace_users.{verb}" for verb in VERBS)


@pytest.fixture
def path(admin):
    return f"/v1/admin/workspaces/{admin.home.workspace}/users"


def refused(answer, status, code, param=None):
    assert (answer.status, answer.code, answer.param) == (status, code, param), answer
    return answer.message


def own(admin, seat, scopes=ALL):
    """A person with a role in the first workspace, and their key there."""
    user = admin.person(seats=[(admin.home.workspace, seat)])
    return user, admin.key(admin.home, scopes, kind="user", user=user.id)


def seats(admin, user):
    return {each.workspace: each.role for each in admin.rows(Membership, user=user.id)}


def test_people_get_places_change_them_and_lose_them(admin, path):
    ann, ben = admin.person(), admin.person("admin")
    body = {"users": [{"id": ann.id}, {"id": ben.id, "role": "manager"}]}
    assert admin.post(path, body).json == {}
    listed = admin.get(path).json
    assert (listed["object"], listed["total"]) == ("list", 2)
    shown = admin.get(f"{path}/{ben.id}").json
    assert shown in listed["data"]
    assert (shown["role"], shown["org_role"], shown["object"]) == ("manager", "admin", "workspace_member")
    assert (shown["id"], shown["user_id"], shown["workspace_id"]) == (ben.id, ben.id, admin.home.workspace)
    assert admin.put(f"{path}/{ann.id}", {"user_id": ann.id, "role": "admin"}).json == {}
    assert seats(admin, ann) == {admin.home.workspace: "admin"}
    assert admin.delete(f"{path}/{ann.id}").json == {}
    refused(admin.get(f"{path}/{ann.id}"), 404, "member_not_found", "user_id")


def test_the_list_is_told_by_role_address_and_page(admin, path):
    people = [admin.person(seats=[(admin.home.workspace, role)]) for role in ("admin", "member", "member")]
    admin.person(seats=[(admin.other.workspace, "member")])

    def ids(query):
        return {each["id"] for each in admin.get(f"{path}?{query}").json["data"]}

    assert ids("role=member") == {people[1].id, people[2].id}
    assert ids(f"email={people[0].email.upper()}") == {people[0].id}
    assert ids("email=nobody@example.com") == set()
    assert ids("page_size=2&current_page=0") | ids("page_size=2&current_page=1") == {each.id for each in people}
    assert admin.get(f"{path}?role=owner").status == 400


def test_all_of_them_or_none(admin, path):
    ann = admin.person()
    body = {"users": [{"id": ann.id}, {"id": "nobody"}]}
    refused(admin.post(path, body), 404, "user_not_found", "users[1].id")
    refused(admin.post(path, {"users": [{"id": ann.id}, {"id": ann.id}]}), 409, "already_member", "users[1].id")
    assert seats(admin, ann) == {}
    refused(admin.post(path, {"users": []}), 400, "invalid_type", "users")


def test_someone_of_another_organisation_is_not_there(admin, path):
    stranger = admin.person(tenant=admin.abroad)
    refused(admin.post(path, {"users": [{"id": stranger.id}]}), 404, "user_not_found", "users[0].id")


class TestCeilings:
    """Nobody gives a role above their own, or takes one."""

    def test_a_manager_makes_managers_and_no_admins(self, admin, path):
        _, key = own(admin, "manager", [])
        _, whole = own(admin, "manager", ALL)
        ann = admin.person()
        for text in (key, whole):
            refused(
                admin.post(path, {"users": [{"id": ann.id, "role": "admin"}]}, key=text),
                403,
                "scope_missing" if text == key else "role_above_yours",
                None if text == key else "users[0].role",
            )
        assert seats(admin, ann) == {}

    def test_a_manager_leaves_admins_alone(self, admin, path):
        head, _ = own(admin, "admin")
        _, key = own(admin, "manager")
        refused(admin.put(f"{path}/{head.id}", {"role": "member"}, key=key), 403, "role_above_yours", "role")
        refused(admin.delete(f"{path}/{head.id}", key=key), 403, "role_above_yours", "role")
        assert seats(admin, head) == {admin.home.workspace: "admin"}

    def test_a_manager_does_not_promote_themselves(self, admin, path):
        user, key = own(admin, "manager")
        refused(admin.put(f"{path}/{user.id}", {"role": "admin"}, key=key), 403, "role_above_yours", "role")

    def test_a_persons_key_with_few_scopes_gives_few(self, admin, path):
        """A head's key that may add people, and nothing else, makes no manager."""
        _, key = own(admin, "admin")
        ann = admin.person()
        refused(
            admin.post(path, {"users": [{"id": ann.id, "role": "manager"}]}, key=key), 403, "role_above_yours", "users[0].role"
        )
        assert admin.post(path, {"users": [{"id": ann.id, "role": "member"}]}, key=key).status == 200

    @pytest.mark.parametrize("role", ["owner", "admin"])
    def test_the_organisations_admins_give_each(self, admin, path, role):
        boss, ann = admin.person(role), admin.person()
        key = admin.key(admin.whole, ["admin"], kind="user", user=boss.id)
        assert admin.post(path, {"users": [{"id": ann.id, "role": "admin"}]}, key=key).status == 200
        assert admin.delete(f"{path}/{ann.id}", key=key).status == 200

    def test_a_member_looks_and_changes_nothing(self, admin, path):
        user, key = own(admin, "member")
        assert admin.get(path, key=key).status == admin.get(f"{path}/{user.id}", key=key).status == 200
        for method, to, body in (
            ("POST", path, {"users": [{"id": user.id}]}),
            ("PUT", f"{path}/{user.id}", {"role": "admin"}),
            ("DELETE", f"{path}/{user.id}", None),
        ):
            assert admin.ask(method, to, body, key=key).status == 403


def test_a_place_that_is_taken_takes_the_keys_there(admin, path):
    places = [(admin.home.workspace, "member"), (admin.other.workspace, "member")]
    ann, boss = admin.person(seats=places), admin.person("admin", seats=places)
    for user in (ann, boss):
        for tenant in (admin.home, admin.other):
            admin.key(tenant, kind="user", user=user.id)
        assert admin.delete(f"{path}/{user.id}").status == 200
    left = {(each.user, each.workspace) for each in admin.rows(ApiKey)}
    assert left == {
        (ann.id, admin.other.workspace),
        (boss.id, admin.home.workspace),  # who is there by their role in the organisation
        (boss.id, admin.other.workspace),
    }


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_is_elsewhere_is_not_there(admin, path, method):
    ann = admin.person(seats=[(admin.home.workspace, "member")])
    other = admin.person(seats=[(admin.other.workspace, "member")])
    body = {"role": "manager"} if method == "PUT" else None
    refused(admin.ask(method, f"{path}/{other.id}", body), 404, "member_not_found", "user_id")
    for key in (admin.key(admin.other, ALL), admin.key(Tenant(admin.abroad.organisation), ALL)):
        refused(admin.ask(method, f"{path}/{ann.id}", body, key=key), 404, "workspace_not_found", "workspace_id")
    assert seats(admin, ann) == {admin.home.workspace: "member"}
