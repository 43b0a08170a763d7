"""/v1/api-keys."""

import json

import msgspec
import pytest

from lockgate.control.allowances import budget_of
from lockgate.core.audit import Actor
from lockgate.core.limits import RateLimit, UsageLimit
from lockgate.core.mask import Redaction
from lockgate.core.tenancy import ApiKey, Defaults, Rotation, Tenant
from support.asgi import ask
from support.house import KEY, records

CREATE = ("workspace_service_api_keys.create", "workspace_user_api_keys.create", "organisation_service_api_keys.create")
CHAT = "completions.write"


def made(admin, body=None, kind="workspace/service", **more):
    answer = admin.post(f"/v1/api-keys/{kind}", {"name": "app", "scopes": [CHAT], **(body or {})}, **more)
    assert answer.status == 200, answer
    return answer.json


def refused(answer, status, code, param=None):
    assert (answer.status, answer.code, answer.param) == (status, code, param), answer
    return answer.message


def row(admin, id):
    return admin.store.get(admin.whole, ApiKey, id)


def chat(admin, text, said="Say pong."):
    """What the data plane says to a key."""
    body = {"model": "@sim/chat", "messages": [{"role": "user", "content": said}]}
    return ask(admin.app.gateway, "POST", "/v1/chat/completions", body=body, headers=[("x-portkey-api-key", text)]).status


