"""A chat host's stream, read into events.

Chunks carry deltas of one choice each; parts are not announced, so a part begins when its first delta comes and ends when
another kind of content follows it. Tool calls may be spread over chunks or come whole, with or without index and id.

Source: https://platform.openai.com/docs/api-reference/chat/streaming
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Citation, Declined, Part, Text, Thinking, ToolCall
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
from lockgate.core.json import UNREADABLE, given
from lockgate.core.reply import Finish
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.last_event import last_event
from lockgate.dialects.lenient import forgiving
from lockgate.dialects.media import from_url
from lockgate.dialects.openai.chat.account import citation_of, finish_of, tokens_of, usage_of
from lockgate.dialects.openai.chat.shapes import (
    NAME,
    CallShape,
    ImageShape,
    LogprobsShape,
    MessageShape,
    PartShape,
    arguments_text,
)
from lockgate.dialects.openai.chat.thinking import of_detail, of_extra, of_part
from lockgate.wire.sse import Blocks, EventTooLarge, frames, payloads

_DONE = b"[DONE]"


class _Choice(msgspec.Struct):
    index: int | None = None
    delta: MessageShape | None = None
    finish_reason: str | None = None
    logprobs: LogprobsShape | None = None
    error: Any = None


class _Groq(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()


class _Chunk(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    created: float | None = None
    choices: list[_Choice] | None = None
    usage: Any = None
    service_tier: str | None = None
    error: Any = None
    x_groq: _Groq | None = None


class _Account(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: str | None = None
    x_groq: _Groq | None = None


_decode = msgspec.json.Decoder(_Chunk, strict=False).decode
_account = msgspec.json.Decoder(_Account, strict=False).decode


class _Call:
    """A tool call: its id, its part once it has a name, and what came of its arguments before that."""

    __slots__ = ("held", "id", "part")

    def __init__(self) -> None:
        self.id = ""
        self.part = -1
        self.held = ""


class _Progress:
    """One choice: the part that is open, the tool calls, and whether it has ended.

    Calls stay open until the end: nothing in a chunk says that a call is whole.
    """

    __slots__ = ("blank", "calls", "carrier", "finished", "index", "kind", "last", "next", "number", "open", "signature")

    def __init__(self, number: int) -> None:
        self.number = number
        self.next = 0  # index of the next part
        self.index = -1  # of the open text, thinking or refusal
        self.kind: type[Part] | None = None
        self.carrier = ""  # of the open thinking
        self.signature = ""
        self.calls: dict[int | str, _Call] = {}  # by the host's index, or id
        self.last: _Call | None = None
        self.open: list[int] = []  # the parts of the calls
        self.blank = False  # a host that ends with an empty finish reason has said so
        self.finished = False


class Reader:
    """See `dialects.codec.Reader`. `complete`: every choice that has begun has its finish reason; usage may still come."""

    __slots__ = ("_blocks", "_broken", "_choices", "_done", "_started", "complete")

    def __init__(self) -> None:
        self._blocks = Blocks()
        self._choices: dict[int, _Progress] = {}
        self._started = False
        self._broken = False
        self._done = False
        self.complete = False

    def __repr__(self) -> str:
        return f"Reader({len(self._choices)} choices, complete={self.complete}, {self._blocks!r})"

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
            if self._broken or self._done:
                break
            if data == _DONE:
                self._end(out)
                continue
            try:
                chunk = forgiving(data, _decode)
                if chunk.error or (chunk.choices is None and b"event: error" in block):
                    out += self._break(failure_of(msgspec.json.decode(data)))
                    break
                self._chunk(chunk, out)
                if chunk.usage or chunk.x_groq is not None:
                    self._use(_account(data), out)
            except UNREADABLE as error:
                out += self._break(_unreadable(data, block, error))
        return out

    def _end(self, out: list[Event]) -> None:
        """The host says that all is said. One that named a finish reason left empty gets none invented: it is unknown."""
        self._done = True
        for progress in self._choices.values():
            if progress.blank and not progress.finished:
                _finish("", progress, out)
        self.complete = any(progress.finished for progress in self._choices.values())

    def _break(self, failure: Failure) -> list[Event]:
        if self._broken:
            return []
        self._broken = True
        self.complete = False
        return [Broken(failure)]

    def _chunk(self, chunk: _Chunk, out: list[Event]) -> None:
        if not self._started:
            self._started = True
            out.append(Started(chunk.id or "", chunk.model or "", int(chunk.created or 0), chunk.service_tier or ""))
        for choice in chunk.choices or ():
            if choice.error:
                out += self._break(failure_of({"error": choice.error}))
                return
            number = choice.index or 0
            progress = self._choices.get(number)
            if progress is None:
                progress = self._choices[number] = _Progress(number)
                self.complete = False
            if progress.finished:
                continue  # OpenRouter repeats the last chunk with the usage
            if choice.delta is not None:
                _delta(choice.delta, progress, out)
            if choice.logprobs is not None and (tokens := tokens_of(choice.logprobs)):
                out.append(Sampled(tokens, number))
            if choice.finish_reason == "":
                progress.blank = True
            elif choice.finish_reason is not None:
                _finish(choice.finish_reason, progress, out)
                self.complete = all(each.finished for each in self._choices.values())

    def _use(self, account: _Account, out: list[Event]) -> None:
        usage = account.usage if given(account.usage) or account.x_groq is None else account.x_groq.usage
        if given(usage) and (used := usage_of(usage, account.service_tier)) is not None:
            out.append(Used(used))


def _unreadable(data: bytes, block: bytes, error: Exception) -> Failure:
    if b"event: error" in block:  # an error in plain words
        said = next((frame.data for frame in frames(block) if frame.event == "error"), data)
        return Failure("server", 502, said.decode("utf-8", "replace")[:300] or "The provider's stream failed.")
    return unreadable(str(error))


def _delta(delta: MessageShape, progress: _Progress, out: list[Event]) -> None:
    """The events of one delta, in the order in which a message is thought: reasoning, text, calls."""
    if delta.reasoning_details:
        _details(delta, progress, out)
    elif delta.reasoning_content:
        _think(delta.reasoning_content, "reasoning_content", progress, out)
    elif delta.reasoning:
        _think(delta.reasoning, "reasoning", progress, out)
    content = delta.content
    if content:
        if isinstance(content, str):
            _say(content, progress, out)
        else:
            for part in content:
                _part(part, progress, out)
    if delta.refusal:
        if progress.kind is not Declined:
            _open(Declined(""), progress, out)
        out.append(PartDelta(progress.index, delta.refusal, progress.number))
    if delta.annotations:
        _cite([made for each in delta.annotations if (made := citation_of(each)) is not None], progress, out)
    if delta.audio is not None and delta.audio.transcript:  # the sound itself comes in pieces that are no files
        _say(delta.audio.transcript, progress, out)
    if delta.images:
        _images(delta.images, progress, out)
    if delta.tool_calls:
        if (signature := of_extra(delta.extra_content)) is not None:
            _whole(signature, progress, out)
        for call in delta.tool_calls:
            _call(call, progress, out)
    elif delta.function_call is not None and (delta.function_call.name or delta.function_call.arguments):
        _call(CallShape(index=0, function=delta.function_call), progress, out)


def _open(part: Part, progress: _Progress, out: list[Event]) -> None:
    """Begin a part of running text, which ends the one before it."""
    _close(progress, out)
    progress.index = progress.next
    progress.next += 1
    progress.kind = type(part)
    out.append(PartStarted(progress.index, part, progress.number))


def _close(progress: _Progress, out: list[Event]) -> None:
    if progress.kind is None:
        return
    if progress.signature:
        out.append(Signed(progress.index, progress.signature, NAME, progress.number))
        progress.signature = ""
    out.append(PartEnded(progress.index, progress.number))
    progress.kind = None
    progress.carrier = ""


def _whole(part: Part, progress: _Progress, out: list[Event]) -> None:
    """A part that comes in one piece."""
    _open(part, progress, out)
    _close(progress, out)


def _say(text: str, progress: _Progress, out: list[Event]) -> None:
    if progress.kind is not Text:
        _open(Text(""), progress, out)
    out.append(PartDelta(progress.index, text, progress.number))


def _think(text: str, carrier: str, progress: _Progress, out: list[Event], summary: bool = True) -> None:
    if progress.kind is not Thinking or progress.carrier != carrier:
        _open(Thinking(dialect=NAME, id=carrier, summary=summary), progress, out)
        progress.carrier = carrier
    out.append(PartDelta(progress.index, text, progress.number))


def _details(delta: MessageShape, progress: _Progress, out: list[Event]) -> None:
    """Pieces of reasoning with their signatures; the same text in another member is not read again."""
    if not any(detail.text or detail.summary for detail in delta.reasoning_details or ()):
        plain = delta.reasoning_content or delta.reasoning
        if plain:
            _think(plain, "reasoning_content" if delta.reasoning_content else "reasoning", progress, out)
    for detail in delta.reasoning_details or ():
        thinking = of_detail(detail)
        if thinking is None:
            continue
        if thinking.redacted:
            _whole(thinking, progress, out)
            continue
        if thinking.text:
            _think(thinking.text, thinking.id, progress, out, thinking.summary)
        if thinking.signature:
            if progress.kind is not Thinking:
                _open(Thinking(dialect=NAME, id=thinking.id), progress, out)
                progress.carrier = thinking.id
            progress.signature = thinking.signature


def _part(part: PartShape, progress: _Progress, out: list[Event]) -> None:
    """A content part (Mistral)."""
    if part.type == "thinking":
        if text := of_part(part):
            _think(text, "thinking", progress, out)
    elif part.text:
        _say(part.text, progress, out)


def _cite(citations: list[Citation], progress: _Progress, out: list[Event]) -> None:
    if citations and progress.kind is not Text:
        _open(Text(""), progress, out)
    out += [Cited(progress.index, citation, progress.number) for citation in citations]


def _images(images: list[ImageShape], progress: _Progress, out: list[Event]) -> None:
    for image in images:
        if image.image_url is not None:
            try:
                _whole(from_url(image.image_url.url, "image"), progress, out)
            except ValueError:
                continue


def _call(call: CallShape, progress: _Progress, out: list[Event]) -> None:
    """A piece of a tool call.

    OpenAI gives each call an index; some hosts give an id instead, or nothing and each call whole, or whole calls that
    all have index 0 (Google). A tool's name together with an id that is not the known one begins a new call.
    """
    custom = call.custom is not None and (call.type == "custom" or bool(call.custom.name or call.custom.input))
    if custom and call.custom is not None:
        name, text = call.custom.name or "", call.custom.input or ""
    elif call.function is not None:
        name, text = call.function.name or "", arguments_text(call.function.arguments)
    else:
        name, text = "", ""
    named = call.id or ""
    key: int | str = named if call.index is None else call.index
    known = progress.calls.get(key)
    if known is None or (name and (key == "" or (named and known.id not in ("", named)))):
        if key == "" and not name:
            known = progress.last
            if known is None:
                return
        else:
            known = progress.calls[key] = progress.last = _Call()
    known.id = known.id or named
    if known.part < 0:
        known.held += text
        if name:
            _begin_call(known, call, name, custom, progress, out)
    elif text:
        out.append(PartDelta(known.part, text, progress.number))


def _begin_call(known: _Call, call: CallShape, name: str, custom: bool, progress: _Progress, out: list[Event]) -> None:
    _close(progress, out)
    if (signature := of_extra(call.extra_content)) is not None:
        _whole(signature, progress, out)
    known.part = progress.next
    progress.next += 1
    progress.open.append(known.part)
    out.append(PartStarted(known.part, ToolCall(known.id, name, custom=custom), progress.number))
    if known.held:
        out.append(PartDelta(known.part, known.held, progress.number))


def _finish(word: str, progress: _Progress, out: list[Event]) -> None:
    _close(progress, out)
    out += [PartEnded(part, progress.number) for part in progress.open]
    finish = finish_of(word)
    if finish.reason == "unknown" and progress.open:
        finish = Finish("tool_calls", raw=finish.raw)
    out.append(Finished(finish, progress.number))
    progress.finished = True
