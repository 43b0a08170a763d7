"""/v1/integrations."""

import json

import pytest

from lockgate.core.holdings import Integration, ModelAccess, Sealed, SecretReference, VirtualKey
from lockgate.core.tenancy import Tenant, new_id
from lockgate.http.admin.shapes import text_of
from support.tenants import ME, NOW

SECRET = "sk-secret-0123456789-wxyz"
AWS = {"aws_auth_type": "accessKey", "aws_region": "eu-west-1", "aws_access_key_id": "AKIA1"}


def made(admin, by=None, **said):
    answer = admin.post(
        "/v1/integrations",
        {"name": "OpenAI for us", "ai_provider_id": "openai", "key": SECRET, **said},
        **({"key": by} if by else {}),
    )
    assert answer.status == 200, answer
    return answer.json


def of_workspace(admin, **said):
    return made(admin, workspace_id="default", **said)


def told_nowhere(admin, secret):
    """Whether a secret stands in no audit entry and no row in the clear."""
    rows = [repr(entry) + json.dumps(entry.detail) for entry in admin.store.audit(admin.whole, limit=1000)]
    return not any(secret in text for text in rows)


def test_one_is_set_up_for_the_organisation_and_lent_to_nobody(admin):
    answer = made(admin)
    assert answer["object"] == "integration" and answer["slug"].startswith("openai-for-us-")
    row = admin.store.get(admin.whole, Integration, answer["id"])
    assert (row.workspace, row.provider, row.everyone.enabled, row.own_identity) == ("", "openai", False, False)
    assert not admin.rows(VirtualKey)


def test_it_is_shown_without_its_secret(admin):
    answer = made(admin, slug="ours", description="D", tags={"team": "a"}, configurations={"openai_organization": "org-1"})
    shown = admin.get("/v1/integrations/ours")
    assert SECRET[:-4].encode() not in shown.body
    got = shown.json
    assert got["id"] == answer["id"] and got["object"] == "integration"
    assert (got["ai_provider_id"], got["type"], got["status"], got["workspace_id"]) == (
        "openai",
        "organisation",
        "active",
        None,
    )
    assert (got["masked_key"], got["configurations"]) == ("****wxyz", {"openai_organization": "org-1"})
    assert (got["description"], got["tags"], got["allow_all_models"]) == ("D", {"team": "a"}, True)
    assert got["global_workspace_access"] == {"enabled": False, "usage_limits": None, "rate_limits": None, "models": None}
    assert shown.headers["etag"] == '"1"'
    assert told_nowhere(admin, SECRET) and told_nowhere(admin, SECRET[-10:])
    assert admin.get(f"/v1/integrations/{answer['id']}").json == got


def test_what_seals_a_secret_is_in_no_audit_entry(admin):
    made(admin)
    entries = [entry for entry in admin.store.audit(admin.whole) if entry.resource_type == "secret"]
    assert entries and all({"box", "wrapped"}.isdisjoint(entry.detail) for entry in entries)


def test_one_of_a_workspace_gets_a_provider_at_once(admin):
    answer = of_workspace(admin, slug="mine")
    (key,) = admin.rows(VirtualKey)
    assert (key.slug, key.workspace, key.integration) == ("mine", admin.home.workspace, answer["id"])
    admin.reload()
    assert admin.app.world.snapshot.providers["mine"].secret() == SECRET.encode()
    of_workspace(admin, default_provider_slug="chosen")
    of_workspace(admin, create_default_provider=False)
    assert {each.slug for each in admin.rows(VirtualKey)} == {"mine", "chosen"}


@pytest.mark.parametrize("param", ["default_provider_slug"])
def test_a_slug_that_the_file_has_is_not_taken(admin, param):
    """The gateway would refuse its whole configuration for that."""
    answer = admin.post(
        "/v1/integrations", {"name": "x", "ai_provider_id": "sim", "workspace_id": "default", param: "declared"}
    )
    assert (answer.status, answer.code, answer.param) == (409, "taken", param)
    of_workspace(admin, slug="declared")  # an account may be called that; its provider is called otherwise
    assert [key.slug.startswith("openai-for-us-") for key in admin.rows(VirtualKey)] == [True]
    admin.reload()


