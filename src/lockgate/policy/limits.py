"""The nouns of rate limiting: what is limited, what was granted, what was denied, and how the caller is told.

Portkey's words for units are known (`rps` to `rpw`); header values are as OpenAI's API has them
(https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers).
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Literal

import msgspec

from lockgate.core.failure import Refusal
from lockgate.core.limits import RateLimit
from lockgate.policy.gcra import Rate, rate_of

#: Requests and tokens are counted over time; concurrent are requests that run at the same time.
Dimension = Literal["requests", "tokens", "concurrent"]
#: Whose limit it is.
Scope = Literal["organisation", "workspace", "user", "key", "integration", "provider", "model", "policy"]

SECOND_US = 1_000_000
#: Units of time, and their length in µs.
UNITS: dict[str, int] = {
    "rps": SECOND_US,
    "rpm": 60 * SECOND_US,
    "rph": 3600 * SECOND_US,
    "rpd": 86_400 * SECOND_US,
    "rpw": 604_800 * SECOND_US,
}
#: How long a place among those that run at once is kept without being renewed.
TTL_US = 60 * SECOND_US

#: Refusal codes: the first as Portkey's users know them.
_CODES: dict[str, str] = {
    "key": "api_key_rate_limit_error",
    "workspace": "workspace_rate_limit_error",
    "provider": "virtual_key_rate_limit_error",
    "integration": "integration_rate_limit_error",
    "policy": "rate_limits_policy_exhaust_error",
    "organisation": "organisation_rate_limit_error",
    "user": "user_rate_limit_error",
    "model": "model_rate_limit_error",
}
_SPANS = {SECOND_US: "second", **{UNITS[unit]: name for unit, name in (("rpm", "minute"), ("rph", "hour"), ("rpd", "day"))}}
_SPANS[UNITS["rpw"]] = "week"


class Limit(msgspec.Struct, frozen=True):
    """So many requests or tokens in a window, all at once if need be (`burst`, 0: as many as `value`); or so many requests at
    the same time, where `window_us` is how long one counts that is never heard of again.

    `subject` is the id of what `scope` names, `rule` of the rule that says so. Counters are known by `identity`: a limit whose
    value is changed goes on with what was used. Those of a `tenant` live together. Raises `ValueError` for senseless numbers.
    """

    scope: Scope
    subject: str
    dimension: Dimension
    value: int
    window_us: int = UNITS["rpm"]
    burst: int = 0
    rule: str = ""
    tenant: str = ""
    rate: Rate = Rate(1, 1, 1)  # the rest is derived
    identity: str = ""
    tag: int = 0

    def __post_init__(self) -> None:
        put = msgspec.structs.force_setattr
        put(self, "burst", self.burst or self.value)
        put(self, "rate", rate_of(self.value, self.window_us, self.burst))
        words = (self.tenant, self.scope, self.subject, self.dimension, self.window_us, self.rule)
        put(self, "identity", "\x1f".join(map(str, words)))
        tag = int.from_bytes(blake2b(self.identity.encode("utf-8", "surrogatepass"), digest_size=8).digest()) >> 1
        put(self, "tag", tag or 1)

    def __repr__(self) -> str:
        return f"Limit({self.scope} {self.subject}: {self.text()})"

    def text(self) -> str:
        """The limit in words."""
        if self.dimension == "concurrent":
            return f"{self.value} requests at the same time"
        span = _SPANS.get(self.window_us)
        return f"{self.value} {self.dimension} {f'a {span}' if span else f'in {_number(self.window_us / 1e6)} s'}"


def limit_of(said: RateLimit, scope: Scope, subject: str, *, rule: str = "", tenant: str = "") -> Limit:
    """A limit as it is said of a key, a provider or a workspace. Raises `ValueError` for a value that makes no sense."""
    window_us = TTL_US if said.type == "concurrent" else UNITS[said.unit]
    return Limit(scope, subject, said.type, said.value, window_us, rule=rule, tenant=tenant)


class Denial(msgspec.Struct, frozen=True):
    """A limit says no. `wait_us`: after how long the same may be asked again with a prospect; None: never, it is more than the
    limit admits at once (`units`)."""

    limit: Limit
    wait_us: int | None
    units: int = 1

    def refusal(self) -> Refusal:
        """The no, for the caller."""
        limit = self.limit
        what = (
            f"This {limit.scope} may make {limit.text()}"
            if limit.dimension != "tokens"
            else (f"This {limit.scope} may use {limit.text()}")
        )
        after: float | None = None
        if self.wait_us is None:
            advice = f"this request may take {self.units}. Ask for fewer, or have the limit raised."
        else:
            after = max(1.0, -(-self.wait_us // SECOND_US))
            advice = f"try again in {_number(after)} s."
        return Refusal(
            429,
            _CODES[limit.scope],
            f"{what}; {advice}",
            scope=f"{limit.scope}:{limit.subject}",
            rule=limit.rule or limit.dimension,
            retry_after=after,
        )


class Held(msgspec.Struct):
    """What a grant took of one limit and must give back or settle. `term`: of the cell, or the group of the ring; `account`:
    which of its accounts it was taken from, as who granted it knows them; `until`: when what was taken there expires."""

    limit: Limit
    units: int
    term: int
    account: int = 0
    until: int = 0


class Reading(msgspec.Struct, frozen=True):
    """What is left of a limit, and after how long all of it is there again."""

    limit: Limit
    remaining: int
    reset_us: int


class Grant(msgspec.Struct):
    """A request may go on. To be settled once, whatever becomes of it; `held` is what there is to settle. `left` is what was
    left of the limits of requests and tokens then."""

    held: list[Held]
    left: list[Reading] = []


def tightest(readings: Sequence[Reading]) -> dict[Dimension, Reading]:
    """Of each dimension the limit of which least is left."""
    found: dict[Dimension, Reading] = {}
    for reading in readings:
        known = found.setdefault(reading.limit.dimension, reading)
        if known is not reading and (reading.remaining, -reading.reset_us) < (known.remaining, -known.reset_us):
            found[reading.limit.dimension] = reading
    return found


#: How the caller is told: limit, what remains, and when all of it is back. What runs at once has no reset, and is not told.
_FAMILIES: dict[str, tuple[bytes, bytes, bytes]] = {
    dimension: (b"x-ratelimit-limit-" + name, b"x-ratelimit-remaining-" + name, b"x-ratelimit-reset-" + name)
    for dimension, name in (("requests", b"requests"), ("tokens", b"tokens"))
}


def headers(readings: Sequence[Reading]) -> list[tuple[bytes, bytes]]:
    """`x-ratelimit-*` for what is left: a family for requests and one for tokens."""
    found: list[tuple[bytes, bytes]] = []
    for dimension, reading in tightest(readings).items():
        if (family := _FAMILIES.get(dimension)) is not None:
            limit, remaining, reset = family
            found.append((limit, b"%d" % reading.limit.value))
            found.append((remaining, b"%d" % reading.remaining))
            found.append((reset, duration(reading.reset_us).encode()))
    return found


def duration(us: int) -> str:
    """A time as OpenAI writes it: `17ms`, `1s`, `6m0s`, `1h30m0s`; rounded up to milliseconds, under a second, else to a
    thousandth of a second."""
    ms = -(-us // 1000)
    if ms < 1000:
        return f"{ms}ms"
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = f"{seconds}.{ms:03d}".rstrip("0") if ms else str(seconds)
    if hours:
        return f"{hours}h{minutes}m{text}s"
    return f"{minutes}m{text}s" if minutes else f"{text}s"


def _number(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
