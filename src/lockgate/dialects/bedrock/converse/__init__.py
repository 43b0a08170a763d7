"""Bedrock's Converse and ConverseStream: requests, answers, streams and errors."""

from __future__ import annotations

from lockgate.dialects.bedrock.converse.answer import write_reply
from lockgate.dialects.bedrock.converse.error import native_error, read_error, stream_error, write_error
from lockgate.dialects.bedrock.converse.prompt_cache import mark_prefix
from lockgate.dialects.bedrock.converse.read_reply import observe, read_reply
from lockgate.dialects.bedrock.converse.read_request import read_request
from lockgate.dialects.bedrock.converse.reader import Reader
from lockgate.dialects.bedrock.converse.shapes import NAME
from lockgate.dialects.bedrock.converse.signing import carries
from lockgate.dialects.bedrock.converse.tap import Tap
from lockgate.dialects.bedrock.converse.write_request import write_request
from lockgate.dialects.bedrock.converse.writer import Writer
from lockgate.dialects.codec import Codec

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
    carries=carries,
    name_model=None,
    mark_prefix=mark_prefix,
)
