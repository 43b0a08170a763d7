"""The page of budgets, limits and policies in a real browser, on a real gateway."""

import json
import re

import pytest

from support.dashboard import VIEWER
from support.process import until

SERVICE = "/v1/api-keys/workspace/service"
USAGE, RATE = "/v1/policies/usage-limits", "/v1/policies/rate-limits"


@pytest.fixture(scope="module")
def house(gateway):
    """A key with a budget of which some is used, a workspace with one, and a policy that has counted two people apart."""
    key = {"name": "worker", "workspace_id": "default", "scopes": ["completions.write"]}
    limit = {"type": "requests", "credit_limit": 20, "periodic_reset": "daily"}
    status, made = gateway.ask("POST", SERVICE, {**key, "usage_limits": limit, "rate_limits": [{"value": 600}]})
    assert status == 200, made
    gateway.ask("POST", SERVICE, {**key, "name": "free"})
    policy = {"name": "for each person", "conditions": [], "group_by": [{"key": "metadata._user"}], "type": "requests"}
    status, said = gateway.ask("POST", USAGE, {**policy, "credit_limit": 5, "workspace_id": "default"})
    assert status == 200, said
    rate = {
        "name": "no previews",
        "conditions": [{"key": "model", "value": "*preview*"}],
        "deny": True,
        "workspace_id": "default",
    }
    assert gateway.ask("POST", RATE, rate)[0] == 200
    gateway.key, gateway.policy = made, said["id"]
    for user in ("ann", "ann", "bob"):
        until(lambda user=user: gateway.chat(key=made["key"], x_lockgate_metadata=json.dumps({"_user": user}))[0] == 200)
    until(lambda: gateway.get(f"/v1/api-keys/{made['id']}")[1]["usage_limits"]["current_usage"] == 3)
    until(lambda: entities(gateway) == {"metadata._user=ann": 2, "metadata._user=bob": 1})
    return gateway


def entities(gateway):
    found = gateway.get(f"{USAGE}/{gateway.policy}/entities")[1]["data"]
    return {each["value_key"]: each["current_usage"] for each in found}


def words(locator):
    return re.sub(r"\s+", " ", locator.inner_text())


def test_what_is_used_reserved_and_left_is_told_by_scope(page, house, enter):
    enter("/budgets")
    keys = page.get_by_role("region", name="Keys")
    line = keys.get_by_role("listitem").filter(has_text="worker")
    line.get_by_role("meter", name="Budget of worker").wait_for()
    told = re.search(r"Used 3 requests 15% Reserved (\d+) requests Left (\d+) requests Limit 20 requests", words(line))
    assert told and 3 + int(told[1]) + int(told[2]) == 20, words(line)
    assert "Budget each day" in words(line) and "600 requests a minute" in words(line)
    assert "more without limits of their own" in words(keys)
    line.get_by_role("link", name="worker").click()
    page.get_by_role("complementary", name="Key worker").wait_for()


def test_a_workspace_gets_two_budgets_and_one_begins_anew(page, house, enter):
    enter("/budgets")
    page.get_by_role("button", name="Set a limit").click()
    dialog = page.get_by_role("dialog", name="Set a limit")
    dialog.get_by_label("Of a").select_option("workspace")
    dialog.get_by_label("Limit", exact=True).fill("100")
    dialog.get_by_role("button", name="Add a budget").click()
    second = dialog.get_by_role("group", name="Budget 2")
    second.get_by_label("Limit", exact=True).fill("5000")
    second.get_by_label("Of", exact=True).select_option("tokens")
    dialog.get_by_role("button", name="Save").click()
    line = page.get_by_role("region", name="Workspaces").get_by_role("listitem")
    line.get_by_role("meter").nth(1).wait_for()
    assert "$100.00" in words(line) and "5,000 tokens" in words(line)
    line.get_by_role("button", name="Begin anew").click()
    page.get_by_role("dialog").get_by_role("button", name="Begin anew").click()
    until(lambda: page.get_by_role("dialog").count() == 0)
    line.get_by_role("button", name="Change").click()
    page.wait_for_url(re.compile("limit=workspace"))
    page.reload()  # the dialog has an address
    dialog = page.get_by_role("dialog", name=re.compile("^Limits of"))
    dialog.get_by_role("button", name="Take this budget away").nth(1).click()
    dialog.get_by_role("button", name="Save").click()
    until(lambda: line.get_by_role("meter").count() == 1)


def test_a_limit_that_cannot_be_is_told_at_its_field(page, house, enter):
    enter(f"/budgets?limit=key:{house.key['id']}")
    page.refused.append("status of 400")
    dialog = page.get_by_role("dialog", name="Limits of worker")
    dialog.get_by_label("Tell somebody at").fill("21")
    dialog.get_by_role("button", name="Save").click()
    until(lambda: dialog.get_by_label("Tell somebody at").get_attribute("aria-invalid") == "true")


def test_the_organisation_and_people_are_limited(page, house, enter):
    enter("/budgets?limit=new")
    dialog = page.get_by_role("dialog", name="Set a limit")
    dialog.get_by_label("Of a").select_option("person")
    dialog.get_by_label("Which").select_option(label=VIEWER)
    dialog.get_by_label("Limit", exact=True).fill("7")
    dialog.get_by_role("button", name="Save").click()
    page.get_by_role("region", name="People").get_by_role("meter", name=f"Budget of {VIEWER}").wait_for()
    page.get_by_role("button", name="Set a limit").click()
    dialog.get_by_label("Of a").select_option("organisation")
    dialog.get_by_role("button", name="Add a rate").click()
    dialog.get_by_label("How many").fill("9000")
    dialog.get_by_role("button", name="Save").click()
    page.get_by_role("region", name="Organisation").get_by_text("9,000 requests a minute").wait_for()


