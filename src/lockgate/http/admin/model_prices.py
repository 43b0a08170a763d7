"""/v1/model-configs/pricing: what models cost, from the price list, for everyone."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from lockgate.control.pricing import shown_price
from lockgate.core.failure import Refusal
from lockgate.http.admin.ask import Guest
from lockgate.policy.price import Flat
from lockgate.providers.table import TABLE


class ContextTier(msgspec.Struct, frozen=True, kw_only=True):
    """What all tokens cost from more than so many input tokens on."""

    above_input_tokens: int
    pay_as_you_go: dict[str, Any]


class ModelPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What a model costs: in US cents for a token, other units in cents each. `calculate` is how a request is priced."""

    pay_as_you_go: dict[str, Any]
    calculate: dict[str, Any]
    currency: Literal["USD"] = "USD"
    finetune_config: None = None
    context_tiers: list[ContextTier] | UnsetType = UNSET
    service_tiers: dict[str, dict[str, Any]] | UnsetType = UNSET


def read(ask: Guest) -> ModelPrice:
    """Look up what a model costs."""
    provider, model = ask.params["provider"], ask.params["model"]
    row = TABLE.get(provider)
    if row is None:
        raise Refusal(404, "unknown_provider", f"No provider is called '{provider[:100]}'.", param="provider")
    flat = ask.office.snapshot().prices.listed(row, row.named(model), ask.now_us)
    if flat is None:
        raise Refusal(404, "price_not_found", f"No price is known of '{model[:200]}' at {row.name}.", param="model")
    return _shown(flat)


def _shown(flat: Flat) -> ModelPrice:
    above = [ContextTier(above_input_tokens=start, pay_as_you_go=shown_price(dearer)) for start, dearer in flat.above]
    return ModelPrice(
        pay_as_you_go=shown_price(flat),
        calculate=_CALCULATE,
        context_tiers=above or UNSET,
        service_tiers={tier: shown_price(each) for tier, each in flat.tiers.items()} if flat.tiers else UNSET,
    )


def _times(count: str, rate: str) -> dict[str, Any]:
    return {"operation": "multiply", "operands": [{"value": count}, {"value": f"rates.{rate}"}]}


#: Input that is cached or written to a cache is counted apart from the rest.
_CALCULATE: dict[str, Any] = {
    "request": {
        "operation": "sum",
        "operands": [
            _times("input_tokens", "request_token"),
            _times("cache_read_tokens", "cache_read_input_token"),
            _times("cache_write_tokens", "cache_write_input_token"),
        ],
    },
    "response": _times("output_tokens", "response_token"),
}
