"""Log records that tell what was said in a span: the events of the GenAI conventions, today's and those before.

Today one event tells all of an operation (`gen_ai.client.inference.operation.details`, by the attributes that a span has too);
until v1.36 each message was an event of its own (`gen_ai.user.message` …, `gen_ai.choice`), told by its body. What events tell
of one span becomes a record of the `source` "event", which holds messages with the ns in which each was said: so they can be
put in order, and known again, whatever comes first and however often.

Sources: https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-events.md, and
https://github.com/open-telemetry/semantic-conventions/blob/v1.36.0/docs/gen-ai/gen-ai-events.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any, cast

import msgspec

from lockgate.core.json import encode
from lockgate.core.record import Record, new_id
from lockgate.dialects.otlp.nouns import Event

DETAILS = "gen_ai.client.inference.operation.details"
CHOICE = "gen_ai.choice"
#: An event → whose message it tells.
_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
    CHOICE: "assistant",
}
#: Bytes of each side of a span that are put together.
MOST_BYTES = 4 * 1024 * 1024
#: A message, and when it was said, in ns.
_Said = tuple[int, Any]


def is_ours(event: Event) -> bool:
    """Whether it tells what was said."""
    return event.name in _ROLES or event.name == DETAILS


def flaw_of(event: Event, earliest_us: int, latest_us: int) -> str:
    """Why an event of ours cannot be taken; "": it can. Times are µs since the epoch."""
    if len(event.trace_id) != 32 or not event.trace_id.strip("0") or len(event.span_id) != 16 or not event.span_id.strip("0"):
        return "what was said belongs to a span: a trace_id of 16 bytes and a span_id of 8 are needed"
    if not earliest_us <= event.time_ns // 1000 <= latest_us:
        return "a log record's time is long ago, or in the future"
    return ""


def records_of(events: Iterable[Event], whose: str, room: int) -> list[Record]:
    """What events of ours tell, a record for each span, or several where a side has more than `room` bytes. The same events are
    the same records; `whose` tells those of others from them."""
    by_span: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        by_span.setdefault((event.trace_id, event.span_id), []).append(event)
    return [record for some in by_span.values() for record in _records(some, whose, room)]


def _records(events: Sequence[Event], whose: str, room: int) -> Iterator[Record]:
    sides: tuple[list[_Said], list[_Said]] = ([], [])
    sizes = [0, 0]
    for event in events:
        for side, told in enumerate(_told(event)):
            for message in told:
                size = len(encode(message))
                if sides[side] and sizes[side] + size > room:
                    yield _record(events[0], sides, whose)
                    sides, sizes = (list[_Said](), list[_Said]()), [0, 0]
                sides[side].append((event.time_ns, message))
                sizes[side] += size
    if sides[0] or sides[1]:
        yield _record(events[0], sides, whose)


def _record(first: Event, sides: tuple[list[_Said], list[_Said]], whose: str) -> Record:
    time_us = min(at for side in sides for at, _ in side) // 1000
    request, response = map(_body, sides)
    told = b"\0".join((whose.encode(), first.trace_id.encode(), first.span_id.encode(), request, response))
    return Record(
        id=new_id(time_us, int.from_bytes(blake2b(told, digest_size=8).digest(), "big") >> 2),
        time_us=time_us,
        trace_id=first.trace_id,
        span_id=first.span_id,
        source="event",
        request=request,
        response=response,
    )


def _body(said: list[_Said]) -> bytes:
    return encode({"messages": [message for _, message in said], "at": [at for at, _ in said]}) if said else b""


def _told(event: Event) -> tuple[list[Any], list[Any]]:
    """The messages that were asked, and those that were answered."""
    said = event.attributes
    if event.name == DETAILS:
        system = _list(said.get("gen_ai.system_instructions"))
        asked: list[Any] = [{"role": "system", "parts": system}] if system else []
        return [*asked, *_list(said.get("gen_ai.input.messages"))], _list(said.get("gen_ai.output.messages"))
    body = _json(event.body)
    message: dict[str, Any] = {"role": _ROLES[event.name]}
    if isinstance(body, dict):
        whole = cast("dict[str, Any]", body)
        inner = whole.get("message")
        message |= {name: value for name, value in whole.items() if name not in ("message", "index")}
        if isinstance(inner, dict):
            message |= cast("dict[str, Any]", inner)
        elif inner is not None:
            message["content"] = inner
    elif body is not None:
        message["content"] = body
    elif "content" in said:
        message["content"] = said["content"]
    if len(message) == 1:
        return [], []  # its contents were not to be captured
    return ([], [message]) if event.name == CHOICE else ([message], [])


def _list(value: Any) -> list[Any]:
    value = _json(value)
    return cast("list[Any]", value) if isinstance(value, list) else [] if value is None else [value]


def _json(value: Any) -> Any:
    """What is structured, or the JSON text of it."""
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return value


def put_together(span: Record, told: Iterable[Record]) -> None:
    """Give a span's record what was told of it, as far as it does not say it itself: in the order in which it was said, each
    message once."""
    several = sorted(told, key=lambda record: (record.time_us, record.id))
    for member in ("request", "response"):
        bodies = [body for record in several if (body := getattr(record, member))]
        if not bodies or getattr(span, member):
            continue
        messages, is_whole = _messages(bodies)
        if messages:
            setattr(span, member, encode({"messages": messages}))
        span.truncated = span.truncated or not is_whole
    span.truncated = span.truncated or any(record.truncated for record in several)


class _Body(msgspec.Struct):
    messages: list[msgspec.Raw]
    at: list[int]


_bodies = msgspec.json.Decoder(_Body)


def _messages(bodies: Iterable[bytes]) -> tuple[list[msgspec.Raw], bool]:
    """What bodies of `_body` hold together; and whether that is all."""
    found: dict[tuple[int, bytes], msgspec.Raw] = {}
    size, is_whole = 0, True
    for each in bodies:
        try:
            body = _bodies.decode(each)
        except (msgspec.DecodeError, RecursionError):
            is_whole = False  # it was cut short
            continue
        for at, message in zip(body.at, body.messages, strict=False):
            key = (at, bytes(message))
            if key not in found and size + len(key[1]) > MOST_BYTES:
                is_whole = False
                continue
            if key not in found:
                size += len(key[1])
                found[key] = message
    return [found[key] for key in sorted(found, key=lambda key: key[0])], is_whole
