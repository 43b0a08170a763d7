"""/v1/audit-logs: each change is there, with who made it, and no secret."""

import pytest

from lockgate.core.tenancy import Tenant
from lockgate.stores.control import store as module

PATH = "/v1/audit-logs"


def records(admin, query="", **more):
    answer = admin.get(f"{PATH}?{query}", **more)
    assert answer.status == 200, answer
    return answer.json["records"]


def test_a_change_is_there_with_who_made_it_and_how(admin):
    answer = admin.post("/v1/configs?workspace_id=default", {"name": "C", "config": {"provider": "openai"}})
    newest = records(admin, "resource_type=config")[0]
    assert newest["request_id"] == answer.headers["x-lockgate-request-id"]
    assert {
        name: newest[name] for name in ("method", "uri", "query_params", "user_id", "user_type", "client_ip", "action")
    } == {
        "method": "POST",
        "uri": "/v1/configs",
        "query_params": {"workspace_id": "default"},
        "user_id": "admin",
        "user_type": "api_key",
        "client_ip": "192.0.2.7",
        "action": "create",
    }
    assert (newest["workspace_id"], newest["response_status_code"]) == (admin.home.workspace, 200)
    assert (newest["request_body"]["name"], newest["request_headers"], newest["country"]) == ("C", {}, None)
    assert newest["resource_id"] and newest["timestamp"].endswith("Z")


def test_no_secret_is_in_it(admin):
    admin.post("/v1/integrations", {"name": "O", "slug": "o", "ai_provider_id": "openai", "key": "sk-secret-0123456789"})
    key = admin.post("/v1/api-keys/workspace/service", {"name": "app"}).json["key"]
    text = admin.get(PATH).body.decode()
    assert '"integration"' in text and "sk-secret-0123456789" not in text
    assert key not in text and key.split("_", 2)[2][:12] not in text and "digest" not in text


def test_it_is_newest_first_and_comes_in_pages(admin, monkeypatch):
    monkeypatch.setattr(module, "_BATCH", 2)
    for name in "abcde":
        admin.post("/v1/api-keys/workspace/service", {"name": name})
    whole = admin.get(f"{PATH}?resource_type=api-key").json
    assert whole["total"] == 5 and [row["request_body"]["name"] for row in whole["records"]] == list("edcba")
    page = admin.get(f"{PATH}?resource_type=api-key&page_size=2&current_page=1").json
    assert (page["total"], [row["request_body"]["name"] for row in page["records"]]) == (5, ["c", "b"])


def test_a_cursor_leads_on_though_something_is_changed_meanwhile(admin, monkeypatch):
    monkeypatch.setattr(module, "_BATCH", 2)
    for name in "abcde":
        admin.post("/v1/api-keys/workspace/service", {"name": name})
    about = f"{PATH}?resource_type=api-key&page_size=2"
    first = admin.get(about).json
    assert (first["total"], first["next_cursor"]) == (5, str(first["records"][-1]["seq"]))
    admin.post("/v1/api-keys/workspace/service", {"name": "f"})
    names, cursor = [], first["next_cursor"]
    while cursor:
        page = admin.get(f"{about}&cursor={cursor}").json
        names += [row["request_body"]["name"] for row in page["records"]]
        cursor = page["next_cursor"]
        assert page["total"] is None
    assert names == list("cba")


@pytest.mark.parametrize("cursor", ["0", "-1", "x", "1.5", "9" * 30])
def test_a_cursor_that_no_page_has_given_is_refused(admin, cursor):
    answer = admin.get(f"{PATH}?cursor={cursor}")
    assert (answer.status, answer.code, answer.param) == (400, "invalid_cursor", "cursor")


def test_records_are_asked_for_by_what_they_say(admin):
    made = admin.post("/v1/api-keys/workspace/service", {"name": "app", "workspace_id": "other"}).json
    admin.put(f"/v1/api-keys/{made['id']}", {"name": "b"})
    admin.delete(f"/v1/api-keys/{made['id']}")
    about = f"resource_id={made['id']}"
    assert [row["action"] for row in records(admin, about)] == ["delete", "update", "create"]
    for query, found in (
        ("action=update", ["update"]),
        ("method=DELETE", ["delete"]),
        ("uri=/v1/api-keys/workspace", ["create"]),
        ("user_id=admin&user_type=api_key", ["delete", "update", "create"]),
        ("user_id=nobody", []),
        ("client_ip=192.0.2.8", []),
        ("country=DE", []),
        ("workspace_id=other", ["delete", "update", "create"]),
        ("workspace_id=default", []),
        ("response_status_code=200", ["delete", "update", "create"]),
        ("response_status_code=403", []),
    ):
        assert [row["action"] for row in records(admin, f"{about}&{query}")] == found, query
    answer = admin.get(f"{PATH}?workspace_id=none")
    assert (answer.status, answer.code) == (404, "workspace_not_found")


