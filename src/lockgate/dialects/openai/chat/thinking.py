"""Reasoning in chat messages: its many carriers read, and written so that an echoed message keeps its signature.

The API defines no place for it. Hosts use `reasoning_content` (DeepSeek, z.ai, vLLM), `reasoning` (Groq, Cerebras),
`reasoning_details` (OpenRouter, with signatures), content parts of type `thinking` (Mistral) and, for signatures alone,
`extra_content` (Google) or a function's `thought_signature` (Portkey, whose `content_blocks` have a module of their own). One
message often says the same in two of them: the one that says most is read.

What a chat host reasoned is the dialect's own; `Thinking.id` then names its carrier, so that it goes back in the same one.
What comes in a caller's message was written by us, or by a host in the words of the model's maker: `format` tells whose.
"""

from __future__ import annotations

from typing import Any

from lockgate.core.content import Thinking
from lockgate.dialects.openai.chat.shapes import GOOGLE, NAME, DetailShape, ExtraShape, MessageShape, PartShape

#: OpenRouter's word for the maker's way to sign → the dialect in which that maker takes the signature back.
DIALECT_OF_FORMAT = {
    "anthropic-claude-v1": "anthropic.messages",
    "openai-responses-v1": "openai.responses",
    "azure-openai-responses-v1": "openai.responses",
    "google-gemini-v1": "gemini.generate",
}
_FORMAT_OF_DIALECT = {
    "anthropic.messages": "anthropic-claude-v1",
    "openai.responses": "openai-responses-v1",
    "gemini.generate": "google-gemini-v1",
}
_DETAILS = "reasoning_details"
_GEMINI = "gemini.generate"


def said_in(message: MessageShape) -> list[Thinking]:
    """What a chat host's message reasons, in its carrier (content parts are not looked at; see `of_part`)."""
    details = [thinking for detail in message.reasoning_details or [] if (thinking := of_detail(detail)) is not None]
    plain = message.reasoning_content or message.reasoning or ""
    if plain and not any(each.text for each in details):
        carrier = "reasoning_content" if message.reasoning_content else "reasoning"
        details.insert(0, Thinking(plain, dialect=NAME, id=carrier))
    return details


def of_detail(detail: DetailShape) -> Thinking | None:
    """One of `reasoning_details` of a chat host; its carrier holds all that is needed to write it again."""
    kind = (detail.type or "").removeprefix("reasoning.")
    text = detail.text or detail.summary or ""
    if not (text or detail.data or detail.signature):
        return None
    carrier = f"{_DETAILS}/{kind}/{detail.format or ''}/{detail.id or ''}"
    return Thinking(text, detail.signature or "", detail.data or "", NAME, carrier, summary=kind == "summary")


def of_part(part: PartShape) -> str:
    """The reasoning in a content part of type `thinking`."""
    if isinstance(part.thinking, list):
        return "".join(piece.text or "" for piece in part.thinking)
    return part.thinking or ""


def of_extra(extra: ExtraShape | None) -> Thinking | None:
    """A chat host's signature in `extra_content`."""
    signature = extra.google.thought_signature if extra is not None and extra.google is not None else None
    return Thinking(signature=signature, dialect=NAME, id=GOOGLE) if signature else None


def told_by(message: MessageShape) -> tuple[list[Thinking], dict[str, Thinking]]:
    """What a caller's message reasons, and the signatures that stand before its calls, by call id."""
    calls = {call.id for call in message.tool_calls or []}
    thoughts: list[Thinking] = []
    before: dict[str, Thinking] = {}
    keys: list[tuple[str, str, int | None]] = []  # by which pieces of one item are known to belong together
    for detail in message.reasoning_details or []:
        thinking = _told(detail)
        if thinking is None:
            continue
        key = (thinking.dialect, detail.id or "", detail.index)
        if detail.id and detail.id in calls:
            before[detail.id] = thinking
        elif thoughts and keys[-1] == key and not thoughts[-1].signature and not thoughts[-1].redacted:
            last = thoughts[-1]
            last.text, last.signature, last.redacted = last.text + thinking.text, thinking.signature, thinking.redacted
        else:
            thoughts.append(thinking)
            keys.append(key)
    plain = message.reasoning_content or message.reasoning or ""
    if plain and not any(each.text for each in thoughts):
        unread = next((each for each in thoughts if each.signature), None)
        if unread is None or unread.dialect == _GEMINI:
            thoughts.insert(0, Thinking(plain, dialect=NAME, id="reasoning_content"))
        else:  # an echo that dropped the repeated text
            unread.text = plain
    for call in message.tool_calls or []:
        extra = call.extra_content
        signature = extra.google.thought_signature if extra is not None and extra.google is not None else None
        signature = signature or (call.function.thought_signature if call.function is not None else None)
        if signature:
            before[call.id or ""] = Thinking(signature=signature, dialect=_GEMINI)
    return thoughts, before


