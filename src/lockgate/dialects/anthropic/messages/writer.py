"""Events, written as a Messages stream for a caller.

The official SDKs want blocks one after the other, numbered without gaps. Canonical parts may overlap and may turn out to
be empty: a block begins with the first thing that it says, and what comes for a later part meanwhile waits for its turn.
"""

from __future__ import annotations

from typing import Any

from lockgate.core.content import Citation, Declined, Media, Native, Part, Text, Thinking, ToolCall
from lockgate.core.events import Cited, Event, Finished, PartDelta, PartEnded, PartStarted, Signed, Started, Used
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import as_any, encode
from lockgate.core.reply import Finish, Usage
from lockgate.dialects.anthropic.messages.error import stream_error
from lockgate.dialects.anthropic.messages.reply import name_of
from lockgate.dialects.anthropic.messages.shapes import (
    NAME,
    citation_object,
    redacted_data,
    signature_of,
    stop_members,
    usage_object,
)
from lockgate.dialects.calls import free_arguments
from lockgate.dialects.codec import Voice
from lockgate.wire import sse

_Object = dict[str, Any]


class _Open:
    """A part that is being written: its block once it has begun, and what waits for it to begin."""

    __slots__ = ("after", "before", "begun", "ended", "held", "part")

    def __init__(self, part: Part) -> None:
        self.part = part
        self.begun = False
        self.ended = False
        self.before = b""  # what stands around a delta
        self.after = b"}}\n\n"
        self.held: list[str | Citation] = []


