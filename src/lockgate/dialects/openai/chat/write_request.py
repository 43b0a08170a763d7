"""The canonical request, written as a chat request.

Source: https://platform.openai.com/docs/api-reference/chat/create. `max_completion_tokens` is the API's own name; a host
that knows only `max_tokens` says so in its row of the provider table.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Tool
from lockgate.core.failure import Refusal
from lockgate.core.json import as_any
from lockgate.core.request import Effort, Format, Reasoning, Request, ToolChoice
from lockgate.core.sheet import Sheet
from lockgate.dialects.calls import taken_name
from lockgate.dialects.lenient import refusing
from lockgate.dialects.openai.chat.account import SERVICE_TIERS
from lockgate.dialects.openai.chat.shapes import NAME
from lockgate.dialects.openai.chat.write_messages import messages_of

_Object = dict[str, Any]
_NO_PARAMETERS = msgspec.Raw(b'{"type":"object","properties":{}}')

#: Thinking budget, in tokens, up to which an effort is meant; what is above is "high", the most that every model knows.
_EFFORT_OF_BUDGET: tuple[tuple[int, Effort], ...] = ((4095, "low"), (16383, "medium"))

#: Sampling members by their names here.
_SAMPLING = (
    ("max_completion_tokens", "max_tokens"),
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("stop", "stop"),
    ("seed", "seed"),
    ("n", "n"),
    ("presence_penalty", "presence_penalty"),
    ("frequency_penalty", "frequency_penalty"),
    ("logit_bias", "logit_bias"),
    ("logprobs", "logprobs"),
    ("top_logprobs", "top_logprobs"),
)


@refusing
def write_request(request: Request) -> Sheet:
    """The provider's body; raises `Refusal` 400 for a conversation that holds nothing to answer."""
    sheet = Sheet()
    sheet.set("model", request.model)
    messages = messages_of(request)
    if not messages:
        raise Refusal(400, "empty_conversation", "The conversation is empty: give at least one message.", param="messages")
    sheet.set("messages", messages)
    _set_tools(sheet, request)
    for name, member in _SAMPLING:
        value = getattr(request.sampling, member)
        if value not in (None, [], {}):
            sheet.set(name, value)
    if request.sampling.top_k is not None:
        request.lose("top_k")
    if request.format is not None:
        sheet.set("response_format", _format(request.format))
    if request.reasoning is not None and (effort := _effort(request.reasoning)):
        sheet.set("reasoning_effort", effort)
    if request.service_tier in SERVICE_TIERS:
        sheet.set("service_tier", request.service_tier)
    for name, value in (
        ("verbosity", request.verbosity),
        ("user", request.user),
        ("metadata", request.metadata),
        ("prompt_cache_key", request.cache_key),
        ("store", request.store),
    ):
        if value:
            sheet.set(name, value)
    if request.cache is not None:
        request.lose("cache_control")
    if request.stream:
        sheet.set("stream", True)
        sheet.set("stream_options", {"include_usage": True})
    for name, raw in request.extra.items():
        sheet.set(name, raw)
    return sheet


def ask_usage(sheet: Sheet) -> bool:
    """Make a body ask for usage in its stream; True when its caller had not asked."""
    options = sheet.get("stream_options", dict[str, msgspec.Raw]) or {}
    if bytes(options.get("include_usage", b"")) == b"true":
        return False
    sheet.set("stream_options", {**options, "include_usage": True})
    return True


def _set_tools(sheet: Sheet, request: Request) -> None:
    """Tools, and what is said about them, which the API takes only where there are tools."""
    tools = [made for tool in request.tools if (made := _tool(tool, request)) is not None]
    if not tools:
        return
    sheet.set("tools", tools)
    if request.tool_choice is not None:
        sheet.set("tool_choice", _tool_choice(request.tool_choice, request))
    if request.parallel_tools is not None:
        sheet.set("parallel_tool_calls", request.parallel_tools)


def _tool(tool: Tool, request: Request) -> Any:
    if tool.native is not None:
        if tool.dialect == NAME:
            return tool.native
        request.lose(f"tools.{tool.name}")
        return None
    if tool.cache is not None:
        request.lose("cache_control")
    if tool.custom:
        custom: _Object = {"name": tool.name}
        if tool.description:
            custom["description"] = tool.description
        if tool.grammar is not None:
            custom["format"] = _grammar(tool.grammar)
        return {"type": "custom", "custom": custom}
    function: _Object = {"name": taken_name(tool.name)}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.schema or _NO_PARAMETERS
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _grammar(flat: msgspec.Raw) -> Any:
    """A grammar in this API's form: what the flat form says of it stands in a member of its own."""
    value = as_any(flat)
    if value.get("type") != "grammar" or "grammar" in value:
        return value
    return {"type": "grammar", "grammar": {name: inner for name, inner in value.items() if name != "type"}}


def _tool_choice(choice: ToolChoice, request: Request) -> str | _Object:
    if not choice.names or choice.mode == "none":
        return choice.mode
    custom = {tool.name for tool in request.tools if tool.custom}
    named = [_named("custom" if name in custom else "function", name) for name in choice.names]
    if choice.mode == "required" and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": named}}


def _named(kind: str, name: str) -> _Object:
    return {"type": kind, kind: {"name": taken_name(name)}}


def _format(wanted: Format) -> _Object:
    if wanted.kind == "json":
        return {"type": "json_object"}
    schema: _Object = {"name": taken_name(wanted.name or "answer"), "schema": wanted.schema}
    if wanted.description:
        schema["description"] = wanted.description
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": schema}


def _effort(wanted: Reasoning) -> Effort | None:
    """The effort that is asked for. A budget of none asks for nothing: many models know no effort "none"."""
    if wanted.effort is not None or wanted.budget == 0:
        return wanted.effort
    if wanted.budget is not None:
        for limit, effort in _EFFORT_OF_BUDGET:
            if wanted.budget <= limit:
                return effort
        return "high"
    return "medium" if wanted.adaptive else None
