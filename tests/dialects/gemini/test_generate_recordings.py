"""Real Gemini and Vertex traffic: requests survive a round trip, answers say the same whole, streamed and watched."""

import json

import pytest

from lockgate.core.content import Media, Text, ToolCall, ToolResult
from lockgate.core.failure import Refusal
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Reply
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Voice
from lockgate.dialects.gemini.generate import CODEC
from support.canonical import check_grammar, fold, read_stream, shape
from support.recordings import exchanges

VOICE = Voice("01JX", 1767225600, Request("asked-model"))
EXCHANGES = exchanges(lambda path: path.endswith((":generateContent", ":streamGenerateContent")))

every_exchange = pytest.mark.parametrize("exchange", EXCHANGES)


@every_exchange
def test_a_request_survives_being_read_and_written(exchange):
    try:
        request = CODEC.read_request(Sheet.open(json.dumps(exchange.request).encode()))
    except Refusal as refusal:
        assert refusal.param in ("cachedContent", "contents[0]")
        return
    request.model = "gemini-3-flash-preview"
    again = CODEC.read_request(CODEC.write_request(request))
    assert _said(again) == _said(request)
    assert _functions(again) == _functions(request)
    assert again.sampling == request.sampling and shape(again.format) == shape(request.format)


def _functions(request):
    return [(tool.name, shape(tool.schema)) for tool in request.tools if tool.native is None]


def _said(request):
    said = []
    for turn in request.turns:
        for part in turn.parts:
            if isinstance(part, Text) and part.text:
                said.append((turn.role, part.text))
            elif isinstance(part, ToolCall):
                said.append((part.name, json.loads(part.arguments)))
            elif isinstance(part, ToolResult):
                said.append((part.name, shape(part.content), part.is_error))
            elif isinstance(part, Media):
                said.append(shape(part))
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
        again = fold(read_stream(CODEC, writer.feed(events) + writer.end()))
    else:
        reply = CODEC.read_reply(exchange.body)
        assert isinstance(reply, Reply)
        again = CODEC.read_reply(CODEC.write_reply(reply, VOICE))
    for before, after in zip(reply.choices, again.choices, strict=True):
        assert [_part(part) for part in after.parts] == [_part(part) for part in before.parts]
        assert after.finish.reason == before.finish.reason
    assert (again.usage.input, again.usage.output, again.usage.cached) == (
        reply.usage.input,
        reply.usage.output,
        reply.usage.cached,
    )


def _part(part):
    """A part, less its citations: sources without an address stay behind."""
    if isinstance(part, Text):
        return part.text
    if isinstance(part, ToolCall):
        return part.id, part.name, json.loads(part.arguments)
    return shape(part)


@every_exchange
def test_what_watches_an_answer_learns_what_reads_it(exchange):
    if exchange.status >= 400:
        return
    if not exchange.streamed:
        assert shape(CODEC.observe(exchange.body)) == shape(Outcome.of(CODEC.read_reply(exchange.body)))
        return
    outcome, reader, tap = Outcome(), CODEC.reader(), CODEC.tap(False)
    outcome.note(reader.feed(exchange.body))
    outcome.complete = reader.complete
    passed = b"".join(tap.feed(exchange.body[at : at + 61]) for at in range(0, len(exchange.body), 61)) + tap.end()
    assert passed.rstrip() == exchange.body.rstrip() and shape(tap.outcome) == shape(outcome) and outcome.complete
