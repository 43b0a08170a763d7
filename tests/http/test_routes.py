import json

import pytest

from lockgate.http.gateway import Gateway
from lockgate.http.routes import ROUTES, Route, UnguardedRoute, lay_out
from support.asgi import ask
from support.house import AUTH, KEY, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange

SAY = "Say pong."
CONTENTS = {"contents": [{"parts": [{"text": SAY}]}]}
CONTENT = {"content": {"parts": [{"text": SAY}]}}
FORM = b'--X\r\nContent-Disposition: form-data; name="model"\r\n\r\n@paid/m\r\n--X--'
BODIES = {
    "/v1/chat/completions": {"model": "@sim/chat", "messages": [{"role": "user", "content": SAY}]},
    "/v1/responses": {"model": "@sim/chat", "input": SAY},
    "/v1/messages": {"model": "@sim/chat", "max_tokens": 50, "messages": [{"role": "user", "content": SAY}]},
    "/v1/messages/count_tokens": {"model": "@sim/chat", "messages": [{"role": "user", "content": SAY}]},
    "/v1/completions": {"model": "@sim/chat", "prompt": SAY},
    "/v1/embeddings": {"model": "@sim/embed", "input": SAY},
    "/v1/rerank": {"model": "@paid/m", "query": SAY, "documents": [SAY]},
    "/v1/moderations": {"model": "@also/m", "input": SAY},
    "/v1/images/generations": {"model": "@paid/m", "prompt": SAY},
    "/v1/images/edits": FORM,
    "/v1/images/variations": FORM,
    "/v1/audio/speech": {"model": "@paid/m", "input": SAY},
    "/v1/audio/transcriptions": FORM,
    "/v1/audio/translations": FORM,
    "/v1/ocr": {"model": "@also/m", "document": {}},
    "/v2/chat": {"model": "@sim/chat", "messages": [{"role": "user", "content": SAY}]},
    "/v2/embed": {"model": "@sim/embed", "texts": [SAY], "input_type": "search_query", "embedding_types": ["float"]},
    "/v2/rerank": {"model": "@paid/m", "query": SAY, "documents": [SAY]},
    "/v1/otel/v1/traces": b"",
    "/v1/otel/v1/logs": b"",
    "/v1/explain": {"body": {"model": "@sim/chat", "messages": [{"role": "user", "content": SAY}]}},
    "/v1/models": {},
    "/v1/models/{model}": {},
}
for version in ("v1", "v1beta"):
    at = f"/{version}/models/{{model}}"
    BODIES |= {f"{at}:{verb}": CONTENTS for verb in ("generateContent", "streamGenerateContent", "countTokens")}
    BODIES |= {f"{at}:embedContent": CONTENT, f"{at}:batchEmbedContents": {"requests": [CONTENT]}}
#: Two providers that do all that the simulator does not, free of charge.
PAID = """
providers: {paid: {provider: xinference, base_url: "https://paid.example"}, also: {provider: mistral-ai, api_key: k}}
prices: {"also/m": {input: 0}}
"""
RANKED = {"results": [{"index": 0, "relevance_score": 0.5}], "usage": {"total_tokens": 3}}
ANSWERS = {"/v1/rerank": RANKED, "/v2/rerank": RANKED}
MODELS = {"embed": "@sim/embed"}
BODIES |= {path: {"any": "thing"} for path in ("/proxy/{provider}/{rest}", "/v1/proxy/{rest}", "/v1/{rest}")}


def path_of(route):
    model = MODELS.get(route.operation, "@sim/chat")
    return route.path.replace("{model}", model).replace("{provider}", "paid").replace("{rest}", "any/path")


def ask_route(tmp_path, route, *, config=PAID, headers=()):
    """A good request for a route, with these headers besides."""
    app = make_app(tmp_path, config)
    app.runtime.clients["https"] = ScriptedClient(ScriptedExchange(200, json.dumps(ANSWERS.get(route.path, {})).encode()))
    body = BODIES[route.path]
    if body is FORM:
        headers = [*headers, ("content-type", "multipart/form-data; boundary=X")]
    if route.named:
        headers = [*headers, ("x-lockgate-provider", "@paid")]
    return ask(app.gateway, route.method, path_of(route), body=body, headers=headers)


every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")


@every_route
def test_without_a_key_it_is_refused_and_on_record(tmp_path, route):
    assert ask_route(tmp_path, route).status == 401
    (record,) = records(tmp_path)
    assert (record.outcome, record.status, record.path, record.error_code) == ("refused", 401, path_of(route), "missing_key")


@every_route
def test_with_a_wrong_key_it_is_refused(tmp_path, route):
    assert ask_route(tmp_path, route, headers=[("x-api-key", "wrong")]).status == 401


@every_route
def test_without_its_scope_it_is_refused(tmp_path, route):
    other = next(iter({r.scope for r in ROUTES} - {route.scope}))
    config = f"keys: [{{name: narrow, key: {KEY}-narrow, scopes: [{other}]}}]"
    answer = ask_route(tmp_path, route, config=config, headers=[("authorization", f"Bearer {KEY}-narrow")])
    assert answer.status == 403
    assert records(tmp_path)[0].key_name == "narrow"


@every_route
def test_with_a_key_it_is_answered_metered_and_on_record(tmp_path, route):
    answer = ask_route(tmp_path, route, headers=AUTH)
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
    found = lay_out().find("POST", path)
    assert found is None or found.route.named


def test_an_exact_path_comes_before_one_with_holes():
    exact, holed = (Route("POST", path, "chat", "openai.chat", "s") for path in ("/v1/x", "/v1/{model}"))
    table = lay_out([holed, exact])
    assert table.find("POST", "/v1/x").route is exact
    assert table.find("GET", "/v1/x") is None
    assert table.find("POST", "/v1/y").route is holed
    assert table.methods("/v1/y") == ["POST"]
    assert table.known() == ["/v1/x", "/v1/{model}"]
