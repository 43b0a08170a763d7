"""What is said of an account's models and prices holds for requests: allowed, refused, charged."""

import pytest

from lockgate.core.call import Call
from lockgate.core.holdings import Integration
from lockgate.pipeline.choose import Ask as Asked
from lockgate.providers.prices import Prices
from lockgate.providers.table import TABLE
from support.asgi import ask
from support.house import KEY, first_target, records
from support.tenants import NOW

ASK = {"messages": [{"role": "user", "content": "Say pong."}]}
PRICE = {"pay_as_you_go": {"request_token": {"price": 0.01}, "response_token": {"price": 0.02}}}  # cents for a token


@pytest.fixture
def mine(admin):
    answer = admin.post("/v1/integrations", {"name": "x", "slug": "mine", "ai_provider_id": "sim", "workspace_id": "default"})
    assert answer.status == 200
    return "/v1/integrations/mine"


def asked(admin, model="", path="/v1/chat/completions", key=KEY):
    admin.reload()
    body = {**ASK, "model": model} if model else {}
    return ask(admin.app.gateway, "POST", path, body=body, headers=[("authorization", f"Bearer {key}")])


def charged(admin, tmp_path, model):
    """What an answer cost by what it says that it has used, at `PRICE`, and what its record says."""
    answer = asked(admin, model)
    assert answer.status == 200, answer
    usage = answer.json["usage"]
    record = records(tmp_path)[-1]
    return (usage["prompt_tokens"] + 2 * usage["completion_tokens"]) * 100_000, record.cost_nusd


def test_a_models_own_price_is_charged(admin, mine, tmp_path):
    admin.put(f"{mine}/models", {"models": [{"slug": "chat", "pricing_config": PRICE}]})
    expected, cost = charged(admin, tmp_path, "@mine/chat")
    assert cost == expected > 0
    asked(admin, "@sim/chat")
    assert records(tmp_path)[-1].cost_nusd == 0


def test_a_factor_is_charged(admin, mine, tmp_path):
    admin.put(f"{mine}/models", {"models": [{"slug": "chat", "pricing_config": PRICE}]})
    admin.put(mine, {"pricing_adjustments": {"multiplier": {"default": 0.25}}})
    expected, cost = charged(admin, tmp_path, "@mine/chat")
    assert cost == expected // 4 > 0
    assert "adjusted" in records(tmp_path)[-1].price_version


def test_it_is_another_workspaces_own(admin, mine, tmp_path):
    """Two workspaces have a provider of the same slug: each pays its own price."""
    body = {"name": "x", "slug": "theirs", "ai_provider_id": "sim", "workspace_id": "other", "default_provider_slug": "mine"}
    admin.post("/v1/integrations", body)
    admin.put("/v1/integrations/theirs/models", {"models": [{"slug": "chat", "pricing_config": PRICE}]})
    key = admin.key(admin.other)
    for by, free in ((key, False), (admin.key(admin.home), True)):
        answer = asked(admin, "@mine/chat", key=by)
        assert answer.status == 200, answer
        assert (records(tmp_path)[-1].cost_nusd == 0) is free


def test_it_is_not_that_of_an_account_which_a_caller_brings(admin):
    """Whatever an account is called here: a caller's own key has no price of ours, and counts in no budget of ours."""
    key = "sk-0123456789abcdef"
    body = {"name": "x", "slug": "acc", "ai_provider_id": "openai", "key": key, "workspace_id": "default"}
    assert admin.post("/v1/integrations", {**body, "default_provider_slug": "openai"}).status == 200
    admin.put("/v1/integrations/acc/models", {"models": [{"slug": "gpt-4o", "pricing_config": PRICE}]})
    world = admin.house.snapshot()
    principal = next(iter(world.keys.values()))

    def price(model, own="", **headers):
        call = Call(
            "r",
            "t",
            NOW,
            0.0,
            "POST",
            "/v1/chat/completions",
            b"",
            {name.encode(): value.encode() for name, value in headers.items()},
            "chat",
            "openai.chat",
        )
        target = first_target(call, Asked(model, own), principal, world)
        return world.prices.charged(target.row, target.model, NOW, target.provider.known_by).input

    listed = price("gpt-4o", "sk-of-the-caller", **{"x-portkey-provider": "openai"})
    assert listed == Prices().charged(TABLE["openai"], "gpt-4o", NOW).input
    assert price("@openai/gpt-4o") == 100_000_000_000 != listed


def test_a_budget_counts_by_it(admin, mine):
    admin.put(f"{mine}/models", {"models": [{"slug": "chat", "pricing_config": PRICE}]})
    world = admin.house.snapshot()
    provider = world.providers["mine"]
    worst = world.worst.of(provider.row, "chat", 0, provider.known_by)
    assert worst.ceiling is not None and worst.ceiling.version.startswith("override ")
    free = world.worst.of(provider.row, "chat", 0, "sim")
    assert free.ceiling is not None and free.ceiling.version == "free"


@pytest.mark.parametrize("allow_all", [True, False])
def test_a_model_that_is_disabled_is_refused_whatever_else_is_allowed(admin, mine, allow_all):
    models = [{"slug": "chat", "enabled": False}, {"slug": "other"}]
    admin.put(f"{mine}/models", {"models": models, "allow_all_models": allow_all})
    for name in ("@mine/chat", "@mine/CHAT"):
        answer = asked(admin, name)
        assert (answer.status, answer.json["error"]["code"]) == (403, "model_not_allowed"), answer
    admin.put(f"{mine}/models", {"models": [{"slug": "chat"}]})
    assert asked(admin, "@mine/chat").status == 200


def test_an_account_without_any_enabled_model_refuses_all(admin, mine):
    admin.put(f"{mine}/models", {"allow_all_models": False})
    answer = asked(admin, "@mine/chat")
    assert answer.status == 403 and "\x00" not in answer.json["error"]["message"]


def test_nothing_is_passed_through_where_a_model_is_disabled(admin, mine):
    admin.put(f"{mine}/models", {"models": [{"slug": "chat", "enabled": False}]})
    answer = asked(admin, path="/proxy/mine/v1/anything")
    assert (answer.status, answer.json["error"]["code"]) == (403, "pass_through_not_allowed")


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        (
            "/models",
            {"models": [{"slug": "a"}, {"slug": "b", "pricing_config": {"pay_as_you_go": {"request_token": {"price": 2.5}}}}]},
            "models[1].pricing_config.pay_as_you_go.request_token",
        ),
        ("", {"pricing_adjustments": {"multiplier": {"surprise": 1}}}, "pricing_adjustments.multiplier.surprise"),
    ],
)
def test_a_price_that_cannot_be_is_refused_with_its_place_and_not_kept(admin, mine, path, body, param):
    answer = admin.put(mine + path, body)
    assert (answer.status, answer.param) == (400, param)
    row = admin.rows(Integration)[0]
    assert row.models == [] and row.pricing_adjustments == {}
