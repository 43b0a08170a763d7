"""Deployments: a model under the name that an account gave it, where the provider knows it by that name only."""

from __future__ import annotations

import re

from lockgate.core.failure import Refusal
from lockgate.providers.auth.settings import Settings

#: What may stand in a path: no separators, no dots alone.
_NAME = re.compile(r"(?!\.+$)[A-Za-z0-9._-]{1,128}")

#: The entry for every model that has none of its own.
ANY = "*"


def deployments_of(settings: Settings) -> dict[str, str]:
    """Model → deployment. Raises `Refusal` for a name that is no safe part of a path."""
    found: dict[str, str] = {}
    for index, each in enumerate(settings.deployments):
        name = _safe(each.deployment_id, f"deployments[{index}].deployment_id")
        found[each.alias or name] = name
        found[name] = name
        if each.is_default:
            found[ANY] = name
    for member in ("azure_deployment_id", "deployment_id"):
        if (name := getattr(settings, member)) and ANY not in found:
            found[ANY] = _safe(name, member)
    return found


def _safe(name: str, member: str) -> str:
    if not _NAME.fullmatch(name):
        raise Refusal(
            400, "invalid_setting", f"{member} must be a deployment's name: letters, digits, '.', '_', '-'.", param=member
        )
    return name