def _told(detail: DetailShape) -> Thinking | None:
    word = detail.format or ""
    dialect = DIALECT_OF_FORMAT.get(word) or (word if word.count(".") == 1 else NAME)
    if dialect == NAME:
        return of_detail(detail)
    text = detail.text or detail.summary or ""
    # Only Anthropic has reasoning that is nothing but encrypted; the others' encrypted data proves the text or call beside it.
    redacted = (detail.data or "") if dialect == "anthropic.messages" else ""
    signature = detail.signature or ("" if redacted else detail.data) or ""
    if not (text or redacted or signature):
        return None
    return Thinking(text, signature, redacted, dialect, "" if dialect == _GEMINI else detail.id or "")


def may_be_signed(part: Thinking) -> bool:
    """Whether a signature of its own text may follow another dialect's reasoning (Google's belongs to the part after it)."""
    return not part.redacted and part.dialect not in ("", NAME, _GEMINI)


def belongs_to_call(part: Thinking) -> bool:
    """Whether this is a proof of the call after it: Google signs calls, all others their reasoning."""
    return part.dialect == _GEMINI and not part.text


def detail_object(part: Thinking, index: int, call_id: str = "", said: bool = False) -> dict[str, Any] | None:
    """Another dialect's reasoning as one of `reasoning_details`; None when there is nothing to prove.

    A signature without text belongs to the call after it, `call_id`, unless its text is `said` already.
    """
    word = _FORMAT_OF_DIALECT.get(part.dialect, part.dialect)
    made: dict[str, Any]
    if part.redacted:
        made = {"type": "reasoning.encrypted", "data": part.redacted}
    elif part.signature and not part.text and not said and part.dialect != "anthropic.messages":
        made = {"type": "reasoning.encrypted", "data": part.signature}
    elif part.signature:
        made = {"type": "reasoning.text", "text": part.text, "signature": part.signature}
    else:
        return None
    made["format"] = word
    item = call_id if belongs_to_call(part) else part.id
    if item:
        made["id"] = item
    made["index"] = index
    return made


def own_members(parts: list[Thinking]) -> tuple[dict[str, Any], list[Any]]:
    """A chat host's own reasoning as it gave it: members of the message, and content parts that go before its text."""
    members: dict[str, Any] = {}
    content: list[Any] = []
    for part in parts:
        carrier, *rest = part.id.split("/", 3)
        if carrier == _DETAILS and len(rest) == 3:
            kind, word, item = rest
            made: dict[str, Any] = {"type": f"reasoning.{kind}"}
            if part.text:
                made["summary" if kind == "summary" else "text"] = part.text
            made |= {"data": part.redacted} if part.redacted else {}
            made |= {"signature": part.signature} if part.signature else {}
            made |= {"format": word} if word else {}
            made |= {"id": item} if item else {}
            entries = members.setdefault(_DETAILS, [])
            entries.append({**made, "index": len(entries)})
        elif carrier == "thinking" and part.text:
            content.append({"type": "thinking", "thinking": [{"type": "text", "text": part.text}]})
        elif carrier != GOOGLE and part.text:
            name = "reasoning" if carrier == "reasoning" else "reasoning_content"
            members[name] = "\n\n".join(filter(None, (members.get(name), part.text)))
    return members, content
