"""/v1/policies/usage-limits and /v1/policies/rate-limits: budgets and rates over many, and what is refused."""

import pytest

from lockgate.control import policies
from lockgate.core.tenancy import Policy, Tenant
from support.admin import Admin

DOLLAR = 10**9
USAGE, RATES = "/v1/policies/usage-limits", "/v1/policies/rate-limits"
BUDGET = {
    "name": "per team",
    "conditions": [{"key": "workspace_id", "value": ["a", "b*"]}, {"key": "model", "value": "gpt-4o", "excludes": True}],
    "group_by": [{"key": "metadata.team"}],
    "type": "cost",
    "credit_limit": 10.5,
    "alert_threshold": 8,
    "periodic_reset": "monthly",
}
RATE = {"conditions": [{"key": "model", "value": "*opus*"}], "group_by": [{"key": "api_key"}], "type": "requests", "value": 20}
DECLARED = """
policies:
  - {name: per-user, group_by: [metadata._user], usage: {credit_limit: 2, periodic_reset_days: 30, soft: true}}
  - {name: opus, conditions: [{key: model, value: "*opus*"}], group_by: [api_key], rate: {type: requests, unit: rph, value: 20}}
  - {name: no-preview, conditions: [{key: model, value: "*preview*"}], deny: true}
"""


def made(admin, path, said, **more):
    answer = admin.post(path, said | more)
    assert answer.status == 200, answer
    return answer.json["id"]


def value(team):
    return f"metadata.team={team}"


# --- budgets


def test_a_budget_is_set_and_read(admin):
    answer = admin.post(USAGE, BUDGET)
    assert answer.json["object"] == "policy_usage_limits"
    got = admin.get(f"{USAGE}/{answer.json['id']}")
    assert got.headers["etag"] == '"1"'
    assert {name: got.json[name] for name in BUDGET} | {"conditions": BUDGET["conditions"]} == BUDGET
    assert got.json["conditions"] == [
        {"key": "workspace_id", "value": ["a", "b*"], "excludes": False},
        {"key": "model", "value": "gpt-4o", "excludes": True},
    ]
    assert (got.json["status"], got.json["target"], got.json["workspace_id"]) == ("active", "llm", None)
    assert got.json["next_usage_reset_at"] > got.json["created_at"]
    (row,) = admin.rows(Policy)
    assert (row.usage.credit_limit, row.usage.alert_threshold) == (10_500_000_000, 8 * DOLLAR)
    assert admin.group(row.id, value("a")).cap == 10_500_000_000


def test_it_is_changed_and_what_is_not_said_stays(admin):
    id = made(admin, USAGE, BUDGET)
    assert admin.put(f"{USAGE}/{id}", {"credit_limit": 20, "alert_threshold": None}).json["id"] == id
    got = admin.get(f"{USAGE}/{id}").json
    assert (got["credit_limit"], got["alert_threshold"], got["name"], got["periodic_reset"]) == (
        20,
        None,
        "per team",
        "monthly",
    )
    admin.put(f"{USAGE}/{id}", {"periodic_reset_days": 7, "group_by": [], "status": "paused", "soft": True})
    got = admin.get(f"{USAGE}/{id}").json
    assert (got["periodic_reset"], got["periodic_reset_days"], got["group_by"]) == (None, 7, [])
    assert (got["status"], got["soft"]) == ("paused", True)
    admin.reload()
    assert admin.app.world.snapshot.allowances is None, "what is paused holds for nobody"
    version = admin.rows(Policy)[0].version
    admin.put(f"{USAGE}/{id}", {"soft": True})
    assert admin.rows(Policy)[0].version == version, "and a change that changes nothing is none"


def test_another_type_needs_another_amount(admin):
    id = made(admin, USAGE, BUDGET)
    answer = admin.put(f"{USAGE}/{id}", {"type": "tokens"})
    assert (answer.status, answer.code, answer.param) == (400, "missing_member", "credit_limit")
    admin.put(f"{USAGE}/{id}", {"type": "tokens", "credit_limit": 1000})
    assert admin.get(f"{USAGE}/{id}").json["credit_limit"] == admin.rows(Policy)[0].usage.credit_limit == 1000


