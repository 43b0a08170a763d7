"""How much a Gemini model shall think: a budget in tokens for one family, a level for the next, nothing for the first.

Source: https://ai.google.dev/gemini-api/docs/thinking (budgets and levels by model).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from lockgate.core.request import Effort, Reasoning

_GENERATION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")

#: Effort → thinking budget in tokens, as Google's own OpenAI-compatible endpoint translates it.
_BUDGET_OF_EFFORT: dict[Effort, int] = {
    "none": 0,
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": 24576,
    "xhigh": 32768,
    "max": 32768,
}
_LEVEL_OF_EFFORT: dict[Effort, str] = {
    "none": "minimal",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
_EFFORT_OF_LEVEL: dict[str, Effort] = {
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
}


class _Family(msgspec.Struct, frozen=True):
    """What a family of models takes: the least and the largest budget, whether 0 is allowed, or its levels by name."""

    least: int = 1
    most: int = 24576
    can_rest: bool = True
    levels: dict[str, str] | None = None


_PRO = _Family(least=128, most=32768, can_rest=False)
_FLASH = _Family()
_LITE = _Family(least=512)
_LEVELS = _Family(levels={"minimal": "minimal", "low": "low", "medium": "medium", "high": "high"})
_PRO_LEVELS = _Family(levels={"minimal": "low", "low": "low", "medium": "medium", "high": "high"})
_FIRST_PRO_LEVELS = _Family(levels={"minimal": "low", "low": "low", "medium": "high", "high": "high"})


def signs_calls(model: str) -> bool:
    """Whether a model checks the signatures of its calls, and takes media inside results (from Gemini 3 on)."""
    return _generation(model) >= (3, 0)


def _generation(model: str) -> tuple[int, int]:
    """The model's generation; (0, 0) for names that do not tell it."""
    match = _GENERATION.search(model)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


def _family(model: str) -> _Family | None:
    """None: a model that does not think."""
    generation = _generation(model)
    pro, lite = "-pro" in model, "-lite" in model
    if generation >= (3, 0):
        return _LEVELS if not pro else _FIRST_PRO_LEVELS if generation == (3, 0) else _PRO_LEVELS
    if (0, 0) < generation < (2, 5) or "gemma" in model or "learnlm" in model:
        return None
    return _PRO if pro else _LITE if lite else _FLASH


def thinking_config(wanted: Reasoning, model: str) -> dict[str, Any] | None:
    """The `thinkingConfig` for a model, or None when it has none."""
    family = _family(model)
    if family is None:
        return None
    if wanted.effort == "none" or (wanted.effort is None and wanted.budget == 0):
        shown: dict[str, Any] = {}
    else:
        shown = {"includeThoughts": wanted.shown != "none"}
    amount = _level(wanted, family.levels) if family.levels is not None else _budget(wanted, family)
    return amount | shown


def _level(wanted: Reasoning, levels: dict[str, str]) -> dict[str, Any]:
    if wanted.effort is not None:
        return {"thinkingLevel": levels[_LEVEL_OF_EFFORT[wanted.effort]]}
    if wanted.budget is not None and wanted.budget >= 0:
        level = "minimal" if wanted.budget == 0 else "low" if wanted.budget <= 2048 else "medium"
        return {"thinkingLevel": levels[level if wanted.budget <= 12288 else "high"]}
    return {}  # the model's own measure


def _budget(wanted: Reasoning, family: _Family) -> dict[str, Any]:
    budget = wanted.budget
    if budget is None and wanted.effort is not None:
        budget = _BUDGET_OF_EFFORT[wanted.effort]
    if budget is None or budget < 0:
        return {"thinkingBudget": -1} if wanted.adaptive else {}
    if budget == 0 and family.can_rest:
        return {"thinkingBudget": 0}
    return {"thinkingBudget": min(max(budget, family.least), family.most)}


def reasoning_of(budget: int | None, level: str | None, shown: bool | None) -> Reasoning | None:
    """A caller's `thinkingConfig`, canonical."""
    if budget is None and not level and shown is None:
        return None
    made = Reasoning(shown="auto" if shown else "none" if shown is False else "")
    if level:
        made.effort = _EFFORT_OF_LEVEL.get(level.lower())
    elif budget == 0:
        made.effort = "none"
    elif budget is not None and budget > 0:
        made.budget = budget
    else:
        made.adaptive = True
    return made
