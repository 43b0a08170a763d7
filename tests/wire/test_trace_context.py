import pytest

from lockgate.wire.trace_context import (
    TraceParent,
    passable_state,
    read_traceparent,
    span_hex,
    trace_hex,
    write_traceparent,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_traceparent_says_trace_parent_and_flags():
    assert read_traceparent(f"00-{TRACE}-{SPAN}-01".encode()) == TraceParent(TRACE, SPAN, 1)
    assert read_traceparent(f"00-{TRACE}-{SPAN}-00".encode()) == TraceParent(TRACE, SPAN, 0)


def test_of_a_later_version_what_is_known_is_read():
    assert read_traceparent(f"cc-{TRACE}-{SPAN}-01-what-comes".encode()) == TraceParent(TRACE, SPAN, 1)


@pytest.mark.parametrize(
    "header",
    [
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f" 00-{TRACE}-{SPAN}-01",
        "",
    ],
)
def test_what_is_not_valid_is_not_there(header: str):
    assert read_traceparent(header.encode()) is None


def test_no_header_says_nothing():
    assert read_traceparent(None) is None


def test_what_is_written_is_read():
    assert read_traceparent(write_traceparent(TRACE, SPAN, 0)) == TraceParent(TRACE, SPAN, 0)


def test_any_text_is_some_id_and_always_the_same():
    written = write_traceparent("order 4711", "step")
    assert read_traceparent(written) is not None
    assert written == write_traceparent("order 4711", "step")
    assert written != write_traceparent("order 4712", "step")


def test_a_uuid_is_its_own_sixteen_bytes():
    assert trace_hex("4BF92F35-77b3-4da6-a3ce-929d0e0e4736") == TRACE


def test_an_id_of_zeros_is_none():
    assert trace_hex("0" * 32) != "0" * 32
    assert span_hex("0" * 16) != "0" * 16


def test_a_state_passes_whole_or_not_at_all():
    assert passable_state(b"rojo=00f067aa0ba902b7,congo=t61") == b"rojo=00f067aa0ba902b7,congo=t61"
    assert passable_state(b"a=" + b"x" * 600) == b""
    assert passable_state(b"a=\x01") == b""
