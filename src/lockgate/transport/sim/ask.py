"""What the simulator is asked: a chat completions request as structs, checked the way a careful provider checks it.

Everything wrong with a request is a `Refusal` 400 that names the member at fault. Members that the simulator has no use
for (temperature, metadata, cache keys) are checked or ignored, never an error.
Source: the chat completions reference.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from lockgate.core.failure import Refusal
from lockgate.core.json import readable
from lockgate.transport.sim.message import Message
from lockgate.transport.sim.tokens import count

#: Longest prompt, in tokens as `tokens.count` counts them.
CONTEXT_WINDOW = 1_000_000

#: What a client's scaffolding wraps around a user's words: <system-reminder>…</system-reminder>, <environment_context>….
_SCAFFOLD = re.compile(r"<([a-zA-Z][\w-]*)>.*?</\1>", re.DOTALL)
_WORDS_KEPT = 4_000  # characters of the user's last words that are looked at


ToolName = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9_.:-]{1,128}$")]


class FunctionSpec(msgspec.Struct):
    name: ToolName
    description: str | None = None
    parameters: dict[str, Any] | None = None


class FunctionTool(msgspec.Struct, tag_field="type", tag="function"):
    function: FunctionSpec


class CustomSpec(msgspec.Struct):
    name: ToolName
    description: str | None = None


class CustomTool(msgspec.Struct, tag_field="type", tag="custom"):
    custom: CustomSpec


Tool = FunctionTool | CustomTool


class Named(msgspec.Struct):
    name: str


class ChosenFunction(msgspec.Struct, tag_field="type", tag="function"):
    function: Named


class ChosenCustom(msgspec.Struct, tag_field="type", tag="custom"):
    custom: Named


class Allowed(msgspec.Struct):
    mode: Literal["auto", "required"]
    tools: list[ChosenFunction | ChosenCustom]


class AllowedTools(msgspec.Struct, tag_field="type", tag="allowed_tools"):
    allowed_tools: Allowed


class TextFormat(msgspec.Struct, tag_field="type", tag="text"):
    pass


class JsonFormat(msgspec.Struct, tag_field="type", tag="json_object"):
    pass


class SchemaSpec(msgspec.Struct):
    name: str
    schema: dict[str, Any] | None = None


class SchemaFormat(msgspec.Struct, tag_field="type", tag="json_schema"):
    json_schema: SchemaSpec


class StreamOptions(msgspec.Struct):
    include_usage: bool = False


class Ask(msgspec.Struct):
    """A chat completions request, as far as the simulator obeys it."""

    model: str
    messages: Annotated[list[Message], Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1)] | None = None
    n: Annotated[int, Meta(ge=1, le=16)] | None = None
    stop: Annotated[str, Meta(min_length=1)] | Annotated[list[str], Meta(max_length=4)] | None = None
    seed: int | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    tools: list[Tool] | None = None
    tool_choice: Literal["none", "auto", "required"] | ChosenFunction | ChosenCustom | AllowedTools | None = None
    parallel_tool_calls: bool | None = None
    response_format: TextFormat | JsonFormat | SchemaFormat | None = None
    reasoning_effort: str | None = None

    def limit(self) -> int | None:
        """The most tokens that the caller wants back."""
        return self.max_completion_tokens or self.max_tokens

    def stops(self) -> list[str]:
        """The texts before which the answer ends."""
        return [self.stop] if isinstance(self.stop, str) else [stop for stop in self.stop or () if stop]

    def tail(self) -> list[Message]:
        """What came since the assistant last spoke: the user's words, or the results of tools."""
        for index in range(len(self.messages), 0, -1):
            if self.messages[index - 1].role == "assistant":
                return self.messages[index:]
        return self.messages

    def last_user(self) -> Message | None:
        """The user's last message."""
        return next((message for message in reversed(self.messages) if message.role == "user"), None)

    def words(self) -> str:
        """What the user last said: the last text that is not a client's scaffolding, at most its last 4,000 characters."""
        message = self.last_user()
        for text in reversed(message.texts() if message else ()):
            if said := _SCAFFOLD.sub("", text[-_WORDS_KEPT:]).strip():
                return said
        return ""

    def results(self) -> list[tuple[str, str]]:
        """The results of tools in the tail, as (tool's name, text)."""
        names = {call.id: call.name for message in self.messages for call in message.tool_calls or ()}
        return [(names[m.tool_call_id or ""], m.text()) for m in self.tail() if m.role == "tool"]

    def tokens(self) -> int:
        """The prompt's size: every message, the tools' definitions, and three to begin the answer."""
        tools = count(msgspec.json.encode(self.tools).decode()) if self.tools else 0
        return 3 + tools + sum(message.tokens() for message in self.messages)


