"""Watches a Messages stream that passes unchanged: deltas are looked at no further than their event's name.

An event that cannot be read is passed and not learnt from: it is the caller's to judge.
"""

from __future__ import annotations

import msgspec

from lockgate.core.json import UNREADABLE, given
from lockgate.core.outcome import Outcome
from lockgate.dialects.anthropic.messages.shapes import finish_of, merged, usage_of
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.last_event import last_event
from lockgate.dialects.lenient import forgiving
from lockgate.wire.sse import Blocks, EventTooLarge, payloads


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw()


class _Delta(msgspec.Struct):
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Event(msgspec.Struct):
    type: str | None = None
    message: _Message | None = None
    delta: _Delta | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Event, strict=False).decode
#: How the events that say nothing but text begin, with their name and without.
_NAMED = b"event: content_block_delta\ndata: "
_DELTA = b'{"type":"content_block_delta"'


class Tap:
    """See `dialects.codec.Tap`; usage is always told in this dialect, so none is ever taken out."""

    __slots__ = ("_blocks", "_usage", "outcome")

    def __init__(self, drop_usage: bool) -> None:
        self.outcome = Outcome()
        self._blocks = Blocks()
        self._usage = msgspec.Raw()

    def __repr__(self) -> str:
        return f"Tap({self.outcome!r})"

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
        if block.startswith(_NAMED) and block.find(b"\n\n") == len(block) - 2:
            self.outcome.begun = True  # nearly every block: one event that says a little more
            return
        for data in payloads(block):
            if data.startswith(_DELTA):
                self.outcome.begun = True
                continue
            try:
                self._learn(forgiving(data, _decode), data)
            except UNREADABLE:
                continue

    def _learn(self, event: _Event, data: bytes) -> None:
        outcome = self.outcome
        match event.type:
            case "message_start" if event.message is not None:
                outcome.id = event.message.id or outcome.id
                outcome.model = event.message.model or outcome.model
                self._use(event.message.usage)
            case "content_block_delta" | "content_block_start":
                outcome.begun = True
            case "message_delta":
                outcome.begun = True
                if event.delta is not None and event.delta.stop_reason is not None:
                    outcome.finish = finish_of(event.delta.stop_reason, event.delta.stop_sequence)
                self._use(event.usage)
            case "message_stop":
                outcome.complete = outcome.failure is None
            case _:
                if event.type == "error" or given(event.error):
                    outcome.failure = failure_of(msgspec.json.decode(data))
                    outcome.complete = False

    def _use(self, usage: msgspec.Raw) -> None:
        if given(usage):
            self._usage = merged(self._usage, usage)
            self.outcome.usage = usage_of(self._usage) or self.outcome.usage
