"""What the families of Claude models take: one row each. A model of none of them is treated like the oldest.

Sources: https://platform.claude.com/docs/en/about-claude/models/overview and /migration-guide (output limits, sampling
members), /docs/en/build-with-claude/adaptive-thinking, /extended-thinking, /effort, /structured-outputs.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec

#: How a family thinks: not at all, by a budget of tokens, either way, or only as much as it finds right itself.
Thinks = Literal["no", "budget", "both", "adaptive"]


class Family(msgspec.Struct, frozen=True):
    """What the models of a family take.

    `max_tokens` is sent when the caller names no limit, in tokens; the API demands one. `most` is what it may be raised to
    when there is thinking as well.
    `efforts`: the levels of `output_config.effort`, lowest first. `off`: how thinking is switched off ("" when it is
    off unless asked for, "never" when it cannot be). `schema`: JSON by schema and strict tools. `sampling`: temperature,
    top_p, top_k. `both`: temperature together with top_p. `forced`: a forced tool.
    """

    begins: tuple[str, ...]
    max_tokens: int
    thinks: Thinks = "budget"
    efforts: tuple[str, ...] = ()
    off: str = ""
    schema: bool = True
    sampling: bool = True
    both: bool = False
    forced: bool = True
    most: int = 64000


_THREE = ("low", "medium", "high")
_WITH_MAX = (*_THREE, "max")
_ALL = (*_THREE, "xhigh", "max")

_FAMILIES = (
    Family(("claude-sonnet-5-5",), 16384, "adaptive", _ALL, off="between_tools", sampling=False, forced=False),
    Family(("claude-opus-5-5",), 16384, "adaptive", _ALL, off="never", sampling=False, forced=False),
    Family(
        ("claude-fable-5-1", "claude-fable-5-2", "claude-mythos-5-1", "claude-mythos-5-2"),
        16384,
        "adaptive",
        _ALL,
        off="never",
        sampling=False,
        forced=False,
    ),
    Family(("claude-fable", "claude-mythos"), 16384, "adaptive", _ALL, off="never", sampling=False),
    Family(("claude-opus-4-7", "claude-opus-4-8"), 16384, "adaptive", _ALL, sampling=False),
    Family(("claude-opus-4-6", "claude-sonnet-4-6"), 16384, "both", _WITH_MAX),
    Family(("claude-opus-4-5",), 16384, "budget", _THREE),
    Family(("claude-sonnet-4-5", "claude-haiku-4-5"), 16384),
    Family(("claude-opus-4-1",), 16384, most=32000),
    Family(("claude-opus-4", "claude-4-opus"), 16384, schema=False, both=True, most=32000),
    Family(("claude-sonnet-4", "claude-4-sonnet"), 16384, schema=False, both=True),
    Family(("claude-3-7",), 16384, schema=False, both=True),
    Family(("claude-3-5",), 8192, "no", schema=False, both=True),
    Family(("claude-3", "claude-2", "claude-v", "claude-instant"), 4096, "no", schema=False, both=True),
    # Families to come are taken to be like the newest one known.
    Family(("claude-",), 16384, "adaptive", _ALL, off="disabled", sampling=False),
)
#: Another maker's model behind this API (DeepSeek, Moonshot, z.ai, MiniMax).
_FOREIGN = Family((), 8192, schema=False, both=True)


def family_of(model: str) -> Family:
    """The family of a model by its name, in whatever form a platform writes it ("anthropic/claude-sonnet-4.5", "…-v1:0")."""
    at = model.lower().find("claude-")
    if at < 0:
        return _FOREIGN
    name = re.sub(r"(?<=\d)\.(?=\d)", "-", model[at:].lower())
    return next((family for family in _FAMILIES if name.startswith(family.begins)), _FAMILIES[-1])
