"""/v1/admin/workspaces."""

import msgspec
import pytest

from lockgate.core.cache_cap import CacheCap
from lockgate.core.holdings import Integration, SavedConfig, SecretReference, VirtualKey, WorkspaceAccess
from lockgate.core.limits import RateLimit, UsageLimit
from lockgate.core.tenancy import ApiKey, Defaults, Invite, Membership, Seat, Tenant, User, Workspace, new_id
from support.asgi import ask
from support.tenants import ME, NOW

PATH = "/v1/admin/workspaces"
VERBS = ("create", "read", "update", "delete", "list")
ALL = tuple(f"workspaces.{verb}" for verb in VERBS)


def made(admin, body=None, **more):
    answer = admin.post(PATH, {"name": "Team A", **(body or {})}, **more)
    assert answer.status == 200, answer
    return answer.json


def refused(answer, status, code, param=None):
    assert (answer.status, answer.code, answer.param) == (status, code, param), answer
    return answer.message


def row(admin, id):
    return admin.store.get(admin.whole, Workspace, id)


def chat(admin, text):
    admin.reload()
    body = {"model": "@sim/chat", "messages": [{"role": "user", "content": "Say pong."}]}
    return ask(admin.app.gateway, "POST", "/v1/chat/completions", body=body, headers=[("x-portkey-api-key", text)]).status


class TestMaking:
    def test_all_that_can_be_said_is_kept_and_shown(self, admin):
        ann, ben = admin.person(), admin.person()
        body = {
            "description": "The first",
            "defaults": {"metadata": {"team": "a"}, "config_id": "pc-declared", "allow_config_override": False},
            "users": [ann.id, {"id": ben.id, "role": "manager"}],
            "usage_limits": [{"type": "cost", "credit_limit": 10.5, "alert_threshold": 8, "periodic_reset": "monthly"}],
            "rate_limits": [{"type": "requests", "unit": "rpm", "value": 60}],
        }
        shown = made(admin, body)
        assert shown["object"] == "workspace" and shown["slug"].startswith("ws-team-a-")
        assert shown["users"] == [{"id": ann.id, "role": "member"}, {"id": ben.id, "role": "manager"}]
        kept = row(admin, shown["id"])
        assert kept.defaults == Defaults({"team": "a"}, "pc-declared", False)
        assert kept.usage_limits == [UsageLimit("cost", 10_500_000_000, 8_000_000_000, "monthly")]
        assert kept.rate_limits == [RateLimit("requests", 60, "rpm")]
        again = admin.get(f"{PATH}/{shown['slug']}").json
        assert again["usage_limits"][0]["credit_limit"] == 10.5
        assert again["defaults"]["config_id"] == "pc-declared"
        assert {(each["id"], each["role"], each["org_role"]) for each in again["users"]} == {
            (ann.id, "member", "member"),
            (ben.id, "manager", "member"),
        }
        assert {**again, "users": None} == {**shown, "users": None}

    def test_a_key_that_is_made_in_it_has_its_defaults(self, admin):
        id = made(admin, {"defaults": {"metadata": {"team": "a"}}})["id"]
        admin.key(Tenant(admin.home.organisation, id))
        (who,) = [who for who in admin.app.world.snapshot.keys.values() if who.workspace == id]
        assert who.metadata == {"team": "a"}

    @pytest.mark.parametrize(
        ("body", "status", "code", "param"),
        [
            ({"name": ""}, 400, "invalid_type", "name"),
            ({"slug": "Not One"}, 400, "invalid_slug", "slug"),
            ({"slug": "default"}, 409, "taken", None),
            ({"users": ["nobody"]}, 404, "user_not_found", "users"),
            ({"users": [{"id": "x", "role": "owner"}]}, 400, "invalid_type", "users[0].role"),
            ({"defaults": {"config_id": "pc-nowhere"}}, 404, "config_not_found", "defaults.config_id"),
            ({"defaults": {"metadata": {"team": 5}}}, 400, "invalid_type", "defaults.metadata[...]"),
            (
                {"usage_limits": [{"credit_limit": 1, "alert_threshold": 2}]},
                400,
                "invalid_value",
                "usage_limits[0].alert_threshold",
            ),
            ({"rate_limits": [{"value": 0}]}, 400, "invalid_type", "rate_limits[0].value"),
            ({"organisation_id": "x"}, 400, "unknown_member", "organisation_id"),
        ],
    )
    def test_what_cannot_be_is_refused_and_nothing_is_made(self, admin, body, status, code, param):
        refused(admin.post(PATH, {"name": "Team A", **body}), status, code, param)
        assert len(admin.rows(Workspace)) == 2

    def test_someone_of_another_organisation_gets_no_place(self, admin):
        stranger = admin.person(tenant=admin.abroad)
        refused(admin.post(PATH, {"name": "x", "users": [stranger.id]}), 404, "user_not_found", "users")

    def test_a_key_gives_no_role_with_more_than_it_has(self, admin):
        key, ann = admin.key(admin.whole, ALL), admin.person()
        refused(
            admin.post(PATH, {"name": "x", "users": [{"id": ann.id, "role": "admin"}]}, key=key),
            403,
            "role_above_yours",
            "users[0].role",
        )
        assert admin.post(PATH, {"name": "x", "users": [ann.id]}, key=key).status == 200


