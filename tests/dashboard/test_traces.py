"""Traces in a real browser: the list, one of them along time, and what a viewer sees."""

import re
import time
from urllib.parse import urlencode

import pytest

from support.dashboard import VIEWER
from support.process import until

TRACE = "agent-42"


@pytest.fixture(scope="module")
def traced(gateway):
    """A trace of five steps, one of which failed, some of which are a program's own; and requests that stand alone."""

    def posted(span, parent, name, since_ms, took_ms, asked=None, **response):
        said = {
            "request": asked or {},
            "response": {"status": 200, "response_time": took_ms, **response},
            "metadata": {
                "traceId": TRACE,
                "spanId": span,
                "parentSpanId": parent,
                "spanName": name,
                "startTime": since_ms * 10**6,
            },
        }
        assert gateway.ask("POST", "/v1/logs", said)[0] == 200

    model = {"url": "https://api.openai.com/v1/chat/completions", "provider": "openai", "body": {"model": "gpt-4o"}}
    answer = {"model": "gpt-4o", "usage": {"prompt_tokens": 1200, "completion_tokens": 300}}
    begun = int(time.time() * 1000) - 20_000
    posted("1", "", "research agent", begun, 9_000)
    posted("2", "1", "plan", begun + 200, 2_400, model, body=answer)
    posted("3", "1", "search", begun + 2_700, 1_900)
    posted("4", "3", "rank results", begun + 3_100, 1_300, model, body={"error": {"message": "overloaded"}}, status=529)
    posted("5", "1", "write answer", begun + 4_800, 4_100, model, body=answer)
    status, _ = gateway.chat(text="What is in the answer?", x_lockgate_trace_id="chat-7", x_lockgate_span_name="ask")
    assert status == 200
    until(lambda: len(gateway.get(f"/v1/logs?trace_id={TRACE}")[1]["data"]) == 5)
    until(lambda: len(gateway.get("/v1/logs?trace_id=chat-7")[1]["data"]) == 1)
    return gateway


def listed(page):
    return page.get_by_role("table", name="Traces").locator("tbody tr")


def steps(page):
    return page.get_by_role("table", name="Steps").locator("tbody tr")


def test_traces_are_listed_each_once_and_lead_to_their_steps(page, traced, enter):
    enter("/traces")
    listed(page).filter(has_text=TRACE).wait_for()
    row = re.sub(r"\s+", " ", listed(page).filter(has_text=TRACE).inner_text())
    assert "research agent" in row and "1 error" in row and "gpt-4o" in row and "9.00 s" in row
    page.get_by_role("link", name="With several steps").click()
    page.wait_for_url("**/traces?several=1")
    until(lambda: listed(page).count() == 1)
    listed(page).first.get_by_role("link").first.click()
    page.wait_for_url(f"**/traces/{TRACE}")
    until(lambda: steps(page).count() == 5)


def test_traces_are_filtered_and_say_when_none_is_left(page, traced, enter):
    enter("/traces?trace_id=chat-7")
    listed(page).first.wait_for()
    assert listed(page).count() == 1 and "ask" in listed(page).first.inner_text()
    page.goto(traced.url + "/traces?model=nothing")
    page.get_by_role("heading", name="Nothing matches").wait_for()
    page.get_by_role("link", name="Show everything").click()
    listed(page).first.wait_for()


def test_a_step_opens_its_request_and_the_address_says_which(page, traced, enter):
    enter(f"/traces/{TRACE}")
    steps(page).first.wait_for()
    names = [re.split(r"\s{2,}|\n", row.strip())[0] for row in steps(page).locator("a.step").all_inner_texts()]
    assert names == ["research agent", "plan", "search", "rank results", "write answer"]
    page.get_by_role("link", name="rank results").click()
    drawer = page.get_by_role("complementary")
    drawer.get_by_role("heading", name="gpt-4o").wait_for()
    assert "step=" in page.url
    page.keyboard.press("k")
    drawer.get_by_role("heading", name="search").wait_for()
    page.reload()
    drawer.wait_for()
    page.keyboard.press("Escape")
    page.wait_for_url(f"**/traces/{TRACE}")


