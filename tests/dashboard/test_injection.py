"""Whatever a model or a caller wrote, or somebody has called something, is text: in every view of it nothing runs, nothing is
loaded, and nothing becomes an element."""

import re
import runpy
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from playwright.sync_api import Error

from support.payloads import PAYLOADS
from support.poison import PACKS, TRACE, ask, poison
from support.process import until

WEB = Path(__file__).parents[2] / "web/src"
#: Every page, by its path without holes, and whether it has one.
PAGES = {
    path.split("/:")[0] or "/": ":" in path
    for path in re.findall(r'^    path: "([^"]+)"', (WEB / "pages.ts").read_text(), re.M)
}
#: What a page tells: scripts that ran, and requests under way.
WATCH = """
window.__ran = 0;
window.ran = () => { top.__ran = (top.__ran || 0) + 1; return ""; };
window.__asking = 0;
const asked = window.fetch;
window.fetch = (...said) => { window.__asking++; return asked(...said).finally(() => window.__asking--); };
localStorage.setItem('lockgate.logs.columns', JSON.stringify(
  ['time','status','model','provider','operation','key','config','user','cache','error','trace','metadata','cost']));
"""
#: Elements and attributes that no view of ours has: what a payload is made of, where it is taken for markup.
STRANGE = """() => {
  const tags = new Set(`SCRIPT IFRAME OBJECT EMBED BASE META LINK STYLE MARQUEE MATH VIDEO AUDIO SOURCE TEMPLATE NOSCRIPT XMP LISTING
    PLAINTEXT PORTAL FRAME FRAMESET APPLET ANIMATE SET FOREIGNOBJECT MGLYPH IMAGE`.split(/\\s+/));
  const found = [];
  for (const each of document.body.querySelectorAll("*")) {
    const tag = each.tagName.toUpperCase();
    if (tags.has(tag) && each.parentNode !== document.body) found.push(tag);
    for (const { name, value } of each.attributes) {
      if (/^on/i.test(name) || name === "srcdoc" || (name === "style" && /url|expression/i.test(value))) found.push(`${tag} ${name}`);
      if (!/^(href|src|action|formaction|xlink:href|data|background|poster|ping)$/i.test(name)) continue;
      const to = URL.parse(value, document.baseURI.startsWith("about:") ? "http://here" : document.baseURI);
      if (!to) {
        found.push(`${tag} ${name}=${value}`);
        continue;
      }
      const isPicture = tag === "IMG" && /^data:image\\/(png|jpeg|gif|webp);base64,/.test(value);
      if (to.hostname.includes("evil") || (!/^https?:$/.test(to.protocol) && !isPicture)) found.push(`${tag} ${name}=${value}`);
    }
  }
  return found;
}"""
GO = "url => { history.pushState(null, '', url); dispatchEvent(new PopStateEvent('popstate')) }"
SETTLED = "() => !window.__asking && document.querySelector('h1') && !document.querySelector('main .skeleton')"


def bare(text):
    """Without what a page may fold or leave out: spaces, and what is no character that is shown."""
    return "".join(each for each in text if each.isprintable() and not each.isspace())


BARE = {text: bare(text) for text in PAYLOADS}


@pytest.fixture(scope="module")
def poisoned(gateway):
    poison(gateway)
    for number, pack in enumerate(PACKS):
        ask(gateway, number, pack)
    until(lambda: len(gateway.get("/v1/logs?page_size=200")[1]["data"]) >= len(PAYLOADS) + 2 * len(PACKS))
    return gateway


class Onlooker:
    """Goes from view to view, and knows what has been seen where."""

    def __init__(self, page, gateway):
        self.page = page
        self.host = gateway.url.split("/")[2]
        self.hosts = set()
        page.on(
            "request", lambda request: self.hosts.add(request.url.split("/")[2]) if request.url.startswith("http") else None
        )
        page.add_init_script(WATCH)

    def go(self, path):
        """The payloads that are seen there, once all of it has come."""
        self.page.evaluate(GO, path)
        return self.look(path)

    def look(self, where):
        until(lambda: self.page.evaluate(SETTLED))  # what waits within the page evaluates texts, which its policy forbids
        assert self.page.evaluate(STRANGE) == [], where
        text = bare(self.page.locator("body").text_content() + " ".join(self.page.evaluate(VALUES)))
        return {each for each, written in BARE.items() if written in text}

    def check(self):
        assert self.page.evaluate("window.__ran") == 0
        assert self.page.evaluate("window.__violations") == []
        assert self.hosts == {self.host}


