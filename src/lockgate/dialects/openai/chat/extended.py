"""Answers as Portkey's users read them who did not ask for OpenAI's shape alone (`strict_open_ai_compliance` false).

Besides what every caller gets: `content_blocks` (see `blocks`); the signature of a Gemini call, in its function, as
`thought_signature`; what Gemini grounds its answer on as the choice's `groundingMetadata`, without the queries; the addresses
of all that is cited as `citations`, as Perplexity has them; what a prompt cache did in Anthropic's two members of the usage.
The finish reason stays one that OpenAI knows; the provider's own word for it is OpenRouter's `native_finish_reason`.

Source: https://portkey.ai/docs/product/ai-gateway/strict-open-ai-compliance and the answers of Portkey's gateway 1.15.
"""

from __future__ import annotations

from typing import Any

from lockgate.core.content import Citation, Media, Native, Part, Text, Thinking, ToolCall
from lockgate.core.events import Finished, PartDelta, PartStarted
from lockgate.core.json import encode
from lockgate.core.reply import Choice, Finish, Reply, Usage
from lockgate.dialects.anthropic.messages.shapes import redacted_data, signature_of
from lockgate.dialects.codec import Voice
from lockgate.dialects.gemini.generate.answer import Supports
from lockgate.dialects.gemini.generate.shapes import NAME as GEMINI
from lockgate.dialects.openai.chat.account import usage_object
from lockgate.dialects.openai.chat.blocks import block_of, blocks_of, cited_object
from lockgate.dialects.openai.chat.thinking import belongs_to_call
from lockgate.dialects.openai.chat.writer import GOES_ON, Message, Opened, Writer

_Object = dict[str, Any]
_DELTA_ENDS = b"}" + GOES_ON
_CHUNK_ENDS = b"}]}\n\n"


def extend(body: _Object, reply: Reply) -> None:
    """Add to a whole answer what its caller reads besides."""
    addresses: dict[str, None] = {}
    for made, choice in zip(body["choices"], reply.choices, strict=True):
        if blocks := blocks_of(choice.parts):
            made["message"]["content_blocks"] = blocks
        _sign(made["message"].get("tool_calls", ()), choice.parts)
        made |= _end_members(choice.finish, _grounds(choice, addresses))
    if addresses:
        body["citations"] = list(addresses)
    if reply.usage is not None:
        body["usage"] |= _cache_members(reply.usage)


def _sign(calls: list[_Object], parts: list[Part]) -> None:
    """Give the calls, which are told in the order of the parts, the signatures that stand before them."""
    told = iter(calls)
    before: Part | None = None
    for part in parts:
        if isinstance(part, ToolCall):
            call = next(told)
            if isinstance(before, Thinking) and belongs_to_call(before) and before.signature and "function" in call:
                call["function"]["thought_signature"] = before.signature
        before = part


def _grounds(choice: Choice, addresses: dict[str, None]) -> Supports:
    """What a choice rests on; the addresses of all that it cites are added to those known."""
    supports = Supports()
    index = 0  # of the block
    for part in choice.parts:
        if isinstance(part, Text):
            for citation in part.citations:
                _note(citation, part.text, index, supports, addresses)
        index += block_of(part) is not None
    return supports


def _note(citation: Citation, text: str, index: int, supports: Supports, addresses: dict[str, None]) -> None:
    if citation.url:
        addresses[citation.url] = None
    if citation.dialect == GEMINI:
        supports.add(citation, text, index)


def _end_members(finish: Finish | None, supports: Supports) -> _Object:
    made: _Object = {"groundingMetadata": supports.object()} if supports else {}
    if finish is not None and finish.raw:
        made["native_finish_reason"] = finish.raw
    return made


def _cache_members(usage: Usage) -> _Object:
    if not (usage.cached or usage.cache_write):
        return {}
    return {"cache_read_input_tokens": usage.cached, "cache_creation_input_tokens": usage.cache_write}


class _Said:
    """What is out of one choice besides its message."""

    __slots__ = ("blocks", "proof", "supports")

    def __init__(self) -> None:
        self.blocks = 0
        self.proof: Thinking | None = None  # a signature for the part that comes next
        self.supports = Supports()


