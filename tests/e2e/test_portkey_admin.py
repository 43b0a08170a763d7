"""Portkey's SDK, unmodified, administers a real gateway, and what it makes works."""

import asyncio

import httpx
import portkey_ai
import pytest
from portkey_ai.api_resources.types.configs_type import ConfigListResponse

from support import postgres
from support.house import KEY
from support.process import Gateway, until

CONFIG = {"retry": {"attempts": 2}, "provider": "@sim", "override_params": {"model": "chat"}}
SCOPES = ["completions.write", "configs.list", "configs.read", "logs.view", "virtual_keys.copy"]
ASK = [{"role": "user", "content": "Say pong."}]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def gateway(request, tmp_path_factory):
    where = {} if request.param == "sqlite" else {"LOCKGATE_CONTROL_URL": postgres.new_database()}
    gateway = Gateway(tmp_path_factory.mktemp("admin"), "configs: {pc-declared: {provider: '@sim'}}", **where).ready()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def http(gateway):
    with httpx.Client(base_url=gateway.url + "/v1") as client:  # the one that the SDK makes is left open
        yield client


@pytest.fixture
def portkey(gateway, http):
    return lambda key=KEY, **more: portkey_ai.Portkey(base_url=gateway.url + "/v1", api_key=key, http_client=http, **more)


def answers(client):
    """What the data plane says: the answer's text, or the error's status."""
    try:
        got = client.chat.completions.create(model="@sim/chat", messages=ASK)
    except Exception as error:  # the SDK's vendored client has classes of its own
        return getattr(error, "status_code", error)
    return got.choices[0].message.content


def make_key(client, **said):
    return client.api_keys.create(
        **{"name": "app", "type": "workspace", "sub_type": "service", "scopes": SCOPES, **said},
    )


def test_a_key_is_made_used_changed_and_removed(portkey):
    admin = portkey()
    made = make_key(
        admin,
        description="For the app",
        rate_limits=[{"type": "requests", "unit": "rpm", "value": 100}],
        usage_limits={"credit_limit": 10, "type": "cost", "alert_threshold": 9, "periodic_reset": "monthly"},
        defaults={"metadata": {"team": "a"}},
        expires_at="2100-01-01T00:00:00Z",
    )
    assert (made.object, len(made.id)) == ("api-key", 16)
    client = portkey(made.key)
    until(lambda: isinstance(answers(client), str))

    got = admin.api_keys.retrieve(id=made.id)
    assert (got.name, got.type, got.status, got.object) == ("app", "workspace-service", "active", "api-key")
    assert got.scopes == sorted(SCOPES)
    assert got.usage_limits["credit_limit"] == 10
    assert made.key not in got.model_dump_json()

    listed = admin.api_keys.list(page_size=50, workspace_id=got.workspace_id)
    assert listed.object == "list" and made.id in [each["id"] for each in listed.data]
    assert listed.total == len(listed.data)

    admin.api_keys.update(id=made.id, name="renamed", rate_limits=[{"type": "requests", "unit": "rph", "value": 5}])
    got = admin.api_keys.retrieve(id=made.id)
    assert (got.name, got.rate_limits) == ("renamed", [{"type": "requests", "unit": "rph", "value": 5}])

    rotated = admin.post(url=f"/api-keys/{made.id}/rotate", key_transition_period_ms=1_800_000)
    again = portkey(rotated.key)
    until(lambda: isinstance(answers(again), str))

    admin.api_keys.delete(id=made.id)
    until(lambda: answers(again) == 401)


def test_each_kind_of_key(portkey):
    admin = portkey()
    assert make_key(admin, type="organisation", workspace_id="default").key
    for kind in ("organisation", "workspace"):
        with pytest.raises(Exception, match="no person 'nobody'") as raised:
            make_key(admin, type=kind, sub_type="user", user_id="nobody")
        assert raised.value.status_code == 404


def test_a_config_is_saved_used_changed_and_removed(portkey):
    admin = portkey()
    made = admin.configs.create(name="My config", config=CONFIG)
    assert (made.object, made.slug[:13]) == ("config", "pc-my-config-")
    client = portkey(config=made.slug)
    until(lambda: isinstance(answers(client), str))

    got = admin.configs.retrieve(slug=made.slug)
    assert (got.config, got.name, got.version_id, got.status) == (CONFIG, "My config", made.version_id, "active")
    listed = admin.configs.list()
    assert listed.total == 2 and {each["slug"] for each in listed.data} == {made.slug, "pc-declared"}
    assert admin.configs.list(workspace_id="default").data[0]["slug"] == made.slug

    changed = admin.configs.update(slug=made.slug, name="Mine", config={"provider": "@sim"}, status="active")
    assert changed.version_id not in ("", made.version_id)
    versions = admin.get(path=f"/configs/{made.slug}/versions", cast_to=ConfigListResponse)
    assert [each["version_id"] for each in versions.data] == [changed.version_id, made.version_id]

    admin.configs.delete(slug=made.slug)
    until(lambda: answers(client) == 404)


def test_errors_are_what_the_sdks_user_expects(portkey):
    admin = portkey()
    for call, name, status, text in (
        (lambda: admin.configs.retrieve(slug="pc-none"), "NotFoundError", 404, "pc-none"),
        (lambda: admin.configs.create(name="x", config={"wait": 1}), "BadRequestError", 400, "wait"),
        (lambda: admin.configs.update(slug="pc-declared", name="x"), "PermissionDeniedError", 403, "lockgate.yaml"),
        (lambda: portkey("nobody-has-this-key-0123456789").configs.list(), "AuthenticationError", 401, "not known"),
    ):
        with pytest.raises(Exception, match=text) as raised:
            call()
        assert (type(raised.value).__name__, raised.value.status_code) == (name, status)
        assert raised.value.body == raised.value.message.split(" - ", 1)[1]  # the sentence, and not a heap of JSON


