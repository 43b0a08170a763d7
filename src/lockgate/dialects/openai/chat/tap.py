"""Watches a chat stream that passes unchanged: one small decoding per event, and none of what it says.

An event that cannot be read is passed and not learnt from: it is the caller's to judge.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.json import UNREADABLE, given
from lockgate.core.outcome import Outcome
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.last_event import last_event
from lockgate.dialects.lenient import forgiving
from lockgate.dialects.openai.chat.account import finish_of, usage_of
from lockgate.wire.sse import Blocks, EventTooLarge, payloads, split


class _Choice(msgspec.Struct):
    index: int | None = None
    finish_reason: str | None = None


class _Groq(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()


class _Glance(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None


class _Account(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: str | None = None
    x_groq: _Groq | None = None


class _Saying(msgspec.Struct):
    index: int | None = None
    finish_reason: str | None = None
    delta: dict[str, msgspec.Raw] = {}
    text: str | None = None  # of a completion, the legacy kind of answer


class _First(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Saying] | None = None


_glance = msgspec.json.Decoder(_Glance, strict=False).decode
_first = msgspec.json.Decoder(_First, strict=False).decode
_account = msgspec.json.Decoder(_Account, strict=False).decode
_DONE = b"[DONE]"
#: Values of a delta's members that say nothing; its role says only that an answer begins.
_NOTHING = (b"null", b'""', b"[]", b"{}")


class Tap:
    """See `dialects.codec.Tap`."""

    __slots__ = ("_blank", "_blocks", "_drop", "_ended", "_open", "outcome")

    def __init__(self, drop_usage: bool) -> None:
        self.outcome = Outcome()
        self._blocks = Blocks()
        self._drop = drop_usage
        self._open: set[int] = set()  # choices that have begun and have no finish reason
        self._ended: set[int] = set()
        self._blank = False  # a host that ends with an empty finish reason has said so

    def __repr__(self) -> str:
        return f"Tap({self.outcome!r})"

    def feed(self, chunk: bytes) -> bytes:
        """The complete events as they came, less the one with the usage that only we asked for."""
        try:
            block = self._blocks.feed(chunk)
        except EventTooLarge as error:
            self.outcome.failure = unreadable(str(error))
            return b""
        return self._pass(block) if block else b""

    def end(self) -> bytes:
        """A last event without its blank line, when it is whole."""
        block = last_event(self._blocks)
        return self._pass(block) if block else b""

    def _pass(self, block: bytes) -> bytes:
        only_usage = False
        single = block.find(b"\n") == len(block) - 2 and block.startswith(b"data: ")
        for data in (block[6:-2],) if single else payloads(block):
            try:
                shape = forgiving(data, _glance)
                choices = shape.choices
                if choices and len(choices) == 1 and not shape.usage and not shape.error and self.outcome.begun:
                    choice = choices[0]
                    if choice.finish_reason is None and (choice.index or 0) in self._open:
                        continue  # nearly every event: more of what is being said
                only_usage = self._learn(shape, data) or only_usage
            except UNREADABLE:
                if data == _DONE:
                    self.outcome.complete = (bool(self._ended) or self._blank) and self.outcome.failure is None
        if only_usage and self._drop:
            return b"".join(event for event in split(block) if not any(map(_only_usage, payloads(event))))
        return block

    def _learn(self, shape: _Glance, data: bytes) -> bool:
        """Learn from one event; True when it holds nothing but usage. Raises `msgspec.DecodeError`."""
        outcome = self.outcome
        if not outcome.begun:
            self._look_closer(data)
        if shape.error:
            outcome.failure = failure_of(msgspec.json.decode(data))
            outcome.complete = False
        for choice in shape.choices or ():
            number = choice.index or 0
            if choice.finish_reason:
                outcome.finish = outcome.finish or finish_of(choice.finish_reason)
                self._open.discard(number)
                self._ended.add(number)
                outcome.complete = not self._open and outcome.failure is None
            elif number not in self._ended:
                self._open.add(number)
                self._blank = self._blank or choice.finish_reason == ""
        if shape.usage or shape.x_groq:
            account = _account(data)
            groq = account.x_groq
            usage = account.usage if given(account.usage) or groq is None else groq.usage
            if given(usage):
                outcome.usage = usage_of(usage, account.service_tier) or outcome.usage
                return not shape.choices
        return False

    def _look_closer(self, data: bytes) -> None:
        """Whose answer it is, and whether this event says more than that one begins."""
        first = forgiving(data, _first)
        outcome = self.outcome
        outcome.id = outcome.id or first.id or ""
        outcome.model = outcome.model or first.model or ""
        outcome.begun = any(
            choice.finish_reason
            or choice.text
            or any(name != "role" and bytes(said) not in _NOTHING for name, said in choice.delta.items())
            for choice in first.choices or ()
        )


def _only_usage(data: bytes) -> bool:
    try:
        shape = forgiving(data, _glance)
    except UNREADABLE:
        return False
    return bool(shape.usage) and not shape.choices