class ExtendedWriter(Writer):
    """See `dialects.codec.Writer`. Each piece of a block stands in the chunk that says the same in the message."""

    __slots__ = ("_addresses", "_said", "_texts")

    def __init__(self, voice: Voice) -> None:
        super().__init__(voice)
        self._said: dict[int, _Said] = {}
        self._addresses: dict[str, None] = {}
        self._texts: dict[tuple[int, int], list[str]] = {}  # by choice and part: grounding counts their bytes in the end

    def _of(self, choice: int) -> _Said:
        said = self._said.get(choice)
        if said is None:
            said = self._said[choice] = _Said()
        return said

    def _account(self, usage: Usage) -> _Object:
        return usage_object(usage) | _cache_members(usage)

    def _piece(self, index: int, delta: _Object, choice: int, out: list[bytes]) -> None:
        out.append(self._chunk(choice, {"content_blocks": [{"index": index, "delta": delta}]}))

    def _delta(self, event: PartDelta, out: list[bytes]) -> None:
        text = self._texts.get((event.choice, event.index))
        if text is not None:
            text.append(event.text)
        Writer._delta(self, event, out)  # for every token: `super()` is half as dear as the rest

    def _start_part(self, event: PartStarted, out: list[bytes]) -> None:
        part = event.part
        said = self._of(event.choice)
        if said.proof is not None and not isinstance(part, ToolCall):
            self._message(event.choice, out)
            self._leave(said, event.choice, out)
        super()._start_part(event, out)
        if isinstance(part, (Media, Native)) and (block := block_of(part)) is not None:
            self._piece(said.blocks, block, event.choice, out)
            said.blocks += 1

    def _leave(self, said: _Said, choice: int, out: list[bytes]) -> None:
        """The signature that waits belongs to no call: it is a block."""
        proof, said.proof = said.proof, None
        if proof is not None:
            self._piece(said.blocks, {"thinking": "", "signature": signature_of(proof)}, choice, out)
            said.blocks += 1

    def _enter(self, opened: Opened, event: PartStarted) -> None:
        if isinstance(opened.part, (Text, Thinking)):
            said = self._of(event.choice)
            opened.block = said.blocks
            said.blocks += 1
            member = b"thinking"
            if isinstance(opened.part, Text):
                member = b"text"
                self._texts[event.choice, event.index] = []
            before = b',"content_blocks":[{"index":%d,"delta":{"%b":' % (opened.block, member)
            *around, last = opened.around
            opened.around = (*around, last.removesuffix(_DELTA_ENDS) + before, b"}}]" + _DELTA_ENDS)
        elif isinstance(opened.part, ToolCall):
            self._of(event.choice).proof = None  # a call of a free-text tool has no place for it
        super()._enter(opened, event)

    def _function(self, name: str, choice: int) -> _Object:
        said = self._of(choice)
        proof, said.proof = said.proof, None
        made = super()._function(name, choice)
        return made if proof is None else {**made, "thought_signature": proof.signature}

    def _cite(self, opened: Opened, choice: int, out: list[bytes]) -> None:
        super()._cite(opened, choice, out)
        said = self._of(choice)
        if not opened.length:
            self._give_back(opened, said)
        for event in opened.citations:
            text = "".join(self._texts.get((choice, event.index), ()))
            _note(event.citation, text, opened.block, said.supports, self._addresses)
            if (cited := cited_object(event.citation)) is not None:
                self._piece(opened.block, {"citation": cited}, choice, out)

    def _end_thinking(self, opened: Opened, part: Thinking, message: Message, choice: int, out: list[bytes]) -> None:
        super()._end_thinking(opened, part, message, choice, out)
        if part.redacted:
            self._piece(opened.block, {"data": redacted_data(part)}, choice, out)
        elif opened.length:
            if part.signature:
                self._piece(opened.block, {"signature": signature_of(part)}, choice, out)
        elif part.signature and not belongs_to_call(part):
            self._piece(opened.block, {"thinking": "", "signature": signature_of(part)}, choice, out)
        else:
            said = self._of(choice)
            said.proof = part if part.signature else None
            self._give_back(opened, said)

    def _give_back(self, opened: Opened, said: _Said) -> None:
        """Nothing came into the place of this block: the next one takes it."""
        said.blocks -= opened.block == said.blocks - 1

    def _finish(self, event: Finished, out: list[bytes]) -> None:
        said = self._of(event.choice)
        self._message(event.choice, out)
        self._leave(said, event.choice, out)
        super()._finish(event, out)
        last = out[-1].removesuffix(_CHUNK_ENDS)
        for name, value in _end_members(event.finish, said.supports).items():
            last += b',"%b":%b' % (name.encode(), encode(value))
        cited = b',"citations":' + encode(list(self._addresses)) if self._addresses else b""
        out[-1] = last + b"}]" + cited + b"}\n\n"
