import pytest

from lockgate.http.gateway import Gateway
from lockgate.http.routes import ROUTES, Route, UnguardedRoute, lay_out
from support.asgi import ask
from support.house import AUTH, KEY, make_app, records

BODIES = {
    "/v1/chat/completions": {"model": "@sim/chat", "messages": [{"role": "user", "content": "Say pong."}]},
    "/v1/responses": {"model": "@sim/chat", "input": "Say pong."},
    "/v1/messages": {"model": "@sim/chat", "max_tokens": 50, "messages": [{"role": "user", "content": "Say pong."}]},
    "/v1/messages/count_tokens": {"model": "@sim/chat", "messages": [{"role": "user", "content": "Say pong."}]},
    "/v1/models": {},
}

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")


@every_route
def test_without_a_key_it_is_refused_and_on_record(tmp_path, route):
    app = make_app(tmp_path)
    answer = ask(app.gateway, route.method, route.path, body=BODIES[route.path])
    assert answer.status == 401
    (record,) = records(tmp_path)
    assert (record.outcome, record.status, record.path, record.error_code) == ("refused", 401, route.path, "missing_key")


@every_route
def test_with_a_wrong_key_it_is_refused(tmp_path, route):
    app = make_app(tmp_path)
    answer = ask(app.gateway, route.method, route.path, body=BODIES[route.path], headers=[("x-api-key", "wrong")])
    assert answer.status == 401


@every_route
def test_without_its_scope_it_is_refused(tmp_path, route):
    other = next(iter({r.scope for r in ROUTES} - {route.scope}))
    app = make_app(tmp_path, f"keys: [{{name: narrow, key: {KEY}-narrow, scopes: [{other}]}}]")
    headers = [("authorization", f"Bearer {KEY}-narrow")]
    answer = ask(app.gateway, route.method, route.path, body=BODIES[route.path], headers=headers)
    assert answer.status == 403
    assert records(tmp_path)[0].key_name == "narrow"


@every_route
def test_with_a_key_it_is_answered_metered_and_on_record(tmp_path, route):
    app = make_app(tmp_path)
    answer = ask(app.gateway, route.method, route.path, body=BODIES[route.path], headers=AUTH)
    assert answer.status == 200, answer
    (record,) = records(tmp_path)
    assert (record.outcome, record.status, record.operation, record.key_name) == ("ok", 200, route.operation, "admin")
    assert record.cost_nusd == 0
    assert record.id == answer.headers["x-lockgate-request-id"]
    assert record.bytes_out == len(answer.body)


@pytest.mark.parametrize(
    ("route", "why"),
    [
        (Route("POST", "/v1/x", "chat", "openai.chat", ""), "declares no scope"),
        (Route("POST", "/v1/x", "tune", "openai.chat", "s"), "nothing answers"),
        (Route("POST", "/v1/x", "chat", "klingon", "s"), "no dialect"),
    ],
)
def test_a_route_without_a_policy_stops_the_start(tmp_path, route, why):
    app = make_app(tmp_path)
    with pytest.raises(UnguardedRoute, match=why):
        Gateway(app.world, app.runtime, table=lay_out([*ROUTES, route]))


def test_a_route_that_is_there_twice_stops_the_start():
    with pytest.raises(UnguardedRoute, match="twice"):
        lay_out([*ROUTES, ROUTES[0]])
