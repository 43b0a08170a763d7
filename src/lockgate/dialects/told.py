"""An answer's format told in words, to models that cannot be bound to it."""

from __future__ import annotations

from lockgate.core.content import Text, Turn
from lockgate.core.request import Format, Request

_ANY_JSON = "Answer with a single valid JSON object and nothing else."
_BY_SCHEMA = "Answer with a single valid JSON value and nothing else. It must match this JSON Schema:\n"


def told_format(wanted: Format, request: Request) -> str:
    """The sentence for the system prompt; "" when any JSON is wanted and the conversation says so already."""
    if wanted.kind == "schema":
        return _BY_SCHEMA + bytes(wanted.schema or b"{}").decode()
    # OpenAI demands that the conversation itself asks for JSON, so most do.
    return "" if any(_asks_for_json(turn) for turn in request.turns) else _ANY_JSON


def _asks_for_json(turn: Turn) -> bool:
    return turn.role != "assistant" and any(isinstance(part, Text) and "json" in part.text.lower() for part in turn.parts)
