"""The answers that we write, whole or in chunks: parts, candidates, usage and what they say of the answer.

Source: https://ai.google.dev/api/generate-content#generatecontentresponse
"""

from __future__ import annotations

from typing import Any

from lockgate.core.content import Citation, Declined, Media, Native, Part, Text, Thinking, TokenLogprob, ToolCall
from lockgate.core.json import encode
from lockgate.core.reply import Choice, Finish, FinishReason, Reply, Usage
from lockgate.core.request import Request
from lockgate.dialects.calls import asked_tool, free_arguments
from lockgate.dialects.codec import Voice
from lockgate.dialects.gemini.generate.shapes import FINISH, NAME
from lockgate.dialects.gemini.generate.signing import carried
from lockgate.dialects.gemini.generate.write_request import arguments_object

_Object = dict[str, Any]

_WORD: dict[FinishReason, str] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "pause": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "unknown": "OTHER",
}


def write_reply(reply: Reply, voice: Voice) -> bytes:
    """The answer's body."""
    made: _Object = {
        "candidates": [
            _candidate(choice, index, f"{voice.id}_{index}", voice.request) for index, choice in enumerate(reply.choices)
        ]
    }
    if reply.usage is not None:
        made["usageMetadata"] = usage_object(reply.usage)
    made["modelVersion"] = reply.model or voice.request.model
    made["responseId"] = reply.id or voice.id
    return encode(made)


def _candidate(choice: Choice, index: int, unique: str, request: Request) -> _Object:
    parts: list[Any] = []
    signature = ""
    supports = Supports()
    for number, part in enumerate(choice.parts):
        made, signature = part_objects(part, signature, f"{unique}_{number}", request)
        if isinstance(part, Text):
            for citation in part.citations:
                supports.add(citation, part.text, len(parts))
        parts += made
    if signature:
        parts.append({"text": "", "thoughtSignature": signature})
    candidate: _Object = {"content": {"role": "model", "parts": parts}, "finishReason": finish_word(choice.finish)}
    candidate["index"] = index
    if supports:
        candidate["groundingMetadata"] = supports.object()
    if choice.logprobs:
        candidate["logprobsResult"] = logprobs_object(choice.logprobs)
    return candidate


def part_objects(part: Part, signature: str, unique: str, request: Request) -> tuple[list[Any], str]:
    """A part as it is said here, with the signature that stood before it, and the signature for the part behind it."""
    if isinstance(part, Thinking):
        proof = carried(part)
        if not part.text:
            return [], proof or signature
        made: _Object = {"text": part.text, "thought": True}
        if proof:
            made["thoughtSignature"] = proof
        return [made], signature
    if isinstance(part, (Text, Declined)):
        made = {"text": part.text}
    elif isinstance(part, ToolCall):
        made = {"functionCall": call_object(part, unique, request)}
    elif isinstance(part, Media) and part.data:
        made = {"inlineData": {"mimeType": part.mime, "data": part.data}}
    elif isinstance(part, Media) and part.url:
        made = {"fileData": {"mimeType": part.mime, "fileUri": part.url}}
    elif isinstance(part, Native) and part.dialect == NAME:
        return [part.raw], signature
    else:
        return [], signature
    if signature:
        made["thoughtSignature"] = signature
    return [made], ""


def call_object(part: ToolCall, unique: str, request: Request) -> _Object:
    """A function call, by the name that the caller gave the function."""
    tool = asked_tool(part.name, request)
    if part.custom:
        part = ToolCall(part.id, part.name, free_arguments(part.arguments))
    return {
        "id": part.id or f"call_{unique}",
        "name": tool.name if tool is not None else part.name,
        "args": arguments_object(part),
    }


def finish_word(finish: Finish | None) -> str:
    """Why an answer ended; the provider's own word when it is one of this dialect's."""
    if finish is None:
        return "STOP"
    return finish.raw if finish.raw in FINISH else _WORD[finish.reason]


def usage_object(usage: Usage) -> _Object:
    """Tokens used; thoughts are not counted among the candidates' here."""
    made: _Object = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": max(0, usage.output - usage.reasoning),
        "totalTokenCount": usage.input + usage.output,
    }
    if usage.reasoning:
        made["thoughtsTokenCount"] = usage.reasoning
    if usage.cached:
        made["cachedContentTokenCount"] = usage.cached
    return made


def logprobs_object(tokens: list[TokenLogprob]) -> _Object:
    """Sampled tokens, and the runners-up of each."""
    return {
        "chosenCandidates": [_token(each) for each in tokens],
        "topCandidates": [{"candidates": [_token(top) for top in each.top]} for each in tokens],
    }


def _token(token: TokenLogprob) -> _Object:
    return {"token": token.token, "logProbability": token.logprob}


class Supports:
    """Citations as grounding: sources, each once, and the stretches of text that they support (in bytes)."""

    __slots__ = ("_chunks", "_supports")

    def __init__(self) -> None:
        self._chunks: dict[str, _Object] = {}  # by address
        self._supports: list[_Object] = []

    def __bool__(self) -> bool:
        return bool(self._supports)

    def add(self, citation: Citation, text: str, part_index: int) -> None:
        """A citation of a text that is the candidate's part `part_index`; one without an address cannot be said."""
        if not citation.url:
            return
        if citation.url not in self._chunks:
            self._chunks[citation.url] = {"web": {"uri": citation.url, "title": citation.title}}
        cited = text[citation.start or 0 : citation.end]
        start = len(text[: citation.start or 0].encode())
        segment = {"partIndex": part_index, "startIndex": start, "endIndex": start + len(cited.encode()), "text": cited}
        index = list(self._chunks).index(citation.url)
        self._supports.append({"segment": segment, "groundingChunkIndices": [index]})

    def object(self) -> _Object:
        """The `groundingMetadata`."""
        return {"groundingChunks": list(self._chunks.values()), "groundingSupports": self._supports}
