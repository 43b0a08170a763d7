"""Golden requests through every row: what goes out for one provider, asked in one dialect and spoken to in another."""

import json
from functools import cache

import pytest

from lockgate.control.compile import compile_snapshot
from lockgate.control.config import read_text
from lockgate.core.call import Call, Principal
from lockgate.core.failure import Refusal
from lockgate.core.sheet import Sheet
from lockgate.dialects.registry import CODECS
from lockgate.http.routes import SCOPES
from lockgate.pipeline.choose import Ask
from lockgate.pipeline.prepare import prepare
from lockgate.pipeline.target import Lane, Target
from lockgate.providers.auth import SIGNERS
from lockgate.providers.auth.static import carry
from lockgate.providers.table import TABLE, joined, read_table
from support.house import first_target
from support.rows import HOST, sample_params, sample_row

EVERYONE = Principal("1", "app")
KEY = "sk-golden-1234567890"
#: A request that uses what providers spell differently, in two dialects.
CHAT = {
    "model": "m-1",
    "messages": [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "Is it raining?"}],
    "max_completion_tokens": 64,
    "temperature": 0.5,
    "seed": 7,
    "user": "u-1",
    "store": True,
    "logprobs": True,
    "logit_bias": {"50256": -100},
    "frequency_penalty": 0.1,
    "reasoning_effort": "none",
    "stream": True,
    "x_unknown": {"kept": True},
}
CLAUDE = {
    "model": "m-1",
    "system": "Be brief.",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "Is it raining?"}]}],
    "max_tokens": 64,
    "temperature": 0.5,
    "top_k": 5,
    "metadata": {"user_id": "u-1"},
    "stream": True,
    "x_unknown": {"kept": True},
}
ASKED = {"openai.chat": CHAT, "anthropic.messages": CLAUDE}

STATIC = [row for row in TABLE.values() if row.auth not in SIGNERS and row.speaks and not row.variants]
WAYS = [(row.slug, caller, spoken) for row in STATIC for caller in ASKED for spoken in row.speaks]


@cache
def make_world(slug):
    row = TABLE[slug]
    entry = {"api_key": KEY, "params": sample_params(row), **({} if row.base_url else {"base_url": HOST})}
    if row.builtin:
        del entry["api_key"]
    config = read_text(json.dumps({"providers": {slug: entry}, "egress": {"allow": ["127.0.0.0/8", "*.example"]}}), {})
    return compile_snapshot(config, environment={}, pepper=b"p", scopes=SCOPES)


def call_of(dialect, body, **headers):
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return Call("id", "trace", 0, 0.0, "POST", "/", b"", named, "chat", dialect, body=json.dumps(body).encode())


def sent(world, slug, caller, spoken):
    """What goes out, and its body."""
    provider = world.providers[slug]
    lane = Lane(CODECS[caller], CODECS[spoken], provider.row.speaks[spoken])
    target = Target(provider, lane, "m-1", provider.deadlines)
    call = call_of(caller, ASKED[caller])
    prepared = prepare(call, Sheet.open(call.body), f"@{slug}/m-1", True, target)
    return prepared, json.loads(prepared.outgoing.body)


@pytest.mark.parametrize(("slug", "caller", "spoken"), WAYS)
def test_a_golden_request_goes_out_right(slug, caller, spoken):
    prepared, body = sent(make_world(slug), slug, caller, spoken)
    row = sample_row(TABLE[slug])
    endpoint = row.speaks[spoken]
    out = prepared.outgoing
    assert out.method == "POST"
    base = "/v1" if row.builtin else "/" + row.base_url.split("/", 3)[3] if row.base_url.count("/") > 2 else ""
    assert out.target.decode() == joined(base, endpoint.target("m-1", stream=True))
    for name, value in [*row.headers.items(), *carry(row.auth, KEY)]:
        assert (name.encode(), value.encode()) in out.headers or row.builtin
    assert b"sk-golden" not in out.target
    assert b"sk-golden" not in out.body
    assert body.get("model") == "m-1" or "m-1" in out.target.decode()
    assert body["x_unknown"] == {"kept": True}


@pytest.mark.parametrize(("slug", "caller", "spoken"), WAYS)
def test_a_golden_request_keeps_its_meaning(slug, caller, spoken):
    _, body = sent(make_world(slug), slug, caller, spoken)
    read = CODECS[spoken].read_request(Sheet.open(json.dumps(body).encode()))
    texts = [(turn.role, part.text) for turn in read.turns for part in turn.parts]
    assert [text for _, text in texts] == ["Be brief.", "Is it raining?"]
    assert texts[0][0] in ("system", "developer")
    assert read.sampling.max_tokens == 64
    assert read.sampling.temperature == 0.5
    assert read.stream or "stream" in str(TABLE[slug].speaks[spoken].stream)


