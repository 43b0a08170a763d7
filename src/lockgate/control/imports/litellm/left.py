"""What is known to be left out (`left.toml`): a sentence for each member of a section."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from lockgate.control.imports.litellm.members import Members


def _read() -> dict[str, dict[str, str]]:
    text = files("lockgate.control.imports.litellm").joinpath("left.toml").read_text("utf-8")
    sections: dict[str, dict[str, list[str]]] = tomllib.loads(text)
    return {section: {member: why for why, members in said.items() for member in members} for section, said in sections.items()}


#: Section → member → why, and what to do instead.
LEFT: dict[str, dict[str, str]] = _read()


def leave(members: Members, section: str) -> None:
    """A finding for every member that nobody took. One that is switched off, or empty, is not missed."""
    for name, value in members.rest().items():
        if value not in (False, "", [], {}):
            members.findings.left(members.path(name), LEFT[section].get(name, "there is nothing like it here"))
