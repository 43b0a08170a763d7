"""Real Messages traffic: requests survive a round trip, answers say the same whole and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic.types import Message

from lockgate.core.content import Native
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Reply
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic.messages import CODEC
from lockgate.dialects.codec import Voice
from support.canonical import check_grammar, fold, read_stream, shape
from support.recordings import exchanges
from support.sdk import message

VOICE = Voice("01JX", 1767225600, Request("asked-model"))
EXCHANGES = exchanges(lambda path: path.rstrip("/").endswith("/v1/messages"))
every_exchange = pytest.mark.parametrize("exchange", EXCHANGES)


def meaning(value: object) -> Any:
    """A value as plain data, a call's arguments as the object they are, however they were spaced."""
    made: Any = shape(value)
    if isinstance(made, list):
        return [meaning(each) for each in made]
    if isinstance(made, dict):
        return {name: json.loads(each or "{}") if name == "arguments" else meaning(each) for name, each in made.items()}
    return made


@every_exchange
def test_a_request_survives_being_read_and_written(exchange: Any) -> None:
    request = CODEC.read_request(Sheet.open(json.dumps(exchange.request).encode()))
    systems = [turn for turn in request.turns if turn.role == "system"]
    again = CODEC.read_request(CODEC.write_request(request))
    if len(systems) <= 1 and request.turns[0].role == ("system" if systems else "user"):
        assert meaning(again.turns) == meaning(request.turns)
    assert again.tool_choice == request.tool_choice
    assert (again.reasoning is None) == (request.reasoning is None)
    assert [tool.name for tool in again.tools] == [tool.name for tool in request.tools]
    assert again.sampling.max_tokens == request.sampling.max_tokens


@every_exchange
def test_an_answer_keeps_its_meaning_when_it_is_written(exchange: Any) -> None:
    if exchange.status >= 400:
        failure = CODEC.read_error(exchange.status, exchange.body)
        assert failure.status == exchange.status
        assert failure.message
        assert CODEC.native_error(exchange.body)
        return
    if exchange.streamed:
        events = read_stream(CODEC, exchange.body, 97)
        check_grammar(events)
        reply = fold(events)
        writer = CODEC.writer(VOICE)
        data = writer.feed(events) + writer.end()
        message(data)
        again = fold(read_stream(CODEC, data))
    else:
        answer = CODEC.read_reply(exchange.body)
        assert isinstance(answer, Reply)
        reply = answer
        body = CODEC.write_reply(reply, VOICE)
        if not any(isinstance(part, Native) for part in reply.choices[0].parts):
            Message.model_validate(json.loads(body))
        written = CODEC.read_reply(body)
        assert isinstance(written, Reply)
        again = written
    assert meaning(again.choices) == meaning(reply.choices)
    assert reply.usage is not None
    assert again.usage is not None
    for name in ("input", "output", "cached", "cache_write", "reasoning", "searches"):
        assert getattr(again.usage, name) == getattr(reply.usage, name)


@every_exchange
def test_a_passing_answer_tells_what_reading_it_tells(exchange: Any) -> None:
    if exchange.status >= 400:
        return
    if exchange.streamed:
        tap = CODEC.tap(False)
        assert tap.feed(exchange.body) + tap.end() == exchange.body
        outcome, reply = tap.outcome, fold(read_stream(CODEC, exchange.body))
    else:
        answer = CODEC.read_reply(exchange.body)
        assert isinstance(answer, Reply)
        outcome, reply = CODEC.observe(exchange.body), answer
    assert shape(outcome) == shape(Outcome.of(reply))