@pytest.mark.parametrize(
    ("said", "status", "param"),
    [
        ({"ai_provider_id": "klingon"}, 400, "ai_provider_id"),
        ({"key": None}, 400, "key"),
        ({"configurations": {"surprise": 1}}, 400, "configurations.surprise"),
        ({"configurations": {"api_key_file": "/etc/passwd"}}, 400, "configurations.api_key_file"),
        ({"configurations": {"proxy": "http://p"}}, 400, "configurations.proxy"),
        ({"configurations": {"custom_headers": {"x": 1}}}, 400, "configurations.custom_headers"),
        ({"configurations": {"custom_headers": "sk-no-json"}}, 400, "configurations.custom_headers"),
        ({"configurations": {"custom_host": "ftp://x"}}, 400, "configurations.custom_host"),
        ({"configurations": {"custom_host": "https://u:sk-pw@llm.example.com"}}, 400, "configurations.custom_host"),
        ({"slug": "Not A Slug"}, 400, "slug"),
        ({"own_identity": True}, 400, "own_identity"),
        ({"secret_mappings": [{"target_field": "key", "secret_reference_id": "none"}]}, 404, "secret_mappings[0]"),
        ({"secret_mappings": [{"target_field": "x", "secret_reference_id": "none"}]}, 400, "secret_mappings[0].target_field"),
        (
            {"secret_mappings": [{"target_field": "configurations.custom_host", "secret_reference_id": "none"}]},
            400,
            "secret_mappings[0].target_field",
        ),
    ],
)
def test_what_cannot_be_an_account_is_refused_with_its_place_and_not_kept(admin, said, status, param):
    answer = admin.post("/v1/integrations", {"name": "x", "ai_provider_id": "openai", "key": SECRET, **said})
    assert answer.status == status and answer.param.startswith(param), answer
    assert b"sk-" not in answer.body
    assert not admin.rows(Integration) and not admin.rows(Sealed)


@pytest.mark.parametrize(
    "host",
    [
        "http://169.254.169.254/latest",
        "https://169.254.169.254",
        "http://127.0.0.1:8787/v1",
        "http://localhost:8787/v1",
        "https://10.0.0.7/v1",
        "https://[::1]/v1",
        "https://[fd00::1]/v1",
        "https://llm.example.com/v1",
        "http://allowed.example.com/v1",
        "https://0x7f000001/v1",
    ],
)
def test_its_address_is_judged_by_the_egress_policy_at_creation(admin, host):
    answer = admin.post(
        "/v1/integrations",
        {"name": "x", "ai_provider_id": "openai", "key": SECRET, "configurations": {"custom_host": host}},
    )
    assert answer.status in (400, 403) and answer.code in ("egress_denied", "invalid_account"), answer
    assert answer.param == "configurations.custom_host"
    assert not admin.rows(Integration)


def test_an_address_that_the_operator_allows_is_used_and_not_trusted(admin):
    of_workspace(admin, slug="there", configurations={"custom_host": "https://allowed.example.com/v1"})
    admin.reload()
    destination = admin.app.world.snapshot.providers["there"].destination
    assert (destination.host, destination.trusted) == ("allowed.example.com", False)


@pytest.mark.parametrize(
    ("provider", "configurations", "param"),
    [
        ("azure-openai", {"azure_auth_mode": "managed", "azure_resource_name": "resource"}, "azure_auth_mode"),
        ("azure-openai", {"azure_auth_mode": "workload", "azure_resource_name": "resource"}, "azure_auth_mode"),
        ("bedrock", {"aws_auth_type": "serviceRole", "aws_region": "eu-west-1"}, "aws_auth_type"),
        ("bedrock", {"aws_auth_type": "webIdentity", "aws_region": "eu-west-1"}, "aws_auth_type"),
        ("bedrock", {"aws_region": "eu-west-1"}, "aws_access_key_id"),
        (
            "vertex-ai",
            {"vertex_auth_type": "metadata", "vertex_region": "europe-west4", "vertex_project_id": "proj"},
            "vertex_auth_type",
        ),
    ],
)
def test_no_identity_of_the_gateway_is_lent(admin, provider, configurations, param):
    body = {"name": "x", "ai_provider_id": provider, "configurations": configurations}
    answer = admin.post("/v1/integrations", body)
    assert (answer.status, answer.code, answer.param) == (400, "invalid_account", f"configurations.{param}"), answer
    assert not admin.rows(Integration)


