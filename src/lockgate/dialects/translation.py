"""One stream on its way to the caller: passed unchanged (`Passage`), from one dialect into another (`Translation`), and
either of them as one JSON array (`AsArray`).

All are driven alike: bytes in, bytes out, and the outcome so far.
"""

from __future__ import annotations

from typing import Protocol

from lockgate.core.events import Broken, Event
from lockgate.core.failure import Failure, Refusal
from lockgate.core.outcome import Outcome
from lockgate.dialects.codec import Codec, Relay, Voice
from lockgate.wire.array import ArrayWriter


class Stream(Protocol):
    """What the pipeline drives, whichever gear made it."""

    outcome: Outcome

    def feed(self, chunk: bytes) -> bytes:
        """The caller's bytes for these bytes of the provider."""
        ...

    def end(self) -> bytes:
        """The closing bytes once the provider's body has ended properly; an incomplete answer gets no ending."""
        ...

    def close(self) -> bytes:
        """The closing bytes of a complete answer whose body did not end properly: what is left of that is not looked at."""
        ...

    def broken(self, error: Failure | Refusal) -> bytes:
        """The caller's error event."""
        ...


class Passage:
    """A stream that passes unchanged, watched by a tap; `drop_usage` takes out the usage that only we asked for."""

    __slots__ = ("_codec", "end", "feed", "outcome")

    def __init__(self, codec: Relay, drop_usage: bool) -> None:
        assert codec.tap is not None  # who asks for a stream has a dialect with streams
        tap = codec.tap(drop_usage)
        self._codec = codec
        self.outcome = tap.outcome
        self.feed = tap.feed
        self.end = tap.end

    def close(self) -> bytes:
        """What has passed is all there is to pass."""
        return b""

    def broken(self, error: Failure | Refusal) -> bytes:
        """The dialect's error event."""
        return self._codec.stream_error(error)


class Translation:
    """A stream read in the provider's dialect and written in the caller's, one synchronous call per network chunk."""

    __slots__ = ("_reader", "_writer", "outcome")

    def __init__(self, provider: Codec, caller: Codec, voice: Voice) -> None:
        self._reader = provider.reader()
        self._writer = caller.writer(voice)
        self.outcome = Outcome()

    def feed(self, chunk: bytes) -> bytes:
        """Translate what is complete now."""
        return self._pass(self._reader.feed(chunk))

    def end(self) -> bytes:
        """Translate the rest, and close the answer if it is complete."""
        data = self._pass(self._reader.end())
        return data + self._writer.end() if self.outcome.complete else data

    def close(self) -> bytes:
        """Close the answer without what the provider may still have said."""
        return self._writer.end()

    def broken(self, error: Failure | Refusal) -> bytes:
        """The caller's error event."""
        return self._writer.broken(error)

    def _pass(self, events: list[Event]) -> bytes:
        outcome = self.outcome
        outcome.complete = self._reader.complete  # a closing mark is no event
        if not events:
            return b""
        outcome.note(events)
        if outcome.failure is not None:  # what came before the provider's error still goes out
            events = events[: next(n for n, event in enumerate(events) if type(event) is Broken)]
        return self._writer.feed(events) if events else b""


class AsArray:
    """A stream whose caller wants one JSON array. An error is its last element, and the array is closed behind it: what
    cannot be parsed would hide the error. `passes`: a provider's own error event is among what the stream gives."""

    __slots__ = ("_array", "_passes", "_stream", "outcome")

    def __init__(self, stream: Stream, passes: bool) -> None:
        self._stream = stream
        self._passes = passes
        self._array = ArrayWriter()
        self.outcome = stream.outcome

    def feed(self, chunk: bytes) -> bytes:
        """The elements that are complete now."""
        data = self._array.feed(self._stream.feed(chunk))
        return data + self._array.close() if self._passes and self.outcome.failure is not None else data

    def end(self) -> bytes:
        """The last elements; the array closes when the answer is complete."""
        data = self._array.feed(self._stream.end())
        return data + self._array.close() if self.outcome.complete else data

    def close(self) -> bytes:
        """Close the answer, and the array."""
        return self._array.feed(self._stream.close()) + self._array.close()

    def broken(self, error: Failure | Refusal) -> bytes:
        """The error as the last element."""
        return self._array.feed(self._stream.broken(error)) + self._array.close()