def test_a_policy_shows_what_each_has_used_and_one_begins_anew(page, house, enter, shoot):
    enter("/budgets?tab=policies")
    row = page.get_by_role("table", name="Policies").locator("tbody tr").filter(has_text="for each person")
    row.wait_for()
    assert "5 requests in all" in words(row) and "for each _user" in words(row)
    row.get_by_role("link").first.click()
    page.wait_for_url(re.compile(house.policy))
    drawer = page.get_by_role("complementary", name="Policy for each person")
    ann = drawer.get_by_role("listitem").filter(has_text="ann")
    ann.wait_for()
    assert "2 / 5 requests" in words(ann)
    shoot("policy-light")
    ann.get_by_role("button", name="Begin anew").click()
    page.get_by_role("dialog").get_by_role("button", name="Begin anew").click()
    until(lambda: entities(house) == {"metadata._user=ann": 0, "metadata._user=bob": 1})
    until(lambda: "0 / 5 requests" in words(drawer.get_by_role("listitem").filter(has_text="ann")))


def test_a_policy_is_made_paused_changed_and_removed(page, house, enter):
    enter("/budgets?tab=policies&new=1")
    dialog = page.get_by_role("dialog", name="New policy")
    dialog.get_by_label("Name", exact=True).fill("dear models")
    dialog.get_by_label("What it sets").select_option("rate")
    dialog.get_by_role("button", name="Add a condition").click()
    dialog.get_by_label("Values, one a line").fill("*opus*\n*o1*")
    dialog.get_by_role("button", name="Count by more").click()
    dialog.get_by_label("Name in the metadata").fill("team")
    dialog.get_by_label("How many").fill("20")
    dialog.get_by_label("In", exact=True).select_option("rph")
    dialog.get_by_role("button", name="Make the policy").click()
    row = page.get_by_role("table", name="Policies").locator("tbody tr").filter(has_text="dear models")
    row.wait_for()
    assert "20 requests an hour for each key and team model is *opus* or *o1* Organisation active" in words(row)
    row.get_by_role("link").first.click()
    drawer = page.get_by_role("complementary", name="Policy dear models")
    drawer.get_by_role("button", name="Pause").click()
    drawer.get_by_text("paused").wait_for()
    drawer.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog", name="Change “dear models”")
    dialog.get_by_label("What it sets").select_option("deny")
    dialog.get_by_role("button", name="Save").click()
    row.get_by_text("Refused").wait_for()
    drawer.get_by_role("button", name="Remove").click()
    page.get_by_role("dialog", name="Remove “dear models”").get_by_role("button", name="Remove the policy").click()
    until(lambda: row.count() == 0)
    assert "dear models" not in json.dumps(house.get(RATE)[1])


def test_who_may_not_change_a_limit_reads_who_may(page, house, enter):
    enter("/budgets", VIEWER)
    page.get_by_text("Limits are set by those who manage the workspace").wait_for()
    assert page.get_by_role("button", name="Set a limit").count() == 0
    line = page.get_by_role("region", name="Workspaces").get_by_role("listitem")
    line.get_by_text("Set by owners and admins of the organisation.").wait_for()
    assert page.get_by_role("button", name="Change").count() == 0
    place = house.get("/v1/admin/workspaces")[1]["data"][0]["id"]
    page.goto(f"{house.url}/budgets?limit=workspace:{place}")
    page.get_by_role("dialog").get_by_text("Set by owners and admins of the organisation.").wait_for()
    page.goto(f"{house.url}/budgets/{house.policy}?tab=policies")
    drawer = page.get_by_role("complementary", name="Policy for each person")
    drawer.get_by_text("It is set by those who manage the workspace").wait_for()
    assert drawer.get_by_role("button", name=re.compile("Change|Pause|Remove|Begin anew")).count() == 0
    assert page.get_by_role("button", name="New policy").count() == 0


def test_a_policy_that_is_not_there_is_told(page, house, enter):
    enter("/budgets/nothing?tab=policies")
    page.get_by_text("There is no such policy here.").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_is_drawn_in_both_themes_and_on_a_phone(page, house, enter, shoot, theme):
    page.emulate_media(color_scheme=theme)
    enter("/budgets")
    page.get_by_role("region", name="Keys").get_by_role("meter").first.wait_for()
    shoot(f"budgets-{theme}")
    page.get_by_role("button", name="Set a limit").click()
    page.get_by_role("dialog").get_by_label("Limit", exact=True).fill("50")
    shoot(f"limit-new-{theme}")
    page.goto(house.url + "/budgets?tab=policies")
    page.get_by_role("table", name="Policies").wait_for()
    shoot(f"policies-{theme}")
    page.goto(house.url + "/budgets?tab=policies&new=1")
    page.get_by_role("dialog").get_by_role("button", name="Add a condition").click()
    shoot(f"policy-new-{theme}")
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(house.url + "/budgets")
    page.get_by_role("region", name="Keys").get_by_role("meter").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")  # nothing to scroll sideways for
    shoot(f"budgets-phone-{theme}")
