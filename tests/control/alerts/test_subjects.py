"""control/alerts/subjects: rows as what alerts are about."""

import pytest

from lockgate.control.alerts.alert import Subject
from lockgate.control.alerts.subjects import Owners, subject_of
from lockgate.control.allowances import compile_allowances
from lockgate.control.stored import Stored
from lockgate.core.holdings import Integration, VirtualKey, WorkspaceAccess
from lockgate.core.limits import UsageLimit
from lockgate.core.tenancy import ApiKey, Organisation, Policy, Tenant, User, Workspace
from lockgate.policy.ledger import Budget
from support.house import make_house
from support.tenants import ME, NOW

WORK = Workspace(id="w", organisation="o", slug="work", name="Work")


@pytest.mark.parametrize(
    ("row", "subject"),
    [
        (Organisation(id="o", organisation="o", slug="acme", name="Acme"), Subject("organisation", "o", "Acme", "o")),
        (WORK, Subject("workspace", "w", "Work", "o", "w", "work")),
        (User(id="u", organisation="o", email="a@b.c"), Subject("user", "u", "a@b.c", "o")),
        (
            ApiKey(id="k", organisation="o", workspace="w", name="app", digest=b"", alert_emails=["a@b.c"]),
            Subject("key", "k", "app", "o", "w", "work", ("a@b.c",)),
        ),
        (ApiKey(id="k", organisation="o", name="app", digest=b""), Subject("key", "k", "app", "o")),
        (
            VirtualKey(id="v", organisation="o", workspace="gone", slug="v-slug", name="V", integration="i"),
            Subject("provider", "v", "V", "o", "gone"),
        ),
        (Integration(id="i", organisation="o", slug="i-slug", name="", provider="x"), Subject("provider", "i", "i-slug", "o")),
        (Policy(id="p", organisation="o", workspace="w"), Subject("policy", "p", "", "o", "w", "work")),
    ],
)
def test_a_row_is_what_an_alert_is_about(row, subject):
    assert subject_of(row, {"w": WORK}) == subject


def test_one_of_several_budgets_has_a_name_of_its_own():
    policy = Policy(id="p", organisation="o", name="by team")
    assert str(subject_of(policy, {}, "by team: search")) == "policy by team: search"


MONTHLY = UsageLimit("cost", 10**9, periodic_reset="monthly")

CONFIG = """
providers: {declared: {provider: openai, api_key: k, usage_limits: {credit_limit: 5}}}
keys: [{name: "app: one", key: "${KEY}", usage_limits: {credit_limit: 5, type: tokens}}]
workspace: {usage_limits: [{credit_limit: 7}]}
policies: [{name: "by: team", group_by: [metadata.team], usage: {credit_limit: 5}}]
alerts: {thresholds: [50]}
"""


@pytest.fixture
def world(tmp_path):
    """A house in which everything has a budget; (stored, budgets by the beginning of their ids)."""
    house = make_house(tmp_path, CONFIG, KEY="0123456789-abcdef-key")
    with house.control() as store:
        home = store.house().home
        with store.change(Tenant(home.organisation), ME, NOW) as change:
            place = change.add(
                Workspace(id="w2", organisation=home.organisation, slug="play", name="Play", usage_limits=[MONTHLY])
            )
            owner = {"organisation": home.organisation}
            inside = {**owner, "workspace": place.id}
            change.add(User(id="u", email="a@b.c", usage_limits=[MONTHLY], **owner))
            change.add(ApiKey(id="k", name="app", digest=b"d" * 32, usage_limits=MONTHLY, alert_emails=["me@b.c"], **inside))
            access = WorkspaceAccess(place.id, usage_limits=[MONTHLY])
            change.add(
                Integration(id="i", slug="acc", name="Acc", provider="openai", workspaces=[access], configurations={}, **owner)
            )
            change.add(VirtualKey(id="v", slug="virtual", name="V", integration="i", usage_limits=MONTHLY, **inside))
            change.add(Policy(id="p", name="limit", usage=MONTHLY, group_by=["metadata.team"], **inside))
            change.add(Policy(id="q", name="other", usage=MONTHLY, **owner))
    house.snapshot()
    compiled = compile_allowances(house.in_force, house.stored, NOW, [])
    budgets = [budget for own in compiled._of.values() for budget in own.budgets]
    budgets += [rule.budget("metadata.team=a:b:c") for rule in (*compiled._rules, *compiled._target_rules)]
    return house.stored, {budget.id.rsplit(":", 2)[0]: budget for budget in budgets}


def test_every_budget_has_an_owner(world):
    stored, budgets = world
    home, owners = stored.home, Owners(lambda: stored)
    found = {who: owners(budget) for who, budget in budgets.items()}
    inside = {"organisation": home.organisation, "workspace": "w2", "slug": "play"}
    at_home = {"organisation": home.organisation, "workspace": home.workspace, "slug": "default"}
    team = " (metadata.team=a:b:c)"
    assert found == {
        "key:config:app: one": Subject("key", "config:app: one", "app: one", **at_home),
        "provider:declared": Subject("provider", "declared", "@declared", home.organisation),
        f"workspace:{home.workspace}": Subject("workspace", home.workspace, "default", **at_home),
        "policy:config:by: team:metadata.team=a:b:c": Subject(
            "policy", "config:by: team:metadata.team=a:b:c", f"by: team{team}", home.organisation
        ),
        "workspace:w2": Subject("workspace", "w2", "play", **inside),
        "user:u": Subject("user", "u", "a@b.c", home.organisation),
        "key:k": Subject("key", "k", "app", **inside, emails=("me@b.c",)),
        "integration:i/w2": Subject("provider", "i", "acc", **inside),
        "provider:v": Subject("provider", "v", "@virtual", **inside),
        "policy:p:metadata.team=a:b:c": Subject("policy", "p", f"limit{team}", **inside),
        "policy:q:metadata.team=a:b:c": Subject("policy", "q", f"other{team}", home.organisation),
    }
    assert {budget.alerts for budget in budgets.values()} >= {(5 * 10**8,)}  # half of a dollar, as the configuration says
    assert repr(owners) == f"Owners({stored})"


@pytest.mark.parametrize(
    "id",
    ["", "key", "key:k", "key:gone:cost:monthly", "planet:mars:cost:daily", "user:gone:cost:daily", "policy:gone::cost:daily"],
)
def test_what_is_nobodys_is_the_operators(world, id):
    stored, _ = world
    assert Owners(lambda: stored)(Budget(id, 1)) is None


def test_an_account_that_has_gone_from_a_workspace_is_its_organisations(world):
    stored, _ = world
    found = Owners(lambda: stored)(Budget("integration:i/gone:cost:daily", 1, scope="integration acc"))
    assert found == Subject("provider", "i", "acc", stored.home.organisation)
    assert Owners(lambda: stored)(Budget("integration:gone/w2:cost:daily", 1)) is None
    assert Owners(Stored)(Budget("key:config:a:cost:daily", 1, scope="key a")) == Subject("key", "config:a", "a")
