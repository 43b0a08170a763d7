"""What each failure makes of a request: who is asked next, who is asked again, who is left alone, and what the caller reads."""

from email.utils import formatdate
from time import time

import pytest

from support import bodies
from support.bodies import BAD_KEY, BUSY, CLAUDE, GPT, LIMITED, OVERLOADED, OWN_LIMIT, QUOTA, SERVER, SPEND_CAP
from support.crowd import ask, crowd, share
from support.faulty import answer, half, hang, reset

#: What a fallback goes on after, where only trouble with the provider counts.
TROUBLE = [408, 429, 500, 502, 503, 504, 529]
GOOD = answer(GPT)


def fallback(*targets, **strategy):
    return {"strategy": {"mode": "fallback", **strategy}, "targets": list(targets)}


# Before an answer has begun, a failure is a failure, whatever it looks like


HEAD = len(b"HTTP/1.1 200 X\r\ncontent-type: application/json\r\n")


@pytest.mark.parametrize("then", ["reset", "close"])
def test_an_answer_that_breaks_off_anywhere_is_followed_by_another(gateway, gpt, then):
    """In the status line, the headers, right after them, in the body, before its last byte (U05, U06, U07)."""
    for keep in (1, 12, HEAD - 3, HEAD + 40, HEAD + 120, -1):
        broken, well = gpt(half(GPT, keep=keep, then=then)), gpt(GOOD)
        got = ask(gateway, fallback(broken.target(), well.target()))
        assert (got.status, got.target, len(broken.asked)) == (200, "config.targets[1]", 1), keep


def test_a_reset_before_a_word_is_followed_by_another(gateway, gpt):
    broken, well = gpt(reset), gpt(GOOD)
    assert ask(gateway, fallback(broken.target(), well.target())).target == "config.targets[1]"


def test_a_reset_is_tried_again_where_that_is_asked_for(gateway, gpt):
    broken = gpt(half(GPT, keep=20), GOOD)
    got = ask(gateway, broken.target(retry={"attempts": 1, "base_ms": 1, "on_status_codes": [429]}))
    assert (got.status, got.headers["x-portkey-retry-attempt-count"], len(broken.asked)) == (200, "1", 2)


def test_silence_ends_with_the_timeout_of_the_target(gateway, gpt):
    silent, well = gpt(hang), gpt(GOOD)
    config = fallback(silent.target(request_timeout=300), well.target(), on_status_codes=[408])
    assert ask(gateway, config).target == "config.targets[1]"
    got = ask(gateway, silent.target(request_timeout=300))
    assert (got.status, len(silent.asked)) == (504, 2)


@pytest.mark.parametrize(
    "body",
    [
        bodies.openai("The server had an error.", None, "server_error"),
        {"error": "overloaded"},
        b"",
        b"not JSON",
        b"<html>maintenance</html>",
    ],
    ids=["error", "word", "empty", "text", "page"],
)
def test_an_error_with_the_status_of_success_is_an_error(gateway, gpt, body):
    """H08, H09: it falls back, and alone it is no 200."""
    broken, well = gpt(answer(body)), gpt(GOOD)
    assert ask(gateway, fallback(broken.target(), well.target())).json == GPT
    alone = ask(gateway, broken.target())
    assert alone.status >= 500
    assert alone.json["error"]["message"]


def test_an_answer_of_the_wrong_shape_passes_in_its_own_dialect_and_is_no_message_in_another(gateway, gpt):
    broken, well = gpt(answer(b'{"choices": "none"}')), gpt(GOOD)
    config = fallback(broken.target(), well.target())
    assert ask(gateway, config).json == {"choices": "none"}
    assert ask(gateway, config, path="/v1/messages").target == "config.targets[1]"


@pytest.mark.parametrize(
    "body", [b"", b"x" * 5_000_000, b"<html><title>Bad gateway</title></html>"], ids=["empty", "long", "page"]
)
def test_an_error_without_words_is_told_in_ours(gateway, gpt, body):
    """H07."""
    broken = gpt(answer(body, 502, content_type="text/html"))
    got = ask(gateway, broken.target())
    assert got.status == 502
    assert 0 < len(got.json["error"]["message"]) <= 400


# Rate limits


#: Dates are told by how far away they are, since they must be the same whenever tests are collected.
PAST, LATER = "a minute ago", "in a minute"
DATES = {PAST: -60, LATER: 60}


def limits(said):
    """A 429 with these headers."""
    headers = {
        name: formatdate(time() + DATES[value], usegmt=True) if value in DATES else value for name, value in said.items()
    }
    return answer(LIMITED, 429, **headers)


