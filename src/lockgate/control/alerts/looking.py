"""`Looking`: alert rules as a source of alerts. Once a minute the log is asked, by one machine of those that share it.

What a look finds is stored together with how the rule stands from then on, and stays until the outbox has it: a process that
dies at any moment raises no alarm twice, and loses none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import msgspec

from lockgate.control.alerts.alert import Alert, id_of
from lockgate.control.alerts.readings import totals_of, value_of
from lockgate.control.alerts.rule_state import Event, RuleState
from lockgate.control.alerts.rule_subjects import ids_of, subject_of_rule
from lockgate.control.alerts.rules import Rule, rules_of
from lockgate.control.alerts.settings import AlertsEntry
from lockgate.control.stored import Stored
from lockgate.core.json import encode
from lockgate.stores.alert_states import AlertStates, Finding, State
from lockgate.stores.logs.ports import LogStore
from lockgate.stores.logs.rollup import DAY_US, MINUTE_US, Totals

log = logging.getLogger("lockgate")

#: A minute is looked at so long after it has ended, in µs: what has ended in it is in the log by then.
LAG_US = 5 * 1_000_000
#: States of rules that there are no more are forgotten after so long, in µs.
KEPT_US = 40 * DAY_US
_decode = msgspec.json.Decoder(RuleState).decode


class Known(msgspec.Struct, frozen=True):
    """What there is to know at a look: the settings, and who is stored."""

    entry: AlertsEntry
    stored: Stored


class Looking:
    """The rules of one log. Calls block, one at a time, and raise `StoreError`.

    `name` is what the log is known by: machines with the same one look at it in turns. `clock` gives µs since the epoch.
    """

    def __init__(
        self, name: str, store: LogStore, states: AlertStates, known: Callable[[], Known], clock: Callable[[], int]
    ) -> None:
        self._name = name
        self._store = store
        self._states = states
        self._ask = known
        self._clock = clock
        self._entry: AlertsEntry | None = None
        self._rules: list[Rule] = []
        self._at_us = 0

    def __repr__(self) -> str:
        return f"Looking({self._store}, {len(self._rules)} rules)"

    def pending(self, limit: int) -> list[Alert]:
        """See `Source`. Looks first, when a minute has passed."""
        at_us = (self._clock() - LAG_US) // MINUTE_US * MINUTE_US
        if at_us != self._at_us:
            self._at_us = at_us
            self._look(at_us)
        alerts: list[Alert] = []
        for finding in self._states.findings(limit):
            try:
                alerts.append(msgspec.json.decode(finding.body, type=Alert))
            except msgspec.DecodeError as error:
                log.error("an alert was left out, since it was written by a later version: %s", error)
                self._states.told([finding.id])
        return alerts

    def told(self, alerts: Sequence[Alert]) -> None:
        """See `Source`."""
        self._states.told([alert.id for alert in alerts])

    def close(self) -> None:
        """See `Source`."""
        self._states.close()
        self._store.close()

    def _look(self, at_us: int) -> None:
        known = self._ask()
        self._adopt(known)
        if not self._rules or not self._states.claim(self._name, at_us):
            return
        for rule in self._rules:
            self._look_by(rule, known.stored, at_us)
        if at_us % DAY_US == 0:
            self._states.forget(at_us - KEPT_US)

    def _adopt(self, known: Known) -> None:
        """Take the rules over, if they are others. Bad ones are told, and the old ones stay."""
        if known.entry is self._entry:
            return
        self._entry = known.entry
        rules, wrong = rules_of(known.entry)
        if wrong:
            log.error("alert rules stay as they were: %s", "; ".join(f"alerts.{each.path}: {each.message}" for each in wrong))
            return
        self._rules = rules
        for rule in rules:
            if len(ids_of(rule.workspaces, known.stored)) < len(rule.workspaces):
                log.warning("alerts.rules.%s: not all of its workspaces are there: %s", rule.name, ", ".join(rule.workspaces))

    def _look_by(self, rule: Rule, stored: Stored, at_us: int) -> None:
        since_us = rule.span.since_us(at_us)
        totals = totals_of(self._store, rule, stored, since_us, at_us)
        earlier = totals_of(self._store, rule, stored, 2 * since_us - at_us, since_us) if rule.reading.compares else {}
        states = {state.who: state for state in self._states.states(self._name, rule.name)}
        for who in totals.keys() | states.keys():
            found = totals.get(who, Totals())
            value = value_of(rule, found, earlier.get(who, Totals()))
            state = states.get(who)
            before = RuleState() if state is None else _decode(state.body)
            alarming = None if value is None else rule.alarming(value)
            after, event = before.step(rule, alarming, 0 if state is None else state.seen_us, at_us)
            new = None if after.rests(rule, at_us) else State(rule.name, who, at_us, encode(after))
            findings: list[Finding] = []
            if event == "alarm" or (event and rule.recovery):
                alert = self._alert(rule, who, stored, event, at_us, found, value or 0)
                findings = [Finding(alert.id, at_us, encode(alert))]
            if new is not None or state is not None:
                self._states.change(self._name, state, new, findings)

    def _alert(self, rule: Rule, who: str, stored: Stored, event: Event, at_us: int, totals: Totals, value: int) -> Alert:
        over = "" if event == "alarm" else event
        return Alert(
            id_of("rule", self._name, rule.name, who, event, at_us),
            rule.reading.kind,
            subject_of_rule(rule, who, stored),
            at_us,
            rule=rule.name,
            window=str(rule.span),
            measure=rule.reading.measure,
            value=value,
            threshold=rule.threshold,
            severity="info" if over else rule.severity,
            note=_note(rule, totals) if not over else "",
            what=rule.what,
            below=rule.below,
            over=over,
            channels=rule.channels,
        )


def _note(rule: Rule, totals: Totals) -> str:
    """What else there is to know, as sentences."""
    said: list[str] = []
    if rule.holds_us:
        said.append(f"It has been so for {rule.holds_us // MINUTE_US} minutes.")
    if rule.reading.kind == "spend" and totals.unpriced:
        said.append(f"{totals.unpriced:,} requests have no price, and are not in it.")
    return " ".join(said)
