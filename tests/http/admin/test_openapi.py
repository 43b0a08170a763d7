"""The description of the admin API is made of the table, and true."""

import json
import re

import pytest
from jsonschema import Draft202012Validator

from lockgate.http.admin.routes import ROUTES
from support.house import KEY


@pytest.fixture
def described(admin):
    answer = admin.get("/openapi.json", key="")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    return answer.json


def test_it_needs_no_key_and_tells_none(admin, described):
    assert described["openapi"] == "3.1.0"
    text = json.dumps(described)
    assert KEY not in text and admin.house.pepper.hex() not in text and "ab" * 32 not in text


def test_every_row_is_in_it_with_its_policy(described):
    assert {(method.upper(), path) for path, methods in described["paths"].items() for method in methods} == {
        (route.method, route.path) for route in ROUTES
    }
    for route in ROUTES:
        said = described["paths"][route.path][route.method.lower()]
        assert said["x-scopes"] == list(route.scopes) and said["x-roles"] == sorted(route.roles)
        assert said["summary"] and "\n" not in said["summary"]
        holes = [each["name"] for each in said["parameters"] if each["in"] == "path"]
        assert holes == re.findall(r"{(\w+)}", route.path)
    names = [said["operationId"] for methods in described["paths"].values() for said in methods.values()]
    assert len(set(names)) == len(names)


def test_every_reference_leads_somewhere(described):
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(described)):
        place = described
        for step in reference.split("/"):
            place = place[step]


@pytest.fixture
def fits(described):
    """Check an answer against what is said of it."""

    def check(path, method, value, status="200"):
        answer = described["paths"][path][method]["responses"][status]
        if "$ref" in answer:
            answer = described["components"]["responses"]["Error"]
        schema = {**answer["content"]["application/json"]["schema"], "components": described["components"]}
        Draft202012Validator.check_schema(schema)
        Draft202012Validator(schema).validate(value)

    return check


def test_its_schemas_are_schemas_and_the_answers_fit_them(admin, fits):
    check = fits
    made = admin.post(
        "/v1/api-keys/workspace/service",
        {"name": "x", "usage_limits": {"credit_limit": 1.5}, "rotation_policy": {"key_transition_period_ms": 1_800_000}},
    ).json
    check("/v1/api-keys/workspace/service", "post", made)
    check("/v1/api-keys/{id}", "get", admin.get(f"/v1/api-keys/{made['id']}").json)
    check("/v1/api-keys", "get", admin.get("/v1/api-keys").json)
    config = admin.post("/v1/configs", {"name": "x", "config": {"provider": "openai"}}).json
    check("/v1/configs", "post", config)
    check("/v1/configs", "get", admin.get("/v1/configs").json)
    check("/v1/configs/{slug}", "get", admin.get(f"/v1/configs/{config['slug']}").json)
    check("/v1/configs/{slug}/versions", "get", admin.get(f"/v1/configs/{config['slug']}/versions").json)
    check("/v1/configs/{slug}", "get", admin.get("/v1/configs/none").json, "default")
    person = admin.person(seats=[(admin.home.workspace, "manager")])
    place, people = "/v1/admin/workspaces", "/v1/admin/users"
    body = {"name": "x", "usage_limits": [{"credit_limit": 1.5}], "rate_limits": [{"value": 1}], "users": [person.id]}
    check(place, "post", admin.post(place, body).json)
    check(place, "get", admin.get(place).json)
    check(f"{place}/{{workspace_id}}", "get", admin.get(f"{place}/default").json)
    check(f"{place}/{{workspace_id}}", "put", admin.put(f"{place}/default", {"name": "y"}).json)
    check(f"{place}/{{workspace_id}}/users", "get", admin.get(f"{place}/default/users").json)
    check(f"{place}/{{workspace_id}}/users/{{user_id}}", "get", admin.get(f"{place}/default/users/{person.id}").json)
    check(people, "get", admin.get(people).json)
    check(f"{people}/{{user_id}}", "get", admin.get(f"{people}/{person.id}").json)
    invite = admin.post(f"{people}/invites", {"email": "a@example.com", "role": "member", "workspaces": [{"id": "other"}]}).json
    check(f"{people}/invites", "post", invite)
    check(f"{people}/invites", "get", admin.get(f"{people}/invites").json)
    check(f"{people}/invites/{{invite_id}}", "get", admin.get(f"{people}/invites/{invite['id']}").json)
    again = admin.post(f"{people}/invites/{invite['id']}/resend").json
    check(f"{people}/invites/{{invite_id}}/resend", "post", again)
    token = {"token": again["invite_link"].partition("#")[2], "password": "correct horse battery staple"}
    check(f"{people}/invites/accept", "post", admin.post(f"{people}/invites/accept", token, key="").json)
    organisation = "/v1/admin/organisation"
    check(organisation, "get", admin.get(organisation).json)
    check(f"{organisation}/defaults", "get", admin.get(f"{organisation}/defaults").json)


