"""/v1/model-configs/pricing."""

from decimal import Decimal

import msgspec
import pytest

from lockgate.policy.price import Row
from lockgate.providers.prices import Prices


def test_a_price_needs_no_key_and_is_in_cents_for_a_token(admin):
    answer = admin.get("/v1/model-configs/pricing/openai/gpt-4o", key="")
    assert answer.status == 200
    price = answer.json
    assert price["pay_as_you_go"]["request_token"] == {"price": 0.00025}
    assert price["pay_as_you_go"]["response_token"] == {"price": 0.001}
    assert price["pay_as_you_go"]["cache_read_input_token"] == {"price": 0.000125}
    assert (price["currency"], price["finetune_config"]) == ("USD", None)
    assert price["calculate"]["response"]["operation"] == "multiply"
    assert {each["operands"][1]["value"] for each in price["calculate"]["request"]["operands"]} == {
        "rates.request_token",
        "rates.cache_read_input_token",
        "rates.cache_write_input_token",
    }


def test_a_model_may_have_slashes_in_its_name(admin):
    price = admin.get("/v1/model-configs/pricing/openrouter/ai21/jamba-1.6-large", key="").json
    assert price["pay_as_you_go"]["response_token"]["price"] > 0


def test_long_contexts_and_service_tiers_have_prices_of_their_own(admin):
    price = admin.get("/v1/model-configs/pricing/google/gemini-2.5-pro", key="").json
    (tier,) = price["context_tiers"]
    assert tier["above_input_tokens"] == 200_000
    assert tier["pay_as_you_go"]["request_token"]["price"] > price["pay_as_you_go"]["request_token"]["price"]
    assert "context_tiers" not in admin.get("/v1/model-configs/pricing/openai/gpt-4o", key="").json


def test_what_is_free_is_known_to_be(admin):
    assert admin.get("/v1/model-configs/pricing/sim/chat", key="").json["pay_as_you_go"]["request_token"] == {"price": 0.0}


@pytest.mark.parametrize(("path", "param"), [("klingon/m", "provider"), ("openai/nobody-knows", "model")])
def test_what_is_not_known(admin, path, param):
    answer = admin.get(f"/v1/model-configs/pricing/{path}", key="")
    assert (answer.status, answer.param) == (404, param)


def test_the_gateways_own_prices_are_nobodys_business(admin):
    world = admin.app.world.snapshot
    dear = Prices({"openai/gpt-4o": Row(input=Decimal(7))})
    admin.app.world.snapshot = msgspec.structs.replace(world, prices=dear)
    price = admin.get("/v1/model-configs/pricing/openai/gpt-4o", key="").json
    assert price["pay_as_you_go"]["request_token"] == {"price": 0.00025}


def test_what_is_looked_up_can_be_said_of_an_integration(admin):
    admin.post("/v1/integrations", {"name": "x", "slug": "ours", "ai_provider_id": "openai", "key": "sk-0123456789"})
    price = admin.get("/v1/model-configs/pricing/openai/gpt-4o", key="").json["pay_as_you_go"]
    answer = admin.put(
        "/v1/integrations/ours/models", {"models": [{"slug": "my-tune", "pricing_config": {"pay_as_you_go": price}}]}
    )
    assert answer.status == 200, answer


def test_only_get_is_known(admin):
    assert admin.post("/v1/model-configs/pricing/openai/gpt-4o", {}, key="").status == 405