def test_a_budget_of_some_days_keeps_its_days(admin):
    """Its days are counted from when it was set. Another name, or amount, is no new beginning."""
    hand = [NOW]
    admin.office.clock = lambda: hand[0]
    weekly = {"credit_limit": 5, "periodic_reset_days": 7}
    path = f"{PATH}/{made(admin, {'usage_limits': [weekly]})['id']}"

    def begun():
        (limit,) = row(admin, path.rpartition("/")[2]).usage_limits
        return limit.next_reset_us

    hand[0] += 1_000_000
    admin.put(path, {"name": "New"})
    admin.put(path, {"usage_limits": [{**weekly, "credit_limit": 6}]})
    assert begun() == NOW
    admin.put(path, {"usage_limits": admin.get(path).json["usage_limits"]})
    assert begun() == NOW
    admin.put(path, {"usage_limits": [{**weekly, "periodic_reset_days": 8}]})
    assert begun() == hand[0]
    admin.put(path, {"usage_limits": [{**weekly, "next_usage_reset_at": "2100-01-01T00:00:00Z"}]})
    assert begun() == 4_102_444_800_000_000


@pytest.mark.parametrize(
    "limits",
    [
        {"usage_limits": [{"credit_limit": 1, "periodic_reset": "daily"}, {"credit_limit": 2, "periodic_reset": "daily"}]},
        {"rate_limits": [{"value": 1}, {"value": 2}]},
    ],
)
def test_two_limits_of_one_kind_are_refused(admin, limits):
    """The ledger would take the two for one, and one of them would not hold."""
    (name,) = limits
    refused(admin.post(PATH, {"name": "x", **limits}), 400, "invalid_value", f"{name}[1]")
    different = {"usage_limits": [{"credit_limit": 1}, {"credit_limit": 1, "type": "tokens"}], "rate_limits": [{"value": 1}]}
    assert made(admin, different)


