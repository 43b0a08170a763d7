"""What the official SDKs make of a stream that we wrote: their own accumulators, fed with our bytes."""

from __future__ import annotations

import json
from typing import Any

from anthropic._models import construct_type_unchecked as anthropic_model
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from openai._models import construct_type_unchecked as openai_model
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from lockgate.wire.sse import frames


def payloads(data: bytes) -> list[Any]:
    """The JSON payloads of a stream; `[DONE]` stays a text."""
    return ["[DONE]" if frame.data == b"[DONE]" else json.loads(frame.data) for frame in frames(data)]


def chat_completion(data: bytes) -> dict[str, Any]:
    """The completion that the OpenAI SDK builds from a chat stream."""
    state = ChatCompletionStreamState()
    for payload in payloads(data):
        if payload != "[DONE]":
            state.handle_chunk(openai_model(value=payload, type_=ChatCompletionChunk))
    return state.current_completion_snapshot.model_dump(mode="json", warnings=False)


def message(data: bytes) -> dict[str, Any]:
    """The message that the Anthropic SDK builds from a Messages stream."""
    snapshot = None
    buffers: dict[int, bytes] = {}
    for payload in payloads(data):
        event = anthropic_model(value=payload, type_=RawMessageStreamEvent)
        snapshot = accumulate_event(event=event, current_snapshot=snapshot, json_bufs=buffers)
    assert snapshot is not None
    return snapshot.model_dump(mode="json", warnings=False)
