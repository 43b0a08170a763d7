"""The page of the cache: what is kept and what it saves, to whom an answer was given, and how it is forgotten."""

import re

import pytest

from support.dashboard import VIEWER
from support.process import until

CONFIG = {"provider": "@sim", "cache": {"mode": "simple", "max_age": 3600}}


@pytest.fixture(scope="module")
def kept(gateway):
    """Three answers, one of them in a namespace and one given twice again."""
    status, made = gateway.ask("POST", "/v1/configs?workspace_id=default", {"name": "Kept", "slug": "kept", "config": CONFIG})
    assert status == 200, made
    key = {"name": "asker", "workspace_id": "default", "scopes": ["completions.write"]}
    status, key = gateway.ask("POST", "/v1/api-keys/workspace/service", key)
    assert status == 200, key

    def ask(text, **more):
        return gateway.chat_whole("chat", text, key=key["key"], x_lockgate_config="kept", **more)

    until(lambda: ask("How deep is lock one?")[0] == 200)
    for text, more in (("How deep is lock two?", {}), ("How deep is lock three?", {"x_lockgate_cache_namespace": "blue"})):
        assert ask(text, **more)[0] == 200
    until(lambda: gateway.get("/v1/cache/entries")[1]["total"] == 3)
    for _ in range(2):
        assert ask("How deep is lock two?")[2]["x-lockgate-cache-status"] == "HIT"
    until(lambda: gateway.get("/v1/cache")[1]["hits"] >= 2)
    return gateway


def entries(page):
    return page.get_by_role("table", name="Entries").locator("tbody tr")


def test_it_says_what_is_kept_and_what_that_has_saved(page, kept, enter):
    enter("/cache?period=1h")
    entries(page).nth(2).wait_for()
    figures = re.sub(r"\s+", " ", page.get_by_label("Figures").inner_text())
    said = kept.get("/v1/cache")[1]
    assert "Kept 3" in figures and f"Hits {said['hits']}" in figures and "Hit rate" in figures
    chart = page.get_by_role("slider", name=re.compile("^Hits"))
    chart.focus()
    page.keyboard.press("ArrowLeft")
    while "Hits 0" in chart.get_attribute("aria-valuetext"):
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Logs").wait_for()
    page.get_by_role("table", name="Requests").locator("tbody tr").first.wait_for()
    assert "cache_status=hit" in page.url


def test_an_entry_says_to_whom_it_was_given(page, kept, enter):
    enter("/cache")
    id = next(row["cached_id"] for row in kept.get("/v1/logs?cache_status=hit")[1]["data"])
    entries(page).locator(f"a[href*='{id}']").first.click()
    drawer = page.get_by_role("complementary", name=f"Answer {id}")
    given = drawer.get_by_role("list", name="Given to").get_by_role("listitem")
    given.nth(1).wait_for()
    assert given.count() == 2 and "asker" in given.first.inner_text() and "exact" in given.first.inner_text()
    page.reload()  # it has an address
    given.nth(1).wait_for()
    drawer.get_by_role("link", name="The request and its answer").click()
    page.get_by_text("How deep is lock two?", exact=True).wait_for()


def test_entries_are_filtered_by_the_address_and_those_alone_are_purged(page, kept, enter):
    enter("/cache")
    entries(page).nth(2).wait_for()
    page.get_by_role("textbox", name="Namespace").fill("blue")
    page.get_by_role("button", name="Filter", exact=True).click()
    page.wait_for_url("**/cache?namespace=blue")
    until(lambda: entries(page).count() == 1)
    page.get_by_role("button", name="Purge these").click()
    dialog = page.get_by_role("dialog", name="Forget these answers?")
    assert "blue" in dialog.inner_text() and "1 answer" in dialog.inner_text()
    dialog.get_by_role("button", name="Keep them").click()
    assert kept.get("/v1/cache/entries")[1]["total"] == 3
    page.get_by_role("button", name="Purge these").click()
    dialog.get_by_role("button", name="Forget 1").click()
    page.get_by_role("heading", name="No entry has all of these").wait_for()
    assert kept.get("/v1/cache/entries")[1]["total"] == 2
    page.get_by_role("button", name="Do not filter by Namespace").click()
    until(lambda: entries(page).count() == 2)


