"""Watches a Responses stream that passes unchanged, and does not read its deltas, nearly all that it is made of."""

from __future__ import annotations

import msgspec

from lockgate.core.json import UNREADABLE, given
from lockgate.core.outcome import Outcome
from lockgate.dialects.error import unreadable
from lockgate.dialects.last_event import last_event
from lockgate.dialects.lenient import forgiving
from lockgate.dialects.openai.responses.read_reply import failure_in, usage_in
from lockgate.dialects.openai.responses.reader import error_in
from lockgate.dialects.openai.responses.shapes import Incomplete, Kind, ToolUsage, finish_of, searches_of
from lockgate.wire.sse import Blocks, EventTooLarge, payloads


class _Response(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    service_tier: str | None = None
    incomplete_details: Incomplete | None = None
    error: msgspec.Raw = msgspec.Raw()
    usage: msgspec.Raw = msgspec.Raw()
    output: list[Kind] | None = None
    tool_usage: ToolUsage | None = None


class _Event(msgspec.Struct):
    type: str = ""
    response: _Response | None = None
    item: Kind | None = None
    error: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Event, strict=False).decode

#: Events before the model has said anything.
_PRELUDE = ("response.created", "response.in_progress", "response.queued", "keepalive")
#: Events that an answer ends with which is none: where nothing was said before, nothing has begun.
_FAILED = ("response.failed", "response.cancelled")
_CALLS = ("function_call", "custom_tool_call")

#: How events begin that say nothing of the whole.
_QUIET = tuple(
    b"event: response.%b.delta\ndata: " % kind
    for kind in (
        b"output_text",
        b"function_call_arguments",
        b"reasoning_summary_text",
        b"reasoning_text",
        b"custom_tool_call_input",
        b"code_interpreter_call_code",
        b"refusal",
    )
)


class Tap:
    """Watches one stream. Usage comes with the last event, which every client needs: there is nothing to drop."""

    __slots__ = ("_blocks", "_calls", "outcome")

    def __init__(self, drop_usage: bool = False) -> None:
        self.outcome = Outcome()
        self._blocks = Blocks()
        self._calls = False

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
        # Nearly every block is one event, and that a delta: one look through it shows that nothing follows.
        if self.outcome.begun and block.startswith(_QUIET) and block.find(b"\n\n") == len(block) - 2:
            return
        for data in payloads(block):
            self._read(data)

    def _read(self, data: bytes) -> None:
        try:
            event = forgiving(data, _decode)
            if event.type == "error" or given(event.error):
                self.outcome.failure = error_in(data)
                return
            self._learn(event)
        except UNREADABLE:
            return  # not ours to judge: the bytes pass, and the caller sees what they are

    def _learn(self, event: _Event) -> None:
        outcome, kind, response = self.outcome, event.type, event.response
        if kind not in _PRELUDE and kind not in _FAILED:
            outcome.begun = True
        if event.item is not None and event.item.type in _CALLS:
            self._calls = True
        if response is None:
            return
        outcome.id = response.id or outcome.id
        outcome.model = response.model or outcome.model
        kinds = [item.type for item in response.output or []]
        if kind in ("response.completed", "response.incomplete"):
            calls = self._calls or any(each in _CALLS for each in kinds)
            outcome.finish = finish_of(response.status or kind[9:], response.incomplete_details, calls)
            outcome.complete = True
        elif kind in _FAILED:
            outcome.failure = failure_in(kind[9:], response.error)
        if given(response.usage):
            searches = searches_of(response.tool_usage, kinds)
            outcome.usage = usage_in(response.usage, response.service_tier, searches)
