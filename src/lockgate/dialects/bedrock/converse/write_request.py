"""The canonical request, written as a Converse request. The model and the wish for a stream stand in the URL.

What only some models know travels in `additionalModelRequestFields`, as they spell it; members that the caller's dialect does
not define go there too, unless they are Converse's own (`guardrailConfig`, `performanceConfig` …).

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from lockgate.core.content import Tool, ToolCall
from lockgate.core.failure import Refusal
from lockgate.core.json import as_any
from lockgate.core.request import Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic.messages.schema import closed, takes
from lockgate.dialects.bedrock.converse.families import Family, family_of
from lockgate.dialects.bedrock.converse.inference import inference
from lockgate.dialects.bedrock.converse.shapes import NAME
from lockgate.dialects.bedrock.converse.write_messages import Messages, cache_point
from lockgate.dialects.calls import as_function, taken_name
from lockgate.dialects.lenient import refusing
from lockgate.dialects.told import told_format

_Object = dict[str, Any]

#: Members of a request that a caller may give as they are, in AWS's spelling or in Python's.
_OWN = (
    "guardrailConfig",
    "performanceConfig",
    "promptVariables",
    "requestMetadata",
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
)
_OWN_OF = {name: name for name in _OWN} | {re.sub("([A-Z])", r"_\1", name).lower(): name for name in _OWN}

_TIERS = {"default": "default", "standard_only": "default", "flex": "flex", "priority": "priority", "reserved": "reserved"}
#: What keys and values of a request's metadata may hold, and how many there may be.
_METADATA = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}")
_METADATA_COUNT = 16


@refusing
def write_request(request: Request) -> Sheet:
    """The provider's body; raises `Refusal` 400 for a conversation that holds nothing to answer."""
    if not any(turn.parts for turn in request.turns):
        raise Refusal(400, "empty_conversation", "The conversation is empty: give at least one message.", param="messages")
    family = family_of(request.model)
    writer = Messages(request, family)
    sheet = Sheet()
    sheet.set("messages", writer.messages())
    system = writer.system()
    if request.format is not None:
        _set_format(sheet, request, family, system)
    if system:
        sheet.set("system", system)
    tools = _tools(request, family)
    choice = _choice(request, family) if tools else None
    if tools:
        sheet.set("toolConfig", {"tools": tools} | ({"toolChoice": choice} if choice is not None else {}))
    forced = choice is not None and "auto" not in choice
    config, additional = inference(request, family, forced=forced)
    if tools and (native := _native_choice(request, family, choice)):
        additional["tool_choice"] = native
    if config:
        sheet.set("inferenceConfig", config)
    if family.claude and request.sampling.stop:
        sheet.set("additionalModelResponseFieldPaths", ["/stop_sequence"])
    _set_rest(sheet, request)
    _set_extra(sheet, request, additional)
    return sheet


def _tools(request: Request, family: Family) -> list[Any]:
    """The tools on offer. A choice among some of them, or of one where the model cannot be forced, is made by offering only
    those; tools that the conversation has used must be there, even when the request has none."""
    choice = request.tool_choice
    used = _used(request)
    if choice is not None and choice.mode == "none" and not used:
        return []  # the API has no word for "none"
    some = set[str]()
    if choice is not None and (len(choice.names) > 1 or choice.mode == "auto" or not family.choice):
        some = set(choice.names)
    made: list[Any] = []
    for tool in request.tools:
        if tool.native is not None:
            if tool.dialect == NAME:
                made.append(tool.native)
            else:
                request.lose(f"tools.{tool.name}")
        elif not some or tool.name in some:
            made.append(_tool(as_function(tool), request, family))
            if (point := cache_point(tool.cache, family, request)) is not None:
                if family.caches_tools:
                    made.append(point)
                else:
                    request.lose("cache_control on tools")
    return made or [_tool(Tool(name), request, family) for name in used]


def _used(request: Request) -> list[str]:
    """The names of the tools that the conversation has used, each once."""
    names: dict[str, None] = {}
    for turn in request.turns:
        for part in turn.parts:
            if isinstance(part, ToolCall):
                names[taken_name(part.name)] = None
    return list(names)


