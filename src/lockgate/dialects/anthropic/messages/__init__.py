"""Anthropic's Messages API: https://platform.claude.com/docs/en/api/messages."""

from __future__ import annotations

from lockgate.dialects.anthropic.messages.count import COUNTING
from lockgate.dialects.anthropic.messages.error import native_error, read_error, stream_error, write_error
from lockgate.dialects.anthropic.messages.prompt_cache import mark_prefix
from lockgate.dialects.anthropic.messages.read_request import read_request
from lockgate.dialects.anthropic.messages.reader import Reader
from lockgate.dialects.anthropic.messages.reply import observe, read_reply, write_reply
from lockgate.dialects.anthropic.messages.shapes import NAME
from lockgate.dialects.anthropic.messages.tap import Tap
from lockgate.dialects.anthropic.messages.write_request import write_request
from lockgate.dialects.anthropic.messages.writer import Writer
from lockgate.dialects.codec import Codec

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
    passes=(b"anthropic-beta", b"anthropic-version"),
    counting=COUNTING,
    mark_prefix=mark_prefix,
)
