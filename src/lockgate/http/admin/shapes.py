"""What several nouns of the admin API have in common, as it is written there, and to and from how it is stored.

Source of the shapes: https://portkey.ai/docs/api-reference/admin-api. Money is in dollars there, and in nano-USD here; times
are texts there (RFC 3339), and µs since the epoch here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from lockgate.control.budgets import next_reset_us
from lockgate.core.cache_cap import CacheCap
from lockgate.core.failure import Refusal
from lockgate.core.limits import MOST, RATE_MOST, RateLimit, Unit, UsageLimit, exact_amount
from lockgate.core.mask import Redaction
from lockgate.core.tenancy import Defaults
from lockgate.policy.window import zone_of
from lockgate.stores.ledger.standings import Standing

T = TypeVar("T")

_NANO = 10**9
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Text = Annotated[str, Meta(max_length=255)]
LongText = Annotated[str, Meta(max_length=4096)]
#: US dollars, tokens or requests; `stored_amount` says what is too much for a type.
Some = Annotated[float, Meta(gt=0, le=MOST)]
SomeOrNone = Annotated[float, Meta(ge=0, le=MOST)]
#: Each is looked for in every body, which is time of whoever else asks.
_Redacted = Annotated[list[Text], Meta(max_length=20)]
Positive = Annotated[int, Meta(ge=1, le=RATE_MOST)]


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A body that is read. A member that is not known is refused; one that is UNSET was not said."""


class Empty(msgspec.Struct, frozen=True):
    """Done, and there is nothing to tell."""


