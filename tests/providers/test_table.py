import re

import pytest

from lockgate.core.failure import Refusal
from lockgate.dialects.registry import CODECS, RELAYS
from lockgate.providers.auth import SIGNERS
from lockgate.providers.auth.settings import Settings
from lockgate.providers.auth.static import SCHEMES, carry
from lockgate.providers.quirks import QUIRKS
from lockgate.providers.table import TABLE, Endpoint, joined, read_table
from lockgate.transport.destination import Destination
from support.rows import sample_row

#: Portkey's providers, by its slugs (https://github.com/Portkey-AI/gateway, src/providers), and those of its version 2.
# fmt: off
PORTKEY = [
    "302ai", "ai21", "aibadgr", "anthropic", "anyscale", "azure-ai", "azure-openai", "bedrock", "bytez", "cerebras",
    "cohere", "cometapi", "cortex", "dashscope", "deepbricks", "deepinfra", "deepseek", "featherless-ai",
    "fireworks-ai", "github", "google", "groq", "huggingface", "hyperbolic", "inference-net", "iointelligence", "jina",
    "kluster-ai", "krutrim", "lambda", "lemonfox-ai", "lepton", "lingyi", "matterai", "meshy", "milvus", "mistral-ai",
    "modal", "monsterapi", "moonshot", "ncompass", "nebius", "nextbit", "nomic", "novita-ai", "nscale", "ollama",
    "openai", "openrouter", "oracle", "ovhcloud", "palm", "perplexity-ai", "predibase", "qdrant", "recraft-ai",
    "reka-ai", "replicate", "sagemaker", "sambanova", "segmind", "siliconflow", "stability-ai", "together-ai",
    "tripo3d", "triton", "upstage", "vertex-ai", "voyage", "workers-ai", "x-ai", "z-ai", "zhipu", "databricks",
    "latitude", "pinecone", "portkey",
]
# fmt: on


@pytest.mark.parametrize("row", TABLE.values(), ids=lambda row: row.slug)
def test_every_row_can_be_used(row):
    spoken = {*row.speaks, *row.counts, *(name for each in row.variants for name in each.speaks or {})}
    does = {*row.operations, *(name for each in row.variants for name in each.operations or {})}
    assert spoken <= set(CODECS)
    assert does <= set(RELAYS) - set(CODECS) | {"openai.completions"}  # which nothing is translated into
    assert bool(spoken) != row.proxy
    assert row.auth == "none" or row.auth in SCHEMES or row.auth in SIGNERS
    assert row.keyless or row.env
    assert row.kind in ("clouds", "gateways", "hosts", "local", "makers", "media")
    assert row.name
    assert row.docs.startswith("https://") or row.builtin
    assert set(row.edits) <= spoken | does
    endpoints = [*row.speaks.values(), *row.operations.values(), *row.counts.values()]
    assert all(endpoint.path.startswith("/") and endpoint.stream[:1] in ("", "/") for endpoint in endpoints)
    assert all(not endpoint.quirk or endpoint.quirk in QUIRKS for endpoint in endpoints)
    if not row.builtin:
        assert Destination.parse(sample_row(row).base_url, trusted=True)[0].host


ENDS = ("a/b", "a?b", "a#b", "a b", "a\n", "..", "a\\b", "a%2fb", "https://evil.example", "")
ENDS_HOST = (*ENDS, "a@b", "a:80")


@pytest.mark.parametrize("slot", [(row.slug, name) for row in TABLE.values() for name in row.slots], ids="/".join)
def test_no_slot_admits_what_ends_its_place(slot):
    row, name = TABLE[slot[0]], slot[1]
    bases = [row.base_url, *(each.base_url or "" for each in row.variants)]
    if f"{{{name}}}" in bases:  # a whole address
        ends = ("https://evil.example", "http://a.azure.com", "https://evil.example/.azure.com", "")
    else:
        ends = ENDS_HOST if any(f"{{{name}}}" in base for base in bases) else ENDS
    for text in ends:
        assert not re.fullmatch(row.slots[name].pattern, text), text
    default = row.slots[name].default
    assert not default or re.fullmatch(row.slots[name].pattern, default)
    member = row.slots[name].member
    assert not member or member in Settings.__struct_fields__


