"""A request to its whole answer, as choices of pieces of one token each: what a stream sends one by one and JSON at once."""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.transport.sim.ask import Ask, JsonFormat, SchemaFormat
from lockgate.transport.sim.models import Chosen
from lockgate.transport.sim.sample import fitting
from lockgate.transport.sim.speech import echoed, reasoned, spoken
from lockgate.transport.sim.tokens import ident, tokens
from lockgate.transport.sim.tools import Called, calls

#: Most tokens in one choice, when the caller sets no lower limit.
OUTPUT_LIMIT = 16_384

PieceKind = Literal["reasoning", "text", "call", "arguments"]


class Piece(msgspec.Struct, frozen=True):
    """One token of an answer; a `call` piece begins the call that the `arguments` pieces after it belong to."""

    kind: PieceKind
    text: str
    call: int = 0


class Line(msgspec.Struct, frozen=True):
    """One choice: its pieces, the calls they speak of (with their ids), and why it ended."""

    pieces: list[Piece]
    calls: list[tuple[str, Called]]
    finish: Literal["stop", "length", "tool_calls"]

    def said(self, kind: PieceKind, call: int = 0) -> str:
        """All text of one kind."""
        return "".join(piece.text for piece in self.pieces if piece.kind == kind and piece.call == call)

    def begun(self) -> list[int]:
        """The calls that were begun before the answer was cut."""
        return [piece.call for piece in self.pieces if piece.kind == "call"]


class Answer(msgspec.Struct, frozen=True):
    """The answer to one request. `id` depends on the request alone."""

    id: str
    ask: Ask
    choices: list[Line]

    def usage(self) -> dict[str, object]:
        """The tokens, in the words of the dialect."""
        prompt = self.ask.tokens()
        completion = sum(len(line.pieces) for line in self.choices)
        reasoning = sum(piece.kind == "reasoning" for line in self.choices for piece in line.pieces)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


def answer(ask: Ask, chosen: Chosen, body: bytes) -> Answer:
    """The answer of a model; `body` is the request as it came, which the ids are made from. Raises `Refusal`."""
    key = ident(body)
    return Answer(key, ask, [_line(ask, chosen, key, index) for index in range(ask.n or 1)])


def _line(ask: Ask, chosen: Chosen, key: str, index: int) -> Line:
    most = min(ask.limit() or OUTPUT_LIMIT, OUTPUT_LIMIT)
    called = calls(ask) if chosen.model.name in ("chat", "think", "slow") else []
    pieces: list[Piece] = []
    if chosen.model.name == "think" and ask.reasoning_effort != "none":
        pieces += [Piece("reasoning", token) for token in tokens(reasoned(ask), most + 1)]
    if called:
        for number, call in enumerate(called):
            pieces.append(Piece("call", "", number))
            pieces += [Piece("arguments", token, number) for token in tokens(call.text, most + 1)]
    else:
        pieces += [Piece("text", token) for token in _text(ask, chosen, index, most + 1)]
    finish = "length" if len(pieces) > most else "tool_calls" if called else "stop"
    ids = [(f"call_{ident(key, index, number)}", call) for number, call in enumerate(called)]
    return Line(pieces[:most], ids, finish)


def _text(ask: Ask, chosen: Chosen, index: int, most: int) -> list[str]:
    """The tokens of an answer in words, up to the first stop text."""
    if chosen.model.name == "long":
        words = ["1", *(f" {number}" for number in range(2, min(chosen.number, most) + 1))]
    elif chosen.model.name == "echo":
        words = tokens(echoed(ask), most)
    else:
        words = tokens(_formed(ask, index), most)
    text = "".join(words)
    ends = [at for stop in ask.stops() if (at := text.find(stop)) >= 0]
    return tokens(text[: min(ends)], most) if ends else words


def _formed(ask: Ask, index: int) -> str:
    """The answer in the form that is asked for: words, an object, or a value by a schema."""
    if isinstance(ask.response_format, JsonFormat):
        return encode({"answer": spoken(ask, index)}).decode()
    if isinstance(ask.response_format, SchemaFormat):
        try:
            return encode(fitting(ask.response_format.json_schema.schema or {"type": "object"}, ask.words())).decode()
        except Refusal as refusal:
            raise Refusal(refusal.status, refusal.code, refusal.message, param="response_format.json_schema.schema") from None
    return spoken(ask, index)
