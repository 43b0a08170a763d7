"""What an import has to say: a finding for each part of the source, and the report that they make together."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap
from typing import Literal

import msgspec

Kind = Literal["todo", "left", "changed", "carried"]

#: The kinds, in the order in which a reader wants them.
TITLES: dict[Kind, str] = {
    "todo": "To do before it works",
    "left": "Not carried over",
    "changed": "Carried over with a change",
    "carried": "Carried over",
}

#: How many places a line names before it says how many more there are.
_PLACES = 4
_WIDTH = 110


class Finding(msgspec.Struct, frozen=True):
    """What became of one part: `at` is its path in the source, `says` a sentence, with what to do where something is."""

    kind: Kind
    at: str
    says: str


class Findings:
    """The findings of one import, in the order in which they were made; the same one is kept once."""

    def __init__(self) -> None:
        self._found: dict[Finding, None] = {}

    def todo(self, at: str, says: str) -> None:
        """Something that its reader must do."""
        self._found[Finding("todo", at, says)] = None

    def left(self, at: str, says: str) -> None:
        """Something that the result does not hold."""
        self._found[Finding("left", at, says)] = None

    def changed(self, at: str, says: str) -> None:
        """Something that the result holds otherwise."""
        self._found[Finding("changed", at, says)] = None

    def carried(self, at: str, says: str) -> None:
        """Something that the result holds."""
        self._found[Finding("carried", at, says)] = None

    def all(self) -> list[Finding]:
        """All of them, what needs attention first."""
        return [finding for kind in TITLES for finding in self._found if finding.kind == kind]


def report(findings: Iterable[Finding]) -> list[str]:
    """The findings as lines for people: under a heading for each kind, those that say the same in one.

    What the source says is cleared of control characters and line ends: a line stays a line, in a comment and on a terminal.
    """
    places: dict[tuple[Kind, str], list[str]] = {}
    for finding in findings:
        places.setdefault((finding.kind, finding.says), []).append(finding.at)
    lines: list[str] = []
    for kind, title in TITLES.items():
        told = [(says, at) for (of, says), at in places.items() if of == kind]
        if not told:
            continue
        lines += ["", f"{title} ({len(told)})"] if lines else [f"{title} ({len(told)})"]
        for says, at in told:
            text = plain(f"{_where(at)}: {says}")
            lines += wrap(text, _WIDTH, initial_indent="  - ", subsequent_indent="    ", break_on_hyphens=False)
    return lines


def plain(text: str) -> str:
    """A text on one line, without what a terminal or a parser would take for an order."""
    return "".join(each if each.isprintable() else " " for each in " ".join(text.split()))


def _where(at: list[str]) -> str:
    more = f" and {len(at) - _PLACES} more" if len(at) > _PLACES else ""
    return ", ".join(at[:_PLACES]) + more
