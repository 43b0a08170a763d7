"""An error inside a chat stream: an event whose data has an `error` member; the official SDKs raise on it."""

from __future__ import annotations

from lockgate.core.failure import Failure, Refusal
from lockgate.dialects.openai.error import write_error
from lockgate.wire import sse


def stream_error(error: Failure | Refusal) -> bytes:
    """The error as an event."""
    return sse.write(write_error(error))
