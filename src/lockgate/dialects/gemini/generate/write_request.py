"""The canonical request, written as a generateContent body. The model and the wish for a stream stand in the URL.

Tools and answer formats are given as JSON Schema (`parametersJsonSchema`, `responseJsonSchema`), which both hosts take: the
older `parameters` and `responseSchema` know a part of OpenAPI's schema language only, so that references, unions and types in
lists would have to be rewritten and be lost in part.
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Declined, Media, Native, Part, Text, Thinking, Tool, ToolCall, ToolResult, Turn
from lockgate.core.failure import Refusal
from lockgate.core.json import raw
from lockgate.core.request import Request, ToolChoice
from lockgate.core.sheet import Sheet
from lockgate.dialects.calls import aligned, as_function, free_arguments, taken_name
from lockgate.dialects.gemini.generate.shapes import NAME
from lockgate.dialects.gemini.generate.thinking import signs_calls, thinking_config
from lockgate.dialects.lenient import refusing
from lockgate.dialects.media import LIKELY_MIME, data_url, mime_of_name
from lockgate.dialects.turns import cache_marked

_Object = dict[str, Any]

#: What a model that checks signatures takes for a call that another model made (ai.google.dev: "Thought signatures", FAQ).
_UNSIGNED = "skip_thought_signature_validator"

_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY"}
_TIERS = {"flex": "flex", "priority": "priority", "fast": "priority"}


@refusing
def write_request(request: Request) -> Sheet:
    """The provider's body; raises `Refusal` 400 for a conversation that holds nothing to answer."""
    if not request.turns:
        raise Refusal(400, "empty_conversation", "The conversation is empty: give at least one message.")
    # The system alone speaks, or someone says nothing: the API wants a turn, and takes one without words.
    contents = _contents(request) or [{"role": "user", "parts": [{"text": ""}]}]
    sheet = Sheet()
    sheet.set("contents", contents)
    if system := _system(request.turns):
        sheet.set("systemInstruction", {"parts": system})
    if tools := _tools(request):
        sheet.set("tools", tools)
        if (choice := request.tool_choice) is not None:
            sheet.set("toolConfig", {"functionCallingConfig": _calling(choice)})
    if request.service_tier in _TIERS:
        sheet.set("serviceTier", _TIERS[request.service_tier])
    extra = dict(request.extra)
    config = _generation_config(request)
    if (given := extra.pop("generationConfig", None)) is not None and bytes(given).startswith(b"{"):
        config |= msgspec.json.decode(given, type=dict[str, msgspec.Raw])  # the caller knows this provider
    if config:
        sheet.set("generationConfig", config)
    for name, value in extra.items():
        sheet.set(name, value)
    _note_losses(request)
    return sheet


def _system(turns: list[Turn]) -> list[_Object]:
    """All that the system says, wherever it stands: this dialect hears it once."""
    return [
        {"text": part.text}
        for turn in turns
        if turn.role in ("system", "developer")
        for part in turn.parts
        if isinstance(part, Text) and part.text
    ]


def _contents(request: Request) -> list[_Object]:
    """The turns of user and model; neighbours of one role are one turn, and no turn is empty."""
    contents: list[_Object] = []
    names = _tool_names(request.turns)
    talk = [turn for turn in request.turns if turn.role not in ("system", "developer")]
    for turn in aligned(talk):
        parts = _model_parts(turn, request) if turn.role == "assistant" else _user_parts(turn, names, request)
        role = "model" if turn.role == "assistant" else "user"
        if contents and contents[-1]["role"] == role:  # a turn between them said nothing here
            contents[-1]["parts"] += parts
        elif parts:
            contents.append({"role": role, "parts": parts})
    return contents


def _tool_names(turns: list[Turn]) -> dict[str, str]:
    """Call id → tool, because a result is sent by the tool's name."""
    return {part.id: part.name for turn in turns for part in turn.parts if isinstance(part, ToolCall)}


def _user_parts(turn: Turn, names: dict[str, str], request: Request) -> list[_Object]:
    """Results first, then the media that they hold beside their text, then what the user says."""
    results: list[_Object] = []
    held: list[_Object] = []
    said: list[_Object] = []
    for part in turn.parts:
        if isinstance(part, ToolResult):
            name = taken_name(names.get(part.call_id) or part.name or part.call_id)
            results.append({"functionResponse": _result(part, name, request, held)})
        else:
            said += _said(part, request)
    return results + held + said


def _result(part: ToolResult, name: str, request: Request, held: list[_Object]) -> _Object:
    """A tool's result. Newer models take media inside it; for others they follow it."""
    text = "".join(piece.text for piece in part.content if isinstance(piece, Text))
    made: _Object = {"id": part.call_id, "name": name, "response": _response(text, part.is_error)}
    inner: list[_Object] = []
    for piece in part.content:
        if isinstance(piece, Media):
            takes = inner if signs_calls(request.model) else held
            takes += _media(piece, request)
    if inner:
        made["parts"] = inner
    return made


