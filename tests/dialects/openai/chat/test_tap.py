"""A chat stream that passes: unchanged, and known afterwards."""

from __future__ import annotations

import json

import pytest

from lockgate.core.reply import Finish
from lockgate.dialects.codec import Tap
from lockgate.dialects.openai.chat import CODEC
from support.canonical import GOLDEN, shape

STREAMS = {path.stem: path.read_bytes() for path in sorted((GOLDEN / "openai_chat").glob("*.sse"))}
every_stream = pytest.mark.parametrize("name", STREAMS)


def passed(data: bytes, size: int = 1_000_000, *, drop: bool = False) -> tuple[bytes, Tap]:
    tap = CODEC.tap(drop)
    out = b"".join(tap.feed(data[at : at + size]) for at in range(0, len(data), size))
    return out + tap.end(), tap


@every_stream
@pytest.mark.parametrize("size", [1, 7, 1_000_000])
def test_a_stream_passes_unchanged(name: str, size: int) -> None:
    assert passed(STREAMS[name], size)[0] == STREAMS[name]


@every_stream
def test_only_whole_events_pass(name: str) -> None:
    tap = CODEC.tap(False)
    out = b"".join(tap.feed(STREAMS[name][at : at + 5]) for at in range(0, len(STREAMS[name]) - 40, 5))
    assert out.endswith((b"\n\n", b"\r\n\r\n"))


@every_stream
def test_what_is_learnt_does_not_depend_on_the_cut(name: str) -> None:
    assert shape(passed(STREAMS[name], 1)[1].outcome) == shape(passed(STREAMS[name])[1].outcome)


def test_an_answer_is_learnt_from_its_stream() -> None:
    outcome = passed(STREAMS["text"])[1].outcome
    assert (outcome.id, outcome.model, outcome.finish) == ("chatcmpl-B1", "gpt-4o-2024-08-06", Finish("stop", raw="stop"))
    assert outcome.usage is not None
    assert (outcome.usage.input, outcome.usage.output, outcome.usage.cached) == (19, 6, 12)
    assert (outcome.begun, outcome.complete, outcome.failure) == (True, True, None)


@pytest.mark.parametrize(("name", "spent"), [("groq", (11, 7)), ("mistral", (20, 15)), ("openrouter", (30, 12))])
def test_usage_is_found_wherever_a_host_puts_it(name: str, spent: tuple[int, int]) -> None:
    usage = passed(STREAMS[name])[1].outcome.usage
    assert usage is not None
    assert (usage.input, usage.output) == spent


def test_the_role_alone_is_no_beginning() -> None:
    tap = CODEC.tap(False)
    role, first = STREAMS["text"].split(b"\n\n")[:2]
    tap.feed(role + b"\n\n")
    assert (tap.outcome.begun, tap.outcome.id) == (False, "chatcmpl-B1")
    tap.feed(first + b"\n\n")
    assert tap.outcome.begun


@pytest.mark.parametrize("name", ["tools", "deepseek", "openrouter_encrypted", "refusal", "function_call"])
def test_any_content_is_a_beginning(name: str) -> None:
    tap = CODEC.tap(False)
    tap.feed(STREAMS[name][: STREAMS[name].index(b'"finish_reason":"') - 200].rpartition(b"data:")[0])
    assert tap.outcome.begun


def test_a_cut_stream_is_not_complete() -> None:
    data = STREAMS["two_choices"]
    _, tap = passed(data[: data.rindex(b'"finish_reason":"')])
    assert not tap.outcome.complete


@pytest.mark.parametrize("name", sorted(STREAMS.keys() - {"error", "named_error"}))
def test_an_answer_that_ended_is_complete(name: str) -> None:
    assert passed(STREAMS[name])[1].outcome.complete


@pytest.mark.parametrize("name", ["error", "named_error"])
def test_an_error_in_the_stream_passes_and_is_known(name: str) -> None:
    out, tap = passed(STREAMS[name])
    assert out == STREAMS[name]
    assert tap.outcome.failure is not None
    assert tap.outcome.failure.kind == "server"
    assert not tap.outcome.complete


def test_usage_that_only_we_asked_for_is_taken_out_and_kept() -> None:
    events = STREAMS["text"].split(b"\n\n")
    without = b"\n\n".join(event for event in events if b'"choices":[]' not in event)
    for size in (1, 7, 1_000_000):
        out, tap = passed(STREAMS["text"], size, drop=True)
        assert out == without
        assert tap.outcome.usage is not None
        assert tap.outcome.usage.output == 6


def test_usage_beside_content_is_left_in() -> None:
    assert passed(STREAMS["mistral"], drop=True)[0] == STREAMS["mistral"]


@pytest.mark.parametrize("event", [b"data: {oops\n\n", b"data: 5\n\n", b"data: \xff\n\n", b"data: " + b"[" * 5000 + b"\n\n"])
def test_an_event_that_cannot_be_read_passes(event: bytes) -> None:
    out, tap = passed(event + STREAMS["text"])
    assert out == event + STREAMS["text"]
    assert tap.outcome.complete


def test_a_last_event_passes_without_its_blank_line_only_when_it_is_whole() -> None:
    data = b'data: {"id":"a","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}'
    out, tap = passed(data)
    assert out == data + b"\n\n"
    assert tap.outcome.complete
    out, tap = passed(data[:-3])
    assert out == b""
    assert not tap.outcome.complete


def test_an_event_past_the_limit_is_a_failure() -> None:
    out, tap = passed(b"data: " + b"x" * (9 * 1024 * 1024))
    assert tap.outcome.failure is not None
    assert json.loads(CODEC.write_error(tap.outcome.failure))["error"]["message"]
    assert out == b""