def test_a_key_that_is_read_and_not_only_sent_is_read_when_it_is_said(admin):
    account = {"vertex_region": "europe-west4", "vertex_service_account_json": {"type": "service_account", "project_id": "p"}}
    body = {"name": "x", "slug": "v", "ai_provider_id": "vertex-ai", "configurations": account}
    answer = admin.post("/v1/integrations", body)
    assert (answer.status, answer.param) == (400, "configurations.vertex_service_account_json")


# --- changing


def test_its_members_are_changed(admin):
    made(admin, slug="ours", configurations={"openai_organization": "a"})
    said = {
        "name": "N",
        "description": None,
        "tags": {"x": "y"},
        "configurations": {"openai_project": "p"},
        "status": "archived",
    }
    assert admin.put("/v1/integrations/ours", said).json == {}
    got = admin.get("/v1/integrations/ours").json
    assert (got["name"], got["description"], got["tags"], got["status"]) == ("N", None, {"x": "y"}, "archived")
    assert (got["configurations"], got["masked_key"]) == ({"openai_project": "p"}, "****wxyz")


def test_another_key_stands_instead_of_the_old_one(admin):
    of_workspace(admin, slug="mine")
    assert admin.put("/v1/integrations/mine", {"key": "sk-another-0123456789-mnop"}).status == 200
    assert admin.get("/v1/integrations/mine").json["masked_key"] == "****mnop"
    admin.reload()
    assert admin.app.world.snapshot.providers["mine"].secret() == b"sk-another-0123456789-mnop"
    assert [row.number for row in admin.rows(Sealed)] == [2]


def test_secrets_among_the_configurations_stay_unless_they_are_said_and_go_with_null(admin):
    secret = {"aws_secret_access_key": "aws-secret-0123456789-abcd", "aws_session_token": "t0ken-0123456789-efgh"}
    made(admin, slug="aws", ai_provider_id="bedrock", key=None, configurations=AWS | secret)
    got = admin.get("/v1/integrations/aws").json["configurations"]
    assert got == AWS | {"aws_secret_access_key": "****abcd", "aws_session_token": "****efgh"}
    assert admin.put("/v1/integrations/aws", {"configurations": got | {"aws_access_key_id": "AKIA2"}}).status == 200
    assert admin.put("/v1/integrations/aws", {"configurations": AWS | {"aws_session_token": None}}).status == 200
    got = admin.get("/v1/integrations/aws").json["configurations"]
    assert got == AWS | {"aws_secret_access_key": "****abcd"}
    assert {row.field for row in admin.rows(Sealed)} == {"configurations.aws_secret_access_key"}


@pytest.mark.parametrize("host", ["https://other.example.com/v1", "https://allowed.example.com/v2", None])
def test_an_account_takes_no_secret_along_to_another_address(admin, host):
    """Whoever may change an account, and does not know its key, could have it sent to a place of their own."""
    there = {"custom_host": "https://allowed.example.com/v1"}
    made(admin, slug="ours", configurations=there)
    moved = {"custom_host": host} if host else {}
    answer = admin.put("/v1/integrations/ours", {"configurations": moved})
    assert (answer.status, answer.code) == (400, "secrets_needed")
    assert admin.put("/v1/integrations/ours", {"configurations": there | {"openai_project": "p"}}).status == 200
    assert admin.put("/v1/integrations/ours", {"configurations": moved, "key": "sk-another-0123456789-mnop"}).status == 200


