"""Cache points, put into a Converse request whose caller has set none: blocks of their own, each behind what it marks.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html (models, minimums, which of tools, system and
messages they mark) and https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CachePointBlock.html.
"""

from __future__ import annotations

import msgspec

from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic.messages import prompt_cache as claude
from lockgate.dialects.bedrock.converse.families import Family, family_of
from lockgate.dialects.prefix import last_of_user, list_of, members_of, sizes, speaks_of, tokens
from lockgate.policy.prompt_cache import PromptCache, marks

_NAME = "cachePoint"
_MARKED = ("toolConfig", "system", "messages")
#: The fewest tokens of a prefix, where Anthropic's own API takes fewer, and for the other models.
_LEAST = 1024
#: Claude models that keep longer prefixes alone than at Anthropic.
_LONGER = {"claude-opus-4-7": 4096}
#: Claude models that have the default time to live alone.
_SHORT = ("claude-3", "claude-opus-4-1", "claude-opus-4-2", "claude-sonnet-4-2")
#: What a point may not stand behind.
_ALONE = frozenset(("document", "video", "reasoningContent", _NAME))


def needs(model: str) -> int | None:
    """The fewest tokens of a prefix that a model keeps; None: it keeps none, or nobody knows."""
    family = family_of(model)
    if not family.caches or not family.ids:
        return None
    if not family.claude:
        return _LEAST
    least = claude.needs(model)
    longer = next((tokens for name, tokens in _LONGER.items() if name in model), _LEAST)
    return None if least is None else max(least, longer)


def mark_prefix(sheet: Sheet, model: str, wish: PromptCache) -> list[str]:
    """Put points where they help, and say where; none where there is one already, or where nothing is long enough. Nothing else
    is changed."""
    least = wish.least(needs(model))
    family = family_of(model)
    if least is None or not family.caches:
        return []
    try:
        if speaks_of(sheet, _MARKED, _NAME):
            return []
        changed, where = _mark(sheet, family, least, _point(model, family, wish))
    except (msgspec.DecodeError, RecursionError):  # the provider has the words for what is wrong
        return []
    for name, value in changed.items():
        sheet.set(name, value)
    return where


def _point(model: str, family: Family, wish: PromptCache) -> msgspec.Raw:
    hour = wish.ttl == "1h" and family.claude and not any(name in model for name in _SHORT)
    return msgspec.Raw(b'{"cachePoint":{"type":"default"%b}}' % (b',"ttl":"1h"' if hour else b""))


def _mark(sheet: Sheet, family: Family, least: int, point: msgspec.Raw) -> tuple[dict[str, object], list[str]]:
    """The members that are changed, and where points are in them. Raises `msgspec.DecodeError`."""
    config = members_of(sheet.raw("toolConfig"))
    tools, system, messages = list_of(config.get("tools")), list_of(sheet.raw("system")), list_of(sheet.raw("messages"))
    first, second = tokens(config.get("tools")) if family.caches_tools else 0, tokens(sheet.raw("system"))
    wanted = marks(first, second, sizes(messages, first + second, least), last_of_user(messages), least)
    changed: dict[str, object] = {}
    where: list[str] = []
    if wanted.tools and tools:
        changed["toolConfig"] = {**config, "tools": [*tools, point]}
        where.append("toolConfig.tools")
    if wanted.system and system:
        changed["system"] = [*system, point]
        where.append("system")
    for at in wanted.turns:
        said = members_of(messages[at])
        blocks = list_of(said.get("content"))
        if blocks and _takes(blocks[-1]):
            messages[at] = msgspec.Raw(msgspec.json.encode({**said, "content": [*blocks, point]}))
            changed["messages"] = messages
            where.append(f"messages[{at}]")
    return changed, where


def _takes(block: msgspec.Raw) -> bool:
    """Whether a point may stand behind a block."""
    return _ALONE.isdisjoint(msgspec.json.decode(block, type=dict[str, msgspec.Raw]))