def read(body: bytes) -> Ask:
    """A request body as an `Ask`; raises `Refusal` 400."""
    ask = readable(body, Ask)
    _check_messages(ask.messages)
    _check_options(ask)
    if (size := ask.tokens()) > CONTEXT_WINDOW:
        raise Refusal(
            400,
            "context_length_exceeded",
            f"This model's maximum context length is {CONTEXT_WINDOW} tokens; your messages have {size}.",
            param="messages",
        )
    return ask


def _check_messages(messages: list[Message]) -> None:
    open_calls: set[str] = set()
    for index, message in enumerate(messages):
        at = f"messages[{index}]"
        if message.role == "tool":
            if message.tool_call_id not in open_calls:
                raise _wrong(f"{at}.tool_call_id", "A 'tool' message must answer a call of the assistant message before it.")
            open_calls.discard(message.tool_call_id)
        elif open_calls:
            raise _unanswered(at, open_calls)
        if message.role == "assistant":
            open_calls = {call.id for call in message.tool_calls or ()}
        if message.content is None and not (message.role == "assistant" and message.tool_calls):
            raise _wrong(f"{at}.content", f"A message of role '{message.role}' needs content.")
    if open_calls:
        raise _unanswered(f"messages[{len(messages) - 1}]", open_calls)


def _check_options(ask: Ask) -> None:
    if ask.stream_options is not None and not ask.stream:
        raise _wrong("stream_options", "'stream_options' is only allowed with 'stream': true.")
    if ask.top_logprobs is not None and not ask.logprobs:
        raise _wrong("top_logprobs", "'top_logprobs' needs 'logprobs': true.")
    if isinstance(ask.response_format, JsonFormat) and not any("json" in m.text().lower() for m in ask.messages):
        raise _wrong("messages", "'messages' must contain the word 'json' to use 'response_format' of type 'json_object'.")
    choice = ask.tool_choice
    if choice is None:
        return
    if not ask.tools:
        if choice == "none" or choice == "auto":
            return
        raise _wrong("tool_choice", "'tool_choice' is only allowed when 'tools' are given.")
    offered = {tool_name(tool) for tool in ask.tools}
    for name in chosen_names(choice):
        if name not in offered:
            raise _wrong("tool_choice", f"The tool '{name}' of 'tool_choice' is not among 'tools'.")


def tool_name(tool: Tool) -> str:
    """The name a tool is called by."""
    return tool.function.name if isinstance(tool, FunctionTool) else tool.custom.name


def chosen_names(choice: object) -> list[str]:
    """The tools that a `tool_choice` names."""
    if isinstance(choice, ChosenFunction):
        return [choice.function.name]
    if isinstance(choice, ChosenCustom):
        return [choice.custom.name]
    if isinstance(choice, AllowedTools):
        return [name for one in choice.allowed_tools.tools for name in chosen_names(one)]
    return []


def _unanswered(at: str, calls: set[str]) -> Refusal:
    return _wrong(at, f"Each call in 'tool_calls' must be followed by its result; missing: {', '.join(sorted(calls))}.")


def _wrong(param: str, message: str) -> Refusal:
    return Refusal(400, "invalid_value", message, param=param)
