"""The canonical answer, written as a whole Responses answer."""

from __future__ import annotations

from typing import Any

from lockgate.core.content import Declined, Media, Native, Part, Text, Thinking, ToolCall
from lockgate.core.json import encode
from lockgate.core.reply import Choice, Reply
from lockgate.dialects.calls import free_text
from lockgate.dialects.codec import Voice
from lockgate.dialects.openai.responses.answer import (
    Frame,
    Status,
    call_item,
    image_item,
    message_item,
    reasoning_item,
    refusal_content,
    text_content,
)
from lockgate.dialects.openai.responses.shapes import NAME, incomplete_reason


def write_reply(reply: Reply, voice: Voice) -> bytes:
    """The answer's body. The dialect has one choice; others are left out."""
    frame = Frame(voice, reply.created, reply.model, reply.service_tier)
    choice = reply.choices[0] if reply.choices else Choice()
    reason = incomplete_reason(choice.finish)
    status: Status = "incomplete" if reason else "completed"
    return frame.response(status, _output(choice, frame, status), reply.usage, reason)


def _output(choice: Choice, frame: Frame, status: Status) -> list[bytes]:
    """The output items: neighbouring texts are one message, all else is an item of its own."""
    items: list[bytes] = []
    content: list[dict[str, Any]] = []
    logprobs = choice.logprobs

    def say(status: Status) -> None:
        if content:
            items.append(encode(message_item(frame.item_id("msg", len(items)), content, status)))
            content.clear()

    for part in choice.parts:
        if isinstance(part, Text):
            content.append(text_content(part.text, part.citations, logprobs))
            logprobs = []  # they are told of the choice as a whole: they stand with its first text
        elif isinstance(part, Declined):
            content.append(refusal_content(part.text))
        else:
            say("completed")
            if (item := _item(part, frame, len(items))) is not None:
                items.append(item)
    say(status)
    return items


def _item(part: Part, frame: Frame, index: int) -> bytes | None:
    if isinstance(part, ToolCall):
        if frame.custom(part):
            text = part.arguments if part.custom else free_text(part.arguments)
            call = ToolCall(part.id, part.name, text, custom=True)
            return encode(call_item(frame.item_id("ctc", index), call, frame, "completed"))
        call = ToolCall(part.id, part.name, part.arguments or "{}")
        return encode(call_item(frame.item_id("fc", index), call, frame, "completed"))
    if isinstance(part, Thinking):
        own = part.id if part.dialect == NAME else ""
        return encode(reasoning_item(own or frame.item_id("rs", index), part))
    if isinstance(part, Media) and part.kind == "image" and part.data:
        return encode(image_item(frame.item_id("ig", index), part.data))
    if isinstance(part, Native) and part.dialect == NAME:
        return bytes(part.raw)
    return None
