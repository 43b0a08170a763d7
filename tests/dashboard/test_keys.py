"""The page of keys in a real browser, on a real gateway."""

import re

import pytest

from support.dashboard import OWNER, VIEWER
from support.process import until

SERVICE = "/v1/api-keys/workspace/service"


@pytest.fixture(scope="module")
def house(gateway):
    """A key that has spent some of its budget, one that is exhausted, one that has expired, and one that was never used."""
    found = {}
    for name, more in {
        "billing-worker": {"usage_limits": {"type": "requests", "credit_limit": 10, "periodic_reset": "monthly"}},
        "one-request": {"usage_limits": {"type": "requests", "credit_limit": 1}},
        "quiet": {"description": "for nobody <b>yet</b>"},
    }.items():
        status, made = gateway.ask(
            "POST", SERVICE, {"name": name, "workspace_id": "default", "scopes": ["completions.write"], **more}
        )
        assert status == 200, made
        found[name] = made
    for _ in range(3):
        until(lambda: gateway.chat(key=found["billing-worker"]["key"])[0] == 200)
    until(lambda: gateway.chat(key=found["one-request"]["key"])[0] == 200)
    until(lambda: gateway.chat(key=found["one-request"]["key"])[0] == 412)
    until(lambda: shown(gateway, found["billing-worker"]["id"])["usage_limits"]["current_usage"] == 3)
    until(lambda: shown(gateway, found["one-request"]["id"])["status"] == "exhausted")
    gateway.keys = found
    return gateway


def shown(gateway, id):
    return gateway.get(f"/v1/api-keys/{id}")[1]


def rows(page):
    return page.get_by_role("table", name="Keys").locator("tbody tr")


def words(locator):
    return re.sub(r"\s+", " ", locator.inner_text())


def test_keys_are_listed_with_what_is_spent_and_when_they_were_used(page, house, enter):
    enter("/keys")
    row = rows(page).filter(has_text="billing-worker")
    row.get_by_text("in the last hour").wait_for()
    assert "3 / 10 requests" in words(row) and "Service" in words(row)
    meter = row.get_by_role("meter", name="Budget of billing-worker", include_hidden=True)
    assert meter.get_attribute("aria-valuenow") == "30"
    assert "not in 30 days" in words(rows(page).filter(has_text="quiet"))
    assert "no budget" in words(rows(page).filter(has_text="quiet"))


def test_what_is_looked_for_stands_in_the_address(page, house, enter):
    enter("/keys")
    rows(page).first.wait_for()
    page.get_by_role("searchbox", name="Find keys").fill("billing")
    page.wait_for_url("**/keys?q=billing")
    until(lambda: rows(page).count() == 1)
    page.goto(house.url + "/keys?status=exhausted")
    rows(page).first.wait_for()
    assert rows(page).count() == 1 and "one-request" in words(rows(page))
    page.goto(house.url + "/keys?q=nothing+like+it")
    page.get_by_role("heading", name="Nothing matches").wait_for()
    page.get_by_role("link", name="Show all keys").click()
    rows(page).first.wait_for()


def test_a_key_is_made_shown_once_and_asks(page, house, enter):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    enter("/keys?new=1")
    dialog = page.get_by_role("dialog", name="New key")
    dialog.get_by_label("Name", exact=True).fill("made in a dialog")
    dialog.get_by_label("Limit", exact=True).fill("12.5")
    dialog.get_by_label("Tell somebody at").fill("10")
    dialog.get_by_role("button", name="Add a rate").click()
    dialog.get_by_label("How many").fill("600")
    dialog.get_by_label("Those that it may use").fill("@sim/chat\n@sim/*")
    dialog.get_by_label("Read logs and analytics").check()
    dialog.get_by_label("Expires").select_option("90")
    dialog.get_by_label("What is kept of its requests").select_option("metadata")
    dialog.get_by_role("button", name="Make the key").click()
    ready = page.get_by_role("dialog", name="“made in a dialog” is ready")
    text = ready.get_by_test_id("key").inner_text()
    assert text.startswith("lg_")
    page.keyboard.press("Escape")
    assert ready.is_visible(), "what is not shown again is not closed by chance"
    assert "client.chat" not in ready.inner_text() and text not in ready.get_by_role("figure").inner_text()
    ready.get_by_role("tab", name="Python, openai").click()
    assert 'model="@sim/chat"' in ready.get_by_role("figure").inner_text()
    ready.get_by_role("button", name="Copy", exact=True).first.click()
    until(lambda: page.evaluate("navigator.clipboard.readText()") == text)
    until(lambda: house.chat(key=text)[0] == 200)
    ready.get_by_role("button", name="Open the key").click()
    page.wait_for_url(re.compile("/keys/[^?]+$"))
    drawer = page.get_by_role("complementary", name="Key made in a dialog")
    drawer.get_by_text("600 requests a minute").wait_for()
    assert text not in page.content()
    kept = shown(house, page.url.rsplit("/", 1)[1])
    assert kept["usage_limits"]["credit_limit"] == 12.5 and kept["usage_limits"]["alert_threshold"] == 10
    assert kept["usage_limits"]["time_zone"] == "Europe/Berlin" and kept["usage_limits"]["periodic_reset"] == "monthly"
    assert kept["models"] == ["@sim/chat", "@sim/*"] and kept["capture"] == "metadata" and kept["expires_at"]
    assert set(kept["scopes"]) == {"completions.write", "models.list", "logs.view", "logs.list", "analytics.view"}


