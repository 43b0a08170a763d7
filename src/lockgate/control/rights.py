"""What can be given to a key: never more than whoever makes, changes or rotates it has.

Rotating counts, since its answer holds the key's new text. (What happens else: CVE-2026-47101, -47102 and -40217 of LiteLLM,
where a key with few rights made one with all.)
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from lockgate.control.scopes import EVERYTHING
from lockgate.control.stored import widen
from lockgate.core.failure import Refusal
from lockgate.core.limits import RateLimit, UsageLimit
from lockgate.core.tenancy import ApiKey


class Rights(msgspec.Struct, frozen=True):
    """What someone has to give: scopes; models (none: all); the config that all requests take ("": any); a budget, rates, and
    the time when all of it ends (0: never)."""

    scopes: frozenset[str]
    models: tuple[str, ...] = ()
    config: str = ""
    usage_limits: UsageLimit | None = None
    rate_limits: tuple[RateLimit, ...] = ()
    expires_us: int = 0


def narrowed(key: ApiKey, rights: Rights, known: frozenset[str]) -> ApiKey:
    """The key, with what it does not say of its limits taken from whoever makes it. Raises `Refusal` 403 for what it says
    beyond. `known` are all scopes that there are."""
    _check_scopes(key.scopes, rights, known)
    given: dict[str, Any] = {}
    if rights.models:
        given["models"] = list(key.models or rights.models)
        beyond = [model for model in key.models if not _covers(rights.models, model)]
        if beyond:
            raise _beyond("models", f"Your own key may not use {', '.join(beyond)}.")
    if rights.config:
        if key.defaults.config not in ("", rights.config) or (key.defaults.config and key.defaults.allow_config_override):
            raise _beyond("defaults.config_id", f"Your own key is bound to the config '{rights.config}'.")
        given["defaults"] = msgspec.structs.replace(key.defaults, config=rights.config, allow_config_override=False)
    if rights.usage_limits is not None:
        given["usage_limits"] = _budget(key.usage_limits, rights.usage_limits)
    if rights.rate_limits:
        given["rate_limits"] = _rates(key.rate_limits, rights.rate_limits)
    if rights.expires_us:
        if key.expires_us > rights.expires_us:
            raise _beyond("expires_at", "Your own key expires before that.")
        given["expires_us"] = key.expires_us or rights.expires_us
    return msgspec.structs.replace(key, **given) if given else key


def check_within(key: ApiKey, rights: Rights, known: frozenset[str]) -> None:
    """Raises `Refusal` 403 when a key, as it is, has more than the rights."""
    if narrowed(key, rights, known) != key:
        raise _beyond("", "This key has more rights than your own: ask for one with as many.")


def _check_scopes(scopes: Iterable[str], rights: Rights, known: frozenset[str]) -> None:
    named = frozenset(scopes)
    if unknown := named - known - {EVERYTHING}:
        raise Refusal(400, "unknown_scope", f"There is no scope {', '.join(sorted(unknown))}.", param="scopes")
    wanted = frozenset((EVERYTHING,)) if EVERYTHING in named else widen(named, known)
    if EVERYTHING in rights.scopes:
        return
    if beyond := wanted - rights.scopes:
        raise _beyond("scopes", f"You do not have the scopes {', '.join(sorted(beyond))} yourself.")


def _covers(patterns: Iterable[str], model: str) -> bool:
    """Whether a pattern of models lies within one of others. A star covers what any wildcard may become; what "?" and "[…]"
    match is only compared letter by letter."""
    return any(model == each or ("?" not in each and "[" not in each and fnmatchcase(model, each)) for each in patterns)


def _budget(asked: UsageLimit | None, own: UsageLimit) -> UsageLimit:
    if asked is None:
        return own
    if _window(asked) != _window(own) or asked.credit_limit > own.credit_limit or (asked.soft and not own.soft):
        raise _beyond("usage_limits", "Your own key has a budget: give the same kind, with the same reset, and not more.")
    if own.downgrade_to and (asked.downgrade_to != own.downgrade_to or _downgraded_at(asked) > _downgraded_at(own)):
        raise _beyond("usage_limits", f"Your own key is sent to {own.downgrade_to}: give a budget that leads there as soon.")
    return asked


def _window(limit: UsageLimit) -> tuple[object, ...]:
    return limit.type, limit.periodic_reset, limit.periodic_reset_days, limit.time_zone or "UTC"


def _downgraded_at(limit: UsageLimit) -> int:
    return limit.credit_limit if limit.downgrade_at is None else limit.downgrade_at


def _rates(asked: list[RateLimit], own: tuple[RateLimit, ...]) -> list[RateLimit]:
    said = {(each.type, each.unit): each for each in asked}
    for each in own:
        mine = said.setdefault((each.type, each.unit), each)
        if mine.value > each.value:
            raise _beyond("rate_limits", f"Your own key has {each.value} {each.type} ({each.unit}): give not more.")
    return list(said.values())


def _beyond(param: str, message: str) -> Refusal:
    return Refusal(403, "beyond_your_rights", message, param=param, scope="key")
