"""Streams of completions: every chunk has the shape of a whole answer, and a piece of its text."""

from __future__ import annotations

import msgspec

from lockgate.core.content import Text
from lockgate.core.events import Broken, Event, Finished, PartDelta, PartEnded, PartStarted, Sampled, Started, Used
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE, encode, given
from lockgate.core.reply import Usage
from lockgate.dialects.codec import Voice
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.last_event import last_event
from lockgate.dialects.lenient import forgiving
from lockgate.dialects.openai.chat.account import finish_of, finish_word, usage_object, usage_of
from lockgate.dialects.openai.chat.error import stream_error
from lockgate.dialects.openai.completions.reply import choice_object, frame, logprobs_object
from lockgate.wire import sse


class _Choice(msgspec.Struct):
    index: int | None = None
    text: str | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    created: float | None = None
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(_Chunk, strict=False).decode
_DONE = b"[DONE]"


class Reader:
    """See `dialects.codec.Reader`. Each choice is one part, its text."""

    __slots__ = ("_blocks", "_open", "_started", "complete")

    def __init__(self) -> None:
        self.complete = False
        self._blocks = sse.Blocks()
        self._started = False
        self._open: set[int] = set()

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that are complete now."""
        try:
            block = self._blocks.feed(chunk)
        except sse.EventTooLarge as error:
            return [Broken(unreadable(str(error)))]
        return self._read(block) if block else []

    def end(self) -> list[Event]:
        """What a last event without its blank line says."""
        block = last_event(self._blocks)
        return self._read(block) if block else []

    def _read(self, block: bytes) -> list[Event]:
        out: list[Event] = []
        for data in sse.payloads(block):
            if data == _DONE:
                self.complete = self._started and not self._open
                continue
            try:
                shape = forgiving(data, _decode)
                if given(shape.error):
                    return [*out, Broken(failure_of(msgspec.json.decode(data)))]
            except UNREADABLE as error:
                return [*out, Broken(unreadable(str(error), data))]
            self._learn(shape, out)
        return out

    def _learn(self, shape: _Chunk, out: list[Event]) -> None:
        if not self._started:
            self._started = True
            out.append(Started(shape.id or "", shape.model or "", int(shape.created or 0)))
        for choice in shape.choices or ():
            number = choice.index or 0
            if number not in self._open and (choice.text or choice.finish_reason):
                self._open.add(number)
                out.append(PartStarted(0, Text(""), number))
            if choice.text:
                out.append(PartDelta(0, choice.text, number))
            if choice.finish_reason:
                self._open.discard(number)
                out += [PartEnded(0, number), Finished(finish_of(choice.finish_reason), number)]
                self.complete = not self._open
        if given(shape.usage) and (usage := usage_of(shape.usage)) is not None:
            out.append(Used(usage))


class Writer:
    """See `dialects.codec.Writer`. Of an answer its texts are written; a call or a thought has no place here."""

    __slots__ = ("_frame", "_length", "_texts", "_usage", "_voice")

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._frame = frame(voice, "", "", 0)
        self._texts: set[tuple[int, int]] = set()  # the parts that are texts, by choice and index
        self._length: dict[int, int] = {}  # characters of each choice that tokens have been told of
        self._usage: Usage | None = None

    def feed(self, events: list[Event]) -> bytes:
        """The chunks to send now."""
        return b"".join(map(self._write, events))

    def end(self) -> bytes:
        """The usage, when it was asked for, and the closing mark."""
        tail = sse.write(_DONE)
        if self._usage is None or not self._voice.usage_asked:
            return tail
        return sse.write(encode({**self._frame, "choices": [], "usage": usage_object(self._usage)})) + tail

    def broken(self, error: Failure | Refusal) -> bytes:
        """The error, and no closing mark after it."""
        return stream_error(error)

    def _write(self, event: Event) -> bytes:
        match event:
            case Started():
                self._frame = frame(self._voice, event.id, event.model, event.created)
            case PartStarted(part=Text()):
                self._texts.add((event.choice, event.index))
            case PartDelta() if (event.choice, event.index) in self._texts:
                return self._chunk(event.text, event.choice)
            case Sampled():
                start = self._length.get(event.choice, 0)
                self._length[event.choice] = start + sum(len(token.token) for token in event.logprobs)
                return self._chunk("", event.choice, logprobs=logprobs_object(event.logprobs, start))
            case Finished():
                return self._chunk("", event.choice, finish=finish_word(event.finish, calls=False))
            case Used():
                self._usage = event.usage
            case _:
                pass
        return b""

    def _chunk(self, text: str, choice: int, *, logprobs: object = None, finish: str | None = None) -> bytes:
        return sse.write(encode({**self._frame, "choices": [choice_object(text, choice, logprobs, finish)]}))
