"""`Rule`: what is looked for in the request log, made of a `RuleEntry`, or said to be wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, cast, get_args

import msgspec

from lockgate.control.alerts.alert import About, Severity, What
from lockgate.control.alerts.measures import READINGS, Reading, threshold_of
from lockgate.control.alerts.post import Wrong
from lockgate.control.alerts.settings import AlertsEntry, ChannelEntry, RuleEntry
from lockgate.core.call import Operation
from lockgate.policy.window import Period
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.rollup import DAY_US, HOUR_US, MINUTE_US

#: Rules of one configuration: each is a question or two to the log, once a minute.
MOST = 200
#: No window is longer: the log of most has no more.
LONGEST_US = 31 * DAY_US
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_.")
_TIME = re.compile(r"([0-9]{1,6})\s*([mhd])")
_US = {"m": MINUTE_US, "h": HOUR_US, "d": DAY_US}
CalendarUnit = Literal["day", "week", "month"]
_CALENDAR: tuple[str, ...] = get_args(CalendarUnit)
METADATA = "metadata."
#: A dimension of the log by which a rule can be told apart → what an alert is about then.
ABOUT: Mapping[str, About] = {
    "provider": "provider",
    "model": "model",
    "key": "key",
    "user": "user",
    "workspace": "workspace",
    "route": "route",
}


class Span(msgspec.Struct, frozen=True):
    """A stretch of time that ends now: so long (µs), or since the calendar's last beginning."""

    length_us: int = 0
    period: Period | None = None

    def __str__(self) -> str:
        if self.period is not None:
            return "today" if self.period.unit == "day" else f"this {self.period.unit}"
        for unit, us in (("day", DAY_US), ("hour", HOUR_US), ("minute", MINUTE_US)):
            if self.length_us % us == 0:
                count = self.length_us // us
                return f"in the last {unit}" if count == 1 else f"in the last {count} {unit}s"
        raise AssertionError("a span is whole minutes")

    def since_us(self, now_us: int) -> int:
        """When it began. What ends with a day is that day's still."""
        return now_us - self.length_us if self.period is None else self.period.window(now_us - 1).start_us


class Rule(msgspec.Struct, frozen=True):
    """A rule, ready to be asked. `meant`: of which requests, but for the times and for `workspaces`, which are slugs (none:
    all). `each`: a dimension of the log, "": all together. Times in µs."""

    name: str
    what: What
    reading: Reading
    threshold: int
    below: bool
    span: Span
    least: int
    each: str
    meant: Filter
    workspaces: tuple[str, ...]
    holds_us: int
    cool_us: int
    recovery: bool
    severity: Severity
    channels: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Rule({self.name})"

    def alarming(self, value: int) -> bool:
        """Whether somebody is to know of it."""
        return value < self.threshold if self.below else value >= self.threshold


def rules_of(entry: AlertsEntry) -> tuple[list[Rule], list[Wrong]]:
    """The rules, and all that is wrong with them."""
    wrong: list[Wrong] = []
    if len(entry.rules) > MOST:
        wrong.append(Wrong("rules", f"there are {len(entry.rules)}, and {MOST} at most are looked after"))
    rules = [_rule(name, each, entry.channels, wrong) for name, each in entry.rules.items()]
    return [rule for rule in rules if rule is not None], wrong


