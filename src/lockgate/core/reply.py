"""The canonical answer of a model: choices of parts, why it ended, and what it used."""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.content import Part, TokenLogprob

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "pause", "unknown"]


class Finish(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why an answer ended: the common word, the provider's own, and the stop sequence that was hit."""

    reason: FinishReason
    raw: str = ""
    stop_sequence: str | None = None


class Usage(msgspec.Struct, omit_defaults=True):
    """Tokens used. `input` counts all input, cached included; `output` counts all output, reasoning included.

    `cache_write_1h` is the part of `cache_write` that is kept for an hour. Audio and image tokens are parts of `input` and
    `output`; `cached_audio` is a part of both `cached` and `audio_input`. `searches` counts web searches that the provider
    made and charges for. `raw` is the provider's own account.

    What is charged by other measures than tokens: `characters` of a text that was spoken, `pages` that were read (of which
    `annotated_pages` were described too), `images` that were made, and `audio_ms`, the length of the sound that was heard.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    cached_audio: int = 0
    service_tier: str = ""
    raw: msgspec.Raw | None = None
    image_input: int = 0
    image_output: int = 0
    searches: int = 0
    characters: int = 0
    pages: int = 0
    annotated_pages: int = 0
    images: int = 0
    audio_ms: int = 0

    def plus(self, other: Usage) -> Usage:
        """Both together; what is no number stays as it is here."""
        counts = [name for name in self.__struct_fields__ if isinstance(getattr(self, name), int)]
        return msgspec.structs.replace(self, **{name: getattr(self, name) + getattr(other, name) for name in counts})


class Choice(msgspec.Struct, omit_defaults=True):
    """One of the answers to a request (most requests ask for one)."""

    parts: list[Part] = []
    finish: Finish | None = None
    logprobs: list[TokenLogprob] = []


class Reply(msgspec.Struct, omit_defaults=True):
    """A whole answer. `created` is in seconds since the epoch; `id` and `model` are the provider's."""

    id: str = ""
    model: str = ""
    created: int = 0
    choices: list[Choice] = []
    usage: Usage | None = None
    service_tier: str = ""
