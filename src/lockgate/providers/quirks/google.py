"""What Google's Vertex AI wants of bodies that other makers' dialects define.

Sources: https://cloud.google.com/vertex-ai/generative-ai/docs/partner-models/claude/use-claude (the model stands in the path,
the API's version in the body), https://cloud.google.com/vertex-ai/generative-ai/docs/migrate/openai/overview
"""

from __future__ import annotations

from lockgate.core.sheet import Sheet

#: The version of the Messages API, which goes in a header elsewhere.
_VERSION = "vertex-2023-10-16"


def claude(sheet: Sheet, model: str) -> None:
    """A Messages body for `rawPredict`."""
    sheet.drop("model")
    claude_count(sheet, model)


def claude_count(sheet: Sheet, model: str) -> None:
    """A body for the counting of tokens, which one path does for all models."""
    if "anthropic_version" not in sheet:
        sheet.set("anthropic_version", _VERSION)


def deployed(sheet: Sheet, model: str) -> None:
    """A chat body for an endpoint of one's own, which serves one model and is known by its number in the path."""
    sheet.set("model", "")