def _rule(name: str, entry: RuleEntry, channels: Mapping[str, ChannelEntry], wrong: list[Wrong]) -> Rule | None:
    at, before = f"rules.{name}", len(wrong)
    reading = READINGS[entry.what]
    if not name or not set(name) <= _NAME or len(name) > 64:
        wrong.append(Wrong(at, "a name has 1 to 64 lower-case letters, digits, '-', '_' and '.'"))
    threshold = 0
    try:
        threshold = threshold_of(entry.threshold, reading.unit)
    except ValueError as error:
        wrong.append(Wrong(f"{at}.threshold", str(error)))
    span = _span(at, entry, reading, wrong)
    if entry.min_requests is not None and entry.min_requests < 0:
        wrong.append(Wrong(f"{at}.min_requests", "is a number of requests, 0 or more"))
    _check_each(at, entry, wrong)
    for n, operation in enumerate(entry.operations):
        if operation not in get_args(Operation):
            wrong.append(Wrong(f"{at}.operations[{n}]", f"is none of {', '.join(get_args(Operation))}"))
    _check_channels(at, entry, channels, wrong)
    holds_us = _time(f"{at}.for", entry.holds, 0, DAY_US, wrong)
    cool_us = _time(f"{at}.cool_down", entry.cool_down, 0, 31 * DAY_US, wrong)
    if len(wrong) > before or span is None:
        return None
    meant = Filter(
        outcomes=reading.outcomes,
        operations=tuple(entry.operations),
        models=tuple(entry.models),
        providers=tuple(each.removeprefix("@") for each in entry.providers),
        keys=tuple(entry.keys),
        users=tuple(entry.users),
        routes=tuple(entry.routes),
        metadata=tuple(entry.metadata.items()),
    )
    return Rule(
        name,
        entry.what,
        reading,
        threshold,
        entry.below,
        span,
        max(1, reading.few) if entry.min_requests is None and reading.few else entry.min_requests or 0,
        entry.each,
        meant,
        tuple(entry.workspaces),
        holds_us,
        cool_us,
        entry.recovery,
        entry.severity,
        tuple(entry.channels),
    )


def _span(at: str, entry: RuleEntry, reading: Reading, wrong: list[Wrong]) -> Span | None:
    if entry.window not in _CALENDAR:
        if entry.time_zone:
            wrong.append(Wrong(f"{at}.time_zone", f"is for a window of {', '.join(_CALENDAR)}"))
        length_us = _time(f"{at}.window", entry.window, MINUTE_US, LONGEST_US, wrong)
        return Span(length_us) if length_us else None
    if reading.compares:
        wrong.append(Wrong(f"{at}.window", 'what is compared with the time before has a window of a fixed length, like "24h"'))
    if entry.below:
        wrong.append(Wrong(f"{at}.below", f'a {entry.window} that has just begun is below everything: use a window like "24h"'))
    try:
        return Span(period=Period(cast("CalendarUnit", entry.window), entry.time_zone or "UTC"))
    except ValueError as error:
        wrong.append(Wrong(f"{at}.time_zone", str(error)))
        return None


def _check_each(at: str, entry: RuleEntry, wrong: list[Wrong]) -> None:
    if not entry.each:
        return
    if entry.each not in ABOUT and not (entry.each.startswith(METADATA) and len(entry.each) > len(METADATA)):
        wrong.append(Wrong(f"{at}.each", f"is none of {', '.join(ABOUT)} or metadata.NAME"))
    if entry.below:
        # Who has sent nothing is in no log, so nobody would be missed who was not there before.
        wrong.append(Wrong(f"{at}.each", "what is below a threshold cannot be told apart: who is silent is not seen"))


def _check_channels(at: str, entry: RuleEntry, channels: Mapping[str, ChannelEntry], wrong: list[Wrong]) -> None:
    """Those that are named are there, and may hear of it: a channel of some workspaces hears of those alone."""
    for n, name in enumerate(entry.channels):
        channel = channels.get(name)
        if channel is None:
            wrong.append(Wrong(f"{at}.channels[{n}]", f"no channel is called '{name}'"))
        elif channel.workspaces and entry.each != "workspace" and not _within(entry.workspaces, channel.workspaces):
            wrong.append(
                Wrong(
                    f"{at}.channels[{n}]",
                    f"'{name}' hears of {', '.join(channel.workspaces)} alone: give the rule one of them as its workspaces",
                )
            )


def _within(these: Sequence[str], those: Sequence[str]) -> bool:
    """Whether they are one of those, so that what is found is that one's."""
    return len(these) == 1 and these[0] in those


def _time(at: str, text: str, least_us: int, most_us: int, wrong: list[Wrong]) -> int:
    match = _TIME.fullmatch(text.strip())
    us = int(match[1]) * _US[match[2]] if match is not None else 0
    if match is None or not least_us <= us <= most_us:
        calendar = f", or {', '.join(_CALENDAR)}" if at.endswith(".window") else ""
        span = f"from {least_us // MINUTE_US}m to {most_us // DAY_US}d"
        wrong.append(Wrong(at, f"is a time {span}, like '5m', '24h' or '7d'{calendar}"))
        return 0
    return us
