"""The messages of a chat completions request, as the simulator reads them.

Source: the chat completions reference, the member `messages`.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from lockgate.transport.sim.tokens import count


class TextPart(msgspec.Struct, tag_field="type", tag="text"):
    text: str


class DeclinedPart(msgspec.Struct, tag_field="type", tag="refusal"):
    refusal: str


class ImagePart(msgspec.Struct, tag_field="type", tag="image_url"):
    image_url: dict[str, Any]


class AudioPart(msgspec.Struct, tag_field="type", tag="input_audio"):
    input_audio: dict[str, Any]


class FilePart(msgspec.Struct, tag_field="type", tag="file"):
    file: dict[str, Any]


Content = str | list[TextPart | DeclinedPart | ImagePart | AudioPart | FilePart] | None

#: Tokens that a part other than text stands for, and what people call it.
MEDIA: dict[type, tuple[int, str]] = {ImagePart: (85, "image"), AudioPart: (100, "sound"), FilePart: (250, "file")}


class CalledFunction(msgspec.Struct):
    name: str
    arguments: str


class FunctionCall(msgspec.Struct, tag_field="type", tag="function"):
    id: str
    function: CalledFunction

    @property
    def name(self) -> str:
        return self.function.name

    @property
    def text(self) -> str:
        return self.function.arguments


class CalledCustom(msgspec.Struct):
    name: str
    input: str


class CustomCall(msgspec.Struct, tag_field="type", tag="custom"):
    id: str
    custom: CalledCustom

    @property
    def name(self) -> str:
        return self.custom.name

    @property
    def text(self) -> str:
        return self.custom.input


class Message(msgspec.Struct):
    """One message. Which members must be there depends on the role; `_check_messages` says so."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Content = None
    tool_calls: list[FunctionCall | CustomCall] | None = None
    tool_call_id: str | None = None

    def texts(self) -> list[str]:
        """The texts of the message, part by part."""
        if isinstance(self.content, str):
            return [self.content]
        return [part.text for part in self.content or () if isinstance(part, TextPart)]

    def text(self) -> str:
        """All text of the message."""
        return "\n".join(self.texts())

    def media(self) -> list[type]:
        """The kinds of the parts that are not text, in order."""
        parts = self.content if isinstance(self.content, list) else ()
        return [type(part) for part in parts if type(part) in MEDIA]

    def tokens(self) -> int:
        """What the message costs: its text, its calls, its media, and four for being a message."""
        called = "".join(call.name + call.text for call in self.tool_calls or ())
        return 4 + count(self.text()) + count(called) + sum(MEDIA[kind][0] for kind in self.media())
