"""Watches a stream whose events say their type (`….delta`, `….completed`, `error`), as pictures and sound are streamed.

Sources: https://platform.openai.com/docs/api-reference/images-streaming and
https://platform.openai.com/docs/api-reference/audio (transcript and speech events).
"""

from __future__ import annotations

import msgspec

from lockgate.core.json import UNREADABLE, as_any, given
from lockgate.core.outcome import Outcome
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.last_event import last_event
from lockgate.dialects.lenient import forgiving
from lockgate.dialects.openai.usage import usage_of
from lockgate.wire.sse import Blocks, EventTooLarge, payloads


class _Glance(msgspec.Struct):
    type: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_glance = msgspec.json.Decoder(_Glance, strict=False).decode
#: How the last event's type ends, whatever it is that is complete.
_LAST = (".completed", ".done")


class Tap:
    """See `dialects.codec.Tap`. The last event brings the usage: there is nothing to drop.

    Only the proper end of the body makes an answer complete: behind one picture that is complete another may follow.
    """

    __slots__ = ("_blocks", "_images", "_last", "outcome")

    def __init__(self, drop_usage: bool = False) -> None:
        self.outcome = Outcome()
        self._blocks = Blocks()
        self._last = False  # something is complete
        self._images = 0

    def feed(self, chunk: bytes) -> bytes:
        """The complete events, as they came."""
        try:
            block = self._blocks.feed(chunk)
        except EventTooLarge as error:
            self.outcome.failure = unreadable(str(error))
            return b""
        for data in payloads(block) if block else ():
            self._look(data)
        return block

    def end(self) -> bytes:
        """A last event without its blank line, when it is whole."""
        block = last_event(self._blocks)
        for data in payloads(block) if block else ():
            self._look(data)
        self.outcome.complete = self._last and self.outcome.failure is None
        return block

    def _look(self, data: bytes) -> None:
        outcome = self.outcome
        try:
            seen = forgiving(data, _glance)
        except UNREADABLE:
            self._last = self._last or data == b"[DONE]"
            return
        if given(seen.error) or seen.type == "error":
            outcome.failure = failure_of({"error": as_any(seen.error)} if given(seen.error) else as_any(data))
            return
        outcome.begun = True
        kind = seen.type or ""
        if kind.endswith(_LAST):
            self._last = True
            self._images += kind.startswith("image")
        if given(seen.usage):
            outcome.usage = usage_of(seen.usage, images=self._images) or outcome.usage
