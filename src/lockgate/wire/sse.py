"""Server-sent events, as bytes: a reader that does not care how the network cut them, and a writer.

Source: WHATWG HTML, section 9.2 "Server-sent events" (lines end in CR LF, LF or CR; a blank line ends an event; `data`
lines are joined by LF; a line that begins with a colon is a comment; a BOM at the very start is skipped).
"""

from __future__ import annotations

import re

import msgspec

#: The largest single event, in bytes, that is held while it is incomplete (reliability: S06).
EVENT_LIMIT = 8 * 1024 * 1024

#: A blank line: two line ends in a row, in any mixture of the three kinds.
_BLANK = re.compile(rb"(?:\r\n|\n|\r(?!\n))(?:\r\n|\n|\r(?!\n))")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BOM = b"\xef\xbb\xbf"


class Frame(msgspec.Struct, frozen=True):
    """One event: its name ("" when none is given) and its data."""

    event: str
    data: bytes


class EventTooLarge(Exception):
    """An event grew past the limit without ending."""


class Blocks:
    """Cuts a byte stream at event borders: `feed` gives the bytes of complete events, unchanged, and keeps the rest."""

    __slots__ = ("_begun", "_limit", "_searched", "_tail")

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self._tail = b""
        self._searched = 0
        self._limit = limit
        self._begun = False

    @property
    def tail(self) -> bytes:
        """The bytes of the event that is not complete yet."""
        return self._tail

    def feed(self, chunk: bytes) -> bytes:
        """The complete events up to now, as they came; raises `EventTooLarge`."""
        if not self._tail:
            # Nearly every network chunk ends at an event border; a lone CR at the end may be half of a CR LF.
            if chunk.endswith((b"\n\n", b"\r\n\r\n")):
                self._begun = True
                return chunk
            data = chunk
        else:
            data = self._tail + chunk
        end = _last_border(data, max(0, self._searched - 3))
        if end:
            self._tail = data[end:]
            self._begun = True
            self._searched = len(self._tail)
            return data[:end]
        if len(data) > self._limit:
            raise EventTooLarge(f"an event of the stream is larger than {self._limit} bytes")
        self._tail = data
        self._searched = len(data)
        return b""


def _last_border(data: bytes, start: int) -> int:
    """The position after the last blank line of `data`, or 0. A CR at the very end waits for the byte after it."""
    end = len(data)
    if data.endswith(b"\r"):
        end -= 1
    best = 0
    # From the back: the last LF LF, CR LF CR LF or CR CR; mixtures are rare and found by the slow search.
    at = data.rfind(b"\n\n", start, end)
    if at >= 0:
        best = at + 2
    at = data.rfind(b"\r\n\r\n", start, end)
    if at >= 0:
        best = max(best, at + 4)
    if b"\r" in data[max(start, best) : end]:
        for match in _BLANK.finditer(data, max(start, best), end):
            best = match.end()
    return best


def frames(block: bytes) -> list[Frame]:
    """The events of a block of complete events; comments and events without data give nothing."""
    out: list[Frame] = []
    name = ""
    data: list[bytes] = []
    if block.startswith(_BOM):
        block = block[3:]
    lines = _LINE_END.split(block) if b"\r" in block else block.split(b"\n")
    for line in lines:
        if not line:
            if data:
                out.append(Frame(name, data[0] if len(data) == 1 else b"\n".join(data)))
            name = ""
            data = []
        elif line.startswith(b"data:"):
            data.append(line[6:] if line[5:6] == b" " else line[5:])
        elif line.startswith(b"event:"):
            name = line[6:].strip().decode("utf-8", "replace")
        elif line == b"data":
            data.append(b"")
    return out


class Reader:
    """Frames from a byte stream, however it was cut. A last event without its blank line is not complete, and not given."""

    __slots__ = ("_blocks",)

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self._blocks = Blocks(limit)

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that are complete now; raises `EventTooLarge`."""
        block = self._blocks.feed(chunk)
        return frames(block) if block else []


def write(data: bytes, event: str = "") -> bytes:
    """One event as bytes; `data` is a single line (JSON as we encode it has no line ends)."""
    if event:
        return b"event: " + event.encode() + b"\ndata: " + data + b"\n\n"
    return b"data: " + data + b"\n\n"
