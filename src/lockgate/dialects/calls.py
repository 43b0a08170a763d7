"""Tool calls between dialects that are strict about them: every call answered right behind it, names and ids that are
taken, and free-text tools for models that know only functions.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any, cast

import msgspec

from lockgate.core.content import Part, Text, Tool, ToolCall, ToolResult, Turn
from lockgate.core.json import encode
from lockgate.core.request import Request

#: What stands for an answer that the conversation does not hold.
NO_RESULT = "(no result)"

#: The one parameter of a function that stands for a free-text tool.
_INPUT = "input"
_FREE_TEXT = msgspec.Raw(
    b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"],"additionalProperties":false}'
)
_NOT_TAKEN = re.compile(r"[^a-zA-Z0-9_-]")
#: The longest name or id that every provider takes, in characters.
_LONGEST = 64


def aligned(turns: list[Turn]) -> list[Turn]:
    """The turns with neighbours of one role joined and each call answered in the turn behind it.

    Answers that stand elsewhere are moved; a call without one, followed by more talk, gets `NO_RESULT`; an answer without
    its call is told as text. The given turns stay as they are.
    """
    joined = _joined(turns)
    if not any(type(part) is ToolCall or type(part) is ToolResult for turn in joined for part in turn.parts):
        return joined
    taken: set[int] = set()
    out: list[Turn] = []
    index = 0
    while index < len(joined):
        turn = joined[index]
        index += 1
        calls = [part for part in turn.parts if type(part) is ToolCall] if turn.role == "assistant" else []
        if turn.role == "user":
            turn = Turn("user", [part for part in turn.parts if id(part) not in taken], turn.name)
            turn.parts = [_told(part) if type(part) is ToolResult else part for part in turn.parts]
        out.append(turn)
        if not calls or index == len(joined):
            continue
        results = [_result(call, joined[index:], taken) for call in calls]
        if joined[index].role == "user":
            behind = joined[index]
            index += 1
            rest: list[Part] = [part for part in behind.parts if id(part) not in taken]
            told: list[Part] = [_told(part) if type(part) is ToolResult else part for part in rest]
            out.append(Turn("user", [*results, *told], behind.name))
        else:
            out.append(Turn("user", [*results]))
    return _joined([turn for turn in out if turn.parts])


def _joined(turns: list[Turn]) -> list[Turn]:
    """Neighbours of one role (and one speaker) as one turn."""
    out: list[Turn] = []
    for turn in turns:
        if out and out[-1].role == turn.role and out[-1].name == turn.name:
            out[-1].parts += turn.parts
        else:
            out.append(Turn(turn.role, list(turn.parts), turn.name))
    return out


def _result(call: ToolCall, later: list[Turn], taken: set[int]) -> ToolResult:
    """The first answer to the call that is not given to another."""
    for turn in later:
        for part in turn.parts:
            if type(part) is ToolResult and part.call_id == call.id and id(part) not in taken:
                taken.add(id(part))
                return part
    return ToolResult(call.id, [Text(NO_RESULT)], name=call.name)


def _told(result: ToolResult) -> Part:
    """An answer whose call is not there, as text: no provider takes it as an answer."""
    said = "\n".join(part.text for part in result.content if type(part) is Text)
    return Text(f"Result of the tool {result.name or result.call_id}:\n{said or NO_RESULT}", cache=result.cache)


def taken_name(name: str) -> str:
    """A tool's name (or a call's id) in the letters and length that every provider takes; most are such already."""
    clean = _NOT_TAKEN.sub("_", name)
    if len(clean) <= _LONGEST:
        return clean or "_"
    return f"{clean[: _LONGEST - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


class CallIds:
    """Ids of a turn's calls as strict dialects take them: in the letters that they take (`clean`), and no two alike."""

    __slots__ = ("_clean", "_given", "_used")

    def __init__(self, clean: Callable[[str], str] = taken_name) -> None:
        self._clean = clean
        self._used: set[str] = set()
        self._given: dict[str, list[str]] = {}  # calls without an answer yet, by the ids they came with

    def call(self, told: str) -> str:
        """An id for a call."""
        base = made = self._clean(told)
        number = 1
        while made in self._used:
            number += 1
            made = f"{base}_{number}"
        self._used.add(made)
        self._given.setdefault(told, []).append(made)
        return made

    def result(self, told: str) -> str:
        """The id of the call that is answered."""
        waiting = self._given.get(told)
        return waiting.pop(0) if waiting else self._clean(told)


def asked_tool(name: str, request: Request) -> Tool | None:
    """The caller's tool that a model calls by this name, which may have been changed on the way (`taken_name`)."""
    for tool in request.tools:
        if tool.name == name and tool.native is None:
            return tool
    return next((tool for tool in request.tools if tool.native is None and taken_name(tool.name) == name), None)


def as_function(tool: Tool) -> Tool:
    """A free-text tool as a function with one string, for models that know only functions."""
    if not tool.custom:
        return tool
    grammar = f"\n\nThe input must match this grammar: {bytes(tool.grammar).decode()}" if tool.grammar is not None else ""
    return Tool(tool.name, tool.description + grammar, _FREE_TEXT, cache=tool.cache)


def free_arguments(text: str) -> str:
    """A free-text tool's input as the arguments of the function that stands for it."""
    return encode({_INPUT: text}).decode()


def free_text(arguments: str) -> str:
    """The input of a free-text tool that was called as a function; what does not look like that call is taken as it is."""
    try:
        value: Any = msgspec.json.decode(arguments)
    except (msgspec.DecodeError, RecursionError):
        return arguments
    if isinstance(value, dict):
        given = cast("dict[str, Any]", value).get(_INPUT)
        return given if isinstance(given, str) else arguments
    return arguments


def input_of(arguments: str) -> dict[str, Any]:
    """A call's arguments as the object that most dialects demand; what is no object is kept inside one."""
    text = arguments.strip()
    if not text:
        return {}
    try:
        value: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return {"arguments": arguments}  # a call that was cut short
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    return {} if value is None else {"arguments": value}
