"""Quirks: what an endpoint wants of a body besides its dialect, as functions that the provider table names.

A quirk edits raw members of the top level, whoever wrote them, and leaves the rest as it came. It is given the model by the
name that the provider knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from lockgate.core.sheet import Sheet
from lockgate.providers.quirks import bedrock, google, predibase

#: What edits a body, for a model, with the caller's headers at hand (lower case); it gives what it had to leave out.
Quirk = Callable[[Sheet, str, Mapping[bytes, bytes]], list[str]]

QUIRKS: dict[str, Quirk] = {
    "bedrock-claude": bedrock.claude,
    "bedrock-cohere": bedrock.cohere,
    "predibase": predibase.adapter,
    "vertex-claude": google.claude,
    "vertex-claude-count": google.claude_count,
    "vertex-deployed": google.deployed,
    "vertex-embed": google.embed,
}