def test_all_of_portkey_s_providers_are_here_under_their_names():
    assert len(set(PORTKEY)) == 77
    assert sorted(set(PORTKEY) - set(TABLE)) == []


def test_the_table_is_broad():
    assert len(TABLE) >= 125
    assert sum(bool(row.speaks or row.variants) for row in TABLE.values()) >= 100


def test_no_two_providers_have_a_key_in_the_same_variable_by_accident():
    shared = {"CLOUDFLARE_API_TOKEN"}  # one account, two services
    names = [name for row in TABLE.values() if row.auth not in SIGNERS for name in row.env if name not in shared]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_a_row_may_be_short():
    table = read_table(
        '[new]\nname = "New"\ndocs = ""\nbase_url = "https://new"\nspeaks = {"openai.chat" = "/c"}\nslots = {a = "[a-z]+"}'
    )
    assert table["new"].speaks["openai.chat"].target("m", stream=True) == "/c"
    assert table["new"].slots["a"].pattern == "[a-z]+"


def test_edits_are_like_those_that_are_named_and_more():
    rows = read_table(
        """
[a]
name = "A"
docs = ""
base_url = "https://a"
edits = "classic"
[b]
name = "B"
docs = ""
base_url = "https://b"
edits = { like = ["classic", "thinking"], drop = ["user"] }
[c]
name = "C"
docs = ""
base_url = "https://c"
edits = { "anthropic.messages" = { drop = ["metadata"] } }
"""
    )
    assert rows["a"].edits["openai.chat"].rename == {"max_completion_tokens": "max_tokens"}
    assert rows["b"].edits["openai.chat"].drop == ["user"]
    assert "none" in rows["b"].edits["openai.chat"].says["reasoning_effort"]
    assert list(rows["c"].edits) == ["anthropic.messages"]


def test_a_model_in_a_path_is_quoted():
    endpoint = Endpoint("/models/{model}:go", "/models/{model}:stream?alt=sse")
    assert endpoint.target("a/b?c#d", stream=False) == "/models/a%2Fb%3Fc%23d:go"
    assert endpoint.target("a", stream=True) == "/models/a:stream?alt=sse"
    assert Endpoint("/d/{deployment}/chat").target("llama:repo/1", stream=True) == "/d/llama/chat"


@pytest.mark.parametrize(
    ("base", "path", "whole"),
    [
        ("/v1", "/chat/completions", "/v1/chat/completions"),
        ("", "/v1/chat", "/v1/chat"),
        ("/v1", "/v1/chat", "/v1/chat"),
        ("/api/paas/v4", "/api/paas/v4/chat/completions", "/api/paas/v4/chat/completions"),
        ("/proxy/v1", "/v1/chat", "/proxy/v1/chat"),
        ("/v1/chat", "/v1/chat", "/v1/chat"),
        ("/v12", "/v1/chat", "/v12/v1/chat"),
        ("/a", "/b/a", "/a/b/a"),
    ],
)
def test_what_ends_the_base_and_begins_the_path_is_said_once(base, path, whole):
    assert joined(base, path) == whole


def test_a_provider_without_an_address_asks_for_one():
    with pytest.raises(Refusal) as caught:
        TABLE["milvus"].filled(Settings(), {})
    assert (caught.value.code, caught.value.param) == ("missing_base_url", "base_url")
    assert TABLE["milvus"].filled(Settings(), {}, "https://mine").base_url == "https://mine"


def test_a_bare_model_finds_its_provider():
    assert TABLE["openai"].owns("gpt-4.1")
    assert not TABLE["openai"].owns("claude-sonnet-4-5")


def test_a_key_travels_as_the_scheme_says():
    assert carry("bearer", "k") == [("authorization", "Bearer k")]
    assert carry("x-api-key", "k") == [("x-api-key", "k")]
    assert carry("token", "k") == [("authorization", "Token k")]
    assert carry("none", "k") == carry("bearer", "") == []
