"""A new house: from nobody to the first request, in the browser."""

import re

import pytest

from support.dashboard import PASSWORD
from support.house import KEY
from support.process import Gateway, until


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("new")).ready()
    yield gateway
    gateway.stop()


def test_the_first_owner_makes_a_key_asks_and_sees_the_request(page, gateway, shoot):
    page.refused += ["status of 401", "status of 400"]
    page.goto(gateway.url)
    page.get_by_role("heading", name="Welcome").wait_for()
    shoot("first-light")
    page.get_by_label("Admin key").fill(KEY)
    page.get_by_label("E-mail").fill("ann@example.com")
    page.get_by_label("Password").fill("aaaaaaaaaaaaaa")
    page.get_by_role("button", name="Make me the owner").click()
    page.get_by_text("This password repeats a few characters").wait_for()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make me the owner").click()
    page.get_by_role("button", name="Make a key").click()
    page.get_by_text("It is shown now and never again.").wait_for()
    shoot("start-light")
    command = page.locator("pre").inner_text()
    (key,) = re.findall(r"Bearer (\S+)\"", command)
    assert gateway.url in command
    until(lambda: gateway.chat(key=key)[0] == 200)  # what the command does
    page.get_by_role("link", name="Watch the logs").click()
    page.get_by_role("table", name="Requests").locator("tbody tr").first.wait_for()


def test_an_invitation_is_accepted_in_the_browser(page, gateway):
    page.refused.append("status of 401")
    status, invite = gateway.ask(
        "POST",
        "/v1/admin/users/invites",
        {"email": "bob@example.com", "role": "member", "workspaces": [{"id": "default", "role": "member"}]},
    )[:2]
    assert status == 200
    page.goto(invite["invite_link"].replace("localhost", "127.0.0.1"))
    page.get_by_role("heading", name="Accept the invitation").wait_for()
    assert "#" not in page.url  # the token does not stay in the address bar
    page.get_by_label("Your name").fill("Bob")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Accept").click()
    page.get_by_role("heading", name="Overview").wait_for()
