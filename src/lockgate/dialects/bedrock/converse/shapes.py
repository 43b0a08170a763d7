"""The shapes of Converse's answers and streams, and what they mean in the canonical model.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html and API_runtime_ConverseStream.html,
and the service model that the AWS SDKs are made of (bedrock-runtime, 2023-09-30).
"""

from __future__ import annotations

import msgspec

from lockgate.core.content import Citation, Media, Native, Part, Text, Thinking, ToolCall
from lockgate.core.json import given
from lockgate.core.reply import Finish, FinishReason, Usage
from lockgate.dialects.lenient import aside, shaped

NAME = "bedrock.converse"


#: A tool that runs at the provider is called so.
SERVER_TOOL = "server_tool_use"


class ReasoningText(msgspec.Struct):
    """Reasoning in words."""

    text: str | None = None
    signature: str | None = None


class Reasoning(msgspec.Struct, rename="camel"):
    """Reasoning: in words, or such as only its writer can read (base64)."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class ToolUse(msgspec.Struct, rename="camel"):
    """A call of a tool; `input` is an object."""

    tool_use_id: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw()
    type: str | None = None


class _Words(msgspec.Struct):
    text: str | None = None


class _Web(msgspec.Struct):
    url: str | None = None


class _Location(msgspec.Struct):
    web: _Web | None = None


class CitationShape(msgspec.Struct, rename="camel"):
    """Where a text takes something from."""

    title: str | None = None
    source: str | None = None
    source_content: list[_Words] | None = None
    location: _Location | None = None


class _Cited(msgspec.Struct):
    content: list[_Words] | None = None
    citations: list[CitationShape] | None = None


class _Source(msgspec.Struct):
    bytes: str | None = None


class _Image(msgspec.Struct):
    format: str | None = None
    source: _Source | None = None


class BlockShape(msgspec.Struct, rename="camel"):
    """A block of an answer. What is none of these is native."""

    text: str | None = None
    reasoning_content: Reasoning | None = None
    tool_use: ToolUse | None = None
    citations_content: _Cited | None = None
    image: _Image | None = None


class _CacheDetail(msgspec.Struct, rename="camel"):
    ttl: str | None = None
    input_tokens: int | None = None


class _Usage(msgspec.Struct, rename="camel"):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    cache_details: list[_CacheDetail] | None = None


class Tier(msgspec.Struct):
    """The service tier that an answer was given in."""

    type: str | None = None


class Additional(msgspec.Struct):
    """What an answer says beyond Converse, because it was asked to."""

    stop_sequence: str | None = None


#: `stopReason` → why an answer ended. What is missing here has no common word.
FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}


def finish_of(reason: str, additional: msgspec.Raw) -> Finish:
    """Why an answer ended."""
    said = aside(additional, Additional) if reason == "stop_sequence" else None
    return Finish(FINISH.get(reason, "unknown"), reason, said.stop_sequence if said is not None else None)


def usage_of(raw: msgspec.Raw, tier: Tier | None) -> Usage | None:
    """The tokens that an answer states; what was read from the cache or written to it is not counted as input there."""
    shape = aside(raw, _Usage)
    if shape is None:
        return None
    read, written = shape.cache_read_input_tokens or 0, shape.cache_write_input_tokens or 0
    return Usage(
        (shape.input_tokens or 0) + read + written,
        shape.output_tokens or 0,
        read,
        written,
        sum(each.input_tokens or 0 for each in shape.cache_details or () if each.ttl == "1h"),
        service_tier=(tier.type or "") if tier is not None else "",
        raw=raw,
    )


def part_of(raw: msgspec.Raw) -> Part | None:
    """A block of an answer, canonical; None for one that says nothing. Raises `msgspec.DecodeError`."""
    block = shaped(raw, BlockShape)
    if block.text is not None:
        return Text(block.text) if block.text else None
    if block.reasoning_content is not None:
        return _thinking(block.reasoning_content)
    call = block.tool_use
    if call is not None and call.type != SERVER_TOOL:
        return ToolCall(call.tool_use_id or "", call.name or "", _one_line(call.input))
    if block.citations_content is not None:
        words = "".join(each.text or "" for each in block.citations_content.content or ())
        return Text(words, citations=[citation_of(each) for each in block.citations_content.citations or ()])
    image = block.image
    if image is not None and image.source is not None and image.source.bytes:
        return Media("image", data=image.source.bytes, mime=f"image/{image.format or 'png'}")
    return Native(NAME, native_kind(raw), raw)


def _thinking(said: Reasoning) -> Part | None:
    if said.redacted_content:
        return Thinking(redacted=said.redacted_content, dialect=NAME)
    words = said.reasoning_text or ReasoningText()
    return Thinking(words.text or "", words.signature or "", dialect=NAME) if words.text or words.signature else None


def _one_line(arguments: msgspec.Raw) -> str:
    return msgspec.json.format(bytes(arguments), indent=-1).decode() if given(arguments) else "{}"


def citation_of(shape: CitationShape) -> Citation:
    """A citation, canonical."""
    web = shape.location.web if shape.location is not None else None
    url = (web.url or "") if web is not None else ""
    quote = "".join(each.text or "" for each in shape.source_content or ())
    return Citation(url or shape.source or "", shape.title or "", quote)


def native_kind(raw: msgspec.Raw | bytes) -> str:
    """The name of a block that only this dialect knows: a block is an object with one member."""
    return next(iter(msgspec.json.decode(raw, type=dict[str, msgspec.Raw])), "")
