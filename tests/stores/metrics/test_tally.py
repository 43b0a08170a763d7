"""stores/metrics/tally: what each record adds."""

from __future__ import annotations

from typing import Any

import pytest

from lockgate.core.record import Attempt, Record
from lockgate.core.reply import Usage
from lockgate.stores.metrics import families as of
from lockgate.stores.metrics import tally as module
from lockgate.stores.metrics.families import Family
from lockgate.stores.metrics.names import IDLE_US, OTHER
from lockgate.stores.metrics.tally import Tally

NOW = 1_790_000_000_000_000


def record(**more: Any) -> Record:
    said = {
        "id": "x",
        "time_us": NOW,
        "operation": "chat",
        "provider": "openai",
        "model_sent": "gpt-5",
        "status": 200,
        "latency_us": 1_500_000,
        "gateway_us": 900,
    }
    return Record(**{**said, **more})


def tallied(*records: Record) -> Tally:
    tally = Tally()
    for each in records:
        tally.count(each)
    return tally


def numbers(tally: Tally, family: Family) -> dict[tuple[str, ...], int]:
    return {labels: row[0] for labels, row in tally.series[family.name].numbers.items()}


def test_a_request_is_counted_by_where_it_went_and_what_became_of_it() -> None:
    refused = record(outcome="refused", status=429, error_code="rate_limited", provider="", model_sent="")
    tally = tallied(record(), record(), record(status=503, outcome="failed"), refused)
    assert numbers(tally, of.REQUESTS) == {
        ("chat", "openai", "gpt-5", "2xx", "ok"): 2,
        ("chat", "openai", "gpt-5", "5xx", "failed"): 1,
        ("chat", "", "", "4xx", "refused"): 1,
    }
    assert numbers(tally, of.REFUSALS) == {("chat", "rate_limited"): 1}
    assert numbers(tally, of.RECORDS) == {(): 4}


def test_how_long_it_took_and_how_much_of_that_was_ours() -> None:
    tally = tallied(record(stream=True, ttft_us=400_000), record(ttft_us=400_000))
    duration = tally.series[of.DURATION.name].numbers
    assert set(duration) == {("chat", "openai", "gpt-5", "true"), ("chat", "openai", "gpt-5", "false")}
    row = duration[("chat", "openai", "gpt-5", "true")]
    assert (row[of.DURATION.buckets.index(2_500_000)], row[-1]) == (1, 1_500_000)
    first = tally.series[of.FIRST_TOKEN.name].numbers
    assert {labels: row[-1] for labels, row in first.items()} == {("openai", "gpt-5"): 400_000}  # of the stream alone
    assert tally.series[of.OVERHEAD.name].numbers[("chat",)][-1] == 1800


def test_tokens_are_counted_once_each() -> None:
    usage = Usage(input=100, cached=60, cache_write=10, output=50, reasoning=20, images=2, characters=7)
    tally = tallied(record(usage=usage, cost_nusd=1500), record(usage=Usage(input=1, cached=5, output=-3), cost_nusd=None))
    at = ("openai", "gpt-5")
    assert numbers(tally, of.TOKENS) == {
        (*at, "input"): 30,
        (*at, "cache_read"): 65,
        (*at, "cache_write"): 10,
        (*at, "output"): 30,
        (*at, "reasoning"): 20,
    }
    assert numbers(tally, of.UNITS) == {(*at, "images"): 2, (*at, "characters"): 7}
    assert numbers(tally, of.COST) == {at: 1500}
    assert numbers(tally, of.UNPRICED) == {at: 1}


def test_an_absurd_count_of_a_provider_stays_a_number() -> None:
    tally = tallied(record(usage=Usage(input=10**40), cost_nusd=10**30), record(latency_us=10**30))
    assert numbers(tally, of.TOKENS) == {("openai", "gpt-5", "input"): 2**53}
    assert numbers(tally, of.COST) == {("openai", "gpt-5"): 2**53}


