"""Canonical events, written as a generateContent stream (`alt=sse`): a chunk for each piece of text, calls whole.

The finish reasons and the usage go out together in the last chunk, as the API sends them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from lockgate.core.content import Citation, Declined, Media, Native, Text, Thinking, TokenLogprob, ToolCall
from lockgate.core.events import Cited, Event, Finished, PartDelta, PartEnded, PartStarted, Sampled, Signed, Started, Used
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import encode
from lockgate.core.reply import Finish, Usage
from lockgate.dialects.codec import Voice
from lockgate.dialects.gemini.generate.answer import (
    Supports,
    finish_word,
    logprobs_object,
    part_objects,
    usage_object,
)
from lockgate.dialects.gemini.generate.error import stream_error
from lockgate.dialects.gemini.generate.signing import carried


class _Part:
    """A part on its way."""

    __slots__ = ("citations", "part", "texts")

    def __init__(self, part: Text | Declined | Thinking | ToolCall) -> None:
        self.part = part
        self.texts: list[str] = []
        self.citations: list[Citation] = []


class _Choice:
    """One candidate: its parts that are open, a signature that waits for the next one, and what its last chunk says."""

    __slots__ = ("finish", "logprobs", "parts", "signature", "supports", "written")

    def __init__(self) -> None:
        self.parts: dict[int, _Part] = {}
        self.signature = ""
        self.supports = Supports()
        self.logprobs: list[TokenLogprob] = []
        self.finish: Finish | None = None
        self.written = 0  # parts that went out


class Writer:
    """See `dialects.codec.Writer`."""

    __slots__ = ("_choices", "_tail", "_usage", "_voice")

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._choices: dict[int, _Choice] = {}
        self._usage: Usage | None = None
        self._tail = self._said_of_all("", "")

    def _said_of_all(self, answer_id: str, model: str) -> bytes:
        """What every chunk ends with."""
        said = {"modelVersion": model or self._voice.request.model, "responseId": answer_id or self._voice.id}
        return b"," + encode(said)[1:] + b"\n\n"

    def feed(self, events: list[Event]) -> bytes:
        """The bytes to send now."""
        out: list[bytes] = []
        for event in events:
            self._WRITERS[type(event)](self, event, out)
        return b"".join(out)

    def end(self) -> bytes:
        """The last chunk: why each candidate ended, what they cite, and the usage."""
        out: list[bytes] = []
        candidates: list[dict[str, Any]] = []
        for number, choice in self._choices.items():
            for part in list(choice.parts.values()):
                self._end_part(part, choice, number, out)
            parts = [{"text": "", "thoughtSignature": choice.signature}] if choice.signature else []
            made: dict[str, Any] = {"content": {"role": "model", "parts": parts}}
            made |= {"finishReason": finish_word(choice.finish), "index": number}
            if choice.supports:
                made["groundingMetadata"] = choice.supports.object()
            if choice.logprobs:
                made["logprobsResult"] = logprobs_object(choice.logprobs)
            candidates.append(made)
        last: dict[str, Any] = {"candidates": candidates}
        if self._usage is not None:
            last["usageMetadata"] = usage_object(self._usage)
        out.append(b"data: " + encode(last)[:-1] + self._tail)
        return b"".join(out)

    def broken(self, error: Failure | Refusal) -> bytes:
        """The error event."""
        return stream_error(error)

    def _choice(self, number: int) -> _Choice:
        choice = self._choices.get(number)
        if choice is None:
            choice = self._choices[number] = _Choice()
        return choice

    def _say(self, made: object, choice: _Choice, number: int, out: list[bytes]) -> None:
        """A chunk with one part."""
        choice.written += 1
        out.append(
            b'data: {"candidates":[{"content":{"role":"model","parts":[%b]},"index":%d}]%b' % (encode(made), number, self._tail)
        )

    def _started(self, event: Started, out: list[bytes]) -> None:
        self._tail = self._said_of_all(event.id, event.model)

    def _used(self, event: Used, out: list[bytes]) -> None:
        self._usage = event.usage

    def _finished(self, event: Finished, out: list[bytes]) -> None:
        self._choice(event.choice).finish = event.finish

    def _sampled(self, event: Sampled, out: list[bytes]) -> None:
        self._choice(event.choice).logprobs += event.logprobs

    def _part_started(self, event: PartStarted, out: list[bytes]) -> None:
        choice, part = self._choice(event.choice), event.part
        if isinstance(part, (Media, Native)):
            unique = f"{self._voice.id}_{event.choice}_{event.index}"
            made, choice.signature = part_objects(part, choice.signature, unique, self._voice.request)
            for one in made:
                self._say(one, choice, event.choice, out)
        elif isinstance(part, (Text, Declined, Thinking, ToolCall)):
            opened = choice.parts[event.index] = _Part(msgspec.structs.replace(part))
            if isinstance(part, ToolCall):
                opened.texts.append(part.arguments)
                return
            if isinstance(part, Text):
                opened.citations += part.citations
            if part.text:
                self._text(opened, part.text, choice, event.choice, out)

    def _delta(self, event: PartDelta, out: list[bytes]) -> None:
        choice = self._choice(event.choice)
        part = choice.parts.get(event.index)
        if part is None:
            return
        if isinstance(part.part, ToolCall):
            part.texts.append(event.text)
        elif event.text:
            self._text(part, event.text, choice, event.choice, out)

    def _text(self, part: _Part, text: str, choice: _Choice, number: int, out: list[bytes]) -> None:
        part.texts.append(text)
        made: dict[str, Any] = {"text": text}
        if isinstance(part.part, Thinking):
            made["thought"] = True
        elif choice.signature:
            made["thoughtSignature"] = choice.signature
            choice.signature = ""
        self._say(made, choice, number, out)

    def _signed(self, event: Signed, out: list[bytes]) -> None:
        part = self._choice(event.choice).parts.get(event.index)
        if part is not None and isinstance(part.part, Thinking):
            part.part.signature, part.part.dialect = event.signature, event.dialect

    def _cited(self, event: Cited, out: list[bytes]) -> None:
        part = self._choice(event.choice).parts.get(event.index)
        if part is not None:
            part.citations.append(event.citation)

    def _part_ended(self, event: PartEnded, out: list[bytes]) -> None:
        choice = self._choice(event.choice)
        part = choice.parts.pop(event.index, None)
        if part is not None:
            self._end_part(part, choice, event.choice, out)

    def _end_part(self, part: _Part, choice: _Choice, number: int, out: list[bytes]) -> None:
        said = part.part
        if isinstance(said, ToolCall):
            said.arguments = "".join(part.texts)
            unique = f"{self._voice.id}_{number}_{choice.written}"
            made, choice.signature = part_objects(said, choice.signature, unique, self._voice.request)
            self._say(made[0], choice, number, out)
        elif isinstance(said, Thinking) and (proof := carried(said)):
            if part.texts:
                self._say({"text": "", "thought": True, "thoughtSignature": proof}, choice, number, out)
            else:
                choice.signature = proof
        elif isinstance(said, Text):
            for citation in part.citations:
                choice.supports.add(citation, "".join(part.texts), 0)

    _WRITERS: ClassVar[dict[type, Callable[[Writer, Any, list[bytes]], None]]] = {
        Started: _started,
        PartStarted: _part_started,
        PartDelta: _delta,
        Signed: _signed,
        Cited: _cited,
        Sampled: _sampled,
        PartEnded: _part_ended,
        Finished: _finished,
        Used: _used,
    }