class TestMaking:
    @pytest.mark.parametrize("kind", ["organisation/service", "organisation/user", "workspace/service", "workspace/user"])
    def test_each_kind(self, admin, kind):
        where, whose = kind.split("/")
        user = admin.person("admin")
        body = {"type": where, "sub-type": whose, **({"user_id": user.id} if whose == "user" else {})}
        key = made(admin, body, kind)
        assert key["object"] == "api-key"
        shown = admin.get(f"/v1/api-keys/{key['id']}").json
        assert shown["type"] == f"{where}-{whose}"
        assert shown["workspace_id"] == (admin.home.workspace if where == "workspace" else None)
        assert shown["user_id"] == (user.id if whose == "user" else None)
        admin.reload()
        assert chat(admin, key["key"]) == 200

    def test_all_that_can_be_said_is_kept(self, admin):
        key = made(
            admin,
            {
                "description": "For the app",
                "models": ["@openai/gpt-*"],
                "usage_limits": {
                    "credit_limit": 10.5,
                    "alert_threshold": 8,
                    "periodic_reset": "monthly",
                    "next_usage_reset_at": "2100-01-01T00:00:00Z",
                },
                "rate_limits": [{"type": "requests", "unit": "rpm", "value": 100}],
                "defaults": {"metadata": {"team": "a"}, "config_id": "pc-declared", "allow_config_override": False},
                "alert_emails": ["a@example.com"],
                "expires_at": "2100-01-02T00:00:00.000Z",
                "rotation_policy": {"key_transition_period_ms": 3_600_000},
            },
        )
        kept = row(admin, key["id"])
        assert kept.usage_limits == UsageLimit("cost", 10_500_000_000, 8_000_000_000, "monthly", 0, 4_102_444_800_000_000)
        assert kept.rate_limits == [RateLimit("requests", 100, "rpm")]
        assert kept.defaults == Defaults({"team": "a"}, "pc-declared", False)
        assert kept.rotation == Rotation("", 0, 0, 3_600_000)
        assert kept.expires_us == 4_102_531_200_000_000
        shown = admin.get(f"/v1/api-keys/{key['id']}").json
        assert shown["usage_limits"] == {
            "type": "cost",
            "credit_limit": 10.5,
            "alert_threshold": 8,
            "periodic_reset": "monthly",
            "periodic_reset_days": None,
            "next_usage_reset_at": "2100-01-01T00:00:00.000Z",
            "time_zone": "UTC",
            "soft": False,
            "downgrade_at": None,
            "downgrade_to": None,
            "current_usage": 0,
            "reserved": 0,
        }
        assert (shown["expires_at"], shown["models"]) == ("2100-01-02T00:00:00.000Z", ["@openai/gpt-*"])

    @pytest.mark.parametrize(("type", "most"), [("cost", 1e9), ("tokens", 1e18)])
    def test_the_most_that_is_taken_is_counted(self, admin, type, most):
        key = made(admin, {"usage_limits": {"type": type, "credit_limit": most, "alert_threshold": most}})
        limit = row(admin, key["id"]).usage_limits
        assert budget_of(limit, "key:k", "key k", 1).cap == 10**18

    @pytest.mark.parametrize(
        "said", [{"rotation_period": "weekly"}, {"rotation_days": 3}, {"next_rotation_at": "2100-01-01T00:00:00Z"}]
    )
    def test_a_schedule_by_which_nobody_would_get_the_new_text_is_not_kept(self, admin, said):
        (member,) = said
        id = made(admin)["id"]
        policy = {"rotation_policy": {"key_transition_period_ms": 3_600_000, **said}}
        for answer in (
            admin.post("/v1/api-keys/workspace/service", {"name": "app", **policy}),
            admin.put(f"/v1/api-keys/{id}", policy),
        ):
            assert (answer.status, answer.code) == (400, "rotation_by_nobody")
            assert answer.param == f"rotation_policy.{member}" and "/rotate" in answer.message
        assert row(admin, id).rotation is None and len(admin.rows()) == 1

    def test_how_long_the_old_text_is_good_is_said_and_may_be_sent_back(self, admin):
        id = made(admin, {"rotation_policy": {"key_transition_period_ms": 7_200_000}})["id"]
        shown = admin.get(f"/v1/api-keys/{id}").json["rotation_policy"]
        assert admin.put(f"/v1/api-keys/{id}", {"rotation_policy": shown}).status == 200
        before = row(admin, id)
        assert admin.post(f"/v1/api-keys/{id}/rotate").status == 200
        after = row(admin, id)
        assert after.old_digest == before.digest and after.old_until_us - after.changed_us == 7_200_000_000

    def test_its_text_is_told_once(self, admin):
        key = made(admin)
        for path in (f"/v1/api-keys/{key['id']}", "/v1/api-keys"):
            body = admin.get(path).body.decode()
            assert key["key"] not in body
            assert key["key"].rsplit("_", 1)[0] not in body
            assert f"****{key['key'][-4:]}" in body
        assert not any(key["key"] in str(entry) for entry in admin.store.audit(admin.whole))

    @pytest.mark.parametrize(
        ("body", "code", "param"),
        [
            ({"scopes": ["completions.all"]}, "unknown_scope", "scopes"),
            ({"scopes": ["admin"]}, "invalid_value", "scopes"),
            ({"type": "organisation"}, "invalid_value", "type"),
            ({"sub-type": "user"}, "invalid_value", "type"),
            ({"user_id": "x"}, "invalid_value", "user_id"),
            ({"usage_limits": {"credit_limit": 0}}, "invalid_type", "usage_limits.credit_limit"),
            ({"usage_limits": {"credit_limit": 1_000_000_001}}, "invalid_value", "usage_limits.credit_limit"),
            ({"usage_limits": {"credit_limit": 1e19, "type": "tokens"}}, "invalid_type", "usage_limits.credit_limit"),
            ({"usage_limits": {"credit_limit": 1, "alert_threshold": 2}}, "invalid_value", "usage_limits.alert_threshold"),
            (
                {"usage_limits": {"credit_limit": 1, "periodic_reset": "weekly", "periodic_reset_days": 3}},
                "invalid_value",
                "usage_limits.periodic_reset_days",
            ),
            ({"usage_limits": {"credit_limit": 1, "period": "weekly"}}, "unknown_member", "usage_limits.period"),
            ({"rate_limits": [{"unit": "rpy", "value": 1}]}, "invalid_type", "rate_limits[0].unit"),
            ({"rate_limits": [{"value": 0}]}, "invalid_type", "rate_limits[0].value"),
            ({"expires_at": "tomorrow"}, "invalid_time", "expires_at"),
            ({"expires_at": "2001-01-01T00:00:00Z"}, "invalid_time", "expires_at"),
            ({"rotation_policy": {"key_transition_period_ms": 5}}, "invalid_type", "rotation_policy.key_transition_period_ms"),
            ({"digest": "x"}, "unknown_member", "digest"),
            ({"mode": "cli"}, "unknown_member", "mode"),
        ],
    )
    def test_what_cannot_be_is_refused(self, admin, body, code, param):
        answer = admin.post("/v1/api-keys/workspace/service", {"name": "app", **body})
        refused(answer, 400, code, param)
        assert not admin.rows()

    def test_a_config_that_is_not_there_is_refused(self, admin):
        body = {"name": "app", "defaults": {"config_id": "pc-nowhere"}}
        refused(admin.post("/v1/api-keys/workspace/service", body), 404, "config_not_found", "defaults.config_id")

    def test_a_persons_key_is_for_someone_who_is_there(self, admin):
        path = "/v1/api-keys/workspace/user"
        refused(admin.post(path, {"name": "x"}), 400, "missing_member", "user_id")
        for user in ("nobody", admin.person().id, admin.person("admin", tenant=admin.abroad).id):
            refused(admin.post(path, {"name": "x", "user_id": user}), 404, "user_not_found", "user_id")
        member = admin.person(seats=[(admin.home.workspace, "member")])
        assert made(admin, {"user_id": member.id}, "workspace/user")


