"""Server-sent events, written as one JSON array instead: how Google's APIs stream to who does not ask for events.

The array opens with the first element and closes with `close`; between two elements stands a line of its own.
"""

from __future__ import annotations

from lockgate.wire import sse

_BETWEEN = b",\r\n"


class ArrayWriter:
    """Takes blocks of complete events whose data is JSON, gives the same as pieces of one array."""

    __slots__ = ("_closed", "_open")

    def __init__(self) -> None:
        self._open = False
        self._closed = False

    def feed(self, block: bytes) -> bytes:
        """The elements of a block of complete events."""
        elements = sse.payloads(block) if block else []
        if not elements or self._closed:
            return b""
        head = _BETWEEN if self._open else b"["
        self._open = True
        return head + _BETWEEN.join(elements)

    def close(self) -> bytes:
        """The end of the array; nothing when it has been given."""
        if self._closed:
            return b""
        self._closed = True
        return b"]" if self._open else b"[]"


def events(text: bytes) -> bytes:
    """An array as `ArrayWriter` writes it, perhaps cut off, as events again."""
    elements = text.removeprefix(b"[").removesuffix(b"]").split(_BETWEEN)
    return b"".join(sse.write(element.replace(b"\n", b" ")) for element in elements if element)
