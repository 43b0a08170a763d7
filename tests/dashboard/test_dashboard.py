"""The dashboard in a real browser, on a real gateway with traffic from the offline provider."""

import json
import re

import pytest

from support.dashboard import NOBODY, OWNER, PASSWORD, VIEWER
from support.process import until


@pytest.fixture(scope="module")
def asked(gateway):
    """Some requests: one by one what is looked for below."""
    for n in range(3):
        assert (
            gateway.chat(text=f"How high is lock gate {n}?", x_lockgate_metadata=json.dumps({"team": "blue", "_user": "u1"}))[0]
            == 200
        )
    assert gateway.chat(model="@sim/nope")[0] == 404
    until(lambda: len(gateway.get("/v1/logs")[1]["data"]) >= 4)
    return gateway


def rows(page):
    return page.get_by_role("table", name="Requests").locator("tbody tr")


def test_a_wrong_password_is_told_and_the_right_one_leads_on(page, gateway, enter):
    page.refused.append("status of 401")
    page.goto(gateway.url + "/logs?outcome=ok")
    page.get_by_label("E-mail").fill(OWNER)
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("alert").wait_for()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("heading", name="Logs").wait_for()
    assert page.url.endswith("/logs?outcome=ok")  # where one wanted to go
    page.get_by_role("button", name=re.compile("Account")).click()
    page.get_by_role("button", name="Log out", exact=True).click()
    page.get_by_role("heading", name="Log in").wait_for()
    page.reload()
    page.get_by_role("heading", name="Log in").wait_for()


def test_the_overview_counts_what_was_asked_and_leads_to_it(page, asked, enter, shoot):
    enter("/?period=1h")
    page.get_by_role("heading", name="Overview").wait_for()
    figures = page.get_by_label("Figures")
    total = asked.get("/v1/logs?include_total=true&page_size=1")[1]["total"]
    assert f"Requests {total}" in re.sub(r"\s+", " ", figures.inner_text())
    chart = page.get_by_role("slider", name=re.compile("^Requests"))
    chart.focus()
    page.keyboard.press("ArrowLeft")
    told = chart.get_attribute("aria-valuetext")
    assert re.search(r"Requests \d+", told), told
    while "Requests 0" in chart.get_attribute("aria-valuetext"):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Logs").wait_for()
    assert "from=" in page.url and "to=" in page.url
    rows(page).first.wait_for()


def test_a_figure_leads_to_its_requests(page, asked, enter):
    enter("/?period=1h")
    page.get_by_label("Figures").get_by_role("link", name=re.compile("^Errors")).click()
    page.get_by_role("button", name="Do not filter by Outcome").wait_for()
    rows(page).first.wait_for()
    until(lambda: rows(page).count() == 1)
    assert "404" in rows(page).first.inner_text()


def test_logs_are_filtered_and_the_address_says_by_what(page, asked, enter):
    enter("/logs")
    rows(page).first.wait_for()
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("button", name="Model", exact=True).click()
    page.locator("label.item", has_text="nope").get_by_role("checkbox").check()
    page.wait_for_url("**/logs?model=nope")
    page.keyboard.press("Escape")
    until(lambda: rows(page).count() == 1)
    assert "404" in rows(page).first.inner_text()
    page.get_by_role("button", name="Do not filter by Model").click()
    page.get_by_role("searchbox").fill("gate 2")
    page.keyboard.press("Enter")
    page.wait_for_url("**/logs?text=gate+2")
    until(lambda: rows(page).count() == 1)
    page.get_by_role("button", name="Saved").click()
    page.get_by_label("Name").fill("gate two")
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto(asked.url + "/logs")
    page.get_by_role("button", name="Saved", exact=True).click()
    page.get_by_role("link", name="gate two").click()
    page.wait_for_url("**/logs?text=gate+2")


def test_a_request_opens_by_its_address_with_all_that_is_known(page, asked, enter):
    found = asked.get("/v1/logs?text=lock%20gate%201")[1]["data"][0]
    enter(f"/logs/{found['id']}")
    drawer = page.get_by_role("complementary", name=f"Request {found['id']}")
    drawer.get_by_text("How high is lock gate 1?", exact=True).wait_for()
    assert "You said: “How high is lock gate 1?”" in drawer.inner_text()
    for tab, text in (
        ("Raw", '"role": "user"'),
        ("Route", "sim"),
        ("Cost", "This is what was charged."),
        ("Details", "@sim/chat"),
    ):
        drawer.get_by_role("tab", name=re.compile(f"^{tab}")).click()
        drawer.get_by_role("tabpanel").get_by_text(text).first.wait_for()
    assert "tab=details" in page.url
    drawer.get_by_role("tab", name=re.compile("^Feedback")).click()
    drawer.get_by_label("Value").fill("7")
    drawer.get_by_label("Note").fill("well said")
    drawer.get_by_role("button", name="Say it").click()
    drawer.get_by_text("note: well said").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_url("**/logs")
    assert drawer.count() == 0


