"""Edits: what a provider spells otherwise than the dialect that it speaks.

They apply to what a translation writes and to a caller's own body alike, since a caller of an OpenAI dialect means OpenAI's
spelling. A body that they do not concern stays as it came.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import msgspec

from lockgate.core.content import Role
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet

_Messages = list[dict[str, msgspec.Raw]]

#: Where the dialects keep what has a role.
_TURNS = ("messages", "input")
#: What asks for nothing: leaving it out changes nothing.
_OFF = (b"false", b"null")
#: The value of `says` that stands for every other one.
ANY = "*"


class Edits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, dict=True):
    """The edits for one dialect.

    rename   member → its name here
    drop     members that are rejected here; each is a loss, unless it is off
    roles    role → the one to use instead
    says     member → its value, or "*" for any other → the members that say so here, instead of it
    also     sampling members that this provider takes although its dialect has none ("top_k")
    """

    rename: dict[str, str] = {}
    drop: list[str] = []
    roles: dict[Role, Role] = {}
    says: dict[str, dict[str, dict[str, Any]]] = {}
    also: list[str] = []

    @cached_property
    def _signs(self) -> tuple[frozenset[str], tuple[bytes, ...]]:
        """What shows that a body may have to be edited: names of members, and roles as they are written."""
        return frozenset((*self.rename, *self.drop, *self.says)), tuple(b'"%b"' % role.encode() for role in self.roles)

    def concern(self, sheet: Sheet, body: bytes) -> bool:
        """Whether a caller's body has anything to edit."""
        names, roles = self._signs
        return not names.isdisjoint(sheet) or any(role in body for role in roles)

    def edit(self, sheet: Sheet) -> list[str]:
        """Edit a caller's body; what was dropped."""
        for member in _TURNS if self.roles else ():
            turns = _messages(sheet.raw(member))
            if any(_role(turn) in self.roles for turn in turns):
                sheet.set(member, [self._with_role(turn) for turn in turns])
        return self._edit(sheet)

    def before(self, request: Request) -> None:
        """Edit the canonical request before it is written."""
        for turn in request.turns if self.roles else ():
            turn.role = self.roles.get(turn.role, turn.role)

    def after(self, sheet: Sheet, request: Request) -> None:
        """Edit what was written."""
        for name in self.also:
            if name in request.losses:
                request.losses.remove(name)
                sheet.set(name, getattr(request.sampling, name))
        for name in self._edit(sheet):
            request.lose(name)

    def _edit(self, sheet: Sheet) -> list[str]:
        dropped: list[str] = []
        for name in self.drop:
            value = sheet.raw(name)
            if value is not None:
                sheet.drop(name)
                if bytes(value) not in _OFF:
                    dropped.append(name)
        for member, said in self.says.items():
            value = sheet.raw(member)
            instead = None if value is None else said.get(bytes(value).decode().strip('"'), said.get(ANY))
            if instead is not None:
                sheet.drop(member)
                for name, what in instead.items():
                    if name not in sheet:
                        sheet.set(name, what)
        for old, new in self.rename.items():
            sheet.rename(old, new)
            sheet.drop(old)  # both were given
        return dropped

    def _with_role(self, turn: dict[str, msgspec.Raw]) -> dict[str, msgspec.Raw]:
        role = _role(turn)
        return {**turn, "role": msgspec.Raw(b'"%b"' % self.roles[role].encode())} if role in self.roles else turn


def merged(all_edits: list[Edits]) -> Edits:
    """Several as one; the later wins."""
    rename: dict[str, str] = {}
    drop: dict[str, None] = {}
    roles: dict[Role, Role] = {}
    says: dict[str, dict[str, dict[str, Any]]] = {}
    also: dict[str, None] = {}
    for edits in all_edits:
        rename |= edits.rename
        drop |= dict.fromkeys(edits.drop)
        roles |= edits.roles
        says |= edits.says
        also |= dict.fromkeys(edits.also)
    return Edits(rename, list(drop), roles, says, list(also))


def _messages(raw: msgspec.Raw | None) -> _Messages:
    """The turns of a body; none when it is something else, about which its provider has the word."""
    try:
        return [] if raw is None else msgspec.json.decode(raw, type=_Messages)
    except (msgspec.DecodeError, RecursionError):
        return []


def _role(turn: dict[str, msgspec.Raw]) -> Any:
    return bytes(turn.get("role", b"")).decode("utf-8", "replace").strip('"')
