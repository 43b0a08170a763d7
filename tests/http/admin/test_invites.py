"""/v1/admin/users/invites."""

import pytest

from lockgate.control.identity import passwords, users
from lockgate.control.invites import HOLDS_US
from lockgate.core.limits import UsageLimit
from lockgate.core.tenancy import ApiKey, Invite, Membership, Tenant, User
from support.asgi import ask
from support.house import KEY
from support.identity import PASSWORD
from support.tenants import ME, NOW

PATH = "/v1/admin/users/invites"
ALL = tuple(f"organisation_users.{verb}" for verb in ("create", "read", "update", "delete", "list"))
CHAT = "completions.write"


@pytest.fixture
def clock(admin):
    """The time of day, to be turned."""
    hand = [NOW]
    admin.office.clock = lambda: hand[0]
    return hand


def refused(answer, status, code, param=None):
    assert (answer.status, answer.code, answer.param) == (status, code, param), answer
    return answer.message


def made(admin, body=None, **more):
    answer = admin.post(PATH, {"email": "ann@example.com", "role": "member", **(body or {})}, **more)
    assert answer.status == 200, answer
    return answer.json


def token(link):
    return link.partition("#")[2]


def taken(admin, link, **said):
    return admin.post(f"{PATH}/accept", {"token": token(link), "name": "Ann", "password": PASSWORD, **said}, key="")


class TestMaking:
    def test_it_is_listed_and_read(self, admin, clock):
        body = {"workspaces": [{"id": "other", "role": "manager"}, {"id": admin.home.workspace, "role": "member"}]}
        invite = made(admin, body)
        shown = admin.get(f"{PATH}/{invite['id']}").json
        assert (shown["object"], shown["email"], shown["role"], shown["status"]) == (
            "invite",
            "ann@example.com",
            "member",
            "pending",
        )
        assert shown["workspaces"] == [
            {"workspace_id": admin.other.workspace, "role": "manager"},
            {"workspace_id": admin.home.workspace, "role": "member"},
        ]
        assert (shown["invited_by"], shown["accepted_at"]) == ("admin", None)
        assert shown["expires_at"] > shown["created_at"]
        assert admin.get(PATH).json == {"object": "list", "total": 1, "data": [shown]}

    def test_the_list_is_told_by_role_state_address_and_page(self, admin, clock):
        ids = [made(admin, {"email": f"{n}@example.com", "role": role})["id"] for n, role in enumerate(("admin", "member"))]
        clock[0] += HOLDS_US
        ids.append(made(admin, {"email": "2@example.com"})["id"])
        admin.delete(f"{PATH}/{ids[0]}")

        def found(query):
            return [each["id"] for each in admin.get(f"{PATH}?{query}").json["data"]]

        assert found("status=cancelled") == ids[:1]
        assert found("status=expired") == ids[1:2]
        assert found("status=pending") == ids[2:]
        assert set(found("role=member")) == set(ids[1:])
        assert found("email=1@EXAMPLE.com") == ids[1:2]
        assert len(found("pageSize=2")) == 2 and len(found("pageSize=2&currentPage=1")) == 1

    def test_its_link_is_told_once_and_its_token_is_kept_nowhere(self, admin):
        invite = made(admin)
        secret = token(invite["invite_link"])
        assert len(secret.partition(".")[2]) >= 43
        assert secret not in admin.get(PATH).body.decode() + admin.get(f"{PATH}/{invite['id']}").body.decode()
        assert not any(secret in str(entry) or "digest" in entry.detail for entry in admin.store.audit(admin.whole))
        assert secret.encode() not in admin.rows(Invite)[0].digest

    @pytest.mark.parametrize(
        ("public", "host", "origin"),
        [
            ("", "localhost:8787", "http://localhost:8787"),
            ("", "gateway.example.com", ""),
            ("https://gateway.example.com", "localhost:8787", "https://gateway.example.com"),
            ("https://gateway.example.com", "evil.example.com", "https://gateway.example.com"),
        ],
    )
    def test_its_link_leads_to_where_the_operator_says(self, admin, public, host, origin):
        if public:
            admin.house.config_path.write_text(f"identity: {{public_url: {public}}}")
            admin.reload()
        link = made(admin, headers=[("host", host)])["invite_link"]
        assert link.startswith(f"{origin}/invite#{admin.home.organisation}.")

    @pytest.mark.parametrize(
        ("body", "status", "code", "param"),
        [
            ({"email": "nobody"}, 400, "invalid_email", "email"),
            ({"role": "boss"}, 400, "invalid_type", "role"),
            ({"workspaces": [{"id": "nowhere"}]}, 404, "workspace_not_found", "workspaces[0].id"),
            ({"workspaces": [{"id": "other", "role": "owner"}]}, 400, "invalid_type", "workspaces[0].role"),
            ({"workspaces": [{"id": "other"}, {"id": "other"}]}, 400, "invalid_value", "workspaces[1].id"),
            ({"workspace_api_key_details": {"scopes": []}}, 400, "invalid_type", "workspace_api_key_details.scopes"),
            ({"workspace_api_key_details": {"scopes": ["nothing"]}}, 400, "unknown_scope", "scopes"),
            ({"workspace_api_key_details": {"scopes": ["admin"]}}, 400, "invalid_value", "workspace_api_key_details.scopes"),
            ({"token": "x"}, 400, "unknown_member", "token"),
        ],
    )
    def test_what_cannot_be_is_refused(self, admin, body, status, code, param):
        refused(admin.post(PATH, {"email": "ann@example.com", "role": "member", **body}), status, code, param)
        assert not admin.rows(Invite)

    def test_nobody_is_invited_twice_or_who_is_here(self, admin, clock):
        user = admin.person()
        refused(admin.post(PATH, {"email": user.email, "role": "member"}), 409, "already_here", "email")
        first = made(admin)["id"]
        refused(admin.post(PATH, {"email": "ANN@example.com", "role": "member"}), 409, "already_invited", "email")
        admin.delete(f"{PATH}/{first}")
        made(admin)
        clock[0] += HOLDS_US
        made(admin)


