"""control/alerts/alert: what an alert says, in the same words whichever way it goes."""

import pytest

from lockgate.control.alerts.alert import Alert, Subject, facts, id_of, plain, said, title, trial
from support.alerts import MARKETING, NOW, budget


@pytest.mark.parametrize(
    ("alert", "words"),
    [
        (budget(), "80% of the budget of key marketing is used: $81.50 of $100.00."),
        (
            budget(value=100_000_000_000, threshold=100_000_000_000),
            "The budget of key marketing is used up: $100.00 of $100.00.",
        ),
        (
            budget(value=99_000_000_000, threshold=100_000_000_000),
            "The budget of key marketing is as good as used up, and a request was refused: $99.00 of $100.00.",
        ),
        (
            budget(measure="tokens", value=8, limit=10, threshold=8, subject=Subject("workspace", "w1", "Work")),
            "80% of the budget of workspace Work is used: 8 tokens of 10 tokens.",
        ),
        (
            budget(measure="requests", value=0, limit=0, threshold=0, subject=Subject("policy", "p-1")),
            "The budget of policy p-1 is used up: 0 requests of 0 requests.",
        ),
        (
            Alert("1", "error_rate", Subject("provider", "p", "@openai"), NOW, measure="error_rate", value=1250, threshold=500),
            "The error rate of provider @openai is 12.5%, which is 5% or more.",
        ),
        (
            Alert("1", "latency", Subject(), NOW, measure="latency", value=1234, threshold=1000),
            "The latency of the gateway is 1,234 ms, which is 1,000 ms or more.",
        ),
        (
            Alert("1", "spend", Subject(), NOW, value=5_000_000_000, threshold=2_500_000_000),
            "The spend of the gateway is $5.00, which is $2.50 or more.",
        ),
        (trial(NOW), "This is a trial alert: the channel works."),
    ],
)
def test_an_alert_is_a_sentence(alert, words):
    assert title(alert) == words


def test_all_there_is_to_know_is_told():
    assert facts(budget()) == [
        ("About", "key marketing"),
        ("Workspace", "work"),
        ("Rule", "key:k1"),
        ("Now", "$81.50"),
        ("Threshold", "$80.00"),
        ("Limit", "$100.00"),
        ("Window", "month 2026-11-01"),
        ("Ends", "2026-12-01T00:00:00Z"),
        ("Time", "2026-11-25T12:00:00Z"),
    ]
    assert facts(trial(NOW)) == [("About", "the gateway"), ("Time", "2026-11-25T12:00:00Z")]


def test_percentages_have_the_digits_they_need():
    assert [said("error_rate", value) for value in (0, 5, 50, 100, 1250, 10000)] == [
        "0%",
        "0.05%",
        "0.5%",
        "1%",
        "12.5%",
        "100%",
    ]


def test_a_name_cannot_break_a_line_or_hide_something():
    assert plain("a\r\nBcc: x\u202e\u2028b") == "a  Bcc: x  b"
    assert plain("x" * 101) == "x" * 99 + "…"
    assert plain("x" * 100) == "x" * 100


def test_the_same_thing_has_the_same_id():
    assert id_of("budget", "b", 1) == id_of("budget", "b", 1)
    assert id_of("budget", "b", 1) != id_of("budget", "b1")
    assert id_of("ab", "c") != id_of("a", "bc")


def test_an_alert_shows_what_it_is():
    assert repr(budget()) == "Alert(budget, key marketing, 81500000000 of 100000000000)"
    assert repr(Alert("1", "spend", MARKETING, NOW, value=2, threshold=1)) == "Alert(spend, key marketing, 2 of 1)"
    assert Alert("1", "spend", MARKETING, NOW, value=2, threshold=1).percent == 100
