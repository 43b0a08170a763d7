from __future__ import annotations

import gzip
import random
import time
import zlib

import pytest

from lockgate.transport.inflate import MEMBERS, PIECE, RATIO, TOTAL, Inflate, InflateError

NOISE = random.Random(1).randbytes(300_000)
RAW = zlib.compressobj(wbits=-15)
DEFLATED_RAW = RAW.compress(NOISE) + RAW.flush()


def inflate(coding: bytes, data: bytes, step: int) -> bytes:
    """All of it, fed in steps; what comes out is drained after each one."""
    machine = Inflate(coding)
    out = []
    for at in range(0, len(data), step):
        machine.feed(data[at : at + step])
        while piece := machine.take():
            assert len(piece) <= PIECE
            out.append(piece)
    machine.finish()
    return b"".join(out)


@pytest.mark.parametrize("step", [1000, 4096, 100_000, 1_000_000])
@pytest.mark.parametrize(
    ("coding", "data", "plain"),
    [
        (b"gzip", gzip.compress(NOISE), NOISE),
        (b"x-gzip", gzip.compress(NOISE), NOISE),
        (b"deflate", zlib.compress(NOISE), NOISE),
        (b"deflate", DEFLATED_RAW, NOISE),
        (b"gzip", gzip.compress(NOISE) + gzip.compress(b"and more"), NOISE + b"and more"),
        (b"gzip", gzip.compress(NOISE) + b"\0" * 600, NOISE),
        (b"gzip", gzip.compress(b" " * 900_000), b" " * 900_000),
        (b"gzip", b"", b""),
    ],
    ids=["gzip", "x-gzip", "zlib", "deflate", "two members", "padded", "regular", "empty"],
)
def test_what_was_compressed_comes_back(coding: bytes, data: bytes, plain: bytes, step: int) -> None:
    assert inflate(coding, data, step) == plain


@pytest.mark.parametrize("coding", [b"gzip", b"deflate"])
def test_every_split_of_a_small_body_gives_the_same(coding: bytes) -> None:
    plain = b'{"message": "' + b"hello " * 20 + b'"}'
    data = gzip.compress(plain) if coding == b"gzip" else zlib.compress(plain)
    for step in range(1, len(data)):
        assert inflate(coding, data, step) == plain


@pytest.mark.parametrize(
    ("coding", "data", "why"),
    [
        (b"gzip", gzip.compress(NOISE)[:-1], "cut short"),
        (b"gzip", gzip.compress(NOISE)[:50], "cut short"),
        (b"deflate", zlib.compress(NOISE)[:-5], "cut short"),
        (b"gzip", b"not gzip at all", "broken"),
        (b"deflate", b"\x07not deflate", "broken"),
        (b"gzip", gzip.compress(b"a") + b"rubbish", "followed by"),
        (b"deflate", zlib.compress(b"a") + zlib.compress(b"b"), "followed by"),
        (b"gzip", gzip.compress(b"a")[:-6] + b"\0\0" + gzip.compress(b"a")[-4:], "broken"),
    ],
    ids=["no end", "half", "zlib no end", "no gzip", "no deflate", "rubbish after", "zlib after", "wrong sum"],
)
def test_a_broken_body_says_what_is_broken(coding: bytes, data: bytes, why: str) -> None:
    with pytest.raises(InflateError, match=why):
        inflate(coding, data, 1000)


def test_a_bomb_stops_at_the_ratio_before_it_has_cost_much() -> None:
    bomb = zlib.compressobj(1, wbits=31)
    data = b"".join(bomb.compress(b"\0" * 1_000_000) for _ in range(50)) + bomb.flush()
    assert len(data) < 250_000
    machine = Inflate(b"gzip")
    machine.feed(data)
    out = 0
    with pytest.raises(InflateError, match=f"{RATIO} times"):
        while piece := machine.take():
            out += len(piece)
    assert out <= 2 * 1024 * 1024


def test_a_large_body_stops_at_the_total() -> None:
    packed = zlib.compressobj(1, wbits=31)
    block = NOISE[:3000] + b"x" * 60_000  # about 20 : 1
    data = b"".join(packed.compress(block) for _ in range(TOTAL // len(block) + 10)) + packed.flush()
    with pytest.raises(InflateError, match=str(TOTAL)):
        inflate(b"gzip", data, 65536)


def test_a_hundred_thousand_empty_members_are_refused_quickly() -> None:
    data = gzip.compress(b"") * 100_000
    machine = Inflate(b"gzip")
    machine.feed(data)
    start = time.process_time()
    with pytest.raises(InflateError, match=str(MEMBERS)):
        while machine.take():
            pass
    assert time.process_time() - start < 0.5