class TestReading:
    def test_they_are_listed_by_name_and_page(self, admin):
        for name in ("Red one", "Red two", "Blue"):
            made(admin, {"name": name})

        def names(query):
            answer = admin.get(f"{PATH}?{query}").json
            return answer["total"], [each["name"] for each in answer["data"]]

        assert sorted(names("name=Red")[1]) == ["Red one", "Red two"]
        assert names("name=red") == (0, [])
        assert names("exact_name=Blue") == (1, ["Blue"])
        assert names("exact_name=Blu") == (0, [])
        seen = [names(f"pageSize=2&currentPage={page}") for page in range(3)]
        assert [total for total, _ in seen] == [5, 5, 5] and [len(part) for _, part in seen] == [2, 2, 1]
        assert {name for _, part in seen for name in part} == {"Default", "other", "Red one", "Red two", "Blue"}
        first = admin.get(f"{PATH}?exact_name=Default").json["data"][0]
        assert (first["is_default"], first["id"]) == (1, admin.home.workspace)

    def test_each_sees_those_that_are_theirs(self, admin):
        def ids(key):
            return {each["id"] for each in admin.get(PATH, key=key).json["data"]}

        seats = [(admin.home.workspace, "member"), (admin.other.workspace, "manager")]
        two, one = admin.person(seats=seats), admin.person(seats=seats[:1])
        boss = admin.person("admin")
        third = made(admin)["id"]
        everything = {admin.home.workspace, admin.other.workspace, third}

        def own(user, tenant=admin.whole):
            return admin.key(tenant, ["workspaces.list"], kind="user", user=user.id)

        assert ids(own(two)) == {admin.home.workspace, admin.other.workspace}
        assert ids(own(two, admin.other)) == {admin.other.workspace}
        assert ids(own(one)) == {admin.home.workspace}
        assert ids(own(boss)) == ids(admin.key(admin.whole, ALL)) == everything
        assert ids(admin.key(admin.home, ALL)) == {admin.home.workspace}
        assert ids(admin.key(Tenant(admin.abroad.organisation), ALL)) == {admin.abroad.workspace}
        assert admin.get(PATH, key=own(admin.person())).status == 403
        member = own(one)
        assert admin.get(f"{PATH}/{admin.home.workspace}", key=admin.key(admin.home, ALL)).status == 200
        assert admin.get(f"{PATH}/{admin.other.workspace}", key=member).status == 403  # without the scope, whatever is there

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
    def test_what_is_elsewhere_is_not_there(self, admin, method):
        abroad = admin.key(Tenant(admin.abroad.organisation), ALL)
        inside = admin.key(admin.home, ALL)
        for key, name in (
            (abroad, admin.other.workspace),
            (abroad, "other"),
            (inside, admin.other.workspace),
            (inside, "other"),
            (None, "nowhere"),
        ):
            more = {} if key is None else {"key": key}
            answer = admin.ask(method, f"{PATH}/{name}", {} if method == "PUT" else None, **more)
            refused(answer, 404, "workspace_not_found", "workspace_id")
        assert row(admin, admin.other.workspace).version == 1

    def test_people_are_shown_to_who_may_list_them(self, admin):
        key = admin.key(admin.whole, ["workspaces.read"])
        assert admin.get(f"{PATH}/default", key=key).json["users"] is None


