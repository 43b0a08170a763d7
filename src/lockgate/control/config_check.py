"""All that is wrong with a config, as far as that can be told at once.

Whoever reads a config stops at the first mistake. To find the others, the member at fault is taken out and the rest is read
again. What is missing because of that is no mistake of the author's: it is taken out with all around it, and from there on
only members that cannot be read are told, since the route is no longer the one that was meant.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any, cast

from lockgate.control.config import Mistake
from lockgate.control.saved_configs import check
from lockgate.core.failure import Refusal
from lockgate.pipeline.route import AT

#: How many are told at most.
MOST = 20
_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_UNKNOWN = re.compile("unknown field `(.+?)`")


def mistakes_of(config: dict[str, Any]) -> list[Mistake]:
    """What is wrong, each at its path ("config.targets[0].weight"); [] when it can be saved."""
    found: list[Mistake] = []
    rest, is_whole = deepcopy(config), True
    for _ in range(2 * MOST):
        try:
            check(rest)
            break
        except Refusal as refusal:
            mistake = _mistake(refusal)
            if any(_is_at_or_above(mistake.path, each.path) for each in found):
                is_whole = False
            elif is_whole or refusal.code != "invalid_config":
                found.append(mistake)
        if len(found) == MOST or not _take_out(rest, mistake.path):
            break
    return found


def _mistake(refusal: Refusal) -> Mistake:
    """A member that is not known is at fault itself, and not what it stands in."""
    path, message = refusal.param or AT, refusal.message
    if match := _UNKNOWN.search(message):
        return Mistake(f"{path}.{match[1]}", f"There is no '{match[1]}' here.")
    message = message.removeprefix(f"Invalid value at '{path}': ")
    return Mistake(path, message[:1].upper() + message[1:])


def _is_at_or_above(path: str, other: str) -> bool:
    return other == path or other.startswith((f"{path}.", f"{path}["))


def _take_out(tree: dict[str, Any], path: str) -> bool:
    """Take a member out. False where there is none, or where others would move up."""
    steps = [int(n) if n else name for n, name in _STEP.findall(path.removeprefix(AT))]
    if not steps or isinstance(steps[-1], int):
        return False
    at: Any = tree
    for step in steps[:-1]:
        try:
            at = cast("Any", at)[step]
        except (KeyError, IndexError, TypeError):
            return False
    if not isinstance(at, dict) or steps[-1] not in at:
        return False
    del cast("dict[Any, Any]", at)[steps[-1]]
    return True