def test_what_the_gateway_refuses_is_told_at_its_field(page, house, enter):
    enter("/keys?new=1")
    page.refused.append("status of 400")
    dialog = page.get_by_role("dialog", name="New key")
    dialog.get_by_label("Name", exact=True).fill("too much")
    dialog.get_by_label("Limit", exact=True).fill("5")
    dialog.get_by_label("Tell somebody at").fill("50")
    dialog.get_by_role("button", name="Make the key").click()
    until(lambda: dialog.get_by_label("Tell somebody at").get_attribute("aria-invalid") == "true")
    dialog.get_by_label("Tell somebody at").fill("4")
    dialog.get_by_role("button", name="Make the key").click()
    page.get_by_test_id("key").wait_for()


def test_a_key_is_changed_by_what_was_changed(page, house, enter):
    id = house.keys["quiet"]["id"]
    enter(f"/keys/{id}")
    drawer = page.get_by_role("complementary", name="Key quiet")
    assert "for nobody <b>yet</b>" in drawer.inner_text() or drawer.get_by_text("for nobody <b>yet</b>").wait_for() is None
    drawer.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog", name="Change “quiet”")
    dialog.get_by_label("Limit", exact=True).fill("3")
    dialog.get_by_label("Of", exact=True).select_option("tokens")
    dialog.get_by_role("button", name="Save").click()
    drawer.get_by_role("meter", name="Budget of quiet").wait_for()
    kept = shown(house, id)
    assert (kept["usage_limits"]["type"], kept["usage_limits"]["credit_limit"]) == ("tokens", 3)
    assert kept["scopes"] == ["completions.write"] and kept["description"] == "for nobody <b>yet</b>"


def test_a_budget_begins_anew(page, house, enter):
    id = house.keys["one-request"]["id"]
    enter(f"/keys/{id}")
    drawer = page.get_by_role("complementary", name="Key one-request")
    drawer.get_by_text("Requests are refused until it begins anew").wait_for()
    drawer.get_by_role("button", name="Begin its budget anew").click()
    page.get_by_role("dialog").get_by_role("button", name="Begin anew").click()
    drawer.get_by_text("active").wait_for()
    until(lambda: house.chat(key=house.keys["one-request"]["key"])[0] == 200)


def test_a_key_is_rotated_and_its_old_text_is_good_for_a_while(page, house, enter):
    made = house.ask("POST", SERVICE, {"name": "turned", "workspace_id": "default", "scopes": ["completions.write"]})[1]
    enter(f"/keys/{made['id']}")
    page.get_by_role("button", name="Rotate").click()
    dialog = page.get_by_role("dialog", name="Rotate “turned”")
    dialog.get_by_label("The old text stays good").select_option(label="For a day")
    dialog.get_by_role("button", name="Rotate").click()
    ready = page.get_by_role("dialog", name="“turned” has a new text")
    text = ready.get_by_test_id("key").inner_text()
    assert text != made["key"]
    until(lambda: house.chat(key=text)[0] == 200)
    assert house.chat(key=made["key"])[0] == 200
    ready.get_by_role("button", name="I have it").click()
    until(lambda: page.get_by_test_id("key").count() == 0)


def test_a_key_is_revoked_when_its_name_was_typed(page, house, enter):
    made = house.ask("POST", SERVICE, {"name": "leaked", "workspace_id": "default", "scopes": ["completions.write"]})[1]
    enter(f"/keys/{made['id']}")
    page.get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog", name="Revoke “leaked”")
    sure = dialog.get_by_role("button", name="Revoke the key")
    dialog.get_by_label("Type “leaked” to revoke it").fill("leake")
    assert sure.is_disabled()
    dialog.get_by_label("Type “leaked” to revoke it").fill("leaked")
    sure.click()
    page.wait_for_url("**/keys")
    until(lambda: rows(page).filter(has_text="leaked").count() == 0)
    until(lambda: house.chat(key=made["key"])[0] == 401)
    page.refused.append("status of 404")
    page.goto(f"{house.url}/keys/{made['id']}")
    page.get_by_text("It may have been revoked").wait_for()


