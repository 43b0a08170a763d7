"""Gemini's generateContent and streamGenerateContent: requests, answers, streams and errors."""

from __future__ import annotations

from lockgate.dialects.codec import Codec
from lockgate.dialects.gemini.generate.answer import write_reply
from lockgate.dialects.gemini.generate.count import COUNTING
from lockgate.dialects.gemini.generate.error import native_error, read_error, stream_error, write_error
from lockgate.dialects.gemini.generate.query import array_asked
from lockgate.dialects.gemini.generate.read_reply import observe, read_reply
from lockgate.dialects.gemini.generate.read_request import read_request
from lockgate.dialects.gemini.generate.reader import Reader
from lockgate.dialects.gemini.generate.shapes import NAME
from lockgate.dialects.gemini.generate.signing import carries
from lockgate.dialects.gemini.generate.tap import Tap
from lockgate.dialects.gemini.generate.write_request import write_request
from lockgate.dialects.gemini.generate.writer import Writer

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
    passes=(b"x-goog-user-project", b"x-goog-api-client"),
    carries=carries,
    name_model=None,
    array_asked=array_asked,
    counting=COUNTING,
)