class TestRights:
    """A key can give no more than it has."""

    def test_scopes(self, admin):
        key = admin.key(admin.whole, [*CREATE, CHAT])
        path = "/v1/api-keys/workspace/service"
        assert admin.post(path, {"name": "x", "scopes": [CHAT]}, key=key).status == 200
        for scopes in (["configs.read"], [CHAT, "proxy.write"], []):
            message = refused(admin.post(path, {"name": "x", "scopes": scopes}, key=key), 403, "beyond_your_rights", "scopes")
            assert CHAT not in message
        more = admin.post("/v1/api-keys/organisation/service", {"name": "x", "scopes": ["admin"]}, key=key)
        refused(more, 403, "beyond_your_rights", "scopes")
        assert len(admin.rows()) == 2

    def test_a_workspaces_key_makes_keys_of_its_workspace_alone(self, admin):
        key = admin.key(admin.other, [*CREATE, CHAT])
        id = made(admin, key=key)["id"]
        assert row(admin, id).workspace == admin.other.workspace
        body = {"name": "x", "scopes": [CHAT], "workspace_id": "default"}
        assert admin.post("/v1/api-keys/workspace/service", body, key=key).status == 404

    def test_models_limits_and_expiry_are_handed_down(self, admin):
        end = 4_102_444_800_000_000
        budget, rate = UsageLimit("cost", 5_000_000_000), RateLimit("requests", 10, "rpm")
        key = admin.key(
            admin.whole,
            [*CREATE, CHAT],
            models=["@openai/gpt-*"],
            usage_limits=budget,
            rate_limits=[rate],
            expires_us=end,
        )
        kept = row(admin, made(admin, key=key)["id"])
        assert (kept.models, kept.usage_limits, kept.rate_limits, kept.expires_us) == (["@openai/gpt-*"], budget, [rate], end)
        path = "/v1/api-keys/workspace/service"
        for body, param in (
            ({"models": ["@openai/*"]}, "models"),
            ({"usage_limits": {"credit_limit": 6}}, "usage_limits"),
            ({"usage_limits": {"credit_limit": 5, "periodic_reset": "daily"}}, "usage_limits"),
            ({"usage_limits": {"credit_limit": 5, "type": "tokens"}}, "usage_limits"),
            ({"rate_limits": [{"value": 11}]}, "rate_limits"),
            ({"expires_at": "2100-01-01T00:00:01Z"}, "expires_at"),
        ):
            answer = admin.post(path, {"name": "x", "scopes": [CHAT], **body}, key=key)
            refused(answer, 403, "beyond_your_rights", param)
        less = {"models": ["@openai/gpt-4*"], "usage_limits": {"credit_limit": 5}, "rate_limits": [{"value": 10}]}
        assert row(admin, made(admin, less, key=key)["id"]).models == ["@openai/gpt-4*"]

    def test_a_key_cannot_raise_itself(self, admin):
        text = admin.key(admin.home, ["workspace_service_api_keys.update", CHAT], rate_limits=[RateLimit("requests", 10)])
        id = text.split("_")[1]
        for body in ({"scopes": ["admin"]}, {"scopes": [CHAT, "configs.read"]}, {"rate_limits": [{"value": 99}]}):
            assert admin.put(f"/v1/api-keys/{id}", body, key=text).status in (400, 403)
        assert admin.put(f"/v1/api-keys/{id}", {"rate_limits": None}, key=text).status == 200
        assert row(admin, id).rate_limits == [RateLimit("requests", 10)]

    @pytest.mark.parametrize("method", ["rotate", "update"])
    def test_a_key_with_more_rights_cannot_be_taken_over(self, admin, method):
        strong = admin.key(admin.whole, ["admin"])
        weak = admin.key(admin.whole, [f"organisation_service_api_keys.{method}"])
        path = f"/v1/api-keys/{strong.split('_')[1]}"
        answer = (
            admin.post(f"{path}/rotate", key=weak) if method == "rotate" else admin.put(path, {"expires_at": None}, key=weak)
        )
        assert (answer.status, answer.code) == (403, "beyond_your_rights")
        admin.reload()
        assert admin.get("/v1/configs", key=strong).status == 200


