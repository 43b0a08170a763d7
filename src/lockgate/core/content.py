"""The canonical content of a conversation: parts, turns and tools, with a place for all that any dialect can say.

A dialect is read into these and written from these; what only one dialect knows travels as `Native` and is named as a
loss when another one is written.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Role = Literal["system", "developer", "user", "assistant"]
MediaKind = Literal["image", "audio", "video", "file"]


class Citation(msgspec.Struct, omit_defaults=True):
    """Where a text takes something from. Offsets count characters of the citing text; `quote` is the cited text."""

    url: str = ""
    title: str = ""
    quote: str = ""
    start: int | None = None
    end: int | None = None
    dialect: str = ""
    native: msgspec.Raw | None = None  # the citation as its own dialect wrote it


class TokenLogprob(msgspec.Struct, omit_defaults=True):
    """One sampled token with its log probability and the runners-up."""

    token: str
    logprob: float
    bytes: list[int] | None = None
    top: list[TokenLogprob] = []


class Text(msgspec.Struct, tag="text", omit_defaults=True):
    """Plain text. `cache` is a prompt-cache mark on this part: its time to live as written ("5m", "1h"), "" for default."""

    text: str
    cache: str | None = None
    citations: list[Citation] = []


class Media(msgspec.Struct, tag="media", omit_defaults=True):
    """An image, a sound, a film or a file: exactly one of `data` (base64), `url`, `file_id`, `text` is set."""

    kind: MediaKind
    data: str = ""
    url: str = ""
    file_id: str = ""
    text: str = ""
    mime: str = ""
    name: str = ""
    detail: str = ""
    cache: str | None = None


class Thinking(msgspec.Struct, tag="thinking", omit_defaults=True):
    """A model's reasoning. `signature` proves it to the model that wrote it, whose dialect is `dialect`.

    `redacted` is reasoning that only its writer can read. A signature that belongs to the part after it (a tool call,
    a text) is a `Thinking` without text before that part. `id` is the item's own id where the dialect gives one.
    """

    text: str = ""
    signature: str = ""
    redacted: str = ""
    dialect: str = ""
    id: str = ""
    summary: bool = True  # what the model shows of its reasoning, not the reasoning itself


class ToolCall(msgspec.Struct, tag="tool_call", omit_defaults=True):
    """The model asks for a tool. `arguments` is JSON text for a function, free text for a custom tool."""

    id: str
    name: str
    arguments: str = ""
    custom: bool = False
    cache: str | None = None


class ToolResult(msgspec.Struct, tag="tool_result", omit_defaults=True):
    """What a tool gave back, by the id of its call."""

    call_id: str
    content: list[Text | Media] = []
    name: str = ""
    is_error: bool = False
    custom: bool = False
    cache: str | None = None


class Declined(msgspec.Struct, tag="declined", omit_defaults=True):
    """The model's own words when it declines (OpenAI calls it a refusal, a word that is taken in this house)."""

    text: str


class Native(msgspec.Struct, tag="native", omit_defaults=True):
    """A part that only its own dialect knows (a server tool's call or result, a compaction): raw, for that dialect."""

    dialect: str
    kind: str
    raw: msgspec.Raw


Part = Text | Media | Thinking | ToolCall | ToolResult | Declined | Native


class Turn(msgspec.Struct, omit_defaults=True):
    """Consecutive parts of one role. Tool results stand in user turns, before what the user says."""

    role: Role
    parts: list[Part]
    name: str = ""


class Tool(msgspec.Struct, omit_defaults=True):
    """A function (or custom, free-text) tool that the model may call; `schema` is JSON Schema, as it came.

    A tool that runs at the provider is `native`: its dialect and definition, raw. `grammar` is what a custom tool's text
    must look like, as the OpenAI dialects write it. `namespace` is the group of tools that a dialect names beside the
    tool's own name; `name` begins with it then (`qualified`), so that it is unique where groups are unknown.
    """

    name: str
    description: str = ""
    schema: msgspec.Raw | None = None
    strict: bool | None = None
    custom: bool = False
    cache: str | None = None
    dialect: str = ""
    native: msgspec.Raw | None = None
    grammar: msgspec.Raw | None = None
    namespace: str = ""


def qualified(namespace: str, name: str) -> str:
    """The name of a tool of a namespace, in letters that every provider takes."""
    return f"{namespace}__{name}" if namespace else name
