"""The shapes that requests, answers and streams of the Responses API share, and what they mean in the canonical model.

Source: https://platform.openai.com/docs/api-reference/responses and the types of the official SDK (openai 3.54).
"""

from __future__ import annotations

import msgspec

from lockgate.core.content import Citation, Thinking, TokenLogprob, Tool, qualified
from lockgate.core.reply import Finish, FinishReason, Usage
from lockgate.dialects.lenient import aside
from lockgate.dialects.signature import unwrap, wrap

NAME = "openai.responses"

#: The item id of a wrapped signature that says: this is reasoning that only its writer can read.
_REDACTED = "redacted"


class Kind(msgspec.Struct):
    """What every item, part and tool says first."""

    type: str | None = None


class Piece(msgspec.Struct):
    """A piece of reasoning text, in a summary or in the content."""

    text: str | None = None


class TopLogprob(msgspec.Struct):
    """A runner-up of a sampled token."""

    token: str = ""
    logprob: float = 0.0
    bytes: list[int] | None = None


class Logprob(msgspec.Struct):
    """A sampled token."""

    token: str = ""
    logprob: float = 0.0
    bytes: list[int] | None = None
    top_logprobs: list[TopLogprob] | None = None


class InputDetails(msgspec.Struct):
    """What the input tokens were."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class OutputDetails(msgspec.Struct):
    """What the output tokens were."""

    reasoning_tokens: int | None = None


class UsageShape(msgspec.Struct):
    """Tokens used."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    input_tokens_details: InputDetails | None = None
    output_tokens_details: OutputDetails | None = None


class Incomplete(msgspec.Struct):
    """Why an answer is incomplete."""

    reason: str | None = None


class _Searches(msgspec.Struct):
    num_requests: int | None = None


class ToolUsage(msgspec.Struct):
    """What the provider's own tools did."""

    web_search: _Searches | None = None


class ResponseShape(msgspec.Struct):
    """A response object as a provider sends it, as far as it is read. `output` stays raw."""

    id: str | None = None
    model: str | None = None
    created_at: float | None = None
    status: str | None = None
    service_tier: str | None = None
    incomplete_details: Incomplete | None = None
    error: msgspec.Raw = msgspec.Raw()
    output: list[msgspec.Raw] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    tool_usage: ToolUsage | None = None


class ContentShape(msgspec.Struct):
    """A part of an answer's message."""

    type: str | None = None
    text: str | None = None
    refusal: str | None = None
    annotations: list[msgspec.Raw] | None = None
    logprobs: list[Logprob] | None = None


class MessageShape(msgspec.Struct):
    """An answer's message item."""

    content: list[ContentShape] | None = None


class CallShape(msgspec.Struct):
    """A function or custom tool call item."""

    type: str | None = None
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None

    @property
    def text(self) -> str:
        """The arguments of a function, or a custom tool's input."""
        return (self.input if self.type == "custom_tool_call" else self.arguments) or ""


class ReasoningShape(msgspec.Struct):
    """A reasoning item."""

    id: str | None = None
    summary: list[Piece] | None = None
    content: list[Piece] | None = None
    encrypted_content: str | None = None


class _AnnotationShape(msgspec.Struct):
    type: str | None = None
    url: str | None = None
    title: str | None = None
    filename: str | None = None
    start_index: int | None = None
    end_index: int | None = None


#: `incomplete_details.reason` → why an answer ended.
_FINISH_OF_REASON: dict[str, FinishReason] = {"max_output_tokens": "length", "content_filter": "content_filter"}
_UNDER_WAY = ("queued", "in_progress")
_REASON_OF_FINISH: dict[FinishReason, str] = {reason: raw for raw, reason in _FINISH_OF_REASON.items()}


def finish_of(status: str, incomplete: Incomplete | None, calls: bool) -> Finish:
    """Why an answer ended, by its status; `calls`: it calls tools of the caller. Hosts have words of their own for the end."""
    if status == "incomplete":
        reason = (incomplete.reason if incomplete else None) or ""
        return Finish(_FINISH_OF_REASON.get(reason, "unknown"), reason or status)
    if status in _UNDER_WAY:
        return Finish("unknown", status)
    return Finish("tool_calls" if calls else "stop", status)


def incomplete_reason(finish: Finish | None) -> str:
    """The `incomplete_details.reason` of an answer that ended so, or "" when it is complete."""
    return "" if finish is None else _REASON_OF_FINISH.get(finish.reason, "")


