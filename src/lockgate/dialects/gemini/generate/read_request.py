"""A caller's generateContent request, read into the canonical one: top-level members here, turns in `read_contents`.

The model and the wish for a stream stand in the URL: whoever reads the URL sets them. Members may be spelled in camelCase or,
as protobuf's JSON allows, in snake_case.

Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import re
from typing import Any, Literal, cast

import msgspec

from lockgate.core.content import Text, Tool, Turn
from lockgate.core.failure import Refusal
from lockgate.core.json import encode, given, raw, readable
from lockgate.core.request import Format, Request, Sampling, ToolChoice
from lockgate.core.sheet import Sheet
from lockgate.dialects.gemini.generate.read_contents import ContentShape, read_contents
from lockgate.dialects.gemini.generate.shapes import NAME
from lockgate.dialects.gemini.generate.thinking import reasoning_of
from lockgate.dialects.lenient import refusing

#: Members whose own members are the caller's words, not the dialect's.
_OPAQUE = ("args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema", "labels")
_SNAKE = re.compile(rb'"[a-z]+(?:_[a-z]+)+"\s*:')

#: Members of the dialect without a place in the canonical model, named as losses when they are given.
_UNSAID = ("safetySettings", "modelArmorConfig", "store")
_UNSAID_CONFIG = (
    "responseModalities",
    "mediaResolution",
    "speechConfig",
    "audioTimestamp",
    "enableAffectiveDialog",
    "routingConfig",
    "modelSelectionConfig",
    "imageConfig",
)
_TEXT_ONLY = b'["TEXT"]'


class _Thinking(msgspec.Struct, rename="camel"):
    thinking_budget: int | None = None
    thinking_level: str | None = None
    include_thoughts: bool | None = None


class _Config(msgspec.Struct, rename="camel"):
    max_output_tokens: int | None = None
    temperature: float | int | None = None
    top_p: float | int | None = None
    top_k: float | int | None = None
    stop_sequences: list[str] | None = None
    seed: int | None = None
    candidate_count: int | None = None
    presence_penalty: float | int | None = None
    frequency_penalty: float | int | None = None
    response_logprobs: bool | None = None
    logprobs: int | None = None
    response_mime_type: str | None = None
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, msgspec.Raw] | None = None
    thinking_config: _Thinking | None = None


class _Calling(msgspec.Struct, rename="camel"):
    mode: str | None = None
    allowed_function_names: list[str] | None = None


class _ToolConfig(msgspec.Struct, rename="camel"):
    function_calling_config: _Calling | None = None


class _Declaration(msgspec.Struct, rename="camel"):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, msgspec.Raw] | None = None


class _Body(msgspec.Struct, rename="camel"):
    contents: list[ContentShape]
    system_instruction: ContentShape | None = None
    tools: list[dict[str, msgspec.Raw]] | dict[str, msgspec.Raw] | None = None
    tool_config: _ToolConfig | None = None
    generation_config: msgspec.Raw = msgspec.Raw()
    labels: dict[str, str] | None = None
    service_tier: str | None = None


_KNOWN = frozenset((*(field.encode_name for field in msgspec.structs.fields(_Body)), *_UNSAID, "cachedContent", "model"))
_MODES: dict[str, Literal["auto", "none", "required"]] = {
    "AUTO": "auto",
    "VALIDATED": "auto",
    "MODE_UNSPECIFIED": "auto",
    "NONE": "none",
    "ANY": "required",
}


@refusing
def read_request(sheet: Sheet) -> Request:
    """The canonical request, without model and stream; raises `Refusal` 400 that names the member at fault."""
    data = sheet.bytes()
    if _SNAKE.search(data):
        data = encode(_camel(readable(data, dict[str, Any])))
        sheet = Sheet.open(data)
    if (cached := sheet.raw("cachedContent")) is not None and given(cached):
        message = "'cachedContent' names content that one provider has stored; send the content itself in 'contents'."
        raise Refusal(400, "unsupported_member", message, param="cachedContent")
    body = readable(data, _Body)
    turns: list[Turn] = []
    if body.system_instruction is not None:
        turns += _system(body.system_instruction)
    read_contents(body.contents, turns)
    config = readable(body.generation_config, _Config, "generationConfig") if given(body.generation_config) else _Config()
    request = Request(
        model="",
        turns=turns,
        tools=_tools(body.tools),
        sampling=_sampling(config),
        format=_format(config),
        metadata=body.labels,
        service_tier=(body.service_tier or "").lower(),
        extra={name: value for name in sheet if name not in _KNOWN and (value := sheet.raw(name)) is not None},
    )
    if (thinking := config.thinking_config) is not None:
        request.reasoning = reasoning_of(thinking.thinking_budget, thinking.thinking_level, thinking.include_thoughts)
    if body.tool_config is not None and (calling := body.tool_config.function_calling_config) is not None:
        request.tool_choice = _tool_choice(calling)
    _note_losses(sheet, body.generation_config, request)
    return request


def _camel(value: Any) -> Any:
    """The dialect's members in camelCase, at every depth that is the dialect's."""
    if isinstance(value, list):
        return [_camel(each) for each in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for name, inner in cast("dict[str, Any]", value).items():
        spelled = re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
        made[spelled] = inner if spelled in _OPAQUE else _camel(inner)
    return made


def _system(content: ContentShape) -> list[Turn]:
    spoken: list[Turn] = []
    read_contents([ContentShape(parts=content.parts)], spoken, at="systemInstruction")
    texts = [part for turn in spoken for part in turn.parts if isinstance(part, Text)]
    return [Turn("system", [*texts])] if texts else []


def _tools(given_tools: list[dict[str, msgspec.Raw]] | dict[str, msgspec.Raw] | None) -> list[Tool]:
    """Declared functions as tools; what the provider runs itself stays as it is."""
    tools: list[Tool] = []
    for index, group in enumerate([given_tools] if isinstance(given_tools, dict) else given_tools or []):
        for name, value in group.items():
            at = f"tools[{index}].{name}"
            if name == "functionDeclarations":
                for n, each in enumerate(readable(value, list[msgspec.Raw], at) if given(value) else []):
                    tools.append(_function(readable(each, _Declaration, f"{at}[{n}]")))
            elif given(value):
                tools.append(Tool(name, dialect=NAME, native=raw({name: value})))
    return tools


def _function(shape: _Declaration) -> Tool:
    schema: msgspec.Raw | None = None
    if shape.parameters_json_schema is not None:
        schema = raw(shape.parameters_json_schema)
    elif shape.parameters is not None:
        schema = raw(_json_schema(shape.parameters))
    return Tool(shape.name, shape.description or "", schema)


def _json_schema(schema: Any) -> Any:
    """A schema of this dialect's own language as JSON Schema: types in lower case, `nullable` as a type."""
    if isinstance(schema, list):
        return [_json_schema(each) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for name, value in cast("dict[str, Any]", schema).items():
        if name == "type" and isinstance(value, str):
            made["type"] = value.lower()
        elif name == "properties" and isinstance(value, dict):
            made["properties"] = {each: _json_schema(inner) for each, inner in cast("dict[str, Any]", value).items()}
        elif name in ("items", "anyOf", "any_of", "additionalProperties"):
            made["anyOf" if name == "any_of" else name] = _json_schema(value)
        elif name not in ("nullable", "propertyOrdering"):
            made[name] = value
    if cast("dict[str, Any]", schema).get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made


def _tool_choice(calling: _Calling) -> ToolChoice:
    mode = (calling.mode or "AUTO").upper()
    if mode not in _MODES:
        at = "toolConfig.functionCallingConfig.mode"
        raise Refusal(400, "invalid_value", f"'{at}' is '{mode}'; AUTO, ANY, NONE or VALIDATED is expected.", param=at)
    return ToolChoice(_MODES[mode], calling.allowed_function_names or [])


def _sampling(config: _Config) -> Sampling:
    return Sampling(
        max_tokens=config.max_output_tokens,
        temperature=config.temperature,
        top_p=config.top_p,
        top_k=None if config.top_k is None else int(config.top_k),
        stop=config.stop_sequences or [],
        seed=config.seed,
        n=config.candidate_count,
        presence_penalty=config.presence_penalty,
        frequency_penalty=config.frequency_penalty,
        logprobs=config.response_logprobs,
        top_logprobs=config.logprobs,
    )


def _format(config: _Config) -> Format | None:
    if "json" not in (config.response_mime_type or ""):
        return None
    if config.response_json_schema is not None:
        return Format("schema", schema=raw(config.response_json_schema))
    if config.response_schema is not None:
        return Format("schema", schema=raw(_json_schema(config.response_schema)))
    return Format("json")


def _note_losses(sheet: Sheet, config: msgspec.Raw, request: Request) -> None:
    for name in _UNSAID:
        if (value := sheet.raw(name)) is not None and given(value) and bytes(value) != b"false":
            request.lose(name)
    if given(config):
        members = readable(config, dict[str, msgspec.Raw], "generationConfig")
        for name in _UNSAID_CONFIG:
            if name in members and given(members[name]) and bytes(members[name]).replace(b" ", b"") != _TEXT_ONLY:
                request.lose(f"generationConfig.{name}")