def test_one_who_looks_on_purges_nothing(page, kept, enter):
    enter("/cache", VIEWER)
    entries(page).first.wait_for()
    assert page.get_by_role("button", name=re.compile("^Purge")).count() == 0
    entries(page).first.get_by_role("link").first.click()
    page.get_by_role("link", name="The request and its answer").wait_for()
    assert page.get_by_role("button", name="Forget it").count() == 0


def test_an_answer_that_nobody_knows_is_told(page, kept, enter):
    page.refused.append("status of 404")
    enter("/cache/nothing")
    page.get_by_role("complementary").get_by_role("alert").get_by_text("No answer of a request").wait_for()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_drawn_in_both_themes_and_on_a_phone(page, kept, enter, shoot, theme):
    page.emulate_media(color_scheme=theme)
    enter("/cache?period=1h")
    entries(page).first.wait_for()
    shoot(f"cache-{theme}")
    entries(page).last.get_by_role("link").first.click()
    page.get_by_role("heading", name="Given to").wait_for()
    shoot(f"cache-entry-{theme}")
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(kept.url + "/cache?period=1h")
    entries(page).first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shoot(f"cache-phone-{theme}")


def test_all_are_purged_and_that_is_in_the_audit_log(page, kept, enter):
    enter("/cache")
    page.get_by_role("button", name="Purge all").click()
    page.get_by_role("dialog", name="Forget all answers?").get_by_role("button", name="Forget 2").click()
    page.get_by_role("heading", name="Nothing is kept").wait_for()
    assert kept.get("/v1/cache/entries")[1]["total"] == 0
    page.goto(kept.url + "/audit?resource_type=cache")
    page.get_by_role("table", name="Changes").locator("tbody tr").nth(1).wait_for()


def test_what_a_shadow_would_have_given_is_told(page, kept, enter):
    """By an answer of the API as it is documented: to have a real one takes packages that not everybody has."""
    pair = {"id": "one", "cached_id": "two", "alike": 0.41, "score": 0.98}
    level = {
        "level": "verified",
        "would_hit": 12,
        "saved": 3.5,
        "compared": 10,
        "equal": 6,
        "canonical": 1,
        "other": 3,
        "alike": 0.7,
    }
    said = {
        "object": "cache-shadow",
        "since": "",
        "until": "",
        "missed": 40,
        "whole": True,
        "levels": [level | {"worst": [pair]}],
    }
    page.route("**/v1/cache/shadow?*", lambda route: route.fulfill(json=said))
    enter("/cache")
    part = page.get_by_role("region", name="In the shadow")
    part.get_by_text("would have been hits (30%)").wait_for()
    part.get_by_text("The 1 that are least alike").click()
    assert part.get_by_role("link", name="what was answered").get_attribute("href") == "/logs/one"


def test_a_cache_in_memory_says_why_nothing_is_seen(page, kept, enter):
    said = kept.get("/v1/cache")[1] | {"store": "memory", "entries": None, "size": None}
    page.route("**/v1/cache?*", lambda route: route.fulfill(json=said))
    enter("/cache")
    page.get_by_role("heading", name="Each worker keeps its own answers").wait_for()


def test_a_gateway_in_trouble_is_told_and_asked_again(page, kept, enter):
    page.refused.append("status of 503")
    answers = [503]
    said = {"error": {"message": "The log cannot be read.", "code": "log_unreachable"}}

    def answer(route):
        route.fulfill(status=answers.pop(), json=said) if answers else route.continue_()

    page.route("**/v1/cache?*", answer)
    enter("/cache")
    page.get_by_role("alert").get_by_role("button", name="Try again").click()
    page.get_by_label("Figures").wait_for()