def test_a_removed_one_is_gone(admin):
    id = made(admin, USAGE, BUDGET)
    assert admin.delete(f"{USAGE}/{id}").json == {}
    assert admin.rows(Policy) == []
    for answer in (admin.get(f"{USAGE}/{id}"), admin.delete(f"{USAGE}/{id}"), admin.put(f"{USAGE}/{id}", {"soft": True})):
        assert (answer.status, answer.code) == (404, "policy_not_found")


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"conditions": [{"key": "colour", "value": "red"}]}, "conditions[0].key"),
        ({"conditions": [{"key": "metadata.", "value": "red"}]}, "conditions[0].key"),
        ({"group_by": [{"key": "api_key"}, {"key": "prompt"}]}, "group_by[1].key"),
        ({"group_by": [{"key": "api_key"}, {"key": "api_key"}]}, "group_by"),
        ({"conditions": [{"key": "model", "value": []}]}, "conditions[0].value"),
        ({"alert_threshold": 11}, "alert_threshold"),
        ({"periodic_reset_days": 7}, "periodic_reset_days"),
        ({"credit_limit": -1}, "credit_limit"),
        ({"credit_limit": 1_000_000_001}, "credit_limit"),
        ({"credit_limit": 1e30, "type": "tokens"}, "credit_limit"),
        ({"target": "mcp_tools"}, "target"),
        ({"surprise": 1}, "surprise"),
        ({"next_usage_reset_at": "soon"}, "next_usage_reset_at"),
    ],
)
def test_what_cannot_be_a_budget_is_refused_with_its_place(admin, said, param):
    answer = admin.post(USAGE, BUDGET | said)
    assert (answer.status, answer.param) == (400, param), answer
    assert admin.rows(Policy) == []


def test_a_time_zone_that_is_none_is_refused(admin):
    answer = admin.post(USAGE, BUDGET | {"time_zone": "Middle/Earth"})
    assert answer.status == 400 and "Middle/Earth" in answer.message
    id = made(admin, USAGE, BUDGET, time_zone="Europe/Berlin")
    assert admin.get(f"{USAGE}/{id}").json["time_zone"] == "Europe/Berlin"


def test_a_budget_of_some_days_keeps_them_when_it_is_changed(admin):
    id = made(admin, USAGE, BUDGET, periodic_reset=None, periodic_reset_days=3)
    before = admin.group(id).period
    assert before.anchor_us == admin.rows(Policy)[0].created_us
    admin.put(f"{USAGE}/{id}", {"credit_limit": 20})
    assert admin.group(id).period == before
    admin.put(f"{USAGE}/{id}", {"periodic_reset_days": 5})
    assert admin.group(id).period.anchor_us > before.anchor_us


# --- what a budget counts apart


def test_what_is_counted_apart_is_listed_with_what_was_used(admin):
    id = made(admin, USAGE, BUDGET)
    assert admin.get(f"{USAGE}/{id}/entities").json == {"object": "list", "total": 0, "data": []}
    admin.spend(admin.group(id, value("red")), 2_500_000_000)
    admin.spend(admin.group(id, value("a, b: ü#1")), 10_500_000_000)
    got = admin.get(f"{USAGE}/{id}/entities").json
    assert [(row["value_key"], row["current_usage"], row["status"]) for row in got["data"]] == [
        (value("a, b: ü#1"), 10.5, "exhausted"),
        (value("red"), 2.5, "active"),
    ]
    page = admin.get(f"{USAGE}/{id}/entities?page_size=1&current_page=1").json
    assert (page["total"], [row["value_key"] for row in page["data"]]) == (2, [value("red")])


def test_one_of_them_begins_anew_and_the_others_do_not(admin):
    id = made(admin, USAGE, BUDGET)
    for team in ("red", "blue"):
        admin.spend(admin.group(id, value(team)), DOLLAR)
    red = admin.get(f"{USAGE}/{id}/entities").json["data"][1]
    assert admin.put(f"{USAGE}/{id}/entities/{red['id']}/reset", {}).json == {}
    now = {row["value_key"]: row["current_usage"] for row in admin.get(f"{USAGE}/{id}/entities").json["data"]}
    assert now == {value("blue"): 1, value("red"): 0}
    assert admin.group(id, value("red")).id.endswith("#1") and not admin.group(id, value("blue")).id.endswith("#1")
    admin.spend(admin.group(id, value("red")), 3 * DOLLAR)
    assert [row["current_usage"] for row in admin.get(f"{USAGE}/{id}/entities").json["data"]] == [1, 3]
    admin.put(f"{USAGE}/{id}", {"credit_limit": 50})
    assert [row["current_usage"] for row in admin.get(f"{USAGE}/{id}/entities").json["data"]] == [1, 3]
    entry = admin.store.audit(Tenant(admin.home.organisation), limit=2)[1]
    assert (entry.resource_type, entry.detail) == ("policy", {"resets": {value("red"): 1}})


