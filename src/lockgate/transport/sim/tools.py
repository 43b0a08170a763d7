"""Which tools the simulator calls, and with what.

It calls when `tool_choice` makes it, or when the last line of the user asks for a tool that is offered: by name after a
verb ("use get_weather", "call the search tool and the clock tool"), or by the things that the name speaks of ("What is the
weather in Paris?" for `get_weather`). Programs that offer twenty tools and ask something else get an answer in words.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from lockgate.core.json import encode
from lockgate.transport.sim.ask import AllowedTools, Ask, FunctionTool, Tool, chosen_names, tool_name
from lockgate.transport.sim.sample import fitting
from lockgate.transport.sim.speech import last_line

#: First words of a tool's name that say what is done; the words after them say to what.
_VERB = re.compile(
    "add|book|calculate|call|check|compute|convert|count|create|delete|do|fetch|find|get|list|look|lookup|make|open|query|read|"
    "retrieve|run|search|send|set|show|translate|update"
)
_ORDER = re.compile(r"\b(?:use|call|run|invoke|try|with)\b", re.IGNORECASE)
_NAME_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_WORD = re.compile(r"[a-z0-9]+")


class Called(msgspec.Struct, frozen=True):
    """A call of a tool: JSON arguments for a function, free text for a custom tool."""

    name: str
    text: str
    custom: bool


def calls(ask: Ask) -> list[Called]:
    """The calls that answer a request; none means an answer in words. Raises `Refusal` when a tool's schema is unfit."""
    tools = ask.tools or []
    choice = ask.tool_choice
    must = choice == "required"
    if isinstance(choice, AllowedTools):
        must = choice.allowed_tools.mode == "required"
    elif choice is not None and not isinstance(choice, str):
        must = True
    if names := chosen_names(choice):
        tools = [tool for tool in tools if tool_name(tool) in names]
    if choice == "none" or not tools:
        return []
    line = last_line(ask.words())
    asked = [] if ask.results() else [tool for tool in tools if _asks_for(line, tool_name(tool))]
    if must and not asked:
        asked = tools[:1]
    if ask.parallel_tool_calls is False:
        asked = asked[:1]
    return [_called(tool, line) for tool in asked]


def _called(tool: Tool, line: str) -> Called:
    if isinstance(tool, FunctionTool):
        schema: dict[str, Any] = {"type": "object", **(tool.function.parameters or {})}
        return Called(tool.function.name, encode(fitting(schema, line)).decode(), custom=False)
    return Called(tool.custom.name, line, custom=True)


def _asks_for(line: str, name: str) -> bool:
    """Whether a line asks for the tool of that name."""
    order = _ORDER.search(line)
    if order and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", line[order.end() :], re.IGNORECASE):
        return True
    things = [word.lower() for word in _NAME_WORD.findall(name)]
    if things and _VERB.fullmatch(things[0]):
        things = things[1:]
    elif len(things) < 2:
        return False  # "Read", "task", "time": a word that anyone may use
    said = {word.removesuffix("s") for word in _WORD.findall(line.lower())}
    return bool(things) and all(thing.removesuffix("s") in said for thing in things)
