"""The cost of a recorded request, part by part: as it was charged, and by prices that have changed."""

import json

import pytest

from lockgate.control.compile import compile_snapshot
from lockgate.control.config import read_text
from lockgate.control.costs.itemise import itemise
from lockgate.core.failure import Failure
from lockgate.core.record import Attempt, Record
from lockgate.core.reply import Usage
from support.asgi import ask
from support.house import AUTH, make_app, records
from support.scripted import ScriptedClient, ScriptedExchange

HOUSE = """
providers:
  openai: {api_key: sk-openai-secret-1234567890}
  second: {provider: openai, api_key: sk-second-secret-1234567890}
prices:
  openai/gpt-a: {input: 2, output: 8, cache_read: 1}
  second/gpt-b: {input: 1, output: 4}
  openai/by-request: {request: 0.01}
"""


def world(config=HOUSE):
    return compile_snapshot(read_text(config, {}), environment={}, pepper=b"p", scopes=frozenset())


def record(**members):
    members = {"provider": "openai", "provider_kind": "openai", "model_sent": "gpt-a", "operation": "chat", **members}
    return Record("id", 1_790_000_000_000_000, usage_source="provider", **members)


def lines(part):
    return [(line.kind, line.units, int(line.nusd)) for line in part.breakdown.lines]


def test_one_answer_is_one_part():
    found = itemise(record(usage=Usage(input=100, cached=40, output=10), cost_nusd=7), world())
    (part,) = found.parts
    assert lines(part) == [("input", 60, 120_000), ("cached input", 40, 40_000), ("output", 10, 80_000)]
    assert (found.nusd, part.nusd, part.provider, part.model, part.attempt) == (240_000, 240_000, "openai", "gpt-a", -1)
    assert found.version == part.version == part.breakdown.version
    assert (found.note, found.kept) == ("", "")


def test_each_attempt_that_is_charged_has_a_part_of_its_own():
    kept = record(
        provider="second",
        model_sent="gpt-b",
        attempts=[
            Attempt(provider="openai", model="gpt-a", kind="hedged", input=104, cost_nusd=208_000),
            Attempt(provider="openai", model="gpt-a", kind="rate_limit", status=429),
            Attempt(provider="second", model="gpt-b", status=200, input=100, output=10, cost_nusd=140_000),
        ],
        usage=Usage(input=204, output=10),
        cost_nusd=348_000,
        cost_note="estimated in part",
    )
    found = itemise(kept, world())
    assert [(part.attempt, part.nusd, lines(part)) for part in found.parts] == [
        (2, 140_000, [("input", 100, 100_000), ("output", 10, 40_000)]),
        (0, 208_000, [("input", 104, 208_000)]),
    ]
    assert (found.nusd, found.note) == (kept.cost_nusd, "estimated in part")


def test_an_answer_that_broke_off_is_no_other_attempt():
    kept = record(
        outcome="broken",
        attempts=[
            Attempt(provider="second", model="gpt-b", kind="timeout", input=50, cost_nusd=50_000),
            Attempt(provider="openai", model="gpt-a", kind="cut", input=100, output=10, cost_nusd=280_000),
        ],
        usage=Usage(input=150, output=10),
        cost_nusd=330_000,
    )
    found = itemise(kept, world())
    assert [(part.attempt, part.nusd) for part in found.parts] == [(1, 280_000), (0, 50_000)]


def test_nobody_answered_and_all_is_charged():
    kept = record(
        outcome="failed",
        attempts=[Attempt(provider="openai", model="gpt-a", kind="timeout", input=50, cost_nusd=100_000)],
        usage=Usage(input=50),
        cost_nusd=100_000,
        cost_note="estimated in part",
    )
    found = itemise(kept, world())
    assert [(part.attempt, part.nusd) for part in found.parts] == [(0, 100_000)]
    assert (found.nusd, found.note) == (100_000, "estimated in part")


