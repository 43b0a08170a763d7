"""stores/alert_states: claimed once, changed by who has seen the last, found once; on both databases."""

from functools import cache

import pytest

from lockgate.stores.alert_states import FAR_US, Finding, State
from lockgate.stores.control.open import open_alert_states, sqlite_url
from support.postgres import new_database

NOW, MINUTE = 1_795_608_000_000_000, 60_000_000


@cache
def kept():
    """One database for all tests: to make one takes longer than most of them."""
    return new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def states(request, tmp_path):
    states = open_alert_states(sqlite_url(tmp_path / "control.db") if request.param == "sqlite" else kept(), NOW)
    with states._driver.writing() as connection:
        connection.run("DELETE FROM alert_states")
        connection.run("DELETE FROM alert_findings")
    yield states
    states.close()


def test_a_moment_is_claimed_once_in_each_log(states):
    assert states.claim("a", NOW) and not states.claim("a", NOW)
    assert states.claim("b", NOW)
    assert states.claim("a", NOW + MINUTE) and not states.claim("a", NOW)


def test_a_clock_that_was_far_ahead_claims_nothing_for_ever(states):
    assert states.claim("a", NOW + FAR_US + 1)
    assert states.claim("a", NOW)
    assert not states.claim("a", NOW)


def test_a_state_is_changed_by_who_has_seen_the_last(states):
    one, two, three = State("r", "x", NOW, b"1"), State("r", "x", NOW + 1, b"2\x00"), State("r", "x", NOW + 2, b"3")
    found = Finding("f", NOW, b"{}")
    assert states.change("a", None, one)
    assert not states.change("a", None, two, [found])
    assert states.change("a", one, two)
    assert not states.change("a", one, three, [found])
    assert states.states("a", "r") == [two]
    assert states.findings(10) == []
    assert states.change("a", two, None, [found]) and states.states("a", "r") == []
    assert states.findings(10) == [found]


def test_logs_rules_and_those_told_apart_have_states_of_their_own(states):
    for log, rule, who in (("a", "r", ""), ("a", "r", "x"), ("a", "s", ""), ("b", "r", "")):
        assert states.change(log, None, State(rule, who, NOW, b""))
    assert [state.who for state in states.states("a", "r")] == ["", "x"]


def test_findings_stay_until_they_are_told_each_once(states):
    findings = [Finding(str(n), NOW + n, b"x") for n in range(3)]
    states.change("a", None, State("r", "", NOW, b""), [*findings[1:], findings[0], findings[0]])
    assert states.findings(2) == findings[:2]
    states.told(["0", "1", "never"])
    assert states.findings(10) == findings[2:]


def test_states_that_nobody_looks_at_are_forgotten(states):
    states.claim("a", NOW)
    states.change("a", None, State("r", "", NOW + 1, b""))
    assert states.forget(NOW + 1) == 1
    assert [state.seen_us for state in states.states("a", "r")] == [NOW + 1]
