"""dialects/last_event: servers leave out the blank line behind their last event; what was cut inside is no event."""

import pytest

from lockgate.core.events import Broken
from lockgate.dialects.last_event import last_event
from lockgate.dialects.registry import CODECS
from lockgate.wire.sse import Blocks

#: Per dialect all events of a short answer but the last, and the last one's data.
ANSWERS = {
    "openai.chat": (
        b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"Deep"},"finish_reason":null}]}\n\n',
        b'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
    ),
    "openai.completions": (
        b'data: {"id":"c1","model":"m","choices":[{"index":0,"text":"Deep","finish_reason":null}]}\n\n',
        b'data: {"id":"c1","model":"m","choices":[{"index":0,"text":"","finish_reason":"stop"}]}',
    ),
    "openai.responses": (
        b'event: response.created\ndata: {"type":"response.created","response":{"id":"r1","model":"m"}}\n\n'
        b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","output_index":0,"delta":"Deep"}\n\n',
        b'event: response.completed\ndata: {"type":"response.completed","response":{"id":"r1","model":"m","status":"completed"}}',
    ),
    "anthropic.messages": (
        b'event: message_start\ndata: {"type":"message_start","message":{"id":"m1","model":"m"}}\n\n'
        b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
        b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        b'"delta":{"type":"text_delta","text":"Deep"}}\n\n'
        b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
        b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n',
        b'event: message_stop\ndata: {"type":"message_stop"}',
    ),
    "gemini.generate": (
        b'data: {"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"Deep"}]}}]}\r\n\r\n',
        b'data: {"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"."}]},"finishReason":"STOP"}]}',
    ),
    "cohere.chat": (
        b'event: message-start\ndata: {"type":"message-start","id":"c1"}\n\n'
        b'event: content-delta\ndata: {"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Deep"}}}}\n\n',
        b'event: message-end\ndata: {"type":"message-end","delta":{"finish_reason":"COMPLETE"}}',
    ),
}


def read(name, body):
    reader = CODECS[name].reader()
    events = reader.feed(body)
    return events + reader.end(), reader.complete


def watched(name, body):
    tap = CODECS[name].tap(False)
    passed = tap.feed(body)
    return passed + tap.end(), tap.outcome


def test_every_dialect_of_server_sent_events_is_here():
    assert set(CODECS) - set(ANSWERS) == {"bedrock.converse"}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\r"], ids=["nothing", "LF", "CR LF", "CR"])
class TestWithoutItsBlankLine:
    def test_it_is_read_like_any_other(self, name, end):
        before, last = ANSWERS[name]
        assert read(name, before + last + end) == read(name, before + last + b"\n\n")
        assert read(name, before + last + end)[1]

    def test_it_passes_with_a_blank_line(self, name, end):
        before, last = ANSWERS[name]
        passed, outcome = watched(name, before + last + end)
        assert passed == before + last + b"\n\n"
        assert (outcome.complete, outcome.failure) == (True, None)


@pytest.mark.parametrize("name", ANSWERS)
class TestCutInside:
    def test_nothing_is_read_of_it(self, name):
        before, last = ANSWERS[name]
        whole = read(name, before)
        for cut in range(len(last)):
            assert read(name, before + last[:cut]) == whole, cut
        assert not whole[1]
        assert not any(isinstance(event, Broken) for event in whole[0])

    def test_nothing_is_passed_of_it(self, name):
        before, last = ANSWERS[name]
        for cut in range(len(last)):
            passed, outcome = watched(name, before + last[:cut])
            assert (passed, outcome.complete, outcome.failure) == (before, False, None), cut


@pytest.mark.parametrize(
    ("held", "last"),
    [
        (b"", b""),
        (b"\n", b""),
        (b": only a comment", b""),
        (b"event: done", b""),
        (b"data: [DONE]", b"data: [DONE]\n\n"),
        (b"data: [DON", b""),
        (b"event: error\ndata: out of room", b"event: error\ndata: out of room\n\n"),
        (b'event: error\ndata: {"type":"error","err', b""),
        (b'data: {"a":\ndata: 1}', b'data: {"a":\ndata: 1}\n\n'),
        (b'data: "\xff"', b'data: "\xff"\n\n'),  # the reader's to judge
        (b"data: " + b"[" * 100_000, b""),
    ],
)
def test_what_was_held_is_an_event_when_it_is_whole(held, last):
    blocks = Blocks()
    assert blocks.feed(held) == b""
    assert last_event(blocks) == last
