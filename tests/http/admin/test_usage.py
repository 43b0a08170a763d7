"""What was used of budgets, as keys and providers show it, and budgets that are said to begin anew."""

import pytest

from lockgate.control import budgets
from lockgate.core.holdings import Integration, VirtualKey
from lockgate.core.tenancy import ApiKey, Tenant
from lockgate.stores.ports import StoreError
from support.admin import Admin
from support.tenants import NOW

DOLLAR = 10**9
DAY = 86_400_000_000
LIMIT = {"credit_limit": 10, "type": "cost", "periodic_reset": "monthly"}


@pytest.fixture
def key(admin):
    """A stored key with a budget."""
    return admin.post("/v1/api-keys/workspace/service", {"name": "app", "usage_limits": LIMIT}).json["id"]


@pytest.fixture
def mine(admin):
    """A stored provider with a budget, by its id."""
    said = {"name": "Ours", "slug": "ours", "ai_provider_id": "openai", "key": "sk-0123456789-secret"}
    admin.post("/v1/integrations", said)
    admin.put("/v1/integrations/ours/workspaces", {"global_workspace_access": {"enabled": True}})
    said = {"name": "Mine", "slug": "mine", "integration_id": "ours", "usage_limits": LIMIT}
    return admin.post("/v1/providers", said).json["id"]


def used(answer):
    return answer.json["usage_limits"]["current_usage"], answer.json["status"]


def test_a_key_shows_what_was_used_of_its_budget(admin, key):
    assert used(admin.get(f"/v1/api-keys/{key}")) == (0, "active")
    admin.spend(admin.budget("key", key), 2_500_000_000)
    assert used(admin.get(f"/v1/api-keys/{key}")) == (2.5, "active")
    (row,) = admin.get("/v1/api-keys?page_size=1").json["data"]
    assert row["usage_limits"]["current_usage"] == 2.5


def test_a_key_whose_budget_is_spent_is_exhausted_until_it_begins_anew(admin, key):
    before = admin.budget("key", key)
    admin.spend(before, 10 * DOLLAR)
    assert used(admin.get(f"/v1/api-keys/{key}")) == (10, "exhausted")
    assert admin.put(f"/v1/api-keys/{key}", {"reset_usage": True}).status == 200
    assert used(admin.get(f"/v1/api-keys/{key}")) == (0, "active")
    after = admin.budget("key", key)
    assert after.id == f"{before.id}#1" and after.cap == before.cap
    admin.spend(after, DOLLAR)
    assert used(admin.get(f"/v1/api-keys/{key}")) == (1, "active")
    admin.put(f"/v1/api-keys/{key}", {"reset_usage": True})
    assert admin.budget("key", key).id == f"{before.id}#2"


def test_another_amount_takes_nothing_away_of_what_was_used(admin, key):
    admin.put(f"/v1/api-keys/{key}", {"reset_usage": True})
    admin.spend(admin.budget("key", key), 4 * DOLLAR)
    admin.put(f"/v1/api-keys/{key}", {"usage_limits": LIMIT | {"credit_limit": 4}})
    assert used(admin.get(f"/v1/api-keys/{key}")) == (4, "exhausted")
    admin.put(f"/v1/api-keys/{key}", {"usage_limits": LIMIT | {"credit_limit": 5}, "reset_usage": False})
    assert used(admin.get(f"/v1/api-keys/{key}")) == (4, "active")


def test_a_budget_of_some_days_keeps_its_days_when_its_key_is_changed(admin):
    """Else whoever may rename a key could fill its budget by that."""
    said = {"name": "app", "usage_limits": {"credit_limit": 10, "periodic_reset_days": 3}}
    id = admin.post("/v1/api-keys/workspace/service", said).json["id"]
    before = admin.budget("key", id)
    assert before.period.anchor_us == admin.rows(ApiKey, id=id)[0].created_us
    for change in ({"name": "other"}, {"usage_limits": {"credit_limit": 9, "periodic_reset_days": 3}}):
        admin.put(f"/v1/api-keys/{id}", change)
        assert admin.budget("key", id).period == before.period
    shown = admin.get(f"/v1/api-keys/{id}").json
    assert shown["usage_limits"]["next_usage_reset_at"] > shown["created_at"]


