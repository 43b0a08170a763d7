"""Events of other dialects inside AWS frames: unwrapped at any cut, and what goes wrong in the frames is said once."""

import base64
import json

import pytest

from lockgate.core.failure import Failure
from lockgate.core.request import Request
from lockgate.dialects.anthropic import messages
from lockgate.dialects.codec import Voice
from lockgate.dialects.framed import Unframed
from lockgate.dialects.openai import chat
from lockgate.dialects.translation import Passage, Translation
from lockgate.wire import eventstream
from support.aws import frames
from support.canonical import GOLDEN

PLAIN = (GOLDEN / "anthropic_messages" / "tools.sse").read_bytes()
EVENTS = [json.loads(line.removeprefix("data: ")) for line in PLAIN.decode().split("\n") if line.startswith("data: ")]
VOICE = Voice("01JX", 1767225600, Request("asked-model"))


def chunk(data):
    wrapped = base64.b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).decode()
    return eventstream.write(
        {":event-type": "chunk", ":message-type": "event"}, json.dumps({"bytes": wrapped, "p": "ab"}).encode()
    )


def payload(data):
    return eventstream.write({":event-type": "PayloadPart", ":message-type": "event"}, data)


FRAMED = b"".join(map(chunk, EVENTS))


def passing():
    return Unframed(Passage(messages.CODEC, False), passes=True)


def translating():
    return Unframed(Translation(messages.CODEC, chat.CODEC, VOICE), passes=False)


def events(data):
    lines = data.decode().split("\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]


@pytest.mark.parametrize("size", [1, 7, 100, 100_000])
def test_a_passing_stream_is_the_model_s_own(size):
    stream = passing()
    out = b"".join(stream.feed(FRAMED[at : at + size]) for at in range(0, len(FRAMED), size)) + stream.end()
    assert events(out) == EVENTS
    assert [line for line in out.decode().split("\n") if line.startswith("event: ")] == [
        f"event: {each['type']}" for each in EVENTS
    ]
    assert stream.outcome.complete and stream.outcome.usage.output > 0


def test_a_translated_stream_says_what_it_would_say_without_frames():
    stream, plain = translating(), Translation(messages.CODEC, chat.CODEC, VOICE)
    assert stream.feed(FRAMED) + stream.end() == plain.feed(PLAIN) + plain.end()


def test_bytes_in_payloads_are_cut_anywhere():
    stream = passing()
    out = b"".join(stream.feed(payload(PLAIN[at : at + 11])) for at in range(0, len(PLAIN), 11)) + stream.end()
    assert out == PLAIN
    assert stream.outcome.complete


@pytest.mark.parametrize("make", [passing, translating])
def test_an_exception_after_words_is_an_error_of_the_caller_s_dialect_once(make):
    stream = make()
    first = stream.feed(b"".join(map(chunk, EVENTS[:4])))
    assert first
    last = stream.feed(frames('throttlingException! {"message":"Slow down."}'))
    failure = stream.outcome.failure
    assert (failure.kind, failure.status) == ("rate_limit", 429)
    if make is passing:
        assert events(last) == [{"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down."}}]
    else:
        assert last == b""
        assert b"Slow down." in stream.broken(failure)
    assert stream.feed(FRAMED) == b""
    assert not stream.outcome.complete


@pytest.mark.parametrize(
    "data",
    [
        b"event: message_start\ndata: {}\n\n",
        chunk(b"not json"),
        eventstream.write({":event-type": "chunk"}, b"{}"),
        eventstream.write({":event-type": "chunk"}, b'{"bytes":"%%"}'),
        eventstream.write({":event-type": "chunk"}, b"\xff"),
    ],
)
def test_what_is_no_frame_is_a_failure(data):
    stream = passing()
    stream.feed(data)
    assert (stream.outcome.failure.kind, stream.outcome.failure.status) == ("malformed", 502)


def test_frames_of_kinds_to_come_are_passed_over():
    stream = passing()
    assert stream.feed(eventstream.write({":event-type": "metrics"}, b"{}")) == b""
    assert stream.outcome.failure is None


def test_what_goes_wrong_after_the_end_is_no_concern():
    stream = passing()
    stream.feed(FRAMED)
    assert stream.feed(frames('internalServerException! {"message":"late"}')) == b""
    assert stream.outcome.complete and stream.outcome.failure is None


def test_a_failure_of_the_pipeline_is_said_in_the_caller_s_dialect():
    assert events(passing().broken(Failure("cut", 502, "Gone.")))[0]["error"]["message"] == "Gone."
