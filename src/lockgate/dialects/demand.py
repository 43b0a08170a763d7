"""What a provider's body asks for at most, as far as it says: what is reserved of budgets follows from it (`policy.bound`).

Most bodies hold text and nothing else, and their answers are made of tokens alone. Those are not read, only looked through for
what anything else would need; where there is such a thing, the body is read whole. What nobody here can read may ask for
anything.

Sources: the providers' references, as named in each dialect's `read_request`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec
import re2  # pyright: ignore[reportMissingTypeStubs]

from lockgate.core.content import Media, Native, Part, ToolResult
from lockgate.core.failure import Refusal
from lockgate.core.json import UNREADABLE, readable
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Codec, Relay
from lockgate.policy.bound import Ask

#: Of what nobody can read: it may refer to anything, and its answer may have any length.
ANYTHING = Ask(recalls=True, calls=None, searches=None, clamps=False)

#: The beginning of a text in JSON that stands for a part of another kind, in any dialect; a quote inside of a text has a
#: backslash before it. Or an ASCII letter that is spelled as an escape, and may hide one.
_find_other: Callable[[bytes], object] = re2.compile(  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    rb'\\u00[2-7]|[,:{\[\s]"(?:image|input_|audio|video|file|document|source|inline|media|search|container|server|web_|mcp|guard'
    rb"|item_|computer|code|executable)"
).search
_ESCAPE = b"\\u00"
#: Words in the name of a member that make even a yes or no of it costly.
_COSTLY = ("search", "tool", "plugin", "web", "ground")
#: What a body grows by at most when a maximum is put into it.
_MARGIN = 64


class Demand(msgspec.Struct, frozen=True):
    """Where one dialect says it.

    `most` are members that limit the tokens of an answer; the first one is the one that is set. `answers` says how many are
    made, `prompts` of how many texts each. They stand in the member `within`, if there is one. `talk` is what is said to the
    model; `typed`: its parts have a `type`, unless they are plain texts. `tools` is where tools are; one runs at the caller
    when its type begins with one of `own`, or when it has no type, and no members but those of `declared`. `plain` are members
    that ask for nothing but what their text says.
    """

    most: tuple[str, ...]
    talk: tuple[str, ...]
    plain: frozenset[str]
    answers: str = ""
    prompts: str = ""
    within: str = ""
    typed: bool = True
    tools: str = "tools"
    own: tuple[str, ...] = ("function", "custom")
    declared: frozenset[str] = frozenset()


def ask_of(relay: Relay, sheet: Sheet, size: int) -> Ask:
    """What a body of `size` bytes asks for."""
    size += _MARGIN
    if (whole := _WHOLE.get(relay.name)) is not None:
        return whole(sheet, size)
    demand = DEMANDS.get(relay.name)
    if demand is None or not isinstance(relay, Codec):
        return ANYTHING
    most, answers = _numbers(demand, sheet)
    tools = sheet.raw(demand.tools)
    calls = 0 if tools is None else _calls(demand, tools)
    if calls == 0 and _is_plain(demand, sheet):
        return Ask(text_bytes=size, max_output=most, answers=answers, tools=tools is not None)
    try:
        request = relay.read_request(sheet.copy())
    except Refusal:  # the provider may read more than we do
        return ANYTHING
    return _read(demand, sheet, request, size, most, answers, calls)


def hold_output(relay: Relay, sheet: Sheet, tokens: int) -> bool:
    """Let an answer have so many tokens at most; False where the dialect has no way to say it."""
    demand = DEMANDS.get(relay.name)
    if demand is None:
        return False
    if not demand.within:
        sheet.set(demand.most[0], tokens)
    else:
        sheet.set(demand.within, {**(sheet.get(demand.within, dict[str, msgspec.Raw]) or {}), demand.most[0]: tokens})
    return True


def _numbers(demand: Demand, sheet: Sheet) -> tuple[int | None, int]:
    """The most tokens of an answer, None where nobody says; and how many answers there are."""
    place: Sheet | dict[str, msgspec.Raw] = sheet
    if demand.within:
        raw = sheet.raw(demand.within)
        place = readable(raw, dict[str, msgspec.Raw]) if raw is not None and bytes(memoryview(raw)[:1]) == b"{" else {}
    find = place.raw if isinstance(place, Sheet) else place.get
    most = None
    for name in demand.most:
        if (raw := find(name)) is not None and (found := _count(raw)):
            most = found
            break
    answers = (_count(find(demand.answers)) or 1) if demand.answers else 1
    if demand.prompts and (raw := sheet.raw(demand.prompts)) is not None and bytes(memoryview(raw)[:1]) == b"[":
        texts = readable(raw, list[msgspec.Raw])
        answers *= len(texts) if texts and bytes(memoryview(texts[0])[:1]) in (b'"', b"[") else 1
    return most, answers


def _count(raw: msgspec.Raw | None) -> int:
    """A whole number above 0; 0 for anything else, which the provider may read as it likes."""
    text = b"" if raw is None else bytes(raw)
    return int(text) if text.isdigit() and len(text) < 19 else 0


def _is_plain(demand: Demand, sheet: Sheet) -> bool:
    """Whether there is nothing but text."""
    for name in sheet:
        if name not in demand.plain and (name in _RECALLS or not _is_harmless(name, sheet.raw(name))):
            return False
    for name in demand.talk:
        raw = sheet.raw(name)
        if raw is None:
            continue
        said = bytes(raw)
        if (not demand.typed or b'"type"' in said or _ESCAPE in said) and _find_other(said):
            return False
    return True


def _is_harmless(name: str, raw: msgspec.Raw | None) -> bool:
    """Whether a member that no table knows can be taken to cost nothing: a number, a yes or no, a word."""
    return raw is not None and bytes(memoryview(raw)[:1]) not in (b"{", b"[") and not any(word in name for word in _COSTLY)


class _Tools(msgspec.Struct):
    tools: list[dict[str, msgspec.Raw]] = []


def _calls(demand: Demand, raw: msgspec.Raw) -> int | None:
    """How often tools may run at the provider; None: as often as the model likes, or nobody can tell."""
    said = bytes(raw)
    if said == b"null":
        return 0
    try:
        listed = said[:1] == b"["
        tools = msgspec.json.decode(said, type=_LISTED) if listed else msgspec.json.decode(said, type=_Tools).tools
    except UNREADABLE:
        return None
    total = 0
    for tool in tools:
        kind = bytes(tool.get("type", b"")).strip(b'"').decode("utf-8", "replace")
        if kind.startswith(demand.own) if kind else demand.declared.issuperset(tool):
            continue
        most = _count(tool.get("max_uses"))
        if not most:
            return None
        total += most
    return total


_LISTED = list[dict[str, msgspec.Raw]]


def _read(demand: Demand, sheet: Sheet, request: Request, size: int, most: int | None, answers: int, calls: int | None) -> Ask:
    """The demand of a body that was read. What nobody can read of it may ask for anything."""
    parts = [part for turn in request.turns for part in _flat(turn.parts)]
    media = [part for part in parts if isinstance(part, Media) and not part.text]
    known = demand.plain | _RECALLS | {"prediction"}
    if any(name not in known and not _is_harmless(name, sheet.raw(name)) for name in sheet):
        calls = None
    if any(isinstance(part, Native) for part in parts):
        calls = None
    kinds = {each.kind for each in media}
    return Ask(
        text_bytes=size - sum(len(each.data) for each in media),
        tools=bool(request.tools),
        images=sum(each.kind == "image" for each in media),
        sound_ms=None if "audio" in kinds else 0,
        film_ms=None if "video" in kinds else 0,
        pages=None if "file" in kinds else 0,
        recalls=any(each.file_id for each in media) or any(name in _RECALLS and name not in demand.plain for name in sheet),
        calls=calls,
        searches=calls,
        answers=answers,
        max_output=most,
        predicted_bytes=len(bytes(sheet.raw("prediction") or b"")),
    )


def _flat(parts: Iterable[Part]) -> Iterable[Part]:
    for part in parts:
        yield part
        if isinstance(part, ToolResult):
            yield from part.content


# --- operations that are no conversation


def _taken(sheet: Sheet, size: int) -> Ask:
    """Embeddings and moderation: what goes in is all there is."""
    return Ask(text_bytes=size, answers=0)


def _spoken(sheet: Sheet, size: int) -> Ask:
    """A text to be spoken is charged by its characters, or by tokens that nobody limits."""
    return Ask(text_bytes=size, characters=len(sheet.get("input", str) or ""), clamps=False)


def _pictured(sheet: Sheet, size: int) -> Ask:
    return Ask(text_bytes=size, answers=0, pictures=_count(sheet.raw("n")) or 1)


def _ranked(sheet: Sheet, size: int) -> Ask:
    """A search unit is a query with up to a hundred documents (https://docs.cohere.com/docs/how-does-cohere-pricing-work)."""
    documents = sheet.get("documents", list[msgspec.Raw]) or []
    return Ask(text_bytes=size, answers=0, rankings=max(1, -(-len(documents) // 100)))


_WHOLE: dict[str, Callable[[Sheet, int], Ask]] = {
    "openai.embeddings": _taken,
    "gemini.embed": _taken,
    "gemini.batch_embed": _taken,
    "gemini.predict": _taken,
    "cohere.embed": _taken,
    "bedrock.titan_embed": _taken,
    "openai.moderations": _taken,
    "openai.speech": _spoken,
    "openai.images": _pictured,
    "jina.rerank": _ranked,
    "cohere.rerank": _ranked,
    "voyage.rerank": _ranked,
    "fireworks.rerank": _ranked,
    "mixedbread.rerank": _ranked,
    "tei.rerank": _ranked,
}

#: Members that refer to what the provider keeps.
_RECALLS = frozenset(("previous_response_id", "conversation", "prompt", "cachedContent", "container"))


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


DEMANDS: dict[str, Demand] = {
    "openai.chat": Demand(
        ("max_completion_tokens", "max_tokens"),
        ("messages",),
        _names(
            "model messages tools tool_choice parallel_tool_calls max_completion_tokens max_tokens n stop stream "
            "stream_options response_format logit_bias metadata reasoning thinking"
        ),
        answers="n",
    ),
    "openai.completions": Demand(
        ("max_tokens",),
        ("prompt",),
        _names("model prompt max_tokens stop stream_options logit_bias n"),
        answers="n",
        prompts="prompt",
        tools="",
    ),
    "openai.responses": Demand(
        ("max_output_tokens",),
        ("input",),
        _names("model input instructions tools tool_choice max_output_tokens stream_options metadata reasoning text include"),
        own=("function", "custom", "local_shell", "computer", "apply_patch"),
    ),
    "anthropic.messages": Demand(
        ("max_tokens",),
        ("messages", "system"),
        _names("model messages system tools tool_choice max_tokens stop_sequences metadata thinking output_config"),
        own=("custom", "bash_", "text_editor_", "computer_", "memory_"),
        declared=_names("name description input_schema cache_control strict"),
    ),
    "gemini.generate": Demand(
        ("maxOutputTokens",),
        ("contents", "systemInstruction"),
        _names("contents systemInstruction tools toolConfig safetySettings generationConfig labels"),
        answers="candidateCount",
        within="generationConfig",
        typed=False,
        declared=_names("functionDeclarations function_declarations"),
    ),
    "bedrock.converse": Demand(
        ("maxTokens",),
        ("messages", "system"),
        _names("messages system inferenceConfig toolConfig requestMetadata performanceConfig"),
        within="inferenceConfig",
        typed=False,
        tools="toolConfig",
        declared=_names("toolSpec cachePoint"),
    ),
    "cohere.chat": Demand(
        ("max_tokens",),
        ("messages",),
        _names("model messages tools max_tokens stop_sequences response_format thinking"),
    ),
}