def test_whoever_has_a_budget_resets_none(admin, key):
    scopes = ["workspace_service_api_keys.update", "workspace_service_api_keys.read"]
    said = {"name": "limited", "scopes": scopes, "usage_limits": LIMIT}
    made = admin.post("/v1/api-keys/workspace/service", said).json
    admin.reload()
    for id in (made["id"], key):
        answer = admin.put(f"/v1/api-keys/{id}", {"reset_usage": True}, key=made["key"])
        assert (answer.status, answer.code, answer.param) == (403, "beyond_your_rights", "reset_usage")
    assert admin.put(f"/v1/api-keys/{made['id']}", {"reset_usage": False}, key=made["key"]).status == 200
    assert all(row.usage_limits.resets == 0 for row in admin.rows(ApiKey, workspace=admin.home.workspace))


def test_a_member_does_not_reset_the_budget_of_an_own_key(admin):
    person = admin.person("member", [(admin.home.workspace, "member")])
    key = admin.key(admin.whole, ["workspace_user_api_keys.update"], kind="user", user=person.id)
    (row,) = admin.rows(ApiKey, user=person.id)
    answer = admin.put(f"/v1/api-keys/{row.id}", {"reset_usage": True}, key=key)
    assert (answer.status, answer.code, answer.param) == (403, "member_reserved", "reset_usage")


def test_that_a_budget_begins_anew_is_in_the_audit_log(admin, key):
    admin.put(f"/v1/api-keys/{key}", {"reset_usage": True})
    entry = admin.store.audit(Tenant(admin.home.organisation), limit=1)[0]
    assert (entry.action, entry.resource_id, entry.detail["usage_limits"]["resets"]) == ("update", key, 1)


@pytest.mark.parametrize("path", ["providers", "virtual-keys"])
def test_a_provider_shows_its_usage_and_begins_anew(admin, mine, path):
    admin.spend(admin.budget("provider", "mine"), 10 * DOLLAR)
    assert used(admin.get(f"/v1/{path}/mine")) == (10, "exhausted")
    assert [row["status"] for row in admin.get(f"/v1/{path}").json["data"]][:1] == ["exhausted"]
    assert admin.put(f"/v1/{path}/mine", {"reset_usage": True}).status == 200
    assert used(admin.get(f"/v1/{path}/mine")) == (0, "active")
    assert admin.budget("provider", "mine").id.endswith("#1")
    admin.put(f"/v1/{path}/mine", {"usage_limits": LIMIT | {"credit_limit": 20}})
    assert admin.rows(VirtualKey)[0].usage_limits.resets == 1


def test_a_workspaces_budget_of_an_account_begins_anew_and_stays(admin, mine):
    said = {"id": "default", "enabled": True, "usage_limits": [LIMIT]}
    admin.put("/v1/integrations/ours/workspaces", {"workspaces": [said]})
    account = admin.rows(Integration)[0]
    before = admin.budget("integration", "mine")
    admin.put("/v1/integrations/ours/workspaces", {"workspaces": [{"id": "default", "enabled": True, "reset_usage": True}]})
    after = admin.budget("integration", "mine")
    assert (after.id, after.cap) == (f"{before.id}#1", before.cap)
    admin.put("/v1/integrations/ours/workspaces", {"workspaces": [said]})
    assert admin.budget("integration", "mine").id == after.id
    assert account.version < admin.rows(Integration)[0].version


