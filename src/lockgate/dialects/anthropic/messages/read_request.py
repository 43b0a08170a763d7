"""A caller's Messages request, read into the canonical one: top-level members here, messages in `read_messages`.

Source: https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.content import Tool
from lockgate.core.failure import Refusal
from lockgate.core.json import given, readable
from lockgate.core.request import Effort, Format, Reasoning, Request, Sampling, ToolChoice, ToolMode
from lockgate.core.sheet import Sheet
from lockgate.dialects.anthropic.messages.read_messages import Content, read_messages, read_system
from lockgate.dialects.anthropic.messages.shapes import NAME, CacheShape, Kind, cache_of
from lockgate.dialects.lenient import refusing

#: Members of the dialect that the canonical model has no place for, named as losses when they say something.
_UNSAID = (
    "container",
    "context_management",
    "diagnostics",
    "inference_geo",
    "mcp_servers",
    "speed",
    "user_profile_id",
    "workspace_id",
)

#: Members that concern only the transport: nothing is lost without them.
_TRANSPORT = ("anthropic_beta", "anthropic_version", "betas")

#: Members of a tool that say how it is offered, not what it is.
_TOOL_UNSAID = ("allowed_callers", "defer_loading", "eager_input_streaming", "input_examples")


class _Metadata(msgspec.Struct):
    user_id: str | None = None


class _Thinking(msgspec.Struct):
    type: Literal["enabled", "disabled", "adaptive", "between_tools"]
    budget_tokens: int | None = None
    display: str | None = None


class _OutputFormat(msgspec.Struct):
    type: str
    schema: dict[str, msgspec.Raw] | None = None


class _OutputConfig(msgspec.Struct):
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    format: _OutputFormat | None = None
    task_budget: msgspec.Raw = msgspec.Raw()


class _Tool(msgspec.Struct):
    name: str
    description: str | None = None
    input_schema: dict[str, msgspec.Raw] | None = None
    strict: bool | None = None
    cache_control: CacheShape | None = None


class _NativeTool(msgspec.Struct):
    type: str
    name: str | None = None


class _Choice(msgspec.Struct):
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class _Body(msgspec.Struct):
    model: str = ""
    messages: list[msgspec.Raw] | None = None
    system: Content = None
    max_tokens: int | None = None
    temperature: float | int | None = None
    top_p: float | int | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: _Choice | None = None
    thinking: _Thinking | None = None
    output_config: _OutputConfig | None = None
    output_format: _OutputFormat | None = None  # the beta's name for output_config.format
    metadata: _Metadata | None = None
    service_tier: str | None = None
    cache_control: CacheShape | None = None
    stream: bool | None = None


_KNOWN = frozenset((*_Body.__struct_fields__, *_UNSAID, *_TRANSPORT))
_MODES: dict[str, ToolMode] = {"auto": "auto", "any": "required", "tool": "required", "none": "none"}
_TIERS = {"auto": "auto", "standard_only": "default"}


@refusing
def read_request(sheet: Sheet) -> Request:
    """The canonical request; raises `Refusal` 400 that names the member at fault."""
    body = readable(sheet.bytes(), _Body)
    if not body.messages:
        raise Refusal(400, "missing_member", "'messages' is missing or empty: give at least one message.", param="messages")
    config = body.output_config or _OutputConfig()
    tier = body.service_tier or ""
    request = Request(
        model=body.model,
        sampling=Sampling(
            max_tokens=body.max_tokens,
            temperature=body.temperature,
            top_p=body.top_p,
            top_k=body.top_k,
            stop=body.stop_sequences or [],
        ),
        format=_format(config.format or body.output_format),
        reasoning=_reasoning(body.thinking, config.effort),
        stream=bool(body.stream),
        user=(body.metadata.user_id if body.metadata else None) or "",
        service_tier=_TIERS.get(tier, tier),
        cache=cache_of(body.cache_control),
        extra={name: raw for name in sheet if name not in _KNOWN and (raw := sheet.raw(name)) is not None},
    )
    request.turns = read_system(body.system, request)
    read_messages(body.messages, request)
    request.tools = [_tool(raw, f"tools[{index}]", request) for index, raw in enumerate(body.tools or [])]
    if (choice := body.tool_choice) is not None:
        _choose(choice, request)
    if given(config.task_budget):
        request.lose("output_config.task_budget")
    for name in _UNSAID:
        if bytes(sheet.raw(name) or b"null") not in (b"null", b"false"):
            request.lose(name)
    return request


def _reasoning(thinking: _Thinking | None, effort: Effort | None) -> Reasoning | None:
    if thinking is None:
        return Reasoning(effort=effort) if effort is not None else None
    if thinking.type in ("disabled", "between_tools"):
        return Reasoning(effort=effort, budget=0)
    shown = {"omitted": "none", "summarized": "auto"}.get(thinking.display or "", "")
    return Reasoning(effort, thinking.budget_tokens, thinking.type == "adaptive", shown)


def _format(wanted: _OutputFormat | None) -> Format | None:
    if wanted is None:
        return None
    at = "output_config.format"
    if wanted.type != "json_schema":
        message = f"'{at}.type' is '{wanted.type}'; json_schema is expected."
        raise Refusal(400, "invalid_value", message, param=f"{at}.type")
    if wanted.schema is None:
        raise Refusal(400, "missing_member", f"'{at}.schema' is missing: give the schema.", param=f"{at}.schema")
    return Format("schema", schema=_object(wanted.schema), strict=True)


def _object(members: dict[str, msgspec.Raw]) -> msgspec.Raw:
    """A JSON object, put together again from its members as they came."""
    return msgspec.Raw(msgspec.json.encode(members))


def _tool(raw: msgspec.Raw, at: str, request: Request) -> Tool:
    """A tool of the caller's; those that Anthropic defines (web search, bash …) stay as they are."""
    kind = readable(raw, Kind, at).type
    if kind not in (None, "custom"):
        return Tool(readable(raw, _NativeTool, at).name or kind, dialect=NAME, native=raw)
    tool = readable(raw, _Tool, at)
    members = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    for name in _TOOL_UNSAID:
        if name in members and bytes(members[name]) not in (b"null", b"false", b'["direct"]', b"[]"):
            request.lose(f"tools.{name}")
    schema = None if tool.input_schema is None else _object(tool.input_schema)
    return Tool(tool.name, tool.description or "", schema, tool.strict, cache=cache_of(tool.cache_control))


def _choose(choice: _Choice, request: Request) -> None:
    if choice.type == "tool" and not choice.name:
        raise Refusal(400, "missing_member", "'tool_choice.name' is missing: name the tool.", param="tool_choice.name")
    names = [choice.name] if choice.type == "tool" and choice.name else []
    request.tool_choice = ToolChoice(_MODES[choice.type], names)
    if choice.disable_parallel_tool_use:
        request.parallel_tools = False
