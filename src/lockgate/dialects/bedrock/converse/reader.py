"""A provider's ConverseStream, read into canonical events, however the network cut it.

Blocks of words begin with their first delta, only calls and media have a beginning of their own. `messageStop` tells why the
answer ended and completes it; the usage comes after it, in `metadata`.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from lockgate.core.content import Media, Native, Part, Text, Thinking, ToolCall
from lockgate.core.events import Broken, Cited, Event, Finished, PartDelta, PartEnded, PartStarted, Signed, Started, Used
from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE, encode
from lockgate.dialects.bedrock.converse.error import stated
from lockgate.dialects.bedrock.converse.shapes import (
    NAME,
    SERVER_TOOL,
    CitationShape,
    Tier,
    citation_of,
    finish_of,
    usage_of,
)
from lockgate.dialects.error import unreadable
from lockgate.dialects.lenient import forgiving
from lockgate.wire import eventstream
from lockgate.wire.eventstream import BadFrame, Frame


class _ToolUse(msgspec.Struct, rename="camel"):
    tool_use_id: str | None = None
    name: str | None = None
    input: str | None = None
    type: str | None = None


class _Start(msgspec.Struct, rename="camel"):
    tool_use: _ToolUse | None = None
    image: dict[str, str] | None = None


class _Reasoning(msgspec.Struct, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Source(msgspec.Struct):
    bytes: str | None = None


class _Image(msgspec.Struct):
    source: _Source | None = None


class _Delta(msgspec.Struct, rename="camel"):
    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _Reasoning | None = None
    citation: CitationShape | None = None
    image: _Image | None = None
    tool_result: list[msgspec.Raw] | None = None


class EventShape(msgspec.Struct, rename="camel"):
    """Any event's payload; padding (`p`) is not looked at."""

    content_block_index: int = 0
    start: msgspec.Raw = msgspec.Raw()
    delta: _Delta | None = None
    stop_reason: str | None = None
    additional_model_response_fields: msgspec.Raw = msgspec.Raw()
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: Tier | None = None


_decode = msgspec.json.Decoder(EventShape, strict=False).decode


class _Open:
    """A block on its way. `raw`: the beginning of one that only this dialect knows, whose pieces are kept."""

    __slots__ = ("kind", "pieces", "proof", "raw")

    def __init__(self, kind: type[Part], raw: dict[str, msgspec.Raw] | None = None) -> None:
        self.kind = kind
        self.raw = raw
        self.pieces: list[str] = []
        self.proof = ""


