"""The answers that we write: content, plan, calls, citations and usage, each in its place.

Source: https://docs.cohere.com/reference/chat#response
"""

from __future__ import annotations

from typing import Any

from lockgate.core.content import Citation, Declined, Text, Thinking, TokenLogprob, ToolCall
from lockgate.core.json import as_any, encode
from lockgate.core.reply import Choice, Reply
from lockgate.core.request import Request
from lockgate.dialects.calls import asked_tool, free_arguments
from lockgate.dialects.codec import Voice
from lockgate.dialects.cohere.chat.shapes import NAME, PLAN, finish_word, usage_object

_Object = dict[str, Any]


def write_reply(reply: Reply, voice: Voice) -> bytes:
    """The answer's body, for a caller who asked for one answer and gets the first."""
    choice = reply.choices[0] if reply.choices else Choice()
    content: list[_Object] = []
    calls: list[_Object] = []
    citations: list[_Object] = []
    plan: list[str] = []
    for part in choice.parts:
        if isinstance(part, Thinking) and part.text:
            if part.id == PLAN and part.dialect == NAME:
                plan.append(part.text)
            else:
                content.append({"type": "thinking", "thinking": part.text})
        elif isinstance(part, (Text, Declined)) and part.text:
            cited = part.citations if isinstance(part, Text) else []
            citations += [citation_object(each, len(content), len(part.text)) for each in cited]
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, ToolCall):
            calls.append(call_object(part, f"call_{voice.id}_{len(calls)}", voice.request))
    message: _Object = {"role": "assistant"}
    for name, value in (
        ("content", content),
        ("tool_plan", "\n\n".join(plan)),
        ("tool_calls", calls),
        ("citations", citations),
    ):
        if value:
            message[name] = value
    body: _Object = {"id": reply.id or voice.id, "finish_reason": finish_word(choice.finish, bool(calls)), "message": message}
    if reply.usage is not None:
        body["usage"] = usage_object(reply.usage)
    if choice.logprobs:
        body["logprobs"] = [logprob_object(each) for each in choice.logprobs]
    return encode(body)


def call_object(part: ToolCall, unique: str, request: Request) -> _Object:
    """A call, by the name that the caller gave the function."""
    tool = asked_tool(part.name, request)
    arguments = free_arguments(part.arguments) if part.custom else part.arguments
    function = {"name": part.name if tool is None else tool.name, "arguments": arguments}
    return {"id": part.id or unique, "type": "function", "function": function}


def citation_object(citation: Citation, index: int, length: int) -> _Object:
    """A citation in block `index`, a text of `length` characters; another dialect's source is a document here."""
    if citation.dialect == NAME and citation.native is not None:
        return {**as_any(citation.native), "content_index": index}
    document = {"url": citation.url, "title": citation.title, "snippet": citation.quote}
    named = {name: value for name, value in document.items() if value}
    return {
        "start": citation.start or 0,
        "end": length if citation.end is None else citation.end,
        "sources": [{"type": "document", "id": citation.url or citation.title, "document": named}],
        "content_index": index,
        "type": "TEXT_CONTENT",
    }


def logprob_object(token: TokenLogprob) -> _Object:
    """A sampled token; its number is not known."""
    return {"text": token.token, "token_ids": [], "logprobs": [token.logprob]}
