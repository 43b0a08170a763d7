"""Canonical events in tests: read from a stream cut anywhere, checked against their grammar, folded into the answer they tell."""

from __future__ import annotations

from pathlib import Path

import msgspec

from lockgate.core.content import Thinking
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
from lockgate.core.reply import Choice, Reply
from lockgate.dialects.codec import Codec

GOLDEN = Path(__file__).parents[1] / "golden"
#: Real provider traffic, where this working copy has it beside itself.
RECORDINGS = Path(__file__).parents[2].parent / "shared" / "recordings"


def read_stream(codec: Codec, data: bytes, size: int | None = None) -> list[Event]:
    """The events of a stream that comes in pieces of `size` bytes (one piece when None), to its proper end."""
    reader = codec.reader()
    events: list[Event] = []
    for start in range(0, len(data), size or len(data) or 1):
        events += reader.feed(data[start : start + (size or len(data))])
    return events + reader.end()


def shape(value: object) -> object:
    """A value as plain data, raw JSON decoded, so that two can be compared."""
    return msgspec.to_builtins(_plain(value))


def _plain(value: object) -> object:
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value) if len(value) else None
    if isinstance(value, msgspec.Struct):
        made = {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
        return {"": type(value).__name__, **made}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value


def check_grammar(events: list[Event]) -> None:
    """Assert the grammar of `core.events`: started once and first; parts begin, go on, and end once; then the choice ends."""
    started = 0
    begun: set[tuple[int, int]] = set()
    ended: set[tuple[int, int]] = set()
    finished: set[int] = set()
    for number, event in enumerate(events):
        kind = type(event)
        if kind is Started:
            started += 1
            assert started == 1 and number == 0, "an answer starts once, at the beginning"
        elif kind in (PartStarted, PartDelta, Signed, Cited, PartEnded):
            place = (event.choice, event.index)
            assert event.choice not in finished, f"{event} after the end of its choice"
            if kind is PartStarted:
                assert place not in begun, f"part {place} begins twice"
                begun.add(place)
            else:
                assert place in begun and place not in ended, f"{event} of a part that is not open"
                if kind is PartEnded:
                    ended.add(place)
        elif kind is Finished:
            assert event.choice not in finished, "a choice ends twice"
            assert {place for place in begun if place[0] == event.choice} <= ended, "a part is open at the end"
            finished.add(event.choice)
        else:
            assert kind in (Used, Sampled, Broken)


def fold(events: list[Event]) -> Reply:
    """The whole answer that a stream tells."""
    reply = Reply()
    parts: dict[tuple[int, int], object] = {}
    choices: dict[int, Choice] = {}
    for event in events:
        kind = type(event)
        if kind is Started:
            reply.id, reply.model, reply.created, reply.service_tier = event.id, event.model, event.created, event.service_tier
        elif kind is Used:
            reply.usage = event.usage
        elif kind is PartStarted:
            part = msgspec.structs.replace(event.part)
            parts[event.choice, event.index] = part
            choices.setdefault(event.choice, Choice(parts=[])).parts.append(part)
        elif kind is PartDelta:
            part = parts[event.choice, event.index]
            name = "arguments" if hasattr(part, "arguments") else "text"
            setattr(part, name, getattr(part, name) + event.text)
        elif kind is Signed:
            part = parts[event.choice, event.index]
            assert isinstance(part, Thinking)
            part.signature, part.dialect = event.signature, event.dialect
        elif kind is Cited:
            part = parts[event.choice, event.index]
            part.citations = [*part.citations, event.citation]
        elif kind is Sampled:
            choice = choices.setdefault(event.choice, Choice(parts=[]))
            choice.logprobs = [*choice.logprobs, *event.logprobs]
        elif kind is Finished:
            choices.setdefault(event.choice, Choice(parts=[])).finish = event.finish
    reply.choices = [choices[number] for number in sorted(choices)]
    return reply
