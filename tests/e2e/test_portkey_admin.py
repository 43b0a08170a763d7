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
FILE = """
configs: {pc-declared: {provider: '@sim'}}
providers: {declared: {provider: sim}}
egress: {allow: [localhost]}
"""
SCOPES = ["completions.write", "configs.list", "configs.read", "logs.view", "virtual_keys.copy"]
ASK = [{"role": "user", "content": "Say pong."}]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def gateway(request, tmp_path_factory):
    where = {} if request.param == "sqlite" else {"LOCKGATE_CONTROL_URL": postgres.new_database()}
    gateway = Gateway(tmp_path_factory.mktemp("admin"), FILE, **where).ready()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="module")
def http(gateway):
    with httpx.Client(base_url=gateway.url + "/v1") as client:  # the one that the SDK makes is left open
        yield client


@pytest.fixture
def portkey(gateway, http):
    return lambda key=KEY, **more: portkey_ai.Portkey(base_url=gateway.url + "/v1", api_key=key, http_client=http, **more)


def answers(client, model="@sim/chat"):
    """What the data plane says: the answer's text, or the error's status."""
    try:
        got = client.chat.completions.create(model=model, messages=ASK)
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


def test_an_integration_is_made_opened_used_changed_and_removed(portkey):
    admin = portkey()
    made = admin.integrations.create(name="Simulator", ai_provider_id="sim", slug="int", key="sk-simulator-0123456789-wxyz")
    got = admin.integrations.retrieve(slug="int")
    assert (got.id, got.name, got.ai_provider_id, got.type, got.status) == (
        made.id,
        "Simulator",
        "sim",
        "organisation",
        "active",
    )
    assert (got.masked_key, got.allow_all_models, got.object) == ("****wxyz", True, "integration")
    assert made.id in [each.id for each in admin.integrations.list(type="organisation").data]
    assert made.id not in [each.id for each in admin.integrations.list(workspace_id="default").data]

    admin.integrations.workspaces.update(slug="int", workspaces=[{"id": "default", "enabled": True}])
    there = admin.integrations.workspaces.list(slug="int")
    assert (there.total, there.workspaces[0].enabled, there.global_workspace_access["enabled"]) == (1, True, False)
    client = portkey()
    until(lambda: isinstance(answers(client, "@int/chat"), str))

    price = {"type": "static", "pay_as_you_go": {"request_token": {"price": 0.01}, "response_token": {"price": 0.02}}}
    said = [{"slug": "chat", "enabled": True, "pricing_config": price}, {"slug": "other", "enabled": False}]
    admin.integrations.models.update(slug="int", models=said, allow_all_models=True)
    models = admin.integrations.models.list(slug="int")
    found = {model.slug: model for model in models.models}
    assert (models.allow_all_models, found["chat"].pricing_config["pay_as_you_go"]) == (True, price["pay_as_you_go"])
    until(lambda: answers(client, "@int/other") == 403)
    admin.integrations.models.delete(slug="int", slugs="other")
    until(lambda: answers(client, "@int/other") != 403)

    admin.integrations.update(slug="int", name="S", key="sk-simulator-0123456789-mnop")
    assert admin.integrations.retrieve(slug="int").masked_key == "****mnop"
    with pytest.raises(Exception, match="@int") as raised:
        admin.integrations.delete(slug="int")
    assert (type(raised.value).__name__, raised.value.status_code) == ("ConflictError", 409)
    admin.providers.delete(slug="int")
    admin.integrations.delete(slug="int")
    until(lambda: answers(client, "@int/chat") in (400, 404))


