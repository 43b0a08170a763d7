"""/v1/providers and, the same as older programs know it, /v1/virtual-keys."""

import pytest

from lockgate.control import providers
from lockgate.core.holdings import Integration, Sealed, VirtualKey
from lockgate.core.tenancy import Tenant
from support.tenants import ME, NOW

SECRET = "sk-secret-0123456789-wxyz"
LIMITS = {
    "usage_limits": {"type": "cost", "credit_limit": 10, "alert_threshold": 8, "periodic_reset": "monthly"},
    "rate_limits": [{"type": "requests", "unit": "rpm", "value": 5}],
}


@pytest.fixture
def ours(admin):
    """An account of the organisation that all may use."""
    answer = admin.post("/v1/integrations", {"name": "Ours", "slug": "ours", "ai_provider_id": "openai", "key": SECRET})
    admin.put("/v1/integrations/ours/workspaces", {"global_workspace_access": {"enabled": True}})
    return answer.json["id"]


def made(admin, path="providers", **said):
    standard = {"integration_id": "ours"} if path == "providers" else {"provider": "openai", "key": SECRET}
    answer = admin.post(f"/v1/{path}", {"name": "Mine", "slug": "mine", **standard, **said})
    assert answer.status == 200, answer
    return answer.json


# --- providers


def test_a_provider_is_made_of_an_integration_and_read(admin, ours):
    answer = made(admin, note="N", expires_at="2100-01-01T00:00:00Z", **LIMITS)
    assert (answer["slug"], answer["object"]) == ("mine", "provider")
    shown = admin.get("/v1/providers/mine")
    got = shown.json
    assert {name: got[name] for name in ("id", "slug", "name", "note", "integration_id", "ai_provider_name")} == {
        "id": answer["id"],
        "slug": "mine",
        "name": "Mine",
        "note": "N",
        "integration_id": ours,
        "ai_provider_name": "openai",
    }
    assert (got["status"], got["expires_at"], got["object"]) == ("active", "2100-01-01T00:00:00.000Z", "provider")
    assert (got["usage_limits"]["credit_limit"], got["rate_limits"]) == (10, LIMITS["rate_limits"])
    assert (got["workspace_id"], got["declared_in"], shown.headers["etag"]) == (admin.home.workspace, None, '"1"')
    admin.reload()
    assert admin.app.world.snapshot.providers["mine"].secret() == SECRET.encode()


def test_an_integration_may_be_named_by_its_id_and_a_slug_is_made_up(admin, ours):
    assert made(admin, integration_id=ours, slug=None)["slug"].startswith("mine-")


def test_it_is_changed_and_what_is_null_is_taken_away(admin, ours):
    made(admin, note="N", expires_at="2100-01-01T00:00:00Z", **LIMITS)
    answer = admin.put("/v1/providers/mine", {"name": "M", "usage_limits": LIMITS["usage_limits"] | {"credit_limit": 20}})
    assert answer.json == {"id": admin.rows(VirtualKey)[0].id, "slug": "mine", "object": "provider"}
    got = admin.get("/v1/providers/mine").json
    assert (got["name"], got["note"], got["usage_limits"]["credit_limit"]) == ("M", "N", 20)
    admin.put("/v1/providers/mine", dict.fromkeys(("note", "usage_limits", "rate_limits", "expires_at")))
    got = admin.get("/v1/providers/mine").json
    assert [got[name] for name in ("note", "usage_limits", "rate_limits", "expires_at")] == [None] * 4
    assert got["name"] == "M"


def test_limits_may_be_written_as_one_or_as_a_list(admin, ours):
    made(admin, usage_limits=[LIMITS["usage_limits"]], rate_limits=LIMITS["rate_limits"][0])
    got = admin.get("/v1/providers/mine").json
    assert (got["usage_limits"]["credit_limit"], got["rate_limits"]) == (10, LIMITS["rate_limits"])
    answer = admin.put("/v1/providers/mine", {"usage_limits": [LIMITS["usage_limits"]] * 2})
    assert (answer.status, answer.param) == (400, "usage_limits")


