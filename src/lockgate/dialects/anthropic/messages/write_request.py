"""The canonical request, written as a Messages request.

Source: https://platform.claude.com/docs/en/api/messages/create; what a family of models takes is in `models`. Without a
limit from the caller the family's `max_tokens` is sent. How reasoning is asked for is in `reasoning`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Tool
from lockgate.core.failure import Refusal
from lockgate.core.json import as_any
from lockgate.core.request import Format, Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic.messages.models import Family, family_of
from lockgate.dialects.anthropic.messages.reasoning import reasoning_members
from lockgate.dialects.anthropic.messages.sampling import sampling_members
from lockgate.dialects.anthropic.messages.schema import closed, takes
from lockgate.dialects.anthropic.messages.shapes import NAME, cache_members
from lockgate.dialects.anthropic.messages.write_messages import messages_of, system_of
from lockgate.dialects.calls import as_function, taken_name
from lockgate.dialects.lenient import refusing
from lockgate.dialects.told import told_format

_Object = dict[str, Any]

_TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only", "priority": "auto"}


@refusing
def write_request(request: Request) -> Sheet:
    """The provider's body; raises `Refusal` 400 for a conversation that holds nothing to answer."""
    if not any(turn.parts for turn in request.turns):
        raise Refusal(400, "empty_conversation", "The conversation is empty: give at least one message.", param="messages")
    sheet = Sheet()
    family = family_of(request.model)
    sheet.set("model", request.model)
    tools = _tools(request, family)
    choice = _tool_choice(request, family) if tools else None
    forced = choice is not None and choice["type"] in ("any", "tool")
    limit, thinking, config = reasoning_members(request, family, forced=forced)
    sheet.set("max_tokens", limit)
    system = system_of(request.turns, request)
    if request.format is not None:
        _set_format(request.format, request, family, config, system)
    if system:
        bare = len(system) == 1 and system[0].keys() == {"type", "text"}
        sheet.set("system", system[0]["text"] if bare else system)
    sheet.set("messages", messages_of(request.turns, request))
    if tools:
        sheet.set("tools", tools)
    if choice is not None:
        sheet.set("tool_choice", choice)
    if thinking:
        sheet.set("thinking", thinking)
    if config:
        sheet.set("output_config", config)
    thinks = thinking.get("type") in ("enabled", "adaptive")
    for name, value in sampling_members(request, family, thinks=thinks).items():
        sheet.set(name, value)
    _set_rest(sheet, request)
    for name, raw in request.extra.items():
        sheet.set(name, raw)
    return sheet


def _tools(request: Request, family: Family) -> list[Any]:
    """The tools on offer. A choice among some of them is made by offering only those: the API cannot say it otherwise."""
    choice = request.tool_choice
    some = set(choice.names) if choice is not None and (len(choice.names) > 1 or choice.mode == "auto") else set[str]()
    made: list[Any] = []
    for tool in request.tools:
        if tool.native is not None and tool.dialect == NAME:
            made.append(tool.native)
        elif tool.native is not None:
            request.lose(f"tools.{tool.name}")
        elif not some or tool.name in some:
            made.append(_tool(as_function(tool), request, family))
    return made


def _tool(tool: Tool, request: Request, family: Family) -> _Object:
    made: _Object = {"name": taken_name(tool.name)}
    if tool.description:
        made["description"] = tool.description
    made["input_schema"] = _input_schema(tool.schema)
    if tool.strict:
        if family.schema and takes(tool.schema):
            made["strict"] = True
        else:
            request.lose("tools.strict")
    return made | cache_members(tool.cache)


def _input_schema(schema: msgspec.Raw | None) -> Any:
    """A tool's schema, which must say that it is an object's."""
    if schema is None:
        return {"type": "object", "properties": {}}
    value = as_any(schema)
    return schema if value.get("type") == "object" else {**value, "type": "object"}


def _tool_choice(request: Request, family: Family) -> _Object | None:
    choice = request.tool_choice
    one_call = request.parallel_tools is False
    if choice is None and not one_call:
        return None
    if choice is None or choice.mode == "auto":
        return {"type": "auto", "disable_parallel_tool_use": True} if one_call else {"type": "auto"}
    if choice.mode == "none":
        return {"type": "none"}
    if not family.forced:
        request.lose("tool_choice")
        return {"type": "auto", "disable_parallel_tool_use": True} if one_call else None
    made: _Object = {"type": "any"}
    if len(choice.names) == 1:
        made = {"type": "tool", "name": taken_name(choice.names[0])}
    return {**made, "disable_parallel_tool_use": True} if one_call else made


def _set_format(wanted: Format, request: Request, family: Family, config: _Object, system: list[_Object]) -> None:
    """JSON by schema natively where the model can; else, and for any JSON, by telling it."""
    if wanted.kind == "schema" and family.schema:
        config["format"] = {"type": "json_schema", "schema": closed(wanted.schema)}
    else:
        request.lose("response_format (told to the model)")
        if sentence := told_format(wanted, request):
            system.append({"type": "text", "text": sentence})


def _set_rest(sheet: Sheet, request: Request) -> None:
    if request.stream:
        sheet.set("stream", True)
    metadata = request.metadata or {}
    if user := request.user or metadata.get("user_id"):
        sheet.set("metadata", {"user_id": user})
    if metadata.keys() - {"user_id"}:
        request.lose("metadata")
    if request.service_tier in _TIERS:
        sheet.set("service_tier", _TIERS[request.service_tier])
    elif request.service_tier:
        request.lose("service_tier")
    if request.cache is not None:
        sheet.set("cache_control", cache_members(request.cache)["cache_control"])
    for name, said in (
        ("verbosity", request.verbosity),
        ("store", request.store),
        ("prompt_cache_key", request.cache_key),
    ):
        if said:
            request.lose(name)