@pytest.mark.parametrize(
    ("said", "least"),
    [
        ({"retry_after": "1"}, 1.0),
        ({"retry_after": "0.2"}, 0.2),
        ({"retry_after_ms": "150"}, 0.15),
        ({"x_ms_retry_after_ms": "150"}, 0.15),
        ({"retry_after_ms": "150", "retry_after": "60"}, 0.15),
        ({"x_ratelimit_remaining_requests": "0", "x_ratelimit_reset_requests": "150ms"}, 0.15),
        ({"retry_after": PAST}, 0),
        ({"retry_after": "-5"}, 0),
        ({"retry_after": "soon"}, 0),
        ({"retry_after": "1e9"}, 0),
        ({}, 0),
    ],
    ids=str,
)
def test_a_rate_limited_target_is_asked_again_when_it_says(gateway, gpt, said, least):
    """H01."""
    limited, well = gpt(limits(said), GOOD), gpt(GOOD)
    retry = {"attempts": 1, "base_ms": 1, "cap_ms": 1500}
    got = ask(gateway, fallback(limited.target(retry=retry), well.target()))
    assert (got.target, got.headers["x-portkey-retry-attempt-count"]) == ("config.targets[0]", "1")
    first, second = limited.asked
    assert least <= second.at - first.at < 1.45


@pytest.mark.parametrize("said", [{"retry_after": "30"}, {"retry_after": "1000000000"}, {"retry_after": LATER}], ids=str)
def test_what_is_too_long_to_wait_for_is_not_waited_for(gateway, gpt, said):
    limited, well = gpt(limits(said)), gpt(GOOD)
    config = fallback(limited.target(retry={"attempts": 3, "cap_ms": 1500}), well.target())
    assert ask(gateway, config).target == "config.targets[1]"
    assert len(limited.asked) == 1
    assert ask(gateway, config).target == "config.targets[1]"
    assert len(limited.asked) == 1, "it is left alone as long as it said"


def test_the_caller_is_told_when_to_come_back(gateway, gpt):
    limited = gpt(answer(LIMITED, 429, retry_after=30))
    got = ask(gateway, limited.target(retry={"attempts": 3, "base_ms": 1, "cap_ms": 100}))
    assert (got.status, got.headers["retry-after"], got.json) == (429, "30", LIMITED)


def test_a_limit_parks_that_key_and_that_model_alone(gateway, gpt):
    limited, same_provider, well = gpt(answer(LIMITED, 429, retry_after=60)), gpt(GOOD), gpt(GOOD)
    ask(gateway, fallback(limited.target("a"), well.target()))
    limited.plays(GOOD)
    assert ask(gateway, fallback(limited.target("a"), well.target())).target == "config.targets[1]"
    assert ask(gateway, fallback(limited.target("b"), well.target())).target == "config.targets[0]"
    assert ask(gateway, fallback(same_provider.target("a"), well.target())).target == "config.targets[0]"


# Money and keys


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, QUOTA),
        (429, bodies.openai("Limit.", "project_spend_limit_exceeded")),
        (402, bodies.openai("Insufficient Balance")),
    ],
    ids=["quota", "project", "balance"],
)
def test_a_key_without_money_is_not_asked_again_but_another_is(gateway, gpt, status, body):
    """H02."""
    broke, well = gpt(answer(body, status, retry_after="0")), gpt(GOOD)
    config = {**fallback(broke.target(), well.target()), "retry": {"attempts": 5, "base_ms": 1}}
    assert {each.target for each in crowd(gateway, config, count=5, at_once=1)} == {"config.targets[1]"}
    assert len(broke.asked) == 1
    broke.plays(GOOD)
    assert ask(gateway, fallback(broke.target("another"), well.target())).target == "config.targets[1]"


@pytest.mark.parametrize(("status", "body"), [(429, SPEND_CAP), (400, OWN_LIMIT)], ids=["cap", "own limit"])
def test_nor_is_one_of_anthropics(gateway, claude, gpt, status, body):
    broke, well = claude(answer(body, status)), gpt(GOOD)
    config = {**fallback(broke.target(), well.target(), on_failures=["billing"]), "retry": {"attempts": 5, "base_ms": 1}}
    assert {each.target for each in crowd(gateway, config, count=5, at_once=1)} == {"config.targets[1]"}
    assert len(broke.asked) == 1


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_taken_is_parked_and_shown_to_nobody(gateway, gpt, status):
    """H06."""
    dead, well = gpt(answer(BAD_KEY, status)), gpt(GOOD)
    config = {**fallback(dead.target(), well.target()), "retry": {"attempts": 5, "base_ms": 1}}
    assert {each.target for each in crowd(gateway, config, count=5, at_once=1)} == {"config.targets[1]"}
    assert len(dead.asked) == 1
    alone = ask(gateway, dead.target())
    assert b"sk-upstream-secret" not in alone.body
    assert "sk-upstream-secret" not in gateway.lockgate("logs", "--json", "--limit", "6")


def test_a_model_that_a_key_may_not_use_is_parked_alone(gateway, gpt):
    """Amazon, Anthropic and OpenAI say so by a 403."""
    forbidden, well = (
        gpt(answer({"message": "You don't have access to the model with the specified model ID."}, 403)),
        gpt(GOOD),
    )
    ask(gateway, fallback(forbidden.target("a"), well.target()))
    forbidden.plays(GOOD)
    assert ask(gateway, fallback(forbidden.target("a"), well.target())).target == "config.targets[1]"
    assert ask(gateway, fallback(forbidden.target("b"), well.target())).target == "config.targets[0]"


