"""The playground in a real browser: several models at once, who pays, and that a pasted key is kept nowhere."""

import re

import pytest

from support.dashboard import OWNER, VIEWER
from support.process import until

PAYER = "payer of the playground"


@pytest.fixture(scope="module")
def paying(gateway):
    """A service's key that pays, of the workspace that the viewer looks at; its text."""
    body = {"name": PAYER, "workspace_id": "default", "scopes": ["completions.write"]}
    status, made = gateway.ask("POST", "/v1/api-keys/workspace/service", body)
    assert status == 200
    until(lambda: gateway.chat(key=made["key"])[0] == 200)
    return made["key"]


def answer(page, number):
    return page.get_by_role("region", name=f"Model {number}", exact=True)


def pick(page):
    page.get_by_role("combobox", name="Key that pays").select_option(label=PAYER)


def test_models_answer_side_by_side_with_cost_and_latency(page, gateway, paying, enter):
    enter("/playground?models=@sim/chat")
    page.get_by_role("button", name="Add a model").click()
    answer(page, 2).get_by_role("combobox", name="Model", exact=True).fill("@sim/think")
    pick(page)
    page.get_by_label("System", exact=True).fill("Be brief.")
    page.get_by_label("User", exact=True).fill("How high is the gate?")
    page.get_by_label("Temperature").fill("0.5")
    page.get_by_label("Max tokens").fill("50")
    page.get_by_role("button", name="Send").click()
    for number in (1, 2):
        answer(page, number).get_by_text("You said: “How high is the gate?”").wait_for()
        answer(page, number).get_by_role("link", name="Open the request").wait_for()
        said = answer(page, number).locator("dl").inner_text()
        assert "$" in said and re.search(r"\d ms|\d s", said), said
    assert "models=%40sim%2Fchat%2C%40sim%2Fthink" in page.url
    link = answer(page, 1).get_by_role("link", name="Open the request").get_attribute("href")
    record = gateway.get(f"/v1/logs/{link.rpartition('/')[2]}")[1]
    assert (record["api_key_name"], record["metadata"]["_playground"]) == (PAYER, OWNER)
    assert (record["request"]["temperature"], record["request"]["max_tokens"]) == (0.5, 50)


def test_what_fails_says_why_beside_what_does_not(page, paying, enter):
    page.refused.append("status of 404")
    enter("/playground?models=@sim/chat,@sim/nope")
    pick(page)
    page.get_by_label("User", exact=True).fill("ping")
    page.keyboard.press("Control+Enter")
    answer(page, 1).get_by_text("ping").wait_for()
    answer(page, 2).get_by_role("alert").wait_for()
    answer(page, 2).get_by_text("Failed").wait_for()


def test_the_form_says_what_it_lacks(page, paying, enter):
    enter("/playground")
    page.get_by_role("combobox", name="Key that pays").select_option(label="Paste a key…")
    page.get_by_label("Temperature").fill("hot")
    page.get_by_label("Max tokens").fill("1.5")
    page.get_by_role("button", name="Send").click()
    for text in (
        "Write something to ask.",
        "Paste a key.",
        "A number from 0 to 2.",
        "A whole number, from 1 on.",
        "Say which model.",
    ):
        page.get_by_text(text, exact=True).wait_for()


def test_a_pasted_key_is_sent_to_the_data_plane_and_kept_nowhere(page, gateway, paying, enter):
    asked = []
    page.on("request", lambda request: asked.append(request))
    enter("/playground?models=@sim/chat", VIEWER)
    page.get_by_role("combobox", name="Key that pays").select_option(label="Paste a key…")
    page.get_by_label("Key", exact=True).fill(paying)
    page.get_by_label("User", exact=True).fill("Do you keep it?")
    page.get_by_role("button", name="Send").click()
    answer(page, 1).get_by_text("Do you keep it?").wait_for()
    answer(page, 1).get_by_text("Answered", exact=True).wait_for()
    (sent,) = [each for each in asked if each.url.endswith("/v1/chat/completions")]
    headers = sent.all_headers()
    assert headers["authorization"] == f"Bearer {paying}" and "cookie" not in headers
    assert not [each for each in asked if paying in each.url or paying in (each.post_data or "")]
    stored = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, history.state, location.href, document.cookie])"
    )
    assert paying not in stored and "Do you keep it?" not in stored
    page.get_by_role("link", name="Logs", exact=True).click()
    page.get_by_role("heading", name="Logs").wait_for()
    page.go_back()
    assert page.get_by_label("Key", exact=True).input_value() == ""


def test_a_viewer_is_offered_no_services_key(page, gateway, paying, enter):
    enter("/playground", VIEWER)
    page.get_by_text("You have no key that may ask models").wait_for()
    assert page.get_by_role("combobox", name="Key that pays").locator("option").all_inner_texts() == ["Paste a key…"]


def test_an_answer_is_stopped(page, paying, enter):
    page.route(re.compile("/v1/playground$"), lambda route: None)  # it never comes
    enter("/playground?models=@sim/chat")
    pick(page)
    page.get_by_label("User", exact=True).fill("slowly")
    page.get_by_role("button", name="Send").click()
    page.get_by_role("button", name="Stop").click()
    answer(page, 1).get_by_text("Stopped").wait_for()


def test_whoever_stops_pays_for_no_more_than_has_come(page, gateway, paying, enter):
    """The request itself ends, and is on record as one whose caller left."""
    enter("/playground?models=@sim/slow-2000")
    pick(page)
    page.get_by_label("User", exact=True).fill("Take all the time there is.")
    page.get_by_role("button", name="Send").click()
    answer(page, 1).get_by_text("Answering").wait_for()
    page.get_by_role("button", name="Stop").click()
    answer(page, 1).get_by_text("Stopped").wait_for()
    found = until(lambda: gateway.get("/v1/logs?model=slow-2000")[1]["data"])
    assert [row["outcome"] for row in found] == ["client_left"]


def test_what_models_say_is_text(page, paying, enter):
    enter("/playground?models=@sim/echo,@sim/<svg onload=window.__ran=1>")
    page.refused.append("status of 404")
    pick(page)
    said = "<img src=x onerror='window.__ran=1'><script>window.__ran=1</script>"
    page.get_by_label("User", exact=True).fill(said)
    page.get_by_role("button", name="Send").click()
    answer(page, 1).get_by_text(said).wait_for()
    answer(page, 2).get_by_role("alert").wait_for()
    assert page.evaluate("window.__ran ?? 0") == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_playground_is_drawn_in_both_themes(page, gateway, paying, enter, shoot, theme):
    page.emulate_media(color_scheme=theme)
    enter("/playground?models=@sim/chat,@sim/think")
    pick(page)
    page.get_by_label("System", exact=True).fill("You keep a lock on a canal. Be brief.")
    page.get_by_label("User", exact=True).fill("How high does the water stand, and when may a barge pass?")
    shoot(f"playground-empty-{theme}")
    page.get_by_role("button", name="Send").click()
    for number in (1, 2):
        answer(page, number).get_by_role("link", name="Open the request").wait_for()
    shoot(f"playground-{theme}")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    shoot(f"playground-phone-{theme}")
