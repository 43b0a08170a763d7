"""Canonical events, written as a Responses stream with its whole grammar; what the deltas said is what the last object says.

Source: https://platform.openai.com/docs/api-reference/responses-streaming. Texts that follow one another share a message item;
every other part is an item of its own. A delta is put together from pieces that were encoded when its part began.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from lockgate.core.content import Citation, Declined, Media, Native, Text, Thinking, TokenLogprob, ToolCall
from lockgate.core.events import Cited, Event, Finished, PartDelta, PartEnded, PartStarted, Sampled, Signed, Started, Used
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import encode, raw
from lockgate.core.reply import Finish, Usage
from lockgate.dialects.calls import free_text
from lockgate.dialects.codec import Voice
from lockgate.dialects.openai.error import error_object
from lockgate.dialects.openai.responses.answer import (
    Frame,
    Status,
    call_item,
    image_item,
    message_item,
    reasoning_item,
    refusal_content,
    text_content,
)
from lockgate.dialects.openai.responses.shapes import NAME, annotation_object, incomplete_reason, logprob_objects

_NO_LOGPROBS = b',"logprobs":[]}\n\n'


class _Item:
    """An output item on its way."""

    __slots__ = ("content", "id", "index")

    def __init__(self, item_id: str, index: int) -> None:
        self.id = item_id
        self.index = index
        self.content: list[_Part] = []  # a message's


class _Part:
    """A canonical part on its way: its text so far, and the bytes around each of its deltas."""

    __slots__ = ("citations", "ended", "head", "item", "logprobs", "middle", "part", "place", "tail", "texts")

    def __init__(self, part: Text | Declined | Thinking | ToolCall, item: _Item, place: dict[str, object]) -> None:
        self.part = part
        self.item = item
        self.place = place  # the members that say where a delta belongs
        self.texts: list[str] = []
        self.citations: list[Citation] = []
        self.logprobs: list[TokenLogprob] = []
        self.ended = False
        self.head = b""  # empty: deltas are held back
        self.middle = b""
        self.tail = b"}\n\n"

    def stream(self, name: str) -> None:
        """Let deltas go out as events of this name."""
        self.head = b'event: %b\ndata: {"type":"%b","sequence_number":' % (name.encode(), name.encode())
        self.middle = b"," + encode(self.place)[1:-1] + b',"delta":'

    @property
    def text(self) -> str:
        return "".join(self.texts)


class Writer:
    """Writes one stream. The dialect has one choice; others are left out."""

    __slots__ = ("_finish", "_frame", "_last", "_message", "_number", "_output", "_parts", "_usage", "_voice")

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._frame: Frame | None = None  # the response has begun
        self._number = 0
        self._parts: dict[int, _Part] = {}
        self._message: _Item | None = None  # the message that further texts join
        self._last: _Part | None = None  # the text that was written last
        self._output: list[bytes] = []  # items as they are now, the finished ones for good
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def feed(self, events: list[Event]) -> bytes:
        """The bytes to send now."""
        out: list[bytes] = []
        for event in events:
            kind = type(event)
            if kind is PartDelta:
                part = self._parts.get(event.index)  # type: ignore[union-attr]
                if part is not None and event.choice == 0:  # type: ignore[union-attr]
                    self._delta(part, event.text, out)  # type: ignore[union-attr]
            else:
                self._WRITERS[kind](self, event, out)
        return b"".join(out)

    def end(self) -> bytes:
        """What is still open ends, and the response is stated as a whole."""
        out: list[bytes] = []
        frame = self._begin(out)
        reason = incomplete_reason(self._finish)
        status: Status = "incomplete" if reason else "completed"
        for part in list(self._parts.values()):
            self._end_part(part, out)
        self._leave_message(out, status)
        response = frame.response(status, self._output, self._usage, reason)
        self._lifecycle(f"response.{status}", response, out)
        return b"".join(out)

    def broken(self, error: Failure | Refusal) -> bytes:
        """The error event, and the failed response for clients that wait for one."""
        out: list[bytes] = []
        self._number += 1
        out.append(stream_error(error, self._number - 1))
        if self._frame is not None:
            said = error_object(error)
            stated = {"code": said.code or said.type, "message": said.message}
            response = self._frame.response("failed", self._output, self._usage, error=stated)
            self._lifecycle("response.failed", response, out)
        return b"".join(out)

    def _event(self, name: str, members: dict[str, Any], out: list[bytes]) -> None:
        data = encode({"type": name, "sequence_number": self._number, **members})
        self._number += 1
        out.append(b"event: %b\ndata: %b\n\n" % (name.encode(), data))

    def _lifecycle(self, name: str, response: bytes, out: list[bytes]) -> None:
        kind = name.encode()
        out.append(
            b'event: %b\ndata: {"type":"%b","sequence_number":%d,"response":%b}\n\n' % (kind, kind, self._number, response)
        )
        self._number += 1

    def _begin(self, out: list[bytes], started: Started | None = None) -> Frame:
        if self._frame is None:
            said = started or Started()
            self._frame = Frame(self._voice, said.created, said.model, said.service_tier)
            response = self._frame.response("in_progress", [])
            self._lifecycle("response.created", response, out)
            self._lifecycle("response.in_progress", response, out)
        return self._frame

    def _started(self, event: Started, out: list[bytes]) -> None:
        self._begin(out, event)

    def _used(self, event: Used, out: list[bytes]) -> None:
        self._usage = event.usage

    def _finished(self, event: Finished, out: list[bytes]) -> None:
        if event.choice == 0:
            self._finish = event.finish

    def _part_started(self, event: PartStarted, out: list[bytes]) -> None:
        if event.choice != 0:
            return
        self._begin(out)
        part = event.part
        if isinstance(part, (Text, Declined)):
            self._parts[event.index] = self._join_message(part, out)
        elif isinstance(part, Thinking):
            self._parts[event.index] = self._add_reasoning(part, out)
        elif isinstance(part, ToolCall):
            self._parts[event.index] = self._add_call(part, out)
        elif isinstance(part, Media) and part.kind == "image" and part.data:
            item = self._new_item("ig", out)
            self._whole(item, encode(image_item(item.id, part.data)), out)
        elif isinstance(part, Native) and part.dialect == NAME:
            self._whole(self._new_item("", out), bytes(part.raw), out)

    def _new_item(self, prefix: str, out: list[bytes], own_id: str = "") -> _Item:
        """The next output item. A message before it takes no more texts, and ends unless one of its texts still goes on."""
        self._leave_message(out, "completed")
        index = len(self._output)
        self._output.append(b"")
        assert self._frame is not None
        return _Item(own_id or self._frame.item_id(prefix, index), index)

    def _added(self, item: _Item, made: dict[str, Any], out: list[bytes]) -> None:
        self._output[item.index] = encode(made)
        self._event("response.output_item.added", {"output_index": item.index, "item": made}, out)

    def _item_done(self, item: _Item, made: dict[str, Any], out: list[bytes]) -> None:
        self._output[item.index] = encode(made)
        self._event("response.output_item.done", {"output_index": item.index, "item": made}, out)

    def _whole(self, item: _Item, made: bytes, out: list[bytes]) -> None:
        """An item that comes in one piece."""
        self._output[item.index] = made
        for name in (b"response.output_item.added", b"response.output_item.done"):
            out.append(
                b'event: %b\ndata: {"type":"%b","sequence_number":%d,"output_index":%d,"item":%b}\n\n'
                % (name, name, self._number, item.index, made)
            )
            self._number += 1

    def _join_message(self, part: Text | Declined, out: list[bytes]) -> _Part:
        if self._message is None:
            item = self._new_item("msg", out)
            self._added(item, message_item(item.id, [], "in_progress"), out)
            self._message = item
        item = self._message
        opened = _Part(part, item, {"item_id": item.id, "output_index": item.index, "content_index": len(item.content)})
        item.content.append(opened)
        empty = text_content("", [], []) if isinstance(part, Text) else refusal_content("")
        self._event("response.content_part.added", {**opened.place, "part": empty}, out)
        if isinstance(part, Text):
            opened.stream("response.output_text.delta")
            opened.tail = _NO_LOGPROBS
            self._last = opened
        else:
            opened.stream("response.refusal.delta")
        self._delta(opened, part.text, out)
        if isinstance(part, Text):
            for citation in part.citations:
                self._cite(opened, citation, out)
        return opened

    def _add_reasoning(self, part: Thinking, out: list[bytes]) -> _Part:
        item = self._new_item("rs", out, part.id if part.dialect == NAME else "")
        self._added(item, reasoning_item(item.id, Thinking()), out)
        section = "summary_index" if part.summary else "content_index"
        said = msgspec.structs.replace(part, text="")
        opened = _Part(said, item, {"item_id": item.id, "output_index": item.index, section: 0})
        self._delta(opened, part.text, out)
        return opened

    def _add_call(self, part: ToolCall, out: list[bytes]) -> _Part:
        assert self._frame is not None
        custom = self._frame.custom(part)
        unwrapped = custom and not part.custom
        item = self._new_item("ctc" if custom else "fc", out)
        said = ToolCall(part.id, part.name, custom=custom)
        self._added(item, call_item(item.id, said, self._frame, "in_progress"), out)
        opened = _Part(said, item, {"item_id": item.id, "output_index": item.index})
        if not unwrapped:  # else the text is inside a JSON argument, and known only when that is whole
            opened.stream("response.custom_tool_call_input.delta" if custom else "response.function_call_arguments.delta")
        self._delta(opened, part.arguments, out)
        return opened

    def _delta(self, part: _Part, text: str, out: list[bytes]) -> None:
        if not text or part.ended:
            return
        if not part.texts and type(part.part) is Thinking:
            self._open_thought(part, out)
        part.texts.append(text)
        if part.head:
            out.append(b"%b%d%b%b%b" % (part.head, self._number, part.middle, encode(text), part.tail))
            self._number += 1

    def _open_thought(self, part: _Part, out: list[bytes]) -> None:
        """The section of a reasoning item that its text goes into begins with the first of it."""
        assert isinstance(part.part, Thinking)
        if part.part.summary:
            empty = {"type": "summary_text", "text": ""}
            self._event("response.reasoning_summary_part.added", {**part.place, "part": empty}, out)
            part.stream("response.reasoning_summary_text.delta")
        else:
            empty = {"type": "reasoning_text", "text": ""}
            self._event("response.content_part.added", {**part.place, "part": empty}, out)
            part.stream("response.reasoning_text.delta")

    def _sampled(self, event: Sampled, out: list[bytes]) -> None:
        """Log probabilities belong to the text delta just written, when it is still here, and to its whole text."""
        if event.choice != 0 or self._last is None or self._last.ended:
            return
        self._last.logprobs += event.logprobs
        if out and out[-1].startswith(self._last.head) and out[-1].endswith(_NO_LOGPROBS):
            told = encode(logprob_objects(event.logprobs))
            out[-1] = b'%b,"logprobs":%b}\n\n' % (out[-1].removesuffix(_NO_LOGPROBS), told)

    def _cited(self, event: Cited, out: list[bytes]) -> None:
        part = self._parts.get(event.index)
        if part is not None and event.choice == 0 and not part.ended:
            self._cite(part, event.citation, out)

    def _cite(self, part: _Part, citation: Citation, out: list[bytes]) -> None:
        annotation = annotation_object(citation, sum(map(len, part.texts)))
        if annotation is not None:
            # Kept as it was told, so that a citation without offsets does not change when the text goes on.
            told = Citation(dialect=NAME, native=raw(annotation))
            index = len(part.citations)
            part.citations.append(told)
            members = {**part.place, "annotation_index": index, "annotation": annotation}
            self._event("response.output_text.annotation.added", members, out)

    def _signed(self, event: Signed, out: list[bytes]) -> None:
        part = self._parts.get(event.index)
        if part is not None and event.choice == 0 and isinstance(part.part, Thinking):
            part.part.signature, part.part.dialect = event.signature, event.dialect

    def _part_ended(self, event: PartEnded, out: list[bytes]) -> None:
        part = self._parts.get(event.index)
        if part is not None and event.choice == 0:
            self._end_part(part, out)

    def _end_part(self, part: _Part, out: list[bytes]) -> None:
        if part.ended:
            return
        said = part.part
        if isinstance(said, ToolCall):
            self._end_call(part, said, out)
        elif isinstance(said, Thinking):
            self._end_reasoning(part, said, out)
        elif isinstance(said, Text):
            done = {"text": part.text, "logprobs": logprob_objects(part.logprobs)}
            self._event("response.output_text.done", {**part.place, **done}, out)
        else:
            self._event("response.refusal.done", {**part.place, "refusal": part.text}, out)
        part.ended = True
        if isinstance(said, (Text, Declined)):
            self._event("response.content_part.done", {**part.place, "part": _content(part)}, out)
            item = part.item
            if item is not self._message and all(part.ended for part in item.content):
                self._end_message(item, out, "completed")

    def _end_call(self, part: _Part, said: ToolCall, out: list[bytes]) -> None:
        assert self._frame is not None
        if not part.head:
            part.texts = [free_text(part.text)]
            self._event("response.custom_tool_call_input.delta", {**part.place, "delta": part.text}, out)
        elif not part.texts and not said.custom:
            self._delta(part, "{}", out)  # a call without arguments
        said.arguments = part.text
        name, member = ("custom_tool_call_input", "input") if said.custom else ("function_call_arguments", "arguments")
        self._event(f"response.{name}.done", {**part.place, member: said.arguments}, out)
        self._item_done(part.item, call_item(part.item.id, said, self._frame, "completed"), out)

    def _end_reasoning(self, part: _Part, said: Thinking, out: list[bytes]) -> None:
        if part.texts:
            text = {"text": part.text}
            if said.summary:
                self._event("response.reasoning_summary_text.done", {**part.place, **text}, out)
                whole = {"type": "summary_text", **text}
                self._event("response.reasoning_summary_part.done", {**part.place, "part": whole}, out)
            else:
                self._event("response.reasoning_text.done", {**part.place, **text}, out)
                whole = {"type": "reasoning_text", **text}
                self._event("response.content_part.done", {**part.place, "part": whole}, out)
        said.text = part.text
        self._item_done(part.item, reasoning_item(part.item.id, said), out)

    def _leave_message(self, out: list[bytes], status: Status) -> None:
        item, self._message = self._message, None
        if item is not None and all(part.ended for part in item.content):
            self._end_message(item, out, status)

    def _end_message(self, item: _Item, out: list[bytes], status: Status) -> None:
        self._item_done(item, message_item(item.id, [_content(part) for part in item.content], status), out)

    _WRITERS: ClassVar[dict[type, Callable[[Writer, Any, list[bytes]], None]]] = {
        Started: _started,
        PartStarted: _part_started,
        Signed: _signed,
        Cited: _cited,
        Sampled: _sampled,
        PartEnded: _part_ended,
        Finished: _finished,
        Used: _used,
    }


def _content(part: _Part) -> dict[str, Any]:
    """A message's content part as it is in the end."""
    if isinstance(part.part, Declined):
        return refusal_content(part.text)
    return text_content(part.text, part.citations, part.logprobs)


def stream_error(error: Failure | Refusal, number: int = 0) -> bytes:
    """The dialect's error event: flat as documented, and with the `error` member that the API sends and SDKs raise on."""
    said = error_object(error)
    data = {
        "type": "error",
        "sequence_number": number,
        "code": said.code,
        "message": said.message,
        "param": said.param,
        "error": said,
    }
    return b"event: error\ndata: %b\n\n" % encode(data)
