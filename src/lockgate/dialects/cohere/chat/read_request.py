"""A caller's request, read into the canonical one: top-level members here, messages in `read_messages`.

`documents`, `citation_options` and `safety_mode` have no place in the canonical model: they are named as losses elsewhere, and
pass to a provider of this dialect with the caller's own bytes.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.core.content import Tool
from lockgate.core.failure import Refusal
from lockgate.core.json import given, raw, readable
from lockgate.core.request import Format, Reasoning, Request, Sampling, ToolChoice, ToolMode
from lockgate.core.sheet import Sheet
from lockgate.dialects.cohere.chat.read_messages import read_messages
from lockgate.dialects.lenient import refusing

#: Members of the dialect without a place in the canonical model.
_UNSAID = ("documents", "citation_options", "safety_mode", "priority", "raw_prompting")


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: dict[str, msgspec.Raw] | None = None


class _Tool(msgspec.Struct):
    function: _Function
    type: Literal["function"] = "function"


class _Format(msgspec.Struct):
    type: Literal["text", "json_object"]
    json_schema: dict[str, msgspec.Raw] | None = None


class _Thinking(msgspec.Struct):
    type: Literal["enabled", "disabled"]
    token_budget: int | None = None


class _Body(msgspec.Struct):
    messages: list[msgspec.Raw]
    model: str = ""
    stream: bool | None = None
    tools: list[_Tool] | None = None
    strict_tools: bool | None = None
    tool_choice: Literal["REQUIRED", "NONE"] | None = None
    response_format: _Format | None = None
    thinking: _Thinking | None = None
    max_tokens: int | None = None
    stop_sequences: list[str] | None = None
    temperature: float | int | None = None
    seed: int | None = None
    frequency_penalty: float | int | None = None
    presence_penalty: float | int | None = None
    k: int | None = None
    p: float | int | None = None
    logprobs: bool | None = None


_KNOWN = frozenset((*_Body.__struct_fields__, *_UNSAID))
_MODES: dict[str, ToolMode] = {"REQUIRED": "required", "NONE": "none"}


@refusing
def read_request(sheet: Sheet) -> Request:
    """The canonical request; raises `Refusal` 400 that names the member at fault."""
    body = readable(sheet.bytes(), _Body)
    if not body.messages:
        raise Refusal(400, "missing_member", "'messages' is empty: give at least one message.", param="messages")
    request = Request(
        model=body.model,
        turns=read_messages(body.messages),
        tools=[_tool(each.function, body.strict_tools) for each in body.tools or []],
        tool_choice=None if body.tool_choice is None else ToolChoice(_MODES[body.tool_choice]),
        sampling=Sampling(
            max_tokens=body.max_tokens,
            temperature=body.temperature,
            top_p=body.p,
            top_k=body.k or None,  # 0 means no bound
            stop=body.stop_sequences or [],
            seed=body.seed,
            presence_penalty=body.presence_penalty,
            frequency_penalty=body.frequency_penalty,
            logprobs=body.logprobs,
        ),
        format=_format(body.response_format),
        reasoning=_reasoning(body.thinking),
        stream=bool(body.stream),
        extra={name: value for name in sheet if name not in _KNOWN and (value := sheet.raw(name)) is not None},
    )
    for name in _UNSAID:
        if (value := sheet.raw(name)) is not None and given(value):
            request.lose(name)
    return request


def _tool(function: _Function, strict: bool | None) -> Tool:
    schema = None if function.parameters is None else raw(function.parameters)
    return Tool(function.name, function.description or "", schema, strict)


def _format(wanted: _Format | None) -> Format | None:
    if wanted is None or wanted.type == "text":
        return None
    if wanted.json_schema is None:
        return Format("json")
    return Format("schema", schema=raw(wanted.json_schema))


def _reasoning(wanted: _Thinking | None) -> Reasoning | None:
    if wanted is None:
        return None
    if wanted.type == "disabled":
        return Reasoning(effort="none")
    return Reasoning(budget=wanted.token_budget, adaptive=wanted.token_budget is None)