class TestReading:
    def test_the_file_and_the_environment_declare_keys_that_are_listed_and_not_changed(self, admin):
        made(admin)
        listed = admin.get("/v1/api-keys").json
        assert listed["total"] == 3
        assert [each["declared_in"] for each in listed["data"]] == [
            None,
            "lockgate.yaml (keys[0])",
            "the environment (LOCKGATE_ADMIN_KEY)",
        ]
        assert admin.get("/v1/api-keys/config:ci").json["scopes"] == ["configs.list", "configs.read"]
        for answer in (
            admin.put("/v1/api-keys/config:ci", {"name": "x"}),
            admin.delete("/v1/api-keys/config:ci"),
            admin.post("/v1/api-keys/config:ci/rotate"),
            admin.delete("/v1/api-keys/admin"),
        ):
            assert (answer.status, answer.code) == (403, "declared_in_configuration")
        assert "keys[0]" in admin.delete("/v1/api-keys/config:ci").message

    def test_pages_go_through_what_is_stored_and_then_what_is_declared(self, admin):
        ids = [made(admin, {"name": f"key {n}"})["id"] for n in range(3)]
        seen = []
        for page in range(3):
            answer = admin.get(f"/v1/api-keys?page_size=2&current_page={page}").json
            assert (answer["object"], answer["total"]) == ("list", 5)
            seen += [each["id"] for each in answer["data"]]
        assert sorted(seen[:3]) == sorted(ids)
        assert seen[3:] == ["config:ci", "admin"]
        assert admin.get("/v1/api-keys?page_size=2&current_page=3").json["data"] == []

    def test_kinds_that_a_key_may_not_list_are_left_out(self, admin):
        user = admin.person(seats=[(admin.home.workspace, "member")])
        service = made(admin)["id"]
        persons = made(admin, {"user_id": user.id}, "workspace/user")["id"]
        whole = made(admin, {}, "organisation/service")["id"]

        def ids(*scopes, tenant=admin.whole):
            answer = admin.get("/v1/api-keys", key=admin.key(tenant, [f"{each}.list" for each in scopes])).json
            assert answer["total"] == len(answer["data"])
            return {each["id"] for each in answer["data"]} & {service, persons, whole}

        assert ids("workspace_user_api_keys") == {persons}
        assert ids("workspace_service_api_keys") == {service}
        assert ids("organisation_service_api_keys") == {whole}
        assert ids("workspace_service_api_keys", "workspace_user_api_keys", tenant=admin.home) == {persons, service}
        assert ids("workspace_service_api_keys", "workspace_user_api_keys", tenant=admin.other) == set()

    def test_a_kind_of_key_needs_its_scope(self, admin):
        whole = made(admin, {}, "organisation/service")["id"]
        key = admin.key(admin.whole, ["workspace_service_api_keys.read", "workspace_service_api_keys.delete"])
        for method in ("GET", "DELETE"):
            assert admin.ask(method, f"/v1/api-keys/{whole}", key=key).code == "scope_missing"

    def test_what_is_elsewhere_is_not_there(self, admin):
        id = made(admin, {"workspace_id": "other"})["id"]
        verbs = ("read", "update", "delete", "rotate")
        scopes = [f"workspace_service_api_keys.{verb}" for verb in verbs]
        for key in (admin.key(admin.home, scopes), admin.key(Tenant(admin.abroad.organisation), scopes)):
            for answer in (
                admin.get(f"/v1/api-keys/{id}", key=key),
                admin.put(f"/v1/api-keys/{id}", {"name": "x"}, key=key),
                admin.delete(f"/v1/api-keys/{id}", key=key),
                admin.post(f"/v1/api-keys/{id}/rotate", key=key),
            ):
                assert (answer.status, answer.code) == (404, "key_not_found")
        assert row(admin, id).version == 1