class TestCeilings:
    def key(self, admin, role, scopes=("admin",)):
        return admin.key(admin.whole, scopes, kind="user", user=admin.person(role).id)

    def test_nobody_promises_a_role_above_their_own(self, admin):
        boss = self.key(admin, "admin")
        refused(admin.post(PATH, {"email": "a@example.com", "role": "owner"}, key=boss), 403, "role_above_yours", "role")
        few = admin.key(admin.whole, ALL)
        refused(admin.post(PATH, {"email": "a@example.com", "role": "admin"}, key=few), 403, "role_above_yours", "role")
        body = {"email": "a@example.com", "role": "member", "workspaces": [{"id": "other", "role": "manager"}]}
        refused(admin.post(PATH, body, key=few), 403, "role_above_yours", "workspaces[0].role")
        assert made(admin, {"email": "a@example.com", "role": "admin"}, key=boss)
        assert made(admin, {"email": "b@example.com", "workspaces": [{"id": "other"}]}, key=few)

    def test_nobody_promises_a_key_with_more_than_they_have(self, admin):
        few = admin.key(admin.whole, [*ALL, CHAT])
        details = {"scopes": [CHAT, "configs.read"]}
        body = {"email": "a@example.com", "role": "member", "workspace_api_key_details": details}
        refused(admin.post(PATH, body, key=few), 403, "beyond_your_rights", "scopes")
        bounded = admin.key(admin.whole, [*ALL, CHAT], usage_limits=UsageLimit("cost", 1))
        body["workspace_api_key_details"] = {"scopes": [CHAT]}
        assert admin.post(PATH, body, key=bounded).code == "beyond_your_rights"
        assert admin.post(PATH, body, key=few).status == 200

    def test_who_resends_gets_the_link_and_so_must_have_what_it_promises(self, admin):
        id = made(admin, {"role": "owner"}, key=KEY)["id"]
        refused(admin.post(f"{PATH}/{id}/resend", key=self.key(admin, "admin")), 403, "role_above_yours", "role")
        id = made(admin, {"email": "b@example.com", "workspace_api_key_details": {"scopes": ["configs.read"]}})["id"]
        refused(admin.post(f"{PATH}/{id}/resend", key=admin.key(admin.whole, ALL)), 403, "beyond_your_rights", "scopes")

    def test_people_of_workspaces_invite_nobody(self, admin):
        user = admin.person(seats=[(admin.home.workspace, "admin")])
        key = admin.key(admin.home, ALL, kind="user", user=user.id)
        assert admin.post(PATH, {"email": "a@example.com", "role": "member"}, key=key).status == 403


