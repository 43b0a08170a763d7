"""A caller's Responses request, read into the canonical one: top-level members here, input items in `read_input`.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.content import Text, Tool, Turn, qualified
from lockgate.core.failure import Refusal
from lockgate.core.json import given, readable
from lockgate.core.request import Effort, Format, Reasoning, Request, Sampling, ToolChoice, ToolMode
from lockgate.core.sheet import Sheet
from lockgate.dialects.lenient import refusing
from lockgate.dialects.openai.responses.read_input import Talk, read_input
from lockgate.dialects.openai.responses.shapes import NAME, Kind

#: Members that point at state which the provider keeps: nothing that another provider could resolve.
_STATEFUL = {
    "previous_response_id": "continues a response that one provider has stored; send the whole conversation in 'input' instead",
    "conversation": "names a conversation that one provider has stored; send the whole conversation in 'input' instead",
    "prompt": "names a prompt that one provider has stored; send its text in 'instructions' and 'input' instead",
    "background": "asks for an answer to be fetched later; leave it out, or set it to false",
}

#: Members of the dialect that the canonical model has no place for, named as losses when they say something.
_UNSAID = (
    "access_programs",
    "background_options",
    "context_management",
    "image",
    "max_tool_calls",
    "moderation",
    "prompt_cache_options",
    "prompt_cache_retention",
)

#: Members that compatible hosts define: no other dialect's provider knows them, so they are losses too.
_HOSTS = ("models", "plugins", "provider", "route", "transforms")  # OpenRouter

#: Members that concern only the transport or the client that sends them: nothing is lost without them.
_TRANSPORT = ("background", "client_metadata", "include", "stream_options", "truncation")


class _ReasoningConfig(msgspec.Struct):
    effort: Effort | None = None
    summary: str | None = None
    generate_summary: str | None = None


class _TextConfig(msgspec.Struct):
    format: msgspec.Raw = msgspec.Raw()
    verbosity: str | None = None


class _Schema(msgspec.Struct):
    schema: dict[str, msgspec.Raw]
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: dict[str, msgspec.Raw] | None = None
    strict: bool | None = None


class _Custom(msgspec.Struct):
    name: str
    description: str | None = None
    format: msgspec.Raw = msgspec.Raw()


class _Namespace(msgspec.Struct):
    name: str
    tools: list[msgspec.Raw] = []


class _Choice(msgspec.Struct):
    type: str
    name: str | None = None
    namespace: str | None = None
    mode: Literal["auto", "required"] = "auto"
    tools: list[msgspec.Raw] = []


class _Named(msgspec.Struct):
    name: str | None = None
    namespace: str | None = None


class _Body(msgspec.Struct):
    model: str = ""
    input: str | list[msgspec.Raw] | None = None
    instructions: str | None = None
    tools: list[msgspec.Raw] | None = None
    tool_choice: msgspec.Raw = msgspec.Raw()
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | int | None = None
    top_p: float | int | None = None
    top_logprobs: int | None = None
    text: _TextConfig | None = None
    reasoning: _ReasoningConfig | None = None
    include: list[str] | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: str | None = None
    store: bool | None = None
    stream: bool | None = None
    truncation: str | None = None


_MODES: dict[str, ToolMode] = {"auto": "auto", "none": "none", "required": "required"}

_KNOWN = frozenset((*_Body.__struct_fields__, *_STATEFUL, *_UNSAID, *_HOSTS, *_TRANSPORT))


@refusing
def read_request(sheet: Sheet) -> Request:
    """The canonical request; raises `Refusal` 400 that names the member at fault."""
    for name, why in _STATEFUL.items():
        if _says(sheet, name):
            message = f"'{name}' {why}. The model asked for is reached through another API, which cannot follow it."
            raise Refusal(400, "unsupported_member", message, param=name)
    body = readable(sheet.bytes(), _Body)
    if body.input is None:
        raise Refusal(400, "missing_member", "'input' is missing: give a text or a list of items.", param="input")
    turns: list[Turn] = []
    if body.instructions:
        turns.append(Turn("system", [Text(body.instructions)]))
    tools = [tool for n, raw in enumerate(body.tools or []) for tool in _tools(raw, f"tools[{n}]")]
    read_input(body.input, Talk(turns, {tool.namespace for tool in tools}))
    request = Request(
        model=body.model,
        turns=turns,
        tools=tools,
        sampling=_sampling(body),
        parallel_tools=body.parallel_tool_calls,
        reasoning=_reasoning(body.reasoning),
        stream=bool(body.stream),
        user=body.safety_identifier or body.user or "",
        metadata=body.metadata,
        service_tier=body.service_tier or "",
        cache_key=body.prompt_cache_key or "",
        store=body.store,
        extra={name: raw for name in sheet if name not in _KNOWN and (raw := sheet.raw(name)) is not None},
    )
    if given(body.tool_choice):
        request.tool_choice = _tool_choice(body.tool_choice, request)
    if body.text is not None:
        request.verbosity = body.text.verbosity or ""
        request.format = _format(body.text.format)
    for name in (*_UNSAID, *_HOSTS):
        if _says(sheet, name):
            request.lose(name)
    if body.truncation == "auto":
        request.lose("truncation")
    return request


def _says(sheet: Sheet, name: str) -> bool:
    """Whether a member is given, and not as null or false."""
    raw = sheet.raw(name)
    return raw is not None and bytes(raw) not in (b"null", b"false")


def _sampling(body: _Body) -> Sampling:
    wanted = body.top_logprobs is not None or "message.output_text.logprobs" in (body.include or [])
    return Sampling(
        max_tokens=body.max_output_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        logprobs=wanted or None,
        top_logprobs=body.top_logprobs,
    )


def _reasoning(config: _ReasoningConfig | None) -> Reasoning | None:
    if config is None:
        return None
    shown = config.summary or config.generate_summary or ""
    return Reasoning(effort=config.effort, shown=shown) if config.effort or shown else None


def _format(raw: msgspec.Raw) -> Format | None:
    if not given(raw):
        return None
    kind = readable(raw, Kind, "text.format").type
    if kind in (None, "text"):
        return None
    if kind == "json_object":
        return Format("json")
    if kind == "json_schema":
        schema = readable(raw, _Schema, "text.format")
        return Format(
            "schema",
            schema=_object(schema.schema),
            name=schema.name or "",
            description=schema.description or "",
            strict=schema.strict,
        )
    message = f"'text.format.type' is '{kind}'; text, json_object or json_schema is expected."
    raise Refusal(400, "invalid_value", message, param="text.format.type")


def _tools(raw: msgspec.Raw, at: str, namespace: str = "") -> list[Tool]:
    """A tool, or the tools of a namespace; what the provider runs itself stays as it is."""
    kind = readable(raw, Kind, at).type
    if kind == "function":
        function = readable(raw, _Function, at)
        schema = None if function.parameters is None else _object(function.parameters)
        name = qualified(namespace, function.name)
        return [Tool(name, function.description or "", schema, function.strict, namespace=namespace)]
    if kind == "custom":
        custom = readable(raw, _Custom, at)
        name, grammar = qualified(namespace, custom.name), custom.format if given(custom.format) else None
        return [Tool(name, custom.description or "", custom=True, grammar=grammar, namespace=namespace)]
    if kind == "namespace" and not namespace:
        group = readable(raw, _Namespace, at)
        return [tool for n, one in enumerate(group.tools) for tool in _tools(one, f"{at}.tools[{n}]", group.name)]
    if not kind:
        raise Refusal(400, "missing_member", f"'{at}.type' is missing: say what kind of tool it is.", param=f"{at}.type")
    return [Tool(kind, dialect=NAME, native=raw)]


def _object(members: dict[str, msgspec.Raw]) -> msgspec.Raw:
    """A JSON object, put together again from its members as they came."""
    return msgspec.Raw(msgspec.json.encode(members))


def _tool_choice(raw: msgspec.Raw, request: Request) -> ToolChoice | None:
    if bytes(raw).startswith(b'"'):
        mode = readable(raw, str, "tool_choice")
        if mode not in _MODES:
            message = f"'tool_choice' is '{mode}'; auto, none, required or a tool is expected."
            raise Refusal(400, "invalid_value", message, param="tool_choice")
        return ToolChoice(_MODES[mode])
    choice = readable(raw, _Choice, "tool_choice")
    if choice.type in ("function", "custom"):
        if not choice.name:
            raise Refusal(400, "missing_member", "'tool_choice.name' is missing: name the tool.", param="tool_choice.name")
        return ToolChoice("required", [qualified(choice.namespace or "", choice.name)])
    if choice.type == "allowed_tools":
        named = [readable(one, _Named, f"tool_choice.tools[{n}]") for n, one in enumerate(choice.tools)]
        return ToolChoice(choice.mode, [qualified(one.namespace or "", one.name) for one in named if one.name])
    request.lose("tool_choice")  # a tool that the provider runs itself
    return None
