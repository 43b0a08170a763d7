"""The canonical request, written as a request of the Chat API.

Source: https://docs.cohere.com/reference/chat, https://docs.cohere.com/docs/structured-outputs,
https://docs.cohere.com/docs/reasoning. What the API knows beyond the canonical model (`documents`, `citation_options`,
`safety_mode`, `priority`) passes as the caller gave it.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import msgspec

from lockgate.core.content import Text, Tool
from lockgate.core.failure import Refusal
from lockgate.core.json import as_any
from lockgate.core.request import Effort, Format, Reasoning, Request
from lockgate.core.sheet import Sheet
from lockgate.dialects.calls import as_function, taken_name
from lockgate.dialects.cohere.chat.shapes import NAME
from lockgate.dialects.cohere.chat.write_messages import messages_of
from lockgate.dialects.lenient import refusing
from lockgate.dialects.turns import cache_marked

_Object = dict[str, Any]

_NO_PARAMETERS = msgspec.Raw(b'{"type":"object","properties":{}}')
_MODES = {"required": "REQUIRED", "none": "NONE"}

#: Families that do not think; every other model is taken to (the older ones are the finite set).
_DO_NOT_THINK = (
    "command",
    "command-light*",
    "command-nightly",
    "command-r*",
    "command-a",
    "command-a-03-*",
    "command-a-vision-*",
    "command-a-translate-*",
    "c4ai-*",
    "tiny-aya*",
)

#: Effort → thinking budget in tokens; None leaves it to the model.
_BUDGET_OF_EFFORT: dict[Effort, int | None] = {
    "minimal": 1024,
    "low": 1024,
    "medium": 8192,
    "high": None,
    "xhigh": None,
    "max": None,
}

#: The most stop sequences that are taken.
_STOPS = 5

_ANY_JSON = "Answer with a single valid JSON object and nothing else."
_BY_SCHEMA = "Answer with a single valid JSON value and nothing else. It must match this JSON Schema:\n"


@refusing
def write_request(request: Request) -> Sheet:
    """The provider's body; raises `Refusal` 400 for a conversation that holds nothing to answer."""
    thinks = not any(fnmatchcase(request.model, family) for family in _DO_NOT_THINK)
    messages = messages_of(request, thinks=thinks)
    if not messages:
        raise Refusal(400, "empty_conversation", "The conversation is empty: give at least one message.", param="messages")
    sheet = Sheet()
    sheet.set("model", request.model)
    tools = _tools(request)
    response_format = _format(request, messages, beside="documents" in request.extra or bool(tools))
    sheet.set("messages", messages)
    if tools:
        sheet.set("tools", tools)
        if request.tool_choice is not None and (mode := _MODES.get(request.tool_choice.mode)):
            sheet.set("tool_choice", mode)
        if any(tool.strict for tool in request.tools):
            if all(tool.strict and _takes_strict(tool) for tool in request.tools):
                sheet.set("strict_tools", True)
            else:
                request.lose("tools.strict")
    if response_format:
        sheet.set("response_format", response_format)
    if request.reasoning is not None and (thinking := _thinking(request.reasoning, request, thinks)):
        sheet.set("thinking", thinking)
    _set_sampling(sheet, request)
    if request.stream:
        sheet.set("stream", True)
    for name, value in request.extra.items():
        sheet.set(name, value)
    _note_losses(request)
    return sheet


def _tools(request: Request) -> list[Any]:
    """The tools on offer. A choice among some of them is made by offering only those: the API cannot say it otherwise."""
    choice = request.tool_choice
    some = set(choice.names) if choice is not None and choice.mode != "none" else set[str]()
    made: list[Any] = []
    for tool in request.tools:
        if tool.native is not None and tool.dialect == NAME:
            made.append(tool.native)
        elif tool.native is not None:
            request.lose(f"tools.{tool.name}")
        elif not some or tool.name in some:
            made.append(_tool(as_function(tool)))
    return made


