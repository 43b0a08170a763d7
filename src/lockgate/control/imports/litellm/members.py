"""The members of a part of LiteLLM's configuration, taken one after the other: what nobody took is what nobody knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

from lockgate.control.imports.findings import Findings

_ENVIRONMENT = "os.environ/"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Members:
    """The members at a path. A value of a type that the member cannot have is left, with a finding."""

    def __init__(self, tree: Any, at: str, findings: Findings) -> None:
        self.at = at
        self.findings = findings
        self._left: dict[str, Any] = {}
        if isinstance(tree, Mapping):
            self._left = {name: value for name, value in cast("Mapping[str, Any]", tree).items() if value is not None}
        elif tree is not None:
            findings.left(at, "it is no mapping, so nothing of it can be read")

    def path(self, name: str) -> str:
        """Where a member stands."""
        return f"{self.at}.{name}" if self.at else name

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str) -> Any:
        """A member as it is, None when it is not there."""
        return self._left.pop(name, None)

    def text(self, name: str) -> str:
        """A text, with a variable named as `lockgate.yaml` does it; a number as its text; "" when it is not there."""
        value = self.take(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if value is None or isinstance(value, str):
            return interpolated(value or "").strip()
        self._odd(name, "a text")
        return ""

    def number(self, name: str) -> float | None:
        """A number, None when it is not there (or comes from the environment, which numbers cannot here)."""
        value = self.take(name)
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                self.findings.left(self.path(name), "a number cannot come from an environment variable here; write the number")
                return None
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            return value
        self._odd(name, "a number")
        return None

    def flag(self, name: str) -> bool | None:
        """True or false, None when it is not there."""
        value = self.take(name)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if value is None or isinstance(value, bool):
            return value
        self._odd(name, "true or false")
        return None

    def mapping(self, name: str) -> dict[str, Any]:
        """A mapping, empty when it is not there."""
        value = self.take(name)
        if isinstance(value, dict):
            return cast("dict[str, Any]", value)
        if value is not None:
            self._odd(name, "a mapping")
        return {}

    def items(self, name: str) -> list[Any]:
        """A list, empty when it is not there."""
        value = self.take(name)
        if isinstance(value, list):
            return cast("list[Any]", value)
        if value is not None:
            self._odd(name, "a list")
        return []

    def rest(self) -> dict[str, Any]:
        """What nobody has taken; it is taken now."""
        rest, self._left = self._left, {}
        return rest

    def _odd(self, name: str, wanted: str) -> None:
        self.findings.left(self.path(name), f"it is not {wanted}")


def interpolated(text: str) -> str:
    """A text with LiteLLM's "os.environ/NAME" as "${NAME}". One whose NAME is none stays as it is."""
    name = text.removeprefix(_ENVIRONMENT)
    return f"${{{name}}}" if name != text and _NAME.fullmatch(name) else text


def deep_interpolated(value: Any) -> Any:
    """The same, in every text of a value."""
    if isinstance(value, str):
        return interpolated(value)
    if isinstance(value, dict):
        return {name: deep_interpolated(each) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [deep_interpolated(each) for each in cast("list[Any]", value)]
    return value
