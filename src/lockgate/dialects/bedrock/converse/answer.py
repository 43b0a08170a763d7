"""The answers that we write for callers of Converse, whole.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html#API_runtime_Converse_ResponseSyntax
"""

from __future__ import annotations

from typing import Any

from lockgate.core.content import Citation, Declined, Media, Native, Part, Text, Thinking, ToolCall
from lockgate.core.json import as_any, encode
from lockgate.core.reply import Choice, Finish, FinishReason, Reply, Usage
from lockgate.core.request import Request
from lockgate.dialects.bedrock.converse.media import format_of_image
from lockgate.dialects.bedrock.converse.shapes import FINISH, NAME
from lockgate.dialects.bedrock.converse.signing import reasoning_content
from lockgate.dialects.calls import asked_tool, free_arguments, input_of
from lockgate.dialects.codec import Voice

_Object = dict[str, Any]

_WORD: dict[FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
    "pause": "end_turn",
    "unknown": "end_turn",
}


def write_reply(reply: Reply, voice: Voice) -> bytes:
    """The answer's body: of several choices the first, as one was asked for."""
    choice = reply.choices[0] if reply.choices else Choice()
    content = [
        block for n, part in enumerate(choice.parts) for block in blocks_of(part, f"tooluse_{voice.id}_{n}", voice.request)
    ]
    made: _Object = {"output": {"message": {"role": "assistant", "content": content}}}
    made["stopReason"] = stop_reason(choice.finish)
    if additional := additional_fields(choice.finish):
        made["additionalModelResponseFields"] = additional
    made["usage"] = usage_object(reply.usage or Usage())
    made["metrics"] = {"latencyMs": 0}  # ours is not known here, and the member must be there
    if reply.service_tier in ("priority", "default", "flex", "reserved"):
        made["serviceTier"] = {"type": reply.service_tier}
    return encode(made)


def blocks_of(part: Part, call_id: str, request: Request) -> list[Any]:
    """The blocks of a part of an answer."""
    match part:
        case Text() if part.text and part.citations:
            cited = [citation_object(each) for each in part.citations]
            return [{"citationsContent": {"content": [{"text": part.text}], "citations": cited}}]
        case Text() | Declined() if part.text:
            return [{"text": part.text}]
        case Thinking():
            content = reasoning_content(part)
            return [] if content is None else [{"reasoningContent": content}]
        case ToolCall():
            arguments = free_arguments(part.arguments) if part.custom else part.arguments
            return [{"toolUse": {**call_start(part, call_id, request), "input": input_of(arguments)}}]
        case Media() if part.kind == "image" and part.data:
            return [{"image": {"format": format_of_image(part.mime), "source": {"bytes": part.data}}}]
        case Native() if part.dialect == NAME:
            return [as_any(part.raw)]
        case Media() if part.url:
            return [{"text": part.url}]
        case _:
            return []


def call_start(part: ToolCall, call_id: str, request: Request) -> _Object:
    """A call's id and the name that the caller gave the tool."""
    tool = asked_tool(part.name, request)
    return {"toolUseId": part.id or call_id, "name": tool.name if tool is not None else part.name}


def stop_reason(finish: Finish | None) -> str:
    """Why an answer ended; the provider's own word when it is one of this dialect's."""
    if finish is None:
        return "end_turn"
    if finish.stop_sequence is not None:
        return "stop_sequence"
    return finish.raw if finish.raw in FINISH else _WORD[finish.reason]


def additional_fields(finish: Finish | None) -> _Object:
    """What is told beside the answer."""
    return {} if finish is None or finish.stop_sequence is None else {"stop_sequence": finish.stop_sequence}


def citation_object(citation: Citation) -> _Object:
    """A citation as this dialect writes it."""
    made: _Object = {}
    if citation.title:
        made["title"] = citation.title
    if citation.quote:
        made["sourceContent"] = [{"text": citation.quote}]
    if citation.url:
        made["location"] = {"web": {"url": citation.url}}
    return made


def usage_object(usage: Usage) -> _Object:
    """Tokens used; what the cache gave and took is counted beside the input here."""
    made: _Object = {
        "inputTokens": max(0, usage.input - usage.cached - usage.cache_write),
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output,
    }
    if usage.cached or usage.cache_write:
        made["cacheReadInputTokens"] = usage.cached
        made["cacheWriteInputTokens"] = usage.cache_write
    if usage.cache_write_1h:
        details = [{"ttl": "1h", "inputTokens": usage.cache_write_1h}]
        if usage.cache_write > usage.cache_write_1h:
            details.append({"ttl": "5m", "inputTokens": usage.cache_write - usage.cache_write_1h})
        made["cacheDetails"] = details
    return made
