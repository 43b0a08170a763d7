"""The OpenAI Responses API: requests, answers, streams and errors."""

from __future__ import annotations

from lockgate.dialects.codec import Codec
from lockgate.dialects.openai.error import native_error, read_error, write_error
from lockgate.dialects.openai.responses.read_reply import observe, read_reply
from lockgate.dialects.openai.responses.read_request import read_request
from lockgate.dialects.openai.responses.reader import Reader
from lockgate.dialects.openai.responses.shapes import NAME
from lockgate.dialects.openai.responses.tap import Tap
from lockgate.dialects.openai.responses.write_reply import write_reply
from lockgate.dialects.openai.responses.write_request import write_request
from lockgate.dialects.openai.responses.writer import Writer, stream_error

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
    passes=(b"openai-organization", b"openai-project", b"openai-beta", b"x-client-request-id"),
    conversation="prompt_cache_key",
)
