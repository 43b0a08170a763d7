"""Streams that fail: before the first event as if nothing had been sent, after it as this model's alone."""

import json

import pytest

from support import bodies
from support.bodies import BUSY, DONE, GPT, OVERLOADED, chunk
from support.crowd import ask, crowd, share
from support.faulty import answer, hang, reset, stream
from support.process import until

WELL = stream(chunk("well"), chunk(finish="stop"), DONE)
USAGE = {"input_tokens": 5, "output_tokens": 1}
#: How a Claude's stream begins, before it says anything.
START = ("message_start", {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": [], "stop_reason": None, "stop_sequence": None, "usage": USAGE}})  # fmt: skip
SPOKEN = [
    START,
    ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
    ("content_block_delta", {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "half"}}),
]
FAILED = ("response.failed", {"type": "response.failed", "sequence_number": 1, "response": {"id": "resp_1", "object": "response", "status": "failed", "error": {"code": "server_is_overloaded", "message": "Our servers are currently overloaded."}, "output": []}})  # fmt: skip


def fallback(first, second, **strategy):
    return {"strategy": {"mode": "fallback", **strategy}, "targets": [first.target(), second.target()]}


def events(got):
    return [line.removeprefix("data: ") for line in got.body.decode().splitlines() if line.startswith("data: ")]


def text(got):
    said = [json.loads(each) for each in events(got) if each != "[DONE]"]
    return "".join(choice["delta"].get("content") or "" for each in said for choice in each.get("choices", ()))


@pytest.mark.parametrize(
    "trouble",
    [
        answer(BUSY, 503),
        answer(bodies.openai("No.", "server_error")),
        reset,
        stream(then="cut"),
        stream(b": waiting\n\n", then="cut"),
        stream(b": waiting\n\n", BUSY),
        stream(BUSY, DONE),
        stream(DONE),
        stream(),
    ],
    ids=["503", "error as 200", "reset", "cut", "comment, cut", "comment, error", "error event", "done at once", "nothing"],
)
def test_what_fails_before_its_first_event_is_followed_by_another(gateway, gpt, trouble):
    """S02."""
    broken, well = gpt(trouble), gpt(WELL)
    got = ask(gateway, fallback(broken, well), stream=True)
    assert (got.status, text(got), events(got)[-1]) == (200, "well", "[DONE]")
    assert got.target == "config.targets[1]"


@pytest.mark.parametrize(
    "trouble", [stream(("error", OVERLOADED)), stream(START, ("error", OVERLOADED)), stream(START, then="cut")]
)
def test_so_is_a_claude_that_has_only_said_who_it_is(gateway, claude, gpt, trouble):
    broken, well = claude(trouble), gpt(WELL)
    got = ask(gateway, fallback(broken, well), stream=True)
    assert (got.status, text(got), got.target) == (200, "well", "config.targets[1]")


def test_a_failure_before_the_first_event_is_of_its_own_class(gateway, claude, gpt):
    broken, well = claude(stream(("error", OVERLOADED))), gpt(WELL)
    assert ask(gateway, fallback(broken, well, on_failures=["overloaded"]), stream=True).target == "config.targets[1]"
    got = ask(gateway, fallback(broken, well, on_failures=["rate_limit"]), stream=True)
    assert (got.status, got.json["error"]["message"]) == (529, "Overloaded")


def test_a_stream_that_stalls_at_its_head_is_left(gateway, gpt):
    silent, well = gpt(hang), gpt(WELL)
    config = {"strategy": {"mode": "fallback"}, "targets": [silent.target(request_timeout=300), well.target()]}
    assert text(ask(gateway, config, stream=True)) == "well"


@pytest.mark.parametrize(
    "last", [stream(chunk("half"), BUSY), stream(chunk("half"), then="cut"), stream(chunk("half"))], ids=["error", "cut", "end"]
)
def test_what_has_begun_ends_with_an_error_and_nobody_else_s_words(gateway, gpt, last):
    """S02, S03, S05: no second model's text, no [DONE], no invented reason to finish."""
    broken, well = gpt(last), gpt(WELL)
    got = ask(gateway, fallback(broken, well), stream=True)
    assert (got.status, text(got), got.target) == (200, "half", "config.targets[0]")
    assert "error" in json.loads(events(got)[-1])
    assert b"[DONE]" not in got.body
    assert b'"stop"' not in got.body
    assert well.asked == []


def test_a_claude_s_too(gateway, claude, gpt):
    broken, well = claude(stream(*SPOKEN, ("error", OVERLOADED))), gpt(WELL)
    got = ask(gateway, fallback(broken, well), stream=True)
    assert text(got) == "half"
    assert json.loads(events(got)[-1])["error"]["message"] == "Overloaded"
    got = ask(gateway, broken.target(), path="/v1/messages", stream=True)
    assert json.loads(events(got)[-1]) == OVERLOADED
    assert b"message_stop" not in got.body


def test_a_response_that_has_failed_is_followed_by_another(gateway, gpt):
    broken, well = gpt(stream(FAILED)), gpt(WELL)
    got = ask(gateway, fallback(broken, well), path="/v1/responses", stream=True, input="ping", messages=None)
    assert (got.status, got.target) == (200, "config.targets[1]")


def test_broken_streams_open_the_circuit_as_well(gateway, gpt):
    broken, well = gpt(stream(chunk("half"), then="cut")), gpt(answer(GPT))
    config = fallback(broken, well)
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "ping"}]}
    answers = crowd(gateway, config, count=6, at_once=1, body=body)
    assert [each.target for each in (answers[0], answers[-1])] == ["config.targets[0]", "config.targets[1]"]
    assert len(broken.asked) <= 5


def test_a_dead_primary_costs_no_stream(gateway, gpt):
    dead, well = gpt(stream(BUSY)), gpt(WELL)
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "ping"}]}
    answers = crowd(gateway, fallback(dead, well), count=300, at_once=16, body=body)
    assert share(answers) >= 0.999
    assert {text(each) for each in answers} == {"well"}
    assert 5 <= len(dead.asked) <= 20
    until(lambda: len(well.asked) == 300)