@pytest.mark.parametrize(("slug", "caller", "spoken"), [way for way in WAYS if way[2] in TABLE[way[0]].edits])
def test_the_row_s_edits_are_made(slug, caller, spoken):
    prepared, body = sent(make_world(slug), slug, caller, spoken)
    edits = TABLE[slug].edits[spoken]
    assert not set(body) & {*edits.drop, *edits.rename}
    assert not {turn["role"] for turn in body.get("messages") or body["input"]} & set(edits.roles)
    if caller == "openai.chat":
        assert {name for name in edits.drop if name in CHAT} <= set(prepared.losses)
        if said := edits.says.get("reasoning_effort"):
            assert "reasoning_effort" not in body
            assert said["none"].items() <= body.items()
    else:
        assert ("top_k" in body) == ("top_k" in edits.also)
        assert ("top_k" in prepared.losses) != ("top_k" in edits.also)


@pytest.mark.parametrize(
    ("slug", "rejected"),
    [
        # https://github.com/zed-industries/zed/issues/57122, https://github.com/Gitlawb/openclaude/issues/739
        ("mistral-ai", ["max_completion_tokens", "store", "stream_options", "seed"]),
        ("cerebras", ["frequency_penalty", "logit_bias", "store"]),  # https://inference-docs.cerebras.ai/resources/openai
        ("groq", ["logprobs", "logit_bias"]),  # https://console.groq.com/docs/openai
    ],
)
@pytest.mark.parametrize("caller", ASKED)
def test_no_provider_is_sent_what_it_is_known_to_reject(slug, rejected, caller):
    _, body = sent(make_world(slug), slug, caller, "openai.chat")
    assert not set(rejected) & set(body)