class Reader:
    """See `dialects.codec.Reader`."""

    __slots__ = ("_broken", "_frames", "_open", "complete")

    def __init__(self) -> None:
        self.complete = False
        self._frames = eventstream.Reader()
        self._open: dict[int, _Open] = {}
        self._broken = False

    def __repr__(self) -> str:
        return f"Reader({len(self._open)} blocks open, complete={self.complete}, {self._frames!r})"

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that are complete now."""
        out: list[Event] = []
        if self._broken:
            return out
        try:
            for frame in self._frames.feed(chunk):
                if not self._broken:
                    self._frame(frame, out)
        except BadFrame as error:
            self._break(unreadable(str(error)), out)
        return out

    def end(self) -> list[Event]:
        """Nothing: a frame is whole or it is none."""
        return []

    def _break(self, failure: Failure, out: list[Event]) -> None:
        self._broken = True
        out.append(Broken(failure))

    def _frame(self, frame: Frame, out: list[Event]) -> None:
        failure = stated(frame)
        if failure is not None:
            if not self.complete:
                self._break(failure, out)
            return
        try:
            event = forgiving(frame.payload, _decode)
            kind = frame.headers.get(":event-type", "")
            if kind == "metadata":
                if (usage := usage_of(event.usage, event.service_tier)) is not None:
                    out.append(Used(usage))
            elif self.complete:
                return
            elif kind == "contentBlockDelta":
                if event.delta is not None:
                    self._delta(event.content_block_index, event.delta, out)
            elif kind == "contentBlockStart":
                self._start(event.content_block_index, event.start, out)
            elif kind == "contentBlockStop":
                self._stop(event.content_block_index, out)
            elif kind == "messageStart":
                out.append(Started())
            elif kind == "messageStop":
                for index in list(self._open):
                    self._stop(index, out)
                out.append(Finished(finish_of(event.stop_reason or "", event.additional_model_response_fields)))
                self.complete = True
        except UNREADABLE as error:
            self._break(unreadable(str(error), frame.payload), out)

    def _start(self, index: int, raw: msgspec.Raw, out: list[Event]) -> None:
        start = msgspec.json.decode(raw, type=_Start)
        call = start.tool_use
        if call is not None and call.type != SERVER_TOOL:
            self._begin(index, ToolCall(call.tool_use_id or "", call.name or ""), out)
        elif start.image is not None:
            self._open[index] = _Open(Media)
            self._open[index].proof = start.image.get("format", "png")
        else:
            self._open[index] = _Open(Native, msgspec.json.decode(raw, type=dict[str, msgspec.Raw]))

    def _begin(self, index: int, part: Part, out: list[Event]) -> _Open:
        """A block that has not begun yet, in a stream that may not say so."""
        block = self._open.get(index)
        if block is None:
            block = self._open[index] = _Open(type(part))
            out.append(PartStarted(index, part))
        return block

    def _delta(self, index: int, delta: _Delta, out: list[Event]) -> None:
        if delta.text is not None:
            if delta.text:
                self._begin(index, Text(""), out)
                out.append(PartDelta(index, delta.text))
        elif delta.tool_use is not None:
            block = self._open.get(index)
            if block is not None and (text := delta.tool_use.input):
                block.pieces.append(text)
                if block.kind is ToolCall:
                    out.append(PartDelta(index, text))
        elif delta.reasoning_content is not None:
            self._think(index, delta.reasoning_content, out)
        elif delta.citation is not None:
            self._begin(index, Text(""), out)
            out.append(Cited(index, citation_of(delta.citation)))
        elif delta.image is not None and delta.image.source is not None and index in self._open:
            self._open[index].pieces.append(delta.image.source.bytes or "")
        elif delta.tool_result is not None and index in self._open:
            self._open[index].pieces += [bytes(each).decode() for each in delta.tool_result]

    def _think(self, index: int, said: _Reasoning, out: list[Event]) -> None:
        if said.redacted_content:
            block = self._open.get(index)
            if block is None:  # it is told as a whole when it ends: the proof may come in pieces
                block = self._open[index] = _Open(Thinking)
            block.pieces.append(said.redacted_content)
            return
        block = self._begin(index, Thinking(dialect=NAME), out)
        if said.text:
            out.append(PartDelta(index, said.text))
        block.proof += said.signature or ""

    def _stop(self, index: int, out: list[Event]) -> None:
        block = self._open.pop(index, None)
        if block is None:
            return
        if block.kind is ToolCall and not block.pieces:
            out.append(PartDelta(index, "{}"))
        elif block.kind is Thinking and block.pieces:
            out.append(PartStarted(index, Thinking(redacted=_joined(block.pieces), dialect=NAME)))
        elif block.kind is Thinking and block.proof:
            out.append(Signed(index, block.proof, NAME))
        elif block.kind is Media:
            out.append(PartStarted(index, Media("image", data=_joined(block.pieces), mime=f"image/{block.proof}")))
        elif block.raw is not None:
            out.append(PartStarted(index, _native(block.raw, block.pieces)))
        out.append(PartEnded(index))


def _joined(pieces: list[str]) -> str:
    """Base64 that came in pieces, each of them encoded by itself."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return base64.b64encode(b"".join(base64.b64decode(piece) for piece in pieces)).decode()
    except (binascii.Error, ValueError):
        return "".join(pieces)


def _native(start: dict[str, msgspec.Raw], pieces: list[str]) -> Native:
    """A block that only this dialect knows, as a whole answer would hold it. Raises `msgspec.DecodeError`."""
    kind, raw = next(iter(start.items()), ("", msgspec.Raw(b"{}")))
    members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    if kind == "toolUse":
        members["input"] = msgspec.Raw("".join(pieces).strip().encode() or b"{}")
    elif pieces:
        members["content"] = msgspec.Raw(b"[" + ",".join(pieces).encode() + b"]")
    return Native(NAME, kind, msgspec.Raw(encode({kind: members})))
