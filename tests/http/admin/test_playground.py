"""POST /v1/playground: who may ask a model from the dashboard, in whose name, and that nothing opens the data plane."""

import json

import pytest

from lockgate.control import keys, playing
from lockgate.control.identity import passwords, users
from lockgate.core.tenancy import Seat, Tenant
from support.admin import Admin
from support.house import records
from support.identity import PASSWORD
from support.tenants import ME, NOW

ORIGIN = "http://localhost:8787"
SAID = {"model": "@sim/chat", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "ping"}]}


@pytest.fixture
def admin(tmp_path):
    admin = Admin(tmp_path)
    yield admin
    admin.close()


@pytest.fixture
def home(admin):
    return Tenant(admin.home.organisation, admin.home.workspace)


class Somebody:
    """A person who is logged in."""

    def __init__(self, admin, email, role="member", seats=()):
        self.admin = admin
        vault, hashed = admin.office.vault, passwords.hashed(PASSWORD, email)
        with admin.store.change(admin.whole, ME, NOW) as change:
            added = users.add(
                change,
                vault,
                admin.whole,
                email=email,
                hashed=hashed,
                role=role,
                seats=[Seat(*each) for each in seats],
            )
        self.id = added.id
        begun = self.ask("POST", "/auth/login", {"email": email, "password": PASSWORD})
        self.cookie = begun.cookies[0].partition(";")[0]
        self.csrf = begun.json["csrf"]

    cookie = csrf = ""

    def ask(self, method, path, body=None, **headers):
        said = {"host": "localhost:8787", "origin": ORIGIN, "content-type": "application/json", "x-lockgate-csrf": self.csrf}
        said = {**said, "cookie": self.cookie, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.admin.ask(method, path, body, key=None, headers=[each for each in said.items() if each[1]], stays=True)

    def play(self, key, **more):
        return self.ask("POST", "/v1/playground", {**SAID, "key": key, **more})


def make(admin, tenant, scopes=("completions.write",), **more):
    """A key's id."""
    row, _ = keys.create(admin.store, admin.house.pepper, tenant, ME, NOW, name="k", scopes=list(scopes), **more)
    admin.reload()
    return row.id


def text_of(answer):
    events = [json.loads(line[6:]) for line in answer.body.decode().splitlines() if line.startswith("data: {")]
    return "".join(choice["delta"].get("content") or "" for event in events for choice in event["choices"])


def test_an_answer_streams_and_is_on_record_as_the_keys_with_who_asked(admin, home, tmp_path):
    ann = Somebody(admin, "ann@example.com", seats=[(home.workspace, "member")])
    key = make(admin, home, kind="user", user=ann.id)
    answer = ann.play(key, temperature=0.5, max_tokens=20)
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, "text/event-stream"), answer
    assert "ping" in text_of(answer) and b"[DONE]" in answer.body
    assert answer.headers["cache-control"] == "no-store" and answer.headers["x-content-type-options"] == "nosniff"
    (record,) = records(tmp_path)
    assert record.id == answer.headers["x-lockgate-request-id"]
    assert (record.key_id, record.outcome, record.metadata["_playground"]) == (key, "ok", "ann@example.com")
    sent = json.loads(record.request)
    assert (sent["messages"], sent["temperature"], sent["max_tokens"], sent["stream"]) == (SAID["messages"], 0.5, 20, True)


def test_nobody_asks_in_the_name_of_somebody_else_whatever_their_role(admin, home):
    ann = Somebody(admin, "ann@example.com", seats=[(home.workspace, "member")])
    boss = Somebody(admin, "boss@example.com", role="owner")
    told = boss.play(make(admin, home, kind="user", user=ann.id))
    assert (told.status, told.code, told.param) == (403, "beyond_your_rights", "key")