def test_what_is_declared_shows_its_usage(tmp_path):
    admin = Admin(
        tmp_path,
        """
keys: [{name: ci, hash: "sha256:%s", usage_limits: {credit_limit: 3}}]
providers: {declared: {provider: sim, usage_limits: {credit_limit: 2, periodic_reset_days: 7}}}
"""
        % ("ab" * 32),
    )
    try:
        admin.spend(admin.budget("key", "config:ci"), DOLLAR)
        admin.spend(admin.budget("provider", "declared"), 2 * DOLLAR)
        assert used(admin.get("/v1/api-keys/config:ci")) == (1, "active")
        assert used(admin.get("/v1/providers/declared")) == (2, "exhausted")
    finally:
        admin.close()


def test_a_soft_budget_exhausts_nothing(tmp_path):
    admin = Admin(tmp_path, "providers: {declared: {provider: sim, usage_limits: {credit_limit: 2, soft: true}}}")
    try:
        admin.spend(admin.budget("provider", "declared"), 2 * DOLLAR)
        assert used(admin.get("/v1/providers/declared")) == (2, "active")
    finally:
        admin.close()


def test_a_ledger_that_cannot_be_read_leaves_keys_to_be_seen(admin, key, monkeypatch):
    def broken(*_):
        raise StoreError("the ledger is away")

    with admin.office.ledger() as ledger:
        monkeypatch.setattr(type(ledger), "of", broken)
    assert used(admin.get(f"/v1/api-keys/{key}")) == (None, "active")
    assert admin.get("/v1/api-keys").status == 200


def test_a_page_of_keys_asks_the_ledger_once(admin, monkeypatch):
    for n in range(3):
        admin.post("/v1/api-keys/workspace/service", {"name": f"app {n}", "usage_limits": LIMIT})
    asked = []
    with admin.office.ledger() as ledger:
        of = type(ledger).of
        monkeypatch.setattr(type(ledger), "of", lambda self, wanted: asked.append(len(wanted)) or of(self, wanted))
    admin.get("/v1/api-keys")
    assert asked == [3]


HOLDERS = ["organisation", "workspace", "user"]


@pytest.fixture
def place(admin):
    """Where those who have several budgets are found, and what the ledger knows them by."""
    ids = {"organisation": admin.home.organisation, "workspace": admin.other.workspace, "user": admin.person().id}
    paths = {"organisation": "/v1/admin/organisation", "workspace": "/v1/admin/workspaces", "user": "/v1/admin/users"}
    return {each: (paths[each] if each == "organisation" else f"{paths[each]}/{ids[each]}", ids[each]) for each in HOLDERS}


def usages(answer):
    return [(each["type"], each["current_usage"], each["status"]) for each in answer.json["usage_limits"]]


@pytest.mark.parametrize("holder", HOLDERS)
def test_those_who_have_several_budgets_show_what_was_used_of_each(admin, place, holder):
    path, id = place[holder]
    assert admin.put(path, {"usage_limits": [LIMIT, {"type": "requests", "credit_limit": 5}]}).status == 200
    assert usages(admin.get(path)) == [("cost", 0, "active"), ("requests", 0, "active")]
    admin.reload()
    cost, requests = admin.app.world.snapshot.allowances._of[holder, id].budgets
    admin.spend(cost, 2_500_000_000)
    admin.spend(requests, 5)
    assert usages(admin.get(path)) == [("cost", 2.5, "active"), ("requests", 5, "exhausted")]
    assert admin.get(path).json["usage_limits"][0]["next_usage_reset_at"] > "2024"
    if holder != "organisation":
        shown = [each["usage_limits"] for each in admin.get(path.rpartition("/")[0]).json["data"] if each["id"] == id]
        assert shown == [admin.get(path).json["usage_limits"]]


@pytest.mark.parametrize("holder", HOLDERS)
def test_their_budgets_begin_anew_when_that_is_said(admin, place, holder):
    path, id = place[holder]
    admin.put(path, {"usage_limits": [LIMIT]})
    before = admin.budget(holder, id)
    admin.spend(before, 10 * DOLLAR)
    assert admin.put(path, {"reset_usage": False}).status == 200
    assert usages(admin.get(path)) == [("cost", 10, "exhausted")]
    assert admin.put(path, {"reset_usage": True}).status == 200
    assert usages(admin.get(path)) == [("cost", 0, "active")]
    assert admin.budget(holder, id).id == f"{before.id}#1"
    admin.put(path, {"usage_limits": [LIMIT | {"credit_limit": 20}], "reset_usage": True})
    assert (admin.budget(holder, id).id, admin.budget(holder, id).cap) == (f"{before.id}#2", 20 * DOLLAR)