def test_answers_about_what_an_organisation_has_fit_too(admin, fits):
    def is_true(path, method, answer):
        assert answer.status == 200, answer
        fits(path, method, answer.json)

    limits = {"usage_limits": [{"credit_limit": 1.5}], "rate_limits": [{"value": 3}]}
    one, path = "/v1/integrations/{slug}", "/v1/integrations/ours"
    body = {"name": "x", "slug": "ours", "ai_provider_id": "openai", "key": "sk-0123456789abcdef"}
    is_true("/v1/integrations", "post", admin.post("/v1/integrations", body))
    is_true(
        f"{one}/workspaces",
        "put",
        admin.put(f"{path}/workspaces", {"workspaces": [{"id": "other", "enabled": True, **limits}]}),
    )
    is_true(f"{one}/workspaces", "get", admin.get(f"{path}/workspaces"))
    price = {"pay_as_you_go": {"request_token": {"price": 0}}}
    is_true(f"{one}/models", "put", admin.put(f"{path}/models", {"models": [{"slug": "a", "pricing_config": price}]}))
    is_true(f"{one}/models", "get", admin.get(f"{path}/models"))
    is_true(f"{one}/models", "delete", admin.delete(f"{path}/models?slugs=a"))
    is_true(one, "put", admin.put(path, {"pricing_adjustments": {"multiplier": {"default": 0.5}}}))
    is_true(one, "get", admin.get(path))
    is_true("/v1/integrations", "get", admin.get("/v1/integrations"))

    body = {
        "name": "y",
        "slug": "theirs",
        "integration_id": "ours",
        "workspace_id": "other",
        "usage_limits": {"credit_limit": 2},
    }
    is_true("/v1/providers", "post", admin.post("/v1/providers", body))
    is_true("/v1/providers/{slug}", "put", admin.put("/v1/providers/theirs", {"name": "z"}))
    for slug in ("theirs", "declared"):
        is_true("/v1/providers/{slug}", "get", admin.get(f"/v1/providers/{slug}"))
        is_true("/v1/virtual-keys/{slug}", "get", admin.get(f"/v1/virtual-keys/{slug}"))
    is_true("/v1/providers", "get", admin.get("/v1/providers"))
    is_true("/v1/providers/{slug}", "delete", admin.delete("/v1/providers/theirs"))
    body = {"name": "v", "slug": "v", "provider": "openai", "key": "sk-0123456789abcdef"}
    is_true("/v1/virtual-keys", "post", admin.post("/v1/virtual-keys", body))
    is_true("/v1/virtual-keys", "get", admin.get("/v1/virtual-keys"))
    is_true("/v1/virtual-keys/{slug}", "put", admin.put("/v1/virtual-keys/v", {"note": "n"}))

    body = {"name": "r", "slug": "r", "manager_type": "file", "secret_path": "p"}
    is_true("/v1/secret-references", "post", admin.post("/v1/secret-references", body))
    is_true("/v1/secret-references", "get", admin.get("/v1/secret-references"))
    is_true("/v1/secret-references/{id}", "put", admin.put("/v1/secret-references/r", {"name": "s"}))
    is_true("/v1/secret-references/{id}", "get", admin.get("/v1/secret-references/r"))
    is_true("/v1/secret-references/{id}", "delete", admin.delete("/v1/secret-references/r"))
    pricing = "/v1/model-configs/pricing"
    is_true(f"{pricing}/{{provider}}/{{model}}", "get", admin.get(f"{pricing}/google/gemini-2.5-pro", key=""))


def test_answers_about_what_was_recorded_fit_too(admin, fits):
    def is_true(path, method, answer):
        assert answer.status == 200, answer
        fits(path, method, answer.json)

    body = {"request": {"provider": "openai", "body": {}}, "response": {}, "metadata": {"traceId": "t", "_user": "ann"}}
    made = admin.post("/v1/logs", [body])
    is_true("/v1/logs", "post", made)
    is_true("/v1/logs", "get", admin.get("/v1/logs"))
    is_true("/v1/logs/{id}", "get", admin.get(f"/v1/logs/{made.json['log_ids'][0]}"))
    is_true("/v1/traces/{trace_id}", "get", admin.get("/v1/traces/t"))
    said = admin.post("/v1/feedback", {"trace_id": "t", "value": 1})
    is_true("/v1/feedback", "post", said)
    is_true("/v1/feedback/{id}", "put", admin.put(f"/v1/feedback/{said.json['feedback_ids'][0]}", {"value": 2}))
    span = "time_of_generation_min=2026-01-01T00:00:00Z&time_of_generation_max=2026-01-02T00:00:00Z"
    for route in ROUTES:
        if route.path.startswith(("/v1/analytics/graphs/", "/v1/analytics/summary/")):
            is_true(route.path, "get", admin.get(f"{route.path}?{span}"))
    is_true("/v1/analytics/groups/{by}", "get", admin.get(f"/v1/analytics/groups/users?{span}"))
    export = admin.post("/v1/logs/exports")
    is_true("/v1/logs/exports", "post", export)
    one, path = "/v1/logs/exports/{id}", f"/v1/logs/exports/{export.json['id']}"
    is_true(one, "put", admin.put(path, {"format": "csv"}))
    is_true(f"{one}/start", "post", admin.post(f"{path}/start"))
    is_true(one, "get", admin.get(path))
    is_true(f"{one}/cancel", "post", admin.post(f"{path}/cancel"))
    is_true("/v1/logs/exports", "get", admin.get("/v1/logs/exports"))


def test_what_is_no_json_says_what_it_is_and_a_list_may_be_one(described):
    assert list(described["paths"]["/v1/logs/tail"]["get"]["responses"]["200"]["content"]) == ["text/event-stream"]
    body = described["paths"]["/v1/feedback"]["post"]["requestBody"]
    assert body["required"] and [
        each.get("type", "one") for each in body["content"]["application/json"]["schema"]["oneOf"]
    ] == ["array", "one"]
    needed = {each["name"] for each in described["paths"]["/v1/analytics/graphs/cost"]["get"]["parameters"] if each["required"]}
    assert needed == {"time_of_generation_min", "time_of_generation_max"}
