"""A provider's generateContent stream (`alt=sse`), read into canonical events, however the network cut it.

Every chunk is an answer of its own: text that goes on is one canonical part, calls come whole, usage is in every chunk and
the last one counts. Nothing but the candidates' finish reasons tells that the answer is complete.
"""

from __future__ import annotations

import msgspec

from lockgate.core.content import Part, Text, Thinking, ToolCall
from lockgate.core.events import (
    Broken,
    Cited,
    Event,
    Finished,
    PartDelta,
    PartEnded,
    PartStarted,
    Sampled,
    Signed,
    Started,
    Used,
)
from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE, as_any, given
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.gemini.generate.shapes import (
    NAME,
    Candidate,
    CitationMetadata,
    Grounding,
    LogprobsResult,
    PartShape,
    ResponseShape,
    UsageShape,
    blocked,
    citations_of,
    datas,
    finish_of,
    parts_of,
    recitations_of,
    searches_of,
    tokens_of,
    usage_of,
)
from lockgate.dialects.last_event import last_event
from lockgate.dialects.lenient import aside, forgiving
from lockgate.wire.sse import Blocks, EventTooLarge

_decode = msgspec.json.Decoder(ResponseShape, strict=False).decode
_part = msgspec.json.Decoder(PartShape, strict=False).decode


class _Progress:
    """One candidate: the part of running text that is open, and what was said and cited so far."""

    __slots__ = ("calls", "cited", "count", "finished", "kind", "next", "number", "said", "searches", "signature", "spoken")

    def __init__(self, number: int) -> None:
        self.number = number
        self.next = 0  # index of the next part
        self.count = 0  # parts that came, as the provider counts them
        self.kind: type[Part] | None = None  # of the open part
        self.signature = ""  # of the open part
        self.said: list[str] = []  # all text, for the offsets of citations
        self.spoken = -1  # the part that holds the last text
        self.cited = 0
        self.searches = 0
        self.calls = False
        self.finished = False


