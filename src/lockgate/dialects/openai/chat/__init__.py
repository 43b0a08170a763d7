"""The Chat Completions API, which OpenAI defined and most hosts speak: https://platform.openai.com/docs/api-reference/chat."""

from __future__ import annotations

from lockgate.dialects.codec import Codec
from lockgate.dialects.openai.chat.error import stream_error
from lockgate.dialects.openai.chat.manners import write_reply, writer
from lockgate.dialects.openai.chat.read_request import read_request
from lockgate.dialects.openai.chat.reader import Reader
from lockgate.dialects.openai.chat.reply import observe, read_reply
from lockgate.dialects.openai.chat.shapes import NAME
from lockgate.dialects.openai.chat.tap import Tap
from lockgate.dialects.openai.chat.write_request import ask_usage, write_request
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
    writer=writer,
    tap=Tap,
    read_error=read_error,
    write_error=write_error,
    stream_error=stream_error,
    native_error=native_error,
    ask_usage=ask_usage,
    passes=(b"openai-organization", b"openai-project", b"openai-beta"),
    conversation="prompt_cache_key",
)
