"""Whole answers of the Chat Completions API: read from a host, written for a caller, and looked over as they pass.

Source: https://platform.openai.com/docs/api-reference/chat/object
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Citation, Declined, Media, Part, Text, Thinking, ToolCall
from lockgate.core.failure import Failure
from lockgate.core.json import UNREADABLE, given
from lockgate.core.outcome import Outcome
from lockgate.core.reply import Choice, Finish, Reply
from lockgate.core.request import Request
from lockgate.dialects.calls import asked_tool, free_text
from lockgate.dialects.codec import Voice
from lockgate.dialects.error import failure_of, unreadable
from lockgate.dialects.lenient import forgiving
from lockgate.dialects.media import data_url, from_url
from lockgate.dialects.openai.chat.account import (
    SERVICE_TIERS,
    annotation_object,
    citation_of,
    finish_of,
    finish_word,
    logprobs_object,
    tokens_of,
    usage_object,
    usage_of,
)
from lockgate.dialects.openai.chat.shapes import NAME, LogprobsShape, MessageShape, arguments_text
from lockgate.dialects.openai.chat.thinking import detail_object, of_extra, of_part, said_in

_Object = dict[str, Any]


class _Choice(msgspec.Struct):
    index: int | None = None
    message: MessageShape | None = None
    finish_reason: str | None = None
    logprobs: LogprobsShape | None = None
    error: msgspec.Raw = msgspec.Raw()


class _Body(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    created: float | None = None
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: str | None = None
    error: msgspec.Raw = msgspec.Raw()


class _Ending(msgspec.Struct):
    finish_reason: str | None = None


class _Passing(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    choices: list[_Ending] | None = None
    usage: msgspec.Raw = msgspec.Raw()
    service_tier: str | None = None
    error: msgspec.Raw = msgspec.Raw()


_body = msgspec.json.Decoder(_Body, strict=False).decode
_passing = msgspec.json.Decoder(_Passing, strict=False).decode


def read_reply(body: bytes) -> Reply | Failure:
    """A host's answer, canonical; the failure that it states instead, or is when it cannot be read."""
    try:
        shape = forgiving(body, _body)
        if given(shape.error):
            return failure_of(msgspec.json.decode(shape.error), body=body)
        if not shape.choices:
            return unreadable("it has no choices", body)
        failed = next((choice.error for choice in shape.choices if given(choice.error)), None)
        if failed is not None:
            return failure_of({"error": msgspec.json.decode(failed)}, body=body)
        usage = usage_of(shape.usage, shape.service_tier) if given(shape.usage) else None
    except UNREADABLE as error:
        return unreadable(str(error), body)
    return Reply(
        id=shape.id or "",
        model=shape.model or "",
        created=int(shape.created or 0),
        choices=[_choice(choice) for choice in shape.choices],
        usage=usage,
        service_tier=shape.service_tier or "",
    )


def _choice(shape: _Choice) -> Choice:
    message = shape.message or MessageShape()
    parts = parts_of(message)
    finish = finish_of(shape.finish_reason or "")
    if finish.reason == "unknown" and any(type(part) is ToolCall for part in parts):
        finish = Finish("tool_calls", raw=finish.raw)
    return Choice(parts, finish, tokens_of(shape.logprobs))


def parts_of(message: MessageShape) -> list[Part]:
    """What a host's message says, in the order in which it was thought."""
    parts: list[Part] = [*said_in(message)]
    content = message.content
    for part in content if isinstance(content, list) else []:
        if part.type == "thinking" and (thought := of_part(part)):
            parts.append(Thinking(thought, dialect=NAME, id="thinking"))
        elif part.text:
            parts.append(Text(part.text))
        elif part.refusal:
            parts.append(Declined(part.refusal))
    if isinstance(content, str) and content:
        parts.append(Text(content))
    _cite(parts, message)
    if message.refusal:
        parts.append(Declined(message.refusal))
    if message.audio is not None and message.audio.data:
        parts.append(Media("audio", data=message.audio.data))
        if message.audio.transcript:
            parts.append(Text(message.audio.transcript))
    for image in message.images or []:
        if image.image_url is not None and (media := _media(image.image_url.url)) is not None:
            parts.append(media)
    parts += _calls(message)
    return parts


def _cite(parts: list[Part], message: MessageShape) -> None:
    """Give the citations of a message to its text."""
    citations = [made for each in message.annotations or [] if (made := citation_of(each)) is not None]
    text = next((part for part in parts if isinstance(part, Text)), None)
    if text is not None and citations:
        text.citations = citations


def _media(url: str) -> Media | None:
    try:
        return from_url(url, "image")
    except ValueError:
        return None


