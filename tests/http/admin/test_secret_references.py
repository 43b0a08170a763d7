"""/v1/secret-references."""

import json

import pytest

from lockgate.core.holdings import Sealed, SecretReference
from lockgate.core.tenancy import Tenant
from support import managers
from support.admin import Admin

TOKEN = "hvs.secret-0123456789-wxyz"
VAULT = {"vault_auth_type": "token", "vault_addr": "https://allowed.example.com:8200", "vault_token": TOKEN}
AWS = {
    "aws_auth_type": "accessKey",
    "aws_access_key_id": "AKIA1",
    "aws_secret_access_key": "aws-secret-0123456789-abcd",
    "aws_region": "eu-west-1",
}
AZURE = {
    "azure_auth_mode": "entra",
    "azure_vault_url": "https://mine.vault.azure.net",
    "azure_entra_tenant_id": "t",
    "azure_entra_client_id": "c",
    "azure_entra_client_secret": "azure-secret-0123456789-efgh",
}


def made(admin, **said):
    body = {
        "name": "OpenAI",
        "slug": "ref",
        "manager_type": "hashicorp_vault",
        "auth_config": VAULT,
        "secret_path": "secret/data/x",
    }
    answer = admin.post("/v1/secret-references", {**body, **said})
    assert answer.status == 200, answer
    return answer.json


def test_one_is_made_and_shown_without_its_secret(admin):
    answer = made(admin, description="D", secret_key="api_key", tags={"a": "b"})
    assert (answer["slug"], answer["object"]) == ("ref", "secret-reference")
    shown = admin.get("/v1/secret-references/ref")
    assert TOKEN[:-4].encode() not in shown.body
    got = shown.json
    assert got["auth_config"] == {**VAULT, "vault_token": "****wxyz"}
    assert (got["manager_type"], got["secret_path"], got["secret_key"]) == ("hashicorp_vault", "secret/data/x", "api_key")
    assert (got["description"], got["tags"], got["status"]) == ("D", {"a": "b"}, "active")
    assert (got["allow_all_workspaces"], got["allowed_workspaces"]) == (True, [])
    assert admin.get(f"/v1/secret-references/{answer['id']}").json == got
    assert (got["object"], shown.headers["etag"]) == ("secret-reference", '"1"')
    entries = [json.dumps(entry.detail) for entry in admin.store.audit(admin.whole)]
    assert not any(TOKEN in entry or TOKEN[-10:] in entry for entry in entries)


@pytest.mark.parametrize(
    ("manager", "config", "path"),
    [("aws_sm", AWS, "prod/openai"), ("azure_kv", AZURE, "openai-key"), ("file", {}, "openai")],
)
def test_other_managers(admin, manager, config, path):
    made(admin, manager_type=manager, auth_config=config, secret_path=path)
    got = admin.get("/v1/secret-references/ref").json
    assert set(got["auth_config"]) == set(config)
    for name, value in config.items():
        assert got["auth_config"][name] == (f"****{value[-4:]}" if "secret" in name else value)


