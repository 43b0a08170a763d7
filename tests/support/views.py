"""Every view of the dashboard: pages, as `web/src/pages.ts` lists them, and what can be opened on them.

A page that is not in the table is looked at as it opens, so that a new one is held by the same tests from its first day. Of each
page the first views are looked at; with LOCKGATE_VIEWS=all, every one, which takes minutes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[2]
#: How many of a page's views are looked at each time.
FEW = 1000 if os.environ.get("LOCKGATE_VIEWS") == "all" else 2
_PAGES = re.compile(r'path: "(?P<path>[^"]+)",\s+title: "(?P<title>[^"]+)",(?:\s+\w+: .*,)*?\s+load: .*,(?P<who>\s+who:)?')


class Page(msgspec.Struct, frozen=True):
    """`for_managers`: the navigation offers it to those alone who manage something."""

    root: str
    title: str
    for_managers: bool


class View(msgspec.Struct, frozen=True):
    """`path` has holes for what a `Lived` knows by `ids`; `open` does what no address does."""

    name: str
    path: str
    open: Callable[[Any], None] | None = None


def pages() -> list[Page]:
    """Those of the table, in its order."""
    text = (ROOT / "web/src/pages.ts").read_text("utf-8")
    found = [
        Page(re.sub(r"/:.*$", "", each["path"]) or "/", each["title"], bool(each["who"])) for each in _PAGES.finditer(text)
    ]
    assert len(found) == text.count("load: () => import("), "a page is written in a way that is not read here"
    return found


def _press(name: str, *, exact: bool = True) -> Callable[[Any], None]:
    return lambda page: page.get_by_role("button", name=name, exact=exact).first.click()


def _dialog(name: str) -> Callable[[Any], None]:
    def open(page: Any) -> None:
        page.get_by_role("button", name=name, exact=True).first.click()
        page.get_by_role("dialog").wait_for()

    return open


def _type_ahead(page: Any) -> None:
    page.get_by_label("Search providers").wait_for()


def _answers(page: Any) -> None:
    """Ask two models, and wait for both."""
    page.get_by_role("combobox", name="Key that pays").select_option(label="support-bot")
    page.get_by_label("System", exact=True).fill("You keep a lock on a canal. Be brief.")
    page.get_by_label("User", exact=True).fill("How high does the water stand, and when may a barge pass?")
    page.get_by_role("button", name="Send").click()
    for number in (1, 2):
        page.get_by_role("region", name=f"Model {number}", exact=True).get_by_role("link", name="Open the request").wait_for()


def _explained(page: Any) -> None:
    page.get_by_role("tab", name=re.compile("Explain|Try")).click()


VIEWS: dict[str, tuple[View, ...]] = {
    "/": (View("overview", "/?period=24h"), View("overview-empty", "/?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z")),
    "/logs": (
        View("logs", "/logs"),
        View("logs-filter", "/logs?outcome=failed,refused", _press("Filter")),
        View("logs-saved", "/logs?outcome=failed,refused", _press("Saved")),
        View("logs-nothing", "/logs?model=nothing"),
        View("log", "/logs/{request}"),
        *(View(f"log-{tab}", f"/logs/{{request}}?tab={tab}") for tab in ("raw", "route", "cost", "feedback", "details")),
        View("log-replay", "/logs/{request}", _dialog("Replay")),
    ),
    "/traces": (
        View("traces", "/traces"),
        View("trace", "/traces/refund-4711"),
        View("trace-step", "/traces/refund-4711", lambda page: page.get_by_role("link", name="write the answer").click()),
    ),
    "/cache": (
        View("cache", "/cache?period=24h"),
        View("cache-answer", "/cache/{cached}"),
        View("cache-purge", "/cache", _dialog("Purge all")),
    ),
    "/playground": (
        View("playground-empty", "/playground"),
        View("playground", "/playground?models=@sim/chat,@sim/think", _answers),
    ),
    "/models": (
        View("models", "/models"),
        View("catalogue", "/models?view=catalogue"),
        View("provider", "/models/anthropic"),
        View("provider-choose", "/models?add=choose", _type_ahead),
        View("provider-add", "/models?add=azure-openai"),
    ),
    "/configs": (
        View("configs", "/configs"),
        View("config", "/configs/support-agent"),
        View("config-new", "/configs?new=1"),
    ),
    "/keys": (
        View("keys", "/keys"),
        View("key", "/keys/{key}"),
        View("key-new", "/keys?new=1"),
        View("key-rotate", "/keys/{key}", _dialog("Rotate")),
        View("key-revoke", "/keys/{key}", _dialog("Revoke")),
        View("keys-nothing", "/keys?q=nothing+like+it"),
    ),
    "/budgets": (
        View("budgets", "/budgets"),
        View("limit-new", "/budgets?limit=new"),
        View("policies", "/budgets?tab=policies"),
        View("policy", "/budgets/{policy}"),
        View("policy-new", "/budgets?tab=policies&new=1"),
    ),
    "/people": (
        View("people", "/people"),
        View("person", "/people/{vic@example.com}"),
        View("invitations", "/people?tab=invitations"),
        View("roles", "/people?tab=roles"),
        View("invite", "/people", _dialog("Invite")),
    ),
    "/workspaces": (
        View("workspaces", "/workspaces"),
        View("workspace", "/workspaces/{workspace}"),
        View("workspace-new", "/workspaces", _dialog("New workspace")),
    ),
    "/audit": (View("audit", "/audit"), View("audit-change", "/audit/{change}")),
    "/settings": tuple(
        View(f"settings-{tab}", f"/settings/{tab}") for tab in ("data", "exports", "prices", "alerts", "sign-in", "gateway")
    ),
}


def views(root: str) -> tuple[View, ...]:
    """Those of a page that are looked at."""
    return (VIEWS.get(root) or (View(root.strip("/") or "overview", root),))[:FEW]


#: A page has been drawn, and waits for nothing.
_SETTLED = """() => {
  const main = document.querySelector('main');
  const seen = main && main.querySelector('h1, h2');
  return Boolean(seen) && !document.querySelector('.skeleton, [aria-busy=true]');
}"""


def settle(page: Any) -> None:
    """Wait until it has been drawn, with what it asked for."""
    page.wait_for_function(_SETTLED)


def visit(page: Any, url: str, view: View, ids: dict[str, str]) -> None:
    """Open a view."""
    page.goto(url + re.sub(r"\{([^}]+)\}", lambda hole: ids[hole[1]], view.path))
    settle(page)
    if view.open is not None:
        view.open(page)
        settle(page)
