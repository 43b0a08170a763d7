"""An API that nobody here reads: its bytes pass, and its errors are read like anyone's."""

from __future__ import annotations

from lockgate.core.outcome import Outcome
from lockgate.dialects.codec import Relay
from lockgate.dialects.openai.chat.error import stream_error
from lockgate.dialects.openai.error import native_error, read_error, write_error


def observe(body: bytes) -> Outcome:
    """Nothing but that it has come."""
    return Outcome(begun=True, complete=True)


RAW = Relay(
    name="",
    observe=observe,
    tap=None,
    read_error=read_error,
    write_error=write_error,
    stream_error=stream_error,
    native_error=native_error,
    name_model=None,
)