def test_one_whose_time_is_over_is_expired(admin, ours):
    made(admin)
    with admin.store.change(admin.whole, ME, NOW) as change:
        providers.update_virtual_key(change, change.find(VirtualKey, slug="mine"), expires_us=1)
    assert admin.get("/v1/providers/mine").json["status"] == "expired"


def test_a_budget_that_is_spent_makes_it_exhausted(admin, ours):
    made(admin, **LIMITS)
    (key,) = admin.rows(VirtualKey)
    assert providers.status_of(key, NOW) == "active"
    assert providers.status_of(key, NOW, spent=True) == "exhausted"


@pytest.mark.parametrize("path", ["providers", "virtual-keys"])
@pytest.mark.parametrize(
    ("said", "status", "param"),
    [
        ({"slug": "declared"}, 409, "slug"),
        ({"slug": "Not A Slug"}, 400, "slug"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, 400, "expires_at"),
        ({"usage_limits": {"credit_limit": 1, "alert_threshold": 2}}, 400, "usage_limits.alert_threshold"),
        ({"surprise": 1}, 400, "surprise"),
    ],
)
def test_what_cannot_be_a_provider_is_refused_with_its_place(admin, ours, path, said, status, param):
    standard = {"integration_id": "ours"} if path == "providers" else {"provider": "openai", "key": SECRET}
    answer = admin.post(f"/v1/{path}", {"name": "x", **standard, **said})
    assert (answer.status, answer.param) == (status, param), answer
    assert not admin.rows(VirtualKey) and len(admin.rows(Integration)) == 1
    admin.reload()


def test_an_integration_that_is_not_there_or_not_for_the_workspace(admin, ours):
    answer = admin.post("/v1/providers", {"name": "x", "integration_id": "none"})
    assert (answer.status, answer.code, answer.param) == (404, "integration_not_found", "integration_id")
    admin.put("/v1/integrations/ours/workspaces", {"workspaces": [{"id": "other", "enabled": False}]})
    answer = admin.post("/v1/providers", {"name": "x", "integration_id": "ours", "workspace_id": "other"})
    assert (answer.status, answer.code) == (403, "integration_not_enabled")
    assert "/v1/integrations/ours/workspaces" in answer.message
    key = admin.key(admin.other, scopes=["providers.create"])
    assert admin.post("/v1/providers", {"name": "x", "integration_id": "ours"}, key=key).status == 404
    abroad = admin.key(admin.abroad, scopes=["providers.create"])
    assert admin.post("/v1/providers", {"name": "x", "integration_id": ours}, key=abroad).status == 404


@pytest.mark.parametrize("path", ["providers", "virtual-keys"])
def test_a_slug_of_several_workspaces_needs_its_workspace(admin, ours, path):
    made(admin)
    made(admin, workspace_id="other")
    for answer in (
        admin.get(f"/v1/{path}/mine"),
        admin.put(f"/v1/{path}/mine", {"name": "x"}),
        admin.delete(f"/v1/{path}/mine"),
    ):
        assert (answer.status, answer.code) == (409, "ambiguous")
    assert admin.get(f"/v1/{path}/mine?workspace_id=other").json["workspace_id"] == admin.other.workspace
    assert admin.delete(f"/v1/{path}/mine?workspace_id=other").status == 200
    assert admin.get(f"/v1/{path}/mine").json["workspace_id"] == admin.home.workspace