def test_its_address_is_judged_when_it_changes_too(admin):
    made(admin, slug="ours")
    answer = admin.put("/v1/integrations/ours", {"key": SECRET, "configurations": {"custom_host": "http://169.254.169.254/v1"}})
    assert (answer.status, answer.code) == (403, "egress_denied")
    assert admin.get("/v1/integrations/ours").json["configurations"] == {}


def test_what_the_operator_has_set_up_keeps_its_address(admin):
    """It may use the gateway's identity, and goes where the operator said: nobody sends it elsewhere with that."""
    from lockgate.control import providers

    vault = admin.house.vault(admin.store)
    providers.add_provider(admin.store, vault, admin.home, ME, NOW, "op", provider="openai", key=SECRET, own_identity=True)
    slug = admin.rows(Integration)[0].slug
    for said in ({"configurations": {"custom_host": "http://127.0.0.1"}, "key": SECRET}, {"secret_mappings": []}):
        answer = admin.put(f"/v1/integrations/{slug}", said)
        assert (answer.status, answer.code) == (403, "operators_own")
    assert admin.put(f"/v1/integrations/{slug}", {"name": "N", "key": "sk-another-0123456789-mnop"}).status == 200
    assert admin.get(f"/v1/integrations/{slug}").json["own_identity"] is True


def test_if_match_guards_a_change(admin):
    made(admin, slug="ours")
    assert admin.put("/v1/integrations/ours", {"name": "a"}, headers=[("if-match", '"7"')]).status == 412
    assert admin.put("/v1/integrations/ours", {"name": "a"}, headers=[("if-match", '"1"')]).status == 200


def test_one_that_is_in_use_is_not_removed(admin):
    of_workspace(admin, slug="mine")
    answer = admin.delete("/v1/integrations/mine")
    assert (answer.status, answer.code) == (409, "in_use") and "@mine" in answer.message
    assert admin.delete("/v1/providers/mine").status == 200
    assert admin.delete("/v1/integrations/mine").json == {}
    assert not admin.rows(Integration) and not admin.rows(Sealed)


