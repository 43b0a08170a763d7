"""An answer as it lies in a store: msgpack, compressed (Zstandard)."""

from __future__ import annotations

import msgspec
import zstandard

from lockgate.core.cached import CachedAnswer

#: What a packed answer may unpack to, in bytes: what says that it is larger is damaged.
_MOST = 256 * 1024 * 1024
_LEVEL = 1

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(CachedAnswer).decode


class Damaged(Exception):
    """It is no answer, or not all of one."""


class Packing:
    """Packs in one thread, and unpacks in one, which may be another."""

    def __init__(self) -> None:
        self._compressor = zstandard.ZstdCompressor(level=_LEVEL)
        self._decompressor = zstandard.ZstdDecompressor()

    def __repr__(self) -> str:
        return "Packing()"

    def pack(self, answer: CachedAnswer) -> bytes:
        """An answer → bytes."""
        return self._compressor.compress(_encode(answer))

    def unpack(self, data: bytes) -> CachedAnswer:
        """Bytes → the answer. Raises `Damaged`."""
        try:
            if not 0 < zstandard.frame_content_size(data) <= _MOST:
                raise Damaged("it does not say how large it is")
            return _decode(self._decompressor.decompress(data))
        except (zstandard.ZstdError, msgspec.DecodeError) as error:
            raise Damaged(str(error)) from None
