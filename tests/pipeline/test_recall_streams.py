"""pipeline/recall: of streams, those that are whole are kept, wherever the others end."""

import asyncio
from pathlib import Path

import pytest

from lockgate.stores.cache.memory import MemoryCache
from lockgate.transport.exchange import CUT
from support.house import make_app
from support.stage import Stage, quiet

GOLDEN = Path(__file__).parents[1] / "golden"
CONFIG = """
providers:
  openai: {api_key: sk-openai-secret-1234567890}
  claude: {provider: anthropic, api_key: sk-ant-secret-1234567890}
  gemini: {provider: google, api_key: gm-secret-1234567890}
"""
SAYS = [{"role": "user", "content": "hi"}]
#: A dialect's transcripts → how it is asked, and what only a stream that has come to its end has said.
DIALECTS = {
    "openai_chat": ("@openai", "chat", "/v1/chat/completions", {"messages": SAYS}, b'"finish_reason":'),
    "openai_responses": ("@openai", "responses", "/v1/responses", {"input": "hi"}, b"response.completed"),
    "anthropic_messages": ("@claude", "", "/v1/messages", {"messages": SAYS, "max_tokens": 9}, b"message_stop"),
    "gemini_generate": ("@gemini", "", "/v1/chat/completions", {"messages": SAYS}, b"finishReason"),
}
STREAMS = sorted((path.parent.name, path.stem) for name in DIALECTS for path in (GOLDEN / name).glob("*.sse"))
#: What a model did not say to its end, or would say otherwise when it is asked again.
NEVER = ("error", "named_error", "refusal", "declined", "blocked", "pause", "failed", "cut_short", "azure_filter", "logprobs",
         "code")  # fmt: skip


@pytest.fixture
def stage(tmp_path):
    stage = Stage(make_app(tmp_path, CONFIG), tmp_path)
    stage.app.runtime.cache = MemoryCache(1 << 24)
    return stage


async def told(stage, dialect, body, end):
    """Whether a stream is kept that says so much, and then ends so."""
    provider, api, path, members, _ = DIALECTS[dialect]
    stage.app.runtime.cache = MemoryCache(1 << 24)
    config = {
        "provider": provider,
        "override_params": {"model": "m"},
        "cache": "simple",
        **({"upstream_api": api} if api else {}),
    }
    task = await stage.asks(config, {"model": "m", "stream": True, **members}, path)
    tried = stage.tries[-1].streams(body)
    if end is None:
        tried.ends()
    else:
        tried.fails(end)
    await quiet()
    await task
    return bool(stage.app.runtime.cache._answers)


@pytest.mark.parametrize(("dialect", "name"), STREAMS)
def test_a_whole_stream_is_kept_if_the_model_said_all(stage, dialect, name):
    kept = asyncio.run(told(stage, dialect, (GOLDEN / dialect / f"{name}.sse").read_bytes(), None))
    assert kept == (name not in NEVER)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("end", [None, CUT], ids=["end", "cut"])
def test_a_stream_that_ends_early_is_not_kept(stage, dialect, end):
    body = (GOLDEN / dialect / "text.sse").read_bytes()
    whole = body.rindex(DIALECTS[dialect][4])

    async def play():
        for at in range(1, whole, max(1, whole // 300)):
            assert not await told(stage, dialect, body[:at], end), at

    asyncio.run(play())


@pytest.mark.parametrize(("dialect", "name"), [each for each in STREAMS if each[1] not in NEVER])
def test_a_stream_whose_connection_breaks_is_not_kept(stage, dialect, name):
    body = (GOLDEN / dialect / f"{name}.sse").read_bytes()
    assert not asyncio.run(told(stage, dialect, body, CUT))
