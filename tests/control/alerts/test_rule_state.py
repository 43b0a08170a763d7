"""control/alerts/rule_state: one alarm for one trouble, and one word when it is over."""

import pytest

from lockgate.control.alerts.rule_state import GAP_US, RuleState
from lockgate.control.alerts.rules import rules_of
from lockgate.control.alerts.settings import AlertsEntry, RuleEntry

MINUTE, START = 60_000_000, 1_795_608_000_000_000


def rule(**more):
    entry = RuleEntry(what="error_rate", threshold=5, **{"cool_down": "0m", **more})
    (found,), wrong = rules_of(AlertsEntry(rules={"r": entry}))
    assert not wrong
    return found


def walk(rule, looks, state=None, at=0):
    """What happens at looks a minute apart: "!" alarming, "." not, "?" nobody can tell, " " nobody looks. A letter an event."""
    state, seen, happened = state or RuleState(), 0, ""
    for n, look in enumerate(looks, at):
        now = START + n * MINUTE
        if look == " ":
            happened += " "
            continue
        state, event = state.step(rule, {"!": True, ".": False, "?": None}[look], seen, now)
        seen = now
        happened += {"": "-", "alarm": "A", "well": "w", "silent": "s"}[event]
    return happened


@pytest.mark.parametrize(
    ("more", "looks", "happened"),
    [
        ({}, "..!!!..!", "--A--w-A"),
        ({"holds": "2m"}, "!!.!!!!", "-----A-"),  # it must have been so for two minutes on end
        ({"holds": "2m"}, "!!!.!.!...", "--A------w"),  # and not be so as long: it does not flap
        ({"cool_down": "5m"}, "!.!.!.!!.", "Aw----A-w"[:5] + "-A-w"[:4]),
        ({"cool_down": "5m"}, "!.!!!!!", "Aw---A-"),  # what is alarming still when it has cooled is told then
        ({"holds": "2m"}, "!?!!!", "----A"),  # what nobody can tell is not alarming
        ({"window": "3m"}, "!????", "A---s"),  # an alarm ends when a whole window says nothing
        ({"window": "3m"}, "!??!??", "A-----"),
        ({"window": "3m"}, "????!", "----A"),
    ],
)
def test_what_happens_from_look_to_look(more, looks, happened):
    assert walk(rule(**more), looks) == happened


def test_who_was_away_knows_of_the_alarm_and_counts_anew():
    looks = "!!!" + " " * (GAP_US // MINUTE) + "!!!"
    assert walk(rule(), looks) == "A--" + " " * 3 + "---"
    assert walk(rule(holds="2m"), "!!" + " " * 4 + "!!!") == "--" + " " * 4 + "--A"  # it may have been well between
    assert walk(rule(holds="2m"), "!!" + " " * 2 + "!") == "--" + " " * 2 + "A"  # a look that is missed is no gap


def test_a_clock_that_is_set_back_does_not_silence_a_rule():
    one = rule(cool_down="1h")
    state, event = RuleState().step(one, True, 0, START)
    assert event == "alarm"
    state, event = state.step(one, False, START, START - 600 * MINUTE)
    assert event == "well"
    assert state.step(one, True, START, START - 599 * MINUTE)[1] == "alarm"


def test_what_is_at_rest_and_has_cooled_need_not_be_remembered():
    one = rule(cool_down="5m")
    state, _ = RuleState().step(one, True, 0, START)
    assert not state.rests(one, START)
    state, _ = state.step(one, False, START, START + MINUTE)
    assert not state.rests(one, START + 4 * MINUTE)
    assert state.rests(one, START + 5 * MINUTE)