class TestChanging:
    def test_what_is_said_changes_and_nothing_else(self, admin):
        before = made(
            admin,
            {
                "description": "old",
                "usage_limits": [{"credit_limit": 5}],
                "rate_limits": [{"value": 5}],
                "defaults": {"metadata": {"a": "1"}, "config_id": "pc-declared"},
            },
        )
        path = f"{PATH}/{before['id']}"
        after = admin.put(path, {"name": "New"}).json
        assert {**before, "name": "New", "users": None, "last_updated_at": None} == {
            **after,
            "users": None,
            "last_updated_at": None,
        }
        admin.put(path, {"defaults": {"metadata": {"b": "2"}}})
        assert row(admin, before["id"]).defaults == Defaults({"b": "2"}, "pc-declared")
        admin.put(path, {"description": None, "usage_limits": None, "rate_limits": [], "defaults": {"config_id": None}})
        kept = row(admin, before["id"])
        assert (kept.description, kept.usage_limits, kept.rate_limits) == ("", [], [])
        assert kept.defaults == Defaults({"b": "2"})
        admin.put(path, {"defaults": None})
        assert row(admin, before["id"]).defaults == Defaults()

    def test_the_most_that_may_be_asked_of_the_cache_is_said_shown_and_taken_away(self, admin):
        path = f"{PATH}/{admin.home.workspace}"
        assert admin.get(path).json["cache"] == {"max_age": None, "off": False}
        assert admin.put(path, {"cache": {"max_age": 3600}}).json["cache"] == {"max_age": 3600, "off": False}
        assert admin.put(path, {"name": "Ours"}).json["cache"] == {"max_age": 3600, "off": False}
        assert admin.put(path, {"cache": False}).json["cache"] == {"max_age": None, "off": True}
        assert row(admin, admin.home.workspace).cache == CacheCap(off=True)
        assert admin.put(path, {"cache": None}).json["cache"] == {"max_age": None, "off": False}
        assert admin.put(path, {"cache": {"max_age": 59}}).status == 400
        made = admin.post(PATH, {"name": "Quick", "cache": {"max_age": 60}})
        assert row(admin, made.json["id"]).cache == CacheCap(60)

    def test_the_organisation_says_it_for_all_its_workspaces(self, admin):
        said = admin.put("/v1/admin/organisation", {"cache": {"max_age": 3600}})
        assert said.json["cache"] == {"max_age": 3600, "off": False}
        admin.put(f"{PATH}/other", {"cache": {"max_age": 600}})
        caps = admin.house.snapshot().caps
        assert caps[admin.home.organisation] == caps[admin.home.workspace] == CacheCap(3600)
        assert caps[admin.other.workspace] == CacheCap(600)

    def test_who_is_confined_to_a_workspace_does_not_say_what_it_may_cache(self, admin):
        refused(
            admin.put(f"{PATH}/{admin.home.workspace}", {"cache": None}, key=admin.key(admin.home, ALL)),
            403, "member_reserved", "cache",
        )  # fmt: skip

    def test_its_default_config_is_the_one_that_says_so(self, admin):
        for slug in ("pc-a", "pc-b"):
            admin.post("/v1/configs", {"name": slug, "slug": slug, "config": {"provider": "@sim"}, "workspace_id": "other"})
        path = f"{PATH}/other"

        def flags():
            return {each.slug: each.is_default for each in admin.rows(SavedConfig)}

        admin.put("/v1/configs/pc-a", {"isDefault": 1})
        assert admin.put(path, {"defaults": {"config_id": "pc-b"}}).json["defaults"]["config_id"] == "pc-b"
        assert flags() == {"pc-a": False, "pc-b": True}
        admin.put(path, {"defaults": {"config_id": "pc-declared"}})
        assert flags() == {"pc-a": False, "pc-b": False}
        assert row(admin, admin.other.workspace).defaults.config == "pc-declared"
        refused(
            admin.put(f"{PATH}/default", {"defaults": {"config_id": "pc-a"}}), 404, "config_not_found", "defaults.config_id"
        )

    def test_what_it_may_use_is_changed_on_behalf_of_the_organisation_alone(self, admin):
        path = f"{PATH}/{admin.home.workspace}"
        head = admin.person(seats=[(admin.home.workspace, "admin")])
        owner = admin.person("owner")
        inside = admin.key(admin.home, ALL)
        persons = [admin.key(admin.home, ALL, kind="user", user=user.id) for user in (head, owner)]
        for key in (inside, *persons):
            assert admin.put(path, {"name": "Ours"}, key=key).status == 200
            for member in ("usage_limits", "rate_limits"):
                refused(admin.put(path, {member: []}, key=key), 403, "member_reserved", member)
            refused(admin.put(path, {"capture": "off"}, key=key), 403, "member_reserved", "capture")
            refused(admin.put(path, {"redact": None}, key=key), 403, "member_reserved", "redact")
        assert admin.put(path, {"usage_limits": []}, key=admin.key(admin.whole, ALL)).status == 200

    @pytest.mark.parametrize("seat", ["manager", "member"])
    def test_who_is_no_head_of_it_changes_nothing(self, admin, seat):
        user = admin.person(seats=[(admin.home.workspace, seat)])
        key = admin.key(admin.home, ALL, kind="user", user=user.id)
        refused(admin.put(f"{PATH}/default", {"name": "x"}, key=key), 403, "role_missing")

    def test_a_change_can_be_bound_to_what_was_seen(self, admin):
        path = f"{PATH}/default"
        tag = admin.get(path).headers["etag"]
        answer = admin.put(path, {"name": "A"}, headers=[("if-match", tag)])
        assert answer.status == 200 and answer.headers["etag"] != tag
        refused(admin.put(path, {"name": "B"}, headers=[("if-match", tag)]), 412, "changed_meanwhile")

    def test_the_path_and_the_body_cannot_name_two(self, admin):
        answer = admin.put(f"{PATH}/default?workspace_id=other", {"name": "x"})
        refused(answer, 400, "invalid_value", "workspace_id")


