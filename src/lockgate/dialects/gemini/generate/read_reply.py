"""A provider's whole generateContent answer, read: its candidates into choices, or the failure that it states."""

from __future__ import annotations

import msgspec

from lockgate.core.content import Text, ToolCall
from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE, as_any, given
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Choice, Finish, Reply, Usage
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.gemini.generate.shapes import (
    Candidate,
    CitationMetadata,
    Grounding,
    LogprobsResult,
    ResponseShape,
    blocked,
    citations_of,
    finish_of,
    parts_of,
    recitations_of,
    searches_of,
    tokens_of,
    usage_of,
)
from lockgate.dialects.lenient import aside, shaped


class _Call(msgspec.Struct, rename="camel"):
    function_call: dict[str, msgspec.Raw] | None = None


class _Parts(msgspec.Struct):
    parts: list[_Call] | None = None


class _Queries(msgspec.Struct, rename="camel"):
    web_search_queries: list[str] | None = None


class _Ending(msgspec.Struct, rename="camel"):
    content: _Parts | None = None
    finish_reason: str | None = None
    grounding_metadata: _Queries | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class Passing(msgspec.Struct, rename="camel"):
    """An answer or a chunk that passes, as far as it is looked at."""

    response_id: str | None = None
    model_version: str | None = None
    candidates: list[_Ending] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()

    @property
    def calls(self) -> bool:
        """Whether the first candidate calls functions."""
        content = self.candidates[0].content if self.candidates else None
        return any(part.function_call is not None for part in (content.parts if content is not None else None) or ())

    @property
    def searches(self) -> int:
        """Web searches that are charged for."""
        found = 0
        for each in self.candidates or ():
            if each.grounding_metadata is not None:
                found += searches_of(each.grounding_metadata.web_search_queries, self.model_version or "")
        return found

    def finish(self, calls: bool) -> Finish | None:
        """How the first candidate ended, if it did; `calls`: it called functions, here or before."""
        if self.candidates:
            reason = self.candidates[0].finish_reason
            return finish_of(reason, calls) if reason else None
        feedback = self.prompt_feedback
        return blocked(feedback.block_reason) if feedback is not None and feedback.block_reason else None


def read_reply(body: bytes) -> Reply | Failure:
    """The answer, or the `Failure` that it states or, when it cannot be read, is."""
    try:
        response = shaped(body, ResponseShape)
        if given(response.error):
            return failure_of({"error": as_any(response.error)}, body=body)
        answer_id = response.response_id or ""
        choices = [_choice(candidate, answer_id) for candidate in response.candidates or []]
        grounded = [aside(each.grounding_metadata, Grounding) for each in response.candidates or []]
        queries = [query for each in grounded if each is not None for query in each.web_search_queries or []]
        usage, _ = usage_of(response.usage_metadata, searches_of(queries, response.model_version or ""))
    except UNREADABLE as error:
        return unreadable(str(error), body)
    if not choices:
        reason = response.prompt_feedback.block_reason if response.prompt_feedback else None
        if not reason and usage is None:
            return unreadable("it has no candidates", body)
        choices = [Choice(finish=blocked(reason) if reason else Finish("unknown"))]
    return Reply(answer_id, response.model_version or "", choices=choices, usage=usage, service_tier=_tier(usage))


def _tier(usage: Usage | None) -> str:
    return usage.service_tier if usage else ""


def _choice(candidate: Candidate, answer_id: str) -> Choice:
    choice = Choice()
    texts: list[Text] = []  # by the index of the part that grounding refers to
    for count, raw in enumerate((candidate.content.parts if candidate.content else None) or []):
        parts = parts_of(raw, answer_id, count)
        choice.parts += parts
        last = parts[-1] if parts else None
        texts.append(last if isinstance(last, Text) else Text(""))
    if (grounding := aside(candidate.grounding_metadata, Grounding)) is not None:
        for index, citation in citations_of(grounding, [text.text for text in texts]):
            texts[index].citations = [*texts[index].citations, citation]
    spoken = next((text for text in texts if text.text), None)
    if spoken is not None and (metadata := aside(candidate.citation_metadata, CitationMetadata)) is not None:
        spoken.citations = [*spoken.citations, *recitations_of(metadata, spoken.text)]
    if (sampled := aside(candidate.logprobs_result, LogprobsResult)) is not None:
        choice.logprobs = tokens_of(sampled)
    calls = any(isinstance(part, ToolCall) for part in choice.parts)
    choice.finish = finish_of(candidate.finish_reason or "", calls)
    return choice


def observe(body: bytes) -> Outcome:
    """What a passing answer says of itself."""
    try:
        seen = shaped(body, Passing)
        usage, _ = usage_of(seen.usage_metadata, seen.searches)
        failure = failure_of({"error": as_any(seen.error)}, body=body) if given(seen.error) else None
    except UNREADABLE as error:
        return Outcome(failure=unreadable(str(error), body))
    finish = None if failure else seen.finish(seen.calls) or Finish("unknown")
    return Outcome(
        seen.response_id or "",
        seen.model_version or "",
        usage,
        finish,
        failure,
        begun=True,
        complete=failure is None,
    )
