"""AWS event streams: length-prefixed binary frames with headers, a payload and two checksums; sans I/O.

Source: https://docs.aws.amazon.com/transcribe/latest/dg/event-stream-med.html (the encoding is common to all services): the
whole length, the headers' length and the CRC-32 of both, the headers, the payload, the CRC-32 of all before it; big-endian.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from zlib import crc32

import msgspec

#: The largest payload and the largest headers, in bytes, that a frame may have; AWS's own limits.
PAYLOAD_LIMIT = 24 * 1024 * 1024
HEADERS_LIMIT = 128 * 1024

_PRELUDE = struct.Struct(">III")
_CRC = struct.Struct(">I")
_LENGTH = struct.Struct(">H")
_EMPTY = _PRELUDE.size + _CRC.size
#: Header types → bytes of their value; those of bytes and of strings say their length themselves.
_FIXED = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_BYTES, _STRING = 6, 7
#: Headers of up to so many bytes are remembered once read: a stream has four or five kinds.
_REMEMBERED = 256


class Frame(msgspec.Struct, frozen=True):
    """One frame: its headers of type string (":event-type", ":message-type" …; no others are in use) and its payload."""

    headers: dict[str, str]
    payload: bytes


class BadFrame(Exception):
    """Bytes that are no frame: a checksum does not match, a length is impossible or past the limit, headers are broken."""


class Blocks:
    """Cuts a byte stream between frames: `feed` gives the bytes of complete frames, unchanged, and keeps the rest."""

    __slots__ = ("_held", "_needed", "_pieces")

    def __init__(self) -> None:
        self._pieces: list[bytes] = []  # the frame that is not complete, in the pieces that came
        self._held = 0
        self._needed = _PRELUDE.size

    def __repr__(self) -> str:
        return f"Blocks({self._held} bytes held)"

    @property
    def held(self) -> int:
        """The bytes of the frame that is not complete yet."""
        return self._held

    def feed(self, chunk: bytes) -> bytes:
        """The complete frames up to now, as they came; raises `BadFrame`, after which the stream is lost."""
        if self._held:
            self._pieces.append(chunk)
            self._held += len(chunk)
            if self._held < self._needed:
                return b""
            chunk = b"".join(self._pieces)
        at, size, needed = 0, len(chunk), _PRELUDE.size
        while size - at >= _PRELUDE.size:
            needed = _length_of(chunk, at)
            if size - at < needed:
                break
            at += needed
            needed = _PRELUDE.size
        self._held, self._needed = size - at, needed
        self._pieces = [chunk[at:]] if at < size else []
        return chunk[:at]


def frames(block: bytes) -> list[Frame]:
    """The frames of a block of complete frames; raises `BadFrame`."""
    out: list[Frame] = []
    at = 0
    while at < len(block):
        end = at + _length_of(block, at)
        out.append(_frame(block[at:end]))
        at = end
    return out


class Reader:
    """Frames from a byte stream, however it was cut."""

    __slots__ = ("_blocks",)

    def __init__(self) -> None:
        self._blocks = Blocks()

    def __repr__(self) -> str:
        return f"Reader({self._blocks!r})"

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that are complete now; raises `BadFrame`, after which the stream is lost."""
        block = self._blocks.feed(chunk)
        return frames(block) if block else []


def write(headers: dict[str, str], payload: bytes) -> bytes:
    """A frame with string headers."""
    block = b"".join(
        bytes((len(name.encode()),)) + name.encode() + bytes((_STRING,)) + _LENGTH.pack(len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    lengths = struct.pack(">II", _EMPTY + len(block) + len(payload), len(block))
    body = lengths + _CRC.pack(crc32(lengths)) + block + payload
    return body + _CRC.pack(crc32(body))


def _length_of(data: bytes, at: int) -> int:
    """The length of the frame that begins at `at`; raises `BadFrame` before anything is waited for."""
    total, headers, checksum = _PRELUDE.unpack_from(data, at)
    if crc32(data[at : at + 8]) != checksum:
        raise BadFrame("the checksum of a frame's lengths does not match")
    if headers > HEADERS_LIMIT or total > _EMPTY + headers + PAYLOAD_LIMIT:
        raise BadFrame(f"a frame of {total} bytes is larger than the limit")
    if total < _EMPTY + headers:
        raise BadFrame(f"a frame of {total} bytes cannot hold {headers} bytes of headers")
    return total


def _frame(data: bytes) -> Frame:
    """A whole frame, checked."""
    end = len(data) - _CRC.size
    if crc32(memoryview(data)[:end]) != _CRC.unpack_from(data, end)[0]:
        raise BadFrame("the checksum of a frame does not match")
    begin = _PRELUDE.size
    payload = begin + _PRELUDE.unpack_from(data)[1]
    block = data[begin:payload]
    headers = _remembered(block) if len(block) <= _REMEMBERED else _headers(block)
    return Frame(headers, data[payload:end])


def _headers(block: bytes) -> dict[str, str]:
    """The headers of type string."""
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            begin = at + 1
            at = begin + block[at]
            name, kind = block[begin:at], block[at]
            at += 1
            if kind in _FIXED:
                at += _FIXED[kind]
            elif kind in (_BYTES, _STRING):
                begin = at + _LENGTH.size
                at = begin + _LENGTH.unpack_from(block, at)[0]
                if kind == _STRING:
                    found[name.decode()] = block[begin:at].decode()
            else:
                raise BadFrame(f"a header has the unknown type {kind}")
    except (IndexError, struct.error, UnicodeDecodeError):
        raise BadFrame("the headers of a frame cannot be read") from None
    if at > len(block):
        raise BadFrame("the headers of a frame cannot be read")
    return found


_remembered = lru_cache(256)(_headers)
