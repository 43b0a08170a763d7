"""Watches a chat stream that passes unchanged: one small decoding per event, and none of what it says.

An event that cannot be read is passed and not learnt from: it is the caller's to judge.
"""

from __future__ import annotations

import msgspec

from lockgate.core.failure import Failure
from lockgate.core.json import given
from lockgate.core.outcome import Outcome
from lockgate.dialects.error import failure_of
from lockgate.dialects.openai.chat.account import finish_of, usage_of
from lockgate.wire.sse import Blocks, EventTooLarge, payloads, split


class _Choice(msgspec.Struct):
    index: int | None = None
    finish_reason: str | None = None


class _Groq(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()


class _Glance(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    x_groq: _Groq | None = None


class _Saying(msgspec.Struct):
    index: int | None = None
    finish_reason: str | None = None
    delta: dict[str, msgspec.Raw] = {}


class _First(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Saying] | None = None


_glance = msgspec.json.Decoder(_Glance).decode
_first = msgspec.json.Decoder(_First).decode
#: Members of a delta that say only that an answer begins, and values that say nothing.
_SILENT = ("role",)
_NOTHING = (b"null", b'""', b"[]", b"{}")
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Tap:
    """See `dialects.codec.Tap`."""

    __slots__ = ("_blocks", "_drop", "_ended", "_open", "outcome")

    def __init__(self, drop_usage: bool) -> None:
        self.outcome = Outcome()
        self._blocks = Blocks()
        self._drop = drop_usage
        self._open: set[int] = set()  # choices that have begun and have no finish reason
        self._ended = 0

    def __repr__(self) -> str:
        return f"Tap({self.outcome!r})"

    def feed(self, chunk: bytes) -> bytes:
        """The complete events as they came, less the one with the usage that only we asked for."""
        try:
            block = self._blocks.feed(chunk)
        except EventTooLarge as error:
            self.outcome.failure = Failure("malformed", 502, f"The provider's stream cannot be read: {error}.")
            return b""
        return self._pass(block) if block else b""

    def end(self) -> bytes:
        """A last event without its blank line, when it is whole."""
        tail = self._blocks.tail
        if not tail.strip():
            return tail
        block = tail.rstrip(b"\r\n") + b"\n\n"
        return self._pass(block) if any(_whole(data) for data in payloads(block)) else b""

    def _pass(self, block: bytes) -> bytes:
        only_usage = False
        for data in payloads(block):
            only_usage = self._learn(data) or only_usage
        if only_usage and self._drop:
            return b"".join(event for event in split(block) if not any(map(_only_usage, payloads(event))))
        return block

    def _learn(self, data: bytes) -> bool:
        """Learn from one event; True when it holds nothing but usage."""
        outcome = self.outcome
        try:
            shape = _glance(data)
            if not outcome.begun:
                self._look_closer(data)
            if len(shape.error):
                self._fail(shape.error, data)
            choices = shape.choices
            for choice in choices or ():
                number = choice.index or 0
                if choice.finish_reason:
                    outcome.finish = outcome.finish or finish_of(choice.finish_reason)
                    self._open.discard(number)
                    self._ended += 1
                    outcome.complete = not self._open and outcome.failure is None
                elif not self._ended:
                    self._open.add(number)
            usage = shape.usage if shape.x_groq is None or len(shape.usage) else shape.x_groq.usage
            if len(usage) > 4:
                outcome.usage = usage_of(usage)
                return not choices
        except _UNREADABLE:
            return False
        return False

    def _look_closer(self, data: bytes) -> None:
        """Whose answer it is, and whether this event says more than that one begins."""
        first = _first(data)
        outcome = self.outcome
        outcome.id = outcome.id or first.id or ""
        outcome.model = outcome.model or first.model or ""
        outcome.begun = any(
            choice.finish_reason or any(name not in _SILENT and value not in _NOTHING for name, value in choice.delta.items())
            for choice in first.choices or ()
        )

    def _fail(self, error: msgspec.Raw, data: bytes) -> None:
        if given(error):
            self.outcome.failure = failure_of(msgspec.json.decode(data))
            self.outcome.complete = False


def _whole(data: bytes) -> bool:
    """Whether an event's data is all there."""
    if data == b"[DONE]":
        return True
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except _UNREADABLE:
        return False
    return True


def _only_usage(data: bytes) -> bool:
    try:
        shape = _glance(data)
    except _UNREADABLE:
        return False
    return given(shape.usage) and not shape.choices