@pytest.mark.parametrize(
    ("said", "status", "param"),
    [
        ({"manager_type": "lastpass"}, 400, "manager_type"),
        ({"auth_config": {**VAULT, "surprise": "x"}}, 400, "auth_config.surprise"),
        ({"auth_config": {**VAULT, "vault_token": 1}}, 400, "auth_config.vault_token"),
        ({"auth_config": {**VAULT, "vault_token": None}}, 400, "auth_config"),
        ({"auth_config": {**VAULT, "vault_auth_type": "kubernetes", "vault_role": "r"}}, 400, "auth_config"),
        ({"auth_config": {**VAULT, "vault_namespace": "a\r\nx-evil: 1"}}, 400, "auth_config"),
        ({"auth_config": {**VAULT, "vault_addr": "https://elsewhere.example.com"}}, 403, "auth_config"),
        ({"auth_config": {**VAULT, "vault_addr": "http://169.254.169.254"}}, 403, "auth_config"),
        ({"auth_config": {**VAULT, "vault_addr": "https://allowed.example.com/?x="}}, 400, "auth_config"),
        ({"manager_type": "aws_sm", "auth_config": {**AWS, "aws_region": "evil.com/"}}, 400, "auth_config.aws_region"),
        ({"manager_type": "aws_sm", "auth_config": {"aws_region": "eu-west-1"}}, 400, "auth_config.aws_access_key_id"),
        (
            {"manager_type": "aws_sm", "auth_config": {"aws_auth_type": "serviceRole", "aws_region": "eu-west-1"}},
            403,
            "auth_config.aws_auth_type",
        ),
        ({"manager_type": "azure_kv", "auth_config": AZURE, "secret_path": "../x"}, 400, "auth_config"),
        (
            {"manager_type": "azure_kv", "auth_config": {**AZURE, "azure_vault_url": "https://evil.com"}, "secret_path": "x"},
            400,
            "auth_config",
        ),
        (
            {"manager_type": "azure_kv", "auth_config": {**AZURE, "azure_auth_mode": "managed"}, "secret_path": "x"},
            403,
            "auth_config.azure_auth_mode",
        ),
        ({"secret_path": ""}, 400, "secret_path"),
        ({"slug": "Not A Slug"}, 400, "slug"),
        ({"allowed_workspaces": ["nowhere"]}, 404, "allowed_workspaces"),
        ({"allow_all_workspaces": True, "allowed_workspaces": ["default"]}, 400, "allowed_workspaces"),
    ],
)
def test_what_cannot_be_one_is_refused_with_its_place(admin, said, status, param):
    body = {"name": "x", "manager_type": "hashicorp_vault", "auth_config": VAULT, "secret_path": "secret/data/x"}
    answer = admin.post("/v1/secret-references", {**body, **said})
    assert (answer.status, answer.param) == (status, param), answer
    assert not any(word in answer.body for word in (TOKEN.encode(), AWS["aws_secret_access_key"].encode()))
    assert not admin.rows(SecretReference) and not admin.rows(Sealed)


def test_it_may_be_for_some_workspaces_alone(admin):
    made(admin, allowed_workspaces=["other"])
    got = admin.get("/v1/secret-references/ref").json
    assert (got["allow_all_workspaces"], got["allowed_workspaces"]) == (False, [admin.other.workspace])
    admin.put("/v1/secret-references/ref", {"allow_all_workspaces": True})
    got = admin.get("/v1/secret-references/ref").json
    assert (got["allow_all_workspaces"], got["allowed_workspaces"]) == (True, [])
    admin.put("/v1/secret-references/ref", {"allowed_workspaces": ["default"]})
    assert admin.get("/v1/secret-references/ref").json["allowed_workspaces"] == [admin.home.workspace]


def test_what_is_said_of_its_manager_is_merged(admin):
    made(admin, secret_key="a")
    shown = admin.get("/v1/secret-references/ref").json["auth_config"]
    assert admin.put("/v1/secret-references/ref", {"auth_config": shown | {"vault_namespace": "team"}}).json == {}
    assert (
        admin.put("/v1/secret-references/ref", {"secret_path": "secret/data/y", "secret_key": None, "name": "N"}).status == 200
    )
    got = admin.get("/v1/secret-references/ref").json
    assert got["auth_config"] == {**VAULT, "vault_token": "****wxyz", "vault_namespace": "team"}
    assert (got["secret_path"], got["secret_key"], got["name"]) == ("secret/data/y", None, "N")
    assert admin.put("/v1/secret-references/ref", {"auth_config": {"vault_token": "hvs.other-0123456789-mnop"}}).status == 200
    assert admin.get("/v1/secret-references/ref").json["auth_config"]["vault_token"] == "****mnop"
    login = {"vault_auth_type": "approle", "vault_role_id": "r", "vault_secret_id": "s-0123456789-abcdef", "vault_token": None}
    assert admin.put("/v1/secret-references/ref", {"auth_config": login}).status == 200
    assert {row.field for row in admin.rows(Sealed)} == {"auth_config.vault_secret_id"}
    assert admin.put("/v1/secret-references/ref", {"manager_type": "aws_sm"}).param == "manager_type"


