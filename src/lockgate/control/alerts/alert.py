"""`Alert`: something that somebody is to know, whatever found it out. What it says in words is said here, for all channels.

Amounts are integers in the unit of their measure: nano-USD, tokens, requests, hundredths of a percent, milliseconds. Of a rise,
they are hundredths of a percent too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal, get_args

import msgspec

from lockgate.policy.ledger import amount

Kind = Literal["budget", "error_rate", "latency", "spend", "requests", "trial"]
Measure = Literal["cost", "tokens", "requests", "error_rate", "latency", "rise"]
#: What a rule measures.
What = Literal[
    "error_rate",
    "latency_p50",
    "latency_p90",
    "latency_p99",
    "ttft_p50",
    "ttft_p90",
    "ttft_p99",
    "spend",
    "spend_rise",
    "requests",
    "refused",
]
Severity = Literal["info", "warning", "critical"]
#: What an alert can be about.
About = Literal["organisation", "workspace", "user", "key", "provider", "model", "policy", "route", "metadata", "gateway"]
ABOUT: tuple[About, ...] = get_args(About)

#: Letters of a name that are shown.
_SHOWN = 100


class Subject(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an alert is about, and whose that is.

    `organisation` and `workspace` are ids, "": it is of no one organisation, or of all its workspaces. `slug` is the
    workspace's. `emails`: of those who asked to know of this very thing.
    """

    about: About = "gateway"
    id: str = ""
    name: str = ""
    organisation: str = ""
    workspace: str = ""
    slug: str = ""
    emails: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.about} {plain(self.name or self.id)}" if self.name or self.id else f"the {self.about}"


class Alert(msgspec.Struct, frozen=True, omit_defaults=True):
    """What happened: `value` has reached `threshold`, on the way to `limit` (0: there is none).

    id         of two alerts with one id the second is not sent: `id_of` makes one of what makes it one
    rule       the budget's or the alert rule's id
    window     the stretch of time that it is about ("month 2026-11-01"), until `ends_us` (0: for ever)
    note       what follows from it, a sentence
    at_us      when, in µs since the epoch
    what       what an alert rule measures
    below      the value has fallen below the threshold
    over       it was so: "well", it is no more; "silent", there are too few requests to tell
    channels   who is to be told, by name; (): who hears such things
    """

    id: str
    kind: Kind
    subject: Subject
    at_us: int
    rule: str = ""
    window: str = ""
    ends_us: int = 0
    measure: Measure = "cost"
    value: int = 0
    limit: int = 0
    threshold: int = 0
    severity: Severity = "warning"
    note: str = ""
    what: What | Literal[""] = ""
    below: bool = False
    over: Literal["", "well", "silent"] = ""
    channels: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Alert({self.kind}, {self.subject}, {self.value} of {self.limit or self.threshold})"

    @property
    def percent(self) -> int:
        """How much of the limit the threshold is, rounded down; 100 where there is no limit."""
        return self.threshold * 100 // self.limit if self.limit else 100


def id_of(*parts: str | int) -> str:
    """An id for what is the same alert wherever and whenever it is found."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]


def trial(now_us: int) -> Alert:
    """An alert by which a channel is tried."""
    return Alert(id_of("trial", now_us), "trial", Subject(), now_us, severity="info")


def said(measure: Measure, value: int) -> str:
    """An amount for people: "$1.25", "12.5%", "1,200 ms"."""
    return _SAID[measure](value)


def title(alert: Alert) -> str:
    """What happened, in one sentence on one line."""
    return _TITLES[alert.kind](alert)


def facts(alert: Alert) -> list[tuple[str, str]]:
    """All there is to know, as (what, value), each on one line."""
    subject = alert.subject
    found = [
        ("About", str(subject)),
        ("Workspace", plain(subject.slug)),
        ("Rule", plain(alert.rule)),
        ("Now", said(alert.measure, alert.value) if alert.threshold and alert.over != "silent" else ""),
        ("Threshold", said(alert.measure, alert.threshold) if alert.threshold else ""),
        ("Limit", said(alert.measure, alert.limit) if alert.limit else ""),
        ("Window", plain(alert.window)),
        ("Ends", when(alert.ends_us) if alert.ends_us else ""),
        ("Time", when(alert.at_us)),
    ]
    return [(what, value) for what, value in found if value]


def when(us: int) -> str:
    """A time (µs since the epoch) as RFC 3339 has it, in UTC."""
    return datetime.fromtimestamp(us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(name: str) -> str:
    """A name that somebody chose, as it may stand in a sentence: one line, nothing that is not seen, not too long."""
    text = "".join(letter if letter.isprintable() else " " for letter in name)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _budget(alert: Alert) -> str:
    used = f"{said(alert.measure, alert.value)} of {said(alert.measure, alert.limit)}"
    if alert.threshold < alert.limit:
        return f"{alert.percent}% of the budget of {alert.subject} is used: {used}."
    if alert.value >= alert.limit:
        return f"The budget of {alert.subject} is used up: {used}."
    return f"The budget of {alert.subject} is as good as used up, and a request was refused: {used}."


def _rate(what: str) -> Callable[[Alert], str]:
    def say(alert: Alert) -> str:
        value, threshold = said(alert.measure, alert.value), said(alert.measure, alert.threshold)
        noun = f"The {_NOUNS.get(alert.what, what)} of {alert.subject}{f', {alert.window},' if alert.window else ''}"
        if alert.over == "silent":
            return f"It cannot be told any more, for want of requests: {noun[0].lower()}{noun[1:].rstrip(',')}."
        if alert.over:
            return f"It is over: {noun[0].lower()}{noun[1:]} is {value}."
        return f"{noun} is {value}, which is {f'less than {threshold}' if alert.below else f'{threshold} or more'}."

    return say


def _percent(value: int) -> str:
    whole, rest = divmod(value, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"


_SAID: dict[Measure, Callable[[int], str]] = {
    "cost": lambda value: amount("cost", value),
    "tokens": lambda value: amount("tokens", value),
    "requests": lambda value: "1 request" if value == 1 else amount("requests", value),
    "error_rate": _percent,
    "latency": lambda value: f"{value:,} ms",
    "rise": lambda value: ("+" if value > 0 else "-" if value < 0 else "") + _percent(abs(value)),
}
_NOUNS: dict[str, str] = {
    "latency_p50": "median latency",
    "latency_p90": "p90 latency",
    "latency_p99": "p99 latency",
    "ttft_p50": "median time to first token",
    "ttft_p90": "p90 time to first token",
    "ttft_p99": "p99 time to first token",
    "spend_rise": "rise of spend",
    "refused": "number of refused requests",
}
_TITLES: dict[Kind, Callable[[Alert], str]] = {
    "budget": _budget,
    "error_rate": _rate("error rate"),
    "latency": _rate("latency"),
    "spend": _rate("spend"),
    "requests": _rate("number of requests"),
    "trial": lambda _: "This is a trial alert: the channel works.",
}