VALUES = "() => [...document.querySelectorAll('input, textarea')].map((each) => each.value)"


@pytest.fixture
def onlooker(page, poisoned, enter):
    onlooker = Onlooker(page, poisoned)
    page.refused += ["status of 40"]
    enter("/logs?period=24h")
    yield onlooker
    onlooker.check()


def details(gateway):
    """Of each page with a hole, what is opened there, and how many payloads are seen in all of it at least."""

    def ids(path, member="id", most=2):
        rows = gateway.get(path)[1]
        return [str(row[member]) for row in rows.get("data") or rows["records"]][:most]

    logs = gateway.get("/v1/logs?page_size=200")[1]["data"]
    asked = [row["id"] for row in logs if row["outcome"] == "ok"]
    failed = [row["id"] for row in logs if row["outcome"] != "ok"][:3]
    return {
        "/logs": ([*asked, *failed], len(PAYLOADS) - 2),
        "/traces": ([TRACE, "t0"], len(PAYLOADS) - 2),
        "/cache": (ids("/v1/cache/entries"), 0),
        "/models": (ids("/v1/integrations", "slug"), 20),
        "/configs": (ids("/v1/configs", "slug"), 20),
        "/keys": (ids("/v1/api-keys"), 20),
        "/budgets": (ids("/v1/policies/rate-limits"), 20),
        "/people": (ids("/v1/admin/users"), 20),
        "/workspaces": (ids("/v1/admin/workspaces"), 20),
        "/audit": (ids("/v1/audit-logs", "seq", 3), 3),
        "/settings": (["data", "exports", "prices", "alerts", "sign-in", "gateway"], 20),
    }


def test_nothing_runs_in_any_view(onlooker, poisoned):
    page, opened = onlooker.page, details(poisoned)
    assert {path for path, has_hole in PAGES.items() if has_hole} <= opened.keys(), "say what is opened in the new page"
    for path in PAGES:
        ids, least = opened.get(path, ((), 0))
        seen = onlooker.go(path)
        for id in ids:
            seen |= onlooker.go(f"{path}/{quote(id, safe='')}")
            # All tabs of one that went well, and of one that went wrong.
            for tab in page.get_by_role("tab").all() if id in (ids[0], ids[-1]) else ():
                tab.click()
                seen |= onlooker.look(f"{path}, {tab.inner_text()}")
        assert len(seen) >= least, f"{path} shows {len(seen)} payloads"


def test_nothing_runs_in_what_is_chosen_from(onlooker):
    page = onlooker.page
    page.get_by_role("button", name="Filter", exact=True).click()
    for name in ("Model", "Provider", "Error"):
        page.get_by_role("button", name=name, exact=True).click()
        page.locator(".panel label.item").first.wait_for()
        onlooker.look(name)
        page.get_by_role("button", name=name, exact=True).last.click()


def wrong(route, status):
    """The gateway says what goes wrong, in words that somebody else wrote."""
    error = {"message": " ".join(PAYLOADS), "code": PAYLOADS[1], "param": PAYLOADS[2], "type": "admin_error"}
    route.fulfill(status=status, json={"error": error, "errors": [{"path": PAYLOADS[0], "message": PAYLOADS[3]}]})


@pytest.mark.parametrize("status", [400, 503])
def test_what_a_page_cannot_show_is_told_as_text(onlooker, poisoned, status):
    onlooker.page.refused += ["status of 503"]
    onlooker.page.route(f"{poisoned.url}/v1/**", lambda route: wrong(route, status))
    for path in PAGES:
        assert len(onlooker.go(f"{path}?period=1h")) >= len(PAYLOADS) - 2 or path in SAYS_NOTHING, path


#: Pages that ask for nothing before somebody does something, or have a form of their own to show.
SAYS_NOTHING = ("/playground",)