@pytest.mark.parametrize("path", ["providers", "virtual-keys"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_one_that_is_not_there(admin, method, path):
    answer = admin.ask(method, f"/v1/{path}/none", {"name": "x"} if method == "PUT" else None)
    assert (answer.status, answer.code) == (404, "provider_not_found")


@pytest.mark.parametrize("path", ["providers", "virtual-keys"])
def test_another_slug_is_not_said(admin, ours, path):
    made(admin, **LIMITS)
    assert admin.put(f"/v1/{path}/mine", {"slug": "mine", "reset_usage": False}).status == 200
    assert admin.put(f"/v1/{path}/mine", {"slug": "other"}).param == "slug"


def test_if_match_guards_a_change(admin, ours):
    made(admin)
    for method, body in (("PUT", {"name": "x"}), ("DELETE", None)):
        assert admin.ask(method, "/v1/providers/mine", body, headers=[("if-match", '"7"')]).status == 412


def test_removing_one_leaves_its_integration(admin, ours):
    made(admin)
    assert admin.delete("/v1/providers/mine").json == {}
    assert not admin.rows(VirtualKey) and len(admin.rows(Integration)) == 1


# --- what is declared


@pytest.mark.parametrize("path", ["providers", "virtual-keys"])
def test_what_is_declared_is_listed_and_read_and_not_changed(admin, ours, path):
    made(admin)
    listed = admin.get(f"/v1/{path}").json
    assert (listed["object"], listed["total"]) == ("list", 3)
    assert [each["slug"] for each in listed["data"]] == ["mine", "declared", "anthropic"]
    assert admin.get(f"/v1/{path}?page_size=1&current_page=1").json["data"][0]["slug"] == "declared"
    got = admin.get(f"/v1/{path}/declared").json
    assert (got["declared_in"], got["ai_provider_name"]) == ("lockgate.yaml (providers.declared)", "sim")
    assert (got["integration_id"], got["workspace_id"], got["status"]) == (None, None, "active")
    assert "ANTHROPIC_API_KEY" in admin.get(f"/v1/{path}/anthropic").json["declared_in"]
    for answer in (admin.put(f"/v1/{path}/declared", {"name": "x"}), admin.delete(f"/v1/{path}/declared")):
        assert (answer.status, answer.code) == (403, "declared_in_configuration")
        assert "lockgate.yaml" in answer.message


def test_a_stored_one_stands_before_the_environments(admin, ours):
    made(admin, slug="anthropic")
    assert [each["slug"] for each in admin.get("/v1/providers").json["data"]] == ["anthropic", "declared"]
    assert admin.get("/v1/providers/anthropic").json["declared_in"] is None


def test_another_organisation_has_none_of_what_is_declared(admin, ours):
    made(admin)
    key = admin.key(Tenant(admin.abroad.organisation), scopes=["admin"])
    assert admin.get("/v1/providers", key=key).json["data"] == []
    assert admin.get("/v1/providers/declared", key=key).status == 404
    assert admin.delete("/v1/providers/mine", key=key).status == 404
    body = {"name": "x", "slug": "declared", "provider": "sim", "workspace_id": admin.abroad.workspace}
    assert admin.post("/v1/virtual-keys", body, key=key).status == 200
    admin.reload()


# --- virtual keys


def test_a_virtual_key_is_a_provider_with_its_account(admin):
    answer = made(admin, "virtual-keys", note="N", configurations={"openai_organization": "org-1"})
    assert (answer["slug"], answer["object"]) == ("mine", "virtual-key")
    (account,), (key,) = admin.rows(Integration), admin.rows(VirtualKey)
    assert account.workspace == key.workspace == admin.home.workspace
    shown = admin.get("/v1/virtual-keys/mine")
    assert SECRET[:-4].encode() not in shown.body
    got = shown.json
    assert (got["provider"], got["key"], got["model_config"]) == ("openai", "****wxyz", {"openai_organization": "org-1"})
    assert (got["note"], got["status"], got["object"]) == ("N", "active", "virtual-key")
    assert admin.get("/v1/providers/mine").json["id"] == got["id"]
    assert admin.get("/v1/virtual-keys").json["data"][0] == got


def test_azures_members_as_virtual_keys_say_them(admin):
    made(
        admin,
        "virtual-keys",
        provider="azure-openai",
        resourceName="res",
        deploymentConfig=[{"deploymentName": "d1", "apiVersion": "2024-10-21", "alias": "gpt-4o", "is_default": True}],
    )
    made(admin, "virtual-keys", slug="two", provider="azure-openai", resourceName="res", deploymentName="d2", apiVersion="v1")
    admin.reload()
    one, two = (admin.app.world.snapshot.providers[slug] for slug in ("mine", "two"))
    assert one.destination.host == "res.openai.azure.com"
    assert (one.named("gpt-4o"), one.named("x"), two.named("x")) == ("d1", "d1", "d2")


def test_another_key_for_the_account_behind_it(admin):
    made(admin, "virtual-keys", **LIMITS)
    answer = admin.put("/v1/virtual-keys/mine", {"key": "sk-another-0123456789-mnop", "name": "M"})
    assert answer.json == {"id": admin.rows(VirtualKey)[0].id, "slug": "mine", "object": "virtual-key"}
    got = admin.get("/v1/virtual-keys/mine").json
    assert (got["key"], got["name"], got["usage_limits"]["credit_limit"]) == ("****mnop", "M", 10)
    admin.reload()
    assert admin.app.world.snapshot.providers["mine"].secret() == b"sk-another-0123456789-mnop"


def test_a_workspace_gives_the_organisations_account_no_other_key(admin, ours):
    made(admin, workspace_id="other")
    key = admin.key(admin.other, scopes=["virtual_keys.read", "virtual_keys.update"])
    got = admin.get("/v1/virtual-keys/mine", key=key).json
    assert (got["key"], got["model_config"], got["provider"]) == (None, {}, "openai")
    answer = admin.put("/v1/virtual-keys/mine", {"key": "sk-another-0123456789-mnop"}, key=key)
    assert (answer.status, answer.code) == (403, "not_yours")
    whole = admin.key(scopes=["virtual_keys.update"])
    answer = admin.put("/v1/virtual-keys/mine", {"key": "sk-another-0123456789-mnop"}, key=whole)
    assert (answer.status, answer.code) == (403, "scope_missing")
    assert admin.get("/v1/integrations/ours").json["masked_key"] == "****wxyz"


def test_removing_one_removes_its_account_and_its_secret(admin, ours):
    made(admin, "virtual-keys")
    assert admin.delete("/v1/virtual-keys/mine").json == {}
    assert [row.slug for row in admin.rows(Integration)] == ["ours"]
    assert {row.owner for row in admin.rows(Sealed)} == {ours}


def test_removing_one_leaves_an_account_that_has_other_names_or_is_the_organisations(admin, ours):
    made(admin)
    assert admin.delete("/v1/virtual-keys/mine").status == 200
    made(admin, "virtual-keys")
    slug = admin.rows(Integration)[0].slug
    made(admin, slug="second", integration_id=slug)
    assert admin.delete("/v1/virtual-keys/mine").status == 200
    assert {row.slug for row in admin.rows(Integration)} == {"ours", slug}


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"provider": "klingon"}, "provider"),
        ({"configurations": {"custom_host": "http://169.254.169.254"}}, "configurations.custom_host"),
        ({"key": ""}, "key"),
    ],
)
def test_an_account_that_cannot_be_one(admin, said, param):
    answer = admin.post("/v1/virtual-keys", {"name": "x", "provider": "openai", "key": SECRET, **said})
    assert answer.status in (400, 403) and answer.param == param
    assert not admin.rows(Integration) and not admin.rows(Sealed)


def test_either_name_of_the_scopes_will_do(admin, ours):
    for noun in ("providers", "virtual_keys"):
        key = admin.key(admin.home, scopes=[f"{noun}.list"])
        assert admin.get("/v1/providers", key=key).status == admin.get("/v1/virtual-keys", key=key).status == 200
    assert admin.get("/v1/providers", key=admin.key(admin.home, scopes=["configs.list"])).status == 403