def test_each_try_is_counted_where_it_was_made() -> None:
    attempts = [
        Attempt(target="a", provider="openai", model="gpt-5", kind="server"),
        Attempt(target="a", provider="openai", model="gpt-5", kind="rate_limit"),
        Attempt(target="b", provider="claude", model="opus", kind="hedged"),
        Attempt(target="c", provider="azure", model="gpt-5"),
    ]
    tally = tallied(record(model_sent="opus"), record(attempts=attempts, provider="azure"))
    assert numbers(tally, of.ATTEMPTS) == {
        ("openai", "gpt-5", "failed"): 2,
        ("claude", "opus", "hedged"): 1,
        ("azure", "gpt-5", "ok"): 1,
    }
    assert numbers(tally, of.FAILURES) == {("openai", "gpt-5", "server"): 1, ("openai", "gpt-5", "rate_limit"): 1}
    assert numbers(tally, of.RETRIES) == {("openai", "gpt-5"): 1}
    assert numbers(tally, of.FALLBACKS) == {("openai", "gpt-5"): 1}


def test_two_targets_with_the_same_model_are_a_fallback_and_no_retry() -> None:
    attempts = [Attempt(target=at, provider="openai", model="gpt-5", kind=kind) for at, kind in (("a", "server"), ("b", ""))]
    tally = tallied(record(attempts=attempts))
    assert numbers(tally, of.RETRIES) == {}
    assert numbers(tally, of.FALLBACKS) == {("openai", "gpt-5"): 1}


def test_bytes_are_counted_by_operation() -> None:
    tally = tallied(record(bytes_in=10, bytes_out=20), record(bytes_in=1))
    assert numbers(tally, of.RECEIVED) == {("chat",): 11}
    assert numbers(tally, of.SENT) == {("chat",): 20}


def test_a_model_has_a_name_when_it_has_answered() -> None:
    failed = record(model_sent="no-such", status=404, outcome="failed", error_code="whatever the provider says")
    tally = tallied(failed, record(), failed)
    assert {labels[2] for labels in numbers(tally, of.REQUESTS)} == {OTHER, "gpt-5"}
    assert tally.codes.used == {}


def test_whatever_callers_invent_there_is_an_end_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("MODELS", "PROVIDERS", "CODES"):
        monkeypatch.setattr(module, each, 5)
    many = [record(model_sent=f"m{at}", provider=f"p{at}", time_us=NOW + at) for at in range(50)]
    many += [record(outcome="refused", status=400, error_code=f"code{at}") for at in range(50)]
    tally = tallied(*many)
    requests = numbers(tally, of.REQUESTS)
    assert sum(requests.values()) == 100
    assert {labels[2] for labels in requests} == {"m0", "m1", "m2", "m3", "m4", OTHER}
    assert {labels[1] for labels in requests} == {"p0", "p1", "p2", "p3", "p4", OTHER}
    assert len(numbers(tally, of.REFUSALS)) == 6


def test_a_model_that_nobody_uses_any_more_makes_room_and_its_numbers_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MODELS", 1)
    usage = Usage(input=1)
    tally = tallied(record(model_sent="old", usage=usage), record(model_sent="new", usage=usage, time_us=NOW + IDLE_US))
    assert numbers(tally, of.TOKENS) == {("openai", "new", "input"): 1}
    assert {labels[2] for labels in numbers(tally, of.REQUESTS)} == {"new"}


def test_what_the_cache_did_is_counted_and_no_provider_s_tokens_with_it() -> None:
    at = ("openai", "gpt-5")
    usage = Usage(input=100, output=50)
    hit = {"usage": usage, "cost_nusd": 0, "latency_us": 3000, "stream": True, "ttft_us": 900}
    tally = tallied(
        record(cache="miss", usage=usage, cost_nusd=700, stream=True, ttft_us=400_000),
        record(cache="hit", saved_nusd=700, saved_us=1_503_000, **hit),
        record(cache="semantic hit", saved_nusd=700, saved_us=1_000, **hit),  # it took longer: no time was saved
        *(record(cache=each) for each in ("semantic miss", "refresh", "disabled", "")),
    )
    assert numbers(tally, of.CACHE) == {
        (*at, each): 1 for each in ("miss", "hit", "semantic_hit", "semantic_miss", "refresh", "disabled")
    }
    assert numbers(tally, of.CACHE_SAVED) == {at: 1400}
    assert numbers(tally, of.CACHE_SAVED_TIME) == {at: 1_500_000}
    assert numbers(tally, of.TOKENS) == {(*at, "input"): 100, (*at, "output"): 50}
    assert numbers(tally, of.COST) == {at: 700}
    assert tally.series[of.FIRST_TOKEN.name].numbers[at][-1] == 400_000
