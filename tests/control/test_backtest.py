"""control/backtest, control/replay: recorded requests in another world."""

import json

import msgspec
import pytest

from lockgate.control import backtest, replay
from lockgate.control.backtest import back_test
from lockgate.control.config import read_text
from lockgate.control.offline import idle, principal_of, thought_of
from lockgate.control.replay import Replay, wants_bodies
from lockgate.core.failure import Refusal
from lockgate.core.record import Attempt, Record
from lockgate.core.reply import Usage
from lockgate.http.routes import SCOPES

HOUSE = """
providers:
  openai: {api_key: sk-openai-secret-1234567890}
  claude: {provider: anthropic, api_key: sk-ant-secret-1234567890}
prices:
  openai/gpt-a: {input: 2, output: 4}
  openai/gpt-b: {input: 1, output: 2}
  claude/claude-x: {input: 10, output: 20}
keys:
  - {name: app, key: "app-key-0123456789-abcdefgh"}
  - {name: routed, key: "routed-key-0123456789-abcdef", config: pc}
"""
PLAIN = 'configs: {pc: {provider: "@openai", override_params: {model: gpt-a}}}'
A = {"provider": "@openai", "override_params": {"model": "gpt-a"}}
B = {"provider": "@openai", "override_params": {"model": "gpt-b"}}
X = {"provider": "@claude", "override_params": {"model": "claude-x"}}
LIMITED = Attempt("config", "openai", "gpt-a", 429, "rate_limit")


def world(tmp_path, text):
    return thought_of(read_text(text, {}), tmp_path / "none", {}, SCOPES)


def record(**members):
    members = {
        "id": "r",
        "time_us": 1_790_000_000_000_000,
        "key_id": "config:app",
        "route": "pc",
        "provider": "openai",
        "operation": "chat",
        "path": "/v1/chat/completions",
        "dialect_in": "openai.chat",
        "model_asked": "m",
        "model_sent": "gpt-a",
        "status": 200,
        "attempts": [Attempt("config", "openai", "gpt-a", 200)],
        "usage": Usage(input=1000, output=100),
        "cost_nusd": 2_400_000,
        **members,
    }
    return Record(**members)


def failed(*attempts, **more):
    attempts = list(attempts or [LIMITED])
    return record(outcome="failed", status=429, attempts=attempts, usage=None, cost_nusd=None, **more)


@pytest.fixture
def test(tmp_path):
    """Try a route (or a whole configuration) on records that a plain one has answered."""

    def test(route, *records, old=HOUSE + PLAIN, limits=None):
        text = route if isinstance(route, str) else HOUSE + json.dumps({"configs": {"pc": route}})[1:-1]
        new = world(tmp_path, text)
        report = back_test(records, Replay(new, world(tmp_path, old), idle()), new, limits, lambda count: None)
        assert report.records == len(records)
        return report

    return test


def fallback(*targets, **strategy):
    return {"strategy": {"mode": "fallback", **strategy}, "targets": list(targets)}


def shifts(report):
    return [(each.before, each.after, round(each.requests, 6)) for each in report.shifts]


def fates(report):
    return [(each.then, each.now, each.after, round(each.requests, 6)) for each in report.fates]


class TestTargets:
    def test_what_stays_is_the_same_and_what_moves_is_told(self, test):
        assert shifts(test(A, record())) == [("@openai/gpt-a", "@openai/gpt-a", 1)]
        report = test(X, record(), record())
        assert shifts(report) == [("@openai/gpt-a", "@claude/claude-x", 2)]
        assert (report.moved, report.fates, report.replayed) == (2, [], 2)

    def test_a_draw_counts_with_its_odds(self, test):
        config = {"strategy": {"mode": "loadbalance"}, "targets": [{**A, "weight": 3}, {**X, "weight": 1}]}
        report = test(config, *[record()] * 10)
        assert shifts(report) == [("@openai/gpt-a", "@openai/gpt-a", 7.5), ("@openai/gpt-a", "@claude/claude-x", 2.5)]
        assert report.moved == 2.5

    def test_loads_of_then_are_not_known_so_the_weights_tell_and_prices_are(self, test):
        latency = {"strategy": {"mode": "loadbalance", "method": "latency"}, "targets": [A, X]}
        assert [each[2] for each in shifts(test(latency, record()))] == [0.5, 0.5]
        cost = {"strategy": {"mode": "loadbalance", "method": "cost"}, "targets": [A, B, X]}
        assert shifts(test(cost, record())) == [("@openai/gpt-a", "@openai/gpt-b", 1)]

    def test_ways_beyond_the_bound_count_as_the_likeliest(self, test, monkeypatch):
        monkeypatch.setattr(replay, "WAYS", 1)
        config = {"strategy": {"mode": "loadbalance"}, "targets": [{**A, "weight": 3}, {**X, "weight": 1}]}
        assert shifts(test(config, record())) == [("@openai/gpt-a", "@openai/gpt-a", 1)]

    def test_kinds_of_change_are_bounded(self, test, monkeypatch):
        monkeypatch.setattr(backtest, "MOST", 1)
        report = test({"provider": "@openai"}, *(failed(model_asked=f"m{n}") for n in range(3)))
        assert sum(each.requests for each in report.shifts) == 3
        assert [each.before for each in report.shifts] == ["(others)", "@openai/gpt-a"]
        assert sum(each.requests for each in report.fates) == 3