def test_the_times_are_those_that_are_asked_for(admin):
    admin.post("/v1/api-keys/workspace/service", {"name": "app"})
    when = records(admin, "resource_type=api-key")[0]["timestamp"]
    assert records(admin, f"start_time={when}&end_time=2100-01-01T00:00:00Z&resource_type=api-key")
    assert records(admin, f"end_time={when}&resource_type=api-key") == []
    assert admin.get(f"{PATH}?start_time=yesterday").param == "start_time"


def test_what_was_long_ago_is_there_when_it_is_asked_for(admin, monkeypatch):
    admin.post("/v1/api-keys/workspace/service", {"name": "app"})
    now = admin.office.clock()
    monkeypatch.setattr(admin.office, "clock", lambda: now + 40 * 86_400_000_000)
    assert records(admin, "resource_type=api-key") == []
    assert len(records(admin, "resource_type=api-key&start_time=2020-01-01T00:00:00Z")) == 1


def test_another_organisation_has_its_own(admin):
    key = admin.key(Tenant(admin.abroad.organisation), ["audit_logs.list"])
    ours = {row["seq"] for row in records(admin, "start_time=2020-01-01T00:00:00Z&end_time=2100-01-01T00:00:00Z")}
    theirs = records(admin, "start_time=2020-01-01T00:00:00Z&end_time=2100-01-01T00:00:00Z", key=key)
    assert ours and theirs and ours.isdisjoint(row["seq"] for row in theirs)
    assert {row["organisation_id"] for row in theirs} == {admin.abroad.organisation}


@pytest.fixture
def changed(admin):
    """Changes in both workspaces, of one of them, and of the organisation."""
    for place in ("default", "other"):
        admin.post("/v1/api-keys/workspace/service", {"name": f"of {place}", "workspace_id": place})
        admin.put(f"/v1/admin/workspaces/{place}", {"description": f"{place} it is"})
    admin.post("/v1/api-keys/organisation/service", {"name": "of all"})
    admin.put("/v1/admin/organisation", {"name": "All of it"})


def seen(rows):
    return {row["request_body"].get("name") or row["request_body"].get("description") for row in rows} - {None}


@pytest.mark.parametrize("role", ["admin", "manager"])
def test_who_manages_a_workspace_sees_what_was_done_there_and_nowhere_else(admin, changed, role):
    person = admin.person("member", [(admin.other.workspace, role)])
    key = admin.key(admin.whole, ["audit_logs.list"], kind="user", user=person.id)
    for query in ("", "workspace_id=other", f"workspace_id={admin.other.workspace}"):
        rows = records(admin, query, key=key)
        assert seen(rows) == {"of other", "other it is"}
        assert {row["workspace_id"] for row in rows} == {admin.other.workspace}
    answer = admin.get(f"{PATH}?workspace_id=default", key=key)
    assert (answer.status, answer.code) == (404, "workspace_not_found")


def test_who_manages_two_workspaces_says_which(admin, changed):
    person = admin.person("member", [(admin.other.workspace, "manager"), (admin.home.workspace, "member")])
    key = admin.key(admin.whole, ["audit_logs.list"], kind="user", user=person.id)
    assert admin.get(PATH, key=key).code == "workspace_needed"
    assert seen(records(admin, "workspace_id=other", key=key)) == {"of other", "other it is"}
    assert admin.get(f"{PATH}?workspace_id=default", key=key).code == "role_missing"


def test_a_key_of_a_workspace_sees_what_was_done_there_alone(admin, changed):
    key = admin.key(admin.other, ["audit_logs.list"])
    assert seen(records(admin, key=key)) == {"of other", "other it is"}
    assert admin.get(f"{PATH}?workspace_id=default", key=key).status == 404


def test_who_left_the_workspace_sees_nothing_more_of_it(admin, changed):
    person = admin.person("member", [(admin.other.workspace, "admin")])
    key = admin.key(admin.whole, ["audit_logs.list"], kind="user", user=person.id)
    admin.delete(f"/v1/admin/workspaces/other/users/{person.id}")
    assert admin.get(PATH, key=key).status in (401, 403)


def test_the_organisation_sees_all(admin, changed):
    found = seen(records(admin))
    assert {"of default", "of other", "of all", "All of it", "other it is"} <= found
    assert seen(records(admin, "workspace_id=other")) == {"of other", "other it is"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_nobody_writes_it(admin, method):
    assert admin.ask(method, PATH, {}).status == 405