class Writer:
    """See `dialects.codec.Writer`. A caller of this API gets one choice, the first."""

    __slots__ = ("_calls", "_finish", "_index", "_queue", "_started", "_usage", "_voice")

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._started = False
        self._index = 0  # of the next block
        self._calls = 0
        self._queue: dict[int, _Open] = {}  # parts that are not out yet, in their order; the first is being written
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def __repr__(self) -> str:
        return f"Writer({self._index} blocks, {len(self._queue)} parts open)"

    def feed(self, events: list[Event]) -> bytes:
        """The events to send now."""
        out: list[bytes] = []
        for event in events:
            kind = type(event)
            if kind is PartDelta:
                self._delta(event, out)  # type: ignore[arg-type]
            else:
                self._other(event, out)
        return b"".join(out)

    def end(self) -> bytes:
        """The stop reason with the usage, and message_stop."""
        out: list[bytes] = []
        self._start(Started(), out)
        for part in self._queue.values():
            part.ended = True
        self._flush(out)
        stop = stop_members(self._finish, self._calls > 0)
        usage = usage_object(self._usage)
        out.append(_event({"type": "message_delta", "delta": stop, "usage": usage}))
        out.append(_event({"type": "message_stop"}))
        return b"".join(out)

    def broken(self, error: Failure | Refusal) -> bytes:
        """The error event, and no message_stop after it."""
        return stream_error(error)

    def _start(self, event: Started, out: list[bytes]) -> None:
        if self._started:
            return
        self._started = True
        message: _Object = {
            "id": event.id or f"msg_{self._voice.id}",
            "type": "message",
            "role": "assistant",
            "model": event.model or self._voice.request.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_object(self._usage),
        }
        out.append(_event({"type": "message_start", "message": message}))

    def _delta(self, event: PartDelta, out: list[bytes]) -> None:
        part = self._queue.get(event.index)
        if part is None or event.choice or not event.text:
            return
        if part.begun:
            out.append(part.before + encode(event.text) + part.after)
            return
        part.held.append(event.text)
        self._flush(out)

    def _other(self, event: Event, out: list[bytes]) -> None:
        if isinstance(event, Used):
            self._usage = event.usage
            return
        if isinstance(event, Started):
            self._start(event, out)
            return
        if getattr(event, "choice", 0):
            return
        self._start(Started(), out)
        if isinstance(event, PartStarted):
            self._queue[event.index] = part = _Open(event.part)
            if isinstance(event.part, (Text, Thinking, Declined)) and event.part.text:
                part.held.append(event.part.text)
            if isinstance(event.part, Text):
                part.held += event.part.citations
            if isinstance(event.part, ToolCall):
                self._calls += 1
                part.held += filter(None, (event.part.arguments,))
        elif isinstance(event, PartEnded) and event.index in self._queue:
            self._queue[event.index].ended = True
        elif isinstance(event, Signed) and event.index in self._queue:
            _sign(self._queue[event.index], event)
        elif isinstance(event, Cited) and event.index in self._queue:
            self._queue[event.index].held.append(event.citation)
        elif isinstance(event, Finished):
            self._finish = event.finish
            for part in self._queue.values():
                part.ended = True
        self._flush(out)

    def _flush(self, out: list[bytes]) -> None:
        """Write what can be written: the first part as far as it has come, and the next one when that has ended."""
        while self._queue:
            index = next(iter(self._queue))
            part = self._queue[index]
            self._write(part, out)
            if not part.ended:
                return
            self._stop(part, out)
            del self._queue[index]

    def _write(self, part: _Open, out: list[bytes]) -> None:
        if isinstance(part.part, ToolCall) and part.part.custom:
            if not part.ended:
                return  # free text becomes JSON when it is whole
            part.held = [free_arguments("".join(text for text in part.held if isinstance(text, str)))]
        if not part.begun and (part.held or isinstance(part.part, ToolCall)):
            self._begin(part, out)
        if not part.begun:
            return
        for held in part.held:
            if isinstance(held, str):
                out.append(part.before + encode(held) + part.after)
            elif (citation := citation_object(held)) is not None:
                out.append(self._block_delta({"type": "citations_delta", "citation": citation}))
        part.held.clear()

    def _begin(self, part: _Open, out: list[bytes]) -> None:
        part.begun = True
        block, delta = self._block(part.part)
        out.append(_event({"type": "content_block_start", "index": self._index, "content_block": block}))
        head = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"' % self._index
        part.before = head + delta

    def _block(self, part: Part) -> tuple[_Object, bytes]:
        """A block as it begins, and what stands before the text of its deltas."""
        if isinstance(part, ToolCall):
            call_id = part.id or f"toolu_{self._voice.id}_{self._index}"
            name = name_of(part.name, self._voice)
            return {"type": "tool_use", "id": call_id, "name": name, "input": {}}, b'input_json_delta","partial_json":'
        if isinstance(part, Thinking):
            return {"type": "thinking", "thinking": "", "signature": ""}, b'thinking_delta","thinking":'
        return {"type": "text", "text": ""}, b'text_delta","text":'

    def _block_delta(self, delta: _Object) -> bytes:
        return _event({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _stop(self, part: _Open, out: list[bytes]) -> None:
        """End a part's block; a part that comes whole or says nothing but its proof begins it here."""
        inner = part.part
        whole: _Object | None = None
        if isinstance(inner, Thinking):
            whole = self._end_thinking(part, inner, out)
        elif isinstance(inner, Native) and inner.dialect == NAME:
            whole = as_any(inner.raw)
        elif isinstance(inner, Media) and inner.url:
            part.held.append(inner.url)
            self._write(part, out)
        if whole is not None:
            out.append(_event({"type": "content_block_start", "index": self._index, "content_block": whole}))
            part.begun = True
        if part.begun:
            out.append(_event({"type": "content_block_stop", "index": self._index}))
            self._index += 1

    def _end_thinking(self, part: _Open, inner: Thinking, out: list[bytes]) -> _Object | None:
        if inner.redacted:
            return {"type": "redacted_thinking", "data": redacted_data(inner)}
        signature = signature_of(inner)
        if not part.begun and inner.signature:
            self._begin(part, out)
        if part.begun and signature:
            out.append(self._block_delta({"type": "signature_delta", "signature": signature}))
        return None


def _sign(part: _Open, event: Signed) -> None:
    if isinstance(part.part, Thinking):
        old = part.part
        part.part = Thinking(old.text, event.signature, old.redacted, event.dialect, old.id)


def _event(data: _Object) -> bytes:
    return sse.write(encode(data), data["type"])
