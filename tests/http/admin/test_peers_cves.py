"""What has happened to other gateways' keys, roles and logins does not happen here: a test for each, and which it was."""

import json
import os
import re
from base64 import urlsafe_b64encode
from typing import get_args

import msgspec
import pytest

from lockgate.control.secrets import WeakSecret
from lockgate.core.holdings import Sealed
from lockgate.core.tenancy import ApiKey, Policy, Tenant, User, Workspace
from lockgate.http.admin.operations import bind
from lockgate.http.admin.routes import ROUTES
from lockgate.http.routes import ROUTES as DATA
from support.admin import Admin
from support.asgi import ask
from support.house import make_house
from support.tenants import ME, NOW

QUOTES = (
    "' OR '1'='1",
    "'; DROP TABLE api_keys; --",
    '" OR ""="',
    "%27%20OR%201%3D1",
    "\\'; --",
    "a' UNION SELECT digest, 1 --",
)
CLOSED = [route for route in ROUTES if not route.open]
LISTS = [route for route in CLOSED if route.method == "GET" and "{" not in route.path]
#: Where the dashboard is, whose cookies open something.
SITE = ("host", "localhost:8787")
CANARY = "sk-canary-0123456789-ZYXW"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A gateway for many tests, none of which changes what others look at."""
    admin = Admin(tmp_path_factory.mktemp("shared"))
    yield admin
    admin.close()


def of_service(admin, *scopes, tenant=None, **more):
    return admin.key(tenant or admin.whole, scopes, **more)


# --- what comes in


@pytest.mark.parametrize("quote", QUOTES)
@pytest.mark.parametrize(
    "header", ["authorization", "x-portkey-api-key", "x-api-key", "cookie", "user-agent", "if-match", "host"]
)
def test_a_header_is_never_a_query_also_where_it_is_refused(shared, header, quote):
    """LiteLLM CVE-2026-42208: SQL injection before authentication, through the logging of what was refused."""
    shared.key(scopes=["admin"])
    before = shared.rows(ApiKey)
    said = f"Bearer {quote}" if header == "authorization" else quote
    headers = [(header, f"lockgate-session={said}"), SITE] if header == "cookie" else [(header, said)]
    answer = shared.get("/v1/api-keys", key="", headers=headers)
    assert answer.status == 401 and "SQL" not in answer.body.decode().upper()
    assert shared.rows(ApiKey) == before


@pytest.mark.parametrize("route", CLOSED, ids=lambda route: route.name)
def test_an_id_or_a_filter_is_never_a_query(shared, route):
    """LiteLLM CVE-2024-5225, CVE-2024-4890, CVE-2025-45809: SQL injection by ids and filters of the admin API."""
    shared.key(scopes=["admin"])
    counted = {noun: len(shared.rows(noun)) for noun in (ApiKey, User, Workspace, Policy)}
    operation = bind(route)
    fields = [] if operation.query is None else msgspec.structs.fields(operation.query)
    texts = [field.encode_name for field in fields if field.type is str or "str" in str(field.type)]
    for quote in QUOTES:
        escaped = quote.replace("%", "%25").replace("/", "%2F").replace("?", "%3F")
        path = re.sub("{[a-z_]+}", lambda _, said=escaped: said, route.path)
        for query in ["", *(f"?{name}={escaped.replace('&', '%26').replace('#', '%23')}" for name in texts)]:
            answer = shared.ask(route.method, path + query, {} if route.method in ("POST", "PUT") else None)
            assert answer.status < 500, (query, answer)
            if query and route.gives == "text/event-stream":
                assert b"data:" not in answer.body, (query, answer)
            elif query and answer.status == 200 and route.method == "GET":
                rows = answer.json.get("data", answer.json.get("records", []))
                assert rows == [], (query, answer)
    assert {noun: len(shared.rows(noun)) for noun in counted} == counted


@pytest.mark.parametrize(
    "host", ["x/openapi.json?", "x/v1/model-configs/pricing/a/b#", "[::1]@/openapi.json", "/openapi.json", ""]
)
@pytest.mark.parametrize(
    "path",
    ["/v1/api-keys", "//v1/api-keys", "/v1/configs/../api-keys", "/v1/configs/%2e%2e/api-keys", "/openapi.json/../v1/api-keys"],
)
def test_who_may_ask_is_decided_by_the_path_as_it_came(shared, host, path):
    """LiteLLM CVE-2026-49468 with Starlette CVE-2026-48710: a Host header made up another path for the check than was served."""
    answer = shared.get(path, key="", headers=[("host", host)])
    assert answer.status in (401, 404), answer
    assert b"openapi" not in answer.body[:20]


# --- who asks


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Bearer")],
        [("authorization", "Bearer ")],
        [("authorization", "Bearer null")],
        [("authorization", "Bearer e30.e30.")],
        [("authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.")],
        [("authorization", "Basic YWRtaW46")],
        [("authorization", "")],
        [("x-portkey-api-key", "")],
        [("cookie", "__Host-lockgate-session=; lockgate-session="), SITE],
        [("cookie", "lockgate-session=undefined"), SITE],
        [("x-forwarded-user", "admin"), ("x-remote-user", "admin"), ("x-portkey-user", "admin")],
    ],
    ids=lambda headers: str(headers[0]),
)
def test_a_login_that_fails_leaves_nobody(shared, headers):
    """LiteLLM CVE-2026-59822: a fallback of OAuth ended in an empty principal, and that in."""
    for path in ("/v1/api-keys", "/v1/admin/users", "/v1/admin/workspaces"):
        assert shared.get(path, key="", headers=headers).status == 401
    answer = ask(shared.app.gateway, "GET", "/v1/models", headers=headers)
    assert answer.status == 401


@pytest.mark.parametrize(
    "known", ["sk-1234", "test-token", "sk-test", "changeme", "admin", "master-key", "password", "lg_", "null"]
)
def test_no_key_is_known_before_somebody_makes_it(shared, tmp_path, known):
    """Wiz, "Off Guard" (one in ten of LiteLLM's gateways let "sk-1234" in); Portkey 4e43b19d ("test-token" by default)."""
    for headers in ([("authorization", f"Bearer {known}")], [("x-portkey-api-key", known)]):
        assert shared.get("/v1/api-keys", key="", headers=headers).status == 401
        assert ask(shared.app.gateway, "GET", "/v1/models", headers=headers).status == 401
    (tmp_path / "weak").mkdir()
    with pytest.raises(WeakSecret):
        make_house(tmp_path / "weak", LOCKGATE_ADMIN_KEY=known)


def test_keys_that_begin_alike_are_not_taken_for_each_other(admin):
    """LiteLLM CVE-2026-35030: whoever a token was, was remembered by its first twenty letters."""
    made = admin.post("/v1/api-keys/organisation/service", {"name": "app", "scopes": ["workspaces.list"]}).json
    admin.reload()
    assert admin.get("/v1/admin/workspaces", key=made["key"]).status == 200
    new = admin.post(f"/v1/api-keys/{made['id']}/rotate", {}).json["key"]
    (row,) = admin.rows(ApiKey, id=made["id"])
    with admin.store.change(admin.whole, ME, NOW) as change:
        change.put(msgspec.structs.replace(row, old_digest=b"", old_until_us=0))
    admin.reload()
    alike = next(n for n, pair in enumerate(zip(new, made["key"], strict=True)) if len(set(pair)) > 1)
    assert alike >= 20
    assert admin.get("/v1/admin/workspaces", key=new).status == 200
    for wrong in (made["key"], new[:-1], new[:alike], new + "A", new[:alike] + new[alike:].swapcase()):
        assert admin.get("/v1/admin/workspaces", key=wrong).status == 401


def test_what_is_kept_of_a_key_opens_nothing(admin):
    """GHSA-69x8 of LiteLLM: the hash of a key was taken for the key."""
    of_service(admin, "admin")
    (row,) = admin.rows(ApiKey)
    for kept in (row.digest.hex(), row.digest.hex().upper(), row.hint, row.id, f"lg_{row.id}_{row.digest.hex()}"):
        assert admin.get("/v1/api-keys", key=kept).status == 401


# --- what they may


@pytest.mark.parametrize(
    "scopes", [["admin"], ["*"], ["/*"], ["*.*"], ["workspaces.*"], ["organisation_users.update"], ["proxy.write"]]
)
def test_a_key_makes_none_that_can_do_more(shared, scopes):
    """LiteLLM CVE-2026-47101: a key of few rights made one for "/*"."""
    key = of_service(shared, "organisation_service_api_keys.create", "organisation_service_api_keys.update", "workspaces.list")
    before = len(shared.rows(ApiKey))
    answer = shared.post("/v1/api-keys/organisation/service", {"name": "x", "scopes": scopes}, key=key)
    assert answer.status in (400, 403) and answer.param == "scopes", answer
    own = shared.post("/v1/api-keys/organisation/service", {"name": "x", "scopes": ["workspaces.list"]}, key=key).json["id"]
    assert shared.put(f"/v1/api-keys/{own}", {"scopes": scopes}, key=key).status in (400, 403)
    assert len(shared.rows(ApiKey)) == before + 1


def test_nobody_gives_themselves_a_role(admin):
    """LiteLLM CVE-2026-47102: people set their own user_role."""
    person = admin.person("member", [(admin.home.workspace, "member")])
    key = admin.key(admin.whole, sorted(admin.house.scopes), kind="user", user=person.id)
    for path in (f"/v1/admin/users/{person.id}", f"/v1/admin/workspaces/{admin.home.workspace}/users/{person.id}"):
        assert admin.put(path, {"role": "admin"}, key=key).status == 403
        assert admin.put(path, {"user_role": "proxy_admin"}, key=key).status in (400, 403)
        assert admin.put(path, {"role": "admin", "user_role": "proxy_admin"}).status == 400, "not even an administrator says it"
    assert admin.store.get(admin.whole, User, person.id).role == "member"


def test_no_member_that_nobody_knows_is_taken(admin):
    """LiteLLM CVE-2026-40217: what the first two opened ended in code that was a guardrail; here no body takes what it does not
    know, nor anything that would be run."""
    runs = re.compile(r"(^|_)(exec|eval|command|args|script|module|plugin|callback|import|pickle)(_|$)")
    for route in ROUTES:
        operation = bind(route)
        for kind in (operation.body, operation.query):
            while get_args(kind):  # one, or an array of them
                kind = get_args(kind)[0]
            if kind is not None:
                # What somebody's logger has written down is taken as far as it is known; nothing is done by it.
                assert kind.__struct_config__.forbid_unknown_fields or route.name == "POST /v1/logs", route.name
                assert not [name for name in kind.__struct_fields__ if runs.search(name)], route.name


def test_nothing_that_is_asked_for_starts_a_process(admin, monkeypatch):
    """LiteLLM CVE-2026-42271 and CVE-2026-30623, Bifrost CVE-2026-90898: a "test connection" started a command."""

    def started(*_, **__):
        raise AssertionError("a process was started")

    for name in ("posix_spawn", "posix_spawnp", "fork", "forkpty", "execv", "execve", "system", "popen"):
        monkeypatch.setattr(os, name, started)
    monkeypatch.setattr("subprocess.Popen", started)
    body = {"name": "x", "command": "id", "args": ["-u"], "transport": "stdio", "url": "stdio://id", "ai_provider_id": "openai"}
    for route in ROUTES:
        path = re.sub("{[a-z_]+}", "x", route.path)
        assert admin.ask(route.method, path, body if route.method in ("POST", "PUT") else None).status < 500, route.name


def test_the_configuration_is_changed_in_its_file_alone(admin):
    """LiteLLM CVE-2026-35029: anyone with a key wrote the gateway's configuration and environment by /config/update."""
    file, environment = admin.house.config_path.read_bytes(), dict(os.environ)
    for path in ("/config/update", "/v1/config/update", "/config/yaml", "/v1/configs/update", "/v1/admin/config"):
        for method in ("POST", "PUT", "PATCH"):
            answer = admin.ask(method, path, {"environment_variables": {"A": "b"}, "general_settings": {"master_key": "x"}})
            assert answer.status in (400, 404, 405), (path, answer)
    for path, change in (
        ("/v1/configs/pc-declared", {"name": "x"}),
        ("/v1/providers/declared", {"name": "x"}),
        ("/v1/api-keys/config:ci", {"name": "x"}),
    ):
        assert admin.put(path, change).code == "declared_in_configuration"
    assert (admin.house.config_path.read_bytes(), dict(os.environ)) == (file, environment)


# --- what goes out


def test_who_may_look_sees_no_key_that_may_do_more(admin):
    """LiteLLM CVE-2024-5710 and CVE-2025-0628: somebody who may only look was given an administrator's key."""
    texts = [of_service(admin, "admin"), of_service(admin, "admin", expires_us=NOW * 2)]
    looking = sorted(scope for scope in admin.house.scopes if scope.rpartition(".")[2] in ("read", "list", "view"))
    viewer = of_service(admin, *looking)
    for route in LISTS:
        answer = admin.get(route.path, key=viewer)
        assert answer.status in ((200, 400) if set(looking).intersection(route.scopes) else (403,)), (route.name, answer)
        for text in texts:
            assert text not in answer.body.decode() and text.split("_", 2)[2][:16] not in answer.body.decode(), route.name
    for row in admin.rows(ApiKey):
        assert row.digest.hex() not in admin.get(f"/v1/api-keys/{row.id}", key=viewer).body.decode()
        assert admin.post(f"/v1/api-keys/{row.id}/rotate", {}, key=viewer).status == 403


def test_a_secret_is_written_and_never_read(admin):
    """LiteLLM CVE-2024-9606, CVE-2025-11203: masks hid five letters, and errors and health checks told the rest. Portkey c9ee9436:
    logs carried what providers were asked with."""
    account = {"name": "Ours", "slug": "ours", "ai_provider_id": "openai", "key": CANARY}
    admin.post("/v1/integrations", account)
    admin.post("/v1/virtual-keys", {"name": "Mine", "slug": "mine", "provider": "openai", "key": CANARY})
    answers = [admin.get(route.path) for route in LISTS]
    answers += [admin.get(path) for path in ("/v1/integrations/ours", "/v1/virtual-keys/mine", "/v1/providers/mine")]
    answers += [
        admin.post("/v1/integrations", account),
        admin.post("/v1/integrations", {**account, "slug": "b", "ai_provider_id": CANARY[:0]}),
    ]
    answers += [
        admin.post("/v1/integrations", {**account, "key": [CANARY]}),
        admin.post("/v1/integrations", {**account, "keys": CANARY}),
    ]
    for answer in answers:
        for size in range(5, len(CANARY) + 1, 5):
            assert CANARY[-size:] not in answer.body.decode(), answer
    assert all(CANARY[-4:] == row.hint[-4:] and len(row.hint) <= 4 for row in admin.rows(Sealed) if row.field == "key")


def test_a_path_that_a_caller_says_is_not_read(admin, tmp_path):
    """LiteLLM GHSA-g5ff and GHSA-4g5m: files were read by the path of a credential, and of a token of OIDC."""
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    said = {"name": "x", "ai_provider_id": "openai", "slug": "x"}
    for more in (
        {"key": f"file://{secret}", "configurations": {"api_key_file": str(secret)}},
        {"configurations": {"custom_host": f"file://{secret}"}, "key": "k" * 20},
        {"api_key_file": str(secret)},
        {"key": f"oidc/file/{secret}", "configurations": {"tls": {"client_key": str(secret)}}},
    ):
        answer = admin.post("/v1/integrations", said | more)
        assert answer.status in (400, 403) and CANARY not in answer.body.decode(), (more, answer)
    reference = {"name": "f", "manager_type": "file", "secret_path": str(secret), "auth_config": {}}
    abroad = admin.key(Tenant(admin.abroad.organisation), ["admin"])
    answer = admin.post("/v1/secret-references", reference, key=abroad)
    assert answer.status in (400, 403), answer
    assert CANARY not in json.dumps([admin.get(route.path).body.decode() for route in LISTS])


@pytest.mark.parametrize(
    "host",
    [
        "http://169.254.169.254/latest",
        "https://100.64.0.1",
        "https://[2002:7f00:1::]",
        "https://[64:ff9b::7f00:1]",
        "https://[::ffff:127.0.0.1]",
        "https://0.0.0.0",
        "https://[fec0::1]",
        "https://2130706433",
        "https://localhost",
        "https://metadata.google.internal",
    ],
)
def test_an_address_inside_is_no_providers(shared, host):
    """Portkey CVE-2025-66405 (custom-host), LiteLLM CVE-2024-6587 (api_base), Bifrost CVE-2026-55245 (CGNAT, 6to4, NAT64)."""
    said = {"name": "x", "ai_provider_id": "openai", "key": CANARY, "configurations": {"custom_host": host}}
    answer = shared.post("/v1/integrations", said)
    assert answer.status in (400, 403) and answer.param == "configurations.custom_host", answer
    answer = shared.post(
        "/v1/virtual-keys", {"name": "x", "provider": "openai", "key": CANARY, "configurations": {"custom_host": host}}
    )
    assert answer.status in (400, 403), answer


@pytest.mark.parametrize("name", ["httpbin.org#", "a.example.com/", "x@evil.example", "a?b", "a b", "a%2eb", "..", "a\\b"])
def test_a_name_in_an_address_is_a_name(shared, name):
    """Portkey #1596: resourceName "httpbin.org#" was written into the address, and the key followed."""
    deployment = {"azure_deployment_name": "d", "azure_api_version": "2024-10-21", "is_default": True}
    configured = {"azure_auth_mode": "default", "azure_resource_name": name, "azure_deployment_config": [deployment]}
    said = {"name": "x", "ai_provider_id": "azure-openai", "key": CANARY, "configurations": configured}
    answer = shared.post("/v1/integrations", said)
    assert answer.status == 400 and "azure_resource_name" in answer.param, answer


def test_each_purpose_has_a_key_of_its_own(tmp_path):
    """LiteLLM CVE-2026-114612: one salt encrypted what was stored and signed sessions, so whoever could have something
    encrypted could log in as anyone."""
    admin = Admin(tmp_path)
    try:
        house, store = admin.house, admin.store
        keys = {house.pepper, house.identity_key, store.audit_key}
        assert len(keys) == 3 and all(len(key) == 32 for key in keys)
        stored = b"".join(path.read_bytes() for path in house.data.rglob("*") if path.is_file())
        assert not [key for key in keys if key in stored or key.hex().encode() in stored], "nor does any lie there unsealed"
        admin.post(
            "/v1/integrations", {"name": "O", "slug": "o", "ai_provider_id": "openai", "key": "session:admin:0123456789"}
        )
        sealed = next(row for row in admin.rows(Sealed) if row.field == "key")
        for text in (sealed.box, sealed.wrapped):
            for cookie in (text.hex(), urlsafe_b64encode(text).decode().rstrip("=")):
                headers = [("cookie", f"lockgate-session={cookie}"), SITE]
                assert admin.get("/v1/api-keys", key="", headers=headers).status == 401
    finally:
        admin.close()


def test_no_route_of_either_table_is_open_by_mistake():
    """Portkey #1718 (a second route for the same without the check), c9ee9436 (logs for everyone): what is open says why."""
    assert [route.name for route in ROUTES if route.open] == [
        "POST /v1/admin/users/invites/accept",
        "GET /v1/model-configs/pricing/{provider}/{model}",
        "GET /v1/logs/exports/files/{token}",  # the token is signed, names one file, and ends soon
    ]
    assert all(route.scope for route in DATA)
