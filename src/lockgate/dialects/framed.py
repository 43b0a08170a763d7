"""Streams of another dialect inside AWS event-stream frames: the frames come off before the dialect's own machine is fed.

Bedrock's invoke-with-response-stream wraps each event of the model's own API (`chunk`: base64 in JSON), SageMaker the bytes of
the endpoint's answer as they come (`PayloadPart`). Both tell what went wrong in exceptions.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_InvokeModelWithResponseStream.html,
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable

import msgspec

from lockgate.core.failure import Failure, Refusal
from lockgate.core.json import UNREADABLE
from lockgate.dialects.bedrock.converse.error import stated
from lockgate.dialects.error import unreadable
from lockgate.dialects.translation import Stream
from lockgate.wire import sse
from lockgate.wire.eventstream import BadFrame, Frame, Reader


class _Chunk(msgspec.Struct):
    bytes: str


class _Event(msgspec.Struct):
    type: str = ""


def _chunk(payload: bytes) -> bytes:
    """The server-sent event that the model's own API would have sent: named by its type, where it has one."""
    data = base64.b64decode(msgspec.json.decode(payload, type=_Chunk).bytes, validate=True)
    return sse.write(data, msgspec.json.decode(data, type=_Event).type)


def _payload(payload: bytes) -> bytes:
    return payload


#: `:event-type` → the bytes that a frame wraps.
_UNWRAP: dict[str, Callable[[bytes], bytes]] = {"chunk": _chunk, "PayloadPart": _payload}
_UNREADABLE = (*UNREADABLE, binascii.Error)


class Unframed:
    """A stream whose bytes come in frames. See `dialects.translation.Stream`. `passes`: its events go to the caller as they
    are, so that an error of the frames, which is none of them, must be said in an event of its own."""

    __slots__ = ("_frames", "_passes", "_stream", "outcome")

    def __init__(self, stream: Stream, passes: bool) -> None:
        self._stream = stream
        self._passes = passes
        self._frames = Reader()
        self.outcome = stream.outcome

    def feed(self, chunk: bytes) -> bytes:
        """The caller's bytes for these frames of the provider."""
        if self.outcome.failure is not None:
            return b""
        wrapped: list[bytes] = []
        failure: Failure | None = None
        try:
            for frame in self._frames.feed(chunk):
                if failure is None:
                    failure = stated(frame)
                    wrapped.append(_unwrapped(frame))
        except (BadFrame, *_UNREADABLE) as error:
            failure = failure or unreadable(str(error))
        data = b"".join(wrapped)
        out = self._stream.feed(data) if data else b""
        if failure is not None and self.outcome.failure is None and not self.outcome.complete:
            self.outcome.failure = failure
            if self._passes:
                out += self._stream.broken(failure)
        return out

    def end(self) -> bytes:
        """The closing bytes; a frame that was cut says nothing."""
        return self._stream.end()

    def close(self) -> bytes:
        """The closing bytes of a complete answer whose body did not end properly."""
        return self._stream.close()

    def broken(self, error: Failure | Refusal) -> bytes:
        """The caller's error event."""
        return self._stream.broken(error)


def _unwrapped(frame: Frame) -> bytes:
    unwrap = _UNWRAP.get(frame.headers.get(":event-type", ""))
    return b"" if unwrap is None else unwrap(frame.payload)