#: What providers' own documentation says, written down a second time: slug, dialect, address, header.
DOCUMENTED = [
    ("openai", "openai.chat", "https://api.openai.com/v1/chat/completions", "authorization"),
    ("openai", "openai.responses", "https://api.openai.com/v1/responses", "authorization"),
    ("anthropic", "anthropic.messages", "https://api.anthropic.com/v1/messages", "x-api-key"),
    (
        "google",
        "gemini.generate",
        "https://generativelanguage.googleapis.com/v1beta/models/m-1:streamGenerateContent?alt=sse",
        "x-goog-api-key",
    ),
    ("cohere", "cohere.chat", "https://api.cohere.com/v2/chat", "authorization"),
    ("groq", "openai.chat", "https://api.groq.com/openai/v1/chat/completions", "authorization"),
    ("groq", "openai.responses", "https://api.groq.com/openai/v1/responses", "authorization"),
    ("mistral-ai", "openai.chat", "https://api.mistral.ai/v1/chat/completions", "authorization"),
    ("mistral-ai", "openai.responses", "https://api.mistral.ai/v1/responses", "authorization"),
    ("openrouter", "openai.chat", "https://openrouter.ai/api/v1/chat/completions", "authorization"),
    ("openrouter", "anthropic.messages", "https://openrouter.ai/api/v1/messages", "authorization"),
    ("deepseek", "openai.chat", "https://api.deepseek.com/v1/chat/completions", "authorization"),
    ("deepseek", "openai.responses", "https://api.deepseek.com/responses", "authorization"),
    ("deepseek", "anthropic.messages", "https://api.deepseek.com/anthropic/v1/messages", "authorization"),
    ("z-ai", "openai.chat", "https://api.z.ai/api/paas/v4/chat/completions", "authorization"),
    ("z-ai", "anthropic.messages", "https://api.z.ai/api/anthropic/v1/messages", "authorization"),
    ("z-ai-coding", "openai.chat", "https://api.z.ai/api/coding/paas/v4/chat/completions", "authorization"),
    ("zhipu", "openai.chat", "https://open.bigmodel.cn/api/paas/v4/chat/completions", "authorization"),
    ("zhipu", "openai.responses", "https://open.bigmodel.cn/api/v1/responses", "authorization"),
    ("upstage", "openai.responses", "https://api.upstage.ai/v1/responses", "authorization"),
    ("moonshot", "openai.chat", "https://api.moonshot.ai/v1/chat/completions", "authorization"),
    ("moonshot", "openai.responses", "https://api.moonshot.ai/v1/responses", "authorization"),
    ("moonshot", "anthropic.messages", "https://api.moonshot.ai/anthropic/v1/messages", "authorization"),
    ("minimax", "anthropic.messages", "https://api.minimax.io/anthropic/v1/messages", "authorization"),
    ("minimax", "openai.responses", "https://api.minimax.io/v1/responses", "authorization"),
    (
        "dashscope",
        "openai.chat",
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions",
        "authorization",
    ),
    ("dashscope", "anthropic.messages", "https://dashscope-intl.aliyuncs.com/apps/anthropic/v1/messages", "authorization"),
    ("qianfan", "openai.chat", "https://qianfan.baidubce.com/v2/chat/completions", "authorization"),
    ("qianfan", "anthropic.messages", "https://qianfan.baidubce.com/anthropic/v1/messages", "authorization"),
    ("stepfun", "anthropic.messages", "https://api.stepfun.ai/v1/messages", "authorization"),
    ("xiaomi", "openai.responses", "https://api.xiaomimimo.com/v1/responses", "authorization"),
    ("dashscope", "openai.responses", "https://dashscope-intl.aliyuncs.com/compatible-mode/v1/responses", "authorization"),
    ("x-ai", "openai.responses", "https://api.x.ai/v1/responses", "authorization"),
    ("fireworks-ai", "openai.chat", "https://api.fireworks.ai/inference/v1/chat/completions", "authorization"),
    ("fireworks-ai", "anthropic.messages", "https://api.fireworks.ai/inference/v1/messages", "authorization"),
    ("together-ai", "openai.chat", "https://api.together.ai/v1/chat/completions", "authorization"),
    ("huggingface", "openai.chat", "https://router.huggingface.co/v1/chat/completions", "authorization"),
    ("perplexity-ai", "openai.responses", "https://api.perplexity.ai/v1/responses", "authorization"),
    (
        "databricks",
        "openai.chat",
        "https://sample-1.cloud.databricks.com/serving-endpoints/chat/completions",
        "authorization",
    ),
    (
        "predibase",
        "openai.chat",
        "https://serving.app.predibase.com/sample-1/deployments/v2/llms/m-1/v1/chat/completions",
        "authorization",
    ),
    (
        "cloudflare-ai-gateway",
        "openai.chat",
        f"https://api.cloudflare.com/client/v4/accounts/{'0123456789abcdef' * 2}/ai/v1/chat/completions",
        "authorization",
    ),
    ("vercel", "anthropic.messages", "https://ai-gateway.vercel.sh/v1/messages", "authorization"),
    ("portkey", "openai.chat", "https://api.portkey.ai/v1/chat/completions", "x-portkey-api-key"),
    ("github", "openai.chat", "https://models.github.ai/inference/chat/completions", "authorization"),
    ("ollama", "openai.chat", "http://localhost:11434/v1/chat/completions", "authorization"),
    ("lmstudio", "openai.responses", "http://localhost:1234/v1/responses", "authorization"),
    ("vllm", "anthropic.messages", "http://localhost:8000/v1/messages", "authorization"),
    ("sglang", "anthropic.messages", "http://localhost:30000/v1/messages", "authorization"),
]


@pytest.mark.parametrize(("slug", "dialect", "url", "header"), DOCUMENTED)
def test_requests_go_where_the_documentation_says(slug, dialect, url, header):
    world = make_world(slug)
    prepared, _ = sent(world, slug, "openai.chat", dialect)
    where = world.providers[slug].destination
    port = "" if where.port in (80, 443) else f":{where.port}"
    assert f"{where.scheme}://{where.host}{port}{prepared.outgoing.target.decode()}" == url
    assert any(name == header.encode() and b"sk-golden" in value for name, value in prepared.outgoing.headers)


#: Base URLs as Portkey's users write custom_host, and the path of a chat request (or what the provider has instead).
CUSTOM_HOSTS = [
    ("openai", "/v1", "/v1/responses"),
    ("anthropic", "/v1", "/v1/messages"),
    ("mistral-ai", "/v1", "/v1/chat/completions"),
    ("cerebras", "/v1", "/v1/chat/completions"),
    ("groq", "/openai/v1", "/openai/v1/chat/completions"),
    ("openrouter", "/api", "/api/v1/chat/completions"),
    ("z-ai", "/api/paas/v4", "/api/paas/v4/chat/completions"),
    ("zhipu", "/api/paas/v4", "/api/paas/v4/chat/completions"),
    ("deepseek", "", "/v1/chat/completions"),
    ("huggingface", "", "/v1/chat/completions"),
    ("cohere", "", "/v2/chat"),
    ("google", "", "/v1beta/models/m-1:generateContent"),
    ("ollama", "", "/v1/chat/completions"),
    ("ollama", "/v1", "/v1/chat/completions"),
    ("together-ai", "", "/v1/chat/completions"),
    ("fireworks-ai", "/inference/v1", "/inference/v1/chat/completions"),
    ("modal", "/v1", "/v1/chat/completions"),
]


