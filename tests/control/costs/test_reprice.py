"""History, priced again: what is found, what is written, and what a run that was killed leaves behind."""

import random

import pytest

from lockgate.control.compile import compile_snapshot
from lockgate.control.config import read_text
from lockgate.control.costs import reprice as module
from lockgate.control.costs.missing import as_yaml, missing
from lockgate.control.costs.reprice import Mark, reprice
from lockgate.core.record import Attempt, Record, new_id
from lockgate.core.reply import Usage
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.ports import StoreError

START = 1_790_000_000_000_000
DAY_US = 86_400_000_000
NOW = START + 3 * DAY_US
ALL = Filter(since_us=START - DAY_US, until_us=NOW)
PRICES = 'prices: {"openai/gpt-a": {input: 2, output: 8}, "openai/gpt-b": {input: 1}}'


def world(config=PRICES):
    return compile_snapshot(read_text(config, {}), environment={}, pepper=b"p", scopes=frozenset())


def record(number, **members):
    time_us = members.pop("time_us", START + number * 1_000_000)
    members = {
        "provider": "openai",
        "provider_kind": "openai",
        "model_sent": "gpt-a",
        "usage": Usage(input=10),
        "usage_source": "provider",
        "cost_nusd": 10_000,
        "price_version": "old",
        **members,
    }
    return Record(new_id(time_us, number), time_us, **members)


@pytest.fixture
def log(tmp_path):
    log = SqliteLog(tmp_path / "log", report=pytest.fail)
    yield log
    log.close()


@pytest.fixture
def mark(tmp_path):
    return Mark(tmp_path / "reprice.json")


def cost(log):
    return sum(totals.cost_nusd for _, totals in log.groups(ALL, "provider").rows)


def line(report, model):
    (found,) = [line for line in report.lines if line.model == model]
    return found


def test_each_kind_of_change_is_told_and_written(log, mark):
    log.append(
        [
            record(1),
            record(2, cost_nusd=20_000),
            record(3, cost_nusd=None, cost_note="unknown price"),
            record(4, model_sent="gpt-z", cost_nusd=None, cost_note="unknown price", price_version=""),
            record(5, usage_source="estimated", cost_note="estimated", cost_nusd=None),
            record(6, usage=None, cost_nusd=None, outcome="refused", provider="", model_sent=""),
        ]
    )
    report = reprice(log, ALL, world(), now_us=NOW, mark=mark)
    a = line(report, "gpt-a")
    assert (a.requests, a.before_nusd, a.after_nusd, a.difference_nusd) == (4, 30_000, 80_000, 50_000)
    assert (a.changed, a.newly_priced, a.unpriced, a.estimated) == (1, 2, 0, 1)
    assert (line(report, "gpt-z").unpriced, line(report, "gpt-z").after_nusd) == (1, 0)
    assert (line(report, "").requests, report.total.kept) == (1, 0)
    assert (report.written, report.total.requests) == (4, 6)
    assert cost(log) == 80_000
    assert log.get(record(3).id).cost_note == "" and log.get(record(1).id).price_version.startswith("override")


def test_to_do_it_again_changes_nothing(log, mark):
    log.append([record(n) for n in range(5)])
    assert reprice(log, ALL, world(), now_us=NOW, mark=mark).written == 5
    again = reprice(log, ALL, world(), now_us=NOW, mark=mark)
    assert (again.written, again.total.difference_nusd, again.total.changed) == (0, 0, 0)


def test_a_dry_run_writes_nothing(log, tmp_path):
    log.append([record(1)])
    report = reprice(log, ALL, world(), now_us=NOW, mark=None)
    assert (report.total.difference_nusd, report.written, cost(log)) == (10_000, 0, 10_000)
    assert not (tmp_path / "reprice.json").exists()


def test_only_what_is_meant_is_priced(log, mark):
    log.append([record(1), record(2, model_sent="gpt-b"), record(3, time_us=START + 2 * DAY_US)])
    report = reprice(log, Filter(models=("gpt-a",), until_us=START + DAY_US), world(), now_us=NOW, mark=mark)
    assert (report.total.requests, cost(log)) == (1, 40_000)


def test_a_known_cost_outlives_its_price(log, mark):
    log.append([record(1, model_sent="gone"), record(2, cache="hit", cost_nusd=0)])
    report = reprice(log, ALL, world(), now_us=NOW, mark=mark)
    assert report.kept == {"unknown price": 1, "was answered by the cache": 1}
    assert (report.total.kept, report.total.after_nusd, cost(log), report.written) == (2, 10_000, 10_000, 0)


