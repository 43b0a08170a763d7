"""Cohere's Chat API, version 2: requests, answers, streams and errors."""

from __future__ import annotations

from lockgate.dialects.codec import Codec
from lockgate.dialects.cohere.chat.answer import write_reply
from lockgate.dialects.cohere.chat.error import native_error, read_error, stream_error, write_error
from lockgate.dialects.cohere.chat.read_reply import observe, read_reply
from lockgate.dialects.cohere.chat.read_request import read_request
from lockgate.dialects.cohere.chat.reader import Reader
from lockgate.dialects.cohere.chat.shapes import NAME
from lockgate.dialects.cohere.chat.tap import Tap
from lockgate.dialects.cohere.chat.write_request import write_request
from lockgate.dialects.cohere.chat.writer import Writer

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
    passes=(b"x-client-name",),
)