class TestChanging:
    def test_what_is_said_changes_and_nothing_else(self, admin):
        id = made(admin, {"description": "old", "usage_limits": {"credit_limit": 5}, "expires_at": "2100-01-01T00:00:00Z"})[
            "id"
        ]
        before = row(admin, id)
        assert admin.put(f"/v1/api-keys/{id}", {"id": id, "name": "new"}).json == {}
        after = row(admin, id)
        assert (after.name, after.description, after.usage_limits) == ("new", "old", before.usage_limits)
        admin.put(f"/v1/api-keys/{id}", {"usage_limits": None, "expires_at": None, "description": ""})
        after = row(admin, id)
        assert (after.description, after.usage_limits, after.expires_us) == ("", None, 0)
        assert (after.digest, after.scopes) == (before.digest, before.scopes)

    def test_what_an_answer_says_of_a_budget_may_be_sent_back(self, admin):
        id = made(admin, {"usage_limits": {"credit_limit": 5}})["id"]
        shown = admin.get(f"/v1/api-keys/{id}").json["usage_limits"]
        back = {**shown, "status": "active", "is_threshold_alerts_sent": False}
        assert admin.put(f"/v1/api-keys/{id}", {"usage_limits": back}).status == 200
        assert row(admin, id).usage_limits == UsageLimit("cost", 5_000_000_000)

    @pytest.mark.parametrize("body", [{"id": "another"}, {"user_id": "x"}, {"workspace_id": "other"}, {"type": "organisation"}])
    def test_whose_it_is_cannot_be_changed(self, admin, body):
        assert admin.put(f"/v1/api-keys/{made(admin)['id']}", body).status == 400

    def test_removing_one_ends_it(self, admin):
        key = made(admin)
        assert admin.delete(f"/v1/api-keys/{key['id']}").json == {}
        admin.reload()
        assert chat(admin, key["key"]) == 401
        refused(admin.get(f"/v1/api-keys/{key['id']}"), 404, "key_not_found")

    def test_rotating_one_gives_a_new_text_and_a_time_to_change_over(self, admin):
        key = made(admin)
        answer = admin.post(f"/v1/api-keys/{key['id']}/rotate", {"key_transition_period_ms": 3_600_000}).json
        kept = row(admin, key["id"])
        assert kept.old_until_us == kept.changed_us + 3_600_000_000
        assert answer["key_transition_expires_at"].endswith("Z")
        admin.reload()
        assert {chat(admin, key["key"]), chat(admin, answer["key"])} == {200}
        refused(
            admin.post(f"/v1/api-keys/{key['id']}/rotate", {"key_transition_period_ms": 1}),
            400,
            "invalid_type",
            "key_transition_period_ms",
        )
        assert admin.ask("POST", f"/v1/api-keys/{key['id']}/rotate").status == 200  # no body at all

    def test_each_change_is_in_the_audit_log_without_a_digest(self, admin):
        id = made(admin)["id"]
        admin.put(f"/v1/api-keys/{id}", {"name": "new"})
        admin.post(f"/v1/api-keys/{id}/rotate")
        admin.delete(f"/v1/api-keys/{id}")
        entries = [entry for entry in admin.store.audit(admin.whole) if entry.resource_id == id][::-1]
        assert [entry.action for entry in entries] == ["create", "update", "rotate", "delete"]
        assert entries[1].detail == {"name": "new"}
        assert not any("digest" in name for entry in entries for name in entry.detail)


