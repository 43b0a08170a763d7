"""The shapes that requests, answers and streams of generateContent share, and what they mean in the canonical model.

Sources: https://ai.google.dev/api/generate-content, https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest,
and the types of the official SDK (google-genai 3.4). Answers are written in camelCase by both hosts.
"""

from __future__ import annotations

import hashlib

import msgspec

from lockgate.core.content import Citation, Media, Native, Part, Text, Thinking, TokenLogprob, ToolCall
from lockgate.core.json import UNREADABLE, given
from lockgate.core.reply import Finish, FinishReason, Usage
from lockgate.dialects.gemini.generate.thinking import signs_calls
from lockgate.dialects.lenient import aside, shaped
from lockgate.dialects.media import kind_of_mime
from lockgate.wire.sse import payloads

NAME = "gemini.generate"


class Blob(msgspec.Struct, rename="camel", omit_defaults=True):
    """Inline media, base64; a file's name is optional."""

    mime_type: str = ""
    data: str = ""
    display_name: str | None = None


class FileData(msgspec.Struct, rename="camel", omit_defaults=True):
    """Media by its address."""

    mime_type: str | None = None
    file_uri: str = ""
    display_name: str | None = None


class FunctionCall(msgspec.Struct, rename="camel"):
    """A call of a function; `args` is an object."""

    name: str = ""
    id: str | None = None
    args: msgspec.Raw = msgspec.Raw()


