"""W3C Trace Context, level 2 (https://www.w3.org/TR/trace-context-2/): which trace a request belongs to, and its parent in it.

Ids of other systems may be any text. Where 16 or 8 bytes are asked for, a text that is no such id stands for its hash: the same
text is the same id everywhere.
"""

from __future__ import annotations

import re
from hashlib import blake2b

import msgspec

# Version 00 ends with the flags; of later versions the parts that are known are read, if the rest is set off by a dash.
_TRACEPARENT = re.compile(rb"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")
#: Bytes of a `tracestate` that is passed on: at least so many must be (§3.3.1.5).
_STATE = 512
_SAMPLED = 1


class TraceParent(msgspec.Struct, frozen=True):
    """What a `traceparent` says: ids in hexadecimal, and the flags."""

    trace_id: str
    span_id: str
    flags: int = _SAMPLED


def read_traceparent(header: bytes | None) -> TraceParent | None:
    """What the header says; None where it is not there or not valid, and so is to be taken for not there."""
    if header is None or (match := _TRACEPARENT.fullmatch(header)) is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == b"00" and rest is not None:
        return None
    return TraceParent(trace_id.decode(), span_id.decode(), int(flags, 16))


def write_traceparent(trace_id: str, span_id: str, flags: int = _SAMPLED) -> bytes:
    """The header of a request that is sent on from a span. The ids may be any texts."""
    return f"00-{trace_hex(trace_id)}-{span_hex(span_id)}-{flags & 0xFF:02x}".encode()


def passable_state(header: bytes) -> bytes:
    """A `tracestate` as it is passed on: as it came, or not at all."""
    return header if len(header) <= _STATE and all(0x20 <= each <= 0x7E or each == 0x09 for each in header) else b""


def trace_hex(text: str) -> str:
    """A trace's id as 16 bytes in hexadecimal: as it is, a UUID without its dashes, or its hash."""
    plain = text.replace("-", "").lower() if len(text) == 36 else text
    return plain if _TRACE_ID.fullmatch(plain) else blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def span_hex(text: str) -> str:
    """A span's id as 8 bytes in hexadecimal: as it is, or its hash."""
    return text if _SPAN_ID.fullmatch(text) else blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
