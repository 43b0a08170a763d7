import json

from lockgate.wire.array import ArrayWriter, events
from lockgate.wire.sse import payloads

BLOCKS = [b'data: {"a":1}\n\n', b": nothing\n\n", b"", b'data: {"b":\ndata: 2}\n\ndata: {"c":3}\n\n']


def test_events_become_elements():
    writer = ArrayWriter()
    text = b"".join(map(writer.feed, BLOCKS)) + writer.close()
    assert json.loads(text) == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_nothing_is_an_empty_array():
    assert ArrayWriter().close() == b"[]"


def test_a_closed_array_stays_closed():
    writer = ArrayWriter()
    assert writer.feed(BLOCKS[0]) + writer.close() == b'[{"a":1}]'
    assert writer.feed(BLOCKS[0]) + writer.close() == b""


def test_an_array_cut_off_or_not_is_read_back_as_events():
    writer = ArrayWriter()
    text = b"".join(map(writer.feed, BLOCKS))
    for said in (text, text + writer.close()):
        assert list(map(json.loads, payloads(events(said)))) == [{"a": 1}, {"b": 2}, {"c": 3}]
    assert events(b"") == events(b"[]") == b""
