"""providers/price_rows: what the package finds by a name and at a time, we find."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from genai_prices.data import providers

from lockgate.providers.bundled import bundled
from lockgate.providers.price_rows import Clause, Constraint, Model, Tiered, dashed

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
TIMES = [NOON, NOON - timedelta(days=400), NOON + timedelta(hours=8, minutes=29), NOON + timedelta(days=400)]
REQUESTS = [None, {"service_tier": "flex"}, {"service_tier": "priority"}, {"processing": "batch"}, {"speed": "fast"}]
ODD = [
    "gpt-4o-20240806",
    "GPT-4o",
    "us.anthropic.claude-haiku-4-5-20251001-v1:0",
    "claude-3-5-sonnet-20241022",
    "x-20251399",
    "nothing",
]


def names(provider):
    """Names that a provider may be asked for: of its own models, and of those whose models it sells."""
    makers = [each for each in providers if each.id in (provider.fallback_model_providers or ())]
    return [*(model.id for each in (provider, *makers) for model in each.models), *ODD]


def plain(prices):
    """Prices of either kind as what can be compared."""
    return {
        what: (price.base, [(tier.start, tier.price) for tier in price.tiers]) if hasattr(price, "tiers") else price
        for what, price in prices.items()
        if price is not None
    }


def test_every_name_finds_the_model_that_the_package_finds():
    catalogue, compared = bundled(), 0
    for provider in providers:
        seller = catalogue.seller(provider.id)
        for name in names(provider):
            theirs, ours = provider.find_model(name, all_providers=providers), catalogue._model(seller, name.lower())
            assert (theirs and theirs.id) == (ours and ours.id), (provider.id, name)
            compared += theirs is not None
    assert compared > 2000


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("at", TIMES)
def test_every_model_is_priced_as_the_package_prices_it(at, request_):
    catalogue = bundled()
    for provider in providers:
        for theirs, ours in zip(provider.models, catalogue.seller(provider.id).models, strict=True):
            assert plain(theirs.get_prices(at, request_).__dict__) == plain(ours.priced(at, request_)), (provider.id, ours.id)


@pytest.mark.parametrize(
    ("clause", "admitted", "refused"),
    [
        ({"equals": "GPT"}, "gpt", "gpt-4"),
        ({"starts_with": "GPT"}, "gpt-4", "a-gpt"),
        ({"ends_with": "Mini"}, "gpt-mini", "mini-gpt"),
        ({"contains": "Mini"}, "a-mini-b", "mini"[:3]),
        ({"regex": "^o[13]$"}, "o1", "o12"),
        ({"or": [{"equals": "a"}, {"equals": "b"}]}, "b", "c"),
        ({"and": [{"starts_with": "a"}, {"ends_with": "z"}]}, "abz", "ab"),
    ],
)
def test_a_clause_says_which_names_are_meant(clause, admitted, refused):
    read = msgspec.convert(clause, Clause)
    assert (read.admits(admitted), read.admits(refused)) == (True, False)


@pytest.mark.parametrize("clause", [{}, {"equals": "a", "regex": "b"}, {"or": [{}]}, 5])
def test_a_clause_that_says_nothing_or_two_things_is_none(clause):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(clause, Clause)


@pytest.mark.parametrize(
    ("said", "hour", "active"),
    [
        ({"start_time": "16:30:00Z", "end_time": "00:30:00Z"}, 23, True),
        ({"start_time": "16:30:00Z", "end_time": "00:30:00Z"}, 12, False),
        ({"start_time": "08:00:00+08:00", "end_time": "10:00:00+08:00"}, 1, True),
        ({"start_time": "08:00:00+08:00", "end_time": "10:00:00+08:00"}, 8, False),
        ({"start_time": "06:00:00", "end_time": "07:00:00"}, 6, True),
    ],
)
def test_an_hour_of_the_day_may_cross_midnight_and_be_said_elsewhere(said, hour, active):
    constraint = msgspec.convert(said, Constraint)
    at = NOON.replace(hour=hour)
    assert constraint.active(at) is active
    change = min(constraint.changes(at))
    assert constraint.active(change - timedelta(microseconds=1)) is active
    assert constraint.active(change) is not active


@pytest.mark.parametrize("said", [{}, {"start_time": "06:00:00"}, {"start_date": "2026-01-01", "start_time": "06:00:00"}])
def test_a_constraint_that_is_half_or_double_is_none(said):
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(said, Constraint)


def test_a_model_without_prices_has_none():
    assert Model("m", Clause(equals="m")).priced(NOON) == {}
    assert Model("m", Clause(equals="m"), prices=[]).priced(NOON) == {}


def test_tiers_ascend_whatever_their_order():
    tiered = msgspec.convert({"base": "1", "tiers": [{"start": 9, "price": 3}, {"start": 5, "price": 2}]}, Tiered)
    assert [int(tiered.beyond(passed)) for passed in (-1, 4, 5, 9)] == [1, 1, 2, 3]


def test_a_date_is_dashed_if_it_is_one():
    assert dashed("m-20251211") == "m-2025-12-11"
    assert dashed("m-20251211-v1:0") == "m-2025-12-11-v1:0"
    assert dashed("m-20251399") == "m-20251399"
    assert dashed("m-202512111") == "m-202512111"