class Paging(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which part of a list: `current_page` counts from 0."""

    page_size: Annotated[int, Meta(ge=1, le=1000)] = 100
    current_page: Annotated[int, Meta(ge=0, le=10_000_000)] = 0

    @property
    def offset(self) -> int:
        """How many come before it."""
        return self.page_size * self.current_page


class Listing(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A list: `total` counts all, `data` is the page that was asked for."""

    object: Literal["list"] = "list"
    total: int
    data: list[T]


class SuccessListing(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A list in the older envelope, which says `success`, too."""

    success: bool = True
    object: Literal["list"] = "list"
    total: int
    data: list[T]


class UsageLimits(Body, frozen=True, kw_only=True):
    """A budget. Amounts are US dollars for a `cost`, else tokens or requests. `time_zone`: whose days, weeks and months, by an
    IANA name. `soft`: nobody is refused. From `downgrade_at` on (or the limit), requests go to the model `downgrade_to`. What
    only answers say (`status` and the like) may be sent back, and changes nothing."""

    credit_limit: Some
    type: Literal["cost", "tokens", "requests"] = "cost"
    alert_threshold: Some | None = None
    periodic_reset: Literal["daily", "weekly", "monthly"] | None = None
    periodic_reset_days: Annotated[int, Meta(ge=1, le=365)] | None = None
    next_usage_reset_at: str | None = None
    time_zone: Text | None = None
    soft: bool = False
    downgrade_at: SomeOrNone | None = None
    downgrade_to: Text | None = None
    status: Any = None
    last_reset_at: Any = None
    is_threshold_alerts_sent: Any = None
    is_exhausted_alerts_sent: Any = None
    current_usage: Any = None
    reserved: Any = None

    def stored(self, at: str = "usage_limits") -> UsageLimit:
        """As it is kept. Raises `Refusal` 400."""
        if self.periodic_reset and self.periodic_reset_days:
            raise Refusal(
                400, "invalid_value", "Give either periodic_reset or periodic_reset_days.", param=f"{at}.periodic_reset_days"
            )
        if self.alert_threshold is not None and self.alert_threshold > self.credit_limit:
            raise Refusal(400, "invalid_value", "alert_threshold may not be above credit_limit.", param=f"{at}.alert_threshold")
        if self.downgrade_at is not None and (not self.downgrade_to or self.downgrade_at > self.credit_limit):
            message = "downgrade_at lies within credit_limit, and downgrade_to says which model is asked from there on."
            raise Refusal(400, "invalid_value", message, param=f"{at}.downgrade_at")
        try:
            zone_of(self.time_zone or "UTC")
        except ValueError as error:
            raise Refusal(400, "invalid_value", f"This cannot be: {error}.", param=f"{at}.time_zone") from None
        return UsageLimit(
            self.type,
            stored_amount(self.type, self.credit_limit, f"{at}.credit_limit"),
            None if self.alert_threshold is None else stored_amount(self.type, self.alert_threshold, f"{at}.alert_threshold"),
            self.periodic_reset or "",
            self.periodic_reset_days or 0,
            micros(self.next_usage_reset_at, f"{at}.next_usage_reset_at") if self.next_usage_reset_at else 0,
            "" if self.time_zone in (None, "UTC") else self.time_zone,
            self.soft,
            None if self.downgrade_at is None else stored_amount(self.type, self.downgrade_at, f"{at}.downgrade_at"),
            self.downgrade_to or "",
        )


class ShownUsageLimits(msgspec.Struct, frozen=True, kw_only=True):
    """A budget, as it is shown. `current_usage`: what was used since it last began anew; null when that cannot be told.
    `reserved`: what is held of the rest for requests under way, and those to come."""

    type: Literal["cost", "tokens", "requests"]
    credit_limit: float
    alert_threshold: float | None
    periodic_reset: str | None
    periodic_reset_days: int | None
    next_usage_reset_at: str | None
    time_zone: str
    soft: bool
    downgrade_at: float | None
    downgrade_to: str | None
    current_usage: float | UnsetType | None = UNSET
    reserved: float | UnsetType | None = UNSET
    status: Literal["active", "exhausted"] | UnsetType = UNSET


def shown_usage(limit: UsageLimit, now_us: int = 0, stand: Standing | UnsetType | None = UNSET) -> ShownUsageLimits:
    """A budget to be shown: as it was said; or (`now_us`) as it is now, with how it stands (None: that cannot be told)."""
    told = isinstance(stand, Standing)
    return ShownUsageLimits(
        type=limit.type,
        credit_limit=shown_amount(limit, limit.credit_limit),
        alert_threshold=None if limit.alert_threshold is None else shown_amount(limit, limit.alert_threshold),
        periodic_reset=limit.periodic_reset or None,
        periodic_reset_days=limit.periodic_reset_days or None,
        next_usage_reset_at=text_of(next_reset_us(limit, now_us) if now_us else limit.next_reset_us),
        time_zone=limit.time_zone or "UTC",
        soft=limit.soft,
        downgrade_at=None if limit.downgrade_at is None else shown_amount(limit, limit.downgrade_at),
        downgrade_to=limit.downgrade_to or None,
        current_usage=shown_amount(limit, stand.used) if told else stand,
        reserved=shown_amount(limit, stand.reserved) if told else stand,
    )


def stored_amount(type: str, number: float, at: str) -> int:
    """So much of a budget of a type, as it is kept. Raises `Refusal` 400 for more than there can be."""
    try:
        return int(exact_amount(type, Decimal(repr(number))).to_integral_value())
    except ValueError as error:
        raise Refusal(400, "invalid_value", f"This cannot be: {error}.", param=at) from None


def shown_amount(limit: UsageLimit, number: int) -> float:
    """So much of a budget, in US dollars where it is of those."""
    scale = _NANO if limit.type == "cost" else 1
    return number // scale if number % scale == 0 else number / scale


class RateLimits(Body, frozen=True, kw_only=True):
    """At most `value` requests or tokens in a second, minute, hour, day or week; or so many requests at once (`concurrent`)."""

    type: Literal["requests", "tokens", "concurrent"] = "requests"
    unit: Unit = "rpm"
    value: Positive

    def stored(self) -> RateLimit:
        """As it is kept."""
        return RateLimit(self.type, self.value, self.unit)


def shown_rate(limit: RateLimit) -> RateLimits:
    """A rate to be shown."""
    return RateLimits(type=limit.type, unit=limit.unit, value=limit.value)


class DefaultsBody(Body, frozen=True, kw_only=True):
    """What holds for requests that do not say it: `config_id` is the slug of a config."""

    metadata: dict[str, str] = {}
    config_id: str | None = None
    allow_config_override: bool = True

    def stored(self) -> Defaults:
        """As it is kept."""
        return Defaults(self.metadata, self.config_id or "", self.allow_config_override)


class ShownCacheCap(msgspec.Struct, frozen=True, kw_only=True):
    """The most that configs may ask of the cache: `max_age` in seconds (null: whatever they like); `off`: nothing."""

    max_age: int | None
    off: bool


def shown_cap(cap: CacheCap) -> ShownCacheCap:
    """A cap as it is shown."""
    return ShownCacheCap(max_age=cap.max_age, off=cap.off)


def shown_defaults(defaults: Defaults) -> DefaultsBody:
    """Defaults to be shown."""
    return DefaultsBody(
        metadata=defaults.metadata,
        config_id=defaults.config or None,
        allow_config_override=defaults.allow_config_override,
    )


class RedactionBody(Body, frozen=True, kw_only=True):
    """What is taken out of the log besides: `patterns` are expressions of RE2, `fields` are paths of members of JSON
    ("messages.*.name")."""

    patterns: _Redacted = []
    fields: _Redacted = []

    def stored(self, at: str = "redact") -> Redaction:
        """As it is kept. Raises `Refusal` 400."""
        redaction = Redaction(self.patterns, self.fields)
        for where, why in redaction.flaws():
            raise Refusal(400, "invalid_value", f"{why[:1].upper()}{why[1:]}.", param=f"{at}.{where}")
        return redaction


def shown_redaction(redaction: Redaction) -> RedactionBody | None:
    """What is taken out, to be shown."""
    return RedactionBody(patterns=redaction.patterns, fields=redaction.fields) if redaction else None


def said(body: msgspec.Struct) -> frozenset[str]:
    """The members of a body that were said, whatever they say."""
    return frozenset(name for name in body.__struct_fields__ if getattr(body, name) is not UNSET)


def kept(value: T | UnsetType, before: T) -> T:
    """What holds after a change: what was said, or what held before."""
    return before if isinstance(value, UnsetType) else value


def micros(text: str, at: str) -> int:
    """A time as it is kept. Raises `Refusal` 400."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(400, "invalid_time", f"'{at}' is no time: write it as 2030-01-31T12:00:00Z.", param=at) from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    us = (when - _EPOCH) // timedelta(microseconds=1)
    if us <= 0:
        raise Refusal(400, "invalid_time", f"'{at}' lies before 1970.", param=at)
    return us


def text_of(us: int) -> str | None:
    """A time to be shown; None for never."""
    if not us:
        return None
    return (_EPOCH + timedelta(microseconds=us)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
