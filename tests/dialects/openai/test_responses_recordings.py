"""Real Responses traffic: requests survive a round trip, answers say the same whole and streamed, in every caller's dialect."""

import json

import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from lockgate.core.content import Native, Text, ToolCall
from lockgate.core.failure import Failure, Refusal
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Reply, Usage
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Voice
from lockgate.dialects.openai.responses import CODEC
from support.canonical import check_grammar, fold, read_stream, shape
from support.recordings import exchanges

VOICE = Voice("01JX", 1767225600, Request("asked-model"))
EVENT, RESPONSE = TypeAdapter(ResponseStreamEvent), TypeAdapter(Response)
EXCHANGES = exchanges(lambda path: path.rstrip("/").endswith("/responses"))
STATEFUL = ("previous_response_id", "conversation", "prompt", "background")

every_exchange = pytest.mark.parametrize("exchange", EXCHANGES)


@every_exchange
def test_a_request_survives_being_read_and_written(exchange):
    try:
        request = CODEC.read_request(Sheet.open(json.dumps(exchange.request).encode()))
    except Refusal as refusal:
        assert refusal.param in STATEFUL or "refers to an item" in refusal.message or exchange.status >= 400
        return
    again = CODEC.read_request(CODEC.write_request(request))
    if any(isinstance(part, Native) for turn in request.turns for part in turn.parts):
        return  # what answers a built-in tool's call stands for itself
    assert _said(again.turns) == _said(request.turns)
    assert [tool.name for tool in again.tools] == [tool.name for tool in request.tools]
    assert shape(again.format) == shape(request.format) and again.sampling.max_tokens == request.sampling.max_tokens


def _said(turns):
    """What the turns say, less empty texts and the borders between neighbouring texts."""
    said = []
    for turn in turns:
        for part in turn.parts:
            if isinstance(part, Text):
                if part.text.strip():
                    said.append((turn.role, "".join(part.text.split())))
            elif isinstance(part, ToolCall):
                said.append((part.name, part.id, json.loads(part.arguments or "{}") if not part.custom else part.arguments))
    return said


@every_exchange
def test_an_answer_keeps_its_meaning_when_it_is_written(exchange):
    if exchange.status >= 400:
        failure = CODEC.read_error(exchange.status, exchange.body)
        assert failure.status == exchange.status and failure.message and CODEC.native_error(exchange.body)
        return
    if exchange.streamed:
        events = read_stream(CODEC, exchange.body, 97)
        check_grammar(events)
        reply = fold(events)
        writer = CODEC.writer(VOICE)
        data = writer.feed(events) + writer.end()
        for line in data.decode().split("\n"):
            if line.startswith("data: "):
                EVENT.validate_python(json.loads(line[6:]))
        again = fold(read_stream(CODEC, data))
    else:
        reply = CODEC.read_reply(exchange.body)
        assert isinstance(reply, Reply)
        body = CODEC.write_reply(reply, VOICE)
        if not any(isinstance(part, Native) for part in reply.choices[0].parts):
            RESPONSE.validate_python(json.loads(body))
        again = CODEC.read_reply(body)
    if reply.choices[0].finish.reason != "unknown":  # else an answer that was fetched before it was there
        assert _reply(again) == _reply(reply)


def _reply(reply):
    choice = reply.choices[0]
    usage = reply.usage or Usage()
    return shape(choice.parts), choice.finish.reason, (usage.input, usage.output, usage.cached, usage.reasoning)


@every_exchange
def test_what_watches_an_answer_learns_what_reads_it(exchange):
    if exchange.status >= 400:
        assert isinstance(CODEC.read_error(exchange.status, exchange.body), Failure)
        return
    if not exchange.streamed:
        assert shape(CODEC.observe(exchange.body)) == shape(Outcome.of(CODEC.read_reply(exchange.body)))
        return
    outcome, reader, tap = Outcome(), CODEC.reader(), CODEC.tap(False)
    outcome.note(reader.feed(exchange.body))
    outcome.complete = reader.complete
    passed = b"".join(tap.feed(exchange.body[at : at + 61]) for at in range(0, len(exchange.body), 61)) + tap.end()
    assert passed.rstrip() == exchange.body.rstrip() and shape(tap.outcome) == shape(outcome) and outcome.complete