class TestPrivacy:
    """What is kept of a key's requests, and of a workspace's: the strictest word holds, from the next request on."""

    @pytest.fixture
    def said(self, admin, tmp_path):
        """Whether what a key asks is kept: with bodies, without, or not at all."""
        seen = []

        def said(text):
            admin.reload()
            assert chat(admin, text) == 200
            (record,) = [each for each in records(tmp_path) if each.id not in seen]
            seen.append(record.id)
            return "off" if record.unkept else "full" if record.request or record.response else "metadata"

        return said

    def test_a_key_says_how_much_and_it_is_shown(self, admin, said):
        key = made(admin, {"capture": "metadata"})
        path = f"/v1/api-keys/{key['id']}"
        assert (admin.get(path).json["capture"], said(key["key"])) == ("metadata", "metadata")
        for capture, kept in (("off", "off"), ("full", "full"), ("metadata", "metadata"), (None, "full")):
            assert admin.put(path, {"capture": capture}).status == 200
            assert (admin.get(path).json["capture"], said(key["key"])) == (kept, kept)
        assert made(admin)["id"] and admin.get("/v1/api-keys").json["data"][0]["capture"] == "full"

    @pytest.mark.parametrize("body", [{"capture": "some"}, {"capture": False}, {"capture": ["off"]}])
    def test_what_is_no_such_word_is_refused(self, admin, body):
        assert admin.post("/v1/api-keys/workspace/service", {"name": "x", "scopes": [CHAT], **body}).status == 400

    def test_a_workspace_says_it_for_all_its_keys_also_those_that_there_are(self, admin, said):
        key, quiet = made(admin), made(admin, {"capture": "off"})
        path = f"/v1/admin/workspaces/{admin.home.workspace}"
        declared = KEY  # what no tenant owns is the first workspace's
        assert (said(key["key"]), said(declared)) == ("full", "full")
        assert admin.put(path, {"capture": "metadata"}).json["capture"] == "metadata"
        assert (said(key["key"]), said(declared), said(quiet["key"])) == ("metadata", "metadata", "off")
        assert admin.put(path, {"capture": "off"}).status == 200
        assert (said(key["key"]), said(declared)) == ("off", "off")
        whole = made(admin, {}, "organisation/service")  # a key of the organisation is in none
        assert said(whole["key"]) == "full"
        assert admin.put(path, {"capture": None}).json["capture"] == "full"
        assert (said(key["key"]), said(quiet["key"])) == ("full", "off")

    def test_what_is_posted_to_a_workspace_is_kept_as_it_says(self, admin, tmp_path):
        place = admin.post("/v1/admin/workspaces", {"name": "Quiet", "capture": "metadata"}).json
        assert place["capture"] == "metadata"
        admin.reload()
        body = {"request": {"body": {"text": "secret"}}, "response": {}, "metadata": {"team": "a"}}
        for where in (f"?workspace_id={place['id']}", ""):
            assert admin.post(f"/v1/logs{where}", body).status == 200
        there, elsewhere = records(tmp_path)
        assert (there.workspace, there.request, there.metadata) == (place["id"], b"", {"team": "a"})
        assert b"secret" in elsewhere.request


