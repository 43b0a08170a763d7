"""How a rule stands, from one look to the next: pure. A look says that it is alarming, that it is not, or that nobody can tell.

at rest ── alarming for as long as the rule says ──▶ alarm ── not alarming for as long ──▶ over, at rest
              (and no sooner than the cool-down after the last alarm)
                                                        └─ nobody can tell for a whole window ──▶ silent, at rest
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.control.alerts.rules import Rule
from lockgate.stores.logs.rollup import MINUTE_US

Event = Literal["", "alarm", "well", "silent"]

#: Looks that are further apart than this do not say that it was so all the time between.
GAP_US = 3 * MINUTE_US


class RuleState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Since when it is alarming, since when an alarm is not any more, and since when nobody can tell; since when there is an
    alarm, and when the last one was raised. All in µs since the epoch, 0: it is not so."""

    alarming_us: int = 0
    well_us: int = 0
    silent_us: int = 0
    alarm_us: int = 0
    raised_us: int = 0

    def step(self, rule: Rule, alarming: bool | None, seen_us: int, now_us: int) -> tuple[RuleState, Event]:
        """How it stands now, and what has happened. `seen_us`: when it was last looked at (0: never). A machine that was away
        knows of its alarms, and begins to count anew."""
        whole = 0 <= now_us - seen_us <= GAP_US
        if rule.span.period is not None and 0 < self.raised_us <= rule.span.since_us(now_us):
            return RuleState().step(rule, alarming, seen_us, now_us)  # another day, another alarm
        if alarming is None:
            since = (whole and self.silent_us) or now_us
            over = self.alarm_us and now_us - since >= max(rule.holds_us, rule.span.length_us)
            return self._after(silent_us=since, over="silent" if over else "")
        if not alarming:
            since = (whole and self.well_us) or now_us
            return self._after(well_us=since, over="well" if self.alarm_us and now_us - since >= rule.holds_us else "")
        since = (whole and self.alarming_us) or now_us
        if self.alarm_us or now_us - since < rule.holds_us or self.cools(rule, now_us):
            return RuleState(alarming_us=since, alarm_us=self.alarm_us, raised_us=self.raised_us), ""
        return RuleState(alarming_us=since, alarm_us=since, raised_us=now_us), "alarm"

    def cools(self, rule: Rule, now_us: int) -> bool:
        """Whether the last alarm was so lately that there is no other. A clock that was set back makes no alarm wait."""
        return bool(self.raised_us) and 0 <= now_us - self.raised_us < rule.cool_us

    def rests(self, rule: Rule, now_us: int) -> bool:
        """Whether there is nothing that must be remembered."""
        return not self.alarming_us and not self.alarm_us and not self.cools(rule, now_us)

    def _after(self, *, over: Literal["", "well", "silent"], well_us: int = 0, silent_us: int = 0) -> tuple[RuleState, Event]:
        if over or not self.alarm_us:
            return RuleState(raised_us=self.raised_us), over
        return RuleState(well_us=well_us, silent_us=silent_us, alarm_us=self.alarm_us, raised_us=self.raised_us), ""