def _calls(message: MessageShape) -> list[Part]:
    parts: list[Part] = []
    signature = of_extra(message.extra_content)
    for call in message.tool_calls or []:
        if (own := of_extra(call.extra_content) or signature) is not None:
            parts.append(own)
            signature = None
        if call.type == "custom" and call.custom is not None and call.custom.name:
            parts.append(ToolCall(call.id or "", call.custom.name, call.custom.input or "", custom=True))
        elif call.function is not None and call.function.name:
            parts.append(ToolCall(call.id or "", call.function.name, arguments_text(call.function.arguments)))
    legacy = message.function_call
    if legacy is not None and legacy.name:
        parts.append(ToolCall("", legacy.name, arguments_text(legacy.arguments)))
    return parts


def observe(body: bytes) -> Outcome:
    """What a passing answer says of itself."""
    try:
        shape = forgiving(body, _passing)
        usage = usage_of(shape.usage, shape.service_tier) if given(shape.usage) else None
        failure = failure_of(msgspec.json.decode(shape.error), body=body) if given(shape.error) else None
    except UNREADABLE as error:
        return Outcome(failure=unreadable(str(error), body))
    word = shape.choices[0].finish_reason if shape.choices else None
    finish = None if word is None else finish_of(word)
    complete = failure is None
    return Outcome(shape.id or "", shape.model or "", usage, finish, failure, begun=complete, complete=complete)


def reply_object(reply: Reply, voice: Voice) -> _Object:
    """An answer for a caller of this API who said nothing of its manner."""
    body: _Object = {
        "id": reply.id or f"chatcmpl-{voice.id}",
        "object": "chat.completion",
        "created": reply.created or voice.created,
        "model": reply.model or voice.request.model,
        "choices": [_choice_object(choice, index, voice) for index, choice in enumerate(reply.choices)],
    }
    if reply.usage is not None:
        body["usage"] = usage_object(reply.usage)
    if reply.service_tier in SERVICE_TIERS:
        body["service_tier"] = reply.service_tier
    return body


def _choice_object(choice: Choice, index: int, voice: Voice) -> _Object:
    message = _message(choice.parts, f"{voice.id}{index or ''}", voice.request)
    return {
        "index": index,
        "message": message,
        "logprobs": logprobs_object(choice.logprobs) if choice.logprobs else None,
        "finish_reason": finish_word(choice.finish, "tool_calls" in message),
    }


def _message(parts: list[Part], unique: str, request: Request) -> _Object:
    text = ""
    apart = False  # whether something stood between the last text and the next one
    reasoning: list[str] = []
    details: list[_Object] = []
    declined: list[str] = []
    calls: list[_Object] = []
    annotations: list[_Object] = []
    images: list[_Object] = []
    message: _Object = {"role": "assistant", "content": None, "refusal": None}
    for number, part in enumerate(parts):
        if isinstance(part, Text):
            text += "\n\n" if apart and text and part.text else ""
            annotations += _annotations(part.citations, len(text), len(part.text))
            text += part.text
            apart = False
            continue
        apart = True
        if isinstance(part, Thinking):
            if part.text:
                reasoning.append(part.text)
            after = parts[number + 1] if number + 1 < len(parts) else None
            call_id = after.id if isinstance(after, ToolCall) else ""
            if (detail := detail_object(part, len(details), call_id)) is not None:
                details.append(detail)
        elif isinstance(part, ToolCall):
            calls.append(call_object(part, part.id or f"call_{unique}_{len(calls)}", request))
        elif isinstance(part, Declined):
            declined.append(part.text)
        elif isinstance(part, Media) and part.kind == "image":
            images.append({"type": "image_url", "image_url": {"url": part.url or data_url(part)}})
    if text or not (calls or declined):
        message["content"] = text
    if declined:
        message["refusal"] = "\n\n".join(declined)
    if reasoning:
        message["reasoning_content"] = "\n\n".join(reasoning)
    for name, value in (
        ("reasoning_details", details),
        ("annotations", annotations),
        ("images", images),
        ("tool_calls", calls),
    ):
        if value:
            message[name] = value
    return message


def _annotations(citations: list[Citation], offset: int, length: int) -> list[_Object]:
    made = (annotation_object(citation, offset, length) for citation in citations)
    return [each for each in made if each is not None]


def call_object(call: ToolCall, call_id: str, request: Request) -> _Object:
    """A tool call by the name that the caller gave the tool, and in the form: a free-text tool gets its text."""
    tool = asked_tool(call.name, request)
    name = call.name if tool is None else tool.name
    if call.custom or (tool is not None and tool.custom):
        text = call.arguments if call.custom else free_text(call.arguments)
        return {"id": call_id, "type": "custom", "custom": {"name": name, "input": text}}
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": call.arguments or "{}"}}
