"""People, as an operator manages them."""

import json

import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from lockgate.control.house import House
from lockgate.control.identity import passwords, users
from lockgate.control.identity.secrets import Keys
from lockgate.control.identity.sessions import begin, visit
from lockgate.core.failure import Refusal
from lockgate.core.tenancy import Tenant
from lockgate.http.routes import SCOPES
from lockgate.pipeline.runtime import now_us
from support.tenants import ME

PASSWORD = "correct horse battery staple"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("LOCKGATE_ADMIN_KEY", "LOCKGATE_DATA", "LOCKGATE_CONFIG", "LOCKGATE_ROOT_KEY", "LOCKGATE_CONTROL_URL"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, status=0, given=None):
        result = CliRunner().invoke(cli, ["users", *arguments], input=given)
        assert result.exit_code == status, result.output
        return result.output

    return run


@pytest.fixture
def house(tmp_path):
    return House(tmp_path / "lockgate-data", None, SCOPES, {})


def listed(run):
    return {row["email"]: row for row in json.loads(run("list", "--json"))}


def test_a_person_is_added_with_a_password_that_is_asked_for_twice(run, house):
    output = run("add", "Ann@example.com", "--role", "owner", "--name", "Ann", given=f"{PASSWORD}\n{PASSWORD}\n")
    assert "Added ann@example.com (owner" in output
    assert PASSWORD not in output
    (row,) = listed(run).values()
    assert (row["role"], row["status"], row["password"], row["subject"]) == ("owner", "active", True, None)
    assert list(row["workspaces"].values()) == ["admin"]
    with house.control() as store:
        user = users.by_email(store, store.house().organisation, "ann@example.com")
        assert passwords.matches(house.vault(store).reveal(users.kept_hash(store, user)), PASSWORD)


def test_a_password_comes_from_stdin_and_never_from_an_argument(run):
    run("add", "ann@example.com", "--password-stdin", given=PASSWORD + "\n")
    assert "no password on stdin" in run("add", "bob@example.com", "--password-stdin", given="", status=1)
    for command in ("add", "passwd"):
        assert "--password " not in run(command, "--help")


def test_a_person_without_a_password_is_for_the_identity_provider(run):
    run("add", "ann@example.com", "--no-password", "--workspace-role", "manager")
    assert not listed(run)["ann@example.com"]["password"]
    assert list(listed(run)["ann@example.com"]["workspaces"].values()) == ["manager"]
    assert "none" in run("list")


@pytest.mark.parametrize(
    ("arguments", "given", "told"),
    [
        (("ann",), PASSWORD, "no e-mail address"),
        (("ann@example.com",), "short", "12 characters"),
        (("ann@example.com", "--workspace", "nowhere"), PASSWORD, "no workspace 'nowhere'"),
    ],
)
def test_who_cannot_be_added_is_told_why(run, arguments, given, told):
    assert told in run("add", *arguments, "--password-stdin", given=given, status=1)
    assert listed(run) == {}


def test_a_person_is_added_once(run):
    run("add", "ann@example.com", "--no-password")
    assert "is here already" in run("add", "ANN@example.com", "--no-password", status=1)


def begun(house):
    with house.control() as store:
        user = users.by_email(store, store.house().organisation, "ann@example.com")
        with store.change(Tenant(user.organisation), ME, now_us()) as change:
            return begin(change, Keys.of(house.identity_key), user, now_us())[1]


def over(house, cookie):
    with house.control() as store, pytest.raises(Refusal, match="not logged in"):
        visit(store, Keys.of(house.identity_key), cookie, now_us())
    return True


def test_another_password_ends_the_sessions(run, house):
    run("add", "ann@example.com", "--password-stdin", given=PASSWORD)
    cookie = begun(house)
    assert "another password" in run("passwd", "ann@example.com", "--password-stdin", given="another good one")
    assert over(house, cookie)
    assert "Nobody has the address" in run("passwd", "bob@example.com", "--password-stdin", given=PASSWORD, status=1)


def test_a_person_is_disabled_enabled_and_logged_out(run, house):
    run("add", "owner@example.com", "--role", "owner", "--no-password")
    run("add", "ann@example.com", "--no-password")
    cookie = begun(house)
    assert "1 sessions ended" in run("logout", "ann@example.com")
    assert over(house, cookie)
    cookie = begun(house)
    run("disable", "ann@example.com")
    assert over(house, cookie)
    assert listed(run)["ann@example.com"]["status"] == "disabled"
    run("enable", "ann@example.com")
    assert listed(run)["ann@example.com"]["status"] == "active"
    assert "last owner" in run("disable", "owner@example.com", status=1)


def test_the_identity_s_keys_outlive_the_root_key(run, house):
    run("add", "ann@example.com", "--no-password")
    cookie, key = begun(house), house.identity_key
    assert CliRunner().invoke(cli, ["vault", "rotate"]).exit_code == 0
    again = House(house.data, None, SCOPES, {})
    assert again.identity_key == key
    with again.control() as store:
        assert visit(store, Keys.of(again.identity_key), cookie, now_us()).user.email == "ann@example.com"
