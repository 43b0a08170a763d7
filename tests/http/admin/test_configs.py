"""/v1/configs."""

import json

import pytest

from lockgate.core.holdings import ConfigVersion, SavedConfig
from lockgate.core.tenancy import Workspace

A, B = {"provider": "openai"}, {"retry": {"attempts": 3}, "provider": "anthropic"}


def saved(admin, **said):
    answer = admin.post("/v1/configs", {"name": "My config", "config": A, **said})
    assert answer.status == 200, answer
    return answer.json


def default(admin):
    return admin.store.get(admin.whole, Workspace, admin.home.workspace).defaults.config


def test_a_config_is_saved_in_both_envelopes(admin):
    answer = saved(admin)
    assert answer["success"] is True
    assert answer["data"] == {name: answer[name] for name in ("id", "version_id", "slug", "object")}
    assert answer["slug"].startswith("pc-my-config-")


def test_it_is_read_as_it_was_saved(admin):
    slug = saved(admin, config=B)["slug"]
    answer = admin.get(f"/v1/configs/{slug}")
    assert answer.json["config"] == answer.json["data"]["config"] == B
    assert (answer.json["name"], answer.json["status"], answer.json["is_default"]) == ("My config", "active", 0)
    assert answer.headers["etag"] == '"1"'


def test_a_change_makes_a_version_and_the_versions_are_listed(admin):
    first = saved(admin)
    path = f"/v1/configs/{first['slug']}"
    second = admin.put(path, {"slug": first["slug"], "name": "Mine", "config": B}).json
    assert second["version_id"] not in ("", first["version_id"])
    listed = admin.get(f"{path}/versions").json
    assert (listed["object"], listed["total"]) == ("list", 2)
    assert [json.loads(each["config"]) for each in listed["data"]] == [B, A]
    assert [each["version_id"] for each in listed["data"]] == [second["version_id"], first["version_id"]]
    assert {each["updated_by"] for each in listed["data"]} == {"admin"}
    assert admin.get(f"{path}/versions?page_size=1&current_page=1").json["data"][0]["version_id"] == first["version_id"]
    assert admin.get(path).json["version_id"] == second["version_id"]


def test_the_same_config_again_is_no_version(admin):
    first = saved(admin)
    assert admin.put(f"/v1/configs/{first['slug']}", {"config": A}).json["version_id"] == first["version_id"]


@pytest.mark.parametrize("spelling", ["isDefault", "is_default"])
def test_the_default_of_a_workspace(admin, spelling):
    one, two = saved(admin, **{spelling: 1})["slug"], saved(admin, **{spelling: 0})["slug"]
    assert default(admin) == one
    assert admin.put(f"/v1/configs/{two}", {spelling: 1}).status == 200
    assert default(admin) == two
    assert [admin.get(f"/v1/configs/{slug}").json["is_default"] for slug in (one, two)] == [0, 1]
    assert admin.put(f"/v1/configs/{two}", {"name": "Two"}).status == 200
    assert default(admin) == two
    assert admin.put(f"/v1/configs/{two}", {spelling: 0}).status == 200
    assert default(admin) == ""


def test_an_archived_config_is_nobodys_default(admin):
    slug = saved(admin, is_default=1)["slug"]
    admin.put(f"/v1/configs/{slug}", {"status": "archived"})
    assert default(admin) == ""
    assert admin.get(f"/v1/configs/{slug}").json["status"] == "archived"


def test_removing_one_removes_its_versions(admin):
    slug = saved(admin, is_default=1)["slug"]
    admin.put(f"/v1/configs/{slug}", {"config": B})
    assert admin.delete(f"/v1/configs/{slug}").json == {}
    assert not admin.rows(SavedConfig) and not admin.rows(ConfigVersion)
    assert default(admin) == ""
    assert admin.get(f"/v1/configs/{slug}").code == "config_not_found"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_one_that_is_not_there(admin, method):
    answer = admin.ask(method, "/v1/configs/pc-none", {"name": "x"} if method == "PUT" else None)
    assert (answer.status, answer.code, answer.param) == (404, "config_not_found", "slug")


def test_the_list_says_success_and_the_newer_envelope(admin):
    slugs = [saved(admin)["slug"] for _ in range(2)]
    listed = admin.get("/v1/configs").json
    assert (listed["success"], listed["object"], listed["total"]) == (True, "list", 3)
    assert {each["slug"] for each in listed["data"]} == {*slugs, "pc-declared"}
    assert "config" not in listed["data"][0]


def test_what_the_file_declares_is_read_and_not_changed(admin):
    shown = admin.get("/v1/configs/pc-declared").json
    assert (shown["config"], shown["declared_in"]) == (A, "lockgate.yaml (configs.pc-declared)")
    assert json.loads(admin.get("/v1/configs/pc-declared/versions").json["data"][0]["config"]) == A
    for answer in (admin.put("/v1/configs/pc-declared", {"name": "x"}), admin.delete("/v1/configs/pc-declared")):
        assert (answer.status, answer.code) == (403, "declared_in_configuration")
        assert "lockgate.yaml" in answer.message


def test_a_name_that_the_file_has_cannot_be_taken(admin):
    """The gateway would refuse its whole configuration for that."""
    answer = admin.post("/v1/configs", {"name": "x", "config": A, "slug": "pc-declared"})
    assert (answer.status, answer.code, answer.param) == (409, "taken", "slug")
    admin.reload()


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"name": "x", "config": {"strategy": {"mode": "magic"}}}, 400, "config.strategy.mode"),
        ({"name": "x", "config": {"strategy": {"mode": "fallback"}, "targets": []}}, 400, "config"),
        ({"name": "x", "config": "pc-other"}, 400, "config"),
        ({"name": "x", "config": A, "slug": "Not A Slug"}, 400, "slug"),
        ({"name": "x", "config": {**A, "api_key": "sk-secret"}}, 400, "config.api_key"),
        ({"name": "x", "config": {"targets": [A, {**A, "apiKey": "sk-secret"}]}}, 400, "config.targets[1].api_key"),
        ({"name": "x", "config": {**A, "aws_secret_access_key": "s"}}, 400, "config.aws_secret_access_key"),
    ],
)
def test_what_is_no_config_is_refused_with_its_place(admin, body, status, param):
    answer = admin.post("/v1/configs", body)
    assert answer.status == status and answer.param.startswith(param)
    assert b"sk-secret" not in answer.body
    assert not admin.rows(SavedConfig)


def test_a_slug_that_is_taken(admin):
    saved(admin, slug="pc-mine")
    answer = admin.post("/v1/configs", {"name": "x", "config": A, "slug": "pc-mine"})
    assert (answer.status, answer.code, answer.json["data"]["errorCode"]) == (409, "taken", "AB07")
    assert admin.put("/v1/configs/pc-mine", {"slug": "pc-other"}).status == 400
