"""pipeline/replayed: what is known of an answer that is given again and again is what would be found anew."""

import json
from types import SimpleNamespace

import msgspec

from lockgate.core.redact import MARK, Redactor
from lockgate.dialects.registry import RELAYS
from lockgate.pipeline.bill import Bill
from lockgate.pipeline.replayed import Replays
from support.answers import NOW, answer
from support.stage import REPLY

CHAT = RELAYS["openai.chat"]
BODY = json.dumps(REPLY).encode()
TOLD = Bill(source="provider", nusd=5)


def known():
    return Replays().of(b"k", answer(1, BODY))


def test_an_answer_is_observed_once():
    each = known()
    outcome = each.observed(CHAT, each.answer.body)
    assert outcome == CHAT.observe(BODY)
    assert each.observed(CHAT, each.answer.body) is outcome


def test_another_body_and_another_dialect_are_observed_anew():
    each = known()
    outcome = each.observed(CHAT, each.answer.body)
    assert each.observed(CHAT, json.dumps({**REPLY, "model": "gpt-z"}).encode()).model == "gpt-z"
    assert each.observed(CHAT, each.answer.body) is not outcome
    assert each.observed(RELAYS["anthropic.messages"], each.answer.body) == RELAYS["anthropic.messages"].observe(BODY)


def test_prices_that_have_changed_count_at_once_and_those_of_the_clock_within_a_minute():
    each = known()
    outcome = each.observed(CHAT, each.answer.body)
    prices, others = SimpleNamespace(), SimpleNamespace()
    made = iter(msgspec.structs.replace(TOLD, nusd=number) for number in range(9))

    def bill(prices, time_us):
        return each.billed(prices, time_us, outcome, lambda: next(made)).nusd

    minute = NOW - NOW % 60_000_000
    assert [bill(prices, minute), bill(prices, minute + 59_999_999)] == [0, 0]
    assert [bill(prices, minute + 60_000_000), bill(others, minute + 60_000_000)] == [1, 2]


def test_an_estimate_is_made_anew_for_each_question():
    each = known()
    outcome = each.observed(CHAT, each.answer.body)
    made = iter(Bill(source="estimated", nusd=number) for number in range(9))
    assert [each.billed(None, NOW, outcome, lambda: next(made)).nusd for _ in range(3)] == [0, 1, 2]


def test_a_body_is_redacted_by_whoever_redacts_now():
    secret = b"a-secret-of-the-house"
    each = Replays().of(b"k", answer(1, b'{"text": "' + secret + b'"}'))
    assert each.redacted(Redactor(), each.answer.body) == each.answer.body
    newer = Redactor([secret])
    assert each.redacted(newer, each.answer.body) == b'{"text": "' + MARK + b'"}'
    assert each.redacted(newer, b"translated " + secret) == b"translated " + MARK


def test_an_answer_in_the_place_of_another_is_not_known():
    replays = Replays()
    one, other = answer(1), answer(1)
    assert replays.of(b"k", one) is replays.of(b"k", one)
    assert replays.of(b"k", other).answer is other


def test_no_more_is_remembered_than_there_is_room_for():
    replays = Replays()
    large = answer(1, b"x" * 100_000)
    assert replays.of(b"large", large) is not replays.of(b"large", large)
    first = answer(1)
    held = replays.of(b"0", first)
    for number in range(1, 513):
        replays.of(b"%d" % number, first)
    assert replays.of(b"0", first) is not held
