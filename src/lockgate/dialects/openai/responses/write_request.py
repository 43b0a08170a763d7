"""The canonical request, written as a Responses request.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

import re
from typing import Any

from lockgate.core.content import (
    Declined,
    Media,
    Native,
    Part,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
)
from lockgate.core.failure import Refusal
from lockgate.core.request import Effort, Format, Reasoning, Request, ToolChoice
from lockgate.core.sheet import Sheet
from lockgate.dialects.calls import aligned, taken_name
from lockgate.dialects.lenient import refusing
from lockgate.dialects.media import data_url, file_name
from lockgate.dialects.openai.chat.account import SERVICE_TIERS
from lockgate.dialects.openai.responses.shapes import NAME, bare_name, function_object
from lockgate.dialects.turns import cache_marked

_Object = dict[str, Any]

#: Models that encrypt their reasoning for their caller to give back; others refuse to be asked for it. By OpenAI's names,
#: which its hosts keep ("openai.gpt-5.5", "openai/o3"), because other makers' models behind this API have no such thing.
_ENCRYPTS = re.compile(r"(?:^|[/.])(?:gpt-[5-9]|o[1-9](?:-|$)|codex-)(?!.*-chat)")

#: Sampling members without a place here, by their canonical names.
_UNSAID = ("top_k", "stop", "seed", "presence_penalty", "frequency_penalty", "logit_bias")

#: Thinking budget, in tokens, up to which an effort is meant.
_EFFORT_OF_BUDGET: tuple[tuple[int, Effort], ...] = ((4095, "low"), (16383, "medium"))


@refusing
def write_request(request: Request) -> Sheet:
    """The provider's body; raises `Refusal` 400 for a conversation that holds nothing to answer."""
    sheet = Sheet()
    sheet.set("model", request.model)
    turns, instructions = _instructions(aligned(request.turns))
    if instructions:
        sheet.set("instructions", instructions)
    custom = {part.id for turn in turns for part in turn.parts if isinstance(part, ToolCall) and part.custom}
    items = [item for turn in turns for item in _items(turn, request, custom)]
    if not request.turns:
        raise Refusal(400, "empty_conversation", "The conversation is empty: give at least one message.")
    if not items:  # the system alone speaks, or someone says nothing
        items.append({"type": "message", "role": "user", "content": ""})
    sheet.set("input", items)
    _set_tools(sheet, request)
    _set_sampling(sheet, request)
    text: _Object = {}
    if request.format is not None:
        text["format"] = _format(request.format)
    if request.verbosity:
        text["verbosity"] = request.verbosity
    if text:
        sheet.set("text", text)
    if request.reasoning is not None and (reasoning := _reasoning(request.reasoning)):
        sheet.set("reasoning", reasoning)
    if request.stream:
        sheet.set("stream", True)
    for name, value in (
        ("user", request.user),
        ("metadata", request.metadata),
        ("service_tier", request.service_tier if request.service_tier in SERVICE_TIERS else ""),
        ("prompt_cache_key", request.cache_key),
    ):
        if value:
            sheet.set(name, value)
    if cache_marked(request):
        request.lose("cache_control")
    if request.store is not None:
        sheet.set("store", request.store)
    for name, raw in request.extra.items():
        sheet.set(name, raw)
    return sheet


def _instructions(turns: list[Turn]) -> tuple[list[Turn], str]:
    """What a system turn at the beginning says, and the turns behind it."""
    if turns and turns[0].role == "system":
        texts = [part.text for part in turns[0].parts if isinstance(part, Text)]
        if len(texts) == len(turns[0].parts):
            return turns[1:], "\n\n".join(texts)
    return turns, ""


def _items(turn: Turn, request: Request, custom: set[str]) -> list[_Object]:
    """A turn as input items: what is said becomes messages; calls, results and reasoning are items of their own.

    `custom` are the ids of calls of free-text tools, whose results are of another kind.
    """
    items: list[_Object] = []
    content: list[_Object] = []

    def say() -> None:
        # An assistant's words are plain text each (as parts they would need the ids of an answer); others' are parts.
        plain = turn.role == "assistant" or (len(content) == 1 and content[0]["type"] == "input_text")
        for said in [part["text"] for part in content] if plain else [content.copy()] if content else []:
            items.append({"type": "message", "role": turn.role, "content": said})
        content.clear()

    for part in turn.parts:
        if isinstance(part, (Text, Media, Declined)):
            if turn.role == "assistant" and isinstance(part, Media):
                request.lose(f"assistant {part.kind}")
            else:
                content += _said(part, request)
        elif (item := _item(part, request, custom)) is not None:
            say()
            items.append(item)
    say()
    return items


def _said(part: Text | Media | Declined, request: Request) -> list[_Object]:
    if isinstance(part, Media):
        made = _media(part, request)
        return [] if made is None else [made]
    return [{"type": "input_text", "text": part.text}] if part.text else []


def _media(media: Media, request: Request) -> _Object | None:
    if media.kind == "image" and not media.text:
        made: _Object = {"type": "input_image", "detail": media.detail or "auto"}
        if media.file_id:
            made["file_id"] = media.file_id
        else:
            made["image_url"] = media.url or data_url(media)
        return made
    if media.kind in ("audio", "video"):
        request.lose(f"{media.kind} input")
        return None
    made = {"type": "input_file"}
    if media.file_id:
        made["file_id"] = media.file_id
    elif media.url:
        made["file_url"] = media.url
    else:
        made["filename"] = file_name(media)
        made["file_data"] = data_url(media)
    return made