def _tool(tool: Tool, request: Request, family: Family) -> _Object:
    made: _Object = {"name": taken_name(tool.name)}
    if tool.description.strip():
        made["description"] = tool.description
    made["inputSchema"] = {"json": _input_schema(tool.schema)}
    if tool.strict:
        if family.schema and takes(tool.schema):
            made["strict"] = True
        else:
            request.lose("tools.strict")
    return {"toolSpec": made}


def _input_schema(schema: msgspec.Raw | None) -> Any:
    """A tool's schema, which must say that it is an object's."""
    if schema is None:
        return {"type": "object", "properties": {}}
    value = as_any(schema)
    return schema if value.get("type") == "object" else {**value, "type": "object"}


def _choice(request: Request, family: Family) -> _Object | None:
    """The choice of tools in Converse's words, as far as it has them."""
    choice = request.tool_choice
    if choice is None:
        return None
    if choice.mode == "none":
        if not family.claude:
            request.lose("tool_choice")
        return None
    if not family.choice:
        if choice.mode == "required":
            request.lose("tool_choice")
        return None
    if choice.mode == "auto":
        return None if _alone(request, family) else {"auto": {}}
    return {"tool": {"name": taken_name(choice.names[0])}} if len(choice.names) == 1 else {"any": {}}


def _native_choice(request: Request, family: Family, choice: _Object | None) -> _Object | None:
    """The choice in Claude's own words, where Converse has none; both at once are refused."""
    wanted = request.tool_choice
    if wanted is not None and wanted.mode == "none" and family.claude:
        return {"type": "none"}
    if choice is None and _alone(request, family):
        return {"type": "auto", "disable_parallel_tool_use": True}
    if request.parallel_tools is False:
        request.lose("parallel_tool_calls")
    return None


def _alone(request: Request, family: Family) -> bool:
    """Whether the model is to make one call at a time, and can be told so: Claude since 4.5."""
    return request.parallel_tools is False and family.claude and family.schema


def _set_format(sheet: Sheet, request: Request, family: Family, system: list[_Object]) -> None:
    """JSON by schema natively where the model can; else, and for any JSON, by telling it."""
    wanted = request.format
    assert wanted is not None
    if wanted.kind == "schema" and family.schema:
        schema: _Object = {"schema": bytes(closed(wanted.schema)).decode()}
        for name, value in (("name", taken_name(wanted.name) if wanted.name else ""), ("description", wanted.description)):
            if value:
                schema[name] = value
        sheet.set("outputConfig", {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}})
        return
    request.lose("response_format (told to the model)")
    if sentence := told_format(wanted, request):
        system.append({"text": sentence})


def _set_rest(sheet: Sheet, request: Request) -> None:
    if request.service_tier in _TIERS:
        sheet.set("serviceTier", {"type": _TIERS[request.service_tier]})
    elif request.service_tier not in ("", "auto"):
        request.lose("service_tier")
    metadata = request.metadata or {}
    fits = {name: value for name, value in metadata.items() if _METADATA.fullmatch(name) and _METADATA.fullmatch(value or "-")}
    if fits:
        sheet.set("requestMetadata", dict(list(fits.items())[:_METADATA_COUNT]))
    for name, says in (
        ("metadata", min(len(fits), _METADATA_COUNT) < len(metadata)),
        ("user", request.user),
        ("verbosity", request.verbosity),
        ("store", request.store),
        ("prompt_cache_key", request.cache_key),
    ):
        if says:
            request.lose(name)


def _set_extra(sheet: Sheet, request: Request, additional: _Object) -> None:
    """What the caller gives as it is; he knows this provider better than a translation does."""
    for name, raw in request.extra.items():
        own = _OWN_OF.get(name)
        if own is None:
            additional[name] = raw
        elif own == "additionalModelRequestFields":
            value = as_any(raw)
            additional |= value if isinstance(value, dict) else {}
        else:
            sheet.set(own, raw)
    if additional:
        sheet.set("additionalModelRequestFields", additional)
