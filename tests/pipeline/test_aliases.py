"""pipeline/aliases: what an alias stands for, who may use it, and where it is listed."""

import pytest

from lockgate.core.call import Call, Principal
from lockgate.core.failure import Refusal
from lockgate.pipeline.aliases import resolved
from lockgate.pipeline.choose import Ask
from support.asgi import ask
from support.house import AUTH, first_target, make_app, make_house, records

CONFIG = """
providers:
  groq: {api_key: gsk}
  openai: {api_key: sk}
aliases:
  fast: "@groq/llama-3.3-70b-versatile"
  default: fast
  gpt-4.1: "@groq/openai/gpt-oss-120b"
configs:
  pc-other: {provider: "@groq", override_params: {model: gemma2-9b-it}}
keys:
  - {name: by-alias, key: key-by-alias-0123456789, models: [fast], scopes: [completions.write, models.list]}
  - {name: by-model, key: key-by-model-0123456789, models: ["@groq/llama-*"], scopes: [completions.write, models.list]}
"""
TARGET = "@groq/llama-3.3-70b-versatile"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_house(tmp_path_factory.mktemp("aliases"), CONFIG).snapshot()


def planned(world, model, *allowed, **headers):
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    call = Call("id", "trace", 0, 0.0, "POST", "/", b"", named, "chat", "openai.chat")
    target = first_target(call, Ask(model), Principal("1", "app", models=allowed), world)
    return f"@{target.provider.slug}/{target.model}"


def test_an_alias_stands_for_a_model(world):
    assert planned(world, "fast") == TARGET


def test_an_alias_stands_for_another(world):
    assert planned(world, "default") == TARGET


def test_an_alias_comes_before_the_provider_that_a_name_belongs_to(world):
    assert planned(world, "gpt-4.1") == "@groq/openai/gpt-oss-120b"
    assert planned(world, "gpt-4.1-mini") == "@openai/gpt-4.1-mini"


def test_a_named_provider_s_own_model_is_meant_where_the_alias_is_another_s(world):
    assert planned(world, "@openai/gpt-4.1") == "@openai/gpt-4.1"
    assert planned(world, "gpt-4.1", x_lockgate_provider="@openai") == "@openai/gpt-4.1"
    assert planned(world, "fast", x_lockgate_provider="@groq") == TARGET


@pytest.mark.parametrize("allowed", ["fast", "f*", "@groq/*", TARGET])
def test_a_key_is_admitted_by_the_alias_or_by_the_model_behind_it(world, allowed):
    assert planned(world, "fast", allowed) == TARGET


@pytest.mark.parametrize(
    ("model", "allowed", "headers"),
    [
        ("fast", "@openai/*", {}),
        ("fast", "default", {}),  # another alias of the same model
        (TARGET, "fast", {}),  # the model itself
        ("llama-3.3-70b-versatile", "fast", {"x_lockgate_provider": "@groq"}),
        ("fast", "fast", {"x_lockgate_config": "pc-other"}),  # not what the alias stands for
        ("fast", "fast", {"x_lockgate_provider": "@openai"}),
    ],
)
def test_an_alias_admits_its_model_under_its_name_alone(world, model, allowed, headers):
    with pytest.raises(Refusal) as caught:
        planned(world, model, allowed, **headers)
    assert (caught.value.status, caught.value.code, caught.value.scope) == (403, "model_not_allowed", "key")


def test_circles_and_names_of_nothing_are_told_apart():
    good, wrong = resolved(
        {"a": "b", "b": "c", "c": "a", "me": "me", "x": "gpt-4", "y": "x", "z": "@p/m", "": "@p/m", "@q": "@p/m", "v": "@/m"}
    )
    assert good == {"z": "@p/m"}
    assert wrong["a"] == "goes round in a circle: a → b → c → a"
    assert wrong["me"] == "goes round in a circle: me → me"
    assert "'gpt-4' is neither" in wrong["x"]
    assert "'gpt-4' is neither" in wrong["y"]
    assert "'@/m' is neither" in wrong["v"]
    assert all("does not begin with '@'" in wrong[name] for name in ("", "@q"))


def models(app, path, key=""):
    headers = (("authorization", f"Bearer {key}"),) if key else AUTH
    return ask(app.gateway, "GET", path, headers=headers)


def test_aliases_are_listed_with_what_is_known_of_the_model(tmp_path):
    app = make_app(tmp_path, CONFIG)
    listed = {model["id"]: model for model in models(app, "/v1/models").json["data"]}
    assert listed["fast"]["canonical_slug"] == "llama-3.3-70b-versatile"
    assert listed["fast"]["provider"] == "groq"
    assert listed["gpt-4.1"]["context_window"] == listed["@groq/openai/gpt-oss-120b"]["context_window"] == 131072
    one = models(app, "/v1/models/fast")
    assert (one.status, one.json["id"], one.json["display_name"]) == (200, "fast", "fast")


def test_a_list_has_the_aliases_of_its_provider_and_of_its_key(tmp_path):
    app = make_app(tmp_path, CONFIG)

    def aliases(path, key=""):
        return [model["id"] for model in models(app, path, key).json["data"] if model["id"][0] != "@"]

    assert aliases("/v1/models?provider=openai") == []
    assert aliases("/v1/models?provider=groq") == ["fast", "default", "gpt-4.1"]
    assert aliases("/v1/models", "key-by-alias-0123456789") == ["fast"]
    assert aliases("/v1/models", "key-by-model-0123456789") == ["fast", "default"]


def test_an_alias_is_what_was_asked_and_its_model_what_was_sent(tmp_path):
    app = make_app(tmp_path, 'aliases: {pet: "@sim/chat"}')
    body = {"model": "pet", "messages": [{"role": "user", "content": "hi"}]}
    answer = ask(app.gateway, "POST", "/v1/chat/completions", body=body, headers=AUTH)
    assert answer.status == 200
    (record,) = records(tmp_path)
    assert (record.model_asked, record.provider, record.model_sent) == ("pet", "sim", "chat")
