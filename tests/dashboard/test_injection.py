"""Whatever a model or a caller wrote is text: in every view of it, nothing runs, and nothing is loaded."""

import json
import re
import runpy
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from support.process import until

WEB = Path(__file__).parents[2] / "web/src"
MARK = "window.__ran=(window.__ran||0)+1"
PAYLOADS = (
    f"<script>{MARK}</script>",
    f'<img src=x onerror="{MARK}">',
    f"<svg onload={MARK}>",
    f"<svg><script>{MARK}</script></svg>",
    f'<iframe srcdoc="<script>parent.{MARK}</script>"></iframe>',
    f'<a href="javascript:{MARK}">press</a>',
    f"javascript:{MARK}//",
    f"[press](javascript:{MARK})",
    f'![x](x"onerror="{MARK})',
    f'"><script>{MARK}</script>',
    f"'-({MARK})-'",
    f"${{{MARK}}}",
    f"{{{{constructor.constructor('{MARK}')()}}}}",
    f"{{@html '<script>{MARK}</script>'}}",
    f"</textarea></pre></title><script>{MARK}</script>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={MARK}>",
    f"<details open ontoggle={MARK}>",
    f"<style>@import 'http://evil.example/x.css';</style><link rel=stylesheet href=http://evil.example/y.css><p>{MARK}</p>",
    f'<meta http-equiv=refresh content="0;url=javascript:{MARK}">',
    f'<form action=http://evil.example><button formaction="javascript:{MARK}">x</button></form>\u2028</script>',
)


@pytest.fixture(scope="module")
def poisoned(gateway):
    """Each payload as a prompt (which the provider repeats), a model, metadata, a user, a tool, an error, and feedback."""
    for text in PAYLOADS:
        trace = f"t{PAYLOADS.index(text)}"
        body = {
            "model": "@sim/chat",
            "messages": [{"role": "system", "content": text}, {"role": "user", "content": [{"type": "text", "text": text}]}],
            "tools": [{"type": "function", "function": {"name": "tool", "description": text, "parameters": {"title": text}}}],
            "user": text,
        }
        said = json.dumps({"note": text[:128], "_user": text[:128]})
        answer = gateway.ask("POST", "/v1/chat/completions", body, x_lockgate_metadata=said, x_lockgate_trace_id=trace)
        assert answer[0] == 200, answer
        gateway.ask("POST", "/v1/chat/completions", {**body, "model": f"@sim/{text}"})
        gateway.ask("POST", "/v1/feedback", {"trace_id": trace, "value": -3, "metadata": {"said": text}})
        posted = {
            "request": {"url": f"https://evil.example/{text}", "provider": text, "body": body},
            "response": {"status": 500, "response_time": 5, "body": {"error": {"message": text}}},
            "metadata": {"spanName": text, text[:20]: text[:128]},
        }
        gateway.ask("POST", "/v1/logs", posted)
    until(lambda: len(gateway.get("/v1/logs?page_size=200")[1]["data"]) >= 3 * len(PAYLOADS) - 5)
    return gateway


def test_nothing_runs_in_any_view(page, poisoned, enter):
    asked_of = []
    page.on("request", lambda request: asked_of.append(request.url))
    page.add_init_script(
        "localStorage.setItem('lockgate.logs.columns', JSON.stringify(['time','status','model','provider','operation','key','config','user','cache','error','trace','metadata','cost']))"
    )
    enter("/?period=1h")
    page.get_by_label("Figures").wait_for()
    page.get_by_role("heading", name="Models").wait_for()
    page.goto(poisoned.url + "/logs")
    page.locator("tbody tr").nth(20).wait_for()
    page.get_by_role("button", name="Filter").click()
    for name in ("Model", "Provider", "Error"):
        page.get_by_role("button", name=name, exact=True).click()
        page.locator(".panel label.item").first.wait_for()
        page.get_by_role("button", name=name, exact=True).last.click()
    page.keyboard.press("Escape")
    seen = set()
    rows = poisoned.get("/v1/logs?page_size=200")[1]["data"]
    for row in [row for row in rows if row["outcome"] == "ok"] + [row for row in rows if row["outcome"] != "ok"][:4]:
        page.evaluate(
            "url => { history.pushState(null, '', url); dispatchEvent(new PopStateEvent('popstate')) }", f"/logs/{row['id']}"
        )
        drawer = page.get_by_role("complementary", name=f"Request {row['id']}")
        drawer.get_by_role("tab", name="Conversation").wait_for()
        drawer.locator("[role=tabpanel] .skeleton").wait_for(state="detached")
        for tab in ("Raw", "Route", "Cost", "Feedback", "Details"):
            drawer.get_by_role("tab", name=re.compile(f"^{tab}")).click()
        drawer.get_by_role("tab", name="Conversation").click()
        drawer.locator("[role=tabpanel] .skeleton").wait_for(state="detached")
        seen |= {text for text in PAYLOADS if text in drawer.inner_text()}
    assert len(seen) >= len(PAYLOADS) - 1, set(PAYLOADS) - seen  # a line separator is shown as a line
    assert page.evaluate("window.__ran ?? 0") == 0
    assert {url.split("/")[2] for url in asked_of if url.startswith("http")} == {poisoned.url.split("/")[2]}


def test_what_stands_in_the_address_is_text(page, poisoned, enter):
    enter("/logs")
    page.refused += ["status of 40"]
    for text in PAYLOADS:
        said = dict.fromkeys(("text", "model", "period", "tab", "metadata", "cost_min", "from"), text)
        page.goto(f"{poisoned.url}/logs?{urlencode(said)}")
        page.get_by_role("button", name="Do not filter by Model").wait_for()
    page.goto(f"{poisoned.url}/{quote(PAYLOADS[0], safe='')}")
    page.get_by_role("heading", name="There is no such page").wait_for()
    assert page.evaluate("window.__ran ?? 0") == 0


def test_no_source_makes_markup_of_a_text():
    """`{@html}` and its like stand nowhere; `style` stands as a directive alone, which the content policy lets through."""
    banned = re.compile(
        r"\{@html|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\sstyle=[\"{]|javascript:"
    )
    found = [f"{path.name}: {line.strip()}" for path in WEB.rglob("*") if path.suffix in (".svelte", ".ts")
             for line in path.read_text("utf-8").splitlines() if banned.search(line)]  # fmt: skip
    assert found == []


def test_the_types_are_those_of_the_admin_api():
    """Else: python web/schema.py."""
    module = runpy.run_path(str(WEB.parent / "schema.py"))
    assert (WEB / "lib/schema.ts").read_text("utf-8") == module["written"]()
