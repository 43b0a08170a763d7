"""A provider's Responses stream, read into canonical events, however the network cut it.

Source: https://platform.openai.com/docs/api-reference/responses-streaming. Hosts differ: some leave out the sequence
numbers, the `content_part` events or the output of the last object, so that a part begins with whatever names it first and
an item's `done` event tells what its deltas did not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, cast

import msgspec

from lockgate.core.content import Declined, Native, Part, Text, Thinking
from lockgate.core.events import (
    Broken,
    Cited,
    Event,
    Finished,
    PartDelta,
    PartEnded,
    PartStarted,
    Sampled,
    Signed,
    Started,
    Used,
)
from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE, as_any, given
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.last_event import last_event
from lockgate.dialects.lenient import forgiving, shaped
from lockgate.dialects.openai.responses.read_reply import (
    call_part,
    content_part,
    failure_in,
    thinking_part,
    whole_usage,
)
from lockgate.dialects.openai.responses.shapes import (
    NAME,
    CallShape,
    Kind,
    Logprob,
    MessageShape,
    ReasoningShape,
    ResponseShape,
    citation_of,
    finish_of,
    tokens_of,
)
from lockgate.wire.sse import Blocks, EventTooLarge, payloads


class _Event(msgspec.Struct):
    """What is read of any event of the stream."""

    type: str = ""
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    item_id: str = ""
    delta: str = ""
    logprobs: list[Logprob] | None = None
    annotation: msgspec.Raw = msgspec.Raw()
    item: msgspec.Raw = msgspec.Raw()
    response: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_CALLS = ("function_call", "custom_tool_call")

_decode = msgspec.json.Decoder(_Event, strict=False).decode


class _Open(msgspec.Struct):
    """A part on its way: its canonical index, how many pieces and citations came, and where its last piece belongs."""

    index: int
    pieces: int = 0
    cited: int = 0
    section: tuple[str, int] = ("", 0)
    ended: bool = False


class Reader:
    """Reads one stream. What comes after its last event, or after a failure, is dropped."""

    __slots__ = ("_blocks", "_calls", "_count", "_done", "_open", "_over", "complete")

    def __init__(self) -> None:
        self.complete = False
        self._blocks = Blocks()
        self._over = False
        self._calls = False
        self._count = 0
        self._open: dict[tuple[int, int], _Open] = {}  # (output index, content index; -1 for the item itself)
        self._done: set[int] = set()  # output indexes of items that are done

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that are complete now."""
        if self._over:
            return []
        try:
            block = self._blocks.feed(chunk)
        except EventTooLarge as error:
            return self._break(unreadable(str(error)))
        return self._read(block) if block else []

    def end(self) -> list[Event]:
        """What a last event without its blank line says."""
        block = last_event(self._blocks)
        return self._read(block) if block and not self._over else []

    def _read(self, block: bytes) -> list[Event]:
        out: list[Event] = []
        for data in payloads(block):
            try:
                event = forgiving(data, _decode)
                if event.type == "response.output_text.delta":  # nearly all events are these
                    self._text(event, out)
                elif reader := self._READERS.get(event.type):
                    reader(self, event, out)
                elif event.type == "error" or given(event.error):
                    return out + self._break(error_in(data))
            except UNREADABLE as error:
                if data.strip() != b"[DONE]":  # what some hosts end with
                    return out + self._break(unreadable(str(error), data))
            if self._over:
                break
        return out

    def _break(self, failure: Failure) -> list[Event]:
        self._over = True
        return [Broken(failure)]

    def _part(self, place: tuple[int, int], part: Part, out: list[Event]) -> _Open:
        opened = self._open[place] = _Open(self._count)
        self._count += 1
        out.append(PartStarted(opened.index, part))
        return opened

    def _end_part(self, opened: _Open, out: list[Event]) -> None:
        if not opened.ended:
            opened.ended = True
            out.append(PartEnded(opened.index))

    def _started(self, event: _Event, out: list[Event]) -> None:
        response = shaped(event.response, ResponseShape)
        out.append(Started(response.id or "", response.model or "", int(response.created_at or 0), response.service_tier or ""))

    def _item_added(self, event: _Event, out: list[Event]) -> None:
        item = shaped(event.item, CallShape) if shaped(event.item, Kind).type in _CALLS else None
        if item is not None and item.name:
            self._call(event.output_index, item, out)

    def _call(self, output_index: int, item: CallShape, out: list[Event]) -> _Open:
        self._calls = True
        part = call_part(item)
        part.arguments = ""
        return self._part((output_index, -1), part, out)

    def _text(self, event: _Event, out: list[Event]) -> None:
        place = (event.output_index, event.content_index)
        opened = self._open.get(place) or self._part(place, Text(""), out)
        if event.delta:
            opened.pieces += 1
            out.append(PartDelta(opened.index, event.delta))
        if event.logprobs:
            out.append(Sampled(tokens_of(event.logprobs)))

    def _declined(self, event: _Event, out: list[Event]) -> None:
        place = (event.output_index, event.content_index)
        opened = self._open.get(place) or self._part(place, Declined(""), out)
        if event.delta:
            opened.pieces += 1
            out.append(PartDelta(opened.index, event.delta))

    def _summary(self, event: _Event, out: list[Event]) -> None:
        self._thought(event, ("summary", event.summary_index), out)

    def _thinking(self, event: _Event, out: list[Event]) -> None:
        self._thought(event, ("content", event.content_index), out)

    def _thought(self, event: _Event, section: tuple[str, int], out: list[Event]) -> None:
        """A piece of reasoning. A new section of a summary is a new paragraph; of summary and content, the first counts."""
        place = (event.output_index, -1)
        opened = self._open.get(place)
        if opened is None:
            opened = self._part(place, Thinking(dialect=NAME, id=event.item_id, summary=section[0] == "summary"), out)
            opened.section = section
        if not event.delta or section[0] != opened.section[0]:
            return
        text = event.delta
        if section != opened.section:
            opened.section = section
            text = "\n\n" + text if section[0] == "summary" else text
        opened.pieces += 1
        out.append(PartDelta(opened.index, text))

    def _arguments(self, event: _Event, out: list[Event]) -> None:
        opened = self._open.get((event.output_index, -1))
        if opened is not None and event.delta:
            opened.pieces += 1
            out.append(PartDelta(opened.index, event.delta))

    def _annotation(self, event: _Event, out: list[Event]) -> None:
        opened = self._open.get((event.output_index, event.content_index))
        if opened is not None:
            opened.cited += 1
            out.append(Cited(opened.index, citation_of(event.annotation)))

    def _item_done(self, event: _Event, out: list[Event]) -> None:
        self._finish_item(event.output_index, event.item, out)

    def _finish_item(self, output_index: int, raw: msgspec.Raw, out: list[Event]) -> None:
        """The whole item: what its deltas left out is made up for, and its parts end."""
        if output_index in self._done:
            return
        self._done.add(output_index)
        kind = shaped(raw, Kind).type or ""
        if kind == "message":
            self._finish_message(output_index, shaped(raw, MessageShape), out)
        elif kind in _CALLS:
            call = shaped(raw, CallShape)
            opened = self._open.get((output_index, -1)) or self._call(output_index, call, out)
            if not opened.pieces and call.text:
                out.append(PartDelta(opened.index, call.text))
            self._end_part(opened, out)
        elif kind == "reasoning":
            self._finish_reasoning(output_index, shaped(raw, ReasoningShape), out)
        elif kind:
            self._end_part(self._part((output_index, -1), Native(NAME, kind, raw), out), out)

    def _finish_message(self, output_index: int, item: MessageShape, out: list[Event]) -> None:
        for content_index, content in enumerate(item.content or []):
            whole = content_part(content)
            place = (output_index, content_index)
            opened = self._open.get(place)
            if opened is None:
                opened = self._part(place, Declined("") if isinstance(whole, Declined) else Text(""), out)
            if isinstance(whole, (Text, Declined)) and whole.text and not opened.pieces:
                out.append(PartDelta(opened.index, whole.text))
                if content.logprobs:
                    out.append(Sampled(tokens_of(content.logprobs)))
            if isinstance(whole, Text):
                out += [Cited(opened.index, citation) for citation in whole.citations[opened.cited :]]
            self._end_part(opened, out)

    def _finish_reasoning(self, output_index: int, item: ReasoningShape, out: list[Event]) -> None:
        whole = thinking_part(item)
        opened = self._open.get((output_index, -1))
        if opened is None:
            if not whole.text and not whole.signature:
                return
            opened = self._part((output_index, -1), Thinking(dialect=NAME, id=whole.id, summary=whole.summary), out)
        if whole.text and not opened.pieces:
            out.append(PartDelta(opened.index, whole.text))
        if whole.signature:
            out.append(Signed(opened.index, whole.signature, NAME))
        self._end_part(opened, out)

    def _finished(self, event: _Event, out: list[Event]) -> None:
        response = shaped(event.response, ResponseShape)
        if not self._open:  # nothing was streamed: the last object tells it all
            for index, raw in enumerate(response.output or []):
                self._finish_item(index, raw, out)
        for opened in self._open.values():
            self._end_part(opened, out)
        usage = whole_usage(response)
        if usage is not None:
            out.append(Used(usage))
        status = response.status or event.type.removeprefix("response.")
        out.append(Finished(finish_of(status, response.incomplete_details, self._calls)))
        self.complete = self._over = True

    def _failed(self, event: _Event, out: list[Event]) -> None:
        response = shaped(event.response, ResponseShape)
        usage = whole_usage(response)
        if usage is not None:
            out.append(Used(usage))
        status = response.status if response.status == "cancelled" else "failed"
        failure = failure_in(status, response.error)
        out += self._break(failure or unreadable("it failed without saying so"))

    _READERS: ClassVar[dict[str, Callable[[Reader, _Event, list[Event]], None]]] = {
        "response.created": _started,
        "response.output_item.added": _item_added,
        "response.refusal.delta": _declined,
        "response.reasoning_summary_text.delta": _summary,
        "response.reasoning_text.delta": _thinking,
        "response.function_call_arguments.delta": _arguments,
        "response.custom_tool_call_input.delta": _arguments,
        "response.output_text.annotation.added": _annotation,
        "response.output_item.done": _item_done,
        "response.completed": _finished,
        "response.incomplete": _finished,
        "response.failed": _failed,
        "response.cancelled": _failed,
    }


def error_in(data: bytes) -> Failure:
    """The failure that an `error` event states: flat, or in an `error` member; raises `msgspec.DecodeError`."""
    value = as_any(data)
    if isinstance(value, dict):
        flat = cast("dict[str, Any]", value)
        if not flat.get("error"):
            value = {"error": {name: flat[name] for name in ("code", "message", "param") if name in flat}}
    return failure_of(value)
