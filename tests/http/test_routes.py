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
    "/v1/models/{model}": {},
}
CONTENTS = {"contents": [{"parts": [{"text": "Say pong."}]}]}
for version in ("v1", "v1beta"):
    for verb in ("generateContent", "streamGenerateContent", "countTokens"):
        BODIES[f"/{version}/models/{{model}}:{verb}"] = CONTENTS
PATHS = {route: route.path.replace("{model}", "@sim/chat") for route in ROUTES}

every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")


@every_route
def test_without_a_key_it_is_refused_and_on_record(tmp_path, route):
    app = make_app(tmp_path)
    answer = ask(app.gateway, route.method, PATHS[route], body=BODIES[route.path])
    assert answer.status == 401
    (record,) = records(tmp_path)
    assert (record.outcome, record.status, record.path, record.error_code) == ("refused", 401, PATHS[route], "missing_key")


@every_route
def test_with_a_wrong_key_it_is_refused(tmp_path, route):
    app = make_app(tmp_path)
    answer = ask(app.gateway, route.method, PATHS[route], body=BODIES[route.path], headers=[("x-api-key", "wrong")])
    assert answer.status == 401


@every_route
def test_without_its_scope_it_is_refused(tmp_path, route):
    other = next(iter({r.scope for r in ROUTES} - {route.scope}))
    app = make_app(tmp_path, f"keys: [{{name: narrow, key: {KEY}-narrow, scopes: [{other}]}}]")
    headers = [("authorization", f"Bearer {KEY}-narrow")]
    answer = ask(app.gateway, route.method, PATHS[route], body=BODIES[route.path], headers=headers)
    assert answer.status == 403
    assert records(tmp_path)[0].key_name == "narrow"


@every_route
def test_with_a_key_it_is_answered_metered_and_on_record(tmp_path, route):
    app = make_app(tmp_path)
    answer = ask(app.gateway, route.method, PATHS[route], body=BODIES[route.path], headers=AUTH)
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


def test_a_count_in_a_dialect_that_cannot_ask_for_one_stops_the_start():
    with pytest.raises(UnguardedRoute, match="no way to ask"):
        lay_out([*ROUTES, Route("POST", "/v1/x", "count", "openai.chat", "s")])


@pytest.mark.parametrize("path", ["/v1/models/{model}:go", "/v1/{model}"])
def test_a_path_with_holes_may_not_be_there_twice_either(path):
    route = Route("POST", path, "chat", "openai.chat", "s")
    with pytest.raises(UnguardedRoute, match="twice"):
        lay_out([route, route])


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/models/a:generateContent", "a"),
        ("/v1/models/@sim/chat:generateContent", "@sim/chat"),
        ("/v1/models/%40sim%2Fchat:generateContent", "@sim/chat"),
        ("/v1/models/a%3AgenerateContent:generateContent", "a:generateContent"),
        ("/v1/models/a:b:generateContent", "a:b"),
        ("/v1beta/models/%252e:generateContent", "%2e"),
    ],
)
def test_a_model_in_a_path_is_decoded_once(path, model):
    found = lay_out().find("POST", path)
    assert (found.params, found.route.streams) == ({"model": model}, False)


@pytest.mark.parametrize(
    "path", ["/v1/models/:generateContent", "/v1/models/a:generatecontent", "/v2/models/a:generateContent"]
)
def test_what_is_not_quite_a_route_is_none(path):
    assert lay_out().find("POST", path) is None


def test_an_exact_path_comes_before_one_with_holes():
    exact, holed = (Route("POST", path, "chat", "openai.chat", "s") for path in ("/v1/x", "/v1/{model}"))
    table = lay_out([holed, exact])
    assert table.find("POST", "/v1/x").route is exact
    assert table.find("GET", "/v1/x") is None
    assert table.find("POST", "/v1/y").route is holed
    assert table.methods("/v1/y") == ["POST"]
    assert table.known() == ["/v1/x", "/v1/{model}"]
