"""control/alerts/rules: what is wrong with a rule is said, with its place."""

import pytest

from lockgate.control.alerts.rules import Span, rules_of
from lockgate.control.config import BadConfig, read_text
from lockgate.stores.logs.ports import Filter
from support.house import make_house

CHANNELS = """
  channels:
    ops: {type: webhook, url: 'https://hooks.example/x'}
    marketing: {type: webhook, url: 'https://hooks.example/m', workspaces: [marketing]}
"""


def of(rule):
    return rules_of(read_text(f"alerts:\n  rules: {{it: {rule}}}{CHANNELS}").alerts)


def test_a_rule_is_read():
    rules, wrong = of(
        "{what: latency_p99, threshold: 2s, window: 2h, min_requests: 7, models: ['gpt-*'], providers: ['@openai'], keys: [app],"
        " users: [u], workspaces: [marketing], routes: [pc-a], operations: [chat], metadata: {team: blue}, for: 10m,"
        " cool_down: 2h, recovery: false, severity: critical, channels: [ops, marketing]}"
    )
    (rule,) = rules
    assert not wrong
    assert rule.meant == Filter(
        outcomes=("ok", "failed", "broken", "client_left"),
        operations=("chat",),
        models=("gpt-*",),
        providers=("openai",),
        keys=("app",),
        users=("u",),
        routes=("pc-a",),
        metadata=(("team", "blue"),),
    )
    assert (rule.threshold, rule.least, rule.holds_us, rule.cool_us) == (2000, 7, 600_000_000, 7_200_000_000)
    assert (rule.workspaces, rule.channels, rule.recovery) == (("marketing",), ("ops", "marketing"), False)
    assert str(rule.span) == "in the last 2 hours"


def test_few_requests_say_nothing_of_a_rate_and_all_of_a_sum():
    assert of("{what: error_rate, threshold: 5}")[0][0].least == 10
    assert of("{what: spend, threshold: 5}")[0][0].least == 0
    assert of("{what: error_rate, threshold: 5, min_requests: 0}")[0][0].least == 0


@pytest.mark.parametrize(
    ("rule", "path", "why"),
    [
        ("{what: error_rate, threshold: lots}", "threshold", "'lots' is not a percentage"),
        (
            "{what: spend, threshold: 1, window: 30s}",
            "window",
            "is a time from 1m to 31d, like '5m', '24h' or '7d', or day, week",
        ),
        ("{what: spend, threshold: 1, window: 0m}", "window", "is a time from 1m"),
        ("{what: spend, threshold: 1, window: 40d}", "window", "31d"),
        ("{what: spend, threshold: 1, time_zone: Europe/Berlin}", "time_zone", "is for a window of day, week, month"),
        ("{what: spend, threshold: 1, window: day, time_zone: Nowhere}", "time_zone", "no time zone is known"),
        ("{what: spend_rise, threshold: 1, window: day}", "window", "has a window of a fixed length"),
        ("{what: requests, threshold: 1, window: day, below: true}", "below", "has just begun is below everything"),
        ("{what: spend, threshold: 1, min_requests: -1}", "min_requests", "0 or more"),
        ("{what: spend, threshold: 1, each: colour}", "each", "is none of provider, model"),
        ("{what: spend, threshold: 1, each: metadata.}", "each", "metadata.NAME"),
        ("{what: requests, threshold: 1, each: key, below: true}", "each", "who is silent is not seen"),
        ("{what: spend, threshold: 1, for: 2d}", "for", "is a time from 0m to 1d"),
        ("{what: spend, threshold: 1, cool_down: soon}", "cool_down", "is a time from 0m to 31d"),
        ("{what: spend, threshold: 1, operations: [chats]}", "operations[0]", "is none of chat"),
        ("{what: spend, threshold: 1, channels: [ops, nobody]}", "channels[1]", "no channel is called 'nobody'"),
        ("{what: spend, threshold: 1, channels: [marketing]}", "channels[0]", "hears of marketing alone"),
        ("{what: spend, threshold: 1, workspaces: [sales], channels: [marketing]}", "channels[0]", "hears of marketing alone"),
    ],
)
def test_a_bad_rule_is_refused_with_its_place(rule, path, why):
    rules, (wrong,) = of(rule)
    assert wrong.path == f"rules.it.{path}" and why in wrong.message
    assert rules == []


def test_names_are_plain():
    _, (wrong,) = rules_of(read_text("alerts: {rules: {'A b': {what: spend, threshold: 1}}}").alerts)
    assert wrong.path == "rules.A b"


def test_a_configuration_with_a_bad_rule_is_not_taken(tmp_path):
    house = make_house(tmp_path, "alerts: {rules: {it: {what: spend, threshold: none}}}")
    with pytest.raises(BadConfig) as caught:
        house.snapshot()
    assert [mistake.path for mistake in caught.value.mistakes] == ["alerts.rules.it.threshold"]
    with pytest.raises(BadConfig) as caught:
        read_text("alerts: {rules: {it: {what: weather, threshold: 1}}}")
    assert "alerts.rules.it.what" in str(caught.value)


def test_a_span_says_how_long_it_is():
    minute = 60_000_000
    spans = [minute, 5 * minute, 60 * minute, 90 * minute, 1440 * minute, 7 * 1440 * minute]
    assert [str(Span(us)).removeprefix("in the last ") for us in spans] == [
        "minute", "5 minutes", "hour", "90 minutes", "day", "7 days",
    ]  # fmt: skip


def test_a_calendar_s_span_begins_with_the_day_there():
    (rule,), _ = of("{what: spend, threshold: 1, window: day, time_zone: Europe/Berlin}")
    assert str(rule.span) == "today"
    assert rule.span.since_us(1_795_608_000_000_000) == 1_795_561_200_000_000  # midnight in Berlin is 23:00 UTC
