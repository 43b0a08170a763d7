"""The legacy Completions API: https://platform.openai.com/docs/api-reference/completions.

Its callers reach any model: their prompt is what a user says. A host that speaks nothing else is asked in it alone.
"""

from __future__ import annotations

from lockgate.dialects.codec import Codec
from lockgate.dialects.openai.chat.error import stream_error
from lockgate.dialects.openai.chat.tap import Tap
from lockgate.dialects.openai.chat.write_request import ask_usage
from lockgate.dialects.openai.completions.reply import observe, read_reply, write_reply
from lockgate.dialects.openai.completions.request import NAME, read_request, write_request
from lockgate.dialects.openai.completions.stream import Reader, Writer
from lockgate.dialects.openai.error import native_error, read_error, write_error

__all__ = ["CODEC"]

CODEC = Codec(
    name=NAME,
    read_request=read_request,
    write_request=write_request,
    read_reply=read_reply,
    write_reply=write_reply,
    observe=observe,
    reader=Reader,
    writer=Writer,
    tap=Tap,
    read_error=read_error,
    write_error=write_error,
    stream_error=stream_error,
    native_error=native_error,
    ask_usage=ask_usage,
    passes=(b"openai-organization", b"openai-project", b"openai-beta"),
)
