"""What Google's Vertex AI wants of bodies that other makers' dialects define.

Sources: https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude (the model stands in the path,
the API's version in the body), https://cloud.google.com/vertex-ai/generative-ai/docs/migrate/openai/overview
"""

from __future__ import annotations

from collections.abc import Mapping

from lockgate.core.sheet import Sheet

Headers = Mapping[bytes, bytes]

#: The version of the Messages API, which goes in a header elsewhere.
_VERSION = "vertex-2023-10-16"


def claude(sheet: Sheet, model: str, headers: Headers) -> list[str]:
    """A Messages body for `rawPredict`."""
    sheet.drop("model")
    return claude_count(sheet, model, headers)


def claude_count(sheet: Sheet, model: str, headers: Headers) -> list[str]:
    """A body for the counting of tokens, which one path does for all models."""
    if "anthropic_version" not in sheet:
        sheet.set("anthropic_version", _VERSION)
    return []


def deployed(sheet: Sheet, model: str, headers: Headers) -> list[str]:
    """A chat body for an endpoint of one's own, which serves one model and is known by its number in the path."""
    sheet.set("model", "")
    return []


def embed(sheet: Sheet, model: str, headers: Headers) -> list[str]:
    """An embedContent body, which names no model where the path names a project's."""
    sheet.drop("model")
    return []