def test_a_workspace_shows_its_usage_of_an_account(admin, mine):
    said = {"id": "default", "enabled": True, "usage_limits": [LIMIT]}
    admin.put("/v1/integrations/ours/workspaces", {"workspaces": [said]})
    admin.spend(admin.budget("integration", "mine"), 3 * DOLLAR)
    (shown,) = admin.get("/v1/integrations/ours/workspaces").json["workspaces"]
    assert [each["current_usage"] for each in shown["usage_limits"]] == [3]


@pytest.mark.parametrize("holder", HOLDERS)
def test_whoever_has_a_budget_resets_none_of_those_above(admin, place, holder):
    path = place[holder][0]
    admin.put(path, {"usage_limits": [LIMIT]})
    scope = {"organisation": "organisations", "workspace": "workspaces", "user": "organisation_users"}[holder]
    said = {"name": "limited", "scopes": [f"{scope}.update", f"{scope}.read"], "usage_limits": LIMIT}
    made = admin.post("/v1/api-keys/organisation/service", said).json
    admin.reload()
    answer = admin.put(path, {"reset_usage": True}, key=made["key"])
    assert (answer.status, answer.code, answer.param) == (403, "beyond_your_rights", "reset_usage")
    assert admin.put(path, {"name": "Another"}, key=made["key"]).status == 200


def test_whoever_has_a_budget_resets_none_of_providers_accounts_and_policies(admin, mine):
    said = {"conditions": [], "group_by": [], "type": "cost", "credit_limit": 1}
    policy = admin.post("/v1/policies/usage-limits", said | {"workspace_id": "default"}).json["id"]
    scopes = ["providers.update", "organisation_integrations.update", "policies.update", "virtual_keys.update"]
    said = {"name": "limited", "scopes": scopes, "usage_limits": LIMIT}
    made = admin.post("/v1/api-keys/organisation/service", said).json
    admin.reload()
    anew = {"reset_usage": True}
    for path, body in (
        ("/v1/providers/mine", anew),
        ("/v1/virtual-keys/mine", anew),
        ("/v1/integrations/ours/workspaces", {"workspaces": [{"id": "default", "enabled": True, **anew}]}),
        (f"/v1/policies/usage-limits/{policy}/entities/-/reset", {}),
    ):
        answer = admin.put(path, body, key=made["key"])
        assert (answer.status, answer.code, answer.param) == (403, "beyond_your_rights", "reset_usage"), path


def test_nobody_within_a_workspace_resets_its_budget(admin):
    admin.put("/v1/admin/workspaces/other", {"usage_limits": [LIMIT]})
    head = admin.person("member", [(admin.other.workspace, "admin")])
    of_person = admin.key(admin.whole, ["workspaces.update"], kind="user", user=head.id)
    of_workspace = admin.key(admin.other, ["workspaces.update"])
    for key in (of_person, of_workspace):
        answer = admin.put("/v1/admin/workspaces/other", {"reset_usage": True}, key=key)
        assert (answer.status, answer.code, answer.param) == (403, "member_reserved", "reset_usage")


def test_a_ledger_that_cannot_be_read_leaves_workspaces_to_be_seen(admin, place, monkeypatch):
    def broken(*_):
        raise StoreError("the ledger is away")

    with admin.office.ledger() as ledger:
        monkeypatch.setattr(type(ledger), "of", broken)
    path = place["workspace"][0]
    admin.put(path, {"usage_limits": [LIMIT]})
    assert admin.get(path).json["usage_limits"][0]["current_usage"] is None
    assert admin.get("/v1/admin/workspaces").status == 200


