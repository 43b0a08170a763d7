"""Events, written as a chat stream for a caller.

What is constant in a part's chunks is put together once, when the part begins; a delta is then three pieces of bytes.
The order is the official SDKs': the role first, deltas, the finish reason, the usage when it was asked for, `[DONE]`.
Callers who asked for more or for less have writers of their own (`extended`, `strict`), which take from this one.
"""

from __future__ import annotations

from typing import Any

from lockgate.core.content import Declined, Media, Part, Text, Thinking, ToolCall
from lockgate.core.events import (
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
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import encode
from lockgate.core.reply import Usage
from lockgate.dialects.calls import asked_tool
from lockgate.dialects.codec import Voice
from lockgate.dialects.media import data_url
from lockgate.dialects.openai.chat.account import (
    SERVICE_TIERS,
    annotation_object,
    finish_word,
    logprobs_object,
    usage_object,
)
from lockgate.dialects.openai.chat.error import stream_error
from lockgate.dialects.openai.chat.reply import call_object
from lockgate.dialects.openai.chat.shapes import NAME
from lockgate.dialects.openai.chat.thinking import belongs_to_call, detail_object, may_be_signed

_Object = dict[str, Any]
#: How a chunk of a choice that goes on ends, behind its delta.
GOES_ON = b',"logprobs":null,"finish_reason":null}]}\n\n'
_APART = "\n\n"


class Opened:
    """A part that is being written: what stands around its deltas, and what is known when it ends."""

    __slots__ = ("around", "block", "citations", "lead", "length", "part", "start", "text")

    def __init__(self, part: Part, *around: bytes) -> None:
        self.part = part
        self.around = around  # a delta stands between each two of these: a text that goes out twice has three
        self.block = 0  # the place among content blocks, where those are written
        self.lead = ""  # white space that parts this text from the last one
        self.start = 0  # where the text begins in the message, in characters
        self.length = 0
        self.text: list[str] | None = None  # of a call that goes out whole
        self.citations: list[Cited] = []


class Message:
    """One choice: what of its message is out."""

    __slots__ = ("apart", "calls", "details", "length", "pending", "reasoned", "role")

    def __init__(self) -> None:
        self.role = False
        self.calls = 0
        self.details = 0
        self.length = 0  # of the text, in characters
        self.apart = False  # whether something stands between the last text and the next one
        self.reasoned = False
        self.pending: list[Thinking] = []  # signatures for the call that comes next


class Writer:
    """See `dialects.codec.Writer`."""

    __slots__ = ("_head", "_messages", "_parts", "_usage", "_voice")

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._head = b""
        self._messages: dict[int, Message] = {}
        self._parts: dict[tuple[int, int], Opened] = {}
        self._usage: Usage | None = None

    def __repr__(self) -> str:
        return f"Writer({len(self._messages)} choices, {len(self._parts)} parts open)"

    def feed(self, events: list[Event]) -> bytes:
        """The chunks to send now."""
        out: list[bytes] = []
        for event in events:
            kind = type(event)
            if kind is PartDelta:
                self._delta(event, out)  # type: ignore[arg-type]
            elif kind is PartStarted:
                self._start_part(event, out)  # type: ignore[arg-type]
            else:
                self._other(event, out)
        return b"".join(out)

    def end(self) -> bytes:
        """The usage, when it was asked for, and `[DONE]`."""
        tail = b"data: [DONE]\n\n"
        if self._usage is None or not self._voice.usage_asked:
            return tail
        self._begin(Started())
        return self._head[:-1] + b'],"usage":' + encode(self._account(self._usage)) + b"}\n\n" + tail

    def broken(self, error: Failure | Refusal) -> bytes:
        """The error, and no `[DONE]` after it."""
        return stream_error(error)

    def _account(self, usage: Usage) -> _Object:
        return usage_object(usage)

    def _begin(self, event: Started) -> None:
        """Fix what all chunks of this answer begin with."""
        if self._head:
            return
        head: _Object = {
            "id": event.id or f"chatcmpl-{self._voice.id}",
            "object": "chat.completion.chunk",
            "created": event.created or self._voice.created,
            "model": event.model or self._voice.request.model,
        }
        if event.service_tier in SERVICE_TIERS:
            head["service_tier"] = event.service_tier
        self._head = b"data: " + encode(head)[:-1] + b',"choices":[{'

    def _open(self, choice: int) -> bytes:
        """The beginning of a chunk for a choice, up to its delta."""
        return self._head + b'"index":%d,"delta":' % choice

    def _chunk(self, choice: int, delta: _Object) -> bytes:
        return self._open(choice) + encode(delta) + GOES_ON

    def _message(self, choice: int, out: list[bytes]) -> Message:
        message = self._messages.get(choice)
        if message is None:
            self._begin(Started())
            message = self._messages[choice] = Message()
            out.append(self._chunk(choice, {"role": "assistant", "content": ""}))
        return message

    def _delta(self, event: PartDelta, out: list[bytes]) -> None:
        part = self._parts.get((event.choice, event.index))
        if part is None or not event.text:
            return
        text = event.text
        if part.text is not None:
            part.text.append(text)
            return
        part.length += len(text)
        if part.lead:
            if len(part.around) > 2:  # a copy is without it
                member = "content" if isinstance(part.part, Text) else "reasoning_content"
                out.append(self._chunk(event.choice, {member: part.lead}))
            else:
                text = part.lead + text
            part.lead = ""
        out.append(encode(text).join(part.around))

    def _start_part(self, event: PartStarted, out: list[bytes]) -> None:
        choice, part = event.choice, event.part
        message = self._message(choice, out)
        if isinstance(part, ToolCall):
            self._start_call(part, event, message, out)
        elif isinstance(part, Text):
            opened = Opened(part, self._open(choice) + b'{"content":', b"}" + GOES_ON)
            opened.lead = _APART if message.apart and message.length else ""
            opened.start = message.length + len(opened.lead)
            message.apart = False
            self._enter(opened, event)
            self._say(part.text, event, out)
            opened.citations = [Cited(event.index, citation, choice) for citation in part.citations]
            return
        elif isinstance(part, Thinking):
            self._start_thinking(part, event, message)
            self._say(part.text, event, out)
        elif isinstance(part, Declined):
            self._enter(Opened(part, self._open(choice) + b'{"refusal":', b"}" + GOES_ON), event)
            self._say(part.text, event, out)
        elif isinstance(part, Media) and part.kind == "image":
            image = {"type": "image_url", "image_url": {"url": part.url or data_url(part)}}
            out.append(self._chunk(choice, {"images": [image]}))
        message.apart = True

    def _enter(self, opened: Opened, event: PartStarted) -> None:
        """A part's deltas may come now."""
        self._parts[event.choice, event.index] = opened

    def _say(self, text: str, event: PartStarted, out: list[bytes]) -> None:
        if text:
            self._delta(PartDelta(event.index, text, event.choice), out)

    def _start_thinking(self, part: Thinking, event: PartStarted, message: Message) -> None:
        around = (self._open(event.choice) + b'{"reasoning_content":', b"}" + GOES_ON)
        if may_be_signed(part):
            # The text goes out twice, as OpenRouter does it: a signature proves its own piece of the reasoning. Members
            # that are not added up (the format) come once, with the signature, because the SDKs add up all texts.
            details = b',"reasoning_details":[{"type":"reasoning.text","text":'
            around = (around[0], details, b',"index":%d}]}' % message.details + GOES_ON)
        opened = Opened(part, *around)
        opened.lead = _APART if message.reasoned else ""
        self._enter(opened, event)

    def _start_call(self, part: ToolCall, event: PartStarted, message: Message, out: list[bytes]) -> None:
        choice = event.choice
        call_id = part.id or f"call_{self._voice.id}{choice or ''}_{message.calls}"
        self._prove(message, choice, out, call_id)
        tool = asked_tool(part.name, self._voice.request)
        index = message.calls
        message.calls += 1
        if part.custom or (tool is not None and tool.custom):
            opened = Opened(ToolCall(call_id, part.name, custom=part.custom))
            opened.text = []
            opened.start = index
        else:
            function = self._function(part.name if tool is None else tool.name, choice)
            call = {"index": index, "id": call_id, "type": "function", "function": function}
            out.append(self._chunk(choice, {"tool_calls": [call]}))
            before = self._open(choice) + b'{"tool_calls":[{"index":%d,"function":{"arguments":' % index
            opened = Opened(part, before, b"}}]}" + GOES_ON)
        self._enter(opened, event)
        self._say(part.arguments, event, out)

    def _function(self, name: str, choice: int) -> _Object:
        """A call's function as it is announced."""
        return {"name": name, "arguments": ""}

    def _other(self, event: Event, out: list[bytes]) -> None:
        if isinstance(event, PartEnded):
            opened = self._parts.pop((event.choice, event.index), None)
            if opened is not None:
                self._end_part(opened, event.choice, out)
        elif isinstance(event, Signed):
            opened = self._parts.get((event.choice, event.index))
            if opened is not None and isinstance(opened.part, Thinking):
                old = opened.part
                opened.part = Thinking(old.text, event.signature, old.redacted, event.dialect, old.id)
        elif isinstance(event, Cited):
            opened = self._parts.get((event.choice, event.index))
            if opened is not None:
                opened.citations.append(event)
        elif isinstance(event, Sampled):
            self._message(event.choice, out)
            logprobs = encode(logprobs_object(event.logprobs))
            out.append(self._open(event.choice) + b'{"content":""},"logprobs":' + logprobs + b',"finish_reason":null}]}\n\n')
        elif isinstance(event, Finished):
            self._finish(event, out)
        elif isinstance(event, Used):
            self._usage = event.usage
        elif isinstance(event, Started):
            self._begin(event)
            self._message(0, out)

    def _finish(self, event: Finished, out: list[bytes]) -> None:
        message = self._message(event.choice, out)
        self._prove(message, event.choice, out)
        word = encode(finish_word(event.finish, message.calls > 0))
        out.append(self._open(event.choice) + b'{},"logprobs":null,"finish_reason":' + word + b"}]}\n\n")

    def _end_part(self, opened: Opened, choice: int, out: list[bytes]) -> None:
        message = self._messages[choice]
        part = opened.part
        if isinstance(part, Text):
            message.length = opened.start + opened.length if opened.length else message.length
            self._cite(opened, choice, out)
        elif isinstance(part, Thinking):
            message.reasoned = message.reasoned or opened.length > 0
            self._end_thinking(opened, part, message, choice, out)
        elif isinstance(part, ToolCall) and opened.text is not None:
            part.arguments = "".join(opened.text)
            call = call_object(part, part.id, self._voice.request)
            out.append(self._chunk(choice, {"tool_calls": [{"index": opened.start, **call}]}))
        elif isinstance(part, ToolCall) and not opened.length:
            out.append(b'"{}"'.join(opened.around))  # clients parse what they have gathered

    def _cite(self, opened: Opened, choice: int, out: list[bytes]) -> None:
        made = [annotation_object(event.citation, opened.start, opened.length) for event in opened.citations]
        if annotations := [each for each in made if each is not None]:
            out.append(self._chunk(choice, {"annotations": annotations}))

    def _end_thinking(self, opened: Opened, part: Thinking, message: Message, choice: int, out: list[bytes]) -> None:
        """The proof of a piece of reasoning, whose text is out already; one without text waits for the call it belongs to."""
        if part.dialect in ("", NAME):
            return
        said = opened.length > 0
        proof = Thinking("", part.signature, part.redacted, part.dialect, part.id)
        if said or not belongs_to_call(part):
            detail = detail_object(proof, message.details, said=said)
            if detail is not None:
                out.append(self._chunk(choice, {"reasoning_details": [detail]}))
            message.details += 1
        elif part.signature:
            message.pending.append(proof)

    def _prove(self, message: Message, choice: int, out: list[bytes], call_id: str = "") -> None:
        for proof in message.pending:
            detail = detail_object(proof, message.details, call_id)
            if detail is not None:
                out.append(self._chunk(choice, {"reasoning_details": [detail]}))
                message.details += 1
        message.pending.clear()