@pytest.mark.parametrize("path", ["", "/models"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_one_that_is_not_there(admin, method, path):
    more = "?slugs=x" if (method, path) == ("DELETE", "/models") else ""
    answer = admin.ask(method, f"/v1/integrations/none{path}{more}", {} if method == "PUT" else None)
    assert (answer.status, answer.code) == (404, "integration_not_found")


# --- who sees what


def test_lists_by_kind(admin):
    made(admin, slug="ours")
    of_workspace(admin, slug="mine")

    def slugs(query):
        answer = admin.get(f"/v1/integrations{query}")
        assert answer.json["object"] == "list" and answer.json["total"] == len(answer.json["data"])
        return [each["slug"] for each in answer.json["data"]]

    assert slugs("") == ["mine", "ours"]
    assert slugs("?type=organisation") == ["ours"]
    assert slugs("?type=workspace") == ["mine"]
    assert slugs("?workspace_id=default") == ["mine"]
    assert slugs("?workspace_id=other") == []
    assert admin.get("/v1/integrations?page_size=1&current_page=1").json["data"][0]["slug"] == "ours"


def test_a_workspace_knows_of_the_organisations_accounts_that_are_open_to_it(admin):
    made(admin, slug="ours", configurations={"openai_organization": "org-1"})
    key = admin.key(admin.other, scopes=["workspace_integrations.list", "workspace_integrations.read"])
    assert admin.get("/v1/integrations", key=key).json["data"] == []
    assert admin.get("/v1/integrations/ours", key=key).status == 404
    admin.put("/v1/integrations/ours/workspaces", {"workspaces": [{"id": "other", "enabled": True}]})
    assert [each["slug"] for each in admin.get("/v1/integrations", key=key).json["data"]] == ["ours"]
    got = admin.get("/v1/integrations/ours", key=key).json
    assert (got["configurations"], got["masked_key"], got["global_workspace_access"]) == ({}, None, None)


def test_a_workspace_changes_its_own_and_nothing_else(admin):
    made(admin, slug="ours")
    admin.put("/v1/integrations/ours/workspaces", {"global_workspace_access": {"enabled": True}})
    of_workspace(admin, slug="mine")
    verbs = ("create", "read", "update", "delete")
    key = admin.key(admin.other, scopes=[f"workspace_integrations.{verb}" for verb in verbs])
    for method, body in (("PUT", {"name": "x"}), ("DELETE", None)):
        answer = admin.ask(method, "/v1/integrations/ours", body, key=key)
        assert (answer.status, answer.code) == (403, "not_yours")
        assert admin.ask(method, "/v1/integrations/mine", body, key=key).status == 404
    made(admin, by=key, slug="theirs")
    row = next(each for each in admin.rows(Integration) if each.slug == "theirs")
    assert row.workspace == admin.other.workspace
    assert admin.put("/v1/integrations/theirs", {"name": "x"}, key=key).status == 200


def test_a_key_for_workspaces_accounts_makes_none_of_the_organisation(admin):
    key = admin.key(scopes=["workspace_integrations.create"])
    answer = admin.post("/v1/integrations", {"name": "x", "ai_provider_id": "sim"}, key=key)
    assert (answer.status, answer.code) == (403, "scope_missing")
    assert (
        admin.post("/v1/integrations", {"name": "x", "ai_provider_id": "sim", "workspace_id": "other"}, key=key).status == 200
    )


def test_another_organisation_sees_and_changes_nothing(admin):
    made(admin, slug="ours")
    admin.put("/v1/integrations/ours/workspaces", {"global_workspace_access": {"enabled": True}})
    key = admin.key(Tenant(admin.abroad.organisation), scopes=["admin"])
    assert admin.get("/v1/integrations", key=key).json["data"] == []
    for method, path, body in (
        ("GET", "", None),
        ("PUT", "", {"name": "x"}),
        ("DELETE", "", None),
        ("GET", "/models", None),
        ("PUT", "/models", {"models": []}),
        ("GET", "/workspaces", None),
        ("PUT", "/workspaces", {}),
    ):
        answer = admin.ask(method, f"/v1/integrations/ours{path}", body, key=key)
        assert (answer.status, answer.code) == (404, "integration_not_found"), (method, path)
    made(admin, by=key, slug="ours")  # the same slug there is another account
    assert len(admin.rows(Integration)) == 1


# --- models


def test_models_are_said_read_and_forgotten(admin):
    made(admin, slug="ours")
    mine = {
        "slug": "my-tune",
        "enabled": True,
        "is_custom": True,
        "is_finetune": True,
        "base_model_slug": "gpt-4o",
        "pricing_config": {
            "type": "static",
            "pay_as_you_go": {"request_token": {"price": 0.0001}, "response_token": {"price": 0.0002}},
        },
    }
    said = {"models": [mine, {"slug": "gpt-4o-mini", "enabled": False}], "allow_all_models": False}
    assert admin.put("/v1/integrations/ours/models", said).json == {}
    answer = admin.get("/v1/integrations/ours/models").json
    assert (answer["object"], answer["allow_all_models"]) == ("list", False)
    found = {model["slug"]: model for model in answer["models"]}
    assert {name: found["my-tune"][name] for name in mine} == {
        **mine,
        "pricing_config": {**mine["pricing_config"], "currency": "USD"},
    }
    assert not found["gpt-4o-mini"]["enabled"] and not found["gpt-4o"]["enabled"]
    assert answer["total"] == len(answer["models"]) > 10

    assert admin.put("/v1/integrations/ours/models", {"models": [{"slug": "my-tune", "enabled": False}]}).status == 200
    assert {(model.slug, model.enabled) for model in admin.rows(Integration)[0].models} == {
        ("my-tune", False),
        ("gpt-4o-mini", False),
    }
    assert admin.delete("/v1/integrations/ours/models?slugs=my-tune,gpt-4o-mini").json == {}
    assert admin.rows(Integration)[0].models == []
    assert admin.delete("/v1/integrations/ours/models?slugs=my-tune").status == 404


def test_models_as_they_are_shown_can_be_said_again(admin):
    made(admin, slug="ours")
    admin.put("/v1/integrations/ours/models", {"models": [{"slug": "a", "is_custom": True}]})
    shown = admin.get("/v1/integrations/ours/models").json["models"]
    assert admin.put("/v1/integrations/ours/models", {"models": shown}).status == 200


def test_an_address_of_one_model_alone_is_refused_not_ignored(admin):
    made(admin, slug="ours")
    body = {"models": [{"slug": "a"}, {"slug": "b", "configurations": {"custom_host": "https://b.example.com"}}]}
    answer = admin.put("/v1/integrations/ours/models", body)
    assert (answer.status, answer.param) == (400, "models[1].configurations")


def test_prices_are_said_by_the_organisation_alone(admin):
    """Whoever could make a model cost nothing would have no budget."""
    of_workspace(admin, slug="mine")
    priced = {
        "slug": "gpt-4o",
        "pricing_config": {"pay_as_you_go": {"request_token": {"price": 0}, "response_token": {"price": 0}}},
    }
    key = admin.key(admin.home, scopes=[f"workspace_integrations.{verb}" for verb in ("create", "read", "update", "delete")])
    for answer in (
        admin.put("/v1/integrations/mine/models", {"models": [priced]}, key=key),
        admin.put("/v1/integrations/mine/models", {"models": [{"slug": "gpt-4o", "base_model_slug": "cheap"}]}, key=key),
        admin.put("/v1/integrations/mine", {"pricing_adjustments": {"multiplier": {"default": 0}}}, key=key),
        admin.post(
            "/v1/integrations",
            {"name": "x", "ai_provider_id": "sim", "pricing_adjustments": {"multiplier": {"default": 0}}},
            key=key,
        ),
    ):
        assert (answer.status, answer.code) == (403, "scope_missing") and "Prices" in answer.message
    assert admin.put("/v1/integrations/mine/models", {"models": [{"slug": "gpt-4o", "enabled": False}]}, key=key).status == 200
    assert admin.put("/v1/integrations/mine/models", {"models": [priced]}).status == 200
    assert admin.put("/v1/integrations/mine/models", {"models": [priced | {"enabled": False}]}, key=key).status == 200
    for answer in (
        admin.put("/v1/integrations/mine/models", {"models": [{"slug": "gpt-4o"}]}, key=key),
        admin.delete("/v1/integrations/mine/models?slugs=gpt-4o", key=key),
    ):
        assert answer.status == 403


# --- workspaces


def test_workspaces_are_let_in_each_with_a_provider_and_limits(admin):
    made(admin, slug="ours")
    limits = {
        "usage_limits": [{"type": "cost", "credit_limit": 10, "periodic_reset": "monthly"}],
        "rate_limits": [{"type": "requests", "unit": "rpm", "value": 5}],
    }
    said = {
        "workspaces": [
            {"id": "default", "enabled": True, **limits},
            {"id": admin.other.workspace, "enabled": True, "default_provider_slug": "theirs", "create_default_provider": True},
        ]
    }
    assert admin.put("/v1/integrations/ours/workspaces", said).json == {}
    got = admin.get("/v1/integrations/ours/workspaces").json
    assert (got["object"], got["total"], got["global_workspace_access"]["enabled"]) == ("list", 2, False)
    one, two = got["workspaces"]
    assert (one["id"], one["enabled"], one["usage_limits"][0]["credit_limit"]) == (admin.home.workspace, True, 10)
    assert (two["usage_limits"], two["rate_limits"]) == (None, None)
    assert one["rate_limits"] == limits["rate_limits"]
    assert {(key.slug, key.workspace) for key in admin.rows(VirtualKey)} == {
        ("ours", admin.home.workspace),
        ("theirs", admin.other.workspace),
    }
    admin.put("/v1/integrations/ours/workspaces", said)
    assert len(admin.rows(VirtualKey)) == 2
    admin.reload()
    assert "ours" in admin.app.world.snapshot.providers


def test_a_workspace_that_is_shut_out_uses_it_no_longer(admin):
    made(admin, slug="ours")
    admin.put("/v1/integrations/ours/workspaces", {"workspaces": [{"id": "default", "enabled": True}]})
    admin.put("/v1/integrations/ours/workspaces", {"workspaces": [{"id": "default", "enabled": False}]})
    admin.reload()
    assert "ours" not in admin.app.world.snapshot.providers


@pytest.mark.parametrize("spelling", ["override_existing_workspace_access", "override_existing_workspaces_access"])
def test_what_is_said_for_all_stands_beside_what_is_said_for_one_or_instead_of_it(admin, spelling):
    made(admin, slug="ours")
    admin.put("/v1/integrations/ours/workspaces", {"workspaces": [{"id": "default", "enabled": False}]})
    admin.put("/v1/integrations/ours/workspaces", {"global_workspace_access": {"enabled": True}})
    row = admin.rows(Integration)[0]
    assert row.open_to(admin.other.workspace) and not row.open_to(admin.home.workspace)
    admin.put("/v1/integrations/ours/workspaces", {spelling: True})
    assert admin.rows(Integration)[0].open_to(admin.home.workspace)


@pytest.mark.parametrize(
    ("entry", "status", "param"),
    [
        ({"id": "nowhere", "enabled": True}, 404, "workspaces[0].id"),
        ({"id": "default", "enabled": True, "default_provider_slug": "declared"}, 409, "default_provider_slug"),
    ],
)
def test_what_cannot_be_said_of_a_workspace(admin, entry, status, param):
    made(admin, slug="ours")
    answer = admin.put("/v1/integrations/ours/workspaces", {"workspaces": [entry]})
    assert (answer.status, answer.param) == (status, param)
    assert admin.rows(Integration)[0].workspaces == [] and not admin.rows(VirtualKey)


def test_one_of_a_workspace_is_lent_to_no_other(admin):
    of_workspace(admin, slug="mine")
    answer = admin.put("/v1/integrations/mine/workspaces", {"workspaces": [{"id": "other", "enabled": True}]})
    assert (answer.status, answer.code) == (400, "of_one_workspace")


def test_managers_of_a_workspace_let_nobody_in(admin):
    made(admin, slug="ours")
    manager = admin.person(seats=[(admin.home.workspace, "admin")])
    key = admin.key(admin.home, scopes=[], kind="user", user=manager.id)
    answer = admin.put("/v1/integrations/ours/workspaces", {}, key=key)
    assert answer.status == 403


# --- secrets that are kept elsewhere


def test_a_secret_that_is_kept_elsewhere(admin):
    def reference(slug, **more):
        row = SecretReference(
            id=new_id(),
            organisation=admin.home.organisation,
            slug=slug,
            name=slug,
            manager_type="file",
            secret_path="p",
            **more,
        )
        with admin.store.change(admin.whole, ME, NOW) as change:
            return change.add(row)

    open_one = reference("open")
    reference("shut", allow_all_workspaces=False, allowed_workspaces=[admin.other.workspace])
    mapping = {"target_field": "key", "secret_reference_id": "open", "secret_key": "k"}
    made(admin, slug="ours", key=None, secret_mappings=[mapping])
    shown = admin.get("/v1/integrations/ours").json["secret_mappings"]
    assert shown == [{**mapping, "secret_reference_id": open_one.id, "value_format": "string"}]
    assert admin.put("/v1/integrations/ours", {"secret_mappings": shown}).status == 200
    shut = {"target_field": "key", "secret_reference_id": "shut"}
    for body in ({"workspace_id": "default"}, {}):
        answer = admin.post("/v1/integrations", {"name": "x", "ai_provider_id": "openai", "secret_mappings": [shut], **body})
        assert (answer.status, answer.param) == (404, "secret_mappings[0].secret_reference_id")
    made(admin, slug="theirs", key=None, secret_mappings=[shut], workspace_id="other")
    answer = admin.put("/v1/integrations/ours", {"secret_mappings": []})
    assert (answer.status, answer.param) == (400, "key")


def test_times_are_shown(admin):
    made(admin, slug="ours")
    row = admin.rows(Integration)[0]
    assert admin.get("/v1/integrations").json["data"][0]["created_at"] == text_of(row.created_us)
    assert ModelAccess("x").enabled
