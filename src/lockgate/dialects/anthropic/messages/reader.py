"""A provider's Messages stream, read into events.

Blocks come one after the other, each with a beginning, deltas and an end. The stop reason comes before the end of the
stream; it counts only when `message_stop` confirms it, because that is how this dialect ends an answer.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

import msgspec

from lockgate.core.content import Native, Part, Text, Thinking, ToolCall
from lockgate.core.events import Broken, Cited, Event, Finished, PartDelta, PartEnded, PartStarted, Signed, Started, Used
from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE, given
from lockgate.core.reply import Finish
from lockgate.dialects.anthropic.messages.shapes import (
    NAME,
    BlockShape,
    citation_of,
    finish_of,
    merged,
    redacted,
    usage_of,
)
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.last_event import last_event
from lockgate.dialects.lenient import forgiving
from lockgate.dialects.signature import unwrap
from lockgate.wire.sse import Blocks, EventTooLarge, payloads


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = msgspec.Raw()


class _Delta(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    partial_json: str | None = None
    signature: str | None = None
    citation: msgspec.Raw = msgspec.Raw()
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Event(msgspec.Struct):
    type: str | None = None
    index: int = 0
    delta: _Delta | None = None
    content_block: msgspec.Raw = msgspec.Raw()
    message: _Message | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Event, strict=False).decode


class Reader:
    """See `dialects.codec.Reader`. `complete`: `message_stop` has come."""

    __slots__ = ("_blocks", "_broken", "_finish", "_natives", "_open", "_usage", "complete")

    def __init__(self) -> None:
        self._blocks = Blocks()
        self._open: dict[int, type[Part]] = {}  # blocks that have begun
        self._natives: dict[int, list[bytes]] = {}  # of blocks that are kept whole: beginning and deltas of the input
        self._usage = msgspec.Raw()
        self._finish: Finish | None = None
        self._broken = False
        self.complete = False

    def __repr__(self) -> str:
        return f"Reader({len(self._open)} blocks open, complete={self.complete}, {self._blocks!r})"

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
            if self._broken or self.complete:
                break
            try:
                event = forgiving(data, _decode)
                kind = event.type
                if kind == "content_block_delta":
                    if event.delta is not None:
                        self._delta(event.index, event.delta, out)
                elif kind == "error" or given(event.error):
                    out += self._break(failure_of(msgspec.json.decode(data)))
                else:
                    self._other(event, out)
            except UNREADABLE as error:
                out += self._break(unreadable(str(error), data))
        return out

    def _break(self, failure: Failure) -> list[Event]:
        if self._broken:
            return []
        self._broken = True
        return [Broken(failure)]

    def _delta(self, index: int, delta: _Delta, out: list[Event]) -> None:
        if delta.text is not None:
            text = delta.text
        elif delta.partial_json is not None:
            text = delta.partial_json
            if index in self._natives:
                self._natives[index].append(text.encode())
                return
        elif delta.thinking is not None:
            text = delta.thinking
        else:
            if delta.signature and self._open.get(index) is Thinking:
                proof, dialect, _ = unwrap(delta.signature, NAME)
                out.append(Signed(index, proof, dialect))
            elif given(delta.citation) and self._open.get(index) is Text:
                out.append(Cited(index, citation_of(delta.citation)))
            return
        if text and index in self._open:
            out.append(PartDelta(index, text))

    def _other(self, event: _Event, out: list[Event]) -> None:
        match event.type:
            case "message_start":
                message = event.message or _Message()
                out.append(Started(message.id or "", message.model or ""))
                self._use(message.usage, out)
            case "content_block_start":
                self._begin(event.index, event.content_block, out)
            case "content_block_stop":
                self._stop(event.index, out)
            case "message_delta":
                if event.delta is not None and event.delta.stop_reason is not None:
                    self._finish = finish_of(event.delta.stop_reason, event.delta.stop_sequence)
                self._use(event.usage, out)
            case "message_stop":
                for index in list(self._open):
                    self._stop(index, out)
                out.append(Finished(self._finish or finish_of("", None)))
                self.complete = True
            case _:  # ping, and whatever comes to be
                pass

    def _use(self, usage: msgspec.Raw, out: list[Event]) -> None:
        if given(usage):
            self._usage = merged(self._usage, usage)
            if (used := usage_of(self._usage)) is not None:
                out.append(Used(used))

    def _begin(self, index: int, raw: msgspec.Raw, out: list[Event]) -> None:
        block = msgspec.json.decode(raw, type=BlockShape) if given(raw) else BlockShape()
        part: Part
        match block.type:
            case "text":
                part = Text(block.text or "", citations=[citation_of(each) for each in block.citations or []])
            case "thinking":
                proof, dialect, item = unwrap(block.signature or "", NAME)
                part = Thinking(block.thinking or "", proof, dialect=dialect, id=item)
            case "redacted_thinking":
                part = redacted(block.data or "")
            case "tool_use":
                text = bytes(block.input).decode() if given(block.input) else ""
                part = ToolCall(block.id or "", block.name or "", "" if text.strip("{} \n") == "" else text)
            case kind:
                self._natives[index] = [bytes(raw)]
                part = Native(NAME, kind or "", msgspec.Raw(bytes(raw)))
        self._open[index] = type(part)
        if not isinstance(part, Native):
            out.append(PartStarted(index, part))

    def _stop(self, index: int, out: list[Event]) -> None:
        kind = self._open.pop(index, None)
        if kind is None:
            return
        pieces = self._natives.pop(index, None)
        if pieces is not None:
            out.append(PartStarted(index, _native(pieces)))
        out.append(PartEnded(index))


def _native(pieces: list[bytes]) -> Native:
    """A block that only this dialect knows, whole: its beginning with the input that came after it."""
    members = msgspec.json.decode(pieces[0], type=dict[str, msgspec.Raw])
    if len(pieces) > 1 and (text := b"".join(pieces[1:])).strip():
        members["input"] = msgspec.Raw(text)
    kind = msgspec.json.decode(members.get("type", msgspec.Raw(b'""')), type=str)
    return Native(NAME, kind, msgspec.Raw(msgspec.json.encode(members)))
