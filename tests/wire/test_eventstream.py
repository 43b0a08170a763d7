"""Event-stream frames: read as botocore reads them, however the network cuts the bytes; nothing broken gets through."""

from __future__ import annotations

import datetime
import struct
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from lockgate.wire.eventstream import HEADERS_LIMIT, PAYLOAD_LIMIT, BadFrame, Blocks, Frame, Reader, write

STREAM = (
    write(
        {":event-type": "messageStart", ":content-type": "application/json", ":message-type": "event"}, b'{"role":"assistant"}'
    )
    + write({":event-type": "contentBlockDelta", ":message-type": "event"}, '{"delta":{"text":"é€"}}'.encode())
    + write({}, b"")
    + write({":exception-type": "throttlingException", ":message-type": "exception"}, b'{"message":"slow down"}')
)


def fed(pieces: list[bytes]) -> list[Frame]:
    reader = Reader()
    return [frame for piece in pieces for frame in reader.feed(piece)]


def botocore_reads(data: bytes) -> list[Frame]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [Frame({k: v for k, v in m.headers.items() if isinstance(v, str)}, m.payload) for m in buffer]


EXPECTED = botocore_reads(STREAM)


def test_frames_read_the_same_at_every_byte_split() -> None:
    assert len(EXPECTED) == 4
    assert fed([STREAM]) == EXPECTED
    for at in range(len(STREAM)):
        assert fed([STREAM[:at], STREAM[at:]]) == EXPECTED, at


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_frames_read_the_same_in_small_pieces(size: int) -> None:
    assert fed([STREAM[at : at + size] for at in range(0, len(STREAM), size)]) == EXPECTED


names = st.text("abcdef:-", min_size=1, max_size=20)
headers = st.dictionaries(names, st.text(max_size=40), max_size=6)


@given(st.lists(st.tuples(headers, st.binary(max_size=200)), max_size=4), st.lists(st.integers(0, 2000), max_size=6))
def test_any_frames_cut_anywhere_are_what_botocore_reads(frames: list[tuple[dict[str, str], bytes]], places: list[int]) -> None:
    data = b"".join(write(*frame) for frame in frames)
    at = sorted({place % (len(data) + 1) for place in places})
    pieces = [data[a:b] for a, b in zip([0, *at], [*at, len(data)], strict=True)]
    assert fed(pieces) == botocore_reads(data) == [Frame(*frame) for frame in frames]


def test_headers_of_other_types_are_stepped_over() -> None:
    values = [
        (b"t", 0, b""),
        (b"f", 1, b""),
        (b"byte", 2, b"\x07"),
        (b"short", 3, b"\x00\x07"),
        (b"int", 4, b"\x00\x00\x00\x07"),
        (b"long", 5, bytes(7) + b"\x07"),
        (b"bytes", 6, b"\x00\x02ab"),
        (b"text", 7, b"\x00\x02cd"),
        (b"time", 8, struct.pack(">q", int(datetime.datetime(2026, 1, 1).timestamp() * 1000))),
        (b"uuid", 9, bytes(16)),
    ]
    block = b"".join(bytes((len(name),)) + name + bytes((kind,)) + value for name, kind, value in values)
    data = sealed(block, b"x")
    assert fed([data]) == botocore_reads(data) == [Frame({"text": "cd"}, b"x")]


def sealed(block: bytes, payload: bytes = b"", *, total: int | None = None, length: int | None = None) -> bytes:
    """A frame with right checksums, whatever its lengths say."""
    lengths = struct.pack(
        ">II", 16 + len(block) + len(payload) if total is None else total, len(block) if length is None else length
    )
    body = lengths + struct.pack(">I", crc32(lengths)) + block + payload
    return body + struct.pack(">I", crc32(body))


def test_a_flipped_bit_anywhere_is_noticed() -> None:
    frame = write({":event-type": "x"}, b"payload")
    for bit in range(len(frame) * 8):
        broken = bytearray(frame)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(BadFrame):
            fed([bytes(broken)])


@pytest.mark.parametrize(
    "data",
    [
        sealed(b"", total=15),
        sealed(b"", total=16, length=1),
        sealed(b"", total=PAYLOAD_LIMIT + 17),
        sealed(b"", total=2**32 - 1),
        sealed(b"", total=HEADERS_LIMIT + 100, length=HEADERS_LIMIT + 1),
        sealed(b"\x05ab"),
        sealed(b"\x01a"),
        sealed(b"\x01a\x07\x00"),
        sealed(b"\x01a\x07\x00\x05ab"),
        sealed(b"\x01a\x0a"),
        sealed(b"\x01a\x05\x00"),
        sealed(b"\x01\xff\x07\x00\x01a"),
        b'{"message": "not a frame at all"}',
    ],
)
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    with pytest.raises(BadFrame):
        fed([data])


def test_a_length_past_the_limit_is_refused_before_its_bytes_come() -> None:
    reader = Reader()
    assert reader.feed(sealed(b"", total=PAYLOAD_LIMIT + 16)[:12]) == []
    with pytest.raises(BadFrame, match="larger than the limit"):
        Reader().feed(sealed(b"", total=PAYLOAD_LIMIT + 17)[:12])


def test_a_frame_that_is_cut_is_held_and_not_given() -> None:
    reader, blocks = Reader(), Blocks()
    assert reader.feed(STREAM[:-1]) == EXPECTED[:-1]
    last = len(write(EXPECTED[-1].headers, EXPECTED[-1].payload))
    assert blocks.feed(STREAM[:-1]) == STREAM[:-last]
    assert blocks.held == last - 1
    assert repr(reader) == f"Reader(Blocks({last - 1} bytes held))"


@pytest.mark.parametrize("size", [1, 2, 7, 50, 1000])
def test_blocks_lose_and_change_no_byte(size: int) -> None:
    blocks = Blocks()
    assert b"".join(blocks.feed(STREAM[at : at + size]) for at in range(0, len(STREAM), size)) == STREAM
    assert blocks.held == 0


def test_a_slow_sender_of_a_large_frame_costs_no_more_than_its_bytes() -> None:
    frame = write({":event-type": "x"}, b"y" * 200_000)
    reader = Reader()
    out: list[Frame] = []
    for at in range(len(frame)):  # quadratic copying would take minutes here
        out += reader.feed(frame[at : at + 1])
    assert [len(each.payload) for each in out] == [200_000]
