"""Slots: the parts of a provider's addresses that differ from account to account, such as `{account_id}` in a base URL.

A value comes from `params`, from the member that Portkey's users say it by, from an environment variable, or is the slot's
default. It must match the slot's pattern as a whole: what a caller says becomes part of a host name or of a path.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from lockgate.core.failure import Refusal
from lockgate.providers.auth.settings import Settings

#: A slot in a template. What is filled for each request is none.
SLOT = re.compile(r"\{([a-z][a-z0-9_]*)\}")
PER_REQUEST = frozenset(("model", "deployment"))


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One slot.

    pattern   what a value must match as a whole; it may not admit what ends a host name or a path segment
    member    the member of `Settings` that says it too ("fireworks_account_id")
    also      other members that do; "a.b" is member b of what a, a JSON object, says
    env       the environment variable that says it, for a provider that nobody configured and for one that is configured
    default   the value when nobody says one
    """

    pattern: str = "[a-z0-9-]{1,63}"
    member: str = ""
    also: list[str] = []
    env: str = ""
    default: str = ""

    def value(self, name: str, settings: Settings, environment: Mapping[str, str]) -> str:
        """What was said, the nearest first; "" when nothing was."""
        told = next((said for member in (self.member, *self.also) if member and (said := _said(settings, member))), "")
        return settings.params.get(name) or told or (environment.get(self.env, "") if self.env else "") or self.default


def _said(settings: Settings, member: str) -> str:
    """What a member says, or a member of what it says."""
    name, _, inner = member.partition(".")
    value: Any = getattr(settings, name)
    if inner and isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            value = None
    if inner:
        value = cast("dict[str, Any]", value).get(inner) if isinstance(value, dict) else ""
    return value if isinstance(value, str) else ""


def names_in(templates: Iterable[str]) -> frozenset[str]:
    """The slots that templates use."""
    return frozenset(name for template in templates for name in SLOT.findall(template)) - PER_REQUEST


def fill(template: str, values: Mapping[str, str]) -> str:
    """A template with its slots filled; those without a value (`{model}`) stay."""
    return SLOT.sub(lambda match: values.get(match[1], match[0]), template) if "{" in template else template


def find_values(
    provider: str, slots: Mapping[str, Slot], needed: frozenset[str], settings: Settings, environment: Mapping[str, str]
) -> dict[str, str]:
    """The value of every slot that is needed. Raises `Refusal` 400 whose `param` is the setting to change; `provider` is the
    name for its sentence."""
    for name in settings.params:
        if name not in slots:
            known = f"it has {', '.join(slots)}" if slots else "it has none"
            raise Refusal(400, "unknown_param", f"{provider} has no parameter '{name}'; {known}.", param=f"params.{name}")
    values: dict[str, str] = {}
    for name in sorted(needed):
        slot = slots[name]
        value = slot.value(name, settings, environment)
        at = slot.member if slot.member and name not in settings.params else f"params.{name}"
        if not value:
            also = f", or {slot.env} in the environment" if slot.env else ""
            raise Refusal(400, "missing_param", f"{provider} needs {name}: set {at}{also}.", param=at)
        if not re.fullmatch(slot.pattern, value):
            raise Refusal(400, "invalid_param", f"{at} does not look like a value for {name}: {slot.pattern}.", param=at)
        values[name] = value
    return values
