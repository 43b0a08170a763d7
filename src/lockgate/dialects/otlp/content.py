"""What was asked and answered, as the GenAI conventions write it: messages of parts, in one shape for all dialects.

Source: https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-input-messages.json and its
neighbours. A structured attribute is written as JSON text, which every backend takes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from lockgate.core.content import Declined, Media, Native, Part, Text, Thinking, Tool, ToolCall, ToolResult, Turn
from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import encode
from lockgate.core.record import Record
from lockgate.core.reply import Reply
from lockgate.core.request import Request, Sampling
from lockgate.core.sheet import Sheet
from lockgate.dialects.codec import Codec
from lockgate.dialects.gather import gather
from lockgate.dialects.otlp.telling import reply_of, request_of
from lockgate.dialects.registry import CODECS

#: A knob → its attribute, and how it is written.
_KNOBS: tuple[tuple[str, str, type], ...] = (
    ("max_tokens", "gen_ai.request.max_tokens", int),
    ("temperature", "gen_ai.request.temperature", float),
    ("top_p", "gen_ai.request.top_p", float),
    ("top_k", "gen_ai.request.top_k", float),
    ("seed", "gen_ai.request.seed", int),
    ("presence_penalty", "gen_ai.request.presence_penalty", float),
    ("frequency_penalty", "gen_ai.request.frequency_penalty", float),
)


def asked(record: Record) -> Request | None:
    """What was asked, where it is kept whole, and in a dialect of conversations."""
    if record.source == "span":
        return request_of(record.request)
    codec = CODECS.get(record.dialect_in)
    if codec is None or not record.request:
        return None
    try:
        return codec.read_request(Sheet.open(record.request))
    except (Refusal, RecursionError):
        return None  # cut short, or never one


def answered(record: Record) -> Reply | None:
    """What was answered, likewise; a stream as far as it came."""
    if record.source == "span":
        return reply_of(record.response)
    codec = CODECS.get(record.dialect_in)
    if codec is None or not record.response or record.outcome not in ("ok", "broken", "client_left"):
        return None
    if record.stream and record.response.lstrip()[:1] not in (b"{", b"["):
        return _streamed(codec, record.response)
    try:
        reply = codec.read_reply(record.response)
    except RecursionError:
        return None
    return None if isinstance(reply, Failure) else reply


def knobs(request: Request) -> dict[str, Any]:
    """The attributes of a request's knobs."""
    sampling: Sampling = request.sampling
    found: dict[str, Any] = {}
    for name, attribute, kind in _KNOBS:
        if (value := getattr(sampling, name)) is not None:
            found[attribute] = kind(value)
    if sampling.stop:
        found["gen_ai.request.stop_sequences"] = list(sampling.stop)
    if sampling.n is not None and sampling.n != 1:
        found["gen_ai.request.choice.count"] = sampling.n
    if request.format is not None:
        found["gen_ai.output.type"] = "json"
    return found


def conversation(request: Request | None, reply: Reply | None) -> dict[str, Any]:
    """The attributes that hold what was said."""
    found: dict[str, Any] = {}
    if request is not None:
        system = [part for turn in request.turns if turn.role in ("system", "developer") for part in turn.parts]
        rest = [turn for turn in request.turns if turn.role not in ("system", "developer")]
        if system:
            found["gen_ai.system_instructions"] = _text(_parts(system))
        if rest:
            found["gen_ai.input.messages"] = _text([message for turn in rest for message in _messages(turn)])
        if request.tools:
            found["gen_ai.tool.definitions"] = _text([_tool(each) for each in request.tools])
    if reply is not None and reply.choices:
        found["gen_ai.output.messages"] = _text(
            [
                {
                    "role": "assistant",
                    "parts": _parts(choice.parts),
                    "finish_reason": choice.finish.reason if choice.finish is not None else "error",
                }
                for choice in reply.choices
            ]
        )
    return found


def _streamed(codec: Codec, body: bytes) -> Reply:
    reader = codec.reader()
    return gather([*reader.feed(body), *reader.end()])


def _messages(turn: Turn) -> Iterable[dict[str, Any]]:
    """A turn; what tools gave back is a message of its own."""
    results = [part for part in turn.parts if isinstance(part, ToolResult)]
    others = [part for part in turn.parts if not isinstance(part, ToolResult)]
    if results:
        yield {"role": "tool", "parts": _parts(results)}
    if others:
        yield {"role": turn.role, "parts": _parts(others)}


def _parts(parts: Iterable[Part]) -> list[dict[str, Any]]:
    return [said for part in parts if (said := _part(part)) is not None]


def _part(part: Part) -> dict[str, Any] | None:
    match part:
        case Text() | Declined():
            return {"type": "text", "content": part.text}
        case Thinking():
            return {"type": "reasoning", "content": part.text} if part.text else None
        case ToolCall():
            return {"type": "tool_call", "id": part.id, "name": part.name, "arguments": _json(part.arguments)}
        case ToolResult():
            content = part.content
            only = content[0] if len(content) == 1 else None
            result = only.text if isinstance(only, Text) else _parts(content)
            return {"type": "tool_call_response", "id": part.call_id, "result": result}
        case Media():
            return _media(part)
        case Native():
            return {"type": part.kind, "content": part.raw}


def _media(part: Media) -> dict[str, Any]:
    about = {"modality": part.kind, **({"mime_type": part.mime} if part.mime else {})}
    if part.data:
        return {"type": "blob", **about, "content": part.data}
    if part.file_id:
        return {"type": "file", **about, "file_id": part.file_id}
    return {"type": "uri", **about, "uri": part.url} if part.url else {"type": "text", "content": part.text}


def _tool(tool: Tool) -> dict[str, Any]:
    if tool.native is not None:
        return {"type": "extension", "name": tool.name, "definition": tool.native}
    said: dict[str, Any] = {"type": "function", "name": tool.name}
    if tool.description:
        said["description"] = tool.description
    if tool.schema is not None:
        said["parameters"] = tool.schema
    return said


def _json(text: str) -> Any:
    """Arguments as JSON where they are, else as the text that they are."""
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text
    return msgspec.Raw(text.encode())


def _text(value: Any) -> str:
    return encode(value).decode()
