"""What a token says of itself beside who it is: defaults and limits, in the shapes that keys have them in Portkey's admin API.

What cannot be read is refused: a limit that is passed over would be none.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from lockgate.control.identity.jose import BadToken, Claims
from lockgate.core.limits import RATE_MOST, RateLimit, UsageLimit, exact_amount
from lockgate.core.tenancy import Defaults

#: Characters of a value in the metadata, and members of it.
_VALUE, _MEMBERS = 128, 64
#: Limits of a kind.
_LIMITS = 16


class _Defaults(msgspec.Struct):
    config_id: str | None = None
    metadata: dict[str, str | int | float | bool | None] | None = None
    allow_config_override: bool = True


class _Usage(msgspec.Struct):
    credit_limit: float
    type: Literal["cost", "tokens", "requests"] = "cost"
    alert_threshold: float | None = None
    periodic_reset: Literal["daily", "weekly", "monthly"] | None = None
    periodic_reset_days: Annotated[int, Meta(ge=1, le=365)] | None = None


class _Rate(msgspec.Struct):
    type: Literal["requests", "tokens", "concurrent"]
    value: Annotated[int, Meta(ge=1, le=RATE_MOST)]
    unit: Literal["rps", "rpm", "rph", "rpd", "rpw"] = "rpm"


class Said(msgspec.Struct, frozen=True):
    """Defaults and limits. `config` "": none is named."""

    config: str = ""
    allow_config_override: bool = True
    metadata: dict[str, str] = {}
    usage_limits: tuple[UsageLimit, ...] = ()
    rate_limits: tuple[RateLimit, ...] = ()

    def defaults_for(self, user: str) -> Defaults:
        """The defaults of a key that is this user's; "": a service's."""
        metadata = {**self.metadata, "_user": user} if user else self.metadata
        return Defaults(metadata=metadata, config=self.config, allow_config_override=self.allow_config_override)


def read_said(claims: Claims) -> Said:
    """What a token says. Raises `BadToken`."""
    defaults = _read(claims, "defaults", _Defaults) or _Defaults()
    metadata = {name: _text(value) for name, value in (defaults.metadata or {}).items() if value is not None}
    if len(metadata) > _MEMBERS or any(len(value) > _VALUE for value in metadata.values()):
        raise BadToken("its defaults.metadata has too many members, or too long ones")
    return Said(
        defaults.config_id or "",
        defaults.allow_config_override,
        metadata,
        tuple(_usage(each) for each in _list(claims, "usage_limits", _Usage)),
        tuple(RateLimit(each.type, each.value, each.unit) for each in _list(claims, "rate_limits", _Rate)),
    )


def _list(claims: Claims, name: str, kind: Any) -> list[Any]:
    """A claim that is one limit or a list of them."""
    said = claims.get(name)
    if isinstance(said, dict):
        return [_read(claims, name, kind)]
    found = _read(claims, name, list[kind]) or []
    if len(found) > _LIMITS:
        raise BadToken(f"its {name} are more than {_LIMITS}")
    return found


def _read(claims: Claims, name: str, kind: Any) -> Any:
    said = claims.get(name)
    if said is None:
        return None
    try:
        return msgspec.convert(said, kind)
    except msgspec.ValidationError as error:
        raise BadToken(f"its {name} cannot be read: {str(error)[:1].lower()}{str(error)[1:]}") from None


def _usage(said: _Usage) -> UsageLimit:
    if said.periodic_reset and said.periodic_reset_days:
        raise BadToken("its usage_limits have two resets")
    return UsageLimit(
        said.type,
        _amount(said.type, said.credit_limit),
        None if said.alert_threshold is None else _amount(said.type, said.alert_threshold),
        said.periodic_reset or "",
        said.periodic_reset_days or 0,
    )


def _amount(type: str, number: float) -> int:
    """Dollars as nano-USD, others as they are; rounded down, for a limit is the most."""
    try:
        amount = int(exact_amount(type, Decimal(repr(number))))
    except ValueError as error:
        raise BadToken(f"its usage_limits cannot be: {error}") from None
    if not amount:
        raise BadToken("its usage_limits have an amount that is none")
    return amount


def _text(value: str | float | bool) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
