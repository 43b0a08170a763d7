"""Real chat traffic of many hosts: requests survive a round trip, answers say the same whole and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from lockgate.core.content import Native
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Reply
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Voice
from lockgate.dialects.openai.chat import CODEC
from support.canonical import check_grammar, fold, read_stream, shape
from support.recordings import exchanges
from support.sdk import chat_completion

VOICE = Voice("01JX", 1767225600, Request("asked-model"))
EXCHANGES = exchanges(lambda path: path.rstrip("/").endswith("/chat/completions"))
every_exchange = pytest.mark.parametrize("exchange", EXCHANGES)


@every_exchange
def test_a_request_survives_being_read_and_written(exchange: Any) -> None:
    request = CODEC.read_request(Sheet.open(json.dumps(exchange.request).encode()))
    foreign = any(isinstance(part, Native) for turn in request.turns for part in turn.parts) or request.losses
    again = CODEC.read_request(CODEC.write_request(request))
    assert [turn.role for turn in again.turns] == [turn.role for turn in request.turns if turn.parts]
    if not foreign:
        # Reasoning of another maker is not sent to chat hosts, texts are joined, and tools always have a schema.
        assert (again.sampling, again.tool_choice, again.stream) == (request.sampling, request.tool_choice, request.stream)
        assert [tool.name for tool in again.tools] == [tool.name for tool in request.tools]


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
        chat_completion(data)
        again = fold(read_stream(CODEC, data))
    else:
        answer = CODEC.read_reply(exchange.body)
        assert isinstance(answer, Reply)
        reply = answer
        body = CODEC.write_reply(reply, VOICE)
        ChatCompletion.model_validate(json.loads(body))
        written = CODEC.read_reply(body)
        assert isinstance(written, Reply)
        again = written
    for before, after in zip(reply.choices, again.choices, strict=True):
        texts = ["".join(part.text for part in choice.parts if hasattr(part, "text")) for choice in (before, after)]
        assert texts[0].split() == texts[1].split()
        names = [[part.name for part in choice.parts if hasattr(part, "arguments")] for choice in (before, after)]
        assert names[0] == names[1]
        if before.finish is not None and before.finish.reason != "unknown":
            assert after.finish is not None
            assert after.finish.reason == before.finish.reason
    if reply.usage is not None:
        assert again.usage is not None
        assert (again.usage.input, again.usage.output, again.usage.cached) == (
            reply.usage.input,
            reply.usage.output,
            reply.usage.cached,
        )


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
    expected = Outcome.of(reply)
    assert (outcome.id, outcome.model, shape(outcome.usage), outcome.complete) == (
        expected.id,
        expected.model,
        shape(expected.usage),
        True,
    )
    if outcome.finish is not None and outcome.finish.reason != "unknown":
        assert outcome.finish == expected.finish
