"""What accounts say of prices, in Portkey's words, read as tariffs (`policy.tariff`).

A price is in US cents for a token (or a character), as https://github.com/Portkey-AI/models has them and
/v1/model-configs/pricing shows them; other units are in cents each. Whoever takes that for dollars for a million is ten
thousand times too dear, so a price that no model has is refused with a word on that.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, cast

from lockgate.core.failure import Refusal
from lockgate.core.holdings import Integration
from lockgate.policy.price import Flat, Row, Units
from lockgate.policy.tariff import Factors, Tariff

#: Portkey's names of what is priced → ours: tokens first, then what is counted one by one.
_TOKENS = {
    "request_token": "input",
    "response_token": "output",
    "cache_read_input_token": "cache_read",
    "cache_write_input_token": "cache_write",
    "request_audio_token": "audio_input",
    "response_audio_token": "audio_output",
    "reasoning_token": "reasoning",
}
_MORE = "additional_units"
_MORE_TOKENS = {"thinking_token": "reasoning", "cache_write_1h": "cache_write_1h", "character": "characters"}
_MORE_UNITS = {"web_search": "search", "request": "request", "page": "page", "audio_hour": "audio_hour"}
#: Portkey's names of factors → ours.
_FACTORS = {name: {"cache_read": "cached"}.get(ours, ours) for name, ours in _TOKENS.items()} | {"default": "default"}
_MORE_FACTORS = {"thinking_token": "reasoning", "cache_write_1h": "cache_write_1h", "web_search": "search"}
#: US cents for a token in USD for a million.
_PER_MILLION = Decimal(10_000)
_NANO_PER_CENT = 10**7
#: The highest price of a token, in cents: 1,000 USD for a million.
_MOST = Decimal("0.1")


def tariff_of(account: Integration) -> Tariff | None:
    """An account's tariff; None where the price list's prices are its own. Raises `Refusal` 400."""
    own: dict[str, Flat] = {}
    like: dict[str, str] = {}
    for model in account.models:
        price = price_of(model.pricing_config, f"models.{model.slug}.pricing_config")
        if price is not None:
            own[model.slug] = price
        elif model.base_model_slug:
            like[model.slug] = model.base_model_slug
    factors = factors_of(account.pricing_adjustments)
    return Tariff(own, like, factors) if own or like or factors is not None else None


def price_of(config: Mapping[str, Any], at: str = "pricing_config") -> Flat | None:
    """A `pricing_config`; None when it says no price. Raises `Refusal` 400."""
    at = f"{at}.pay_as_you_go"
    said = _object(config.get("pay_as_you_go") or {}, at)
    more = _object(said.get(_MORE) or {}, f"{at}.{_MORE}")
    prices: dict[str, Decimal] = {}
    for name, value in said.items():
        where = f"{at}.{name}"
        if name == "image":  # by quality and size, of which we know none
            prices[name] = _price(_only(_only(value, where), f"{where}.default"), f"{where}.default.default") / 100
        elif name != _MORE:
            ours = _known(name, _TOKENS, at)
            prices[ours] = _token(value, where)
    for name, value in more.items():
        where = f"{at}.{_MORE}.{name}"
        ours = _known(name, _MORE_TOKENS | _MORE_UNITS, f"{at}.{_MORE}")
        prices[ours] = _token(value, where) if name in _MORE_TOKENS else _price(value, where) / 100
    if not prices:
        return None
    try:
        return Row(**prices).flat()
    except ValueError as error:
        raise Refusal(400, "invalid_value", f"{error}.", param=at) from None


def shown_price(flat: Flat) -> dict[str, Any]:
    """A price as `pay_as_you_go` says it. What its list does not name costs what it is part of, and is not named."""
    units = flat.units or Units()

    def cents(rate: int) -> dict[str, float]:
        return {"price": float(Decimal(rate) / flat.per / _NANO_PER_CENT)}

    rates = {
        "request_token": (flat.input, None),
        "response_token": (flat.output, None),
        "cache_read_input_token": (flat.cached, flat.input),
        "cache_write_input_token": (flat.cache_write, flat.input),
        "request_audio_token": (flat.audio_input, flat.input),
        "response_audio_token": (flat.audio_output, flat.output),
    }
    shown: dict[str, Any] = {}
    for name, (rate, part_of) in rates.items():
        if (flat.tokens or rate) and rate != part_of and (flat.special or "audio" not in name):
            shown[name] = cents(rate)
    more = {
        "thinking_token": flat.reasoning if flat.special and flat.reasoning != flat.output else None,
        "cache_write_1h": flat.cache_write_1h if flat.cache_write_1h != flat.cache_write else None,
        "web_search": flat.search or None,
        "request": flat.request or None,
        "character": units.character,
        "page": units.page,
        "audio_hour": units.hour,
    }
    if found := {name: cents(rate) for name, rate in more.items() if rate is not None}:
        shown[_MORE] = found
    if units.image is not None:
        shown["image"] = {"default": {"default": cents(units.image)}}
    return shown


def factors_of(adjustments: Mapping[str, Any], at: str = "pricing_adjustments") -> Factors | None:
    """`pricing_adjustments`; None when they change nothing. Raises `Refusal` 400."""
    for name in adjustments:
        _known(name, {"multiplier": ""}, at)
    at = f"{at}.multiplier"
    said = _object(adjustments.get("multiplier") or {}, at)
    factors: dict[str, Decimal] = {}
    for name, value in said.items():
        where = f"{at}.{name}"
        if name == "image":
            factors[name] = _number(_only(value, where), f"{where}.default")
        elif name == _MORE:
            for each, factor in _object(value, where).items():
                factors[_known(each, _MORE_FACTORS, where)] = _number(factor, f"{where}.{each}")
        else:
            factors[_known(name, _FACTORS, at)] = _number(value, where)
    try:
        return Factors(**factors) if factors else None
    except ValueError as error:
        raise Refusal(400, "invalid_value", f"{error}.", param=at) from None


def _token(value: Any, at: str) -> Decimal:
    price = _price(value, at)
    if price > _MOST:
        raise Refusal(
            400,
            "invalid_value",
            f"A price is in US cents for one token, and {price} would be {price * _PER_MILLION:,f} USD for a million of them.",
            param=at,
        )
    return price * _PER_MILLION


def _price(value: Any, at: str) -> Decimal:
    said = _object(value, at)
    for name in said:
        _known(name, {"price": ""}, at)
    return _number(said.get("price"), f"{at}.price")


def _number(value: Any, at: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 10**9:
        raise Refusal(400, "invalid_type", f"'{at}' is a number, zero or more.", param=at)
    return Decimal(repr(value))


def _object(value: Any, at: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refusal(400, "invalid_type", f"'{at}' is an object.", param=at)
    return cast("dict[str, Any]", value)


def _only(value: Any, at: str) -> Any:
    """What an object says of "default", which is all that it may say."""
    said = _object(value, at)
    for name in said:
        _known(name, {"default": ""}, at)
    return said.get("default")


def _known(name: str, known: Mapping[str, str], at: str) -> str:
    if name not in known:
        raise Refusal(
            400,
            "unknown_member",
            f"'{name[:100]}' is not priced here; {', '.join(sorted(known))} are.",
            param=f"{at}.{name}"[:200],
        )
    return known[name]