class TestAccepting:
    def test_whoever_holds_the_link_becomes_a_person(self, admin):
        body = {"workspaces": [{"id": "other", "role": "manager"}]}
        invite = made(admin, body)
        answer = taken(admin, invite["invite_link"])
        assert answer.status == 200, answer
        (user,) = admin.rows(User)
        assert answer.json == {
            "object": "user",
            "id": user.id,
            "email": "ann@example.com",
            "name": "Ann",
            "role": "member",
            "api_keys": [],
        }
        (seat,) = admin.rows(Membership)
        assert (seat.user, seat.workspace, seat.role) == (user.id, admin.other.workspace, "manager")
        assert passwords.matches(admin.office.vault.reveal(users.kept_hash(admin.store, user)), PASSWORD)
        shown = admin.get(f"{PATH}/{invite['id']}").json
        assert shown["status"] == "accepted" and shown["accepted_at"]
        entry = admin.store.audit(admin.whole)[0]
        assert (entry.actor.name, entry.actor.uri, entry.actor.client_ip) == (
            "ann@example.com",
            f"{PATH}/accept",
            "192.0.2.7",
        )
        assert PASSWORD not in str(admin.store.audit(admin.whole))

    def test_keys_come_with_it_for_each_of_its_workspaces(self, admin):
        places = [{"id": "other"}, {"id": "default"}]
        invite = made(admin, {"workspaces": places, "workspace_api_key_details": {"scopes": [CHAT]}})
        given = taken(admin, invite["invite_link"]).json["api_keys"]
        assert {each["workspace_id"] for each in given} == {admin.home.workspace, admin.other.workspace}
        assert {(key.kind, tuple(key.scopes)) for key in admin.rows(ApiKey)} == {("user", (CHAT,))}
        admin.reload()
        said = {"model": "@sim/chat", "messages": [{"role": "user", "content": "Say pong."}]}
        for each in given:
            headers = [("x-portkey-api-key", each["key"])]
            assert ask(admin.app.gateway, "POST", "/v1/chat/completions", body=said, headers=headers).status == 200

    def test_it_is_taken_once(self, admin):
        link = made(admin)["invite_link"]
        assert taken(admin, link).status == 200
        refused(taken(admin, link), 404, "invite_not_found", "token")
        assert len(admin.rows(User)) == 1

    @pytest.mark.parametrize("end", ["cancelled", "resent", "expired", "changed", "elsewhere", "nothing"])
    def test_a_link_that_does_not_hold_says_nothing_but_that(self, admin, clock, end):
        invite = made(admin)
        link = invite["invite_link"]
        if end == "cancelled":
            assert admin.delete(f"{PATH}/{invite['id']}").json == {}
        elif end == "resent":
            assert admin.post(f"{PATH}/{invite['id']}/resend").status == 200
        elif end == "expired":
            clock[0] += HOLDS_US
        elif end == "changed":
            link = link[:-1] + ("A" if link[-1] != "A" else "B")
        elif end == "elsewhere":
            link = link.replace(admin.home.organisation, admin.abroad.organisation)
        else:
            link = "#"
        message = refused(taken(admin, link), 404, "invite_not_found", "token")
        assert message == "This invitation does not hold, or not any more. Ask for another one."
        assert not admin.rows(User)

    def test_one_that_holds_is_still_there_after_a_password_that_will_not_do(self, admin):
        link = made(admin)["invite_link"]
        refused(taken(admin, link, password="short"), 400, "password_too_short", "password")
        assert not admin.rows(User)
        assert taken(admin, link).status == 200

    def test_no_password_is_hashed_for_a_link_that_does_not_hold(self, admin, monkeypatch):
        monkeypatch.setattr(passwords, "hashed", lambda *_: pytest.fail("it was hashed"))
        assert taken(admin, "#x.y").status == 404

    def test_it_does_not_hold_where_people_have_no_passwords(self, admin):
        link = made(admin)["invite_link"]
        admin.house.config_path.write_text("identity: {passwords: false}")
        admin.reload()
        refused(taken(admin, link), 403, "no_passwords")
        assert not admin.rows(User)

    def test_who_came_in_otherwise_meanwhile_is_told(self, admin):
        link = made(admin)["invite_link"]
        vault = admin.office.vault
        with admin.store.change(admin.whole, ME, NOW) as change:
            users.add(change, vault, admin.whole, email="ann@example.com")
        refused(taken(admin, link), 409, "already_here")

    def test_one_of_another_organisation_stays_there(self, admin):
        there = Tenant(admin.abroad.organisation)
        link = made(admin, key=admin.key(there, ["admin"]))["invite_link"]
        assert taken(admin, link).status == 200
        assert not admin.rows(User) and len(admin.rows(User, there)) == 1

    def test_who_guesses_waits(self, admin):
        for n in range(30):
            assert taken(admin, f"#{admin.home.organisation}.{n}").status == 404
        answer = taken(admin, f"#{admin.home.organisation}.x")
        refused(answer, 429, "too_many_logins")
        assert int(answer.headers["retry-after"]) > 0