def test_a_workspaces_key_is_held_to_it(portkey):
    made = make_key(portkey())
    client = portkey(made.key)
    until(lambda: isinstance(answers(client), str))
    assert "pc-declared" in [each["slug"] for each in client.configs.list().data]
    for call in (lambda: client.configs.create(name="x", config=CONFIG), lambda: client.api_keys.list()):
        with pytest.raises(Exception, match="lacks the scope") as raised:
            call()
        assert raised.value.status_code == 403


def test_the_asynchronous_client(gateway):
    async def work():
        async with httpx.AsyncClient(base_url=gateway.url + "/v1") as http:
            admin = portkey_ai.AsyncPortkey(base_url=gateway.url + "/v1", api_key=KEY, http_client=http)
            made = await admin.configs.create(name="Async", config=CONFIG)
            got = await admin.configs.retrieve(slug=made.slug)
            await admin.configs.delete(slug=made.slug)
            return got.name

    assert asyncio.run(work()) == "Async"


def test_the_description_is_public(gateway):
    assert gateway.get("/openapi.json", key="")[1]["openapi"] == "3.1.0"


def test_a_workspace_is_made_used_changed_and_removed(portkey):
    admin = portkey()
    spaces = admin.admin.workspaces
    made = spaces.create(name="Team A", description="The first", defaults={"metadata": {"team": "a"}})
    assert (made.object, made.slug[:10], made.users) == ("workspace", "ws-team-a-", [])
    key = make_key(admin, workspace_id=made.slug)
    client = portkey(key.key)
    until(lambda: isinstance(answers(client), str))

    got = spaces.retrieve(workspace_id=made.slug)
    assert (got.id, got.name, got.description, got.is_default) == (made.id, "Team A", "The first", 0)
    assert got.defaults["metadata"] == {"team": "a"} and got.users == []
    assert made.id in [each["id"] for each in spaces.list().data]
    assert [each["id"] for each in spaces.list(exact_name="Team A", page_size=1).data] == [made.id]

    changed = spaces.update(workspace_id=made.id, name="Team B", defaults={"metadata": {"team": "b"}})
    assert (changed.name, changed.description, changed.defaults["metadata"]) == ("Team B", "The first", {"team": "b"})

    with pytest.raises(Exception, match=r"API keys \(1\)") as raised:
        spaces.delete(workspace_id=made.id, name="Team B")
    assert (type(raised.value).__name__, raised.value.status_code) == ("ConflictError", 409)
    admin.api_keys.delete(id=key.id)
    spaces.delete(workspace_id=made.id, name="Team B")
    until(lambda: answers(client) == 401)
    with pytest.raises(Exception, match="no workspace") as raised:
        spaces.retrieve(workspace_id=made.id)
    assert raised.value.status_code == 404


def test_someone_is_invited_joins_has_places_and_leaves(portkey, http):
    admin = portkey()
    users, seats = admin.admin.users, admin.admin.workspaces.users
    made = users.invites.create(
        email="ann@example.com",
        role="member",
        workspaces=[{"id": "default", "role": "member"}],
        workspace_api_key_details={"scopes": SCOPES},
    )
    got = users.invites.retrieve(invite_id=made.id)
    assert (got.object, got.email, got.role, got.status) == ("invite", "ann@example.com", "member", "pending")
    assert [each.id for each in users.invites.list(email="ann@example.com", status="pending").data] == [made.id]
    link = users.invites.resend(invite_id=made.id).inviteLink
    assert link != made.invite_link and link.partition("/invite#")[2]

    said = {"token": link.partition("#")[2], "name": "Ann Example", "password": "correct horse battery staple"}
    joined = http.post("/admin/users/invites/accept", json=said).json()
    client = portkey(joined["api_keys"][0]["key"])
    until(lambda: isinstance(answers(client), str))
    assert users.invites.retrieve(invite_id=made.id).status == "accepted"
    assert http.post("/admin/users/invites/accept", json=said).status_code == 404

    person = users.retrieve(user_id=joined["id"])
    assert (person.first_name, person.last_name, person.role) == ("Ann", "Example", "member")
    assert [each.id for each in users.list(email="ann@example.com", page_size=5).data] == [person.id]
    place = admin.admin.workspaces.create(name="Team C")
    seats.create(workspace_id=place.id, users=[{"id": person.id, "role": "member"}])
    seats.update(workspace_id=place.id, user_id=person.id, role="manager")
    member = seats.retrieve(workspace_id=place.slug, user_id=person.id)
    assert (member.role, member.org_role, member.status) == ("manager", "member", "active")
    assert seats.list(workspace_id=place.id, role="manager").total == 1
    assert set(users.retrieve(user_id=person.id).workspace_ids) >= {place.id}
    seats.delete(workspace_id=place.id, user_id=person.id)
    assert seats.list(workspace_id=place.id).total == 0

    users.update(user_id=person.id, role="admin")
    assert users.retrieve(user_id=person.id).role == "admin"
    users.delete(user_id=person.id)
    until(lambda: answers(client) == 401)
    admin.admin.workspaces.delete(workspace_id=place.id)


def test_an_invitation_that_is_cancelled(portkey):
    invites = portkey().admin.users.invites
    made = invites.create(email="ben@example.com", role="admin")
    invites.delete(invite_id=made.id)
    assert invites.retrieve(invite_id=made.id).status == "cancelled"
    assert [each.id for each in invites.list(role="admin", status="cancelled").data] == [made.id]