def test_a_price_of_a_request_needs_no_usage():
    found = itemise(record(model_sent="by-request", usage=None, cost_note="unknown price"), world())
    assert (found.nusd, found.note) == (10_000_000, "")
    assert lines(found.parts[0]) == [("request", 1, 10_000_000)]


@pytest.mark.parametrize(
    ("members", "note"),
    [
        ({"model_sent": "gpt-z", "usage": Usage(input=1)}, "unknown price"),
        ({"model_sent": "gpt-a", "usage": Usage(images=1)}, "unknown usage"),
        ({"model_sent": "gpt-a", "usage": None, "cost_note": "unknown usage"}, "unknown usage"),
        ({"provider": "gone", "provider_kind": "", "usage": Usage(input=1)}, "unknown provider"),
    ],
)
def test_a_cost_that_is_not_known_says_why(members, note):
    found = itemise(record(**members), world())
    assert (found.nusd, found.note, found.kept) == (None, note, "")


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"usage": None, "outcome": "refused"}, "used nothing"),
        ({"usage": Usage(input=5), "cost_nusd": 0, "cache": "hit"}, "by the cache"),
        ({"usage": Usage(input=5), "cost_nusd": 0, "operation": "count"}, "by nobody"),
        (
            {
                "usage": Usage(input=5, images=2),
                "cost_nusd": 9,
                "attempts": [Attempt(provider="openai", model="gpt-a", kind="timeout", input=1, cost_nusd=2)],
            },
            "not told apart",
        ),
        (
            {
                "usage": Usage(input=5),
                "cost_nusd": 9,
                "attempts": [Attempt(provider="openai", model="gpt-a", kind="timeout", cost_nusd=2)],
            },
            "no usage is recorded",
        ),
    ],
)
def test_what_cannot_be_computed_stays_as_it_is_recorded(members, why):
    kept = record(**members)
    found = itemise(kept, world())
    assert why in found.kept
    assert (found.nusd, found.version, found.note, found.parts) == (kept.cost_nusd, "", "", [])


def test_a_provider_that_is_gone_is_priced_by_its_row():
    prices = 'prices: {"openai/gpt-a": {input: 2, output: 8}}'
    kept = record(provider="once", usage=Usage(input=10))
    assert itemise(kept, world(prices)).nusd == 20_000
    assert itemise(record(provider="once", provider_kind="", usage=Usage(input=10)), world(prices)).note == "unknown provider"


ANSWER = {
    "id": "1", "object": "chat.completion", "created": 1, "model": "gpt-x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1003, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 900}},
}  # fmt: skip
BOTH = """{"strategy": {"mode": "fallback"}, "retry": {"attempts": 0}, "targets": [
    {"provider": "@openai", "override_params": {"model": "gpt-a"}},
    {"provider": "@second", "override_params": {"model": "gpt-b"}}]}"""
SLOW = Failure("timeout", 504, "Too slow.")


@pytest.mark.parametrize(
    ("script", "parts"),
    [
        ([ANSWER], [("openai", 103 * 2000 + 900 * 1000 + 7 * 8000)]),
        ([SLOW, ANSWER], [("second", 1003 * 1000 + 7 * 4000), ("openai", 5 * 2000)]),
        ([SLOW, SLOW], [("openai", 5 * 2000), ("second", 5 * 1000)]),
    ],
)
def test_what_the_gateway_charged_is_what_the_parts_come_to(tmp_path, script, parts):
    app = make_app(tmp_path, HOUSE)
    app.runtime.clients["https"] = ScriptedClient(
        *(each if isinstance(each, Failure) else ScriptedExchange(200, json.dumps(each).encode()) for each in script)
    )
    body = {"model": "m", "messages": [{"role": "user", "content": "ping"}]}
    ask(app.gateway, "POST", "/v1/chat/completions", body=body, headers=[*AUTH, ("x-lockgate-config", BOTH)])
    (kept,) = records(tmp_path)
    found = itemise(kept, app.world.snapshot)
    assert [(part.provider, part.nusd) for part in found.parts] == parts
    assert (found.nusd, found.version, found.note) == (kept.cost_nusd, kept.price_version, kept.cost_note)
