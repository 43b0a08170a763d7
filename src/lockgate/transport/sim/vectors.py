"""Embeddings without a model: texts that share words, or pieces of words, get vectors that are near to each other.

Feature hashing (Weinberger et al., 2009): each word and each trigram of it adds to a few places that its hash names.
"""

from __future__ import annotations

import base64
import math
import re
import struct
from collections import Counter
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from lockgate.core.failure import Refusal
from lockgate.core.json import encode, readable
from lockgate.transport.sim.tokens import count, draw

DIMENSIONS = 256
_LONGEST = 8_192  # tokens of one input
_MOST = 100_000  # tokens of all inputs together
_WORD = re.compile(r"\w+")

TokenId = Annotated[int, Meta(ge=0)]


class EmbeddingAsk(msgspec.Struct):
    """An embeddings request; a list of numbers is a text that was cut into tokens already."""

    model: str
    input: str | Annotated[list[str | list[TokenId] | TokenId], Meta(min_length=1, max_length=2048)]
    dimensions: Annotated[int, Meta(ge=1, le=4096)] | None = None
    encoding_format: Literal["float", "base64"] | None = None

    def texts(self) -> list[str]:
        """The inputs, token ids written out as words."""
        if isinstance(self.input, str):
            return [self.input]
        if all(isinstance(one, int) for one in self.input):
            return [" ".join(map(str, self.input))]
        return [one if isinstance(one, str) else " ".join(map(str, one)) if isinstance(one, list) else "" for one in self.input]


def read(body: bytes) -> EmbeddingAsk:
    """A request body; raises `Refusal` 400."""
    ask = readable(body, EmbeddingAsk)
    if (total := sum(map(count, ask.texts()))) > _MOST:
        raise Refusal(400, "context_length_exceeded", f"'input' has {total} tokens, more than {_MOST}.", param="input")
    for index, text in enumerate(ask.texts()):
        at = "input" if isinstance(ask.input, str) else f"input[{index}]"
        if not text:
            raise Refusal(400, "invalid_value", f"'{at}' must be a text, or a list of tokens, and not empty.", param=at)
        if count(text) > _LONGEST:
            raise Refusal(400, "context_length_exceeded", f"'{at}' is longer than {_LONGEST} tokens.", param=at)
    return ask


def embedded(ask: EmbeddingAsk) -> bytes:
    """The answer to an embeddings request."""
    texts = ask.texts()
    vectors = [vector(text, ask.dimensions or DIMENSIONS) for text in texts]
    rows = [{"object": "embedding", "index": i, "embedding": _written(ask, numbers)} for i, numbers in enumerate(vectors)]
    used = sum(map(count, texts))
    return encode({"object": "list", "data": rows, "model": ask.model, "usage": {"prompt_tokens": used, "total_tokens": used}})


def _written(ask: EmbeddingAsk, numbers: list[float]) -> Any:
    """Numbers, or base64 of 32-bit little-endian floats."""
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode() if ask.encoding_format == "base64" else numbers


def vector(text: str, dimensions: int) -> list[float]:
    """The vector of a text, of length 1."""
    numbers = [0.0] * dimensions
    features: Counter[str] = Counter()
    for word, times in Counter(_WORD.findall(text.lower())).items():
        features[word] += 3 * times
        for at in range(len(word) - 2):
            features[f"{word[at : at + 3]}…"] += times
    for feature, weight in features.items():
        _add(numbers, feature, weight)
    length = math.sqrt(sum(number * number for number in numbers))
    if not length:  # no words, or all of them cancelled out
        numbers[draw(text) % dimensions] = length = 1.0
    return [number / length for number in numbers]


def _add(numbers: list[float], feature: str, weight: int) -> None:
    """Add a feature at four places, with a sign each."""
    drawn = draw(feature)
    for _ in range(4):
        numbers[(drawn >> 1) % len(numbers)] += weight if drawn & 1 else -weight
        drawn >>= 16
