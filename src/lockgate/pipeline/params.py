"""What a route changes about a request's body: members put in, replaced, and left out.

In this order, as Portkey's gateway does it: `default_params` where a member is absent, `override_params` in place of what is
there, `drop_params` last. A path ("messages[*].name") reaches inside a member, which is then read and written anew; all others
stay the bytes that they were.
"""

from __future__ import annotations

from typing import Any, cast

import msgspec

from lockgate.core.json import as_any
from lockgate.core.sheet import Sheet
from lockgate.policy.facts import Each, Step, steps_of


class Drop(msgspec.Struct, frozen=True):
    """A path to leave out: `member` of the body, and the way inside it (() for all of it)."""

    member: str
    inside: tuple[Step, ...] = ()


class Changes(msgspec.Struct, frozen=True):
    """What one target changes about a body."""

    defaults: dict[str, msgspec.Raw] = {}
    overrides: dict[str, msgspec.Raw] = {}
    drops: tuple[Drop, ...] = ()

    def concern(self, sheet: Sheet) -> bool:
        """Whether anything is to be done to this body."""
        return bool(
            self.overrides
            or any(name not in sheet for name in self.defaults)
            or any(drop.member in sheet for drop in self.drops)
        )

    def make(self, sheet: Sheet) -> None:
        """Do it."""
        for name, value in self.defaults.items():
            if name not in sheet:
                sheet.set(name, value)
        for name, value in self.overrides.items():
            sheet.set(name, value)
        for drop in self.drops:
            if not drop.inside:
                sheet.drop(drop.member)
            elif (raw := sheet.raw(drop.member)) is not None:
                tree = as_any(raw)
                if _take_out(tree, drop.inside):
                    sheet.set(drop.member, tree)


NO_CHANGES = Changes()


def read_drop(path: str) -> Drop:
    """A path as it is written. Raises `ValueError` with what is wrong."""
    steps = steps_of(f".{path}")
    if not steps or not isinstance(steps[0], str):
        raise ValueError(f"'{path}' is no path into the body: write it like 'user' or 'messages[*].name'")
    return Drop(steps[0], steps[1:])


def _take_out(tree: Any, way: tuple[Step, ...]) -> bool:
    """Remove what the way leads to; whether anything was there."""
    step, rest = way[0], way[1:]
    if isinstance(tree, dict):
        members = cast("dict[str, Any]", tree)
        places: list[Any] = list(members) if isinstance(step, Each) else [str(step)] if str(step) in members else []
    elif isinstance(tree, list):
        items = cast("list[Any]", tree)
        every = range(len(items) - 1, -1, -1)  # from the end, so that what is removed moves nothing that is still to be
        places = list(every) if isinstance(step, Each) else [step] if step in range(-len(items), len(items)) else []
    else:
        return False
    found = False
    for place in places:
        if rest:
            found |= _take_out(tree[place], rest)
        else:
            del tree[place]
            found = True
    return found