class TestCost:
    def test_the_recorded_usage_is_priced_at_the_new_target(self, test):
        (shift,) = test(X, record(), record()).shifts
        assert (shift.recorded_nusd, shift.new_nusd, shift.unpriced) == (4_800_000, 2 * 12_000_000, 0)

    def test_new_prices_count_for_targets_that_stay(self, test):
        text = (HOUSE + PLAIN).replace("{input: 2, output: 4}", "{input: 4, output: 8}")
        (shift,) = test(text, record()).shifts
        assert (shift.recorded_nusd, shift.new_nusd) == (2_400_000, 4_800_000)

    def test_a_cost_that_is_not_known_is_in_no_sum(self, test):
        report = test({"provider": "@openai", "override_params": {"model": "unheard-of"}}, record(), record(usage=None))
        (shift,) = report.shifts
        assert (shift.recorded_nusd, shift.new_nusd, shift.unpriced) == (0, 0, 2)
        assert test(A, record(cost_nusd=None)).shifts[0].unpriced == 1
        assert test(A, failed()).shifts[0].unpriced == 0

    def test_a_request_that_would_be_refused_costs_nothing(self, test):
        (shift,) = test({"provider": "@openai"}, record(model_asked="")).shifts
        assert (shift.after, shift.recorded_nusd, shift.new_nusd) == ("refused: missing_model", 2_400_000, 0)

    def test_a_draw_costs_what_is_to_be_expected(self, test):
        config = {"strategy": {"mode": "loadbalance"}, "targets": [A, X]}
        assert sum(each.new_nusd for each in test(config, record()).shifts) == (2_400_000 + 12_000_000) / 2

    def test_a_count_is_free(self, test):
        counted = record(
            operation="count", path="/v1/messages/count_tokens", dialect_in="anthropic.messages", usage=None, cost_nusd=0
        )
        (shift,) = test(X, counted).shifts
        assert (shift.after, shift.new_nusd, shift.unpriced) == ("@claude/claude-x", 0, 0)


class TestFailures:
    def test_a_fallback_that_would_have_gone_on_is_told(self, test):
        report = test(fallback(A, X, on_status_codes=[429]), failed(), failed())
        assert fates(report) == [("failed: rate_limit (429)", "not known", "@claude/claude-x", 2)]
        assert shifts(report) == [("@openai/gpt-a", "@claude/claude-x", 2)]

    def test_one_that_would_not_is_told_too(self, test):
        report = test(fallback(A, X, on_status_codes=[500]), failed())
        assert fates(report) == [("failed: rate_limit (429)", "failed: rate_limit (429)", "@openai/gpt-a", 1)]

    def test_a_retry_beyond_those_that_were_made_is_not_known(self, test):
        (fate,) = test({**A, "retry": {"attempts": 1}}, failed()).fates
        assert (fate.now, fate.after) == ("retried, not known", "@openai/gpt-a")

    def test_retries_that_were_made_are(self, test):
        again = failed(LIMITED, LIMITED)
        assert test({**A, "retry": {"attempts": 1}}, again).fates[0].now == "failed: rate_limit (429)"
        good = record(attempts=[LIMITED, Attempt("config", "openai", "gpt-a", 200)])
        assert test({**A, "retry": {"attempts": 1}}, good).fates == []
        assert fates(test(A, good)) == [("answered", "failed: rate_limit (429)", "@openai/gpt-a", 1)]

    def test_a_request_that_was_saved_by_a_fallback_may_be_lost(self, test):
        saved = record(provider="claude", model_sent="claude-x", attempts=[LIMITED, Attempt("t", "claude", "claude-x", 200)])
        assert fates(test(fallback(A, X, on_status_codes=[500]), saved)) == [
            ("answered", "failed: rate_limit (429)", "@openai/gpt-a", 1)
        ]
        assert test(fallback(A, X), saved).fates == []

    @pytest.mark.parametrize(
        "attempt", [Attempt("t", "openai", "gpt-a", 0, "timeout"), Attempt("t", "openai", "gpt-a", 200, "malformed")]
    )
    def test_what_had_no_status_stands_for_what_it_stands_for(self, test, attempt):
        status = 504 if attempt.kind == "timeout" else 502
        assert test(fallback(A, X, on_status_codes=[status]), failed(attempt)).shifts[0].after == "@claude/claude-x"

    def test_an_answer_that_broke_off_had_begun(self, test):
        broken = record(outcome="broken", attempts=[Attempt("t", "openai", "gpt-a", 200, "cut")])
        assert test(fallback(A, X), broken).fates == []

    def test_a_try_that_was_not_waited_for_tells_nothing(self, test):
        raced = record(attempts=[Attempt("t", "claude", "claude-x", 0, "hedged"), Attempt("t", "openai", "gpt-a", 200)])
        assert test(X, raced).shifts[0].after == "@claude/claude-x"


