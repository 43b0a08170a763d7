"""Turns from the pieces of a conversation that a dialect lists one by one, and what marks them."""

from __future__ import annotations

from lockgate.core.content import Part, Role, ToolResult, Turn
from lockgate.core.request import Request


def add(turns: list[Turn], role: Role, *parts: Part) -> None:
    """Put parts into the last turn when it is the role's, else into a new one; tool results go before what else is there.

    Every provider wants the results of a model's calls right behind them, whatever else the user says.
    """
    if not parts:
        return
    if not turns or turns[-1].role != role:
        turns.append(Turn(role, []))
    there = turns[-1].parts
    for part in parts:
        if type(part) is ToolResult:
            there.insert(_results(there), part)
        else:
            there.append(part)


def cache_marked(request: Request) -> bool:
    """Whether a request marks anything for the prompt cache; dialects that cache by themselves cannot say where."""
    return (
        request.cache is not None
        or any(tool.cache is not None for tool in request.tools)
        or any(getattr(part, "cache", None) is not None for turn in request.turns for part in turn.parts)
    )


def _results(parts: list[Part]) -> int:
    """How many tool results a turn begins with."""
    count = 0
    for part in parts:
        if type(part) is not ToolResult:
            break
        count += 1
    return count
