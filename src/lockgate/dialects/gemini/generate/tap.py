"""Watches a generateContent stream that passes unchanged: each chunk states the whole, so each is looked at."""

from __future__ import annotations

import msgspec

from lockgate.core.json import UNREADABLE, as_any, given
from lockgate.core.outcome import Outcome
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.gemini.generate.read_reply import Passing
from lockgate.dialects.gemini.generate.shapes import UsageShape, datas, usage_of
from lockgate.dialects.last_event import last_event
from lockgate.dialects.lenient import forgiving
from lockgate.wire.sse import Blocks, EventTooLarge

_decode = msgspec.json.Decoder(Passing, strict=False).decode


class Tap:
    """See `dialects.codec.Tap`. Usage is in every chunk: there is nothing to drop."""

    __slots__ = ("_blocks", "_calls", "_searches", "_usage", "_usage_raw", "outcome")

    def __init__(self, drop_usage: bool = False) -> None:
        self.outcome = Outcome()
        self._blocks = Blocks()
        self._calls = False
        self._searches = 0
        self._usage: UsageShape | None = None
        self._usage_raw = msgspec.Raw()

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
        for data in datas(block):
            self._look(data)

    def _look(self, data: bytes) -> None:
        outcome = self.outcome
        try:
            seen = forgiving(data, _decode)
            self._searches = seen.searches or self._searches
            if given(seen.usage_metadata) and seen.usage_metadata != self._usage_raw:
                self._usage_raw = seen.usage_metadata
                usage, self._usage = usage_of(seen.usage_metadata, self._searches, self._usage)
                outcome.usage = usage or outcome.usage
        except UNREADABLE:
            return  # not ours to judge: the bytes pass, and the caller sees what they are
        if given(seen.error):
            outcome.failure = failure_of({"error": as_any(seen.error)})
            return
        outcome.id = outcome.id or seen.response_id or ""
        outcome.model = outcome.model or seen.model_version or ""
        self._calls = self._calls or seen.calls
        finish = seen.finish(self._calls)
        if finish is not None:
            outcome.finish = finish
            outcome.complete = True
        if finish is not None or seen.candidates:
            outcome.begun = True
