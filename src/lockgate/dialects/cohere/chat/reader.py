"""A provider's stream, read into canonical events, however the network cut it.

Parts are announced and ended one by one; only the plan is not. A text stays open until something follows it, because
citations of it may come after the event that ends it. `message-end` is the end of an answer: nothing else is.

Source: https://docs.cohere.com/docs/streaming, https://docs.cohere.com/docs/tool-use-streaming
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import msgspec

from lockgate.core.content import Part, Text, Thinking, ToolCall
from lockgate.core.events import Broken, Cited, Event, Finished, PartDelta, PartEnded, PartStarted, Sampled, Started, Used
from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE, as_any, given
from lockgate.core.reply import Finish
from lockgate.dialects.cohere.chat.error import failed
from lockgate.dialects.cohere.chat.shapes import (
    NAME,
    PLAN,
    BlockShape,
    CallShape,
    CitationShape,
    LogprobShape,
    arguments_text,
    citations_of,
    finish_of,
    tokens_of,
    usage_of,
)
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.last_event import last_event
from lockgate.dialects.lenient import aside, forgiving
from lockgate.wire.sse import Blocks, EventTooLarge, payloads

_DONE = b"[DONE]"


class _Message(msgspec.Struct):
    """Members are objects in deltas and empty lists in the first event."""

    content: BlockShape | list[BlockShape] | None = None
    tool_plan: str | None = None
    tool_calls: CallShape | list[CallShape] | None = None
    citations: msgspec.Raw = msgspec.Raw()


class _Delta(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: str | None = None


class _Event(msgspec.Struct):
    type: str | None = None
    id: str | None = None
    index: int | None = None
    delta: _Delta | None = None
    logprobs: LogprobShape | None = None
    error: msgspec.Raw = msgspec.Raw()
    message: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Event, strict=False).decode


class Reader:
    """See `dialects.codec.Reader`."""

    __slots__ = ("_blocks", "_called", "_calls", "_kind", "_next", "_over", "_part", "_started", "complete")

    def __init__(self) -> None:
        self.complete = False
        self._blocks = Blocks()
        self._started = False
        self._over = False
        self._next = 0  # index of the next part
        self._part = -1  # the part of running text that is open, or -1
        self._kind = ""  # what it is: "text", "thinking" or "plan"
        self._called = False
        self._calls: dict[int, int] = {}  # the provider's index of a call that is open → its part

    def __repr__(self) -> str:
        return f"Reader({self._next} parts, complete={self.complete}, {self._blocks!r})"

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that are complete now."""
        try:
            block = self._blocks.feed(chunk)
        except EventTooLarge as error:
            return self._break(unreadable(str(error)))
        return self._read(block) if block else []

    def end(self) -> list[Event]:
        """What a last event without its blank line says."""
        block = last_event(self._blocks)
        return self._read(block) if block else []

    def _read(self, block: bytes) -> list[Event]:
        out: list[Event] = []
        for data in payloads(block):
            if self._over or data == _DONE:
                continue
            try:
                event = forgiving(data, _decode)
                if event.type is None or event.type == "error":
                    if given(event.error) or given(event.message):
                        out += self._break(failure_of(as_any(data)))
                    continue
                if (read := self._READERS.get(event.type)) is not None:
                    read(self, event, event.delta or _Delta(), out)
            except UNREADABLE as error:
                out += self._break(unreadable(str(error), data))
        return out

    def _break(self, failure: Failure) -> list[Event]:
        if self._over:
            return []
        self._over = True
        return [Broken(failure)]

    def _begin(self, event: _Event, delta: _Delta, out: list[Event]) -> None:
        if not self._started:
            self._started = True
            out.append(Started(event.id or ""))

    def _start_block(self, event: _Event, delta: _Delta, out: list[Event]) -> None:
        block = _block(delta)
        kind = "thinking" if block.type == "thinking" or block.thinking else "text"
        self._open(kind, out)
        self._run(kind, block.thinking or block.text or "", out)

    def _more_block(self, event: _Event, delta: _Delta, out: list[Event]) -> None:
        block = _block(delta)
        if block.thinking:
            self._run("thinking", block.thinking, out)
        if block.text:
            self._run("text", block.text, out)
        if event.logprobs is not None:
            out.append(Sampled(tokens_of([event.logprobs])))

    def _end_block(self, event: _Event, delta: _Delta, out: list[Event]) -> None:
        if self._kind == "thinking":
            self._close(out)

    def _plan(self, event: _Event, delta: _Delta, out: list[Event]) -> None:
        plan = delta.message.tool_plan if delta.message is not None else None
        if plan:
            self._run("plan", plan, out)

    def _start_call(self, event: _Event, delta: _Delta, out: list[Event]) -> None:
        self._begin(_Event(), delta, out)
        self._close(out)
        call = _call(delta)
        function = call.function
        part, index = self._next, event.index or 0
        self._next += 1
        self._end_call(event, delta, out)
        self._calls[index] = part
        self._called = True
        out.append(PartStarted(part, ToolCall(call.id or "", (function.name if function else None) or "")))
        if function is not None and (text := arguments_text(function.arguments)):
            out.append(PartDelta(part, text))

    def _more_call(self, event: _Event, delta: _Delta, out: list[Event]) -> None:
        part = self._calls.get(event.index or 0)
        function = _call(delta).function
        if part is not None and function is not None and (text := arguments_text(function.arguments)):
            out.append(PartDelta(part, text))

    def _end_call(self, event: _Event, delta: _Delta, out: list[Event]) -> None:
        part = self._calls.pop(event.index or 0, None)
        if part is not None:
            out.append(PartEnded(part))

    def _cite(self, event: _Event, delta: _Delta, out: list[Event]) -> None:
        citation = aside(delta.message.citations, CitationShape) if delta.message is not None else None
        if citation is not None and citation.of_text and self._kind == "text":
            out += [Cited(self._part, each) for each in citations_of(citation)]

    def _end(self, event: _Event, delta: _Delta, out: list[Event]) -> None:
        if (failure := failed(delta.finish_reason or "", delta.error or "")) is not None:
            out += self._break(failure)
            return
        self._begin(event, delta, out)
        self._close(out)
        out += [PartEnded(part) for part in self._calls.values()]
        finish = finish_of(delta.finish_reason or "")
        if finish.reason == "unknown" and self._called:
            finish = Finish("tool_calls", raw=finish.raw)
        out.append(Finished(finish))
        if (usage := usage_of(delta.usage)) is not None:
            out.append(Used(usage))
        self._over = self.complete = True

    _READERS: ClassVar[dict[str, Callable[[Reader, _Event, _Delta, list[Event]], None]]] = {
        "message-start": _begin,
        "content-start": _start_block,
        "content-delta": _more_block,
        "content-end": _end_block,
        "tool-plan-delta": _plan,
        "tool-call-start": _start_call,
        "tool-call-delta": _more_call,
        "tool-call-end": _end_call,
        "citation-start": _cite,
        "message-end": _end,
    }

    def _open(self, kind: str, out: list[Event]) -> None:
        """Begin a part of running text, which ends the one before it."""
        self._begin(_Event(), _Delta(), out)
        self._close(out)
        self._part, self._kind = self._next, kind
        self._next += 1
        part: Part = Text("") if kind == "text" else Thinking(dialect=NAME, id=PLAN if kind == "plan" else "")
        out.append(PartStarted(self._part, part))

    def _run(self, kind: str, text: str, out: list[Event]) -> None:
        """More running text of a kind."""
        if self._kind != kind:
            self._open(kind, out)
        if text:
            out.append(PartDelta(self._part, text))

    def _close(self, out: list[Event]) -> None:
        if self._kind:
            out.append(PartEnded(self._part))
            self._kind = ""


def _block(delta: _Delta) -> BlockShape:
    content = delta.message.content if delta.message is not None else None
    if isinstance(content, list):
        return content[0] if content else BlockShape()
    return content or BlockShape()


def _call(delta: _Delta) -> CallShape:
    calls = delta.message.tool_calls if delta.message is not None else None
    if isinstance(calls, list):
        return calls[0] if calls else CallShape()
    return calls or CallShape()
