"""Marks for the prompt cache, put into a Messages request whose caller has set none.

What stands before a mark is kept, if it is long enough, and found again by requests that begin the same: looked for at their
marks and up to 20 blocks before each of them. Sources: https://platform.claude.com/docs/en/build-with-claude/prompt-caching
("Cache limitations" for the minimums) and the block types of the official SDK, of which those listed carry `cache_control`.
"""

from __future__ import annotations

import re

import msgspec

from lockgate.core.sheet import Sheet
from lockgate.dialects.prefix import last_of_user, list_of, listed, members_of, opens, sizes, speaks_of, tokens, with_member
from lockgate.policy.prompt_cache import PromptCache, marks

_NAME = "cache_control"
#: How a model's name begins → the fewest tokens of a prefix that it keeps. The first that fits counts.
_NEEDS: tuple[tuple[tuple[str, ...], int | None], ...] = (
    (("claude-opus-4-7", "claude-mythos-preview", "claude-3-5-haiku"), 2048),
    (("claude-opus-4-6", "claude-opus-4-5", "claude-haiku-4-5"), 4096),
    (("claude-opus-4", "claude-sonnet-4", "claude-3-7", "claude-3-5-sonnet-20241022"), 1024),
    (("claude-opus-5", "claude-sonnet-5-5", "claude-haiku-5", "claude-fable", "claude-mythos"), 512),
    (("claude-sonnet-5",), 1024),
    (("claude-3", "claude-2", "claude-v", "claude-instant"), None),  # retired, and without a prompt cache at some hosts
    (("claude-",), 1024),
)
#: Members that may hold a mark, and the request's own.
_MARKED = ("system", "tools", "messages", _NAME)
#: Blocks that take one, of those that users' turns hold.
_TAKES = frozenset(("text", "image", "document", "tool_result", "search_result", "container_upload"))


class _Block(msgspec.Struct):
    type: str = ""
    text: str | None = None


class _Tool(msgspec.Struct):
    defer_loading: bool | None = None


def needs(model: str) -> int | None:
    """The fewest tokens of a prefix that a model keeps; None: it keeps none, or nobody knows."""
    at = model.lower().find("claude-")
    if at < 0:
        return None
    name = re.sub(r"(?<=\d)\.(?=\d)", "-", model[at:].lower())
    return next(least for begins, least in _NEEDS if name.startswith(begins))


def mark_prefix(sheet: Sheet, model: str, wish: PromptCache) -> list[str]:
    """Put marks where they help, and say where; none where there is one already, or where nothing is long enough. Nothing else
    becomes another value; a content that is a text becomes the block that it stands for."""
    least = wish.least(needs(model))
    if least is None:
        return []
    try:
        if _NAME in sheet or speaks_of(sheet, _MARKED, _NAME):
            return []
        changed, where = _mark(sheet, least, wish)
    except (msgspec.DecodeError, RecursionError):  # the provider has the words for what is wrong
        return []
    for name, value in changed.items():
        sheet.set(name, value)
    return where


def _mark(sheet: Sheet, least: int, wish: PromptCache) -> tuple[dict[str, msgspec.Raw], list[str]]:
    """The members that are changed, and where marks are in them. Raises `msgspec.DecodeError`."""
    mark = b'{"type":"ephemeral","ttl":"1h"}' if wish.ttl == "1h" else b'{"type":"ephemeral"}'
    tools, system, messages = sheet.raw("tools"), sheet.raw("system"), list_of(sheet.raw("messages"))
    first, second = tokens(tools), tokens(system)
    wanted = marks(first, second, sizes(messages, first + second, least), last_of_user(messages), least)
    changed: dict[str, msgspec.Raw] = {}
    if wanted.tools and (content := _marked_tools(list_of(tools), mark)) is not None:
        changed["tools"] = content
    if wanted.system and system is not None and (content := _marked(system, mark)) is not None:
        changed["system"] = content
    where = [*changed]
    for at in wanted.turns:
        said = members_of(messages[at])
        if (content := _marked(said.get("content", msgspec.Raw()), mark)) is not None:
            messages[at] = msgspec.Raw(msgspec.json.encode({**said, "content": content}))
            changed["messages"] = listed(messages)
            where.append(f"messages[{at}]")
    return changed, where


def _marked_tools(tools: list[msgspec.Raw], mark: bytes) -> msgspec.Raw | None:
    """The tools with a mark on the last one that takes it; one that is loaded only when it is searched for is in no prefix."""
    for at in range(len(tools) - 1, -1, -1):
        if opens(tools[at], b"{") and not msgspec.json.decode(tools[at], type=_Tool).defer_loading:
            tools[at] = with_member(tools[at], _NAME, mark)
            return listed(tools)
    return None


def _marked(content: msgspec.Raw, mark: bytes) -> msgspec.Raw | None:
    """A content with a mark on its last block that takes one; None: none does."""
    if opens(content, b'"'):
        if not msgspec.json.decode(content, type=str).strip():
            return None
        return msgspec.Raw(b'[{"type":"text","text":%b,"%b":%b}]' % (bytes(content), _NAME.encode(), mark))
    blocks = list_of(content)
    for at in range(len(blocks) - 1, -1, -1):
        block = msgspec.json.decode(blocks[at], type=_Block)
        if block.type in _TAKES and (block.type != "text" or (block.text or "").strip()):
            blocks[at] = with_member(blocks[at], _NAME, mark)
            return listed(blocks)
    return None