def _item(part: Part, request: Request, custom: set[str]) -> _Object | Any | None:
    """A part that is an item of its own; None for what this dialect cannot say."""
    if isinstance(part, ToolCall):
        return _call(part, request)
    if isinstance(part, ToolResult):
        return _result(part, request, part.call_id in custom)
    if isinstance(part, Thinking):
        return _reasoning_item(part)
    if isinstance(part, Native):
        if part.dialect == NAME:
            return part.raw
        request.lose(part.kind)
    return None


def _call(part: ToolCall, request: Request) -> _Object:
    tool = next((tool for tool in request.tools if tool.name == part.name and tool.namespace), None)
    name = taken_name(part.name) if tool is None else bare_name(tool)
    if part.custom:
        made: _Object = {"type": "custom_tool_call", "call_id": part.id, "name": name, "input": part.arguments}
    else:
        made = {"type": "function_call", "call_id": part.id, "name": name, "arguments": part.arguments or "{}"}
    if tool is not None:
        made["namespace"] = tool.namespace
    return made


def _result(part: ToolResult, request: Request, custom: bool) -> _Object:
    output: Any
    if all(isinstance(piece, Text) for piece in part.content):
        output = "".join(piece.text for piece in part.content)
    else:
        output = [made for piece in part.content for made in _said(piece, request)]
    if part.is_error:
        request.lose("tool_result.is_error")
    kind = "custom_tool_call_output" if custom else "function_call_output"
    return {"type": kind, "call_id": part.call_id, "output": output}


def _reasoning_item(part: Thinking) -> _Object | None:
    """The model's own reasoning goes back; another's, or one that only its provider's store could prove, does not."""
    if part.dialect != NAME or not (part.signature or (part.text and not part.summary)):
        return None
    piece = [{"type": "summary_text" if part.summary else "reasoning_text", "text": part.text}] if part.text else []
    made: _Object = {"type": "reasoning", "id": part.id, "summary": piece if part.summary else []}
    if not part.summary:
        made["content"] = piece
    if part.signature:
        made["encrypted_content"] = part.signature
    return made


def _set_tools(sheet: Sheet, request: Request) -> None:
    tools = _tools(request.tools, request)
    if tools:
        sheet.set("tools", tools)
    if request.tool_choice is not None:
        sheet.set("tool_choice", _tool_choice(request.tool_choice, request))
    if request.parallel_tools is not None:
        sheet.set("parallel_tool_calls", request.parallel_tools)


def _tools(tools: list[Tool], request: Request) -> list[Any]:
    made: list[Any] = []
    groups: dict[str, list[_Object]] = {}
    for tool in tools:
        if tool.native is not None:
            if tool.dialect == NAME:
                made.append(tool.native)
            else:
                request.lose(f"tools.{tool.name}")
        elif tool.namespace:
            if tool.namespace not in groups:
                groups[tool.namespace] = []
                made.append({"type": "namespace", "name": tool.namespace, "description": "", "tools": groups[tool.namespace]})
            groups[tool.namespace].append(function_object(tool))
        else:
            made.append(function_object(tool) | {"name": taken_name(tool.name)})
    return made


def _tool_choice(choice: ToolChoice, request: Request) -> str | _Object:
    if not choice.names:
        return choice.mode
    custom = {tool.name for tool in request.tools if tool.custom}
    named = [{"type": "custom" if name in custom else "function", "name": taken_name(name)} for name in choice.names]
    if choice.mode == "required" and len(named) == 1:
        return named[0]
    return {"type": "allowed_tools", "mode": "auto" if choice.mode == "none" else choice.mode, "tools": named}


def _set_sampling(sheet: Sheet, request: Request) -> None:
    sampling = request.sampling
    for name, value in (
        ("max_output_tokens", sampling.max_tokens),
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
    ):
        if value is not None:
            sheet.set(name, value)
    include = ["reasoning.encrypted_content"] if _ENCRYPTS.search(request.model) else []
    if sampling.logprobs:
        include.append("message.output_text.logprobs")
        if sampling.top_logprobs is not None:
            sheet.set("top_logprobs", sampling.top_logprobs)
    if include:
        sheet.set("include", include)
    if sampling.n is not None and sampling.n > 1:
        request.lose("n")
    for name in _UNSAID:
        if getattr(sampling, name) not in (None, [], {}):
            request.lose(name)


def _format(wanted: Format) -> _Object:
    if wanted.kind == "json":
        return {"type": "json_object"}
    made: _Object = {"type": "json_schema", "name": taken_name(wanted.name or "answer"), "schema": wanted.schema}
    if wanted.description:
        made["description"] = wanted.description
    if wanted.strict is not None:
        made["strict"] = wanted.strict
    return made


def _reasoning(wanted: Reasoning) -> _Object:
    made: _Object = {}
    effort = wanted.effort
    if effort is None and wanted.budget:  # none is no wish: many models know no effort "none"
        effort = next((effort for limit, effort in _EFFORT_OF_BUDGET if wanted.budget <= limit), "high")
    if effort is None and wanted.adaptive:
        effort = "medium"  # some models think only when asked to
    if effort is not None:
        made["effort"] = effort
    if wanted.shown not in ("", "none"):
        made["summary"] = wanted.shown if wanted.shown in ("auto", "concise", "detailed") else "auto"
    return made