def test_a_budget_without_groups_has_one(admin):
    id = made(admin, USAGE, BUDGET, group_by=[])
    admin.spend(admin.group(id), DOLLAR)
    (row,) = admin.get(f"{USAGE}/{id}/entities").json["data"]
    assert (row["id"], row["value_key"], row["current_usage"]) == ("-", "", 1)
    assert admin.put(f"{USAGE}/{id}/entities/-/reset", {}).status == 200
    assert admin.get(f"{USAGE}/{id}/entities").json["data"][0]["current_usage"] == 0


@pytest.mark.parametrize("id", ["-", "none", "%2e%2e", "bWV0YWRhdGEudGVhbT1ncmVlbg", "__8"])
def test_what_was_never_counted_does_not_begin_anew(admin, id):
    policy = made(admin, USAGE, BUDGET)
    answer = admin.put(f"{USAGE}/{policy}/entities/{id}/reset", {})
    assert (answer.status, answer.code) == (404, "entity_not_found")
    assert admin.rows(Policy)[0].resets == {}


def test_what_was_grouped_otherwise_is_not_listed(admin):
    id = made(admin, USAGE, BUDGET)
    admin.spend(admin.group(id, value("red")), DOLLAR)
    admin.put(f"{USAGE}/{id}", {"group_by": [{"key": "api_key"}]})
    assert admin.get(f"{USAGE}/{id}/entities").json["data"] == []


def test_groups_that_have_begun_anew_are_bounded(admin, monkeypatch):
    monkeypatch.setattr(policies, "MOST_RESETS", 1)
    id = made(admin, USAGE, BUDGET)
    for team in ("red", "blue"):
        admin.spend(admin.group(id, value(team)), DOLLAR)
    blue, red = admin.get(f"{USAGE}/{id}/entities").json["data"]
    assert admin.put(f"{USAGE}/{id}/entities/{red['id']}/reset", {}).status == 200
    assert admin.put(f"{USAGE}/{id}/entities/{red['id']}/reset", {}).status == 200
    assert admin.put(f"{USAGE}/{id}/entities/{blue['id']}/reset", {}).code == "too_many_resets"


# --- rates, and what is refused


def test_a_rate_is_set_changed_and_removed(admin):
    id = made(admin, RATES, RATE, unit="rph")
    got = admin.get(f"{RATES}/{id}").json
    assert (got["type"], got["unit"], got["value"], got["deny"], got["object"]) == (
        "requests",
        "rph",
        20,
        False,
        "policy_rate_limits",
    )
    admin.put(f"{RATES}/{id}", {"value": 30})
    assert {name: admin.get(f"{RATES}/{id}").json[name] for name in ("unit", "value")} == {"unit": "rph", "value": 30}
    admin.put(f"{RATES}/{id}", {"deny": True})
    assert admin.rows(Policy)[0].rate is None
    answer = admin.put(f"{RATES}/{id}", {"value": 3})
    assert (answer.status, answer.param) == (400, "value")
    admin.put(f"{RATES}/{id}", {"deny": False, "type": "tokens", "unit": "rpm", "value": 3})
    assert admin.rows(Policy)[0].rate.value == 3
    admin.delete(f"{RATES}/{id}")
    assert admin.rows(Policy) == []


def test_what_is_denied_has_no_rate_and_is_refused(admin):
    id = made(admin, RATES, {"conditions": RATE["conditions"], "deny": True})
    got = admin.get(f"{RATES}/{id}").json
    assert (got["type"], got["unit"], got["value"], got["deny"]) == (None, None, None, True)
    admin.reload()
    (rule,) = admin.app.world.snapshot.allowances._target_rules
    assert (rule.id, rule.limit, rule.budget, rule.refusal().code) == (id, None, None, "denied_by_policy")


@pytest.mark.parametrize(
    ("said", "param"),
    [
        ({"type": None}, "type"),
        ({"value": None}, "value"),
        ({"value": 0}, "value"),
        ({"deny": True}, "type"),
        ({"unit": "rpy"}, "unit"),
    ],
)
def test_what_cannot_be_a_rate_is_refused_with_its_place(admin, said, param):
    answer = admin.post(RATES, RATE | said)
    assert (answer.status, answer.param) == (400, param), answer
    assert admin.rows(Policy) == []


