"""/v1/admin/users."""

import pytest

from lockgate.core.limits import RateLimit, UsageLimit
from lockgate.core.tenancy import ApiKey, Membership, Session, Tenant, User
from support.asgi import ask
from support.house import KEY
from support.tenants import ME, NOW

PATH = "/v1/admin/users"
ALL = tuple(f"organisation_users.{verb}" for verb in ("create", "read", "update", "delete", "list"))


def refused(answer, status, code, param=None):
    assert (answer.status, answer.code, answer.param) == (status, code, param), answer
    return answer.message


def own(admin, role, scopes=("admin",)):
    """A person, and their key of the whole organisation."""
    user = admin.person(role)
    return user, admin.key(admin.whole, scopes, kind="user", user=user.id)


def row(admin, user):
    return admin.store.get(admin.whole, User, user.id)


def chat(admin, text):
    admin.reload()
    body = {"model": "@sim/chat", "messages": [{"role": "user", "content": "Say pong."}]}
    return ask(admin.app.gateway, "POST", "/v1/chat/completions", body=body, headers=[("x-portkey-api-key", text)]).status


class TestReading:
    def test_a_person_is_shown_with_their_places(self, admin):
        user = admin.person("admin", [(admin.home.workspace, "member"), (admin.other.workspace, "manager")])
        admin.put(f"{PATH}/{user.id}", {"name": "Ann van Dyk"})
        shown = admin.get(f"{PATH}/{user.id}").json
        assert (shown["object"], shown["email"], shown["role"], shown["status"]) == ("user", user.email, "admin", "active")
        assert (shown["first_name"], shown["last_name"], shown["name"]) == ("Ann", "van Dyk", "Ann van Dyk")
        assert set(shown["workspace_ids"]) == {admin.home.workspace, admin.other.workspace}
        assert {each["workspace_id"]: each["role"] for each in shown["workspaces"]} == {
            admin.home.workspace: "member",
            admin.other.workspace: "manager",
        }
        assert admin.get(PATH).json == {"object": "list", "total": 1, "data": [shown]}

    def test_the_list_is_told_by_role_state_address_and_page(self, admin):
        people = [admin.person(role) for role in ("owner", "admin", "member", "member")]
        admin.person(tenant=admin.abroad)
        admin.put(f"{PATH}/{people[3].id}", {"status": "disabled"})

        def ids(query=""):
            return {each["id"] for each in admin.get(f"{PATH}?{query}").json["data"]}

        assert ids() == {each.id for each in people}
        assert ids("role=member") == {people[2].id, people[3].id}
        assert ids("status=disabled") == {people[3].id}
        assert ids(f"email={people[0].email.upper()}") == {people[0].id}
        assert ids("pageSize=3&currentPage=1") | ids("pageSize=3") == ids()
        assert len(ids("pageSize=3")) == 3

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_what_is_elsewhere_is_not_there(self, admin, method):
        user, stranger = admin.person(), admin.person(tenant=admin.abroad)
        body = {"role": "admin"} if method == "PUT" else None
        refused(admin.ask(method, f"{PATH}/{stranger.id}", body), 404, "user_not_found", "user_id")
        abroad = admin.key(Tenant(admin.abroad.organisation), ["admin"])
        refused(admin.ask(method, f"{PATH}/{user.id}", body, key=abroad), 404, "user_not_found", "user_id")
        inside = admin.key(admin.home, ALL)
        refused(admin.ask(method, f"{PATH}/{user.id}", body, key=inside), 403, "organisation_only")
        assert row(admin, user).version == 1

    def test_a_person_of_a_workspace_sees_nobody_here(self, admin):
        user = admin.person(seats=[(admin.home.workspace, "admin")])
        key = admin.key(admin.whole, ALL, kind="user", user=user.id)
        assert admin.get(PATH, key=key).status == 403


class TestCeilings:
    """Nobody gives a role above their own, or takes one."""

    def test_an_admin_makes_admins_and_no_owners(self, admin):
        _, key = own(admin, "admin")
        user = admin.person()
        refused(admin.put(f"{PATH}/{user.id}", {"role": "owner"}, key=key), 403, "role_above_yours", "role")
        assert admin.put(f"{PATH}/{user.id}", {"role": "admin"}, key=key).json == {}
        assert row(admin, user).role == "admin"

    def test_an_admin_leaves_owners_alone(self, admin):
        owner, _ = own(admin, "owner")
        admin.person("owner")
        _, key = own(admin, "admin")
        for body in ({"role": "member"}, {"status": "disabled"}, {"name": "x"}):
            refused(admin.put(f"{PATH}/{owner.id}", body, key=key), 403, "role_above_yours", "role")
        refused(admin.delete(f"{PATH}/{owner.id}", key=key), 403, "role_above_yours", "role")
        assert row(admin, owner).version == 1

    def test_an_owner_makes_owners(self, admin):
        _, key = own(admin, "owner")
        user = admin.person()
        assert admin.put(f"{PATH}/{user.id}", {"role": "owner"}, key=key).status == 200

    def test_a_key_that_an_admin_made_makes_them_no_owner(self, admin):
        """The way around the ceiling: a service's key with all scopes, of an admin's making."""
        me, key = own(admin, "admin")
        body = {"name": "x", "scopes": ["admin"]}
        text = admin.post("/v1/api-keys/organisation/service", body, key=key).json["key"]
        admin.reload()
        refused(admin.put(f"{PATH}/{me.id}", {"role": "owner"}, key=text), 403, "role_above_yours", "role")
        assert row(admin, me).role == "admin"

    def test_the_operators_own_key_makes_owners(self, admin):
        user = admin.person()
        assert admin.put(f"{PATH}/{user.id}", {"role": "owner"}, key=KEY).status == 200

    def test_the_operators_key_owns_no_other_organisation(self, admin):
        stranger = admin.person(tenant=admin.abroad)
        assert admin.put(f"{PATH}/{stranger.id}", {"role": "owner"}, key=KEY).status == 404

    def test_a_key_with_few_scopes_gives_few(self, admin):
        boss = admin.person("owner")
        user = admin.person()
        for key in (admin.key(admin.whole, ALL), admin.key(admin.whole, ALL, kind="user", user=boss.id)):
            refused(admin.put(f"{PATH}/{user.id}", {"role": "admin"}, key=key), 403, "role_above_yours", "role")
            refused(admin.delete(f"{PATH}/{boss.id}", key=key), 403, "role_above_yours", "role")
            assert admin.put(f"{PATH}/{user.id}", {"name": "x"}, key=key).status == 200


