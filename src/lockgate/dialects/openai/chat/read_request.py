"""A caller's chat request, read into the canonical one: top-level members here, messages in `read_messages`.

Source: https://platform.openai.com/docs/api-reference/chat/create; `top_k`, `reasoning` (OpenRouter) and `thinking`
(DeepSeek, z.ai) are read as well, because callers of compatible hosts send them everywhere.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lockgate.core.content import Tool
from lockgate.core.failure import Refusal
from lockgate.core.json import given, readable
from lockgate.core.request import Effort, Format, Reasoning, Request, Sampling, ToolChoice, ToolMode
from lockgate.core.sheet import Sheet
from lockgate.dialects.lenient import refusing
from lockgate.dialects.openai.chat.read_messages import read_messages
from lockgate.dialects.openai.chat.shapes import NAME, Kind

#: Members of the dialect that the canonical model has no place for, named as losses when they say something.
_UNSAID = (
    "audio",
    "moderation",
    "prediction",
    "prompt_cache_options",
    "prompt_cache_retention",
    "web_search_options",
)

#: Members that compatible hosts define: no other dialect's provider knows them, so they are losses too.
_HOSTS = (
    "chat_template_kwargs",  # vLLM
    "clear_thinking",  # Cerebras
    "include_reasoning",  # Groq, OpenRouter
    "min_p",
    "models",  # OpenRouter
    "plugins",
    "prompt_mode",  # Mistral
    "provider",  # OpenRouter
    "reasoning_format",  # Groq
    "repetition_penalty",
    "route",  # OpenRouter
    "safe_prompt",  # Mistral
    "top_a",
    "transforms",  # OpenRouter
    "usage",
)

#: Members that concern only the transport or the form of the answer: nothing is lost without them.
_TRANSPORT = ("modalities", "stream_options")

_EFFORTS: dict[str, Effort] = {
    "none": "none",
    "minimal": "minimal",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: dict[str, msgspec.Raw] | None = None
    strict: bool | None = None


class _Grammar(msgspec.Struct):
    syntax: str | None = None
    definition: str | None = None


class _CustomFormat(msgspec.Struct):
    type: str | None = None
    grammar: _Grammar | None = None


class _Custom(msgspec.Struct):
    name: str
    description: str | None = None
    format: _CustomFormat | None = None


class _CacheMark(msgspec.Struct):
    ttl: str | None = None


class _FunctionTool(msgspec.Struct):
    function: _Function
    cache_control: _CacheMark | None = None


class _CustomTool(msgspec.Struct):
    custom: _Custom


class _Named(msgspec.Struct):
    name: str | None = None


class _Choice(msgspec.Struct):
    type: str | None = None
    name: str | None = None
    function: _Named | None = None
    custom: _Named | None = None
    allowed_tools: msgspec.Raw = msgspec.Raw()


class _Allowed(msgspec.Struct):
    mode: Literal["auto", "required"] = "auto"
    tools: list[_Choice] = []


class _Schema(msgspec.Struct):
    name: str | None = None
    description: str | None = None
    schema: dict[str, msgspec.Raw] | None = None
    strict: bool | None = None


class _ResponseFormat(msgspec.Struct):
    type: str
    json_schema: _Schema | None = None


class _ReasoningConfig(msgspec.Struct):
    effort: str | None = None
    max_tokens: int | None = None
    exclude: bool | None = None
    enabled: bool | None = None


class _ThinkingConfig(msgspec.Struct):
    type: str | None = None
    budget_tokens: int | None = None


class _Body(msgspec.Struct):
    model: str = ""
    messages: list[msgspec.Raw] | None = None
    tools: list[msgspec.Raw] | None = None
    functions: list[_Function] | None = None
    tool_choice: msgspec.Raw = msgspec.Raw()
    function_call: msgspec.Raw = msgspec.Raw()
    parallel_tool_calls: bool | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | int | None = None
    top_p: float | int | None = None
    top_k: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = None
    random_seed: int | None = None  # Mistral
    n: int | None = None
    presence_penalty: float | int | None = None
    frequency_penalty: float | int | None = None
    logit_bias: dict[str, float | int] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    response_format: _ResponseFormat | None = None
    reasoning_effort: str | None = None
    reasoning: _ReasoningConfig | None = None
    thinking: _ThinkingConfig | None = None
    verbosity: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None
    prompt_cache_key: str | None = None
    store: bool | None = None
    stream: bool | None = None


_KNOWN = frozenset((*_Body.__struct_fields__, *_UNSAID, *_HOSTS, *_TRANSPORT))
_LOSABLE = frozenset((*_UNSAID, *_HOSTS))
_MODES: dict[str, ToolMode] = {"auto": "auto", "none": "none", "required": "required", "any": "required"}


@refusing
def read_request(sheet: Sheet) -> Request:
    """The canonical request; raises `Refusal` 400 that names the member at fault."""
    body = readable(sheet.bytes(), _Body)
    if not body.messages:
        raise Refusal(400, "missing_member", "'messages' is missing or empty: give at least one message.", param="messages")
    request = Request(
        model=body.model,
        turns=read_messages(body.messages),
        sampling=_sampling(body),
        parallel_tools=body.parallel_tool_calls,
        format=_format(body.response_format),
        reasoning=_reasoning(body),
        verbosity=body.verbosity or "",
        stream=bool(body.stream),
        user=body.safety_identifier or body.user or "",
        metadata=body.metadata,
        service_tier=body.service_tier or "",
        cache_key=body.prompt_cache_key or "",
        store=body.store,
        extra={name: raw for name in sheet if name not in _KNOWN and (raw := sheet.raw(name)) is not None},
    )
    request.tools = [_tool(raw, f"tools[{index}]") for index, raw in enumerate(body.tools or [])]
    request.tools += [_function_tool(function) for function in body.functions or []]
    if given(body.tool_choice):
        request.tool_choice = _tool_choice(body.tool_choice, "tool_choice", request)
    elif given(body.function_call):
        request.tool_choice = _tool_choice(body.function_call, "function_call", request)
    if not _LOSABLE.isdisjoint(sheet):
        for name in (*_UNSAID, *_HOSTS):
            if bytes(sheet.raw(name) or b"null") not in (b"null", b"false"):
                request.lose(name)
    if any(word != "text" for word in sheet.get("modalities", list[str]) or []):
        request.lose("modalities")
    return request


def _sampling(body: _Body) -> Sampling:
    return Sampling(
        max_tokens=body.max_tokens if body.max_completion_tokens is None else body.max_completion_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        top_k=body.top_k,
        stop=[body.stop] if isinstance(body.stop, str) else body.stop or [],
        seed=body.random_seed if body.seed is None else body.seed,
        n=body.n,
        presence_penalty=body.presence_penalty,
        frequency_penalty=body.frequency_penalty,
        logit_bias=body.logit_bias,
        logprobs=body.logprobs,
        top_logprobs=body.top_logprobs,
    )


def _reasoning(body: _Body) -> Reasoning | None:
    if body.reasoning_effort is not None:
        return _by_effort(body.reasoning_effort, "reasoning_effort")
    if (config := body.reasoning) is not None:
        shown = "none" if config.exclude else ""
        if config.enabled is False:
            return Reasoning(effort="none")
        if config.effort is not None:
            made = _by_effort(config.effort, "reasoning.effort")
            made.shown = shown
            return made
        return Reasoning(budget=config.max_tokens, adaptive=config.max_tokens is None, shown=shown)
    if (thinking := body.thinking) is not None:
        if thinking.type == "disabled":
            return Reasoning(budget=0)
        return Reasoning(budget=thinking.budget_tokens, adaptive=thinking.budget_tokens is None)
    return None


def _by_effort(word: str, at: str) -> Reasoning:
    if word in ("default", "auto"):  # Groq's word for the model's own measure
        return Reasoning(adaptive=True)
    if word not in _EFFORTS:
        expected = ", ".join(_EFFORTS)
        raise Refusal(400, "invalid_value", f"'{at}' is '{word}'; one of {expected} is expected.", param=at)
    return Reasoning(effort=_EFFORTS[word])


def _format(wanted: _ResponseFormat | None) -> Format | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.type == "json_object":
        return Format("json")
    if wanted.type == "json_schema":
        schema = wanted.json_schema
        if schema is None:
            at = "response_format.json_schema"
            raise Refusal(400, "missing_member", f"'{at}' is missing: give the schema of the answer.", param=at)
        return Format(
            "schema",
            schema=_object(schema.schema or {}),
            name=schema.name or "",
            description=schema.description or "",
            strict=schema.strict,
        )
    message = f"'response_format.type' is '{wanted.type}'; text, json_object or json_schema is expected."
    raise Refusal(400, "invalid_value", message, param="response_format.type")


def _tool(raw: msgspec.Raw, at: str) -> Tool:
    """A tool; what the host runs itself stays as it is."""
    kind = readable(raw, Kind, at).type
    if kind in (None, "function"):
        shape = readable(raw, _FunctionTool, at)
        mark = shape.cache_control
        return _function_tool(shape.function, None if mark is None else mark.ttl or "")
    if kind == "custom":
        custom = readable(raw, _CustomTool, at).custom
        return Tool(custom.name, custom.description or "", custom=True, grammar=_grammar(custom.format))
    return Tool(kind, dialect=NAME, native=raw)


def _function_tool(function: _Function, cache: str | None = None) -> Tool:
    schema = None if function.parameters is None else _object(function.parameters)
    return Tool(function.name, function.description or "", schema, function.strict, cache=cache)


def _grammar(wanted: _CustomFormat | None) -> msgspec.Raw | None:
    """A custom tool's grammar in the flat form of the Responses API, which is the canonical one."""
    if wanted is None or wanted.grammar is None:
        return None
    made: dict[str, Any] = {"type": "grammar", "syntax": wanted.grammar.syntax, "definition": wanted.grammar.definition}
    return msgspec.Raw(msgspec.json.encode(made))


