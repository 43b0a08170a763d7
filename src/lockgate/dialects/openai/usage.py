"""What answers other than conversations used, as the image and audio APIs state it.

Sources: https://platform.openai.com/docs/api-reference/images, https://platform.openai.com/docs/api-reference/audio. A
recording's length in seconds is no number of tokens: it stays in the raw account.
"""

from __future__ import annotations

import msgspec

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


def usage_of(raw: msgspec.Raw) -> Usage | None:
    """Tokens used, canonical; None when the account states none. `output_modality` of pictures is told by its details."""
    shape = aside(raw, _Usage)
    if shape is None:
        return None
    into = shape.input_tokens if shape.input_tokens is not None else shape.prompt_tokens
    out = shape.output_tokens if shape.output_tokens is not None else shape.completion_tokens
    if into is None and out is None:
        if shape.total_tokens is None:
            return None
        into = shape.total_tokens
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
        raw=raw.copy(),
    )