class TestChanging:
    def test_the_last_owner_stays_one(self, admin):
        owner, key = own(admin, "owner")
        for answer in (
            admin.put(f"{PATH}/{owner.id}", {"role": "member"}, key=key),
            admin.put(f"{PATH}/{owner.id}", {"status": "disabled"}, key=key),
            admin.delete(f"{PATH}/{owner.id}", key=key),
        ):
            refused(answer, 409, "last_owner")
        second = admin.person("owner")
        assert admin.delete(f"{PATH}/{second.id}", key=key).status == 200
        assert row(admin, owner).version == 1

    def test_the_keys_of_someone_disabled_stop_and_begin_again(self, admin):
        user = admin.person(seats=[(admin.home.workspace, "member")])
        text = admin.key(admin.home, kind="user", user=user.id)
        assert chat(admin, text) == 200
        assert admin.put(f"{PATH}/{user.id}", {"status": "disabled"}).status == 200
        assert chat(admin, text) == 401
        assert admin.put(f"{PATH}/{user.id}", {"status": "active"}).status == 200
        assert chat(admin, text) == 200

    def test_who_becomes_a_member_keeps_the_keys_of_their_places_alone(self, admin):
        user = admin.person("admin", [(admin.home.workspace, "member")])
        texts = [admin.key(tenant, kind="user", user=user.id) for tenant in (admin.home, admin.other, admin.whole)]
        assert [chat(admin, text) for text in texts] == [200, 200, 200]
        admin.put(f"{PATH}/{user.id}", {"role": "member"})
        assert [chat(admin, text) for text in texts] == [200, 401, 401]

    def test_what_someone_may_use(self, admin):
        user = admin.person()
        body = {"usage_limits": [{"credit_limit": 5, "type": "tokens"}], "rate_limits": [{"value": 9, "unit": "rph"}]}
        assert admin.put(f"{PATH}/{user.id}", body).json == {}
        kept = row(admin, user)
        assert (kept.usage_limits, kept.rate_limits) == ([UsageLimit("tokens", 5)], [RateLimit("requests", 9, "rph")])
        shown = admin.get(f"{PATH}/{user.id}").json
        assert (shown["usage_limits"][0]["credit_limit"], shown["rate_limits"][0]["unit"]) == (5, "rph")
        admin.put(f"{PATH}/{user.id}", {"usage_limits": None, "rate_limits": None})
        assert (row(admin, user).usage_limits, row(admin, user).rate_limits) == ([], [])

    def test_another_role_ends_sessions(self, admin):
        user = admin.person()
        with admin.store.change(admin.whole, ME, NOW) as change:
            change.add(Session(id="s", organisation=user.organisation, user=user.id, digest=b"d" * 32, expires_us=NOW + 10**9))
        admin.put(f"{PATH}/{user.id}", {"name": "x"})
        assert admin.rows(Session)
        admin.put(f"{PATH}/{user.id}", {"role": "admin"})
        assert not admin.rows(Session)

    @pytest.mark.parametrize(
        ("body", "param"), [({"role": "boss"}, "role"), ({"email": "x@example.com"}, "email"), ({"status": "gone"}, "status")]
    )
    def test_what_cannot_be_is_refused(self, admin, body, param):
        user = admin.person()
        answer = admin.put(f"{PATH}/{user.id}", body)
        assert (answer.status, answer.param) == (400, param)

    def test_a_change_can_be_bound_to_what_was_seen(self, admin):
        user = admin.person()
        tag = admin.get(f"{PATH}/{user.id}").headers["etag"]
        admin.put(f"{PATH}/{user.id}", {"name": "A"})
        answer = admin.put(f"{PATH}/{user.id}", {"role": "admin"}, headers=[("if-match", tag)])
        refused(answer, 412, "changed_meanwhile")


def test_someone_who_is_removed_takes_all_with_them(admin):
    user = admin.person(seats=[(admin.home.workspace, "member")])
    text = admin.key(admin.home, kind="user", user=user.id)
    assert admin.delete(f"{PATH}/{user.id}").json == {}
    assert chat(admin, text) == 401
    assert not admin.rows(User) and not admin.rows(Membership) and not admin.rows(ApiKey)
