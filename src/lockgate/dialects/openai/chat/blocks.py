"""`content_blocks`, where Portkey's users read what a chat message has no place for, and from where they give it back.

They are content blocks of the Messages API, whoever answers: reasoning with its signature, reasoning that only its writer can
read, texts with what they cite, the provider's own tools at work. Calls of the caller's tools are not among them, they stand in
`tool_calls`. Pictures are `image_url`, as elsewhere in this API. Another dialect's signature rides in a block wrapped.

A stream says of each piece which block it belongs to, and leaves out the type where the member's name tells it:
`{"index": 0, "delta": {"thinking": "…"}}`.

Sources: https://portkey.ai/docs/product/ai-gateway/multimodal-capabilities/thinking-mode, and what Portkey's gateway 1.15
answers.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Citation, Media, Native, Part, Text, Thinking, ToolCall
from lockgate.core.json import as_any, encode
from lockgate.dialects.anthropic.messages.shapes import NAME as MESSAGES
from lockgate.dialects.anthropic.messages.shapes import citation_of, redacted, redacted_data, signature_of, thought
from lockgate.dialects.lenient import aside
from lockgate.dialects.media import data_url
from lockgate.dialects.openai.chat.shapes import NAME
from lockgate.dialects.openai.chat.thinking import belongs_to_call

_Object = dict[str, Any]
#: The member of a piece that tells its block's type.
_TELLS = {"thinking": "thinking", "signature": "thinking", "data": "redacted_thinking", "text": "text"}


class _Block(msgspec.Struct):
    type: str | None = None
    delta: dict[str, msgspec.Raw] | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    citations: list[msgspec.Raw] | None = None


def blocks_of(parts: list[Part]) -> list[_Object]:
    """The blocks of a whole answer. A signature that the call after it carries is not one of them."""
    made: list[_Object] = []
    for number, part in enumerate(parts):
        after = parts[number + 1] if number + 1 < len(parts) else None
        if isinstance(part, Thinking) and belongs_to_call(part) and isinstance(after, ToolCall):
            continue
        if (block := block_of(part)) is not None:
            made.append(block)
    return made


def block_of(part: Part) -> _Object | None:
    """A part as a block; None when it has no place among them."""
    if isinstance(part, Text):
        return _text(part) if part.text else None
    if isinstance(part, Thinking):
        if part.redacted:
            return {"type": "redacted_thinking", "data": redacted_data(part)}
        signed = {"signature": signature_of(part)} if part.signature else {}
        return {"type": "thinking", "thinking": part.text, **signed} if part.text or signed else None
    if isinstance(part, Media) and part.kind == "image":
        return {"type": "image_url", "image_url": {"url": part.url or data_url(part)}}
    if isinstance(part, Native) and part.dialect == MESSAGES:
        return as_any(part.raw)
    return None


def _text(part: Text) -> _Object:
    cited = [made for each in part.citations if (made := cited_object(each)) is not None]
    return {"type": "text", "text": part.text, **({"citations": cited} if cited else {})}


def cited_object(citation: Citation) -> Any | None:
    """What a text's block cites, in the words of the Messages API; None when another dialect cites."""
    return as_any(citation.native) if citation.dialect == MESSAGES and citation.native is not None else None


def whole(raw: msgspec.Raw) -> tuple[str, msgspec.Raw] | None:
    """The type of a block that a caller gives back, and its members: as they were told, or gathered from a stream's pieces.

    None for what is no block.
    """
    block = aside(raw, _Block)
    if block is None:
        return None
    if block.delta is None:
        return (block.type, raw) if block.type else None
    kind = next((_TELLS[name] for name in block.delta if name in _TELLS), None)
    if "type" in block.delta:
        kind = aside(block.delta["type"], str)
    return (kind, msgspec.Raw(encode({**block.delta, "type": kind}))) if kind else None


def thinking_of(raw: msgspec.Raw) -> Thinking | None:
    """The reasoning of a block of type `thinking` or `redacted_thinking`; without a signature it is nobody's to check."""
    block = aside(raw, _Block) or _Block()
    if block.data:
        return redacted(block.data)
    if block.signature:
        return thought(block.thinking or "", block.signature)
    return Thinking(block.thinking, dialect=NAME, id="reasoning_content") if block.thinking else None


def citations_of(raw: msgspec.Raw) -> list[Citation]:
    """What the block of a text cites; [] when that cannot be read."""
    block = aside(raw, _Block) or _Block()
    try:
        return [citation_of(each) for each in block.citations or []]
    except msgspec.DecodeError:
        return []
