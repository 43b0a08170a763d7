"""Mutated answers, cut anywhere: never an exception, never a hang, and no connection is kept after anything odd."""

from __future__ import annotations

import gzip
import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from transport.stage import WAITS, Stage, step

SEEDS = [
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\nhello world",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nx-t: 1\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nserver: x\r\n\r\nhello world",
    b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 31\r\n\r\n" + gzip.compress(b"hello world", mtime=0),
    b"HTTP/1.1 429 Too Many Requests\r\nkeep-alive: timeout=5, max=1\r\nretry-after: 1\r\ncontent-length: 2\r\n\r\n{}",
]
#: Bytes that mean something to somebody who reads HTTP.
TOKENS = [
    b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\0", b" ", b"\t", b":", b";", b",", b"0", b"0\r\n\r\n", b"-1", b"+", b"ffffffffffffffff",
    b"HTTP/1.1", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0", b" 100 ", b" 101 ", b" 204 ", b"content-length: 5\r\n", b"content-length",
    b"transfer-encoding: chunked\r\n", b"transfer-encoding", b"chunked", b"connection: close\r\n", b"upgrade: x\r\n",
    b"content-encoding: deflate\r\n", b"content-encoding: br\r\n", b"\xff", b"\x1f\x8b",
]  # fmt: skip

places = st.integers(min_value=0, max_value=200)


@st.composite
def mutations(draw: st.DrawFn) -> bytes:
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(min_value=0, max_value=4))):
        at, end = sorted((draw(places) % (len(data) + 1), draw(places) % (len(data) + 1)))
        what = draw(st.sampled_from(["insert", "replace", "delete", "double", "splice", "bytes"]))
        if what == "insert":
            data = data[:at] + draw(st.sampled_from(TOKENS)) + data[at:]
        elif what == "replace":
            data = data[:at] + draw(st.sampled_from(TOKENS)) + data[end:]
        elif what == "delete":
            data = data[:at] + data[end:]
        elif what == "double":
            data = data[:end] + data[at:]
        elif what == "splice":
            data = data[:at] + draw(st.sampled_from(SEEDS))[at:]
        else:
            data = data[:at] + draw(st.binary(max_size=4)) + data[at:]
    return data


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in itertools.pairwise(marks)]


def outcome(data: bytes, pieces: list[bytes]) -> tuple[object, ...]:
    """Hear the pieces, then the end; check what must hold; say what came of it."""
    on = Stage()
    try:
        on.hear(pieces)
        kept = on.kept
        if kept:
            canary = on.answer
            on.ask()
            on.hear([b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\ncanary"])
            assert (on.answer.status, on.body(), on.failure, on.kept) == (200, b"canary", None, True)
            on.answer = canary
        on.end()
        assert on.connection.closed
        assert on.losses == 1
        assert not (kept and on.failure)  # what is found in a body, when it is read, is no matter of framing
        got = on.body()
        assert got is not WAITS
        while isinstance(last := step(on.answer.chunk()), bytes) and last:
            pass  # what came before a failure is still there for who reads in pieces
        assert last == (on.failure or b"")
        if on.failure is not None:
            assert on.failure.status == 502
            assert got == on.failure
            return (on.failure.kind,)
        return on.answer.status, got, kept
    finally:
        on.close()


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=mutations(), cuts=st.lists(places, max_size=6))
def test_mutated_answers_end_well_however_they_are_cut(data: bytes, cuts: list[int]) -> None:
    cut = outcome(data, pieces_of(data, cuts))
    bytewise = outcome(data, [data[at : at + 1] for at in range(len(data))])
    # How it was cut makes no difference, but for one thing: bytes after the end are seen with it, or after it.
    if cut != bytewise:
        assert not bytewise[-1] or cut == ("malformed",)
        assert "cut" not in (cut[0], bytewise[0]) or ("malformed",) in (cut, bytewise)


@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=300))
def test_noise_is_never_an_answer(data: bytes) -> None:
    assert outcome(data, [data] if data else []) in [("malformed",), ("cut",)]
