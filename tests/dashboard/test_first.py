"""A new house: from nobody to the first request, in the browser."""

import re
import time

import pytest

from support.dashboard import PASSWORD
from support.process import Gateway, until


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """As somebody new starts it: an empty directory, nothing declared, and the admin key that is printed once."""
    gateway = Gateway(tmp_path_factory.mktemp("new"), admin_key=None).ready()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def admin_key(gateway):
    return until(lambda: re.findall(r"admin key\s+(lg_\S+)", gateway.said()))[0]


def test_the_first_owner_makes_a_key_asks_and_sees_the_request(page, gateway, admin_key, shoot):
    begun = time.monotonic()
    page.refused += ["status of 401", "status of 400"]  # nobody is logged in, a poor password, a key of this moment
    page.goto(gateway.url)
    page.get_by_role("heading", name="Welcome").wait_for()
    shoot("first-light")
    page.get_by_label("Admin key").fill(admin_key)
    page.get_by_label("E-mail").fill("ann@example.com")
    page.get_by_label("Password").fill("aaaaaaaaaaaaaa")
    page.get_by_role("button", name="Make me the owner").click()
    page.get_by_text("This password repeats a few characters").wait_for()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make me the owner").click()
    page.get_by_role("radio", name="The offline provider").wait_for()
    assert page.get_by_role("radio", name="The offline provider").is_checked()
    page.get_by_text("Waiting for the first request").wait_for()
    page.get_by_role("button", name="Make a key").click()
    page.get_by_text("It is shown now and never again.").wait_for()
    shoot("start-light")
    page.get_by_role("button", name="Send it from here").click()
    page.get_by_text("It has arrived.").wait_for()
    page.locator("blockquote").get_by_text("pong").wait_for()
    shoot("start-arrived-light")
    page.get_by_role("link", name="Open it in the logs").click()
    page.get_by_role("complementary", name="Request ").get_by_text("Say pong.").first.wait_for()
    page.get_by_role("table", name="Requests").locator("tbody tr").first.wait_for()
    assert time.monotonic() - begun < 120


def test_a_command_that_was_copied_is_seen_as_it_arrives(page, gateway, admin_key, enter):
    """In a workspace of its own, where nothing has been asked yet."""
    made = gateway.ask("POST", "/v1/admin/workspaces", {"name": "Second"}, key=admin_key)[1]
    page.refused.append("status of 401")
    enter("/")
    page.evaluate("id => localStorage.setItem('lockgate.workspace', JSON.stringify(id))", made["id"])
    page.goto(gateway.url)
    page.get_by_role("button", name="Make a key").click()
    page.get_by_text("It is shown now and never again.").wait_for()
    command = page.locator("pre").inner_text()
    (key,) = re.findall(r"Bearer (\S+)\"", command)
    assert gateway.url in command
    until(lambda: gateway.chat(key=key)[0] == 200)  # what the command does
    page.get_by_text("It has arrived.").wait_for()
    page.get_by_role("button", name="To the overview").click()
    page.get_by_label("Figures").wait_for()


def test_an_invitation_is_accepted_in_the_browser(page, gateway, admin_key):
    page.refused.append("status of 401")
    status, invite = gateway.ask(
        "POST",
        "/v1/admin/users/invites",
        {"email": "bob@example.com", "role": "member", "workspaces": [{"id": "default", "role": "member"}]},
        admin_key,
    )[:2]
    assert status == 200
    page.goto(invite["invite_link"].replace("localhost", "127.0.0.1"))
    page.get_by_role("heading", name="Accept the invitation").wait_for()
    assert "#" not in page.url  # the token does not stay in the address bar
    page.get_by_label("Your name").fill("Bob")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Accept").click()
    page.get_by_role("heading", name="Overview").wait_for()
