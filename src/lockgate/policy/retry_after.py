"""What a provider's headers say about coming back: how long to wait (`read_retry_after`), how much is left (`read_quota`).

Waits are stated outright (`retry-after` in seconds or as a date, RFC 9110 section 10.2.3; `retry-after-ms`,
`x-ms-retry-after-ms`), or follow from a limit that is used up. Limits are found by the pattern of their names, for they are
all alike: a word that says so (`ratelimit`, `rate-limit`, `tokenlimit`), a field (`limit`, `remaining`, `reset`,
`utilization`), and around them, in any order, whose limit it is and of what. Resets come as durations ("6m0s", "20ms"),
seconds ("33011.38"), epochs in seconds or milliseconds, and RFC 3339. The IETF's draft has one header for all limits instead:
`ratelimit: "default";r=0;t=30`, with `ratelimit-policy: "default";q=100;w=60` (draft-ietf-httpapi-ratelimit-headers).

`x-should-retry` is left alone: it restates what the status and the error's own words have said already. Nothing here raises.
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_tz
from functools import lru_cache
from typing import Literal

import msgspec

Headers = Iterable[tuple[bytes, bytes]]

#: No wait is taken to be longer, in seconds: what is used up for longer than a day is gone, and 1e9 is no wait but a mistake.
MOST_S = 86_400.0

_Field = Literal["limit", "remaining", "reset", "utilization"]

#: Headers that state a wait, the most exact first, with what one of their units is in seconds.
_STATED: tuple[tuple[bytes, float], ...] = ((b"retry-after-ms", 0.001), (b"x-ms-retry-after-ms", 0.001), (b"retry-after", 1.0))
_FIELDS: dict[str, _Field] = {"limit": "limit", "remaining": "remaining", "reset": "reset", "utilization": "utilization"}
_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.ASCII)
#: A count, perhaps with the policy that old drafts of the IETF's wrote behind it: "100, 100;w=60". Below zero: overdrawn.
_COUNT = re.compile(rb"\s*(-?\d+(?:\.\d+)?)\s*(?:$|[,;])")
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:d|h|ms|us|µs|ns|m|s))+", re.ASCII)
_PIECE = re.compile(r"(\d+(?:\.\d+)?)(d|h|ms|us|µs|ns|m|s)", re.ASCII)
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
#: A number of seconds from here on is a moment, and from there on one in milliseconds: nobody waits for 30 years.
_EPOCH = 1e9
_EPOCH_MS = 1e11


class _Limit(msgspec.Struct):
    """One limit, as far as the headers tell. `used` is the part of it that is gone; `reset` is as it came."""

    size: float | None = None
    left: float | None = None
    used: float | None = None
    reset: bytes = b""

    def spent(self) -> bool:
        """Whether it is what stands in the way."""
        return (self.left is not None and self.left <= 0) or (self.used is not None and self.used >= 1)

    def headroom(self) -> float | None:
        """The part that is left, from 0 to 1."""
        if self.used is not None:
            return min(1.0, max(0.0, 1.0 - self.used))
        if self.left is None or not self.size or self.size < 0:
            return None
        return min(1.0, max(0.0, self.left / self.size))


def read_retry_after(headers: Headers, now: float) -> float | None:
    """Seconds until asking again makes sense; None where the headers do not say. `now` is seconds since the epoch.

    What is stated outright counts first; else the last to end of the limits that are used up.
    """
    headers = list(headers)
    for name, unit in _STATED:
        for each, value in headers:
            if each == name and (wait := _stated(_text(value), unit, now)) is not None:
                return min(wait, MOST_S)
    waits = [wait for limit in _limits(headers) if limit.spent() and (wait := _until(_text(limit.reset), now)) is not None]
    return min(max(waits), MOST_S) if waits else None


def read_quota(headers: Headers) -> float | None:
    """The part of the tightest limit that is left, from 0 to 1; None where the headers do not say."""
    rooms = [room for limit in _limits(headers) if (room := limit.headroom()) is not None]
    return min(rooms, default=None)


def _limits(headers: Headers) -> Iterable[_Limit]:
    found: dict[str, _Limit] = {}
    for name, value in headers:
        if b"limit" not in name:
            continue
        field, what = _place(name)
        if field is None:
            if name == b"ratelimit" or name == b"ratelimit-policy":
                _structured(value, found)
            continue
        limit = found.get(what)
        if limit is None:
            limit = found[what] = _Limit()
        if field == "reset":
            limit.reset = value
        elif field == "remaining":
            limit.left = _count(value)
        elif field == "limit":
            limit.size = _count(value)
        else:
            limit.used = _count(value)
    return found.values()


@lru_cache(maxsize=1024)
def _place(name: bytes) -> tuple[_Field | None, str]:
    """Which field of which limit a header is: "x-ratelimit-reset-requests" → ("reset", "x-ratelimit requests")."""
    words = _text(name).replace("rate-limit", "ratelimit").split("-")
    if any(word.startswith(("ratelimit", "tokenlimit")) for word in words):
        for index, word in enumerate(words):
            if word in _FIELDS:
                return _FIELDS[word], "-".join(words[:index] + words[index + 1 :])
    return None, ""


def _structured(value: bytes, found: dict[str, _Limit]) -> None:
    """The IETF's lists: of what is left (r, t) and of the policies (q). A name may have a kind before it."""
    for item in value.split(b","):
        parts = [part.strip() for part in item.split(b";")]
        names = [_text(part) for part in parts if b"=" not in part]
        limit = found.setdefault(names[-1] if names else "", _Limit())
        for part in parts:
            key, _, said = part.partition(b"=")
            if key == b"r":
                limit.left = _count(said)
            elif key == b"q":
                limit.size = _count(said)
            elif key == b"t":
                limit.reset = said


def _stated(text: str, unit: float, now: float) -> float | None:
    if _NUMBER.fullmatch(text):
        return float(text) * unit
    at = _date(text)
    return None if at is None else max(0.0, at - now)


def _until(text: str, now: float) -> float | None:
    """A reset in any of its forms, as seconds from now. A moment that has passed is no answer: the limit is still spent."""
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number < _EPOCH:
            return number
        at: float | None = number if number < _EPOCH_MS else number / 1000
    elif _DURATION.fullmatch(text):
        return sum(float(number) * _UNITS[unit] for number, unit in _PIECE.findall(text))
    else:
        at = _moment(text)
    return at - now if at is not None and at > now else None


def _moment(text: str) -> float | None:
    """RFC 3339, which is UTC where it does not say, or an HTTP date; as seconds since the epoch."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _date(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.timestamp()


def _date(text: str) -> float | None:
    """An HTTP date in one of its three forms (RFC 9110 section 5.6.7), as seconds since the epoch."""
    try:
        parts = parsedate_tz(text)
        return None if parts is None else float(timegm(parts[:9]) - (parts[9] or 0))
    except (ValueError, IndexError, OverflowError):
        return None


def _count(value: bytes) -> float | None:
    if value.isdigit():
        return float(value)
    match = _COUNT.match(value)
    return float(match[1]) if match else None


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip()
