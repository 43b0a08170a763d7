"""/v1/admin/organisation."""

import pytest

from lockgate.core.limits import RateLimit, UsageLimit
from lockgate.core.tenancy import Defaults, Organisation, Tenant

PATH = "/v1/admin/organisation"
ALL = ("organisations.read", "organisations.update")


def refused(answer, status, code, param=None):
    assert (answer.status, answer.code, answer.param) == (status, code, param), answer


def row(admin):
    return admin.store.get(admin.whole, Organisation, admin.home.organisation)


def test_it_is_read_and_renamed(admin):
    shown = admin.get(PATH).json
    assert (shown["object"], shown["id"], shown["slug"]) == ("organisation", admin.home.organisation, "default")
    assert admin.put(PATH, {"name": "Acme"}).json["name"] == "Acme"
    assert row(admin).name == "Acme"
    for body, param in (({"name": ""}, "name"), ({"slug": "acme"}, "slug")):
        answer = admin.put(PATH, body)
        assert (answer.status, answer.param) == (400, param)


def test_what_all_of_it_may_use(admin):
    body = {"usage_limits": [{"credit_limit": 100, "periodic_reset": "monthly"}], "rate_limits": [{"value": 60}]}
    shown = admin.put(PATH, body).json
    assert (shown["usage_limits"][0]["credit_limit"], shown["rate_limits"][0]["value"]) == (100, 60)
    assert row(admin).usage_limits == [UsageLimit("cost", 100_000_000_000, periodic_reset="monthly")]
    assert row(admin).rate_limits == [RateLimit("requests", 60, "rpm")]
    admin.put(PATH, {"usage_limits": None})
    assert (row(admin).usage_limits, len(row(admin).rate_limits)) == ([], 1)


def test_what_is_said_of_the_defaults_changes_and_nothing_else(admin):
    path = f"{PATH}/defaults"
    assert admin.get(path).json == {
        "object": "organisation_defaults",
        "metadata": {},
        "config_id": None,
        "allow_config_override": True,
    }
    assert admin.put(path, {"metadata": {"a": "1"}, "config_id": "pc-declared"}).json == {}
    admin.put(path, {"allow_config_override": False})
    assert row(admin).defaults == Defaults({"a": "1"}, "pc-declared", False)
    admin.put(path, {"config_id": None})
    assert admin.get(path).json["config_id"] is None
    refused(admin.put(path, {"config_id": "pc-nowhere"}), 404, "config_not_found", "config_id")


def test_keys_have_its_defaults(admin):
    admin.put(f"{PATH}/defaults", {"metadata": {"org": "acme", "team": "none"}})
    admin.put("/v1/admin/workspaces/other", {"defaults": {"metadata": {"team": "a"}}})
    admin.key(admin.home)
    admin.key(admin.other)
    found = {who.workspace: who.metadata for who in admin.app.world.snapshot.keys.values() if who.workspace}
    assert found == {
        admin.home.workspace: {"org": "acme", "team": "none"},
        admin.other.workspace: {"org": "acme", "team": "none"},  # what the organisation says comes first
    }


@pytest.mark.parametrize("path", [PATH, f"{PATH}/defaults"])
def test_it_is_for_its_admins(admin, path):
    inside = admin.key(admin.home, ALL)
    refused(admin.get(path, key=inside), 403, "organisation_only")
    head = admin.person(seats=[(admin.home.workspace, "admin")])
    assert admin.get(path, key=admin.key(admin.whole, ALL, kind="user", user=head.id)).status == 403
    refused(admin.put(path, {}, key=admin.key(admin.whole, ALL[:1])), 403, "scope_missing")
    abroad = admin.key(Tenant(admin.abroad.organisation), ALL)
    assert admin.put(path, {"name": "Theirs"} if path == PATH else {"metadata": {"x": "y"}}, key=abroad).status == 200
    assert row(admin).version == 1