def test_members_see_their_own_keys_and_make_them_for_themselves(page, house, enter):
    enter("/keys", VIEWER)
    page.get_by_text("These are your own keys.").wait_for()
    assert page.get_by_text("billing-worker").count() == 0
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog", name="New key")
    assert dialog.get_by_label("Is used by").is_disabled()
    assert dialog.get_by_label("What is kept of its requests").count() == 0 and dialog.get_by_label("Manage keys").count() == 0
    dialog.get_by_label("Name", exact=True).fill("vic's own")
    dialog.get_by_label("Limit", exact=True).fill("1")
    dialog.get_by_role("button", name="Make the key").click()
    text = page.get_by_test_id("key").inner_text()
    until(lambda: house.chat(key=text)[0] == 200)
    page.get_by_role("button", name="Open the key").click()
    drawer = page.get_by_role("complementary", name="Key vic's own")
    drawer.get_by_role("button", name="Change").click()
    dialog = page.get_by_role("dialog", name="Change “vic's own”")
    dialog.get_by_text("are set by those who manage the workspace").wait_for()
    assert dialog.get_by_label("Limit", exact=True).count() == 0
    dialog.get_by_label("Name", exact=True).fill("vic's other")
    dialog.get_by_role("button", name="Save").click()
    page.get_by_role("complementary", name="Key vic's other").wait_for()
    assert page.get_by_role("button", name="Begin its budget anew").count() == 0
    page.get_by_role("button", name="Revoke").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type").fill("vic's other")
    dialog.get_by_role("button", name="Revoke the key").click()
    page.get_by_role("heading", name="No keys yet").wait_for()


def test_what_is_declared_is_read_and_where_it_is_changed_is_told(page, house, enter):
    declared = next(each for each in house.get("/v1/api-keys?page_size=1000")[1]["data"] if each["declared_in"])
    enter(f"/keys/{declared['id']}")
    page.get_by_text("and is changed there").wait_for()
    drawer = page.get_by_role("complementary", name=re.compile("^Key"))
    assert drawer.get_by_role("button", name="Revoke").count() == 0 and drawer.get_by_role("button", name="Change").count() == 0


def test_what_keys_and_policies_are_called_is_text(page, house, enter):
    """Members make keys, and owners look at them."""
    for text in (
        "<script>window.__ran=1</script>",
        '<img src=x onerror="window.__ran=1">',
        '"><svg onload=window.__ran=1>',
    ):
        more = {"workspace_id": "default", "description": text, "models": [text], "usage_limits": {"credit_limit": 1}}
        status, made = house.ask("POST", SERVICE, {"name": text, "scopes": ["completions.write"], **more})
        assert status == 200, made
        policy = {"name": text, "conditions": [{"key": f"metadata.{text}", "value": text}], "deny": True}
        status, said = house.ask("POST", "/v1/policies/rate-limits", policy)
        assert status == 200, said
    enter(f"/keys/{made['id']}")
    page.get_by_role("complementary", name=f"Key {text}").get_by_text(text).first.wait_for()
    page.get_by_role("button", name="Revoke").click()
    page.get_by_role("dialog", name=f"Revoke “{text}”").wait_for()
    page.goto(f"{house.url}/budgets")
    page.get_by_role("link", name=text).wait_for()
    page.goto(f"{house.url}/budgets/{said['id']}?tab=policies")
    page.get_by_role("complementary", name=f"Policy {text}").get_by_text("Refused").wait_for()
    assert page.evaluate("window.__ran") is None


def test_a_gateway_that_cannot_be_asked_is_told(page, house, enter):
    enter("/logs")
    page.refused += ["status of 503", "Failed to load resource"]
    page.route(re.compile("/v1/api-keys"), lambda route: route.fulfill(status=503, json={"error": {"message": "Not now."}}))
    page.get_by_role("navigation").get_by_role("link", name="Keys").click()
    page.get_by_role("alert").get_by_text("Not now.").wait_for()
    page.unroute(re.compile("/v1/api-keys"))
    page.get_by_role("button", name="Try again").click()
    rows(page).first.wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_page_is_drawn_in_both_themes_and_on_a_phone(page, house, enter, shoot, theme):
    page.emulate_media(color_scheme=theme)
    enter("/keys", OWNER)
    rows(page).filter(has_text="billing-worker").get_by_text("in the last hour").wait_for()
    shoot(f"keys-{theme}")
    page.get_by_role("button", name="New key").click()
    page.get_by_role("dialog").get_by_label("Limit", exact=True).fill("50")
    shoot(f"key-new-{theme}")
    page.goto(f"{house.url}/keys/{house.keys['billing-worker']['id']}")
    page.get_by_role("complementary").get_by_role("meter").wait_for()
    shoot(f"key-{theme}")
    page.set_viewport_size({"width": 390, "height": 800})
    shoot(f"key-phone-{theme}")
    page.goto(house.url + "/keys")
    rows(page).first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")  # the table scrolls, the page does not
    shoot(f"keys-phone-{theme}")