class TestRedaction:
    """What a key and a workspace take out of the log, besides what the gateway does, from the next request on."""

    @pytest.fixture
    def said(self, admin, tmp_path):
        """Which of some words are still there of what a key asks."""
        seen = []

        def said(text):
            admin.reload()
            assert chat(admin, text, "rust, green and blue") == 200
            (record,) = [each for each in records(tmp_path) if each.id not in seen]
            seen.append(record.id)
            return [word for word in ("rust", "green", "blue") if word.encode() in record.request]

        return said

    def test_a_key_says_what_and_it_is_shown(self, admin, said):
        key, other = made(admin, {"redact": {"patterns": [r"\brust\b"]}}), made(admin)
        path = f"/v1/api-keys/{key['id']}"
        assert admin.get(path).json["redact"] == {"patterns": [r"\brust\b"], "fields": []}
        assert (said(key["key"]), said(other["key"])) == (["green", "blue"], ["rust", "green", "blue"])
        assert admin.put(path, {"name": "other"}).status == 200
        assert said(key["key"]) == ["green", "blue"]
        assert admin.put(path, {"redact": {"fields": ["messages.*.content"]}}).status == 200
        assert said(key["key"]) == []
        assert admin.put(path, {"redact": None}).status == 200
        assert (admin.get(path).json["redact"], said(key["key"])) == (None, ["rust", "green", "blue"])

    def test_a_workspace_says_it_for_all_its_keys_and_each_may_add(self, admin, said):
        plain, more = made(admin), made(admin, {"redact": {"patterns": ["blue"]}})
        path = f"/v1/admin/workspaces/{admin.home.workspace}"
        assert admin.put(path, {"redact": {"patterns": ["rust"]}}).json["redact"] == {"patterns": ["rust"], "fields": []}
        assert (said(plain["key"]), said(more["key"]), said(KEY)) == (["green", "blue"], ["green"], ["green", "blue"])
        whole = made(admin, {}, "organisation/service")
        assert said(whole["key"]) == ["rust", "green", "blue"]
        assert admin.put(path, {"name": "Ours"}).json["redact"] is not None
        assert admin.put(path, {"redact": None}).json["redact"] is None
        assert (said(plain["key"]), said(more["key"])) == (["rust", "green", "blue"], ["rust", "green"])

    def test_what_is_posted_is_kept_as_workspace_and_key_say(self, admin, tmp_path):
        place = admin.post("/v1/admin/workspaces", {"name": "Shy", "redact": {"patterns": ["rust"]}}).json
        assert place["redact"] == {"patterns": ["rust"], "fields": []}
        key = made(admin, {"scopes": ["logs.write"], "redact": {"fields": ["b"]}}, "organisation/service")
        admin.reload()
        body = {"request": {"body": {"a": "rust", "b": "blue"}}, "response": {}}
        for where in (f"?workspace_id={place['id']}", ""):
            assert admin.post(f"/v1/logs{where}", body, key=key["key"]).status == 200
        there, elsewhere = records(tmp_path)
        assert json.loads(there.request) == {"a": "[redacted]", "b": "[redacted]"}
        assert json.loads(elsewhere.request) == {"a": "rust", "b": "[redacted]"}

    @pytest.mark.parametrize(
        ("redact", "param"),
        [
            ({"patterns": ["fine", "("]}, "redact.patterns[1]"),
            ({"patterns": ["a*"]}, "redact.patterns[0]"),
            ({"patterns": ["(?=x)"]}, "redact.patterns[0]"),
            ({"fields": ["a..b"]}, "redact.fields[0]"),
        ],
    )
    @pytest.mark.parametrize("path", ["/v1/api-keys/workspace/service", "/v1/admin/workspaces"])
    def test_what_is_no_expression_is_refused_with_its_place(self, admin, path, redact, param):
        refused(admin.post(path, {"name": "x", "redact": redact}), 400, "invalid_value", param)

    def test_nobody_says_so_many_that_others_wait(self, admin):
        for redact in ({"patterns": ["a"] * 21}, {"fields": ["a"] * 21}, {"patterns": ["a" * 256]}, {"words": []}):
            assert admin.post("/v1/api-keys/workspace/service", {"name": "x", "redact": redact}).status == 400

    def test_where_what_is_stored_cannot_be_used_nothing_is_read(self, admin, said):
        key = made(admin, {"redact": {"patterns": ["rust"]}})
        with admin.store.change(admin.home, Actor("test"), 1) as change:
            row = change.get(ApiKey, key["id"])
            change.put(msgspec.structs.replace(row, redact=Redaction(patterns=["(?<=of another version)"])))
        assert said(key["key"]) == []