class TestEnding:
    @pytest.mark.parametrize("end", ["disabled", "removed"])
    def test_those_of_someone_who_leaves_end(self, admin, end):
        boss = admin.person("admin")
        key = admin.key(admin.whole, ["admin"], kind="user", user=boss.id)
        link = made(admin, key=key)["invite_link"]
        other = made(admin, {"email": "ben@example.com"})["invite_link"]
        if end == "disabled":
            admin.put(f"/v1/admin/users/{boss.id}", {"status": "disabled"})
        else:
            admin.delete(f"/v1/admin/users/{boss.id}")
        refused(taken(admin, link), 404, "invite_not_found", "token")
        assert taken(admin, other).status == 200

    def test_resending_gives_another_link_that_holds_as_long(self, admin, clock):
        invite = made(admin)
        clock[0] += HOLDS_US
        answer = admin.post(f"{PATH}/{invite['id']}/resend").json
        assert answer["inviteLink"] == answer["invite_link"] != invite["invite_link"]
        assert admin.get(f"{PATH}/{invite['id']}").json["status"] == "pending"
        clock[0] += HOLDS_US - 1
        assert taken(admin, answer["inviteLink"]).status == 200

    @pytest.mark.parametrize("end", ["accepted", "cancelled"])
    def test_what_is_over_is_not_resent_or_cancelled(self, admin, end):
        invite = made(admin)
        if end == "accepted":
            taken(admin, invite["invite_link"])
        else:
            admin.delete(f"{PATH}/{invite['id']}")
        for answer in (admin.post(f"{PATH}/{invite['id']}/resend"), admin.delete(f"{PATH}/{invite['id']}")):
            assert end in refused(answer, 409, "invite_over")

    def test_what_is_elsewhere_is_not_there(self, admin):
        id = made(admin)["id"]
        abroad = admin.key(Tenant(admin.abroad.organisation), ["admin"])
        for answer in (
            admin.get(f"{PATH}/{id}", key=abroad),
            admin.delete(f"{PATH}/{id}", key=abroad),
            admin.post(f"{PATH}/{id}/resend", key=abroad),
        ):
            refused(answer, 404, "invite_not_found", "invite_id")
        assert admin.rows(Invite)[0].version == 1
