"""Portkey's SDK, unmodified, on extended answers: a transport hands it the bytes that the chat dialect writes."""

from __future__ import annotations

import json

import httpx
import portkey_ai
import pytest

from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic import messages
from lockgate.dialects.codec import Voice
from lockgate.dialects.gemini import generate
from lockgate.dialects.openai import chat
from support.canonical import GOLDEN, fold, read_stream

ASK = [{"role": "user", "content": "Weather?"}]


class House:
    """Answers every request with a transcript in the caller's manner, and keeps what it was sent."""

    def __init__(self, codec, transcript):
        self.codec = codec
        self.events = read_stream(codec, (GOLDEN / f"{transcript}.sse").read_bytes())
        self.asked = []

    def __call__(self, request):
        self.asked.append(json.loads(request.content))
        assert request.headers["x-portkey-strict-open-ai-compliance"] == "false"  # the SDK says so by itself
        voice = Voice("01JX", 1767225600, Request("m"), manner="extended")
        if not self.asked[-1].get("stream"):
            content = chat.CODEC.write_reply(fold(self.events), voice)
            return httpx.Response(200, headers={"content-type": "application/json"}, content=content)
        writer = chat.CODEC.writer(voice)
        content = writer.feed(self.events) + writer.end()
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=content)

    def sent(self, model):
        """What the provider is sent for the last request."""
        request = chat.CODEC.read_request(Sheet.open(json.dumps(self.asked[-1]).encode()))
        request.model = model
        return json.loads(self.codec.write_request(request).bytes())


@pytest.fixture
def asking():
    clients = []

    def open_client(house):
        clients.append(httpx.Client(transport=httpx.MockTransport(house)))
        return portkey_ai.Portkey(base_url="http://house/v1", api_key="x", http_client=clients[-1])

    yield open_client
    for client in clients:
        client.close()


def go_on(client, message):
    """The next question, behind the answer as the SDK has it."""
    results = [{"role": "tool", "tool_call_id": call.id, "content": "sunny"} for call in message.tool_calls]
    history = [*ASK, message.model_dump(exclude_none=True), *results]
    client.chat.completions.create(model="m", messages=history)


def test_claude_s_reasoning_is_read_whole_and_given_back(asking):
    house = House(messages.CODEC, "anthropic_messages/tools")
    client = asking(house)
    message = client.chat.completions.create(model="m", messages=ASK).choices[0].message
    thinking, text = message.content_blocks
    assert (thinking["type"], thinking["thinking"], text["text"]) == ("thinking", "Two calls then.", "Looking.")
    go_on(client, message)
    back = house.sent("claude-sonnet-4-5")["messages"][1]["content"]
    assert back[:2] == [thinking, text]
    assert [block["type"] for block in back[2:]] == ["tool_use", "tool_use"]


def test_claude_s_reasoning_is_gathered_from_a_stream(asking):
    client = asking(House(messages.CODEC, "anthropic_messages/tools"))
    blocks = {}
    for chunk in client.chat.completions.create(model="m", messages=ASK, stream=True):
        for block in getattr(chunk.choices[0].delta, "content_blocks", []) if chunk.choices else []:
            for name, value in block["delta"].items():
                members = blocks.setdefault(block["index"], {})
                members[name] = members.get(name, "") + value
    assert blocks == {0: {"thinking": "Two calls then.", "signature": "RXFvQg=="}, 1: {"text": "Looking."}}


def test_gemini_s_signatures_go_back_on_their_calls(asking):
    house = House(generate.CODEC, "gemini_generate/tools")
    client = asking(house)
    message = client.chat.completions.create(model="m", messages=ASK).choices[0].message
    assert message.tool_calls[0].function.thought_signature == "CallSignature+/AA="
    message.reasoning_details = None  # who has only what Portkey gives
    go_on(client, message)
    parts = house.sent("gemini-3-flash-preview")["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in parts if "functionCall" in part] == ["CallSignature+/AA=", None, None]


def test_gemini_s_grounding_is_read(asking):
    answer = asking(House(generate.CODEC, "gemini_generate/grounded")).chat.completions.create(model="m", messages=ASK)
    assert answer.citations == ["https://example.org/zugspitze", "https://example.net/berge"]
    chunks = answer.choices[0].groundingMetadata["groundingChunks"]
    assert [chunk["web"]["uri"] for chunk in chunks] == answer.citations