def test_nobody_refuses_everything_by_mistake(admin):
    answer = admin.post(RATES, {"conditions": [], "deny": True})
    assert (answer.status, answer.param) == (400, "conditions")


def test_each_kind_has_its_own_path(admin):
    usage, rate = made(admin, USAGE, BUDGET), made(admin, RATES, RATE)
    assert [row["id"] for row in admin.get(USAGE).json["data"]] == [usage]
    assert [row["id"] for row in admin.get(RATES).json["data"]] == [rate]
    for path in (f"{USAGE}/{rate}", f"{RATES}/{usage}", f"{USAGE}/{rate}/entities"):
        assert admin.get(path).code == "policy_not_found"
    for path in (f"{USAGE}/{rate}", f"{RATES}/{usage}"):
        assert admin.put(path, {"name": "x"}).status == admin.delete(path).status == 404
    assert len(admin.rows(Policy)) == 2


def test_lists_are_filtered(admin):
    made(admin, RATES, RATE, status="paused")
    tokens = made(admin, RATES, RATE, type="tokens")
    assert [row["id"] for row in admin.get(f"{RATES}?type=tokens&status=active").json["data"]] == [tokens]
    assert admin.get(f"{RATES}?status=paused").json["total"] == 1


# --- where


def test_a_workspaces_manager_has_the_workspaces_policies_and_no_others(admin):
    person = admin.person("member", [(admin.home.workspace, "manager")])
    scopes = [f"policies.{verb}" for verb in ("create", "read", "update", "delete", "list")]
    key = admin.key(admin.whole, scopes, kind="user", user=person.id)
    whole, elsewhere = made(admin, USAGE, BUDGET), made(admin, USAGE, BUDGET, workspace_id="other")
    mine = admin.post(USAGE, BUDGET, key=key).json["id"]
    assert admin.store.get(admin.whole, Policy, mine).workspace == admin.home.workspace
    assert [row["id"] for row in admin.get(USAGE, key=key).json["data"]] == [mine]
    for id in (whole, elsewhere):
        assert admin.get(f"{USAGE}/{id}", key=key).status == 404
        assert admin.put(f"{USAGE}/{id}", {"credit_limit": 99}, key=key).status == 404
        assert admin.delete(f"{USAGE}/{id}", key=key).status == 404
        assert admin.put(f"{USAGE}/{id}/entities/-/reset", {}, key=key).status == 404
    assert admin.get(USAGE).json["total"] == 3


def test_if_match_guards_a_change(admin):
    id = made(admin, RATES, RATE)
    for method, body in (("PUT", {"value": 1}), ("DELETE", None)):
        assert admin.ask(method, f"{RATES}/{id}", body, headers=[("if-match", '"7"')]).status == 412


# --- what is declared


@pytest.fixture
def written(tmp_path):
    admin = Admin(tmp_path, DECLARED)
    yield admin
    admin.close()


def test_what_is_declared_is_listed_and_not_changed(written):
    stored = made(written, USAGE, BUDGET)
    assert [row["id"] for row in written.get(USAGE).json["data"]] == [stored, "config:per-user"]
    got = written.get(f"{USAGE}/config:per-user").json
    assert (got["declared_in"], got["soft"], got["credit_limit"]) == ("lockgate.yaml (policies[0])", True, 2)
    opus, preview = written.get(RATES).json["data"]
    assert (opus["id"], opus["unit"], preview["deny"]) == ("config:opus", "rph", True)
    for answer in (
        written.put(f"{USAGE}/config:per-user", {"name": "x"}),
        written.delete(f"{RATES}/config:opus"),
        written.put(f"{USAGE}/config:per-user/entities/-/reset", {}),
    ):
        assert (answer.status, answer.code) == (403, "declared_in_configuration")


def test_what_is_declared_shows_what_was_used(written):
    budget = written.group("config:per-user", "metadata._user=ann")
    written.spend(budget, 3 * DOLLAR)
    (row,) = written.get(f"{USAGE}/config:per-user/entities").json["data"]
    assert (row["value_key"], row["current_usage"], row["status"]) == ("metadata._user=ann", 3, "active")


def test_what_is_declared_is_no_workspaces_to_see(written):
    key = written.key(written.other, ["policies.list", "policies.read"])
    assert written.get(USAGE, key=key).json["data"] == []
    assert written.get(f"{USAGE}/config:per-user", key=key).status == 404
