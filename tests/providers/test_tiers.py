"""Service tiers: what an answer says of the tier that it was served in, in each dialect that says so, is what it is charged at."""

import json
from datetime import UTC, datetime

import pytest

from lockgate.dialects.registry import CODECS
from lockgate.providers.prices import Prices
from lockgate.providers.table import TABLE

NOW = int(datetime(2026, 11, 25, 12, tzinfo=UTC).timestamp() * 1e6)
MILLION = 1_000_000


def chat(tier):
    usage = {"prompt_tokens": MILLION, "completion_tokens": 0, "total_tokens": MILLION}
    message = {"role": "assistant", "content": "hi"}
    whole = {"id": "c", "model": "m", "service_tier": tier, "usage": usage}
    whole["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
    event = {**whole, "choices": [{"index": 0, "delta": message, "finish_reason": "stop"}]}
    return whole, b"data: " + json.dumps(event).encode() + b"\n\ndata: [DONE]\n\n"


def responses(tier):
    usage = {"input_tokens": MILLION, "output_tokens": 0, "total_tokens": MILLION}
    part = {"type": "output_text", "text": "hi", "annotations": []}
    item = {"type": "message", "id": "i", "role": "assistant", "status": "completed", "content": [part]}
    whole = {"id": "r", "object": "response", "model": "m", "status": "completed", "service_tier": tier, "usage": usage}
    whole["output"] = [item]
    event = {"type": "response.completed", "sequence_number": 1, "response": whole}
    return whole, b"event: response.completed\ndata: " + json.dumps(event).encode() + b"\n\n"


def messages(tier):
    said = {"speed": "fast", "service_tier": "standard"} if tier == "fast" else {"service_tier": tier}
    usage = {"input_tokens": MILLION, "output_tokens": 0, **said}
    whole = {
        "id": "a",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": "end_turn",
        "usage": usage,
    }
    begun = {"type": "message_start", "message": {**whole, "stop_reason": None}}
    ended = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 0}}
    events = (begun, ended, {"type": "message_stop"})
    return whole, b"".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events)


def generate(tier):
    usage = {"promptTokenCount": MILLION, "totalTokenCount": MILLION, "serviceTier": tier}
    whole = {"candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}]}, "finishReason": "STOP"}]}
    whole = {**whole, "usageMetadata": usage, "modelVersion": "m"}
    return whole, b"data: " + json.dumps(whole).encode() + b"\r\n\r\n"


CASES = [
    ("openai.chat", chat, "openai", "gpt-4.1", "default", 2.0),
    ("openai.chat", chat, "openai", "gpt-4.1", "priority", 3.5),
    ("openai.chat", chat, "openai", "gpt-5", "flex", 0.625),
    ("openai.responses", responses, "openai", "gpt-4.1", "default", 2.0),
    ("openai.responses", responses, "openai", "gpt-4.1", "priority", 3.5),
    ("openai.responses", responses, "openai", "gpt-5", "flex", 0.625),
    ("anthropic.messages", messages, "anthropic", "claude-fable-5", "standard", 10.0),
    ("anthropic.messages", messages, "anthropic", "claude-fable-5", "batch", 5.0),
    ("anthropic.messages", messages, "anthropic", "claude-fable-5-2", "fast", 16.0),
    ("gemini.generate", generate, "google", "gemini-3.8-flash-lite-tts", "flex", 0.25),
    ("gemini.generate", generate, "google", "gemini-3.8-flash-lite-tts", "PRIORITY", 0.9),
]


@pytest.fixture(scope="module")
def prices():
    return Prices()


@pytest.mark.parametrize(("dialect", "say", "provider", "model", "tier", "usd"), CASES)
def test_an_answer_is_charged_at_its_tier(prices, dialect, say, provider, model, tier, usd):
    whole, stream = say(tier)
    codec = CODECS[dialect]
    tap, reader = codec.tap(False), codec.reader()
    tap.feed(stream)
    used = [event.usage for event in reader.feed(stream) if type(event).__name__ == "Used"]
    read = codec.read_reply(json.dumps(whole).encode())
    for usage in (codec.observe(json.dumps(whole).encode()).usage, read.usage, tap.outcome.usage, used[-1]):
        priced = prices.cost(TABLE[provider], model, "", usage, NOW)
        assert priced.nusd == usd * 1e9


def test_batches_are_priced_where_the_catalogue_says(prices):
    """The tier by which a batch's answers will be charged, whoever reads them."""
    for provider, model in (
        ("openai", "gpt-4.1"),
        ("google", "claude-fable-5-2"),
        ("groq", "openai/gpt-oss-120b"),
        ("mistral", "codestral-latest"),
        ("x-ai", "grok-4.20"),
        ("anthropic", "claude-fable-5"),
    ):
        flat = prices.flat(provider, model, NOW)
        assert flat.tiers["batch"].input < flat.input
