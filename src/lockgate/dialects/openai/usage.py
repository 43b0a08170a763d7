"""What answers other than conversations used, as the image and audio APIs state it.

Sources: https://platform.openai.com/docs/api-reference/images, https://platform.openai.com/docs/api-reference/audio, and of
the length of a recording https://docs.mistral.ai/capabilities/audio/ too. It is no number of tokens.
"""

from __future__ import annotations

import math

import msgspec

from lockgate.core.json import given
from lockgate.core.reply import Usage
from lockgate.dialects.lenient import aside


class _Details(msgspec.Struct):
    text_tokens: int | None = None
    image_tokens: int | None = None
    audio_tokens: int | None = None
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    input_tokens_details: _Details | None = None
    input_token_details: _Details | None = None
    output_tokens_details: _Details | None = None
    seconds: float | None = None
    prompt_audio_seconds: float | None = None


def usage_of(raw: msgspec.Raw, *, images: int = 0, seconds: float | None = None) -> Usage | None:
    """What was used, canonical; None when nothing is stated. `output_modality` of pictures is told by its details.

    `images` and `seconds` are what the answer shows beside its account: pictures made, the length of the sound heard. A
    length that the account itself states is what is charged.
    """
    shape = aside(raw, _Usage) or _Usage()
    heard = next((each for each in (shape.seconds, shape.prompt_audio_seconds, seconds) if each is not None), 0)
    audio_ms = milliseconds(heard)
    into = shape.input_tokens if shape.input_tokens is not None else shape.prompt_tokens
    out = shape.output_tokens if shape.output_tokens is not None else shape.completion_tokens
    if into is None and out is None:
        into = shape.total_tokens
        if into is None and not images and not audio_ms:
            return None
    read = shape.input_tokens_details or shape.input_token_details or _Details()
    made = shape.output_tokens_details or _Details()
    return Usage(
        input=into or 0,
        output=out or 0,
        cached=read.cached_tokens or 0,
        audio_input=read.audio_tokens or 0,
        audio_output=made.audio_tokens or 0,
        image_input=read.image_tokens or 0,
        image_output=made.image_tokens or 0,
        images=images,
        audio_ms=audio_ms,
        raw=raw.copy() if given(raw) else None,
    )


def milliseconds(seconds: float) -> int:
    """A length as it is kept; 0 for what is none."""
    return round(seconds * 1000) if math.isfinite(seconds) and seconds > 0 else 0