def test_steps_are_walked_and_folded_by_the_keyboard(page, traced, enter):
    enter(f"/traces/{TRACE}")
    page.get_by_role("link", name="research agent").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent.trim()").startswith("search")
    page.keyboard.press("ArrowLeft")
    until(lambda: steps(page).count() == 4)
    assert "1 below" in steps(page).nth(2).inner_text()
    page.keyboard.press("ArrowRight")
    until(lambda: steps(page).count() == 5)


def test_bars_stand_where_their_steps_were(page, traced, enter):
    enter(f"/traces/{TRACE}")
    steps(page).first.wait_for()
    boxes = [bar.bounding_box() for bar in page.locator(".track .bar").all()]
    whole = boxes[0]["width"]
    for box, (start, took) in zip(boxes, [(0, 9000), (200, 2400), (2700, 1900), (3100, 1300), (4800, 4100)], strict=True):
        assert abs((box["x"] - boxes[0]["x"]) / whole - start / 9000) < 0.02
        assert abs(box["width"] / whole - took / 9000) < 0.02


def test_what_is_not_there_says_so(page, traced, enter):
    page.refused.append("status of 404")
    enter("/traces/nothing-of-the-kind")
    page.get_by_role("heading", name="There is no such trace").wait_for()
    page.get_by_role("link", name="All traces").first.click()
    listed(page).first.wait_for()


def test_a_failure_of_the_gateway_is_told_and_asked_again(page, traced, enter):
    page.refused.append("status of 503")
    failing = [True]

    def answer(route):
        if failing:
            body = '{"error": {"code": "busy", "message": "Too many ask at once."}}'
            route.fulfill(status=503, content_type="application/json", body=body)
        else:
            route.continue_()

    page.route(re.compile(r"/v1/traces\?"), answer)
    enter("/traces")
    page.get_by_role("alert").get_by_text("Too many ask at once.").wait_for()
    failing.clear()
    page.get_by_role("button", name="Try again").click()
    listed(page).first.wait_for()


def test_a_viewer_sees_the_traces_of_their_workspace_alone(page, traced, enter):
    made = traced.ask(
        "POST", "/v1/api-keys/workspace/service", {"name": "theirs", "workspace_id": "default", "scopes": ["completions.write"]}
    )
    until(lambda: traced.chat(text="mine", key=made[1]["key"], x_lockgate_trace_id="ours-1")[0] == 200)
    until(lambda: traced.get("/v1/logs?trace_id=ours-1")[1]["data"])
    enter("/traces", VIEWER)
    listed(page).filter(has_text="ours-1").wait_for()


def test_names_of_steps_and_traces_are_text(page, gateway, enter):
    mark = "window.__ran=(window.__ran||0)+1"
    payloads = [
        f"<img src=x onerror={mark}>",
        f"javascript:{mark}//",
        f'"><svg onload={mark}>',
        f"../..//evil.example/?{mark}#",
    ]
    for text in payloads:
        said = {
            "request": {"provider": text, "body": {"model": text}},
            "response": {"status": 500, "response_time": 5, "body": {"error": {"message": text}}},
            "metadata": {"traceId": text, "spanName": text},
        }
        assert gateway.ask("POST", "/v1/logs", said)[0] == 200
        until(lambda text=text: gateway.get(f"/v1/logs?{urlencode({'trace_id': text})}")[1]["data"])
    enter("/traces")
    for text in payloads:
        page.goto(gateway.url + "/traces")
        listed(page).filter(has_text=text).get_by_role("link").first.click()
        steps(page).filter(has_text=text).get_by_role("link").click()
        page.get_by_role("complementary").get_by_role("tab", name="Conversation").wait_for()
    assert page.evaluate("window.__ran ?? 0") == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_traces_are_drawn_in_both_themes(page, traced, enter, shoot, theme):
    page.emulate_media(color_scheme=theme)
    enter("/traces")
    listed(page).first.wait_for()
    shoot(f"traces-{theme}")
    page.goto(f"{traced.url}/traces/{TRACE}")
    steps(page).first.wait_for()
    shoot(f"trace-{theme}")
    page.get_by_role("link", name="write answer").click()
    page.get_by_role("complementary").get_by_role("tab", name="Conversation").wait_for()
    shoot(f"trace-step-{theme}")
    page.set_viewport_size({"width": 390, "height": 800})
    for path, name in ((f"/traces/{TRACE}", "trace"), ("/traces", "traces")):
        page.goto(traced.url + path)
        (steps if name == "trace" else listed)(page).first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        shoot(f"{name}-phone-{theme}")