WHOLE = LIMIT | {"time_zone": "Europe/Berlin", "soft": True, "downgrade_at": 8, "downgrade_to": "@openai/gpt-4o-mini"}


@pytest.mark.parametrize("path", ["/v1/api-keys", "/v1/admin/workspaces", "/v1/admin/users", "/v1/admin/organisation"])
def test_all_that_the_file_says_of_a_budget_can_be_said_here(admin, key, path):
    """Of whoever asks: whose calendar it follows, that it refuses nobody, and the cheaper model from when on."""
    id = {"/v1/api-keys": key, "/v1/admin/workspaces": admin.home.workspace, "/v1/admin/users": admin.person().id}.get(path)
    holder = {"api-keys": "key", "workspaces": "workspace", "users": "user"}.get(path.rpartition("/")[2], "organisation")
    where = f"{path}/{id}" if id else path
    assert admin.put(where, {"usage_limits": WHOLE if holder == "key" else [WHOLE]}).status == 200
    shown = admin.get(where).json["usage_limits"]
    shown = shown if holder == "key" else shown[0]
    assert {name: shown[name] for name in WHOLE} == WHOLE
    assert admin.put(where, {"usage_limits": shown if holder == "key" else [shown]}).status == 200  # as it was read
    budget = admin.budget(holder, id or admin.home.organisation)
    assert (budget.hard, budget.period.zone) == (False, "Europe/Berlin")
    (downgrade,) = admin.app.world.snapshot.allowances._of[holder, id or admin.home.organisation].downgrades
    assert (downgrade.used, downgrade.model) == (8 * DOLLAR, "@openai/gpt-4o-mini")


def test_a_soft_key_is_never_exhausted(admin, key):
    admin.put(f"/v1/api-keys/{key}", {"usage_limits": LIMIT | {"soft": True}})
    admin.spend(admin.budget("key", key), 12 * DOLLAR)
    assert used(admin.get(f"/v1/api-keys/{key}")) == (12, "active")


@pytest.mark.parametrize(
    ("said", "at"),
    [
        ({"time_zone": "Nowhere/Land"}, "usage_limits.time_zone"),
        ({"downgrade_at": 5}, "usage_limits.downgrade_at"),
        ({"downgrade_at": 11, "downgrade_to": "cheap"}, "usage_limits.downgrade_at"),
    ],
)
def test_a_budget_that_cannot_be_is_not_kept(admin, key, said, at):
    answer = admin.put(f"/v1/api-keys/{key}", {"usage_limits": LIMIT | said})
    assert (answer.status, answer.code, answer.param) == (400, "invalid_value", at)


def test_a_cheaper_model_is_for_whoever_asks_and_not_for_whoever_is_asked(admin, mine):
    more = {"usage_limits": LIMIT | {"downgrade_to": "cheap"}}
    for where, said in (
        ("/v1/providers/mine", more),
        ("/v1/integrations/ours/workspaces", {"workspaces": [{"id": "default", "enabled": True, **more}]}),
    ):
        answer = admin.put(where, said)
        assert (answer.status, answer.code) == (400, "invalid_value"), where
        assert answer.param.endswith("usage_limits.downgrade_to"), where
    soft = {"usage_limits": LIMIT | {"soft": True, "time_zone": "Asia/Tokyo"}}
    assert admin.put("/v1/providers/mine", soft).status == 200
    assert admin.budget("provider", "mine").period.zone == "Asia/Tokyo"


def test_when_a_budget_begins_anew_is_told(admin):
    days = budgets.UsageLimit("cost", 1, periodic_reset_days=3, next_reset_us=NOW)
    assert budgets.next_reset_us(days, NOW - 1) == NOW
    assert budgets.next_reset_us(days, NOW + 7 * DAY) == NOW + 9 * DAY
    assert budgets.next_reset_us(budgets.UsageLimit("cost", 1), NOW) == 0
    assert budgets.next_reset_us(budgets.UsageLimit("cost", 1, periodic_reset="daily", time_zone="Nowhere/Land"), NOW) == 0