def test_a_provider_is_made_used_changed_and_removed(portkey):
    admin = portkey()
    account = admin.integrations.create(name="Of all", ai_provider_id="sim", slug="of-all")
    admin.integrations.workspaces.update(
        slug="of-all", global_workspace_access={"enabled": True}, override_existing_workspaces_access=True
    )
    limits = {"credit_limit": 10, "type": "cost", "periodic_reset": "weekly"}
    made = admin.providers.create(name="Prov", integration_id=account.id, slug="prov", note="N", usage_limits=limits)
    got = admin.providers.retrieve(slug=made.slug)
    assert (got.id, got.name, got.note, got.integration_id) == (made.id, "Prov", "N", account.id)
    assert (got.usage_limits["credit_limit"], got.status, got.object) == (10, "active", "provider")
    client = portkey()
    until(lambda: isinstance(answers(client, "@prov/chat"), str))
    listed = admin.providers.list(workspace_id="default")
    assert {"prov", "declared"} <= {each.slug for each in listed.data} and listed.total == len(listed.data)
    changed = admin.providers.update(slug="prov", name="P", expires_at="2100-01-01T00:00:00Z")
    assert (changed.id, admin.providers.retrieve(slug="prov").name) == (made.id, "P")
    with pytest.raises(Exception, match=r"lockgate\.yaml") as raised:
        admin.providers.update(slug="declared", name="x")
    assert raised.value.status_code == 403
    admin.providers.delete(slug="prov")
    until(lambda: answers(client, "@prov/chat") in (400, 404))
    admin.integrations.delete(slug="of-all")


def test_a_virtual_key_is_made_used_changed_and_removed(portkey):
    admin = portkey()
    made = admin.virtual_keys.create(name="VK", provider="sim", key="sk-simulator-0123456789-wxyz", note="N")
    assert (made.object, made.slug[:3]) == ("virtual-key", "vk-")
    client = portkey(virtual_key=made.slug)
    until(lambda: isinstance(answers(client, "chat"), str))
    got = admin.virtual_keys.retrieve(slug=made.slug).model_dump()
    assert (got["name"], got["provider"], got["key"], got["status"]) == ("VK", "sim", "****wxyz", "active")
    rates = [{"type": "requests", "unit": "rpm", "value": 1000}]
    admin.virtual_keys.update(slug=made.slug, name="V", key="sk-simulator-0123456789-mnop", rate_limits=rates)
    got = admin.virtual_keys.retrieve(slug=made.slug).model_dump()
    assert (got["name"], got["key"], got["rate_limits"]) == ("V", "****mnop", rates)
    assert made.slug in [each["slug"] for each in admin.virtual_keys.list().data]
    admin.virtual_keys.delete(slug=made.slug)
    until(lambda: answers(client, "chat") in (400, 404))
    assert made.slug not in [each.slug for each in admin.integrations.list().data]


def test_a_name_that_may_be_asked_and_leads_inside_is_not_asked(portkey):
    """The policy knows names when an account is set up, and addresses when it is asked."""
    admin = portkey()
    for host, what in (("http://127.0.0.1:1/v1", "loopback"), ("https://169.254.169.254/v1", "metadata|link-local")):
        with pytest.raises(Exception, match=what) as raised:
            admin.virtual_keys.create(name="x", provider="openai", key="k", configurations={"custom_host": host})
        assert raised.value.status_code == 403
    there = {"custom_host": "https://localhost:1/v1"}
    made = admin.virtual_keys.create(name="Inside", provider="openai", key="sk-0123456789", configurations=there)
    until(lambda: answers(portkey(), f"@{made.slug}/gpt-4o") == 403)
    admin.virtual_keys.delete(slug=made.slug)


def test_prices_are_public(gateway):
    for model in ("openai/gpt-4o", "openrouter/ai21%2Fjamba-1.6-large", "openrouter/ai21/jamba-1.6-large"):
        status, price = gateway.get(f"/v1/model-configs/pricing/{model}", key="")
        assert status == 200 and price["pay_as_you_go"]["response_token"]["price"] > 0


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("http://127.0.0.1:9/v1", (403, "egress_denied")),
        ("https://[::1]:9/v1", (403, "egress_denied")),
        ("http://0x7f.1:9/v1", (400, "invalid_account")),
    ],
)
def test_an_account_is_tried_where_requests_may_go_and_nowhere_else(gateway, host, said):
    """Whoever may set providers up cannot look around behind the gateway by trying them."""
    account = {"ai_provider_id": "openai", "key": "sk-0123456789abcdef", "model": "m", "workspace_id": "default"}
    status, body = gateway.ask("POST", "/v1/integrations/test", {**account, "configurations": {"custom_host": host}})
    assert (status, body["error"]["code"]) == said
