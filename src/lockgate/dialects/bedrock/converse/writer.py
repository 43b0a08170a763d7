"""Canonical events, written as a ConverseStream: frames of the AWS event stream, the usage behind the end of the message.

Blocks that have no beginning of their own here (words, reasoning) begin with their first delta.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from lockgate.core.content import Media, Native, Part, Text, Thinking, ToolCall
from lockgate.core.events import Cited, Event, Finished, PartDelta, PartEnded, PartStarted, Signed, Started, Used
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import encode
from lockgate.core.reply import Finish, Usage
from lockgate.dialects.bedrock.converse.answer import (
    additional_fields,
    blocks_of,
    call_start,
    citation_object,
    stop_reason,
    usage_object,
)
from lockgate.dialects.bedrock.converse.error import stream_error
from lockgate.dialects.bedrock.converse.signing import carried, reasoning_content
from lockgate.dialects.calls import asked_tool, free_arguments
from lockgate.dialects.codec import Voice
from lockgate.wire import eventstream

_Object = dict[str, Any]


class _Block:
    """A part on its way: its number here, whether anything was said, and the text of one that is told when it ends."""

    __slots__ = ("held", "index", "part", "proof", "spoken")

    def __init__(self, index: int, part: Part) -> None:
        self.index = index
        self.part = part
        self.spoken = False
        self.held: list[str] | None = None
        self.proof = ""


class Writer:
    """See `dialects.codec.Writer`. Only the first choice is told: this dialect knows one."""

    __slots__ = ("_begun", "_blocks", "_finish", "_next", "_usage", "_voice")

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._begun = False
        self._next = 0
        self._blocks: dict[int, _Block] = {}
        self._finish: Finish | None = None
        self._usage: Usage | None = None

    def feed(self, events: list[Event]) -> bytes:
        """The bytes to send now."""
        out: list[bytes] = []
        if not self._begun and events:
            self._begun = True
            out.append(_event("messageStart", {"role": "assistant"}))
        for event in events:
            if getattr(event, "choice", 0) == 0 and (write := self._WRITERS.get(type(event))) is not None:
                write(self, event, out)
        return b"".join(out)

    def end(self) -> bytes:
        """Why the answer ended, and the usage."""
        out: list[bytes] = []
        for block in self._blocks.values():
            self._close(block, out)
        self._blocks.clear()
        stop: _Object = {"stopReason": stop_reason(self._finish)}
        if additional := additional_fields(self._finish):
            stop["additionalModelResponseFields"] = additional
        out.append(_event("messageStop", stop))
        metadata = {"usage": usage_object(self._usage or Usage()), "metrics": {"latencyMs": 0}}
        out.append(_event("metadata", metadata))
        return b"".join(out)

    def broken(self, error: Failure | Refusal) -> bytes:
        """The error's frame."""
        return stream_error(error)

    def _say(self, block: _Block, delta: _Object, out: list[bytes]) -> None:
        block.spoken = True
        out.append(_event("contentBlockDelta", {"contentBlockIndex": block.index, "delta": delta}))

    def _started(self, event: Started, out: list[bytes]) -> None:
        pass

    def _used(self, event: Used, out: list[bytes]) -> None:
        self._usage = event.usage

    def _finished(self, event: Finished, out: list[bytes]) -> None:
        self._finish = event.finish

    def _part_started(self, event: PartStarted, out: list[bytes]) -> None:
        part = event.part
        block = self._blocks[event.index] = _Block(self._next, part)
        self._next += 1
        if isinstance(part, ToolCall):
            start = call_start(part, f"tooluse_{self._voice.id}_{block.index}", self._voice.request)
            out.append(_event("contentBlockStart", {"contentBlockIndex": block.index, "start": {"toolUse": start}}))
            block.spoken = True
            tool = asked_tool(part.name, self._voice.request)
            if part.custom and (tool is None or not tool.custom):
                block.held = []  # free text becomes JSON, which takes the whole
        elif isinstance(part, Thinking):
            if part.redacted:
                content = reasoning_content(part)
                self._say(block, {"reasoningContent": content}, out)
            block.proof = carried(part.signature, part.dialect, part.id)
        elif isinstance(part, (Media, Native)):
            self._whole(block, part, out)
        elif isinstance(part, Text):
            for citation in part.citations:
                self._say(block, {"citation": citation_object(citation)}, out)
        text = part.arguments if isinstance(part, ToolCall) else getattr(part, "text", "")
        if text and not isinstance(part, Media):
            self._text(block, text, out)

    def _whole(self, block: _Block, part: Media | Native, out: list[bytes]) -> None:
        """A part that comes in one piece: what this dialect streams in one delta."""
        for made in blocks_of(part, "", self._voice.request):
            kind, value = next(iter(made.items()))
            if kind == "text":
                self._say(block, {"text": value}, out)
            elif kind == "image":
                start = {"contentBlockIndex": block.index, "start": {"image": {"format": value["format"]}}}
                out.append(_event("contentBlockStart", start))
                self._say(block, {"image": {"source": value["source"]}}, out)
            elif kind == "toolUse":
                start = {name: each for name, each in value.items() if name != "input"}
                out.append(_event("contentBlockStart", {"contentBlockIndex": block.index, "start": {"toolUse": start}}))
                self._say(block, {"toolUse": {"input": encode(value.get("input", {})).decode()}}, out)
            elif kind == "toolResult":
                start = {name: each for name, each in value.items() if name != "content"}
                out.append(_event("contentBlockStart", {"contentBlockIndex": block.index, "start": {"toolResult": start}}))
                self._say(block, {"toolResult": value.get("content", [])}, out)

    def _delta(self, event: PartDelta, out: list[bytes]) -> None:
        block = self._blocks.get(event.index)
        if block is not None and event.text:
            self._text(block, event.text, out)

    def _text(self, block: _Block, text: str, out: list[bytes]) -> None:
        if block.held is not None:
            block.held.append(text)
        elif isinstance(block.part, ToolCall):
            self._say(block, {"toolUse": {"input": text}}, out)
        elif isinstance(block.part, Thinking):
            self._say(block, {"reasoningContent": {"text": text}}, out)
        else:
            self._say(block, {"text": text}, out)

    def _signed(self, event: Signed, out: list[bytes]) -> None:
        block = self._blocks.get(event.index)
        if block is not None and isinstance(block.part, Thinking):
            block.proof = carried(event.signature, event.dialect, block.part.id)

    def _cited(self, event: Cited, out: list[bytes]) -> None:
        block = self._blocks.get(event.index)
        if block is not None:
            self._say(block, {"citation": citation_object(event.citation)}, out)

    def _part_ended(self, event: PartEnded, out: list[bytes]) -> None:
        block = self._blocks.pop(event.index, None)
        if block is not None:
            self._close(block, out)

    def _close(self, block: _Block, out: list[bytes]) -> None:
        if block.held is not None:
            self._say(block, {"toolUse": {"input": free_arguments("".join(block.held))}}, out)
        if block.proof:
            self._say(block, {"reasoningContent": {"signature": block.proof}}, out)
        if block.spoken:
            out.append(_event("contentBlockStop", {"contentBlockIndex": block.index}))

    _WRITERS: ClassVar[dict[type, Callable[[Writer, Any, list[bytes]], None]]] = {
        PartDelta: _delta,
        PartStarted: _part_started,
        Signed: _signed,
        Cited: _cited,
        PartEnded: _part_ended,
        Finished: _finished,
        Used: _used,
    }


def _event(kind: str, payload: _Object) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return eventstream.write(headers, encode(payload))
