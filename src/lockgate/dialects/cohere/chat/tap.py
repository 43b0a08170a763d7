"""Watches a stream that passes unchanged: who answers, whether anything is said yet, and how it ends."""

from __future__ import annotations

import msgspec

from lockgate.core.json import UNREADABLE, as_any, given
from lockgate.core.outcome import Outcome
from lockgate.dialects.cohere.chat.error import failed
from lockgate.dialects.cohere.chat.shapes import finish_of, usage_of
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.last_event import last_event
from lockgate.dialects.lenient import forgiving
from lockgate.wire.sse import Blocks, EventTooLarge, payloads


class _Delta(msgspec.Struct):
    finish_reason: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: str | None = None


class _Glance(msgspec.Struct):
    type: str | None = None
    id: str | None = None
    delta: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    message: msgspec.Raw = msgspec.Raw()


_glance = msgspec.json.Decoder(_Glance, strict=False).decode
_delta = msgspec.json.Decoder(_Delta, strict=False).decode
#: Events that say nothing of the answer itself.
_SILENT = ("message-start", "debug")


class Tap:
    """See `dialects.codec.Tap`. Usage comes with the last event: there is nothing to drop."""

    __slots__ = ("_blocks", "outcome")

    def __init__(self, drop_usage: bool = False) -> None:
        self.outcome = Outcome()
        self._blocks = Blocks()

    def feed(self, chunk: bytes) -> bytes:
        """The complete events, as they came."""
        try:
            block = self._blocks.feed(chunk)
        except EventTooLarge as error:
            self.outcome.failure = unreadable(str(error))
            return b""
        if block:
            self._watch(block)
        return block

    def end(self) -> bytes:
        """A last event without its blank line, when it is whole."""
        block = last_event(self._blocks)
        if block:
            self._watch(block)
        return block

    def _watch(self, block: bytes) -> None:
        for data in payloads(block):
            self._look(data)

    def _look(self, data: bytes) -> None:
        outcome = self.outcome
        try:
            seen = forgiving(data, _glance)
            if seen.type == "message-end":
                self._end(forgiving(seen.delta, _delta) if given(seen.delta) else _Delta())
            elif seen.type in (None, "error"):
                if given(seen.error) or given(seen.message):
                    outcome.failure = failure_of(as_any(data))
            elif seen.type not in _SILENT:
                outcome.begun = True
        except UNREADABLE:
            return  # not ours to judge: the bytes pass, and the caller sees what they are
        outcome.id = outcome.id or seen.id or ""

    def _end(self, delta: _Delta) -> None:
        outcome = self.outcome
        outcome.usage = usage_of(delta.usage)
        outcome.failure = failed(delta.finish_reason or "", delta.error or "")
        if outcome.failure is None:
            outcome.finish = finish_of(delta.finish_reason or "")
            outcome.begun = outcome.complete = True