#: Forms, by where they are, and the button that opens them there.
FORMS = {
    "/models?add=azure-openai": "", "/keys?new=1": "", "/budgets?limit=new": "", "/budgets?tab=policies&new=1": "", "/people": "Invite",
    "/settings/sign-in": "Change password", "/settings/exports?new=1": "", "/workspaces": "New workspace",
}  # fmt: skip
#: Says something in each field that needs it, and sends the last form that there is.
SEND = """() => {
  const form = [...document.querySelectorAll("form")].at(-1);
  for (const field of form.querySelectorAll("input, textarea")) {
    if (field.value || ["checkbox", "radio", "hidden"].includes(field.type)) continue;
    field.value = { number: "1", email: "somebody@example.com", url: "https://example.com" }[field.type] ?? "somethinglong";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  form.noValidate = true;
  form.requestSubmit();
}"""
#: What stands in it, and in the dialog around it.
FORM = """() => { const form = [...document.querySelectorAll("form")].at(-1); return (form.closest("[role=dialog]") ?? form).textContent; }"""


def test_what_is_wrong_with_a_form_is_told_as_text(onlooker, poisoned):
    page = onlooker.page
    page.route(f"{poisoned.url}/**", lambda route: route.fallback() if route.request.method == "GET" else wrong(route, 400))
    told = {}
    for path, button in FORMS.items():
        page.evaluate(GO, path)
        until(lambda: page.evaluate(SETTLED))
        if button:
            page.get_by_role("button", name=button, exact=True).first.click()
        page.locator("form").last.wait_for()
        onlooker.look(path)
        page.evaluate(SEND)
        onlooker.look(path)
        text = bare(page.evaluate(FORM))
        told[path] = sum(written in text for written in BARE.values())
        page.keyboard.press("Escape")
    assert min(told.values()) >= 20, told


def test_what_stands_in_the_address_is_text(onlooker, poisoned):
    """In a path, in the query and behind the hash, of each page in its turn."""
    page, roots = onlooker.page, list(PAGES.items())
    names = ("text", "model", "period", "tab", "metadata", "cost_min", "from", "view", "status", "key", "add", "find")
    for number, text in enumerate(PAYLOADS):
        root, has_hole = roots[number % len(roots)]
        path = f"{root}/{quote(text, safe='')}" if has_hole and number % 2 else root
        page.evaluate(GO, f"{path}?{urlencode(dict.fromkeys(names, text))}#{quote(text)}")
        if number % 8 == 0:
            onlooker.look(f"{path} with {text!r}")
    onlooker.look("the last of them")
    page.goto(f"{poisoned.url}/{quote(PAYLOADS[0], safe='')}?model={quote(PAYLOADS[0])}")  # and as a browser comes with it
    page.get_by_role("heading", name="There is no such page").wait_for()


def test_who_looks_here_would_see_it(chromium, poisoned):
    """The same detectors, where a payload is markup: in a page that nothing protects scripts run, and in one of ours the
    policy lets no text become markup, and tells. Of payloads that only do harm elsewhere (in a template, an
    address, a style) there are enough left."""
    context = chromium.new_context()
    context.add_init_script(WATCH.split("localStorage")[0])
    context.route("**/*evil.example/**", lambda route: route.abort())
    page = context.new_page()
    page.goto("about:blank")
    ran, strange = set(), set()
    for text in PAYLOADS:
        ran_before = page.evaluate("window.__ran")
        page.evaluate(f"async text => {{ {MARKUP} await new Promise((done) => setTimeout(done, 5)); }}", text)
        if page.evaluate("window.__ran") > ran_before:
            ran.add(text)
        if page.evaluate(STRANGE):
            strange.add(text)
    assert len(ran) >= 60, len(ran)
    assert len(strange) >= 70, len(strange)
    context.close()
    ours = chromium.new_context()
    ours.add_init_script(
        "window.__violations = []; addEventListener('securitypolicyviolation', () => window.__violations.push(1));"
    )
    page = ours.new_page()
    page.goto(poisoned.url)
    with pytest.raises(Error, match="TrustedHTML"):
        page.evaluate(f"text => {{ {MARKUP} }}", PAYLOADS[0])
    until(lambda: page.evaluate("window.__violations.length"))
    ours.close()


#: What `{@html}` does.
MARKUP = "document.body.innerHTML = ''; document.body.append(document.createRange().createContextualFragment(text));"


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