def usage_of(raw: msgspec.Raw) -> Usage | None:
    """The tokens that a provider states, if it does."""
    shape = aside(raw, UsageShape)
    if shape is None:
        return None
    into, out = shape.input_tokens_details, shape.output_tokens_details
    asked, cached = shape.input_tokens or 0, (into.cached_tokens if into else None) or 0
    written = (into.cache_write_tokens if into else None) or 0
    return Usage(
        input=asked,
        output=shape.output_tokens or 0,
        cached=cached,
        cache_write=min(written, max(0, asked - cached)),  # OpenRouter has told the same tokens as both
        reasoning=(out.reasoning_tokens if out else None) or 0,
        raw=raw,
    )


def searches_of(tools: ToolUsage | None, kinds: list[str | None]) -> int:
    """Web searches that are charged for: as the response tells, or as many as its items (by their kinds) are."""
    told = tools.web_search.num_requests if tools is not None and tools.web_search is not None else None
    return told or kinds.count("web_search_call")


def usage_object(usage: Usage) -> dict[str, object]:
    """Tokens used, as an answer states them."""
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached, "cache_write_tokens": usage.cache_write},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }


def citation_of(raw: msgspec.Raw) -> Citation:
    """An annotation as a citation; one of an unknown shape stays raw."""
    shape = aside(raw, _AnnotationShape) or _AnnotationShape()
    return Citation(
        url=shape.url or "",
        title=shape.title or shape.filename or "",
        start=shape.start_index,
        end=shape.end_index,
        dialect=NAME,
        native=raw,
    )


def annotation_object(citation: Citation, length: int) -> object | None:
    """A citation as an annotation of a text of `length` characters; None when it names no page (no other kind fits)."""
    if citation.native is not None and citation.dialect == NAME:
        return citation.native
    if not citation.url:
        return None
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title,
        "start_index": citation.start or 0,
        "end_index": length if citation.end is None else citation.end,
    }


def tokens_of(logprobs: list[Logprob]) -> list[TokenLogprob]:
    """Sampled tokens, canonical."""
    return [
        TokenLogprob(
            each.token,
            each.logprob,
            each.bytes,
            [TokenLogprob(top.token, top.logprob, top.bytes) for top in each.top_logprobs or []],
        )
        for each in logprobs
    ]


def logprob_objects(tokens: list[TokenLogprob]) -> list[dict[str, object]]:
    """Sampled tokens as an answer states them; bytes are required, so they are those of the token when not known."""
    return [{**_logprob_object(token), "top_logprobs": [_logprob_object(top) for top in token.top]} for token in tokens]


def _logprob_object(token: TokenLogprob) -> dict[str, object]:
    known = list(token.token.encode()) if token.bytes is None else token.bytes
    return {"token": token.token, "bytes": known, "logprob": token.logprob}


def thinking_of(item: ReasoningShape) -> Thinking:
    """A reasoning item, canonical: its full text when it shows one, else its summary."""
    signature, dialect, inner = unwrap(item.encrypted_content or "", NAME)
    content = "".join(piece.text or "" for piece in item.content or [])
    text = content or "\n\n".join(piece.text or "" for piece in item.summary or [])
    identity = inner if dialect != NAME else inner or item.id or ""
    if dialect != NAME and inner == _REDACTED:
        return Thinking(text, redacted=signature, dialect=dialect, summary=not content)
    return Thinking(text, signature, dialect=dialect, id=identity, summary=not content)


def encrypted_content(part: Thinking) -> str | None:
    """What proves reasoning, in this dialect's place for it; another dialect's proof, or its carrier, is wrapped."""
    if part.redacted:
        return wrap(part.redacted, part.dialect, _REDACTED)
    if part.dialect == NAME or not part.dialect:
        return part.signature or None
    return wrap(part.signature, part.dialect, part.id) if part.signature or part.id else None


def bare_name(tool: Tool) -> str:
    """A tool's name as its caller gave it, without its namespace."""
    return tool.name.removeprefix(qualified(tool.namespace, "")) if tool.namespace else tool.name


def function_object(tool: Tool) -> dict[str, object]:
    """A function or custom tool's own definition, named without its namespace."""
    name = bare_name(tool)
    if tool.custom:
        made: dict[str, object] = {"type": "custom", "name": name}
        if tool.description:
            made["description"] = tool.description
        if tool.grammar is not None:
            made["format"] = tool.grammar
        return made
    made = {"type": "function", "name": name}
    if tool.description:
        made["description"] = tool.description
    made["parameters"] = tool.schema
    made["strict"] = bool(tool.strict)  # absent means true here, false in every other dialect
    return made
