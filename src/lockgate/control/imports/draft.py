"""A `lockgate.yaml` in the making, and how it is written: its findings as comments on top, then its sections."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

import msgspec
import yaml

from lockgate.control.imports.findings import Finding, report

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-[^}]*)?\}")
_NOT_IN_A_SLUG = re.compile(r"[^a-z0-9._-]+")
_NOT_IN_A_VARIABLE = re.compile(r"[^A-Z0-9]+")
_SLUG_LENGTH = 64


class Draft(msgspec.Struct):
    """The sections of a configuration, as plain values. An empty one is not written."""

    providers: dict[str, dict[str, Any]] = {}
    keys: list[dict[str, Any]] = []
    aliases: dict[str, Any] = {}
    configs: dict[str, dict[str, Any]] = {}
    egress: dict[str, Any] = {}
    prices: dict[str, dict[str, Any]] = {}
    log: dict[str, Any] = {}
    timeouts: dict[str, Any] = {}

    def variables(self) -> list[str]:
        """The environment variables that it needs, in the order in which it names them; not those that have a default."""
        found: dict[str, None] = {}
        for text in _texts(msgspec.structs.asdict(self)):
            for name, default in _REFERENCE.findall(text):
                if not default:
                    found[name] = None
        return list(found)


class Variables:
    """Where the secrets of a source go: into environment variables, one for each secret, or, when asked, into the file."""

    def __init__(self, keep: bool) -> None:
        self.keep = keep
        self._values: dict[str, str] = {}  # variable → its secret, "" where it is the source's own

    def reserve(self, value: Any) -> None:
        """Keep the names of the variables that a value refers to: no secret is given one of them."""
        for text in _texts(value):
            for name, _ in _REFERENCE.findall(text):
                self._values.setdefault(name, "")

    def name(self, wanted: str, value: str) -> str:
        """A variable's name for a secret: the wanted one, unless another secret has it."""
        wanted = _NOT_IN_A_VARIABLE.sub("_", wanted.upper()).strip("_") or "SECRET"
        wanted = f"_{wanted}" if wanted[0].isdigit() else wanted
        name, n = wanted, 1
        while self._values.setdefault(name, value) != value:
            n += 1
            name = f"{wanted}_{n}"
        return name


def slugged(text: str) -> str:
    """A text as a slug: lower-case letters, digits, "-", "_" and "."; "" when nothing is left."""
    return _NOT_IN_A_SLUG.sub("-", text.lower()).strip("-.")[:_SLUG_LENGTH].strip("-.")


def unused(wanted: str, taken: Iterable[str]) -> str:
    """A name that is not taken: the wanted one, or with the first number behind it that makes it new."""
    taken, name, n = set(taken), wanted, 1
    while name in taken:
        n += 1
        name = f"{wanted[: _SLUG_LENGTH - 4]}-{n}"
    return name


def reference(text: str) -> str:
    """The variable that a text consists of ("${NAME}" → NAME), "" when it is another text."""
    match = _REFERENCE.fullmatch(text)
    return match[1] if match else ""


def write(draft: Draft, head: str, findings: list[Finding]) -> str:
    """The file. `head` is its first line."""
    lines = [head, "", *report(findings)]
    comment = "".join(f"# {line}".rstrip() + "\n" for line in lines)
    sections = {name: section for name, section in msgspec.structs.asdict(draft).items() if section}
    return comment + "".join(f"\n{_dump(name, section)}" for name, section in sections.items())


def _dump(name: str, section: Any) -> str:
    tree = _Lines({name: _Lines(section) if isinstance(section, dict) else section})
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None)


class _Lines(dict[str, Any]):
    """A mapping with each of its members on a line of its own."""


class _Dumper(yaml.SafeDumper):
    """Every value where it stands: no anchors, which PyYAML makes of parts that are the same object."""

    def ignore_aliases(self, data: Any) -> bool:
        """See `yaml.representer.BaseRepresenter`."""
        return True

    def lines(self, data: _Lines) -> yaml.Node:
        """How `_Lines` are written."""
        return self.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=False)


_Dumper.add_representer(_Lines, _Dumper.lines)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in cast("dict[str, Any]", value).values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _texts(each)
