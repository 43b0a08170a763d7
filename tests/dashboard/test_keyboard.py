"""Everything can be done without a mouse: where the focus is can be seen, dialogs keep it and give it back, Escape closes what is
open, and the content is one key away."""

import re

import pytest

from support.lived import furnish
from support.process import until
from support.views import pages, settle

#: What has the focus, and what one sees of that: an outline, or a shadow.
FOCUS = """() => {
  const el = document.activeElement;
  if (!el || el === document.body) return null;
  const style = getComputedStyle(el), outlined = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
  const box = el.getBoundingClientRect();
  return {
    name: (el.getAttribute('aria-label') || el.textContent.trim() || el.name || el.type || el.tagName).slice(0, 60),
    shown: outlined || style.boxShadow !== 'none' || el.id === 'main' || el.matches('aside'),
    within: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  };
}"""
#: Page → the button that opens a dialog there.
DIALOGS = {
    "/keys": "New key",
    "/budgets": "Set a limit",
    "/budgets?tab=policies": "New policy",
    "/people": "Invite",
    "/workspaces": "New workspace",
    "/cache": "Purge all",
    "/models": "Add a provider",
    "/keys/{key}": "Rotate",
    "/logs/{request}": "Replay",
}
#: Page → the table whose rows open something beside it.
DRAWERS = {
    "/logs": "Requests",
    "/cache": "Entries",
    "/models": "Providers",
    "/keys": "Keys",
    "/budgets?tab=policies": "Policies",
    "/people": "People",
    "/workspaces": "Workspaces",
    "/audit": "Changes",
}


@pytest.fixture(scope="module")
def lived(gateway):
    return furnish(gateway)


@pytest.fixture
def owner(page, lived, enter):
    page.emulate_media(reduced_motion="reduce")
    enter("/")
    settle(page)

    def go(path):
        page.goto(lived.gateway.url + path.format(**lived.ids))
        settle(page)
        return page

    return go


def is_within(page, selector):
    return page.evaluate("selector => Boolean(document.activeElement.closest(selector))", selector)


def test_the_content_is_one_key_away_and_the_pages_are_links(owner):
    for each in pages():
        page = owner(each.root)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content", each.root
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main", each.root
        page.keyboard.press("Tab")
        assert is_within(page, "main"), each.root
        assert page.get_by_role("navigation", name="Pages").locator("a[aria-current=page]").inner_text() == each.title


def test_where_the_focus_is_can_be_seen(owner):
    for each in pages():
        page = owner(each.root)
        page.locator("#main").focus()
        for _ in range(12):
            page.keyboard.press("Tab")
            told = page.evaluate(FOCUS)
            if told is None:
                break
            assert told["shown"] and told["within"], (each.root, told)


@pytest.mark.parametrize("path", DIALOGS)
def test_a_dialog_keeps_the_focus_and_gives_it_back(owner, path):
    page = owner(path)
    button = page.get_by_role("button", name=DIALOGS[path], exact=True).first
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    dialog.wait_for()
    assert is_within(page, "dialog")
    for key in ("Shift+Tab", *["Tab"] * 16):
        page.keyboard.press(key)
        # The browser's own bar is among what is reached, and there the page has nothing.
        assert is_within(page, "dialog") or page.evaluate("document.activeElement === document.body"), key
    page.keyboard.press("Escape")
    until(lambda: dialog.count() == 0)
    until(lambda: page.evaluate("document.activeElement.textContent").strip() == DIALOGS[path])


@pytest.mark.parametrize("path", DRAWERS)
def test_what_a_row_opens_is_closed_by_escape_and_the_row_has_the_focus_again(owner, path):
    page = owner(path)
    row = page.get_by_role("table", name=DRAWERS[path]).locator("tbody tr").first.get_by_role("link").first
    row.focus()
    href = row.get_attribute("href")
    page.keyboard.press("Enter")
    drawer = page.get_by_role("complementary")
    drawer.wait_for()
    settle(page)
    assert is_within(page, "aside")
    page.keyboard.press("Escape")
    until(lambda: drawer.count() == 0)
    assert page.evaluate("document.activeElement.getAttribute('href')") == href


def test_menus_are_walked_with_arrows_and_closed_by_escape(owner):
    page = owner("/logs")
    button = page.get_by_role("button", name=re.compile("^Workspace: "))
    button.focus()
    page.keyboard.press("Enter")
    until(lambda: is_within(page, ".panel"))
    first = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") != first
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')").startswith("Workspace: ")


def test_tabs_are_walked_with_arrows(owner):
    for path in ("/models", "/budgets", "/people", "/logs/{request}"):
        page = owner(path)
        page.get_by_role("tab", selected=True).first.focus()
        page.keyboard.press("ArrowRight")
        until(lambda page=page: page.evaluate("document.activeElement.getAttribute('aria-selected')") == "true")
        assert page.evaluate("document.activeElement.previousElementSibling !== null"), path


def test_a_key_is_made_and_a_model_asked_without_a_mouse(owner):
    page = owner("/keys")
    page.get_by_role("button", name="New key").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="New key")
    dialog.get_by_label("Name", exact=True).focus()
    page.keyboard.type("by the keyboard")
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="“by the keyboard” is ready").wait_for()
    page = owner("/playground?models=@sim/chat")
    page.get_by_role("combobox", name="Key that pays").focus()
    page.keyboard.type("support-bot")
    page.get_by_label("User", exact=True).focus()
    page.keyboard.type("Say pong.")
    page.keyboard.press("Control+Enter")
    page.get_by_role("link", name="Open the request").wait_for()


def test_on_a_telephone_the_navigation_opens_and_leads_on(owner):
    page = owner("/logs")
    page.set_viewport_size({"width": 390, "height": 844})
    button = page.get_by_role("button", name="Navigation", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    link = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Keys")
    link.wait_for()
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/keys")
    settle(page)
    until(lambda: not link.is_visible())
