"""Secret managers: where references point to. A new one is a file here with a `Fetch` (`control.references`), and a line."""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.control.managers.file import file_manager
from lockgate.control.references import Fetch


def managers_of(environment: Mapping[str, str]) -> dict[str, Fetch]:
    """The managers that this installation can ask."""
    return {"file": file_manager(environment.get("LOCKGATE_SECRETS_DIR", ""))}
