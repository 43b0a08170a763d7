"""Vectors between dialects: as numbers, or as base64 of 32-bit little-endian floats, which half the APIs offer to save bytes;
and inputs that only some take."""

from __future__ import annotations

import base64
import struct

from lockgate.core.failure import Refusal


def packed(vector: list[float]) -> str:
    """A vector as base64."""
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def unpacked(text: str) -> list[float]:
    """A vector from base64; raises `ValueError` when it is none."""
    try:
        data = base64.b64decode(text, validate=True)
        return list(struct.unpack(f"<{len(data) // 4}f", data))
    except (ValueError, struct.error) as error:
        raise ValueError(f"a vector is no base64 of floats: {error}") from None


def no_tokens(index: int) -> Refusal:
    """The refusal of an input that was cut into token ids: they mean something to the model that they were made for."""
    at = f"input[{index}]"
    return Refusal(400, "unsupported_input", f"'{at}' is token ids, which this provider does not take: send texts.", param=at)