@pytest.mark.parametrize(("slug", "base", "path"), CUSTOM_HOSTS)
def test_a_custom_host_is_written_as_portkey_s_users_do(slug, base, path):
    world = make_world("openai")
    config = {"provider": slug, "api_key": "k", "custom_host": f"https://own.example{base}"}
    call = call_of("gemini.generate", {}, x_portkey_config=json.dumps(config))
    call.dialect = next(iter(TABLE[slug].speaks))
    target = first_target(call, Ask("m-1"), EVERYONE, world)
    assert target.provider.destination.host == "own.example"
    assert target.provider.path(target.lane.endpoint, "m-1", False).decode() == path


def test_an_imaginary_provider_takes_one_row(monkeypatch):
    row = """
[imaginary]
name = "Imaginary"
docs = "https://imaginary.example/docs"
base_url = "https://{tenant}.imaginary.example/v9"
env = ["IMAGINARY_KEY"]
slots = { tenant = { env = "IMAGINARY_TENANT" } }
speaks = { "openai.chat" = "/chat" }
edits = "engine"
"""
    monkeypatch.setitem(TABLE, "imaginary", read_table(row)["imaginary"])
    environment = {"IMAGINARY_KEY": KEY, "IMAGINARY_TENANT": "acme"}
    world = compile_snapshot(read_text("", {}), environment=environment, pepper=b"p", scopes=SCOPES)
    call = call_of("anthropic.messages", CLAUDE)
    target = first_target(call, Ask("@imaginary/m-1"), EVERYONE, world)
    out = prepare(call, Sheet.open(call.body), "@imaginary/m-1", True, target).outgoing
    assert target.provider.destination.host == "acme.imaginary.example"
    assert out.target == b"/v9/chat"
    assert (b"authorization", f"Bearer {KEY}".encode()) in out.headers
    assert json.loads(out.body)["max_tokens"] == 64
    assert json.loads(out.body)["top_k"] == 5


@pytest.mark.parametrize("slug", [row.slug for row in TABLE.values() if row.proxy])
def test_who_has_no_chat_says_so(slug):
    world = make_world(slug)
    with pytest.raises(Refusal) as caught:
        first_target(call_of("openai.chat", CHAT), Ask(f"@{slug}/m-1"), EVERYONE, world)
    assert (caught.value.status, caught.value.code) == (400, "no_conversation")
    assert TABLE[slug].name in caught.value.message


def test_a_caller_s_account_fills_the_slots():
    config = {"provider": "databricks", "api_key": "k", "databricks_workspace": "dbc-1"}
    call = call_of("openai.chat", CHAT, x_portkey_config=json.dumps(config))
    assert (
        first_target(call, Ask("m"), EVERYONE, make_world("openai")).provider.destination.host == "dbc-1.cloud.databricks.com"
    )
    call = call_of("openai.chat", CHAT, x_portkey_provider="databricks", x_portkey_databricks_workspace="dbc-2")
    found = first_target(call, Ask("m", "k"), EVERYONE, make_world("openai"))
    assert found.provider.destination.host == "dbc-2.cloud.databricks.com"


@pytest.mark.parametrize(
    ("config", "code", "param"),
    [
        ({"provider": "databricks", "api_key": "k"}, "missing_param", "config.databricks_workspace"),
        ({"provider": "databricks", "api_key": "k", "databricks_workspace": "x.evil.example/"}, "invalid_param", None),
        ({"provider": "databricks", "api_key": "k", "params": {"workspce": "a"}}, "unknown_param", "config.params.workspce"),
        ({"provider": "openai", "api_key": "k", "params": {"region": "a"}}, "unknown_param", "config.params.region"),
        ({"provider": "modal", "api_key": "k"}, "missing_base_url", "config.custom_host"),
    ],
)
def test_an_account_that_is_not_there_is_named(config, code, param):
    call = call_of("openai.chat", CHAT, x_portkey_config=json.dumps(config))
    with pytest.raises(Refusal) as caught:
        first_target(call, Ask("m"), EVERYONE, make_world("openai"))
    assert (caught.value.status, caught.value.code) == (400, code)
    assert caught.value.param == (param or "config.databricks_workspace")
