"""How reasoning is asked for: an effort, a budget or neither, in the way that the model's family takes.

The newest families think as much as they find right (`adaptive`) and take an effort; older ones take a budget of tokens,
which must leave room in `max_tokens` and cannot be combined with a forced tool. There the tool wins: who forces a tool
needs its arguments, and thinking first is only a means.

Sources: https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking, /extended-thinking and /effort.
"""

from __future__ import annotations

from typing import Any

from lockgate.core.request import Effort, Reasoning, Request
from lockgate.dialects.anthropic.messages.models import Family

_Object = dict[str, Any]

#: The least budget that the API takes, in tokens.
_LEAST = 1024
#: What is added to the limit for thinking when neither a limit nor a budget is asked for, in tokens.
_SPACE = 16384
_BUDGET_OF_EFFORT: dict[Effort, int] = {
    "minimal": _LEAST,
    "low": _LEAST,
    "medium": 8192,
    "high": 16384,
    "xhigh": 32768,
    "max": 32768,
}
_LEVELS: tuple[Effort, ...] = ("low", "medium", "high", "xhigh", "max")


def reasoning_members(request: Request, family: Family, *, forced: bool) -> tuple[int, _Object, _Object]:
    """`max_tokens`, and the members `thinking` and `output_config` ({} for none); `forced`: the model must call a tool."""
    asked = request.sampling.max_tokens
    limit = family.max_tokens if asked is None else asked
    wanted = request.reasoning
    if wanted is None:
        return limit, {}, {}
    effort = _level(wanted, family)
    config: _Object = {"effort": effort} if effort else {}
    if wanted.budget == 0 or wanted.effort == "none":
        return limit, _off(request, family), config
    if family.thinks == "no":
        request.lose("reasoning")
        return limit, {}, {}
    if family.thinks == "adaptive" or (family.thinks == "both" and (forced or wanted.budget is None)):
        return limit + (_SPACE if asked is None else 0), _adaptive(wanted, family), config
    if forced:
        request.lose("reasoning with a forced tool")
        return limit, {}, config
    budget = max(_LEAST, wanted.budget or _BUDGET_OF_EFFORT.get(wanted.effort or "medium", _LEAST))
    limit, budget = _fitted(min(limit + budget, family.most) if asked is None else asked, budget)
    return limit, {"type": "enabled", "budget_tokens": budget}, config


def _off(request: Request, family: Family) -> _Object:
    """Thinking switched off, where it is not off unless asked for."""
    if family.off == "never":
        request.lose("reasoning off")
        return {}
    return {"type": family.off} if family.off else {}


def _adaptive(wanted: Reasoning, family: Family) -> _Object:
    if wanted.shown == "none":
        return {"type": "adaptive", "display": "omitted"}
    # The newest models show nothing of their thinking unless asked to.
    return {"type": "adaptive", "display": "summarized"} if family.thinks == "adaptive" else {"type": "adaptive"}


def _level(wanted: Reasoning, family: Family) -> str:
    """The family's level for an effort: the one that is asked for, or the next one above it that there is."""
    if not family.efforts or wanted.effort == "none":
        return ""
    effort = wanted.effort
    if effort is None:
        if family.thinks != "adaptive" or not wanted.budget:
            return ""
        effort = next((e for e in _LEVELS if wanted.budget <= _BUDGET_OF_EFFORT[e]), "max")
    if effort == "minimal":
        return family.efforts[0]
    above = [level for level in _LEVELS[_LEVELS.index(effort) :] if level in family.efforts]
    return above[0] if above else family.efforts[-1]


def _fitted(limit: int, budget: int) -> tuple[int, int]:
    """`max_tokens` and a budget inside it. The limit holds; where the budget would fill it, half is left for the answer.

    A limit that leaves no room for the least budget is raised by it: what the caller allowed is then all the answer's.
    """
    if limit <= _LEAST:
        return limit + _LEAST, _LEAST
    return limit, budget if budget < limit else max(_LEAST, limit // 2)