# The caller's own mistakes


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_request_that_is_wrong_is_wrong_everywhere(gateway, gpt, status):
    """H05: not tried again, not sent on where only trouble counts, and no sign against the target."""
    first, well = gpt(answer(bodies.openai("Wrong.", "invalid_value", param="messages"), status)), gpt(GOOD)
    retry = {"attempts": 5, "base_ms": 1}
    config = {**fallback(first.target(), well.target(), on_status_codes=TROUBLE), "retry": retry}
    answers = crowd(gateway, config, count=8, at_once=1)
    assert share(answers, status) == 1
    assert (len(first.asked), len(well.asked)) == (8, 0)
    assert answers[0].json == bodies.openai("Wrong.", "invalid_value", param="messages")
    first.plays(GOOD)
    assert ask(gateway, config).target == "config.targets[0]"


def test_it_is_told_in_the_caller_s_dialect(gateway, gpt, claude):
    wrong = gpt(answer(bodies.openai("Wrong.", "invalid_value", param="messages"), 400))
    got = ask(gateway, wrong.target(), path="/v1/messages")
    assert (got.status, got.json["type"], got.json["error"]) == (
        400,
        "error",
        {"type": "invalid_request_error", "message": "Wrong."},
    )
    window = claude(
        answer({"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}}, 400)
    )
    got = ask(gateway, window.target())
    assert (got.status, got.json["error"]["message"]) == (400, "prompt is too long: 9 > 8")


@pytest.mark.parametrize("status", [409, 425])
def test_a_conflict_passes(gateway, gpt, status):
    """H04: it is tried again where the list has it."""
    busy = gpt(answer(bodies.openai("Conflict."), status), GOOD)
    config = busy.target(retry={"attempts": 2, "base_ms": 1, "on_status_codes": [status]})
    assert (ask(gateway, config).status, len(busy.asked)) == (200, 2)


def test_a_window_that_is_too_small_is_a_reason_of_its_own(gateway, gpt, claude):
    small = claude(
        answer({"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 > 8"}}, 400)
    )
    large = gpt(GOOD)
    config = fallback(small.target(), large.target(), on_failures=["context_window"])
    assert ask(gateway, config).target == "config.targets[1]"
    small.plays(answer({"type": "error", "error": {"type": "invalid_request_error", "message": "No."}}, 400))
    assert ask(gateway, config).status == 400
    assert len(large.asked) == 1


# "Opus; GPT when that fails with 5xx; then Sonnet when that is rate limited"


@pytest.fixture
def example(gateway, gpt, claude):
    def play(opus, second, sonnet=None):
        first, other, last = claude(opus), gpt(second), claude(sonnet or answer(CLAUDE))
        inner = fallback(other.target("gpt-5"), last.target("claude-sonnet-4-5"), on_status_codes=[429])
        got = ask(gateway, fallback(first.target("claude-opus-4-1"), inner, on_status_codes=[500, 502, 503, 504, 529]))
        return got, [[each.model for each in provider.asked] for provider in (first, other, last)]

    return play


def test_opus_answers(example):
    got, asked = example(answer(CLAUDE), GOOD)
    assert got.json["choices"][0]["message"]["content"] == "pong from claude"
    assert (got.target, asked) == ("config.targets[0]", [["claude-opus-4-1"], [], []])


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (529, OVERLOADED),
        (500, {"type": "error", "error": {"type": "api_error", "message": "Internal server error"}}),
        (503, b"upstream connect error"),
    ],
)
def test_gpt_when_opus_fails(example, status, body):
    got, asked = example(answer(body, status), GOOD)
    assert (got.target, asked) == ("config.targets[1].targets[0]", [["claude-opus-4-1"], ["gpt-5"], []])
    assert got.json == GPT


def test_sonnet_when_gpt_is_rate_limited(example):
    got, asked = example(answer(OVERLOADED, 529), answer(LIMITED, 429, retry_after=20))
    assert got.json["choices"][0]["message"]["content"] == "pong from claude"
    assert (got.target, asked) == (
        "config.targets[1].targets[1]",
        [["claude-opus-4-1"], ["gpt-5"], ["claude-sonnet-4-5"]],
    )


def test_nobody_when_opus_is_rate_limited_or_gpt_fails(example):
    limited = {"type": "error", "error": {"type": "rate_limit_error", "message": "This request would exceed your rate limit."}}
    got, asked = example(answer(limited, 429), GOOD)
    assert (got.status, asked[1:]) == (429, [[], []])
    got, asked = example(answer(OVERLOADED, 529), answer(SERVER, 500))
    assert (got.status, got.json, asked[2]) == (500, SERVER, [])


def test_sonnet_s_error_when_all_fail(example):
    got, _ = example(answer(OVERLOADED, 529), answer(LIMITED, 429), answer(BUSY, 503))
    assert (got.status, got.target) == (503, "config.targets[1].targets[1]")
