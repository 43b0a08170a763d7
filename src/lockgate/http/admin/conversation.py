"""/v1/logs/{id}/conversation: what was said in a request, for whoever reads it: one shape for all dialects, so that nobody who
shows it has to know any of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from lockgate.control.exports.columns import body
from lockgate.core.content import Declined, Media, Native, Part, Text, Thinking, Tool, ToolCall, ToolResult, Turn
from lockgate.core.failure import Refusal
from lockgate.core.record import Record
from lockgate.core.reply import Choice
from lockgate.dialects.otlp.content import answered, asked
from lockgate.dialects.registry import CODECS
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.log_query import within

#: Characters of base64 that are shown of all pictures together.
MOST_DATA = 2_000_000
#: Pictures that every browser shows and none of which is a document (SVG is one).
SHOWN = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))


class ShownPart(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a turn. `text` is what was said, thought or declined, a call's arguments, a tool's result, or what else
    there is, as JSON. `name` and `call_id` are a call's and its result's; `media`, `mime`, `url` and `data` (base64) are of
    a picture, sound, film or file."""

    kind: Literal["text", "thinking", "call", "result", "media", "declined", "other"]
    text: str = ""
    name: str = ""
    call_id: str = ""
    media: str = ""
    mime: str = ""
    url: str = ""
    data: str = ""
    is_error: bool = False


class ShownTurn(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody said. `finish` is why an answer ended."""

    role: str
    name: str | None
    parts: list[ShownPart]
    finish: str | None = None


class ShownTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the model might have called."""

    name: str
    description: str | None
    schema: Any


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, and answered. `problem`: why some of it is not there."""

    object: Literal["conversation"] = "conversation"
    turns: list[ShownTurn]
    replies: list[ShownTurn]
    tools: list[ShownTool]
    problem: str | None


def read(ask: Ask) -> Conversation:
    """Read what was said in one request."""
    record = ask.insight.search.get(ask.params["id"], within(ask.tenant))
    if record is None:
        raise Refusal(404, "not_found", f"There is no log '{ask.params['id'][:100]}' here.")
    return conversation_of(record)


def conversation_of(record: Record) -> Conversation:
    """What was said in a request, as far as that was kept."""
    request, reply, room = asked(record), answered(record), _Room()
    return Conversation(
        turns=[] if request is None else [room.turn(each) for each in request.turns],
        replies=[] if reply is None else [room.reply(each) for each in reply.choices],
        tools=[] if request is None else [_tool(each) for each in request.tools],
        problem=_problem(record, is_read=request is not None),
    )


def _problem(record: Record, *, is_read: bool) -> str | None:
    if record.source == "span":
        return _problem_of_span(record, is_read=is_read)
    if record.dialect_in not in CODECS:
        return "It is no conversation. The raw request and answer are all there is."
    if not record.request:
        return "What was said was not kept, as the operator, the workspace, the key or the caller wanted it."
    if not is_read:
        return "The request is no whole conversation: it was cut short, or is not what its API asks for. See it raw."
    if record.truncated:
        return "It was longer than what is kept of a request, so some of it is missing."
    return None


def _problem_of_span(record: Record, *, is_read: bool) -> str | None:
    if not record.request and not record.response:
        return "Who told of this span has not told what was said in it, or it was not to be kept."
    if not is_read:
        return "What was asked is no conversation. The raw request and answer are all there is."
    return "It was longer than what is kept of a request, so some of it is missing." if record.truncated else None


class _Room:
    """Shows turns, and media as long as there is room for their data."""

    def __init__(self) -> None:
        self._left = MOST_DATA

    def turn(self, turn: Turn) -> ShownTurn:
        return ShownTurn(role=turn.role, name=turn.name or None, parts=[self.part(each) for each in turn.parts])

    def reply(self, choice: Choice) -> ShownTurn:
        parts = [self.part(each) for each in choice.parts]
        return ShownTurn(role="assistant", name=None, parts=parts, finish=choice.finish and choice.finish.reason)

    def part(self, part: Part) -> ShownPart:
        match part:
            case Text():
                return ShownPart(kind="text", text=part.text)
            case Thinking():
                return ShownPart(kind="thinking", text=part.text or ("(readable by its model alone)" if part.redacted else ""))
            case ToolCall():
                return ShownPart(kind="call", text=part.arguments, name=part.name, call_id=part.id)
            case ToolResult():
                text = _lines(part.content)
                return ShownPart(kind="result", text=text, name=part.name, call_id=part.call_id, is_error=part.is_error)
            case Media():
                return self._media(part)
            case Declined():
                return ShownPart(kind="declined", text=part.text)
            case Native():
                return ShownPart(kind="other", text=bytes(part.raw).decode("utf-8", "replace"), name=part.kind)

    def _media(self, part: Media) -> ShownPart:
        data = part.data if part.mime in SHOWN and len(part.data) <= self._left else ""
        self._left -= len(data)
        name = part.name or part.file_id
        return ShownPart(kind="media", text=part.text, name=name, media=part.kind, mime=part.mime, url=part.url, data=data)


def _lines(content: Iterable[Text | Media]) -> str:
    return "\n".join(each.text if isinstance(each, Text) else f"[{each.kind}]" for each in content)


def _tool(tool: Tool) -> ShownTool:
    raw = tool.native or tool.schema
    return ShownTool(name=tool.name, description=tool.description or None, schema=None if raw is None else body(bytes(raw)))
