"""Answers with no member that OpenAI's schema lacks, for callers who asked for that (`strict_open_ai_compliance` true).

Reasoning and pictures are what other hosts added to the API: they are left out, and so is what a page says that is cited.
Source: the types of the official SDK (openai 3.54).
"""

from __future__ import annotations

from typing import Any

import msgspec

from lockgate.core.content import Media, Thinking
from lockgate.core.events import Cited, PartStarted
from lockgate.core.reply import Reply
from lockgate.dialects.openai.chat.writer import Opened, Writer

_ADDED = ("reasoning_content", "reasoning_details", "images")


def strip(body: dict[str, Any], reply: Reply) -> None:
    """Take out of a whole answer what is not OpenAI's."""
    for choice in body["choices"]:
        message = choice["message"]
        for name in _ADDED:
            message.pop(name, None)
        for annotation in message.get("annotations", ()):
            annotation["url_citation"].pop("content", None)


class StrictWriter(Writer):
    """See `dialects.codec.Writer`."""

    __slots__ = ()

    def _start_part(self, event: PartStarted, out: list[bytes]) -> None:
        if isinstance(event.part, (Thinking, Media)):
            self._message(event.choice, out).apart = True  # texts around it are parted all the same
        else:
            super()._start_part(event, out)

    def _cite(self, opened: Opened, choice: int, out: list[bytes]) -> None:
        opened.citations = [
            Cited(event.index, msgspec.structs.replace(event.citation, quote=""), choice) for event in opened.citations
        ]
        super()._cite(opened, choice, out)
