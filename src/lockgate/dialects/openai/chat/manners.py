"""Which writers an answer gets: the caller says how far it may go beyond OpenAI's own shape (`dialects.codec.Manner`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockgate.core.json import encode
from lockgate.core.reply import Reply
from lockgate.dialects.codec import Manner, Voice
from lockgate.dialects.openai.chat.extended import ExtendedWriter, extend
from lockgate.dialects.openai.chat.reply import reply_object
from lockgate.dialects.openai.chat.strict import StrictWriter, strip
from lockgate.dialects.openai.chat.writer import Writer

_WRITERS: dict[Manner, type[Writer]] = {"": Writer, "strict": StrictWriter, "extended": ExtendedWriter}
_CHANGES: dict[Manner, Callable[[dict[str, Any], Reply], None]] = {"strict": strip, "extended": extend}


def write_reply(reply: Reply, voice: Voice) -> bytes:
    """A whole answer."""
    body = reply_object(reply, voice)
    if (change := _CHANGES.get(voice.manner)) is not None:
        change(body, reply)
    return encode(body)


def writer(voice: Voice) -> Writer:
    """The machine for a stream."""
    return _WRITERS[voice.manner](voice)
