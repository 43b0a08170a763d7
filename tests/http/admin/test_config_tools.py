"""What is wrong with a config before it is saved, what it may say, and where a request would go by it."""

import pytest

from lockgate.core.tenancy import Tenant

PING = {"model": "chat", "messages": [{"role": "user", "content": "ping"}]}


def mistakes(admin, config):
    answer = admin.post("/v1/configs/check", {"config": config})
    assert answer.status == 200, answer
    assert answer.json["ok"] is not answer.json["mistakes"]
    return [each["path"] for each in answer.json["mistakes"]]


def test_all_mistakes_are_told_each_at_its_path(admin):
    config = {"strategy": {"mode": "x"}, "targets": [{"provider": "openai", "weight": "x", "nope": 1}], "zzz": 1}
    assert mistakes(admin, config) == [
        "config.strategy.mode",
        "config.targets[0].weight",
        "config.targets[0].nope",
        "config.zzz",
    ]


def test_what_follows_from_a_mistake_is_none_of_its_own(admin):
    config = {"strategy": {"mode": 1}, "targets": [{"provider": "openai", "retry": {"attempts": 99}}]}
    assert mistakes(admin, config) == ["config.strategy.mode"]  # a route that cannot be read is not judged as one


@pytest.mark.parametrize(
    ("config", "path"),
    [
        ({"retry": {"attempts": 99}}, "config.retry"),
        ({"provider": "openai", "api_key": "sk"}, "config.api_key"),
        ({"strategy": {"mode": "fallback"}}, "config.targets"),
    ],
)
def test_what_cannot_be_saved_is_told_before(admin, config, path):
    assert mistakes(admin, config) == [path]
    assert admin.post("/v1/configs", {"name": "x", "config": config}).status == 400


def test_a_config_that_is_checked_is_not_saved(admin):
    before = admin.get("/v1/configs").json["total"]
    assert mistakes(admin, {"provider": "openai"}) == []
    assert admin.get("/v1/configs").json["total"] == before


def test_the_schema_names_what_a_config_may_say(admin):
    schema = admin.get("/v1/config-schema").json
    assert {"strategy", "targets", "retry"} <= schema["$defs"]["RouteConfig"]["properties"].keys()


def test_a_request_is_explained_by_a_config_that_is_not_saved(admin):
    config = {"strategy": {"mode": "fallback"}, "targets": [{"provider": "@nobody"}, {"provider": "@declared"}]}
    told = admin.post("/v1/configs/explain", {"config": config, "body": PING})
    assert told.status == 200 and told.headers["cache-control"] == "no-store", told
    assert [each["provider"] for each in told.json["ways"][0]["tries"]] == ["declared"]
    assert "nobody" in told.json["targets"][0]["skipped"]


def test_a_request_is_explained_by_a_config_of_a_name(admin):
    told = admin.post("/v1/configs/explain", {"config": "pc-declared", "body": PING}).json
    assert told["config"] == "pc-declared"


def test_a_workspace_sees_no_others_providers(admin):
    body = {"name": "x", "ai_provider_id": "openai", "slug": "theirs", "default_provider_slug": "theirs", "key": "sk"}
    assert admin.post("/v1/integrations", {**body, "workspace_id": admin.other.workspace}).status == 200
    key = admin.key(Tenant(admin.home.organisation, admin.home.workspace), ["configs.read"])
    told = admin.post("/v1/configs/explain", {"config": {"provider": "@theirs"}, "body": PING}, key=key).json
    assert told["refusal"]["code"] and not any(way["tries"] for way in told.get("ways", []))
