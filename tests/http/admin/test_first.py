"""The first owner of a new house, made in the browser by the admin key."""

import pytest

from lockgate.control.identity import passwords, users
from lockgate.core.tenancy import Membership, User
from support.admin import Admin
from support.house import KEY
from support.identity import PASSWORD
from support.tenants import ME, NOW

HOST = "localhost:8787"
ANN = {"key": KEY, "email": "Ann@Example.com", "name": "Ann", "password": PASSWORD}


@pytest.fixture
def admin(tmp_path):
    admin = Admin(tmp_path)
    yield admin
    admin.close()


def begin(admin, said, origin=f"http://{HOST}"):
    headers = [("host", HOST), ("content-type", "application/json"), ("user-agent", "Firefox"), ("origin", origin)]
    return admin.ask("POST", "/auth/first", said, key=None, headers=headers)


def needed(admin):
    return admin.ask("GET", "/auth/first", key=None, headers=[("host", HOST)]).json


def test_who_holds_the_admin_key_becomes_the_owner_and_is_logged_in(admin):
    assert needed(admin) == {"needed": True}
    answer = begin(admin, ANN)
    assert answer.status == 200 and answer.json["user"]["role"] == "owner" and answer.json["user"]["email"] == "ann@example.com"
    cookie = answer.cookies[0].partition(";")[0]
    who = admin.ask("GET", "/auth/session", key=None, headers=[("host", HOST), ("cookie", cookie)]).json
    assert who["user"]["name"] == "Ann" and who["workspaces"] == {admin.home.workspace: "admin"}
    assert needed(admin) == {"needed": False}


def test_there_is_one_first_owner(admin):
    assert begin(admin, ANN).status == 200
    again = begin(admin, {**ANN, "email": "eve@example.com"})
    assert (again.status, again.code) == (409, "people_exist")
    assert [user.email for user in admin.rows(User)] == ["ann@example.com"]


def test_people_who_are_there_already_are_asked_instead(admin):
    vault, hashed = admin.office.vault, passwords.hashed(PASSWORD, "bob@example.com")
    with admin.store.change(admin.whole, ME, NOW) as change:
        users.add(change, vault, admin.whole, email="bob@example.com", hashed=hashed)
    assert begin(admin, ANN).code == "people_exist"
    assert needed(admin) == {"needed": False}


@pytest.mark.parametrize("given", ["of a workspace", "narrow", "of another organisation", "unknown", "none"])
def test_no_other_key_will_do(admin, given):
    key = {
        "of a workspace": lambda: admin.key(admin.home, ["completions.write"]),
        "narrow": lambda: admin.key(admin.whole, ["organisation_users.create", "workspaces.create"]),
        "of another organisation": lambda: admin.key(type(admin.whole)(admin.abroad.organisation), ["admin"]),
        "unknown": lambda: "lg_not-a-key-of-ours-0123456789",
        "none": lambda: "",
    }[given]()
    answer = begin(admin, {**ANN, "key": key})
    assert answer.status in (401, 403), answer
    assert not admin.rows(User) and not admin.rows(Membership) and not answer.cookies


def test_a_stored_key_that_may_do_everything_will_do(admin):
    assert begin(admin, {**ANN, "key": admin.key(admin.whole, ["admin"])}).status == 200


@pytest.mark.parametrize(
    ("said", "param"), [({"email": "ann"}, "email"), ({"password": "short"}, "password"), ({"password": "a" * 20}, "password")]
)
def test_what_will_not_do_is_named(admin, said, param):
    answer = begin(admin, {**ANN, **said})
    assert (answer.status, answer.param) == (400, param)
    assert needed(admin) == {"needed": True}


def test_no_other_site_makes_one(admin):
    assert begin(admin, ANN, origin="https://evil.example").code == "wrong_origin"
    assert not admin.rows(User)


def test_whoever_guesses_keys_waits(admin):
    answers = [begin(admin, {**ANN, "key": f"lg_guess-number-{n}-0123456789"}).status for n in range(12)]
    assert answers[0] == 401 and answers[-1] == 429


def test_where_nobody_has_a_password_there_is_none_made(tmp_path):
    admin = Admin(tmp_path, "identity: {passwords: off}")
    try:
        admin.reload()
        assert begin(admin, ANN).code == "passwords_off"
    finally:
        admin.close()
