"""The response object that we write, and its output items: alike in a whole answer and at the end of a stream.

Members that only repeat the request are encoded once per answer, because a stream states its response three times.
"""

from __future__ import annotations

from typing import Any, Literal

from lockgate.core.content import Citation, Thinking, TokenLogprob, Tool, ToolCall
from lockgate.core.json import encode
from lockgate.core.reply import Usage
from lockgate.core.request import Format, Request, ToolChoice
from lockgate.dialects.calls import asked_tool
from lockgate.dialects.codec import Voice
from lockgate.dialects.openai.chat.account import SERVICE_TIERS
from lockgate.dialects.openai.responses.shapes import (
    NAME,
    annotation_object,
    bare_name,
    encrypted_content,
    function_object,
    logprob_objects,
    usage_object,
)

_Object = dict[str, Any]
Status = Literal["in_progress", "completed", "incomplete", "failed"]


class Frame:
    """What all statements of one response have in common."""

    __slots__ = ("_echo", "_head", "_request", "id")

    def __init__(self, voice: Voice, created: int, model: str, service_tier: str) -> None:
        request = voice.request
        self.id = voice.id
        head = {"id": f"resp_{voice.id}", "object": "response", "created_at": created or voice.created}
        self._head = encode(head)[:-1]
        self._echo = encode(_echo(request, model or request.model, service_tier))[1:]
        self._request = request

    def response(
        self, status: Status, output: list[bytes], usage: Usage | None = None, reason: str = "", error: object = None
    ) -> bytes:
        """The response object as JSON."""
        told = {
            "status": status,
            "error": error,
            "incomplete_details": {"reason": reason} if reason else None,
            "usage": None if usage is None else usage_object(usage),
        }
        return b'%b,"output":[%b],%b,%b' % (self._head, b",".join(output), encode(told)[1:-1], self._echo)

    def custom(self, part: ToolCall) -> bool:
        """Whether a call is one of a free-text tool, though it may have been made as a function's."""
        tool = self._tool(part.name)
        return part.custom if tool is None else tool.custom

    def named(self, name: str) -> tuple[str, str]:
        """(name, namespace) of a called tool, as the caller declared it."""
        tool = self._tool(name)
        return (name, "") if tool is None else (bare_name(tool), tool.namespace)

    def _tool(self, name: str) -> Tool | None:
        """The called tool; a provider of this dialect names it without its namespace."""
        tool = asked_tool(name, self._request)
        if tool is not None:
            return tool
        return next((tool for tool in self._request.tools if tool.namespace and bare_name(tool) == name), None)

    def item_id(self, prefix: str, index: int) -> str:
        """The id of an output item of ours."""
        return f"{prefix}_{self.id}_{index}"


def _echo(request: Request, model: str, service_tier: str) -> _Object:
    """The members that repeat the request, with the API's defaults."""
    sampling = request.sampling
    text: _Object = {"format": _format(request.format)}
    if request.verbosity:
        text["verbosity"] = request.verbosity
    reasoning = request.reasoning
    return {
        "model": model,
        "background": False,
        "instructions": None,
        "max_output_tokens": sampling.max_tokens,
        "max_tool_calls": None,
        "metadata": request.metadata or {},
        "parallel_tool_calls": request.parallel_tools is not False,
        "previous_response_id": None,
        "prompt_cache_key": request.cache_key or None,
        "reasoning": {
            "effort": reasoning.effort if reasoning else None,
            "summary": (reasoning.shown if reasoning else "") or None,
        },
        "safety_identifier": request.user or None,
        "service_tier": next((tier for tier in (service_tier, request.service_tier) if tier in SERVICE_TIERS), "default"),
        "store": False,  # nothing is kept that could be asked for by this id
        "temperature": sampling.temperature,
        "text": text,
        "tool_choice": _tool_choice(request.tool_choice),
        "tools": [made for tool in request.tools if (made := _tool(tool)) is not None],
        "top_logprobs": sampling.top_logprobs or 0,
        "top_p": sampling.top_p,
        "truncation": "disabled",
        "user": None,
    }


def _format(wanted: Format | None) -> _Object:
    if wanted is None:
        return {"type": "text"}
    if wanted.kind == "json":
        return {"type": "json_object"}
    return {
        "type": "json_schema",
        "name": wanted.name,
        "description": wanted.description or None,
        "schema": wanted.schema,
        "strict": bool(wanted.strict),
    }


def _tool_choice(choice: ToolChoice | None) -> str | _Object:
    if choice is None:
        return "auto"
    if not choice.names:
        return choice.mode
    named = [{"type": "function", "name": name} for name in choice.names]
    return named[0] if len(named) == 1 else {"type": "allowed_tools", "mode": choice.mode, "tools": named}


def _tool(tool: Tool) -> object | None:
    if tool.native is not None:
        return tool.native if tool.dialect == NAME else None
    made = function_object(tool)
    return {"type": "namespace", "name": tool.namespace, "description": "", "tools": [made]} if tool.namespace else made


def text_content(text: str, citations: list[Citation], logprobs: list[TokenLogprob]) -> _Object:
    """A text of a message."""
    annotations = [made for cited in citations if (made := annotation_object(cited, len(text))) is not None]
    return {"type": "output_text", "annotations": annotations, "logprobs": logprob_objects(logprobs), "text": text}


def refusal_content(text: str) -> _Object:
    """A message's words of refusal."""
    return {"type": "refusal", "refusal": text}


def message_item(item_id: str, content: list[_Object], status: Status) -> _Object:
    """A message of the model."""
    return {"type": "message", "id": item_id, "status": status, "role": "assistant", "content": content}


def reasoning_item(item_id: str, part: Thinking) -> _Object:
    """A piece of reasoning, with what proves it."""
    made: _Object = {"type": "reasoning", "id": item_id, "summary": [], "encrypted_content": encrypted_content(part)}
    if part.text and part.summary:
        made["summary"] = [{"type": "summary_text", "text": part.text}]
    elif part.text:
        made["content"] = [{"type": "reasoning_text", "text": part.text}]
    return made


def call_item(item_id: str, part: ToolCall, frame: Frame, status: Status) -> _Object:
    """A call of one of the caller's tools."""
    name, namespace = frame.named(part.name)
    call_id = part.id or f"call_{item_id}"
    made: _Object = {"type": "function_call", "id": item_id, "status": status, "call_id": call_id, "name": name}
    if part.custom:
        made["type"] = "custom_tool_call"
        made["input"] = part.arguments
    else:
        made["arguments"] = part.arguments
    if namespace:
        made["namespace"] = namespace
    return made


def image_item(item_id: str, data: str) -> _Object:
    """An image that the model made, base64."""
    return {"type": "image_generation_call", "id": item_id, "status": "completed", "result": data}