class TestRefusals:
    def test_what_would_be_refused_is_told_with_its_reason(self, test):
        text = (HOUSE + PLAIN).replace('abcdefgh"}', 'abcdefgh", models: ["@claude/*"]}')
        report = test(text, record(), record())
        ((code, message, requests),) = [(each.code, each.message, each.requests) for each in report.refused]
        assert (code, requests) == ("model_not_allowed", 2)
        assert "@openai/gpt-a" in message
        assert fates(report) == [("answered", "refused: model_not_allowed", "refused: model_not_allowed", 2)]

    def test_a_key_that_is_gone_is_refused(self, test):
        (refused,) = test(A, record(key_id="gone", key_name="old")).refused
        assert (refused.code, refused.message) == ("invalid_key", "The key 'old' is not there.")

    def test_what_was_refused_by_its_route_may_be_let_through(self, test):
        no = record(
            outcome="refused",
            status=403,
            error_code="model_not_allowed",
            provider="",
            model_sent="",
            usage=None,
            cost_nusd=None,
            attempts=[],
        )
        report = test(A, no)
        assert shifts(report) == [("refused: model_not_allowed", "@openai/gpt-a", 1)]
        assert (report.refused, fates(report)[0][:2]) == ([], ("refused: model_not_allowed", "not known"))

    def test_a_config_that_is_gone_is_one(self, test):
        report = test(HOUSE.replace(", config: pc}", "}"), record())
        assert report.refused[0].code == "config_not_found"

    def test_a_strict_target_refuses_what_it_would_lose(self, test):
        body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}], "logit_bias": {"1": 2}}).encode()
        report = test({**X, "strict": True}, record(request=body), record())
        assert [(each.code, each.requests) for each in report.refused] == [("not_expressible", 1)]

    def test_limits_have_a_word(self, test):
        class Limits:
            def judge(self, record, provider, model, cost_nusd):
                if cost_nusd > 10_000_000:
                    return Refusal(429, "budget_exceeded", f"Too dear: @{provider}/{model}.", rule="b1")
                return None

        config = {"strategy": {"mode": "loadbalance"}, "targets": [A, X]}
        (limit,) = test(config, record(), limits=Limits()).limits
        assert (limit.code, limit.message, limit.requests) == ("budget_exceeded", "Too dear: @claude/claude-x.", 0.5)


class TestFacts:
    CHOICE = {
        "strategy": {"mode": "conditional", "conditions": [{"query": {}, "then": "x"}], "default": "a"},
        "targets": [{"name": "x", **X}, {"name": "a", **A}],
    }

    def choice(self, query):
        conditions = [{"query": query, "then": "x"}]
        return {**self.CHOICE, "strategy": {"mode": "conditional", "conditions": conditions, "default": "a"}}

    @pytest.mark.parametrize(
        "query",
        [
            {"metadata.plan": "paid"},
            {"model": "m"},
            {"operation": "chat"},
            {"key.name": "app"},
            {"url.pathname": "/v1/chat/completions"},
            {"time.date": "2026-09-21"},
            {"input_tokens": {"$gte": 1000}},
            {"user": "me"},
        ],
    )
    def test_what_a_record_tells_decides(self, test, query):
        report = test(self.choice(query), record(metadata={"plan": "paid", "_user": "me"}))
        assert shifts(report) == [("@openai/gpt-a", "@claude/claude-x", 1)]

    @pytest.mark.parametrize(
        "query", [{"params.max_tokens": {"$gt": 5}}, {"has_tools": False}, {"has_images": False}, {"user": "me"}]
    )
    def test_what_a_body_tells_is_known_where_it_was_kept(self, test, query):
        body = b'{"model": "m", "max_tokens": 9, "user": "me", "messages": []}'
        assert test(self.choice(query), record(request=body)).shifts[0].after == "@claude/claude-x"
        for without in (record(), record(request=body[:20], truncated=True), record(request=b"[redacted")):
            report = test(self.choice(query), without)
            (name,) = query
            assert (report.undecided, report.shifts) == ({name: 1}, [])

    @pytest.mark.parametrize("name", ["headers.x-tier", "budget.remaining"])
    def test_what_no_record_tells_is_named(self, test, name):
        report = test(self.choice({name: {"$exists": True}}), record(), record())
        assert (report.undecided, report.replayed) == ({name: 2}, 0)

    def test_it_is_not_missed_where_nothing_asks_for_it(self, test):
        query = {"metadata.plan": "paid", "headers.x-tier": "1"}
        assert test(self.choice(query), record()).undecided == {}

    @pytest.mark.parametrize(
        ("route", "wanted"),
        [
            (A, False),
            ({**A, "strict": True}, True),
            (fallback(A, {**X, "passthrough": True}), True),
            ({"strategy": {"mode": "loadbalance", "sticky": {"hash_fields": ["params.user"]}}, "targets": [A, X]}, True),
            ({"strategy": {"mode": "loadbalance", "sticky": {"hash_fields": ["metadata.user"]}}, "targets": [A, X]}, False),
        ],
    )
    def test_bodies_are_read_where_they_decide_something(self, tmp_path, route, wanted):
        assert wants_bodies(world(tmp_path, HOUSE + json.dumps({"configs": {"pc": route}})[1:-1])) is wanted

    def test_conditions_on_bodies_want_them(self, tmp_path):
        for query, wanted in (({"params.n": 1}, True), ({"model": "m"}, False)):
            config = json.dumps({"configs": {"pc": fallback(self.choice(query), A)}})[1:-1]
            assert wants_bodies(world(tmp_path, HOUSE + config)) is wanted


