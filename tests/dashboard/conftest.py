"""A browser (Debian's chromium, driven by Playwright) on a real gateway. Whatever the tests do, no page may report an error or
break its own content policy."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from lockgate.http.dashboard.shelf import take_stock
from support.dashboard import NOBODY, OWNER, PASSWORD, VIEWER
from support.process import Gateway

#: The lighter one first: the same engine without a browser's own windows, which cost a third of the time.
_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in _NAMES if (path := shutil.which(name))), None)

#: A page's own account of what it must not do.
WATCH = """
window.__violations = [];
document.addEventListener("securitypolicyviolation", (e) => window.__violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`));
"""


def pytest_collection_modifyitems(items):
    # A hook of a conftest sees all tests of the run, those of other folders too; none of them has a page.
    why = ""
    if CHROMIUM is None:
        why = "there is no chromium (apt-get install chromium-headless-shell)"
    elif not take_stock():
        why = "the dashboard is not built (make web)"
    for item in items:
        if why and "page" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture(scope="module")
def chromium():
    """For a module and no longer: meanwhile Playwright has an event loop in this thread, and no other can run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """One with an owner, somebody who may only look on in a workspace, and somebody without a place."""
    gateway = Gateway(tmp_path_factory.mktemp("gateway")).ready()
    try:
        for email, role in ((OWNER, "owner"), (VIEWER, "member")):
            gateway.lockgate("users", "add", email, "--role", role, "--password-stdin", given=PASSWORD)
        invite = {"email": NOBODY, "role": "member", "workspaces": []}
        token = gateway.ask("POST", "/v1/admin/users/invites", invite)[1]["invite_link"].partition("#")[2]
        gateway.ask("POST", "/v1/admin/users/invites/accept", {"token": token, "password": PASSWORD}, key=None)
        yield gateway
    finally:
        gateway.stop()


def _told(message):
    return f"{message.type}: {message.text} {message.location.get('url', '')}"


@pytest.fixture
def page(chromium):
    """A page of a fresh browser, in the zone of Berlin, of somebody who wants nothing to move: no click waits until it stands."""
    context = chromium.new_context(
        viewport={"width": 1360, "height": 850}, timezone_id="Europe/Berlin", locale="en-US", reduced_motion="reduce"
    )
    context.set_default_timeout(15_000)
    context.add_init_script(WATCH)
    said = []
    page = context.new_page()
    page.on("console", lambda message: said.append(_told(message)) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(f"uncaught: {error.stack or error}"))
    page.on("dialog", lambda dialog: (said.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.refused = []  # what a test expects to be refused, and browsers tell on the console
    yield page
    violations = page.evaluate("window.__violations ?? []")
    context.close()
    assert violations == []
    assert [each for each in said if not any(part in each for part in page.refused)] == []


@pytest.fixture(scope="module")
def sessions(gateway):
    """E-mail address → the cookies of somebody who has logged in."""
    return {}


@pytest.fixture
def enter(page, gateway, sessions):
    """Go somewhere, as somebody who has logged in: on the form for the first test of a module, and where the session has ended."""

    def enter(path="/", email=OWNER):
        page.refused.append("status of 401")  # nobody is logged in at first
        page.context.add_cookies(sessions.get(email, []))
        page.goto(gateway.url + path)
        log_in, nav = page.get_by_role("heading", name="Log in", exact=True), page.locator("nav")
        log_in.or_(nav).first.wait_for(state="attached")
        if log_in.count():
            page.get_by_label("E-mail").fill(email)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Log in").click()
            nav.wait_for(state="attached")
            sessions[email] = page.context.cookies()
        return page

    return enter


@pytest.fixture
def shoot(page):
    """Write what is seen to NAME.png in the folder that LOCKGATE_SCREENSHOTS names; nothing where it names none."""
    folder = os.environ.get("LOCKGATE_SCREENSHOTS")

    def shoot(name):
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            page.wait_for_timeout(350)  # animations end
            page.screenshot(path=Path(folder, f"{name}.png"))

    return shoot
