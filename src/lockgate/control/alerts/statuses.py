"""How the rules over a house's log stand now, for whoever looks: what is measured at the moment, and which alarms there are."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from lockgate.control.alerts.alert import Alert, Subject
from lockgate.control.alerts.of_house import log_known_as
from lockgate.control.alerts.post import Post
from lockgate.control.alerts.readings import values_of
from lockgate.control.alerts.rule_state import RuleState
from lockgate.control.alerts.rule_subjects import subject_of_rule
from lockgate.control.alerts.rules import Rule
from lockgate.control.house import House
from lockgate.stores.alert_states import State
from lockgate.stores.control.open import open_alert_states
from lockgate.stores.logs.ports import LogStore

_decode = msgspec.json.Decoder(RuleState).decode


class Alarm(msgspec.Struct, frozen=True):
    """An alarm that there is now, or that is in the making (`since_us` then is 0): of whom, and what is measured of them."""

    subject: Subject
    since_us: int
    alarming_us: int
    value: int | None


class RuleStatus(msgspec.Struct, frozen=True):
    """A rule: its alarms; what is measured of all together, or, where it tells some apart, of the one who is worst off
    (`worst`). `raised_us`: when an alarm was raised that is not forgotten yet (µs since the epoch, 0: there is none)."""

    rule: Rule
    alarms: list[Alarm]
    value: int | None
    worst: Subject | None
    raised_us: int


def statuses_of(house: House, store: LogStore, rules: Sequence[Rule], now_us: int) -> list[RuleStatus]:
    """How rules stand. It asks the log once or twice for each. Raises `StoreError`."""
    name = log_known_as(house)
    states = open_alert_states(house.control_url, now_us)
    try:
        known = {rule.name: states.states(name, rule.name) for rule in rules}
    finally:
        states.close()
    return [_status(house, store, rule, known[rule.name], now_us) for rule in rules]


def heard_at(rule: Rule, house: House, post: Post) -> list[str]:
    """The names of the channels at which a rule is told."""
    subject = subject_of_rule(rule, "", house.stored)
    alert = Alert("", rule.reading.kind, subject, 0, rule=rule.name, channels=rule.channels)
    home = house.stored.home.organisation
    return [line.name for line in post.lines.values() if line.hears(alert, home)]


def _status(house: House, store: LogStore, rule: Rule, states: Sequence[State], now_us: int) -> RuleStatus:
    values = values_of(store, rule, house.stored, now_us)
    rule_states = {state.who: _decode(state.body) for state in states}
    alarms = [
        Alarm(subject_of_rule(rule, who, house.stored), each.alarm_us, each.alarming_us, values.get(who))
        for who, each in rule_states.items()
        if each.alarm_us or each.alarming_us
    ]
    worst = (min if rule.below else max)(values, key=lambda who: values[who], default=None)
    return RuleStatus(
        rule=rule,
        alarms=sorted(alarms, key=lambda each: (not each.since_us, each.since_us)),
        value=None if worst is None else values[worst],
        worst=None if worst is None or not rule.each else subject_of_rule(rule, worst, house.stored),
        raised_us=max((each.raised_us for each in rule_states.values()), default=0),
    )
