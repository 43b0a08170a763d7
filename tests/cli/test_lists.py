import json

import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from lockgate.providers.table import TABLE


@pytest.fixture
def run():
    def run(*args, **environment):
        return CliRunner().invoke(cli, args, env=environment)

    return run


@pytest.fixture(scope="module")
def everything():
    return json.loads(CliRunner().invoke(cli, ["models", "--json"]).stdout)


def test_providers_lists_every_row(run):
    rows = json.loads(run("providers", "--json").stdout)
    assert [row["provider"] for row in rows] == sorted(TABLE)
    assert len(rows) >= 80


def test_a_provider_is_ready_when_its_key_is_in_the_environment(run):
    rows = {row["provider"]: row for row in json.loads(run("providers", "--json", GROQ_API_KEY="k").stdout)}
    assert rows["groq"]["ready"]
    assert rows["sim"]["ready"]
    assert not rows["fireworks-ai"]["ready"]
    assert rows["jina"]["dialects"] == ["proxy"]


def test_there_are_more_than_1600_priced_models(everything):
    priced = {model["id"]: model["price"] for model in everything if model["price"] is not None}
    assert len(priced) >= 1600
    assert len(priced) == sum(model["price"] is not None for model in everything)
    assert all(price["source"] for price in priced.values())
    tokens = [price for price in priced.values() if price["input"] is not None]
    assert len(tokens) >= 1600
    assert all(price["input"] >= 0 and price["output"] >= 0 for price in tokens)


def test_a_price_is_shown_by_what_it_is_for(everything, run):
    priced = {model["id"]: model["price"] for model in everything}
    assert (priced["@openai/whisper-1"]["input"], priced["@openai/whisper-1"]["audio_hour"]) == (None, 0.36)
    assert priced["@openai/tts-1"]["characters"] == 15
    assert (priced["@mistral-ai/mistral-ocr-4-0"]["page"], priced["@mistral-ai/mistral-ocr-4-0"]["annotated_page"]) == (
        0.004,
        0.005,
    )
    assert priced["@openai/gpt-4.1"]["tiers"]["priority"]["input"] == 3.5
    assert priced["@anthropic/claude-sonnet-4-5"]["search"] == 0.01
    line = next(
        line for line in run("models", "--provider", "openai").stdout.splitlines() if line.startswith("@openai/whisper-1 ")
    )
    assert "0.36/audio_hour" in line


def test_a_model_says_what_is_known_of_it(everything):
    model = next(model for model in everything if model["id"] == "@anthropic/claude-sonnet-4-5")
    assert (model["price"]["input"], model["price"]["output"], model["price"]["cached"]) == (3, 15, 0.3)
    assert model["context"]
    assert "image" in model["inputs"]
    assert "tools" in model["features"]


def test_a_list_price_of_someone_else_is_no_price(everything):
    model = next(model for model in everything if model["provider"] == "deepinfra")
    assert model["price"] is None
    assert model["listed_price"]["input"] > 0


def test_models_may_be_those_of_one_provider(run):
    shown = run("models", "--provider", "mistral-ai").stdout.splitlines()
    assert shown[0].startswith("MODEL")
    assert len(shown) > 20
    assert all(line.startswith("@mistral-ai/") for line in shown[1:])


def test_models_may_be_those_without_a_price(run):
    result = run("models", "--provider", "mistral-ai", "--unpriced")
    assert "mistral-ocr-latest" not in result.stdout
    assert "?" in result.stdout.splitlines()[1]
    assert " 0 with a price" in result.stderr


def test_an_unknown_provider_is_named(run):
    result = run("models", "--provider", "klingon")
    assert result.exit_code == 1
    assert "klingon" in result.stderr