class TestPeople:
    """A member of a workspace has keys of their own, and those alone."""

    VERBS = ("create", "read", "update", "delete", "list", "rotate")

    def key(self, admin, user, *more):
        scopes = [f"{noun}.{verb}" for noun in ("workspace_user_api_keys", "workspace_service_api_keys") for verb in self.VERBS]
        return admin.key(admin.home, [*scopes, CHAT, *more], kind="user", user=user.id)

    def test_a_member_makes_keys_for_nobody_else(self, admin):
        user = admin.person(seats=[(admin.home.workspace, "member")])
        other = admin.person(seats=[(admin.home.workspace, "member")])
        key = self.key(admin, user)
        assert row(admin, made(admin, {}, "workspace/user", key=key)["id"]).user == user.id
        path = "/v1/api-keys/workspace/user"
        body = {"name": "x", "scopes": [CHAT], "user_id": other.id}
        refused(admin.post(path, body, key=key), 403, "not_yours", "user_id")
        assert admin.post("/v1/api-keys/workspace/service", {"name": "x", "scopes": [CHAT]}, key=key).status == 403

    def test_a_member_knows_of_no_other_keys(self, admin):
        user = admin.person(seats=[(admin.home.workspace, "member")])
        key = self.key(admin, user)
        others = [made(admin)["id"], made(admin, {"user_id": admin.person("admin").id}, "workspace/user")["id"]]
        assert [each["id"] for each in admin.get("/v1/api-keys", key=key).json["data"]] == [key.split("_")[1]]
        for id in others:
            assert admin.get(f"/v1/api-keys/{id}", key=key).status == 404
            assert admin.delete(f"/v1/api-keys/{id}", key=key).status == 404

    def test_a_member_changes_the_name_of_a_key_and_not_what_it_may(self, admin):
        user = admin.person(seats=[(admin.home.workspace, "member")])
        key = self.key(admin, user)
        path = f"/v1/api-keys/{key.split('_')[1]}"
        assert admin.put(path, {"name": "mine"}, key=key).status == 200
        for member, value in (
            ("scopes", [CHAT]),
            ("usage_limits", None),
            ("expires_at", None),
            ("models", []),
            ("capture", "off"),
            ("redact", None),
        ):
            refused(admin.put(path, {member: value}, key=key), 403, "member_reserved", member)
        hidden = {"name": "x", "scopes": [CHAT], "capture": "metadata"}
        refused(admin.post("/v1/api-keys/workspace/user", hidden, key=key), 403, "member_reserved", "capture")

    def test_a_manager_makes_keys_for_the_workspaces_people(self, admin):
        boss = admin.person(seats=[(admin.home.workspace, "manager")])
        member = admin.person(seats=[(admin.home.workspace, "member")])
        key = self.key(admin, boss)
        assert row(admin, made(admin, {"user_id": member.id}, "workspace/user", key=key)["id"]).user == member.id
        assert made(admin, {}, "workspace/service", key=key)


def test_the_admin_key_of_the_environment_may_everything(admin):
    for scope in ("admin", "proxy.write"):
        assert made(admin, {"scopes": [scope]}, "organisation/service", key=KEY)