def test_a_request_is_replayed(page, asked, enter):
    found = asked.get("/v1/logs?text=lock%20gate%200")[1]["data"][0]
    key = asked.ask(
        "POST", "/v1/api-keys/workspace/service", {"name": "payer", "workspace_id": "default", "scopes": ["completions.write"]}
    )
    assert key[0] == 200
    enter(f"/logs/{found['id']}")
    page.get_by_role("button", name="Replay").click()
    dialog = page.get_by_role("dialog", name="Replay")
    until(lambda: "payer" in dialog.get_by_label("Key that pays").inner_text())
    dialog.get_by_role("button", name="Send").click()
    dialog.get_by_text("The answers are the same.").wait_for()


def test_what_is_asked_now_is_in_the_tail(page, asked, enter):
    enter("/logs?live=1")
    page.get_by_role("button", name="Live", exact=True).wait_for()
    rows(page).first.wait_for()
    before = rows(page).count()
    assert asked.chat(text="Are you live?")[0] == 200
    until(lambda: page.evaluate("document.querySelectorAll('tbody tr').length") == before + 1)


def test_pages_of_logs_follow_while_one_scrolls(page, asked, enter):
    for n in range(60):
        assert asked.chat(text=f"scrolled {n}")[0] == 200
    total = asked.get("/v1/logs?include_total=true&page_size=1")[1]["total"]
    until(lambda: asked.get("/v1/logs?include_total=true&page_size=1")[1]["total"] >= 60)
    enter("/logs")
    rows(page).nth(49).wait_for()
    page.mouse.move(700, 500)
    until(lambda: page.mouse.wheel(0, 4000) or rows(page).count() >= min(total, 60))
    ids = page.evaluate("[...document.querySelectorAll('tbody tr td:first-child a')].map(a => a.getAttribute('href'))")
    assert len(ids) == len(set(ids))


def test_who_has_no_place_sees_that_and_nothing_else(page, asked, enter):
    """A member of the organisation alone: with no workspace there is nothing to see, and the gateway says so too."""
    enter("/logs", NOBODY)
    page.get_by_role("heading", name="You have no place in a workspace yet").wait_for()
    assert page.get_by_role("navigation").get_by_role("link").count() == 1  # the mark
    answer = page.evaluate("fetch('/v1/logs').then(r => r.status)")
    page.refused += ["status of 400", "status of 403", "status of 404"]
    assert answer in (400, 403, 404)


def test_a_viewer_sees_their_workspace_and_may_not_replay(page, asked, enter):
    made = asked.ask(
        "POST", "/v1/api-keys/workspace/service", {"name": "theirs", "workspace_id": "default", "scopes": ["completions.write"]}
    )
    until(lambda: asked.chat(text="Seen by viewers", key=made[1]["key"])[0] == 200)
    enter("/logs?text=viewers", VIEWER)
    rows(page).first.wait_for()
    assert page.get_by_role("button", name=re.compile("^Workspace:")).inner_text().strip() != "All workspaces"
    rows(page).first.get_by_role("link").first.click()
    page.get_by_text("Seen by viewers", exact=True).wait_for()
    assert page.get_by_role("button", name="Replay").count() == 0
    assert page.get_by_role("button", name="Copy", exact=True).first.is_visible()


def test_a_session_that_ends_elsewhere_leads_to_the_login(page, asked, enter):
    enter("/logs", VIEWER)
    rows(page).first.wait_for()
    asked.lockgate("users", "logout", VIEWER)
    page.get_by_role("button", name="Read again").click()
    page.get_by_role("heading", name="Log in").wait_for()


def test_everything_is_reached_by_the_keyboard(page, asked, enter):
    enter("/logs")
    rows(page).first.wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    rows(page).first.get_by_role("link").first.focus()
    page.keyboard.press("Enter")
    drawer = page.get_by_role("complementary")
    drawer.get_by_role("tab", name="Conversation").wait_for()
    first = page.url
    page.keyboard.press("j")
    page.wait_for_url(lambda url: url != first)
    page.keyboard.press("Escape")
    until(lambda: drawer.count() == 0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_page_is_drawn_in_both_themes(page, asked, enter, shoot, theme):
    page.emulate_media(color_scheme=theme)
    page.refused.append("status of 401")
    page.goto(asked.url + "/")
    page.get_by_label("E-mail").wait_for()
    shoot(f"login-{theme}")
    enter("/?period=1h")
    page.get_by_label("Figures").wait_for()
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    shoot(f"overview-{theme}")
    page.goto(asked.url + "/logs")
    rows(page).first.wait_for()
    shoot(f"logs-{theme}")
    rows(page).first.get_by_role("link").first.click()
    page.get_by_role("tabpanel").get_by_text("Answer").first.wait_for()
    shoot(f"log-{theme}")
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(asked.url + "/")
    page.get_by_label("Figures").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")  # nothing to scroll sideways for
    shoot(f"overview-phone-{theme}")
    page.goto(asked.url + "/nowhere")
    page.get_by_role("heading", name="There is no such page").wait_for()
