"""Variants: what a row says otherwise for some accounts and models, and the names that models have there."""

import pytest

from lockgate.core.failure import Refusal
from lockgate.providers.auth.settings import Settings
from lockgate.providers.table import read_table

TEXT = """
[cloud]
name = "Cloud"
docs = "https://cloud.example/docs"
base_url = "https://{region}.cloud.example"
auth = "bearer"
speaks = { "openai.chat" = "/{project}/chat" }
names = { "maker/" = "", "old." = "old/" }
[cloud.slots]
region = "[a-z-]+"
project = "[a-z]+"
version = { pattern = "[0-9-]+|v1", default = "v1" }
[[cloud.variants]]
when = { region = "global" }
base_url = "https://cloud.example"
[[cloud.variants]]
when = { version = "20*" }
speaks = { "openai.chat" = "/{project}/{version}/{model}" }
[[cloud.variants]]
when = { project = "" }
speaks = { "openai.chat" = "/open/chat" }
[[cloud.variants]]
when = { project = "?*" }
models = ["claude-*", "opus"]
speaks = { "anthropic.messages" = { path = "/{project}/{model}:ask", stream = "/{project}/{model}:stream", quirk = "q" } }
headers = { x = "y" }
usage = "given"
"""
ROW = read_table(TEXT)["cloud"]


def filled(**params):
    return ROW.filled(Settings(params=params), {})


def test_a_variant_for_an_account_changes_the_row() -> None:
    assert filled(region="eu", project="p").base_url == "https://eu.cloud.example"
    assert filled(region="global", project="p").base_url == "https://cloud.example"
    dated = filled(region="eu", project="p", version="2024-10-21").speaks["openai.chat"]
    assert dated.target("a/b@1", stream=False) == "/p/2024-10-21/a%2Fb@1"


def test_an_operators_address_comes_before_a_variants() -> None:
    row = ROW.filled(Settings(params={"region": "global", "project": "p"}), {}, "https://own.example")
    assert row.base_url == "https://own.example"


def test_only_the_slots_of_what_is_left_are_needed() -> None:
    row = filled(region="eu")
    assert row.speaks["openai.chat"].path == "/open/chat" and row.variants == []
    with pytest.raises(Refusal) as told:
        filled(project="p")
    assert told.value.param == "params.region"


def test_a_variant_for_models_stands_beside_the_row() -> None:
    row = filled(region="eu", project="p")
    assert [row.variant(model) for model in ("claude-x", "opus", "gpt")] == [0, 0, -1]
    claude = row.variants[0].of(row)
    endpoint = claude.speaks["anthropic.messages"]
    assert list(claude.speaks) == ["anthropic.messages"] and endpoint.quirk == "q"
    assert endpoint.target("claude-x", stream=True) == "/p/claude-x:stream"
    assert (claude.usage, claude.headers, claude.base_url) == ("given", {"x": "y"}, row.base_url)
    assert row.usage == "asked" and row.headers == {}


def test_names_begin_as_the_provider_wants_them() -> None:
    assert [ROW.named(model) for model in ("maker/opus", "old.one", "gpt")] == ["opus", "old/one", "gpt"]


def test_a_value_that_is_no_safe_segment_is_refused() -> None:
    with pytest.raises(Refusal) as told:
        filled(region="eu", project="../x")
    assert told.value.param == "params.project"


ELSEWHERE = """
[cloud]
name = "Cloud"
docs = "https://cloud.example/docs"
base_url = "https://cloud.example"
slots = { zone = { pattern = "[a-z]+", default = "eu" } }
speaks = { "openai.chat" = "/chat" }
[[cloud.variants]]
models = ["ranker"]
base_url = "https://{zone}.ranks.example"
operations = { "jina.rerank" = "/rank" }
"""


def test_some_models_are_elsewhere_unless_the_operator_has_an_address_of_his_own() -> None:
    row = read_table(ELSEWHERE)["cloud"]
    there = row.filled(Settings(params={"zone": "us"}), {})
    assert (there.base_url, there.variants[0].base_url) == ("https://cloud.example", "https://us.ranks.example")
    own = row.filled(Settings(), {}, "https://own.example")
    assert own.variants[0].of(own).base_url == "https://own.example"
