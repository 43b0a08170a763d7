"""An answer as the dialect's bytes: one JSON object, or the events of a stream.

Source: the chat completions reference, "The chat completion object" and "The chat completion chunk object".
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from lockgate.core.failure import Refusal
from lockgate.core.json import encode
from lockgate.transport.sim.answer import Answer, Line, Piece
from lockgate.transport.sim.ask import Ask
from lockgate.transport.sim.tokens import draw
from lockgate.transport.sim.tools import Called
from lockgate.wire import sse

_FINGERPRINT = "fp_lockgate_sim"
_RUNNERS_UP = ("the", " and", ".", " of", ",", " to", " a", " in", "!", " is", " it", "I", " you", " for", "?", " on", " as")

#: HTTP status → the dialect's `type` of an error.
_ERROR_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}


def whole(answer: Answer, created: int) -> bytes:
    """The answer as one JSON object; `created` is in seconds since the epoch."""
    choices = [_choice(answer.ask, line, index) for index, line in enumerate(answer.choices)]
    return encode({**_head(answer, created, "chat.completion"), "choices": choices, "usage": answer.usage()})


def events(answer: Answer, created: int) -> Iterator[bytes]:
    """The answer as a stream, a token an event; choices take turns."""
    head = _head(answer, created, "chat.completion.chunk")
    counted = answer.ask.stream_options is not None and answer.ask.stream_options.include_usage
    if counted:
        head["usage"] = None  # the reference: null in every event but the last

    def event(index: int, delta: dict[str, Any], finish: str | None = None, logprobs: Any = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return sse.write(encode({**head, "choices": [choice]}))

    for index, line in enumerate(answer.choices):
        yield event(index, {"role": "assistant", "content": None if line.begun() else "", "refusal": None})
    for turn in zip_longest(*(line.pieces for line in answer.choices)):
        for index, piece in enumerate(turn):
            if piece is not None:
                yield event(index, _delta(piece, answer.choices[index]), None, _logprobs(answer.ask, [piece]))
    for index, line in enumerate(answer.choices):
        yield event(index, {}, line.finish)
    if counted:
        yield sse.write(encode({**head, "choices": [], "usage": answer.usage()}))
    yield b"data: [DONE]\n\n"


def error(refusal: Refusal) -> bytes:
    """An error body."""
    kind = _ERROR_TYPES.get(refusal.status, "server_error" if refusal.status >= 500 else "invalid_request_error")
    return encode({"error": {"message": refusal.message, "type": kind, "param": refusal.param or None, "code": refusal.code}})


def _head(answer: Answer, created: int, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{answer.id}",
        "object": kind,
        "created": created,
        "model": answer.ask.model,
        "service_tier": "default",
        "system_fingerprint": _FINGERPRINT,
    }


def _choice(ask: Ask, line: Line, index: int) -> dict[str, Any]:
    begun = line.begun()
    text = line.said("text")
    message: dict[str, Any] = {"role": "assistant", "content": text if text or not begun else None, "refusal": None}
    if thought := line.said("reasoning"):
        message["reasoning_content"] = thought
    if begun:
        message["tool_calls"] = [_call(*line.calls[number], line.said("arguments", number)) for number in begun]
    return {"index": index, "message": message, "logprobs": _logprobs(ask, line.pieces), "finish_reason": line.finish}


def _call(ident: str, call: Called, text: str) -> dict[str, Any]:
    if call.custom:
        return {"id": ident, "type": "custom", "custom": {"name": call.name, "input": text}}
    return {"id": ident, "type": "function", "function": {"name": call.name, "arguments": text}}


def _delta(piece: Piece, line: Line) -> dict[str, Any]:
    if piece.kind == "text":
        return {"content": piece.text}
    if piece.kind == "reasoning":
        return {"reasoning_content": piece.text}
    ident, call = line.calls[piece.call]
    if piece.kind == "call":
        return {"tool_calls": [{"index": piece.call, **_call(ident, call, "")}]}
    more = {"custom": {"input": piece.text}} if call.custom else {"function": {"arguments": piece.text}}
    return {"tool_calls": [{"index": piece.call, **more}]}


def _logprobs(ask: Ask, pieces: list[Piece]) -> dict[str, Any] | None:
    """Log probabilities of the text tokens among `pieces`, when they are asked for and there are any."""
    texts = [piece.text for piece in pieces if piece.kind == "text"] if ask.logprobs else []
    if not texts:
        return None
    return {"content": [_logprob(text, ask.top_logprobs or 0) for text in texts], "refusal": None}


def _logprob(token: str, runners_up: int) -> dict[str, Any]:
    chance = -(draw("logprob", token) % 1000) / 2000
    top = [(token, chance)]
    others = [other for other in _RUNNERS_UP if other != token]
    start = draw("others", token) % len(others)
    top += [(others[(start + place) % len(others)], chance - 1 - place) for place in range(min(runners_up - 1, len(others)))]
    said = {"token": token, "logprob": chance, "bytes": list(token.encode())}
    return {**said, "top_logprobs": [{"token": t, "logprob": p, "bytes": list(t.encode())} for t, p in top[:runners_up]]}
