"""What an answer is found by in the cache: a keyed hash of all that could make it another one."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="deterministic").encode
_pack = msgspec.msgpack.Encoder().encode


def canonical(body: bytes) -> bytes | None:
    """A JSON body such that the order of its members and the space between them do not count; None for what is no JSON."""
    try:
        return _encode(_decode(body))
    except (msgspec.DecodeError, RecursionError):
        return None


def cache_key(secret: bytes, parts: Sequence[object]) -> bytes:
    """32 bytes for these parts (texts, bytes, sequences of them), each of which stands for itself: ("ab", "c") and ("a", "bc")
    differ, since MessagePack says how long each is. Without the secret nobody can tell from a key what was asked (at most 64
    bytes of it count: BLAKE2, RFC 7693)."""
    return blake2b(_pack(parts), key=secret[:64], digest_size=32).digest()
