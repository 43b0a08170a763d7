"""Canonical events, written as a stream of the Chat API.

Parts may overlap in the canonical stream and go out one after the other here: the first as far as it has come, the next when
that has ended. Why an answer ended and what it used go out together, in the last event.
"""

from __future__ import annotations

from typing import Any

from lockgate.core.content import Declined, Part, Text, Thinking, ToolCall
from lockgate.core.events import Cited, Event, Finished, PartDelta, PartEnded, PartStarted, Sampled, Started, Used
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import encode
from lockgate.core.reply import Finish, Usage
from lockgate.dialects.calls import free_arguments
from lockgate.dialects.codec import Voice
from lockgate.dialects.cohere.chat.answer import call_object, citation_object, logprob_object
from lockgate.dialects.cohere.chat.error import stream_error
from lockgate.dialects.cohere.chat.shapes import NAME, PLAN, finish_word, usage_object
from lockgate.wire import sse

_Object = dict[str, Any]


class _Open:
    """A part on its way: what came of it and is not out yet."""

    __slots__ = ("begun", "citations", "ended", "held", "index", "length", "part")

    def __init__(self, part: Part) -> None:
        self.part = part
        self.begun = False
        self.ended = False
        self.held: list[str] = []
        self.index = 0  # as the stream counts it
        self.length = 0
        self.citations: list[Cited] = []


class Writer:
    """See `dialects.codec.Writer`. A caller of this API gets one choice, the first."""

    __slots__ = ("_blocks", "_calls", "_cited", "_finish", "_queue", "_sampled", "_started", "_usage", "_voice")

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._started = False
        self._blocks = 0
        self._calls = 0
        self._cited = 0
        self._queue: dict[int, _Open] = {}  # parts that are not out yet, in their order; the first is being written
        self._sampled: list[_Object] = []
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def __repr__(self) -> str:
        return f"Writer({self._blocks} blocks, {self._calls} calls, {len(self._queue)} parts open)"

    def feed(self, events: list[Event]) -> bytes:
        """The events to send now."""
        out: list[bytes] = []
        for event in events:
            if isinstance(event, Used):
                self._usage = event.usage
            elif isinstance(event, Started):
                self._start(event.id, out)
            elif not getattr(event, "choice", 0):
                self._start("", out)
                self._take(event)
                self._flush(out)
        return b"".join(out)

    def end(self) -> bytes:
        """What is left of the parts, and the end of the message."""
        out: list[bytes] = []
        self._start("", out)
        for part in self._queue.values():
            part.ended = True
        self._flush(out)
        delta: _Object = {"finish_reason": finish_word(self._finish, self._calls > 0)}
        if self._usage is not None:
            delta["usage"] = usage_object(self._usage)
        out.append(_event({"type": "message-end", "delta": delta}))
        return b"".join(out)

    def broken(self, error: Failure | Refusal) -> bytes:
        """The end of a message that failed."""
        return stream_error(error)

    def _start(self, answer_id: str, out: list[bytes]) -> None:
        if self._started:
            return
        self._started = True
        message: _Object = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}
        out.append(_event({"id": answer_id or self._voice.id, "type": "message-start", "delta": {"message": message}}))

    def _take(self, event: Event) -> None:
        """Put what came where it waits for its turn."""
        if isinstance(event, PartStarted):
            self._queue[event.index] = opened = _Open(event.part)
            said = event.part.arguments if isinstance(event.part, ToolCall) else getattr(event.part, "text", "")
            opened.held += filter(None, (said,))
            if isinstance(event.part, Text):
                opened.citations = [Cited(event.index, each) for each in event.part.citations]
        elif isinstance(event, PartDelta) and event.index in self._queue:
            self._queue[event.index].held += filter(None, (event.text,))
        elif isinstance(event, Cited) and event.index in self._queue:
            self._queue[event.index].citations.append(event)
        elif isinstance(event, PartEnded) and event.index in self._queue:
            self._queue[event.index].ended = True
        elif isinstance(event, Sampled):
            self._sampled += [logprob_object(each) for each in event.logprobs]
        elif isinstance(event, Finished):
            self._finish = event.finish
            for part in self._queue.values():
                part.ended = True

    def _flush(self, out: list[bytes]) -> None:
        while self._queue:
            key = next(iter(self._queue))
            opened = self._queue[key]
            if isinstance(opened.part, ToolCall):
                self._write_call(opened, out)
            elif isinstance(opened.part, Thinking) and opened.part.id == PLAN and opened.part.dialect == NAME:
                self._write_plan(opened, out)
            elif isinstance(opened.part, (Text, Declined, Thinking)):
                self._write_block(opened, out)
            if not opened.ended:
                return
            del self._queue[key]

    def _write_block(self, opened: _Open, out: list[bytes]) -> None:
        kind = "thinking" if isinstance(opened.part, Thinking) else "text"
        if not opened.begun and opened.held:
            opened.begun = True
            opened.index = self._blocks
            self._blocks += 1
            content = {"type": kind, kind: ""}
            out.append(_event({"type": "content-start", "index": opened.index, **_message({"content": content})}))
        for text in opened.held:
            opened.length += len(text)
            event = {"type": "content-delta", "index": opened.index, **_message({"content": {kind: text}})}
            if self._sampled and kind == "text":
                event["logprobs"] = self._joined()
            out.append(_event(event))
        opened.held.clear()
        if opened.begun and opened.ended:
            for cited in opened.citations:
                citation = citation_object(cited.citation, opened.index, opened.length)
                out.append(_event({"type": "citation-start", "index": self._cited, **_message({"citations": citation})}))
                out.append(_event({"type": "citation-end", "index": self._cited}))
                self._cited += 1
            out.append(_event({"type": "content-end", "index": opened.index}))

    def _joined(self) -> _Object:
        """The tokens sampled since the last piece of text, as one."""
        made = {
            "text": "".join(each["text"] for each in self._sampled),
            "token_ids": [],
            "logprobs": [value for each in self._sampled for value in each["logprobs"]],
        }
        self._sampled = []
        return made

    def _write_plan(self, opened: _Open, out: list[bytes]) -> None:
        out += [_event({"type": "tool-plan-delta", **_message({"tool_plan": text})}) for text in opened.held]
        opened.held.clear()

    def _write_call(self, opened: _Open, out: list[bytes]) -> None:
        part = opened.part
        assert isinstance(part, ToolCall)
        if part.custom:
            if not opened.ended:
                return  # free text becomes JSON when it is whole
            opened.held = [free_arguments("".join(opened.held))]
        if not opened.begun:
            opened.begun = True
            opened.index = self._calls
            self._calls += 1
            named = ToolCall(part.id, part.name)
            call = call_object(named, f"call_{self._voice.id}_{opened.index}", self._voice.request)
            out.append(_event({"type": "tool-call-start", "index": opened.index, **_message({"tool_calls": call})}))
        for text in opened.held:
            piece = {"function": {"arguments": text}}
            out.append(_event({"type": "tool-call-delta", "index": opened.index, **_message({"tool_calls": piece})}))
        opened.held.clear()
        if opened.ended:
            out.append(_event({"type": "tool-call-end", "index": opened.index}))


def _message(members: _Object) -> _Object:
    return {"delta": {"message": members}}


def _event(body: _Object) -> bytes:
    return sse.write(encode(body), body["type"])