def test_the_attempts_say_their_new_shares(log, mark):
    tried = [
        Attempt(provider="openai", model="gpt-b", kind="timeout", input=4, cost_nusd=1),
        Attempt(provider="openai", model="gpt-a", input=10, cost_nusd=2),
    ]
    log.append([record(1, attempts=tried, usage=Usage(input=14), cost_nusd=3, cost_note="estimated in part")])
    assert reprice(log, ALL, world(), now_us=NOW, mark=mark).total.estimated == 1
    found = log.get(record(1).id)
    assert [attempt.cost_nusd for attempt in found.attempts] == [4_000, 20_000]
    assert (found.cost_nusd, found.cost_note) == (24_000, "estimated in part")


class Killed(Exception):
    pass


def test_a_run_that_is_killed_goes_on_where_it_was(log, mark, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 3)
    log.append([record(n) for n in range(10)])
    whole = reprice(log, ALL, world(), now_us=NOW, mark=None)

    def kill(count):
        if count >= 6:
            raise Killed

    with pytest.raises(Killed):
        reprice(log, ALL, world(), now_us=NOW, mark=mark, progress=kill)
    assert cost(log) == 6 * 20_000 + 4 * 10_000
    counts = []
    report = reprice(log, ALL, world(), now_us=NOW + 1, mark=mark, progress=counts.append)
    assert counts == [3, 4]
    assert (report.resumed, report.written, report.lines) == (True, 10, whole.lines)
    assert cost(log) == 10 * 20_000
    assert mark.read("") is None


@pytest.mark.parametrize("seed", range(5))
def test_it_may_be_killed_as_often_as_one_likes(log, mark, monkeypatch, seed):
    monkeypatch.setattr(module, "BATCH", 2)
    chance = random.Random(seed)
    log.append([record(n) for n in range(20)])

    def maybe(*_):
        if chance.random() < 0.3:
            raise Killed

    monkeypatch.setattr(mark, "write", lambda progress, write=mark.write: (maybe(), write(progress), maybe()))
    for _ in range(200):
        try:
            reprice(log, ALL, world(), now_us=NOW, mark=mark)
            break
        except Killed:
            continue
    assert cost(log) == 20 * 20_000


def test_other_prices_or_another_question_begin_anew(log, mark, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 1)
    log.append([record(n) for n in range(3)])

    def kill(count):
        raise Killed

    with pytest.raises(Killed):
        reprice(log, ALL, world(), now_us=NOW, mark=mark, progress=kill, asked="a")
    assert not reprice(log, ALL, world(), now_us=NOW, mark=mark, asked="b").resumed
    with pytest.raises(Killed):
        reprice(log, ALL, world(), now_us=NOW, mark=mark, progress=kill, asked="a")
    dearer = reprice(log, ALL, world(PRICES.replace("input: 2", "input: 3")), now_us=NOW, mark=mark, asked="a")
    assert (dearer.resumed, dearer.total.requests, cost(log)) == (False, 3, 90_000)


def test_a_place_that_cannot_be_kept_is_said(log, tmp_path):
    log.append([record(1)])
    with pytest.raises(StoreError, match="cannot write"):
        reprice(log, ALL, world(), now_us=NOW, mark=Mark(tmp_path / "nowhere" / "x.json"))


def test_models_without_a_price_are_named_as_the_configuration_names_them(log):
    config = "providers: {mine: {provider: openai, api_key: k-0123456789}}"
    log.append(
        [
            record(1, provider="mine", model_sent="new: model", cost_nusd=None),
            record(2, provider="mine", model_sent="new: model", cost_nusd=7),
            record(3, provider="gone", model_sent="voice", cost_nusd=None, usage=Usage(characters=9)),
            record(4, provider="openai", model_sent="gpt-4o", cost_nusd=None),
        ]
    )
    found = missing(log, ALL, world(config))
    assert [(each.provider, each.model, each.requests, each.tokens, each.priced_now) for each in found] == [
        ("mine", "new: model", 1, 10, False),
        ("openai", "gpt-4o", 1, 10, True),
        ("gone", "voice", 1, 0, False),
    ]
    text = as_yaml(found)
    assert text.splitlines() == [
        "prices:   # USD: input for a million tokens, output for a million tokens, characters for a million characters",
        '  "mine/new: model": {input: …, output: …}',
        '  "openai/voice": {characters: …}',
    ]
    filled = world(f"{config}\n{text.replace('…', '3')}")
    assert [each.priced_now for each in missing(log, ALL, filled)] == [True, True, True]
    assert as_yaml(missing(log, ALL, filled)) == ""
