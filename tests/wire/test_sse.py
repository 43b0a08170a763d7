"""The SSE reader: the same events however the network cuts the bytes, and whatever ends the lines."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.wire.sse import Blocks, EventTooLarge, Frame, Reader, frames, payloads, split, write

TRANSCRIPT = (
    b": a comment\n\n"
    b'event: message_start\ndata: {"a": 1}\n\n'
    b"id: 7\nretry: 10\ndata: one\ndata: two\n\n"
    b"data:no space\n\n"
    b"event: nothing\n\n"
    b"data\n\n"
    b'data: {"text": "\xc3\xa9\xe2\x82\xac"}\n\n'
    b"data: [DONE]\n\n"
)
EXPECTED = [
    Frame("message_start", b'{"a": 1}'),
    Frame("", b"one\ntwo"),
    Frame("", b"no space"),
    Frame("", b""),
    Frame("", '{"text": "é€"}'.encode()),
    Frame("", b"[DONE]"),
]
ENDS = [b"\n", b"\r\n", b"\r"]


def reference(data: bytes) -> list[Frame]:
    """The events of a whole body, read line by line as the standard words it."""
    lines = re.split(rb"\r\n|\n|\r", data.removeprefix(b"\xef\xbb\xbf"))
    out: list[Frame] = []
    name, buffer = "", []
    for line in lines[:-1]:
        if not line:
            if buffer:
                out.append(Frame(name, b"\n".join(buffer)))
            name, buffer = "", []
            continue
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            buffer.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace").strip()
    return out


def fed(chunks: list[bytes]) -> list[Frame]:
    reader = Reader()
    return [frame for chunk in chunks for frame in reader.feed(chunk)]


@pytest.mark.parametrize("end", ENDS)
def test_a_transcript_reads_the_same_at_every_byte_split(end: bytes) -> None:
    data = TRANSCRIPT.replace(b"\n", end) + b":"  # a byte more, so that no CR waits for its LF
    assert fed([data]) == EXPECTED
    for at in range(len(data)):
        assert fed([data[:at], data[at:]]) == EXPECTED, at


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_transcript_reads_the_same_in_small_pieces(end: bytes, size: int) -> None:
    data = TRANSCRIPT.replace(b"\n", end) + b":"
    assert fed([data[at : at + size] for at in range(0, len(data), size)]) == EXPECTED


line_end = st.sampled_from(ENDS)
line = st.sampled_from([b"", b"", b"data: x", b"data:y", b"data", b": note", b"event: e", b"id: 1", b"data:  two", b"other: 1"])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Lines of all sorts with ends of all sorts, some with a BOM before them."""
    body = b"".join(draw(line) + draw(line_end) for _ in range(draw(st.integers(0, 12))))
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + body


def cut(data: bytes, places: list[int]) -> list[bytes]:
    at = sorted({place % (len(data) + 1) for place in places})
    return [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)]


@given(bodies(), st.lists(st.integers(0, 200), max_size=8))
def test_any_body_cut_anywhere_gives_the_events_of_the_standard(body: bytes, places: list[int]) -> None:
    whole = body + b": end"  # no CR at the end, which would wait
    assert fed(cut(whole, places)) == reference(whole)


@given(bodies(), st.lists(st.integers(0, 200), max_size=8))
def test_blocks_lose_and_change_no_byte(body: bytes, places: list[int]) -> None:
    blocks = Blocks()
    out = b"".join(blocks.feed(chunk) for chunk in cut(body, places))
    assert out + blocks.tail == body


@given(bodies())
def test_split_events_join_to_their_block(body: bytes) -> None:
    block = Blocks().feed(body)
    events = split(block)
    assert b"".join(events) == block
    assert [frame for event in events for frame in frames(event)] == frames(block)


@given(bodies())
def test_payloads_are_the_data_of_the_frames(body: bytes) -> None:
    block = Blocks().feed(body)
    assert payloads(block) == [frame.data for frame in frames(block)]


def test_a_cr_at_the_end_waits_for_its_lf() -> None:
    blocks = Blocks()
    assert blocks.feed(b"data: x\r\n\r") == b""
    assert blocks.feed(b"\n") == b"data: x\r\n\r\n"
    assert blocks.tail == b""


def test_a_block_ends_with_its_last_whole_event() -> None:
    blocks = Blocks()
    assert blocks.feed(b"data: 1\n\ndata: 2\n\ndata: 3") == b"data: 1\n\ndata: 2\n\n"
    assert blocks.tail == b"data: 3"


def test_a_bom_before_the_first_event_is_skipped() -> None:
    assert fed([b"\xef\xbb\xbfdata: x\n\n"]) == [Frame("", b"x")]


def test_an_event_without_its_blank_line_is_not_given() -> None:
    assert fed([b"data: x\n"]) == []


def test_an_event_past_the_limit_is_an_error() -> None:
    blocks = Blocks(limit=100)
    assert blocks.feed(b"data: " + b"x" * 80) == b""
    with pytest.raises(EventTooLarge):
        blocks.feed(b"x" * 20)


def test_a_rest_past_the_limit_is_an_error_even_behind_a_whole_event() -> None:
    with pytest.raises(EventTooLarge):
        Blocks(limit=100).feed(b"data: 1\n\ndata: " + b"x" * 200)


def test_whole_events_may_be_larger_than_the_limit_together() -> None:
    event = b"data: " + b"x" * 60 + b"\n\n"
    assert Blocks(limit=100).feed(event * 5) == event * 5


def test_a_slow_sender_of_a_large_event_costs_no_more_than_its_bytes() -> None:
    blocks = Blocks()
    for _ in range(100_000):  # quadratic copying would take minutes here
        assert blocks.feed(b"x") == b""
    assert len(blocks.tail) == 100_000


def test_what_is_written_reads_back() -> None:
    assert frames(write(b'{"a":1}') + write(b"{}", "ping")) == [Frame("", b'{"a":1}'), Frame("ping", b"{}")]


def test_blocks_show_how_much_they_hold() -> None:
    blocks = Blocks()
    blocks.feed(b"data: half")
    assert repr(blocks) == "Blocks(10 bytes held)"
