"""How a connection reads bytes: framing, limits, deadlines, back-pressure. No sockets, no clock but the stage's own."""

from __future__ import annotations

import contextlib
import gzip
import random
import zlib
from collections.abc import Iterator

import pytest

from lockgate.core.failure import Failure
from lockgate.transport.answer import HIGH
from lockgate.transport.exchange import CUT, Deadlines, Pieces
from lockgate.transport.framing import HEAD_LIMIT
from lockgate.transport.http1 import SLICE
from transport.stage import WAITS, Stage, Tls, step

OK = b"HTTP/1.1 200 OK\r\n"
AB = OK + b"Content-Length: 2\r\n\r\nab"


@contextlib.contextmanager
def stage(**how: object) -> Iterator[Stage]:
    made = Stage(**how)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()
        assert made.losses == 1  # told its owner once, whatever happened
        assert made.wheel.watching == 0


def splits(data: bytes) -> Iterator[list[bytes]]:
    """The data whole, byte by byte, and cut in two everywhere."""
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    for at in range(1, len(data)):
        yield [data[:at], data[at:]]


# --- answers that are right

WHOLE = {
    "length": (AB, 200, b"ab", True),
    "no body": (OK + b"content-length: 0\r\n\r\n", 200, b"", True),
    "chunked": (OK + b"Transfer-Encoding: Chunked\r\n\r\n2;ext=1\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 200, b"abc", True),
    "trailers": (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx-t: 1\r\n\r\n", 200, b"ab", True),
    "100 before": (b"HTTP/1.1 100 Continue\r\n\r\n" + AB, 200, b"ab", True),
    "103 before": (b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\n" + AB, 200, b"ab", True),
    "unknown interim before": (b"HTTP/1.1 150 Eh\r\n\r\n" + AB, 200, b"ab", True),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
    "304 with a length": (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 10\r\n\r\n", 304, b"", True),
    "304 with a coding": (b"HTTP/1.1 304 Not Modified\r\ncontent-encoding: br\r\n\r\n", 304, b"", True),
    "close": (OK + b"connection: close\r\ncontent-length: 2\r\n\r\nab", 200, b"ab", False),
    "keep-alive and close": (OK + b"connection: keep-alive, close\r\ncontent-length: 2\r\n\r\nab", 200, b"ab", False),
    "1.0": (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab", 200, b"ab", False),
    "1.0 kept": (b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nab", 200, b"ab", True),
    "no reason": (b"HTTP/1.1 429\r\ncontent-length: 2\r\n\r\nab", 429, b"ab", True),
    "identity coding": (OK + b"content-encoding: identity\r\ncontent-length: 2\r\n\r\nab", 200, b"ab", True),
    "empty coding": (OK + b"content-encoding: \r\ncontent-length: 2\r\n\r\nab", 200, b"ab", True),
    "offers an upgrade": (OK + b"upgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 2\r\n\r\nab", 200, b"ab", True),
    "a hundred headers": (OK + b"x: y\r\n" * 99 + b"content-length: 2\r\n\r\nab", 200, b"ab", True),
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_right_answer_is_read_however_it_is_cut(name):
    data, status, body, kept = WHOLE[name]
    for pieces in splits(data):
        with stage() as on:
            on.hear(pieces)
            assert (on.answer.status, on.body(), on.failure, on.kept) == (status, body, None, kept)
            assert on.connection.closed is not kept
            assert step(on.answer.chunk()) == b""


def test_headers_are_lower_case_and_in_order():
    with stage() as on:
        on.hear([OK + b"X-A: 1\r\nSet-Cookie: b\r\nset-cookie: c\r\nContent-Length: 0\r\n\r\n"])
        assert on.answer.headers == [(b"x-a", b"1"), (b"set-cookie", b"b"), (b"set-cookie", b"c"), (b"content-length", b"0")]
        assert on.answer.header(b"set-cookie") == b"c"


def test_space_around_a_value_is_not_of_it():
    with stage() as on:
        on.hear([OK + b"content-type: \t text/plain \t \r\nx:\r\ncontent-length: 2 \r\n\r\nab"])
        assert on.answer.headers == [(b"content-type", b"text/plain"), (b"x", b""), (b"content-length", b"2")]
        assert on.body() == b"ab"


def test_trailers_are_not_headers_of_the_next_answer():
    with stage() as on:
        on.hear([OK + b"transfer-encoding: chunked\r\n\r\n0\r\nx-t: 1\r\n\r\n"])
        assert on.kept
        on.ask()
        on.hear([AB])
        assert on.answer.headers == [(b"content-length", b"2")]


def test_headers_of_interim_answers_are_not_those_of_the_answer():
    with stage() as on:
        on.hear([b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + AB])
        assert on.answer.headers == [(b"content-length", b"2")]


# --- answers that are wrong

WRONG = {
    "length and chunked": OK + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": OK + b"transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n",
    "two lengths": OK + b"content-length: 2\r\ncontent-length: 2\r\n\r\nab",
    "a list of lengths": OK + b"content-length: 2, 2\r\n\r\nab",
    "a length with a sign": OK + b"content-length: +2\r\n\r\nab",
    "a negative length": OK + b"content-length: -2\r\n\r\nab",
    "an empty length": OK + b"content-length: \r\n\r\nab",
    "a hexadecimal length": OK + b"content-length: 0x2\r\n\r\nab",
    "a length past 64 bits": OK + b"content-length: 99999999999999999999\r\n\r\nab",
    "a coding before chunked": OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding after chunked": OK + b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "chunked twice": OK + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": OK + b"transfer-encoding: xchunked\r\n\r\nab",
    "identity": OK + b"transfer-encoding: identity\r\n\r\nab",
    "chunked in 1.0": b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "a broken chunk size": OK + b"transfer-encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n",
    "a chunk size past 64 bits": OK + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\nab",
    "a chunk longer than its size": OK + b"transfer-encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\ncontent-length: 2\n\nab",
    "a folded header": OK + b"x: a\r\n b\r\ncontent-length: 2\r\n\r\nab",
    "a space before the colon": OK + b"x : a\r\ncontent-length: 2\r\n\r\nab",
    "a nameless header": OK + b": a\r\ncontent-length: 2\r\n\r\nab",
    "NUL in a header": OK + b"x: a\0b\r\ncontent-length: 2\r\n\r\nab",
    "CR in a header": OK + b"x: a\rb\r\ncontent-length: 2\r\n\r\nab",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\ncontent-length: 2\r\n\r\nab",
    "HTTP/0.9": b"HTTP/0.9 200 OK\r\ncontent-length: 2\r\n\r\nab",
    "status 000": b"HTTP/1.1 000 Eh\r\ncontent-length: 2\r\n\r\nab",
    "status 600": b"HTTP/1.1 600 Eh\r\ncontent-length: 2\r\n\r\nab",
    "status 99": b"HTTP/1.1 99 Eh\r\ncontent-length: 2\r\n\r\nab",
    "a switch of protocols": b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nraw",
    "101 without an upgrade": b"HTTP/1.1 101 Switching\r\n\r\n" + AB,
    "an interim answer with a body": b"HTTP/1.1 103 Hints\r\ncontent-length: 3\r\n\r\nabc" + AB,
    "another protocol": b"SSH-2.0-OpenSSH_9\r\n",
    "a request": b"GET / HTTP/1.1\r\n\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x46",
    "a hundred and one headers": OK + b"x: y\r\n" * 100 + b"content-length: 2\r\n\r\nab",
    "br": OK + b"content-encoding: br\r\ncontent-length: 2\r\n\r\nab",
    "zstd": OK + b"content-encoding: zstd\r\ncontent-length: 2\r\n\r\nab",
    "two codings": OK + b"content-encoding: gzip, gzip\r\ncontent-length: 2\r\n\r\nab",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_malformed_however_it_is_cut_and_ends_the_connection(name):
    for pieces in splits(WRONG[name]):
        with stage() as on:
            on.hear(pieces)
            assert on.failure is not None and (on.failure.kind, on.failure.status) == ("malformed", 502)
            assert on.failure.message.startswith("The answer of up:80 cannot be read: ")
            assert on.body() == on.failure
            assert not on.kept
            assert on.notes.aborted


def test_what_is_wrong_is_said():
    said = {}
    for name, data in WRONG.items():
        with stage() as on:
            on.hear([data])
            assert on.failure is not None
            said[name] = on.failure.message.removeprefix("The answer of up:80 cannot be read: ")
    assert said["two lengths"] == "it is not HTTP/1.1 (Duplicate Content-Length)."
    assert said["chunked twice"] == "its transfer coding is not one that is spoken."
    assert said["HTTP/2.0"] == "it is HTTP/2.0."
    assert said["status 600"] == "its status is 600."
    assert said["101 without an upgrade"] == "its status is 101."
    assert said["an interim answer with a body"] == "an interim answer (103) with a body."
    assert said["br"] == "its body is in a coding that was not asked for."
    assert said["a hundred and one headers"] == "it has more than 100 headers."


@pytest.mark.parametrize("name", WHOLE)
def test_bytes_after_the_end_are_never_the_next_answer(name):
    data, status, _, _ = WHOLE[name]
    rests = [b"x", AB, b"\0", b"HTTP/1.1"]
    for rest in rests:
        for pieces in splits(data + rest):
            with stage() as on:
                on.hear(pieces)
                assert not on.kept
                assert on.connection.closed
                if on.failure is not None:  # in one piece with the end they make the answer itself doubtful
                    assert on.failure.message.endswith(": more bytes came than it has.")
                else:
                    assert on.answer.status == status


@pytest.mark.parametrize("claims", [b"content-length: 2\r\n\r\nab", b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"])
def test_a_204_has_no_body_whatever_it_says_and_ends_the_connection(claims):
    for pieces in splits(b"HTTP/1.1 204 No Content\r\n" + claims):
        with stage() as on:
            on.hear(pieces)
            assert (on.answer.status, on.body(), on.failure, on.kept) == (204, b"", None, False)


def test_the_answer_to_a_head_has_no_body_whatever_it_says():
    for pieces in splits(OK + b"content-encoding: gzip\r\ncontent-length: 1000\r\n\r\n"):
        with stage(method="HEAD", body=b"") as on:
            on.hear(pieces)
            assert (on.answer.status, on.body(), on.failure, on.kept) == (200, b"", None, False)
            assert on.answer.header(b"content-length") == b"1000"


def test_a_bug_of_ours_in_a_callback_is_not_taken_for_the_upstreams_fault(monkeypatch):
    def bug(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    for name in ("arrived", "begin"):
        with stage() as on, monkeypatch.context() as patched:
            patched.setattr(f"lockgate.transport.answer.Answer.{name}", bug)
            with pytest.raises(ZeroDivisionError):
                on.hear([AB])


# --- ends


@pytest.mark.parametrize("name", WHOLE)
def test_an_end_before_the_end_is_a_cut(name):
    data = WHOLE[name][0]
    for at in range(len(data)):
        with stage() as on:
            on.hear([data[:at]] if at else []).end()
            assert on.failure is not None and on.failure.kind == "cut"
            assert not on.answer.untouched  # a new connection is not a stale one
            assert not on.kept


@pytest.mark.parametrize("tls", [None, Tls(proper=True)], ids=["plain", "tls"])
@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n\r\n", OK + b"\r\n", OK + b"connection: keep-alive\r\n\r\n"])
def test_a_body_without_a_length_ends_with_the_connection(head, tls):
    for pieces in splits(head + b"abc"):
        with stage(tls=tls) as on:
            on.hear(pieces)
            assert on.body() is WAITS
            on.end()
            assert (on.body(), on.failure, on.kept) == (b"abc", None, False)


def test_a_body_without_a_length_is_cut_by_a_tls_stream_that_does_not_end():
    with stage(tls=Tls(proper=False)) as on:
        on.hear([OK + b"\r\nabc"]).end()
        assert on.failure is not None and on.failure.kind == "cut"
        assert step(on.answer.chunk()) == b"abc"
        assert step(on.answer.chunk()) == on.failure


def test_a_body_without_a_length_is_cut_by_a_lost_connection():
    with stage() as on:
        on.hear([OK + b"\r\nabc"])
        on.connection.connection_lost(ConnectionResetError())
        assert on.failure is not None and on.failure.kind == "cut"


@pytest.mark.parametrize("exception", [None, ConnectionResetError()])
def test_a_reused_connection_that_dies_unheard_says_so(exception):
    with stage() as on:
        on.hear([AB])
        on.ask()
        on.time += 4.9
        on.connection.connection_lost(exception)
        assert on.failure is not None and on.failure.message == "The upstream up:80 closed the connection without an answer."
        assert on.answer.untouched


def test_a_reused_connection_that_dies_late_was_not_stale():
    with stage() as on:
        on.hear([AB])
        on.ask()
        on.time += 5.1
        on.end()
        assert on.failure is not None and not on.answer.untouched


def test_an_idle_connection_that_ends_or_speaks_is_closed():
    for act in (Stage.end, lambda on: on.hear([b"x"]), lambda on: on.connection.connection_lost(None)):
        with stage() as on:
            on.hear([AB])
            act(on)
            assert on.connection.closed
            on.connection.connection_lost(None)
            assert on.failure is None


def test_a_connection_that_was_given_up_while_it_opened_is_closed_when_it_is_up():
    with stage() as on:
        on.connection.kill()
        on.notes.aborted = False
        on.connection.connection_made(on.notes)  # type: ignore[arg-type]
        assert on.notes.aborted


# --- limits


@pytest.mark.parametrize(
    "start",
    [OK + b"x: ", OK + b"transfer-encoding: chunked\r\n\r\n1\r\na\r\n1;", OK + b"transfer-encoding: chunked\r\n\r\n0\r\nx: "],
    ids=["header", "chunk extension", "trailer"],
)
@pytest.mark.parametrize("size", [1, 1000, 200_000])
def test_what_is_no_body_is_bounded(start, size):
    with stage() as on:
        heard = 0
        on.hear([start])
        while not on.connection.closed:
            on.hear([b"y" * size])
            heard += size
            assert heard < HEAD_LIMIT + 200_001
        assert on.failure is not None
        assert on.failure.message.endswith(f"more than {HEAD_LIMIT} bytes of headers or framing.")


def test_interim_answers_without_end_are_bounded():
    with stage() as on:
        heard = 0
        while not on.connection.closed:
            on.hear([b"HTTP/1.1 100 Continue\r\n\r\n"])
            heard += 25
            assert heard <= HEAD_LIMIT + 25


def test_large_headers_in_one_piece_with_their_body_are_bounded_too():
    head = OK + b"x: " + b"y" * (HEAD_LIMIT + 1) + b"\r\ncontent-length: 2\r\n\r\nab"
    with stage() as on:
        on.hear([head])
        assert on.failure is not None and on.failure.kind == "malformed"


def test_a_large_body_in_one_piece_with_its_headers_is_no_header():
    with stage() as on:
        on.hear([OK + b"content-length: 200000\r\n\r\n" + b"x" * 200_000])
        assert on.body() == b"x" * 200_000


# --- back-pressure


def test_reading_pauses_above_the_high_water_mark_and_goes_on_when_it_is_read():
    with stage() as on:
        on.hear([OK + b"content-length: 10000000\r\n\r\n"])
        on.hear([b"x" * HIGH])
        assert on.notes.reading
        on.hear([b"x", b"x"])
        assert not on.notes.reading
        assert step(on.answer.chunk()) == b"x" * (HIGH + 2)
        assert on.notes.reading


def test_a_read_of_the_whole_does_not_pause():
    with stage() as on:
        on.hear([OK + b"content-length: 10000000\r\n\r\n", b"x" * (HIGH + 1)])
        assert not on.notes.reading
        reading = on.answer.read(10_000_000)
        reading.send(None)
        assert on.notes.reading
        on.hear([b"x" * HIGH])
        assert on.notes.reading
        reading.close()


def test_an_answer_that_completes_while_paused_frees_a_connection_that_reads():
    with stage() as on:
        on.hear([OK + b"content-length: 300000\r\n\r\n" + b"x" * 299_999])
        assert not on.notes.reading
        on.hear([b"x"])  # a last piece was on its way
        assert on.kept
        assert on.notes.reading
        assert on.body() == b"x" * 300_000


def test_our_own_pause_is_not_the_upstreams_silence():
    with stage(deadlines=Deadlines(idle=5, total=100)) as on:
        on.hear([OK + b"content-length: 10000000\r\n\r\n" + b"x" * (HIGH + 1)])
        on.at(1050)
        assert on.failure is None
        step(on.answer.chunk())
        on.at(1054.9)
        assert on.failure is None
        on.at(1055.1)
        assert (
            on.failure is not None
            and on.failure.message == "The upstream up:80 sent nothing in the middle of its answer for 5 s."
        )


def test_while_paused_the_total_still_counts():
    with stage(deadlines=Deadlines(idle=5, total=100)) as on:
        on.hear([OK + b"content-length: 10000000\r\n\r\n" + b"x" * (HIGH + 1)])
        on.at(1100.1)
        assert on.failure is not None and on.failure.message == "The upstream up:80 did not complete its answer within 100 s."
        assert step(on.answer.chunk()) == b"x" * (HIGH + 1)
        assert step(on.answer.chunk()) == on.failure


# --- deadlines


def test_no_answer_within_the_first_byte_deadline():
    with stage() as on:
        on.at(1119.9)
        assert on.failure is None
        on.at(1120.1)
        assert on.failure == Failure("timeout", 504, "The upstream up:80 sent no answer within 120 s.")
        assert on.notes.aborted


def test_interim_answers_and_half_headers_do_not_move_the_first_byte_deadline():
    with stage() as on:
        on.at(1100).hear([b"HTTP/1.1 103 Hints\r\n\r\n", OK])
        on.at(1120.1)
        assert on.failure is not None and on.failure.kind == "timeout"


def test_each_piece_of_the_body_moves_the_idle_deadline():
    with stage(deadlines=Deadlines(total=10_000)) as on:
        on.hear([OK + b"content-length: 1000\r\n\r\n"])
        for turn in range(1, 50):
            on.at(1000 + turn * 50).hear([b"x"])
        on.at(3509.9)
        assert on.failure is None
        on.at(3510.1)
        assert on.failure is not None and "for 60 s" in on.failure.message


def test_framing_without_body_does_not_move_the_idle_deadline():
    with stage() as on:
        on.hear([OK + b"transfer-encoding: chunked\r\n\r\n1;x="])
        for turn in range(1, 7):
            on.at(1000 + turn * 10).hear([b"y"])
        on.at(1060.1)
        assert on.failure is not None and on.failure.kind == "timeout"


def test_the_total_deadline_ends_a_lively_answer():
    with stage() as on:
        on.hear([OK + b"content-length: 1000\r\n\r\n"])
        for turn in range(1, 20):
            on.at(1000 + turn * 30).hear([b"x"])
        on.at(1600.1)
        assert on.failure == Failure("timeout", 504, "The upstream up:80 did not complete its answer within 600 s.")


def test_an_answer_that_is_hurried_has_so_long_for_its_end():
    with stage() as on:
        on.hear([OK + b"content-length: 1000\r\n\r\n"])
        on.answer.hurry(2)
        on.answer.hurry(50)  # a deadline only comes nearer
        on.at(1001.9).hear([b"x"])
        on.at(1003.8)
        assert on.failure is None
        on.at(1004.0)
        assert on.failure is not None and on.failure.kind == "timeout"
        on.answer.hurry(2)  # nothing to hurry any more


def test_an_idle_connection_closes_after_its_time_and_use_renews_it():
    with stage() as on:
        on.hear([AB])
        on.at(1029.9)
        assert on.kept
        on.ask()
        on.hear([AB])
        on.at(1030.1)
        on.at(1059.8)
        assert on.kept
        on.at(1060.1)
        assert on.connection.closed
        assert on.failure is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"timeout=5", 4.0),
        (b"timeout=1", 0.5),
        (b"max=100, timeout=20", 19.0),
        (b"timeout=3600", 30.0),
        (b"timeout=x", 30.0),
        (b"notimeout=1", 30.0),
        (b"TIMEOUT=5,MAX=1", 4.0),
    ],
)
def test_the_servers_keep_alive_timeout_is_honoured_with_a_margin(header, seconds):
    with stage() as on:
        on.hear([OK + b"keep-alive: " + header + b"\r\ncontent-length: 0\r\n\r\n"])
        on.at(1000 + seconds - 0.02)
        assert on.kept
        on.at(1000 + seconds + 0.02)
        assert on.connection.closed


# --- writing


def test_a_small_request_is_one_write():
    with stage(body=b"x" * SLICE) as on:
        assert on.notes.written == b"HEAD;" + b"x" * SLICE


def test_a_large_request_is_written_as_the_transport_takes_it():
    with stage() as on:
        on.hear([AB])
        on.notes.written = b""
        on.notes.takes = 2 * SLICE
        body = bytes(range(256)) * (SLICE // 256 * 5)
        on.ask(body=body)
        while len(on.notes.written) < len(body):
            before = len(on.notes.written)
            assert before <= len(b"HEAD;") + len(body)
            on.notes.takes = SLICE
            on.connection.resume_writing()
            assert before < len(on.notes.written) <= before + 2 * SLICE
        on.connection.resume_writing()
        on.connection.resume_writing()
        assert on.notes.written == b"HEAD;" + body
        on.hear([AB])
        assert on.kept


def test_a_request_in_pieces_is_written_piece_by_piece():
    with stage() as on:
        on.hear([AB])
        on.notes.written = b""
        on.notes.takes = 1
        large = b"y" * (SLICE + 1)
        body = Pieces([b"abc", b"", memoryview(b"-def-")[1:4], large])
        assert (len(body), bytes(body)) == (7 + SLICE, b"abcdef" + large)
        on.ask(body=body)
        assert on.notes.written == b"HEAD;"
        for written in (b"abc", b"abc", b"abcdef", b"abcdef" + large[:-1], b"abcdef" + large):
            on.notes.takes = 0
            on.connection.resume_writing()
            assert on.notes.written == b"HEAD;" + written
        on.notes.takes = None
        on.connection.resume_writing()
        on.hear([AB])
        assert on.kept
        assert bytes(body) == b"".join(body)  # and can be sent again


def test_an_upstream_that_stops_reading_fails_after_the_idle_deadline():
    with stage() as on:
        on.hear([AB])
        on.notes.takes = SLICE
        on.ask(body=b"x" * SLICE * 4)
        on.at(1050)
        on.notes.takes = SLICE
        on.connection.resume_writing()
        on.at(1109.9)
        assert on.failure is None
        on.at(1110.1)
        assert on.failure == Failure("timeout", 504, "The upstream up:80 did not read the request for 60 s.")


def test_the_first_byte_deadline_of_a_large_request_counts_from_its_last_byte():
    with stage(deadlines=Deadlines(idle=60, first_byte=10)) as on:
        on.hear([AB])
        on.notes.takes = SLICE
        on.ask(body=b"x" * SLICE * 2)
        on.at(1050)
        on.notes.takes = None
        on.connection.resume_writing()
        on.at(1059.9)
        assert on.failure is None
        on.at(1060.1)
        assert on.failure is not None and on.failure.message.endswith("sent no answer within 10 s.")


def test_an_error_answer_stops_the_writing():
    with stage() as on:
        on.hear([AB])
        on.notes.takes = SLICE
        on.ask(body=b"x" * SLICE * 4)
        written = on.notes.written
        on.hear([b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n"])
        on.connection.resume_writing()
        assert on.notes.written == written
        on.hear([b"no"])
        assert (on.answer.status, on.body(), on.kept) == (413, b"no", False)


def test_an_answer_to_half_a_request_ends_the_connection():
    with stage() as on:
        on.hear([AB])
        on.notes.takes = SLICE
        on.ask(body=b"x" * SLICE * 4)
        on.hear([AB])
        assert (on.body(), on.failure, on.kept) == (b"ab", None, False)


# --- closing


def test_a_close_before_the_end_kills_the_connection_and_nothing_is_read_any_more():
    with stage() as on:
        on.hear([AB[:-1]])
        on.answer.close()
        on.answer.close()
        assert on.notes.aborted
        assert step(on.answer.chunk()) == CUT
        assert on.body() == CUT


def test_a_close_with_something_unread_is_a_cut_for_who_reads_on():
    with stage() as on:
        on.hear([AB])
        on.answer.close()
        assert on.kept
        assert step(on.answer.chunk()) == CUT


def test_a_closed_answer_with_everything_read_is_complete():
    with stage() as on:
        on.hear([AB])
        assert on.body() == b"ab"
        on.answer.close()
        assert step(on.answer.chunk()) == b""


def test_a_closed_answer_that_was_paused_is_read_as_a_cut():
    with stage() as on:
        on.hear([OK + b"content-length: 10000000\r\n\r\n", b"x" * (HIGH + 1)])
        on.answer.close()
        assert on.body() == CUT
        assert step(on.answer.chunk()) == CUT
        on.connection.kill()


# --- inflate

TEXT = b'{"text": "' + b"all work and no play " * 500 + b'"}'


@pytest.mark.parametrize("coding", [b"gzip", b"GZIP", b"x-gzip", b"deflate"])
def test_a_compressed_answer_is_read_plain_and_says_nothing_of_it(coding):
    data = zlib.compress(TEXT) if coding == b"deflate" else gzip.compress(TEXT)
    head = OK + b"content-encoding: " + coding + b"\r\nx: y\r\ncontent-length: %d\r\n\r\n" % len(data)
    for pieces in splits(head + data):
        with stage() as on:
            on.hear(pieces)
            assert on.answer.headers == [(b"x", b"y")]
            assert on.answer.header(b"content-encoding") == b""
            assert on.answer.bytes_in == len(data)
            assert on.body() == TEXT
        with stage() as on:
            on.hear(pieces)
            got = b""
            while piece := step(on.answer.chunk()):
                got += piece
            assert got == TEXT


def test_a_large_compressed_answer_lets_others_run_while_it_is_read():
    text = random.Random(5).randbytes(500_000) * 6
    data = gzip.compress(text, 1)
    with stage() as on:
        on.hear([OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(data) + data])
        reading = on.answer.read(1 << 26)
        turns = 0
        with pytest.raises(StopIteration) as done:
            while True:
                reading.send(None)
                turns += 1
        assert done.value.value == text
        assert turns == 2


def test_a_compressed_stream_is_read_as_it_comes():
    packer = zlib.compressobj(wbits=31)
    with stage() as on:
        on.hear([OK + b"content-encoding: gzip\r\n\r\n"])
        for text in (b"data: one\n\n", b"data: two\n\n"):
            on.hear([packer.compress(text) + packer.flush(zlib.Z_SYNC_FLUSH)])
            assert step(on.answer.chunk()) == text
        assert step(on.answer.chunk()) is WAITS
        on.hear([packer.flush()]).end()
        assert step(on.answer.chunk()) == b""


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (gzip.compress(TEXT)[:-3], "its compressed body is cut short"),
        (b"rubbish", "its compressed body is broken"),
        (gzip.compress(b"\0" * 20_000_000), "its body inflates to more than 100 times its size"),
    ],
    ids=["cut", "rubbish", "bomb"],
)
def test_a_broken_compression_is_malformed(data, why):
    failure = Failure("malformed", 502, f"The answer of up:80 cannot be read: {why}.")
    head = OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(data)
    with stage() as on:
        on.hear([head + data])
        while isinstance(got := step(on.answer.chunk()), bytes) and got:
            pass
        assert got == failure
        assert step(on.answer.chunk()) == failure
    with stage() as on:
        on.hear([head + data])
        reading = on.answer.read(1 << 26)
        with pytest.raises(StopIteration) as done:
            while True:
                reading.send(None)  # it lets others run now and then
        assert done.value.value == failure


def test_a_bomb_in_a_stream_leaves_the_upstream():
    data = gzip.compress(b"\0" * 50_000_000)
    with stage() as on:
        on.hear([OK + b"content-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n%x\r\n" % len(data) + data])
        while isinstance(got := step(on.answer.chunk()), bytes):
            pass
        assert got.kind == "malformed"
        assert on.notes.aborted


def test_the_limit_of_a_read_counts_plain_bytes_too():
    data = gzip.compress(TEXT)
    with stage() as on:
        on.hear([OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(data) + data])
        got = on.body(limit=5000)
        assert got == Failure("malformed", 502, "The answer of up:80 cannot be read: its body is larger than 5000 bytes.")


def test_compressed_bytes_hold_the_upstream_back_until_they_are_used():
    data = zlib.compress(random.Random(3).randbytes(3_000_000))
    with stage() as on:
        on.hear([OK + b"content-encoding: deflate\r\ncontent-length: %d\r\n\r\n" % len(data)])
        got = at = 0
        while at < len(data):
            while on.notes.reading and at < len(data):
                on.hear([data[at : at + 60_000]])
                at += 60_000
            assert len(on.answer._pieces) <= 6
            piece = step(on.answer.chunk())
            got += len(piece)
        while piece := step(on.answer.chunk()):
            got += len(piece)
        assert got == 3_000_000
        assert on.kept


# --- what is shown


def test_representations_name_places_and_states():
    with stage() as on:
        assert repr(on.connection) == "Connection(up:80, busy, 1 served)"
        assert repr(on.answer) == "Answer(0 from up:80, under way, 0 bytes in)"
        on.hear([AB])
        assert repr(on.connection) == "Connection(up:80, idle, 1 served)"
        assert repr(on.answer) == "Answer(200 from up:80, complete, 2 bytes in)"
        on.ask()
        on.end()
        assert repr(on.connection) == "Connection(up:80, closed, 2 served)"
        assert repr(on.answer) == "Answer(0 from up:80, failed, 0 bytes in)"
