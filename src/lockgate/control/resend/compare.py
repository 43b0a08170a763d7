"""Two answers to one request: what each took and cost, and where their texts differ."""

from __future__ import annotations

from difflib import unified_diff

import msgspec

from lockgate.core.content import Text, Thinking, ToolCall
from lockgate.core.record import Record
from lockgate.core.reply import Reply
from lockgate.dialects.codec import Codec
from lockgate.dialects.gather import gather
from lockgate.dialects.registry import RELAYS
from lockgate.wire import array

#: Characters of a text that are compared, and lines of a difference that are told.
LONGEST, LINES = 200_000, 2000


class Side(msgspec.Struct):
    """One answer. Times are ms, `cost_nusd` null: not known; `whole`: its text is all that was answered."""

    id: str
    provider: str
    model: str
    status: int
    outcome: str
    finish: str
    latency_ms: float
    first_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_nusd: int | None
    cost_note: str
    error: str
    text: str
    whole: bool = True


class Compared(msgspec.Struct):
    """An answer beside the recorded one: whether the texts are the same, and a unified difference of their lines."""

    answer: Side
    same: bool
    difference: list[str]


class Comparison(msgspec.Struct):
    """The recorded answer, and those that came now."""

    recorded: Side
    replays: list[Compared]
    object: str = "replay"


def side_of(record: Record, body: bytes, *, whole: bool = True) -> Side:
    """What a record and the body of its answer tell."""
    usage = record.usage
    return Side(
        record.id,
        record.provider,
        record.model_served or record.model_sent or record.model_asked,
        record.status,
        record.outcome,
        record.finish,
        record.latency_us / 1000,
        None if record.ttft_us is None else record.ttft_us / 1000,
        None if usage is None else usage.input,
        None if usage is None else usage.output,
        record.cost_nusd,
        record.cost_note,
        f"{record.error_code}: {record.error}" if record.error_code or record.error else "",
        text_of(record, body)[:LONGEST],
        whole,
    )


def compare(recorded: Side, answers: list[Side]) -> Comparison:
    """The answers beside the recorded one."""
    return Comparison(recorded, [_compared(recorded, answer) for answer in answers])


def text_of(record: Record, body: bytes) -> str:
    """What an answer says, as one reads it: thoughts, text and calls of tools; of what is no conversation, its JSON."""
    relay = RELAYS.get(record.dialect_in)
    if isinstance(relay, Codec) and record.status < 400:
        reply = _reply(relay, record, body)
        if reply is not None and any(choice.parts for choice in reply.choices):
            return _told(reply)
    try:
        return msgspec.json.format(body, indent=2).decode("utf-8", "replace")
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace")


def _reply(codec: Codec, record: Record, body: bytes) -> Reply | None:
    if not record.stream:
        reply = codec.read_reply(body)
        return reply if isinstance(reply, Reply) else None
    return gather(codec.reader().feed(array.events(body) if body.startswith(b"[") else body))


def _told(reply: Reply) -> str:
    lines: list[str] = []
    for number, choice in enumerate(reply.choices):
        if len(reply.choices) > 1:
            lines.append(f"[choice {number + 1}]")
        for part in choice.parts:
            match part:
                case Text():
                    lines.append(part.text)
                case Thinking():
                    lines.append(f"[thinking] {part.text}")
                case ToolCall():
                    lines.append(f"[calls {part.name}] {part.arguments}")
                case _:
                    lines.append(f"[{type(part).__name__.lower()}]")
    return "\n".join(lines)


def _compared(recorded: Side, answer: Side) -> Compared:
    names = (f"recorded {recorded.id}", f"now {answer.id}")
    difference = list(unified_diff(recorded.text.splitlines(), answer.text.splitlines(), *names, lineterm="", n=2))
    if len(difference) > LINES:
        difference = [*difference[:LINES], "…"]
    return Compared(answer, recorded.text == answer.text, difference)
