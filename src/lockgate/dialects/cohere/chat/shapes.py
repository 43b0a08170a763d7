"""The shapes that requests, answers and streams of Cohere's Chat API share, and what they mean in the canonical model.

Sources: https://docs.cohere.com/reference/chat and the types of the official SDK (cohere 7.2). Unknown members are ignored,
and members that are null are as good as absent.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Citation, TokenLogprob, ToolCall
from lockgate.core.json import raw
from lockgate.core.reply import Finish, FinishReason, Usage
from lockgate.dialects.lenient import aside

NAME = "cohere.chat"

#: `Thinking.id` of what a model says of its plan before it calls tools: a member of its own beside the content.
PLAN = "tool_plan"


class FunctionShape(msgspec.Struct):
    """The function that a call names; its arguments are JSON text."""

    name: str | None = None
    arguments: str | dict[str, Any] | None = None


class CallShape(msgspec.Struct):
    """A tool call, or a piece of one in a stream."""

    id: str | None = None
    function: FunctionShape | None = None


class BlockShape(msgspec.Struct):
    """A block of an answer's content, or a piece of one in a stream."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None


class _Source(msgspec.Struct):
    id: str | None = None
    document: dict[str, Any] | None = None
    tool_output: dict[str, Any] | None = None


class CitationShape(msgspec.Struct):
    """A stretch of a block's text, and what it rests on."""

    start: int | None = None
    end: int | None = None
    text: str | None = None
    sources: list[msgspec.Raw] | None = None
    content_index: int | None = None
    type: str | None = None

    @property
    def of_text(self) -> bool:
        """Whether it is the text that cites, and not what was thought or planned."""
        return self.type in (None, "", "TEXT_CONTENT")


class LogprobShape(msgspec.Struct):
    """A piece of text with the log probability of each of its tokens, which are given by number only."""

    text: str | None = None
    logprobs: list[float] | None = None


class _Tokens(msgspec.Struct):
    input_tokens: float | None = None
    output_tokens: float | None = None


class UsageShape(msgspec.Struct):
    """Tokens as the model saw them, and as they are charged: the latter without Cohere's own prompts."""

    billed_units: _Tokens | None = None
    tokens: _Tokens | None = None
    cached_tokens: float | None = None


#: `finish_reason` → why an answer ended. ERROR and TIMEOUT are failures (`failure.failed`).
_FINISH: dict[str, FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "ERROR_LIMIT": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
_WORD: dict[FinishReason, str] = {
    "stop": "COMPLETE",
    "pause": "COMPLETE",
    "length": "MAX_TOKENS",
    "tool_calls": "TOOL_CALL",
    "content_filter": "ERROR_TOXIC",
    "unknown": "COMPLETE",
}


def finish_of(word: str) -> Finish:
    """Why an answer ended."""
    return Finish(_FINISH.get(word, "unknown"), word)


def finish_word(finish: Finish | None, calls: bool) -> str:
    """The API's word; an answer that calls tools and stopped says so."""
    if finish is not None and finish.stop_sequence is not None:
        return "STOP_SEQUENCE"
    if finish is None or (calls and finish.reason in ("stop", "unknown")):
        return "TOOL_CALL" if calls else "COMPLETE"
    return finish.raw if finish.raw in _FINISH else _WORD[finish.reason]


def usage_of(told: msgspec.Raw) -> Usage | None:
    """The tokens that are charged, or those that were counted where nothing is charged; None when nothing is said.

    What is charged leaves out the prompts that Cohere adds, often a thousand tokens, and with them all that was cached.
    """
    shape = aside(told, UsageShape)
    if shape is None:
        return None
    billed = shape.billed_units
    if billed is not None and (billed.input_tokens is not None or billed.output_tokens is not None):
        return Usage(int(billed.input_tokens or 0), int(billed.output_tokens or 0), raw=told.copy())
    if shape.tokens is None:
        return None
    counted = int(shape.tokens.input_tokens or 0)
    cached = min(int(shape.cached_tokens or 0), counted)
    return Usage(counted, int(shape.tokens.output_tokens or 0), cached, raw=told.copy())


def usage_object(usage: Usage) -> dict[str, Any]:
    """Tokens used, as an answer states them."""
    counted = {"input_tokens": usage.input, "output_tokens": usage.output}
    made: dict[str, Any] = {"billed_units": counted, "tokens": counted}
    if usage.cached:
        made["cached_tokens"] = usage.cached
    return made


def call_of(shape: CallShape) -> ToolCall | None:
    """A tool call; None for one that names no function."""
    function = shape.function
    if function is None or not function.name:
        return None
    return ToolCall(shape.id or "", function.name, arguments_text(function.arguments))


def arguments_text(arguments: str | dict[str, Any] | None) -> str:
    """A call's arguments as JSON text."""
    if isinstance(arguments, dict):
        return msgspec.json.encode(arguments).decode()
    return arguments or ""


def citations_of(shape: CitationShape) -> list[Citation]:
    """A citation for each of its sources, native with that source alone."""
    found: list[Citation] = []
    stretch = {"start": shape.start, "end": shape.end, "text": shape.text}
    for each in shape.sources or []:
        source = aside(each, _Source) or _Source()
        about = source.document or source.tool_output or {}
        url = _first(about, "url", "source")
        found.append(
            Citation(
                url=url if url.startswith(("https://", "http://")) else "",
                title=_first(about, "title", "name") or source.id or "",
                quote=_first(about, "snippet"),
                start=shape.start,
                end=shape.end,
                dialect=NAME,
                native=raw({**stretch, "sources": [each], "type": shape.type or "TEXT_CONTENT"}),
            )
        )
    return found


def _first(about: dict[str, Any], *names: str) -> str:
    """The first text among members of a document, which its owner names as he likes."""
    return next((value for name in names if isinstance(value := about.get(name), str) and value), "")


def tokens_of(shapes: list[LogprobShape] | None) -> list[TokenLogprob]:
    """Sampled text: a piece of several tokens is as likely as all of them together."""
    return [TokenLogprob(each.text or "", sum(each.logprobs or ())) for each in shapes or ()]