def _tool(tool: Tool) -> _Object:
    function: _Object = {"name": taken_name(tool.name)}
    if tool.description:
        function["description"] = tool.description
    function["parameters"] = tool.schema or _NO_PARAMETERS
    return {"type": "function", "function": function}


def _takes_strict(tool: Tool) -> bool:
    """Whether a tool can be called strictly: one whose parameters are all optional cannot."""
    value: _Object = as_any(tool.schema) if tool.schema is not None else {}
    return not value.get("properties") or bool(value.get("required"))


def _format(request: Request, messages: list[_Object], *, beside: bool) -> _Object | None:
    """The answer's format. It goes not together with tools or documents: the model is told of it then."""
    wanted = request.format
    if wanted is None:
        return None
    if beside:
        request.lose("response_format (told to the model)")
        _tell(messages, _in_words(wanted))
        return None
    # Without a word of JSON in the conversation the model may never come to an end, says the reference.
    if not any(isinstance(part, Text) and "json" in part.text.lower() for turn in request.turns for part in turn.parts):
        _tell(messages, _ANY_JSON)
    made: _Object = {"type": "json_object"}
    if wanted.schema is not None:
        made["json_schema"] = wanted.schema
    return made


def _in_words(wanted: Format) -> str:
    return _ANY_JSON if wanted.schema is None else _BY_SCHEMA + bytes(wanted.schema).decode()


def _tell(messages: list[_Object], words: str) -> None:
    """Give the model an instruction, behind those that it has."""
    first = messages[0]
    if first["role"] == "system":
        first["content"] += "\n\n" + words
    else:
        messages.insert(0, {"role": "system", "content": words})


def _thinking(wanted: Reasoning, request: Request, thinks: bool) -> _Object | None:
    rests = wanted.effort == "none" or (wanted.effort is None and wanted.budget == 0)
    if not thinks:
        if not rests:
            request.lose("reasoning")
        return None
    if rests:
        return {"type": "disabled"}
    budget = wanted.budget if wanted.effort is None else _BUDGET_OF_EFFORT.get(wanted.effort)
    return {"type": "enabled", "token_budget": budget} if budget is not None and budget > 0 else {"type": "enabled"}


def _set_sampling(sheet: Sheet, request: Request) -> None:
    sampling = request.sampling
    if len(sampling.stop) > _STOPS:
        request.lose(f"stop beyond {_STOPS} sequences")
    for name, value in (
        ("max_tokens", sampling.max_tokens),
        ("temperature", sampling.temperature),
        ("p", _within(sampling.top_p, 0.01, 0.99)),  # 1 means no bound elsewhere
        ("k", _within(sampling.top_k, 0, 500)),
        ("stop_sequences", sampling.stop[:_STOPS] or None),
        ("seed", sampling.seed),
        ("presence_penalty", _penalty("presence_penalty", sampling.presence_penalty, request)),
        ("frequency_penalty", _penalty("frequency_penalty", sampling.frequency_penalty, request)),
        ("logprobs", sampling.logprobs),
    ):
        if value is not None:
            sheet.set(name, value)


def _within(value: float | int | None, least: float, most: float) -> float | int | None:
    return None if value is None else min(max(value, least), most)


def _penalty(name: str, value: float | int | None, request: Request) -> float | int | None:
    """A penalty between 0 and 1; what lies beyond is cut and named."""
    taken = _within(value, 0, 1)
    if taken != value:
        request.lose(f"{name} outside 0 to 1")
    return taken


def _note_losses(request: Request) -> None:
    sampling = request.sampling
    for name, says in (
        ("cache_control", cache_marked(request)),
        ("n", (sampling.n or 1) > 1),
        ("logit_bias", sampling.logit_bias),
        ("top_logprobs", sampling.top_logprobs),
        ("parallel_tool_calls", request.parallel_tools is False),
        ("verbosity", request.verbosity),
        ("user", request.user),
        ("metadata", request.metadata),
        ("service_tier", request.service_tier not in ("", "auto", "default")),
        ("prompt_cache_key", request.cache_key),
        ("store", request.store),
    ):
        if says:
            request.lose(name)
