"""What an answer is found by in the cache: a keyed hash of all that could make it another one."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="deterministic").encode


def canonical(body: bytes) -> bytes | None:
    """A JSON body such that the order of its members and the space between them do not count; None for what is no JSON."""
    try:
        return _encode(_decode(body))
    except (msgspec.DecodeError, RecursionError):
        return None


def cache_key(secret: bytes, parts: Iterable[bytes]) -> bytes:
    """32 bytes for these parts, each of which stands for itself: ("ab", "c") and ("a", "bc") differ. Without the secret nobody
    can tell from a key what was asked (at most 64 bytes of it count: BLAKE2, RFC 7693)."""
    key = blake2b(key=secret[:64], digest_size=32)
    for part in parts:
        key.update(len(part).to_bytes(8, "little"))
        key.update(part)
    return key.digest()
