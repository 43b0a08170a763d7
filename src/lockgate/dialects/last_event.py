"""The last event of a stream whose server left out the blank line behind it.

A body may also end inside an event, properly as far as the transport can tell. What was cut is no event, as the standard has it
(WHATWG HTML, section 9.2.6): nothing is read of it and nothing passed on, and the answer stays incomplete.
"""

from __future__ import annotations

import msgspec

from lockgate.core.json import UNREADABLE
from lockgate.wire.sse import Blocks, Frame, frames

_DONE = b"[DONE]"


def last_event(blocks: Blocks) -> bytes:
    """What was held when the body ended, with its blank line; b"" when that is no whole event."""
    block = blocks.tail.rstrip(b"\r\n") + b"\n\n"
    held = frames(block)
    return block if held and all(map(_is_whole, held)) else b""


def _is_whole(frame: Frame) -> bool:
    if frame.data == _DONE or (frame.event == "error" and not frame.data.startswith(b"{")):  # some say it in plain words
        return True
    try:
        msgspec.json.decode(frame.data, type=msgspec.Raw)
    except UNREADABLE:
        return False
    return True