def _response(text: str, is_error: bool) -> object:
    """A result as the object that this dialect wants: its own when it is one, else under the documented key."""
    if is_error:
        return {"error": text}
    if text.lstrip().startswith("{"):
        try:
            return raw(msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass
    return {"output": text} if text else {}


def _model_parts(turn: Turn, request: Request) -> list[_Object]:
    """What the model said, thought and called. A signature goes back onto the part it stood before."""
    parts: list[_Object] = []
    signature = ""
    called = False
    for part in turn.parts:
        if isinstance(part, Thinking):
            if part.dialect != NAME:
                continue
            if part.text:
                parts.append({"text": part.text, "thought": True} | _signed(part.signature))
            else:
                signature = part.signature
            continue
        made = [_call(part)] if isinstance(part, ToolCall) else _said(part, request, model=True)
        if isinstance(part, ToolCall):
            if not called and not signature and signs_calls(request.model):
                signature = _UNSIGNED
            called = True
        if made and signature and not isinstance(part, Native):
            made[0] = made[0] | _signed(signature)
            signature = ""
        parts += made
    if signature:
        parts.append({"text": ""} | _signed(signature))
    return parts


def _signed(signature: str) -> _Object:
    return {"thoughtSignature": signature} if signature else {}


def _call(part: ToolCall) -> _Object:
    return {"functionCall": {"id": part.id, "name": taken_name(part.name), "args": arguments_object(part)}}


def arguments_object(part: ToolCall) -> object:
    """A call's arguments as the object they must be here; text that is none goes the way of a free-text tool's."""
    if not part.custom:
        if not part.arguments.strip():
            return {}
        try:
            return raw(msgspec.json.decode(part.arguments, type=dict[str, msgspec.Raw]))
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass
    return msgspec.Raw(free_arguments(part.arguments).encode())


def _said(part: Part, request: Request, *, model: bool = False) -> list[Any]:
    if isinstance(part, (Text, Declined)):
        return [{"text": part.text}] if part.text else []
    if isinstance(part, Media):
        return _media(part, request)
    if isinstance(part, Native):
        if part.dialect == NAME:
            return [part.raw]
        request.lose(part.kind)
    return []


def _media(media: Media, request: Request) -> list[_Object]:
    mime = media.mime or mime_of_name(media.url or media.name) or ("text/plain" if media.text else LIKELY_MIME[media.kind])
    if media.url:
        return [{"fileData": {"mimeType": mime, "fileUri": media.url}}]
    if media.file_id:
        request.lose(f"{media.kind} by file id")
        return []
    data = media.data or data_url(media).partition(",")[2]
    return [{"inlineData": {"mimeType": mime, "data": data}}]


def _tools(request: Request) -> list[Any]:
    declared = [_declaration(as_function(tool)) for tool in request.tools if tool.native is None]
    tools: list[Any] = [{"functionDeclarations": declared}] if declared else []
    for tool in request.tools:
        if tool.native is not None:
            if tool.dialect == NAME:
                tools.append(tool.native)
            else:
                request.lose(f"tools.{tool.name}")
    return tools


def _declaration(tool: Tool) -> _Object:
    made: _Object = {"name": taken_name(tool.name)}
    if tool.description:
        made["description"] = tool.description
    if tool.schema is not None:
        made["parametersJsonSchema"] = tool.schema
    return made


def _calling(choice: ToolChoice) -> _Object:
    if not choice.names:
        return {"mode": _MODES[choice.mode]}
    # A choice among some tools, or none of them, is the mode that lets the model speak as well.
    return {
        "mode": "ANY" if choice.mode == "required" else "VALIDATED",
        "allowedFunctionNames": [*map(taken_name, choice.names)],
    }


def _generation_config(request: Request) -> _Object:
    sampling, config = request.sampling, _Object()
    for name, value in (
        ("maxOutputTokens", sampling.max_tokens),
        ("temperature", sampling.temperature),
        ("topP", sampling.top_p),
        ("topK", sampling.top_k),
        ("stopSequences", sampling.stop or None),
        ("seed", sampling.seed),
        ("candidateCount", sampling.n if sampling.n != 1 else None),
        ("presencePenalty", sampling.presence_penalty),
        ("frequencyPenalty", sampling.frequency_penalty),
    ):
        if value is not None:
            config[name] = value
    if sampling.logprobs:
        config["responseLogprobs"] = True
        if sampling.top_logprobs:
            config["logprobs"] = sampling.top_logprobs
    if request.format is not None:
        config["responseMimeType"] = "application/json"
        if request.format.schema is not None:
            config["responseJsonSchema"] = request.format.schema
    if request.reasoning is not None and (thinking := thinking_config(request.reasoning, request.model)):
        config["thinkingConfig"] = thinking
    return config


def _note_losses(request: Request) -> None:
    for name, says in (
        ("cache_control", cache_marked(request)),
        ("logit_bias", request.sampling.logit_bias),
        ("parallel_tool_calls", request.parallel_tools is False),
        ("verbosity", request.verbosity),
        ("user", request.user),
        ("metadata", request.metadata),
        ("store", request.store),
        ("reasoning", request.reasoning is not None and thinking_config(request.reasoning, request.model) is None),
    ):
        if says:
            request.lose(name)