def test_a_manager_at_another_address_is_not_told_the_secrets_unseen(admin):
    made(admin)
    moved = {"vault_addr": "https://other.example.com"}
    answer = admin.put("/v1/secret-references/ref", {"auth_config": moved})
    assert (answer.status, answer.code) == (400, "secrets_needed")
    assert admin.put("/v1/secret-references/ref", {"auth_config": moved | {"vault_token": TOKEN}}).status == 200


def test_one_that_is_in_use_is_not_removed(admin):
    made(admin)
    mapping = {"target_field": "key", "secret_reference_id": "ref"}
    admin.post("/v1/integrations", {"name": "x", "slug": "ours", "ai_provider_id": "openai", "secret_mappings": [mapping]})
    answer = admin.delete("/v1/secret-references/ref")
    assert (answer.status, answer.code) == (409, "in_use") and "ours" in answer.message
    admin.delete("/v1/integrations/ours")
    assert admin.delete("/v1/secret-references/ref").json == {}
    assert not admin.rows(SecretReference) and not admin.rows(Sealed)


def test_lists(admin):
    made(admin)
    made(admin, slug="two", name="Two", manager_type="aws_sm", auth_config=AWS)

    def slugs(query=""):
        answer = admin.get(f"/v1/secret-references{query}").json
        assert answer["object"] == "list" and answer["total"] == len(answer["data"])
        return [each["slug"] for each in answer["data"]]

    assert slugs() == ["two", "ref"]
    assert slugs("?manager_type=aws_sm") == slugs("?search=TW") == ["two"]
    assert admin.get("/v1/secret-references?page_size=1&current_page=1").json["data"][0]["slug"] == "ref"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_one_that_is_not_there(admin, method):
    answer = admin.ask(method, "/v1/secret-references/none", {} if method == "PUT" else None)
    assert (answer.status, answer.code) == (404, "secret_reference_not_found")


def test_another_organisation_sees_none_of_ours_and_reads_no_files(admin):
    made(admin)
    key = admin.key(Tenant(admin.abroad.organisation), scopes=["admin"])
    assert admin.get("/v1/secret-references", key=key).json["data"] == []
    assert admin.get("/v1/secret-references/ref", key=key).status == 404
    assert admin.delete("/v1/secret-references/ref", key=key).status == 404
    body = {"name": "x", "manager_type": "file", "secret_path": "openai"}
    answer = admin.post("/v1/secret-references", body, key=key)
    assert (answer.status, answer.code) == (403, "operators_own")


def test_it_is_the_organisations_to_say(admin):
    key = admin.key(admin.home, scopes=["secret_references.list"])
    assert (answer := admin.get("/v1/secret-references", key=key)).status == 403, answer


def test_a_provider_has_its_key_from_where_a_reference_leads(tmp_path):
    """From what is said to this API, to the key that is sent."""
    admin = Admin(tmp_path, "egress: {allow: [127.0.0.0/8]}")
    with managers.served(managers.vault({"openai": {"api_key": "sk-of-vault"}}, token=TOKEN)) as server:
        made(admin, auth_config={**VAULT, "vault_addr": server.url}, secret_path="secret/data/openai")
        mapping = {"target_field": "key", "secret_reference_id": "ref", "secret_key": "api_key"}
        body = {
            "name": "x",
            "slug": "mine",
            "ai_provider_id": "openai",
            "workspace_id": "default",
            "secret_mappings": [mapping],
        }
        assert admin.post("/v1/integrations", body).status == 200
        admin.reload()
        assert admin.app.world.snapshot.providers["mine"].secret() == b"sk-of-vault"
        assert b"sk-of-vault" not in admin.get("/v1/integrations/mine").body
        wrong = {"auth_config": {"vault_token": "hvs.wrong-0123456789"}}
        assert admin.put("/v1/secret-references/ref", wrong).status == 200
        admin.reload()
        assert "mine" not in admin.app.world.snapshot.providers
    admin.close()
