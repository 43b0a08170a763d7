"""Quirks: what an endpoint wants of a body besides its dialect, as functions that the provider table names.

A quirk edits raw members of the top level, whoever wrote them, and leaves the rest as it came. It is given the model by the
name that the provider knows.
"""

from __future__ import annotations

from collections.abc import Callable

from lockgate.core.sheet import Sheet
from lockgate.providers.quirks import google, predibase

QUIRKS: dict[str, Callable[[Sheet, str], None]] = {
    "predibase": predibase.adapter,
    "vertex-claude": google.claude,
    "vertex-claude-count": google.claude_count,
    "vertex-deployed": google.deployed,
}