def test_services_keys_pay_for_those_alone_who_manage_the_place(admin, home):
    service, elsewhere = make(admin, home), make(admin, admin.other)
    member = Somebody(admin, "m@example.com", seats=[(home.workspace, "member")])
    manager = Somebody(admin, "mm@example.com", seats=[(home.workspace, "manager")])
    owner = Somebody(admin, "o@example.com", role="owner")
    assert (member.play(service).status, manager.play(service).status, owner.play(service).status) == (403, 200, 200)
    assert (manager.play(elsewhere).status, owner.play(elsewhere).status) == (404, 200)
    assert manager.play(make(admin, admin.whole)).status == 404  # the organisation's is not the workspace's to spend
    assert owner.play(make(admin, admin.abroad)).status == 404
    assert (owner.play("").code, owner.play("nothing").code) == ("missing_member", "key_not_found")


def test_a_key_that_may_not_ask_does_not_by_this_door_either(admin, home):
    owner = Somebody(admin, "o@example.com", role="owner")
    told = owner.play(make(admin, home, scopes=["logs.view"]))
    assert (told.status, told.json["error"]["code"]) == (403, "scope_missing")
    told = owner.play(make(admin, home, models=["@sim/other*"]))
    assert (told.status, told.json["error"]["code"]) == (403, "model_not_allowed")


def test_a_cookie_alone_asks_nothing(admin, home, tmp_path):
    owner = Somebody(admin, "o@example.com", role="owner")
    key = make(admin, home)
    said = {**SAID, "key": key}
    assert owner.ask("POST", "/v1/playground", said, x_lockgate_csrf="").status == 403
    assert owner.ask("POST", "/v1/playground", said, origin="https://evil.example").status == 403
    assert owner.ask("POST", "/v1/playground", said, cookie="").status == 401
    assert owner.ask("POST", "/v1/chat/completions", SAID).status == 401  # the data plane knows no session
    assert [record for record in records(tmp_path) if record.key_id] == []


def test_what_is_asked_is_checked(admin, home):
    owner, key = Somebody(admin, "o@example.com", role="owner"), make(admin, home)
    for wrong in (
        {"temperature": 3},
        {"max_tokens": 0},
        {"messages": []},
        {"color": "red"},
        {"messages": [{"role": "tool", "content": "x"}]},
    ):
        assert owner.play(key, **wrong).status == 400, wrong


def test_the_models_are_those_that_the_key_may_use(admin, home):
    owner = Somebody(admin, "o@example.com", role="owner")

    def listed(key):
        return [model["id"] for model in owner.ask("GET", f"/v1/playground/models?key={key}").json["data"]]

    every = listed(make(admin, home))
    assert "@sim/chat" in every and len(every) > 1
    assert listed(make(admin, home, models=["@sim/chat"])) == ["@sim/chat"]
    assert owner.ask("GET", f"/v1/playground/models?key={make(admin, admin.abroad)}").status == 404


def test_a_key_that_was_just_made_is_waited_for_and_one_that_is_not_there_is_not(admin, home, monkeypatch):
    owner = Somebody(admin, "o@example.com", role="owner")
    now = admin.office.clock()
    row, _ = keys.create(admin.store, admin.house.pepper, home, ME, now, name="k", scopes=["completions.write"])
    looks = []
    monkeypatch.setattr(playing.time, "sleep", lambda seconds: (looks.append(seconds), admin.reload())[0])
    assert owner.ask("GET", f"/v1/playground/models?key={row.id}").status == 200
    assert len(looks) == 1
    old, _ = keys.create(admin.store, admin.house.pepper, home, ME, now - 60_000_000, name="o", scopes=["completions.write"])
    for key in (old.id, "nothing"):
        assert owner.ask("GET", f"/v1/playground/models?key={key}").status == 404
    assert len(looks) == 1


def test_a_key_asks_in_its_own_name_alone(admin, home):
    text = admin.key(home, ["completions.write"])
    assert admin.ask("POST", "/v1/playground", SAID, key=text, stays=True).status == 200
    assert admin.post("/v1/playground", {**SAID, "key": make(admin, home)}, key=text).code == "beyond_your_rights"
