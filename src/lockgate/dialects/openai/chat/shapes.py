"""The shapes that requests, answers and streams of the Chat Completions API share.

Sources: https://platform.openai.com/docs/api-reference/chat and the types of the official SDK (openai 3.54); what other
hosts add to them is named where it stands. Unknown members are ignored, and members that are null are as good as absent.
"""

from __future__ import annotations

from typing import Any

import msgspec

NAME = "openai.chat"

#: The format word of our own mark for signatures of Google's, which ride on calls and messages as "extra content".
GOOGLE = "google"


class Kind(msgspec.Struct):
    """What every part and tool says first."""

    type: str | None = None


class FunctionShape(msgspec.Struct):
    """A function's name and arguments: JSON text, which a few hosts send as an object.

    `thought_signature` is Gemini's for this call, where Portkey's users keep it.
    """

    name: str | None = None
    arguments: str | dict[str, Any] | None = None
    thought_signature: str | None = None


class CustomShape(msgspec.Struct):
    """A custom tool's name and free text."""

    name: str | None = None
    input: str | None = None


class GoogleShape(msgspec.Struct):
    """What Google's hosts add (https://ai.google.dev/gemini-api/docs/thought-signatures)."""

    thought_signature: str | None = None


class ExtraShape(msgspec.Struct):
    """Additions by vendor."""

    google: GoogleShape | None = None


class CallShape(msgspec.Struct):
    """A tool call, or a piece of one in a stream."""

    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: FunctionShape | None = None
    custom: CustomShape | None = None
    extra_content: ExtraShape | None = None


class DetailShape(msgspec.Struct):
    """A piece of reasoning (OpenRouter; https://openrouter.ai/docs/use-cases/reasoning-tokens)."""

    type: str | None = None
    text: str | None = None
    summary: str | None = None
    data: str | None = None
    signature: str | None = None
    format: str | None = None
    id: str | None = None
    index: int | None = None


class PieceShape(msgspec.Struct):
    """A text inside a thinking part (Mistral)."""

    text: str | None = None


class PartShape(msgspec.Struct):
    """A content part of an answer; Mistral answers with parts when it thinks."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    thinking: str | list[PieceShape] | None = None


class UrlCitationShape(msgspec.Struct):
    """A page that an answer cites."""

    url: str | None = None
    title: str | None = None
    content: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class AnnotationShape(msgspec.Struct):
    """An annotation of an answer's text."""

    type: str | None = None
    url_citation: UrlCitationShape | None = None


class ImageUrlShape(msgspec.Struct):
    """An image by URL or data URL."""

    url: str
    detail: str | None = None


class ImageShape(msgspec.Struct):
    """An image in an answer (OpenRouter)."""

    image_url: ImageUrlShape | None = None


class AudioShape(msgspec.Struct):
    """A spoken answer."""

    id: str | None = None
    data: str | None = None
    transcript: str | None = None


class MessageShape(msgspec.Struct):
    """An answer's message, or a piece of it in a stream, with every carrier of reasoning in use among hosts."""

    role: str | None = None
    content: str | list[PartShape] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[DetailShape] | None = None
    tool_calls: list[CallShape] | None = None
    function_call: FunctionShape | None = None
    annotations: list[AnnotationShape] | None = None
    audio: AudioShape | None = None
    images: list[ImageShape] | None = None
    extra_content: ExtraShape | None = None


class TopLogprobShape(msgspec.Struct):
    """A runner-up of a sampled token."""

    token: str = ""
    logprob: float = 0.0
    bytes: list[int] | None = None


class LogprobShape(msgspec.Struct):
    """A sampled token."""

    token: str = ""
    logprob: float = 0.0
    bytes: list[int] | None = None
    top_logprobs: list[TopLogprobShape] | None = None


class LogprobsShape(msgspec.Struct):
    """The sampled tokens of the content and of a refusal."""

    content: list[LogprobShape] | None = None
    refusal: list[LogprobShape] | None = None


class UsageInputShape(msgspec.Struct):
    """What the input tokens were."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class UsageOutputShape(msgspec.Struct):
    """What the output tokens were."""

    reasoning_tokens: int | None = None
    audio_tokens: int | None = None
    image_tokens: int | None = None


class UsageShape(msgspec.Struct):
    """Tokens used. DeepSeek, Moonshot and Mistral have words of their own for cached input; Perplexity counts its searches,
    Mistral the seconds of sound."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: UsageInputShape | None = None
    completion_tokens_details: UsageOutputShape | None = None
    prompt_cache_hit_tokens: int | None = None
    cached_tokens: int | None = None
    num_cached_tokens: int | None = None
    num_search_queries: int | None = None
    prompt_audio_seconds: float | None = None


def arguments_text(arguments: str | dict[str, Any] | None) -> str:
    """A call's arguments as JSON text."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else msgspec.json.encode(arguments).decode()