class Reader:
    """See `dialects.codec.Reader`. `complete`: every candidate has its finish reason; usage may still come."""

    __slots__ = ("_blocks", "_broken", "_choices", "_id", "_started", "_usage", "_usage_raw", "complete")

    def __init__(self) -> None:
        self.complete = False
        self._blocks = Blocks()
        self._broken = False
        self._started = False
        self._id = ""
        self._choices: dict[int, _Progress] = {}
        self._usage: UsageShape | None = None
        self._usage_raw = msgspec.Raw()

    def __repr__(self) -> str:
        return f"Reader({len(self._choices)} candidates, complete={self.complete}, {self._blocks!r})"

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that are complete now."""
        if self._broken:
            return []
        try:
            block = self._blocks.feed(chunk)
        except EventTooLarge as error:
            return self._break(unreadable(str(error)))
        return self._read(block) if block else []

    def end(self) -> list[Event]:
        """What a last event without its blank line says."""
        block = last_event(self._blocks)
        return self._read(block) if block and not self._broken else []

    def _read(self, block: bytes) -> list[Event]:
        out: list[Event] = []
        for data in datas(block):
            try:
                response = forgiving(data, _decode)
                if given(response.error):
                    return out + self._break(failure_of({"error": as_any(response.error)}))
                self._response(response, out)
            except UNREADABLE as error:
                return out + self._break(unreadable(str(error), data))
        return out

    def _break(self, failure: Failure) -> list[Event]:
        self._broken = True
        self.complete = False
        return [Broken(failure)]

    def _response(self, response: ResponseShape, out: list[Event]) -> None:
        if not self._started:
            self._started = True
            self._id = response.response_id or ""
            out.append(Started(self._id, response.model_version or ""))
        for candidate in response.candidates or ():
            number = candidate.index or 0
            progress = self._choices.get(number)
            if progress is None:
                progress = self._choices[number] = _Progress(number)
            if not progress.finished:
                self._candidate(candidate, progress, response.model_version or "", out)
        usage = response.usage_metadata
        if given(usage) and usage != self._usage_raw:
            self._usage_raw = usage
            searches = sum(each.searches for each in self._choices.values())
            told, self._usage = usage_of(usage, searches, self._usage)
            if told is not None:
                out.append(Used(told))
        feedback = response.prompt_feedback
        if feedback is not None and feedback.block_reason and not self._choices:
            self._choices[0] = blocked_choice = _Progress(0)
            blocked_choice.finished = True
            out.append(Finished(blocked(feedback.block_reason)))
        self.complete = bool(self._choices) and all(each.finished for each in self._choices.values())

    def _candidate(self, candidate: Candidate, progress: _Progress, model: str, out: list[Event]) -> None:
        for raw in (candidate.content.parts if candidate.content is not None else None) or ():
            self._take(raw, progress, out)
            progress.count += 1
        if (grounding := aside(candidate.grounding_metadata, Grounding)) is not None:
            progress.searches = max(progress.searches, searches_of(grounding.web_search_queries, model))
            _ground(grounding, progress, out)
        metadata = aside(candidate.citation_metadata, CitationMetadata)
        if metadata is not None and progress.spoken >= 0:
            cited = recitations_of(metadata, "".join(progress.said))
            out += [Cited(progress.spoken, citation, progress.number) for citation in cited]
        sampled = aside(candidate.logprobs_result, LogprobsResult)
        if sampled is not None and (tokens := tokens_of(sampled)):
            out.append(Sampled(tokens, progress.number))
        if candidate.finish_reason:
            _close(progress, out)
            progress.finished = True
            out.append(Finished(finish_of(candidate.finish_reason, progress.calls), progress.number))

    def _take(self, raw: msgspec.Raw, progress: _Progress, out: list[Event]) -> None:
        """A part of a chunk: running text goes on, everything else is a part of its own."""
        shape = forgiving(raw, _part)
        text = shape.text
        if text is None or shape.function_call is not None:
            _close(progress, out)
            for part in parts_of(raw, self._id, progress.count):
                progress.calls = progress.calls or type(part) is ToolCall
                _whole(part, progress, out)
        elif shape.thought:
            _run(Thinking(dialect=NAME), text, progress, out)
            progress.signature = shape.thought_signature or progress.signature
        else:
            signature = shape.thought_signature
            if signature and text and progress.kind is not Text:
                _whole(Thinking(signature=signature, dialect=NAME), progress, out)
                signature = None
            if text:
                _run(Text(""), text, progress, out)
                progress.said.append(text)
                progress.spoken = progress.next - 1
            if signature and progress.kind is Text:
                progress.signature = signature  # it comes when the text is told: it can only stand behind it
            elif signature:
                _whole(Thinking(signature=signature, dialect=NAME), progress, out)


def _run(part: Part, text: str, progress: _Progress, out: list[Event]) -> None:
    """More running text of a kind."""
    if progress.kind is not type(part):
        _close(progress, out)
        progress.kind = type(part)
        out.append(PartStarted(progress.next, part, progress.number))
        progress.next += 1
    if text:
        out.append(PartDelta(progress.next - 1, text, progress.number))


def _close(progress: _Progress, out: list[Event]) -> None:
    kind, signature = progress.kind, progress.signature
    if kind is None:
        return
    progress.kind, progress.signature = None, ""
    if signature and kind is Thinking:
        out.append(Signed(progress.next - 1, signature, NAME, progress.number))
    out.append(PartEnded(progress.next - 1, progress.number))
    if signature and kind is Text:
        _whole(Thinking(signature=signature, dialect=NAME), progress, out)


def _whole(part: Part, progress: _Progress, out: list[Event]) -> None:
    """A part that comes in one piece."""
    _close(progress, out)
    index, number = progress.next, progress.number
    progress.next += 1
    if isinstance(part, ToolCall):
        out += [PartStarted(index, ToolCall(part.id, part.name), number), PartDelta(index, part.arguments, number)]
    elif isinstance(part, Thinking):
        out += [PartStarted(index, Thinking(dialect=NAME), number), Signed(index, part.signature, NAME, number)]
    else:
        out.append(PartStarted(index, part, number))
    out.append(PartEnded(index, number))


def _ground(grounding: Grounding, progress: _Progress, out: list[Event]) -> None:
    """The sources that are new: a later chunk repeats those of an earlier one."""
    if progress.spoken < 0:
        return
    found = citations_of(grounding, ["".join(progress.said)])
    out += [Cited(progress.spoken, citation, progress.number) for _, citation in found[progress.cited :]]
    progress.cited = max(progress.cited, len(found))