def _object(members: dict[str, msgspec.Raw]) -> msgspec.Raw:
    """A JSON object, put together again from its members as they came."""
    return msgspec.Raw(msgspec.json.encode(members))


def _tool_choice(raw: msgspec.Raw, at: str, request: Request) -> ToolChoice | None:
    if bytes(raw).startswith(b'"'):
        mode = readable(raw, str, at)
        if mode not in _MODES:
            message = f"'{at}' is '{mode}'; auto, none, required or a tool is expected."
            raise Refusal(400, "invalid_value", message, param=at)
        return ToolChoice(_MODES[mode])
    choice = readable(raw, _Choice, at)
    if given(choice.allowed_tools):
        allowed = readable(choice.allowed_tools, _Allowed, f"{at}.allowed_tools")
        return ToolChoice(allowed.mode, [name for one in allowed.tools if (name := _named(one))])
    if name := _named(choice):
        return ToolChoice("required", [name])
    if choice.type in (None, "function", "custom"):
        message = f"'{at}.function.name' is missing: name the tool."
        raise Refusal(400, "missing_member", message, param=f"{at}.function.name")
    request.lose("tool_choice")  # a tool that the host runs itself
    return None


def _named(choice: _Choice) -> str:
    """The tool that a choice names; Cohere and the calls of 2023 name it without a wrapper."""
    inner = choice.function or choice.custom
    return (inner.name if inner is not None else choice.name) or ""
