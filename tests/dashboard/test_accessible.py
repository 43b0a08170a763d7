"""Every page, and what opens on it, can be used by those who see little, or nothing, in both themes and on a telephone: axe
(https://github.com/dequelabs/axe-core) finds nothing that is serious in them, nothing scrolls sideways, and all can be touched."""

import json
from pathlib import Path

import pytest

from support.lived import furnish
from support.views import pages, settle, views, visit

AXE = Path(__file__).parents[2] / "web/node_modules/axe-core/axe.min.js"
#: WCAG 2.2, A and AA, and what axe counsels beyond.
ALL = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
#: What another theme can change of it: a theme is colours alone.
COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
#: Whether a finger hits what it means.
TARGETS = {"type": "rule", "values": ["target-size"]}
#: One row of a table is as the next.
RUN = """async only => {
  const found = await axe.run({exclude: 'tbody tr:nth-child(n+7)'}, {runOnly: only, resultTypes: ['violations'], elementRef: false});
  return found.violations.flatMap(each => each.nodes.map(node => ({
    rule: each.id, impact: node.impact ?? each.impact, where: node.target.join(' '), why: node.failureSummary, html: node.html.slice(0, 200),
  })));
}"""
#: What stands beyond the right edge, and in nothing that scrolls; and what is covered by something else where one touches it.
OUT_OF_REACH = """() => {
  const wide = document.documentElement.clientWidth;
  const scrolls = el => {
    for (let up = el.parentElement; up; up = up.parentElement)
      if (/auto|scroll/.test(getComputedStyle(up).overflowX) && up.scrollWidth > up.clientWidth) return true;
    return false;
  };
  // What lies above all else is what one touches.
  const top = ['dialog[open]', '.panel', 'aside[aria-label]'].map(each => document.querySelector(each)).find(Boolean) ?? document;
  const found = [];
  for (const el of top.querySelectorAll('a[href], button:not([disabled]), input, select, textarea, [role=tab]')) {
    if (!el.checkVisibility({visibilityProperty: true, opacityProperty: true}) || el.closest('[aria-hidden=true], .skip, .nav, .veil, tbody tr:nth-child(n+7)')) continue;
    el.scrollIntoView({block: 'center', inline: 'nearest', behavior: 'instant'});
    const box = el.getBoundingClientRect();
    const name = el.getAttribute('aria-label') || el.textContent.trim() || el.name || el.outerHTML.slice(0, 120);
    if (!box.width || !box.height) continue;
    if ((box.right > wide + 1 || box.left < -1) && !scrolls(el)) { found.push(`beyond the edge: ${name}`); continue; }
    const hit = document.elementFromPoint(Math.min(box.left + box.width / 2, wide - 2), box.top + box.height / 2);
    if (hit && !el.contains(hit) && !hit.contains(el) && !hit.closest('label, .toasts')) found.push(`covered by <${hit.className}>: ${name}`);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def lived(gateway):
    return furnish(gateway)


def violations(page, only=ALL):
    """What axe finds that is serious: each as one line."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate(RUN, only)
    return [
        f"{each['rule']} {each['where']} {each['html']}: {each['why']}"
        for each in found
        if each["impact"] in ("serious", "critical")
    ]


@pytest.fixture
def seen(page, lived, enter):
    """Without animations: what fades in has another contrast on its way."""
    if not AXE.exists():
        pytest.skip("axe is not there (make web)")
    page.emulate_media(reduced_motion="reduce", color_scheme="light")
    page.refused += ["status of 40"]
    return enter


@pytest.mark.parametrize("root", [page.root for page in pages()])
def test_axe_finds_nothing_serious_in_either_theme(page, lived, seen, root):
    seen(root)
    found = {}
    for view in views(root):
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            if theme == "light":
                visit(page, lived.gateway.url, view, lived.ids)
            page.wait_for_function("theme => document.documentElement.dataset.theme === theme", arg=theme)
            if flaws := violations(page, ALL if theme == "light" else COLOURS):
                found[f"{view.name}, {theme}"] = flaws
    assert not found, json.dumps(found, indent=1)


@pytest.mark.parametrize("root", [page.root for page in pages()])
def test_a_telephone_shows_it_whole(page, lived, seen, root):
    seen(root)
    page.set_viewport_size({"width": 390, "height": 844})
    found = {}
    for view in views(root):
        visit(page, lived.gateway.url, view, lived.ids)
        wide, there = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        flaws = [f"{wide} px wide, where there are {there}"] if wide > there else []
        flaws += page.evaluate(OUT_OF_REACH)
        flaws += violations(page, TARGETS)
        if flaws:
            found[view.name] = flaws
    assert not found, json.dumps(found, indent=1)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_before_one_is_in(page, lived, theme):
    page.emulate_media(reduced_motion="reduce", color_scheme=theme)
    page.refused += ["status of 401"]
    for path, heading in (("/", "Log in"), ("/invite#nothing", None)):
        page.goto(lived.gateway.url + path)
        page.get_by_role("heading", name=heading).first.wait_for() if heading else page.locator("h1, h2").first.wait_for()
        assert violations(page) == []


def test_axe_finds_nothing_serious_in_menus_and_where_there_is_nothing(page, lived, seen):
    seen("/nowhere")
    page.get_by_role("heading", name="There is no such page").wait_for()
    assert violations(page) == []
    page.goto(lived.gateway.url + "/")
    settle(page)
    for name in ("Workspace: All workspaces", "Account: Ann Keller owner"):
        page.get_by_role("button", name=name).click()
        # What lies behind an open menu is covered by it, and may be as small as that leaves it.
        assert [each for each in violations(page) if not each.startswith("target-size")] == []
        page.keyboard.press("Escape")