class PartShape(msgspec.Struct, rename="camel"):
    """A part of an answer. What is none of these is native."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Blob | None = None


class ContentShape(msgspec.Struct):
    """A turn."""

    parts: list[msgspec.Raw] | None = None


class _Web(msgspec.Struct):
    uri: str | None = None
    title: str | None = None


class _Chunk(msgspec.Struct, rename="camel"):
    web: _Web | None = None
    retrieved_context: _Web | None = None
    maps: _Web | None = None


class _Segment(msgspec.Struct, rename="camel"):
    part_index: int | None = None
    start_index: int | None = None
    end_index: int | None = None


class _Support(msgspec.Struct, rename="camel"):
    segment: _Segment | None = None
    grounding_chunk_indices: list[int] | None = None


class Grounding(msgspec.Struct, rename="camel"):
    """Which sources carry which stretch of the text."""

    grounding_chunks: list[_Chunk] | None = None
    web_search_queries: list[str] | None = None
    grounding_supports: list[_Support] | None = None


class _Source(msgspec.Struct, rename="camel"):
    uri: str | None = None
    title: str | None = None
    start_index: int | None = None
    end_index: int | None = None


class CitationMetadata(msgspec.Struct, rename="camel"):
    """What the text repeats of known works; the two hosts name the list differently."""

    citation_sources: list[_Source] | None = None
    citations: list[_Source] | None = None


class _Token(msgspec.Struct, rename="camel"):
    token: str | None = None
    log_probability: float | None = None


class _Tokens(msgspec.Struct, rename="camel"):
    candidates: list[_Token] | None = None


class LogprobsResult(msgspec.Struct, rename="camel"):
    """Sampled tokens, and the runners-up of each."""

    chosen_candidates: list[_Token] | None = None
    top_candidates: list[_Tokens] | None = None


class Candidate(msgspec.Struct, rename="camel"):
    """One of the answers."""

    index: int | None = None
    content: ContentShape | None = None
    finish_reason: str | None = None
    grounding_metadata: msgspec.Raw = msgspec.Raw()
    citation_metadata: msgspec.Raw = msgspec.Raw()
    logprobs_result: msgspec.Raw = msgspec.Raw()


class PromptFeedback(msgspec.Struct, rename="camel"):
    """Why a prompt got no answer."""

    block_reason: str | None = None


class ResponseShape(msgspec.Struct, rename="camel"):
    """An answer, or one chunk of a stream."""

    response_id: str | None = None
    model_version: str | None = None
    candidates: list[Candidate] | None = None
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


class _ModalityCount(msgspec.Struct, rename="camel"):
    modality: str | None = None
    token_count: int | None = None


class UsageShape(msgspec.Struct, rename="camel"):
    """Tokens used; None where a chunk does not say."""

    prompt_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    cached_content_token_count: int | None = None
    prompt_tokens_details: list[_ModalityCount] | None = None
    candidates_tokens_details: list[_ModalityCount] | None = None
    cache_tokens_details: list[_ModalityCount] | None = None
    service_tier: str | None = None


_usage = msgspec.json.Decoder(UsageShape, strict=False).decode

#: Counts that a later chunk may leave out.
_COUNTS = (
    "prompt_token_count",
    "tool_use_prompt_token_count",
    "candidates_token_count",
    "thoughts_token_count",
    "cached_content_token_count",
)

#: `finishReason` → why an answer ended. What is missing here has no common word.
FINISH: dict[str, FinishReason] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}


def finish_of(reason: str, calls: bool) -> Finish:
    """Why an answer ended; `calls`: it calls functions, which this dialect does not tell by its reason."""
    common = FINISH.get(reason, "unknown")
    return Finish("tool_calls" if calls and common == "stop" else common, reason)


def blocked(reason: str) -> Finish:
    """The end of an answer that was never given, because the prompt was blocked."""
    return Finish("content_filter", reason)


def datas(block: bytes) -> list[bytes]:
    """The data of a block of complete events; a block that is one chunk, as most are, is looked through once.

    Google ends its lines with CR LF, which takes longer to cut than LF; its JSON holds neither in a stream.
    """
    if block.startswith(b"data: "):
        first = block.find(b"\n", 6)
        if first == len(block) - 3 and block.endswith(b"\r\n\r\n"):
            return [block[6:-4]]
        if first == len(block) - 2:
            return [block[6:-2]]
    return payloads(block.replace(b"\r\n", b"\n"))


def searches_of(queries: list[str] | None, model: str) -> int:
    """Web searches that are charged for: each query from Gemini 3 on, before that each answer that searched."""
    asked = sum(1 for query in queries or [] if query)
    return asked if signs_calls(model) else min(asked, 1)


def usage_of(raw: msgspec.Raw, searches: int = 0, before: UsageShape | None = None) -> tuple[Usage | None, UsageShape | None]:
    """The tokens that a chunk states, if it does, with what an earlier chunk said and this one does not."""
    try:
        shape = _usage(raw)
    except UNREADABLE:
        shape = aside(raw, UsageShape)
        if shape is None:
            return None, before
    if before is not None:
        for name in _COUNTS:
            if getattr(shape, name) is None:
                setattr(shape, name, getattr(before, name))
    thoughts = shape.thoughts_token_count or 0
    usage = Usage(
        (shape.prompt_token_count or 0) + (shape.tool_use_prompt_token_count or 0),
        (shape.candidates_token_count or 0) + thoughts,
        shape.cached_content_token_count or 0,
        reasoning=thoughts,
        service_tier=(shape.service_tier or "").lower(),
        raw=raw,
        searches=searches,
    )
    for each in shape.prompt_tokens_details or ():
        if each.modality == "AUDIO":
            usage.audio_input += each.token_count or 0
        elif each.modality == "IMAGE":
            usage.image_input += each.token_count or 0
    for each in shape.candidates_tokens_details or ():
        if each.modality == "AUDIO":
            usage.audio_output += each.token_count or 0
        elif each.modality == "IMAGE":
            usage.image_output += each.token_count or 0
    for each in shape.cache_tokens_details or ():
        if each.modality == "AUDIO":
            usage.cached_audio += each.token_count or 0
    return usage, shape


def parts_of(raw: msgspec.Raw, answer_id: str, count: int) -> list[Part]:
    """A part of an answer, canonical; a signature stands before what it signs. Raises `msgspec.DecodeError`.

    `count` parts came before it: with the answer's id, they make the id of a call that has none.
    """
    shape = shaped(raw, PartShape)
    if shape.thought and shape.text is not None:
        return [Thinking(shape.text, shape.thought_signature or "", dialect=NAME)]
    signed: list[Part] = [Thinking(signature=shape.thought_signature, dialect=NAME)] if shape.thought_signature else []
    if shape.function_call is not None:
        return [*signed, call_part(shape.function_call, answer_id, count)]
    if shape.text is not None:
        return [*signed, Text(shape.text)] if shape.text else signed
    if shape.inline_data is not None:
        return [*signed, media_part(shape.inline_data)]
    return [Native(NAME, native_kind(raw), raw)]


def call_part(call: FunctionCall, answer_id: str, count: int) -> ToolCall:
    """A function call. One without an id gets one that is the same whenever this answer is read."""
    # Google writes whole answers over many lines: a call's arguments are told on one, as in a stream.
    arguments = msgspec.json.format(bytes(call.args), indent=-1).decode() if given(call.args) else "{}"
    if call.id:
        return ToolCall(call.id, call.name, arguments)
    if not answer_id:
        answer_id = hashlib.blake2b(f"{call.name}{arguments}".encode(), digest_size=9).hexdigest()
    return ToolCall(f"call_{answer_id}_{count}", call.name, arguments)


def media_part(blob: Blob) -> Media:
    """Media in the canonical alphabet of base64 (this dialect takes the URL-safe one as well)."""
    data = blob.data.translate(_PLAIN_ALPHABET)
    return Media(kind_of_mime(blob.mime_type), data=data, mime=blob.mime_type, name=blob.display_name or "")


_PLAIN_ALPHABET = str.maketrans("-_", "+/")


def native_kind(raw: msgspec.Raw) -> str:
    """What a part is that only this dialect knows: the name of its member."""
    members = shaped(raw, dict[str, msgspec.Raw])
    return next((name for name in members if name not in ("thought", "thoughtSignature")), "part")


def citations_of(grounding: Grounding, texts: list[str]) -> list[tuple[int, Citation]]:
    """What the supports cite, each with the index of the text it stands in. Offsets count bytes there, characters here."""
    found: list[tuple[int, Citation]] = []
    chunks = grounding.grounding_chunks or []
    for support in grounding.grounding_supports or []:
        segment = support.segment or _Segment()
        index = segment.part_index or 0
        if not 0 <= index < len(texts):
            index = len(texts) - 1
        for which in support.grounding_chunk_indices or []:
            source = _source(chunks[which]) if 0 <= which < len(chunks) else None
            if source is not None and texts:
                found.append((index, _citation(source, segment.start_index, segment.end_index, texts[index])))
    return found


def _source(chunk: _Chunk) -> _Web | None:
    return chunk.web or chunk.retrieved_context or chunk.maps


def _citation(source: _Web | _Source, start: int | None, end: int | None, text: str) -> Citation:
    data = text.encode()
    return Citation(
        url=source.uri or "",
        title=source.title or "",
        start=_characters(data, start or 0),
        end=None if end is None else _characters(data, end),
        dialect=NAME,
    )


def _characters(data: bytes, count: int) -> int:
    return len(data[: max(0, count)].decode("utf-8", "ignore"))


def recitations_of(metadata: CitationMetadata, text: str) -> list[Citation]:
    """The known works that a text repeats."""
    sources = metadata.citation_sources or metadata.citations or []
    return [_citation(source, source.start_index, source.end_index, text) for source in sources]


def tokens_of(result: LogprobsResult) -> list[TokenLogprob]:
    """Sampled tokens, canonical."""
    tops = result.top_candidates or []
    tokens: list[TokenLogprob] = []
    for n, chosen in enumerate(result.chosen_candidates or []):
        runners = tops[n].candidates or [] if n < len(tops) else []
        tokens.append(
            TokenLogprob(
                chosen.token or "",
                chosen.log_probability or 0.0,
                top=[TokenLogprob(each.token or "", each.log_probability or 0.0) for each in runners],
            )
        )
    return tokens
