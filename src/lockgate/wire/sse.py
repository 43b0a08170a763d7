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
#: As many bytes as a blank line may have before its last one.
_REACH = 3
_BOM = b"\xef\xbb\xbf"


class Frame(msgspec.Struct, frozen=True):
    """One event: its name ("" when none is given) and its data."""

    event: str
    data: bytes


class EventTooLarge(Exception):
    """An event grew past the limit without ending."""


class Blocks:
    """Cuts a byte stream at event borders: `feed` gives the bytes of complete events, unchanged, and keeps the rest."""

    __slots__ = ("_held", "_limit", "_pieces")

    def __init__(self, limit: int = EVENT_LIMIT) -> None:
        self._pieces: list[bytes] = []  # the event that is not complete, in the pieces that came
        self._held = 0
        self._limit = limit

    def __repr__(self) -> str:
        return f"Blocks({self._held} bytes held)"

    @property
    def tail(self) -> bytes:
        """The bytes of the event that is not complete yet."""
        if len(self._pieces) > 1:
            self._pieces = [b"".join(self._pieces)]
        return self._pieces[0] if self._pieces else b""

    def feed(self, chunk: bytes) -> bytes:
        """The complete events up to now, as they came; raises `EventTooLarge`."""
        if not self._held:
            # Nearly every network chunk ends at an event border; a lone CR at the end may be half of a CR LF.
            if chunk.endswith((b"\n\n", b"\r\n\r\n")):
                return chunk
            end = _last_border(chunk)
        else:
            # Only the last few bytes that are held can be part of a border that this chunk completes.
            reach = self._reach()
            end = _last_border(reach + chunk)
            if end:
                end += self._held - len(reach)
        self._pieces.append(chunk)
        self._held += len(chunk)
        block = b""
        if end:
            whole = self.tail
            block = whole[:end]
            self._pieces = [whole[end:]]
            self._held -= end
        if self._held > self._limit:
            raise EventTooLarge(f"an event of the stream is larger than {self._limit} bytes")
        return block

    def _reach(self) -> bytes:
        last = self._pieces[-1]
        return last[-_REACH:] if len(last) >= _REACH else self.tail[-_REACH:]


def _last_border(data: bytes) -> int:
    """The position after the last blank line of `data`, or 0. A CR at the very end waits for the byte after it."""
    end = len(data)
    if data.endswith(b"\r"):
        end -= 1
    # From the back: the last LF LF or CR LF CR LF; other mixtures are rare and found by the slow search.
    at = data.rfind(b"\n\n", 0, end)
    best = at + 2 if at >= 0 else 0
    at = data.rfind(b"\r\n\r\n", best, end)
    best = at + 4 if at >= 0 else best
    if data.find(b"\r", best, end) >= 0:
        for match in _BLANK.finditer(data, best, end):
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


def payloads(block: bytes) -> list[bytes]:
    """The data of the events of a block of complete events, for dialects whose data says all: cheaper than `frames`."""
    if b"\r" in block:
        return [frame.data for frame in frames(block)]
    last = len(block) - 2
    # Nearly every block is one event: one line of data, perhaps behind the event's name.
    at = 0 if block.startswith(b"data: ") else block.find(b"\n") + 1
    if block.find(b"\n", at) == last and block.startswith(b"data: ", at) and (not at or block.startswith(b"event: ")):
        return [block[at + 6 : last]]
    out: list[bytes] = []
    for event in block.split(b"\n\n"):
        if event.startswith(b"data: ") and b"\n" not in event:
            out.append(event[6:])
        elif event:
            out += [frame.data for frame in frames(event + b"\n\n")]
    return out


def split(block: bytes) -> list[bytes]:
    """A block of complete events as single events, unchanged: joined, they are the block."""
    if b"\r" not in block:
        pieces = block.split(b"\n\n")
        return [piece + b"\n\n" for piece in pieces[:-1]] + [pieces[-1]] * bool(pieces[-1])
    out: list[bytes] = []
    start = 0
    for match in _BLANK.finditer(block):
        out.append(block[start : match.end()])
        start = match.end()
    return out + [block[start:]] * (start < len(block))


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
