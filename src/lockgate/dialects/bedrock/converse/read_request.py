"""A caller's Converse request, read. The model and the wish for a stream stand in its URL.

Of `additionalModelRequestFields` the few members are read that ask for what other dialects ask for as well; the rest is known
to one model alone.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lockgate.core.content import Tool, Turn
from lockgate.core.failure import Refusal
from lockgate.core.json import as_any, given, raw, readable
from lockgate.core.request import Effort, Format, Reasoning, Request, Sampling, ToolChoice
from lockgate.core.sheet import Sheet
from lockgate.dialects.bedrock.converse.read_messages import CachePoint, MessageShape, read_messages, read_system
from lockgate.dialects.bedrock.converse.shapes import NAME, Tier
from lockgate.dialects.lenient import refusing


class _Inference(msgspec.Struct, rename="camel"):
    max_tokens: int | None = None
    temperature: float | int | None = None
    top_p: float | int | None = None
    stop_sequences: list[str] | None = None


class _InputSchema(msgspec.Struct):
    json: msgspec.Raw = msgspec.Raw()


class _ToolSpec(msgspec.Struct, rename="camel"):
    name: str
    input_schema: _InputSchema = msgspec.field(default_factory=_InputSchema)
    description: str | None = None
    strict: bool | None = None


class _Tool(msgspec.Struct, rename="camel"):
    tool_spec: _ToolSpec | None = None
    cache_point: CachePoint | None = None
    system_tool: msgspec.Raw = msgspec.Raw()


class _Named(msgspec.Struct):
    name: str


class _Choice(msgspec.Struct):
    auto: dict[str, Any] | None = None
    any: dict[str, msgspec.Raw] | None = None
    tool: _Named | None = None


class _ToolConfig(msgspec.Struct, rename="camel"):
    tools: list[_Tool]
    tool_choice: _Choice | None = None


class _JsonSchema(msgspec.Struct):
    schema: str
    name: str | None = None
    description: str | None = None


class _Structure(msgspec.Struct, rename="camel"):
    json_schema: _JsonSchema


class _TextFormat(msgspec.Struct):
    type: Literal["json_schema"]
    structure: _Structure


class _OutputConfig(msgspec.Struct, rename="camel"):
    text_format: _TextFormat | None = None
    effort: str | None = None


class _Body(msgspec.Struct, rename="camel"):
    messages: list[MessageShape]
    system: list[msgspec.Raw] | None = None
    inference_config: _Inference | None = None
    tool_config: _ToolConfig | None = None
    output_config: _OutputConfig | None = None
    service_tier: Tier | None = None
    request_metadata: dict[str, str] | None = None
    additional_model_request_fields: msgspec.Raw = msgspec.Raw()


class _Thinking(msgspec.Struct):
    type: str | None = None
    budget_tokens: int | None = None


class _Effort(msgspec.Struct):
    effort: str | None = None


class _NovaReasoning(msgspec.Struct, rename="camel"):
    type: str | None = None
    max_reasoning_effort: str | None = None


class _Additional(msgspec.Struct):
    """What several models are asked for in this way: Claude, gpt-oss, Qwen, Nova."""

    thinking: _Thinking | None = None
    output_config: _Effort | None = None
    reasoning_effort: str | None = None
    reasoning_config: str | _Thinking | None = None
    nova: _NovaReasoning | None = msgspec.field(default=None, name="reasoningConfig")
    top_k: int | None = None


#: Members that only this dialect knows.
_UNSAID = ("guardrailConfig", "performanceConfig", "promptVariables", "additionalModelResponseFieldPaths")
_KNOWN = frozenset((*(field.encode_name for field in msgspec.structs.fields(_Body)), *_UNSAID, "modelId"))
_READ = frozenset(field.encode_name for field in msgspec.structs.fields(_Additional))
_EFFORTS: frozenset[Effort] = frozenset(("none", "minimal", "low", "medium", "high", "xhigh", "max"))


@refusing
def read_request(sheet: Sheet) -> Request:
    """The canonical request, without model and stream; raises `Refusal` 400 that names the member at fault."""
    body = readable(sheet.bytes(), _Body)
    turns: list[Turn] = read_system(body.system)
    read_messages(body.messages, turns)
    request = Request(
        model="",
        turns=turns,
        sampling=_sampling(body.inference_config or _Inference()),
        metadata=body.request_metadata,
        service_tier=(body.service_tier.type or "") if body.service_tier is not None else "",
        extra={name: value for name in sheet if name not in _KNOWN and (value := sheet.raw(name)) is not None},
    )
    if body.tool_config is not None:
        request.tools = _tools(body.tool_config)
        request.tool_choice = _tool_choice(body.tool_config.tool_choice)
    if (output := body.output_config) is not None:
        request.format = _format(output)
        _reason(request, effort=output.effort)
    if given(body.additional_model_request_fields):
        _read_additional(body.additional_model_request_fields, request)
    for name in _UNSAID:
        if (value := sheet.raw(name)) is not None and given(value):
            request.lose(name)
    return request


def _sampling(config: _Inference) -> Sampling:
    return Sampling(
        max_tokens=config.max_tokens, temperature=config.temperature, top_p=config.top_p, stop=config.stop_sequences or []
    )


def _tools(config: _ToolConfig) -> list[Tool]:
    """The tools; a cache point marks the one before it."""
    tools: list[Tool] = []
    for index, each in enumerate(config.tools):
        spec = each.tool_spec
        if spec is not None:
            schema = spec.input_schema.json
            tools.append(Tool(spec.name, spec.description or "", schema if given(schema) else None, spec.strict))
        elif each.cache_point is not None:
            if tools:
                tools[-1].cache = each.cache_point.ttl or ""
        elif given(each.system_tool):
            named = readable(each.system_tool, _Named, f"toolConfig.tools[{index}].systemTool")
            tools.append(Tool(named.name, dialect=NAME, native=raw({"systemTool": each.system_tool})))
        else:
            at = f"toolConfig.tools[{index}]"
            raise Refusal(400, "missing_member", f"'{at}' needs a toolSpec, systemTool or cachePoint.", param=at)
    return tools


def _tool_choice(choice: _Choice | None) -> ToolChoice | None:
    if choice is None:
        return None
    if choice.tool is not None:
        return ToolChoice("required", [choice.tool.name])
    return ToolChoice("required" if choice.any is not None else "auto")


def _format(output: _OutputConfig) -> Format | None:
    if output.text_format is None:
        return None
    at = "outputConfig.textFormat.structure.jsonSchema"
    wanted = output.text_format.structure.json_schema
    schema = readable(wanted.schema.encode(), dict[str, msgspec.Raw], f"{at}.schema")
    return Format("schema", raw(schema), wanted.name or "", wanted.description or "")


def _read_additional(fields: msgspec.Raw, request: Request) -> None:
    at = "additionalModelRequestFields"
    said = readable(fields, _Additional, at)
    config = said.reasoning_config
    thinking = said.thinking or (config if isinstance(config, _Thinking) else None)
    if thinking is not None:
        off = thinking.type == "disabled"
        _reason(request, effort="none" if off else None, budget=thinking.budget_tokens, adaptive=thinking.type == "adaptive")
    if said.nova is not None:
        _reason(request, effort="none" if said.nova.type == "disabled" else said.nova.max_reasoning_effort or "medium")
    _reason(request, effort=said.reasoning_effort or (config if isinstance(config, str) else None))
    _reason(request, effort=said.output_config.effort if said.output_config is not None else None)
    request.sampling.top_k = said.top_k
    for name in as_any(fields):
        if name not in _READ:
            request.lose(f"{at}.{name}")


def _reason(request: Request, *, effort: str | None = None, budget: int | None = None, adaptive: bool = False) -> None:
    """Note a wish for reasoning, of whatever is said of it."""
    if not effort and budget is None and not adaptive:
        return
    wanted = request.reasoning = request.reasoning or Reasoning()
    if effort in _EFFORTS:
        wanted.effort = effort
    wanted.budget = wanted.budget if budget is None else budget
    wanted.adaptive = wanted.adaptive or adaptive