def furnish(admin, tenant):
    """All that a workspace can have, and what the organisation says of it; the text of its key."""
    text = admin.key(tenant)
    user = admin.person(seats=[(tenant.workspace, "member")])
    own = {"organisation": tenant.organisation, "workspace": tenant.workspace}
    with admin.store.change(admin.whole, ME, NOW) as change:
        account = Integration(id=new_id(), slug="ours", name="Ours", provider="openai", **own)
        shared = Integration(
            id=new_id(),
            organisation=tenant.organisation,
            slug="all",
            name="All",
            provider="openai",
            workspaces=[WorkspaceAccess(tenant.workspace), WorkspaceAccess(admin.home.workspace)],
        )
        change.add(account), change.add(shared)
        for integration in (account, shared):
            change.add(VirtualKey(id=new_id(), slug=f"v-{integration.slug}", name="V", integration=integration.id, **own))
        change.add(
            SecretReference(
                id=new_id(),
                organisation=tenant.organisation,
                slug="s",
                name="S",
                manager_type="file",
                secret_path="/x",
                allow_all_workspaces=False,
                allowed_workspaces=[tenant.workspace, admin.home.workspace],
            )
        )
        change.add(
            Invite(
                id=new_id(),
                organisation=tenant.organisation,
                email="new@example.com",
                digest=b"d" * 32,
                seats=[Seat(tenant.workspace), Seat(admin.home.workspace)],
            )
        )
    admin.post("/v1/configs", {"name": "C", "config": {"provider": "openai"}, "workspace_id": tenant.workspace})
    return text, user


class TestRemoving:
    def test_an_empty_one_goes_and_its_people_stay(self, admin):
        user = admin.person(seats=[(admin.other.workspace, "member")])
        assert admin.delete(f"{PATH}/{admin.other.workspace}").json == {}
        assert [each.slug for each in admin.rows(Workspace)] == ["default"]
        assert not admin.rows(Membership) and [each.id for each in admin.rows(User)] == [user.id]

    def test_one_that_has_things_stays_unless_it_is_said_by_name(self, admin):
        text, _ = furnish(admin, admin.other)
        message = refused(admin.delete(f"{PATH}/other"), 409, "workspace_not_empty", "force")
        assert "API keys (1), providers (2), integrations (1), configs (1)" in message
        refused(admin.ask("DELETE", f"{PATH}/other", {"force": True}), 400, "missing_member", "name")
        refused(admin.ask("DELETE", f"{PATH}/other", {"force": True, "name": "Other"}), 400, "wrong_name", "name")
        assert chat(admin, text) == 200
        body = {"workspace_id": "other", "name": "other", "force": True}
        assert admin.ask("DELETE", f"{PATH}/other", body).json == {}
        assert chat(admin, text) == 401
        (shared,) = admin.rows(Integration)
        assert [each.workspace for each in shared.workspaces] == [admin.home.workspace]
        (reference,) = admin.rows(SecretReference)
        assert reference.allowed_workspaces == [admin.home.workspace]
        (invite,) = admin.rows(Invite)
        assert [seat.workspace for seat in invite.seats] == [admin.home.workspace]
        for noun in (ApiKey, VirtualKey, SavedConfig, Membership):
            assert not admin.rows(noun), noun
        told = [(entry.action, entry.resource_type) for entry in admin.store.audit(admin.whole)]
        assert told[0] == ("delete", "workspace") and ("delete", "api-key") in told

    def test_a_name_that_is_another_s_stops_it(self, admin):
        refused(admin.ask("DELETE", f"{PATH}/other", {"name": "default"}), 400, "wrong_name", "name")

    def test_the_one_to_begin_with_stays(self, admin):
        body = {"name": "Default", "force": True}
        refused(admin.ask("DELETE", f"{PATH}/default", body), 409, "default_workspace")

    def test_a_workspace_does_not_remove_itself(self, admin):
        refused(admin.delete(f"{PATH}/other", key=admin.key(admin.other, ALL)), 403, "organisation_only")


def test_the_shapes_are_those_that_are_stored(admin):
    """No member of a workspace is forgotten: a new one in `core` wants to be shown, or named here."""
    shown = admin.get(f"{PATH}/default").json
    hidden = {"version", "organisation", "created_us", "changed_us"}
    assert {field.name for field in msgspec.structs.fields(Workspace)} - hidden <= set(shown)