class TestWhatHeadersSaid:
    def test_a_config_that_the_key_had_is_the_key_s_new_one(self, test):
        text = (HOUSE + PLAIN).replace("config: pc}", "config: other}").replace("{pc: {", f"{{other: {json.dumps(X)}, pc: {{")
        assert test(text, record(key_id="config:routed")).shifts[0].after == "@claude/claude-x"
        assert test(text, record()).shifts[0].after == "@openai/gpt-a", "named by a header, it stays"

    def test_a_model_that_stood_for_a_config_stands_for_what_it_does_now(self, test):
        old = HOUSE + PLAIN + "\naliases: {m: {config: pc}}"
        new = HOUSE + PLAIN + '\naliases: {m: "@claude/claude-x"}'
        assert test(new, record(), old=old).shifts[0].after == "@claude/claude-x"

    def test_a_provider_that_the_model_did_not_lead_to_was_named(self, test):
        said = record(route="", model_asked="gpt-5", model_sent="gpt-5", provider="claude")
        assert test(HOUSE + PLAIN, said).shifts[0].after == "@claude/gpt-5"
        led = record(route="", model_asked="gpt-5", model_sent="gpt-5")
        assert test(HOUSE + PLAIN, led).shifts[0].after == "@openai/gpt-5"
        assert test(HOUSE + PLAIN, record(route="", model_asked="@openai/gpt-b")).shifts[0].after == "@openai/gpt-b"

    @pytest.mark.parametrize(
        ("members", "why"),
        [
            ({"route": "inline"}, "brought a config of its own"),
            ({"key_id": ""}, "came without a key"),
            ({"operation": "models"}, "has no route (models)"),
            ({"operation": ""}, "has no route (no operation)"),
            ({"outcome": "refused", "error_code": "invalid_json"}, "was refused for other reasons (invalid_json)"),
        ],
    )
    def test_what_cannot_be_planned_anew_is_left_out_and_said(self, test, members, why):
        report = test(A, record(**members), record())
        assert (report.skipped, report.replayed) == ({why: 1}, 1)


def test_the_report_is_about_the_time_of_its_records(test):
    report = test(A, record(time_us=7), record(time_us=3), record(time_us=5, request=b"{}"))
    assert (report.since_us, report.until_us, report.bodies) == (3, 7, 1)
    assert msgspec.json.decode(msgspec.json.encode(report))["records"] == 3


def test_records_are_held_a_few_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(backtest, "_BATCH", 3)
    monkeypatch.setattr(backtest, "_BATCH_BYTES", 10)
    made, most, counts = 0, 0, []

    def stream():
        nonlocal made, most
        for _ in range(8):
            made += 1
            most = max(most, made - (counts[-1] if counts else 0))
            yield record()
        yield record(request=b"x" * 10)
        yield record()

    new = world(tmp_path, HOUSE + PLAIN)
    report = back_test(stream(), Replay(new, new, idle()), new, None, counts.append)
    assert (report.records, counts, most) == (10, [3, 6, 9, 10], 3)


def test_a_key_is_found_by_id_or_name(tmp_path):
    snapshot = world(tmp_path, HOUSE + PLAIN)
    assert principal_of("app", snapshot) == principal_of("config:app", snapshot)
    assert principal_of("nobody", snapshot) is None
