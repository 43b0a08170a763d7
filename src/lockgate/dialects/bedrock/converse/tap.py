"""Watches a ConverseStream that passes unchanged: every frame is checked, and of the frequent ones only the name is read."""

from __future__ import annotations

from lockgate.core.json import UNREADABLE
from lockgate.core.outcome import Outcome
from lockgate.dialects.bedrock.converse.error import stated
from lockgate.dialects.bedrock.converse.reader import EventShape
from lockgate.dialects.bedrock.converse.shapes import finish_of, usage_of
from lockgate.dialects.error import unreadable
from lockgate.dialects.lenient import shaped
from lockgate.wire.eventstream import BadFrame, Blocks, Frame, frames


class Tap:
    """See `dialects.codec.Tap`; usage is always told in this dialect, so none is ever taken out."""

    __slots__ = ("_blocks", "outcome")

    def __init__(self, drop_usage: bool) -> None:
        self.outcome = Outcome()
        self._blocks = Blocks()

    def __repr__(self) -> str:
        return f"Tap({self.outcome!r})"

    def feed(self, chunk: bytes) -> bytes:
        """The complete frames, as they came."""
        try:
            block = self._blocks.feed(chunk)
            for frame in frames(block):
                self._look(frame)
        except BadFrame as error:
            self.outcome.failure = unreadable(str(error))
            return b""
        return block

    def end(self) -> bytes:
        """Nothing: a frame is whole or it is none."""
        return b""

    def _look(self, frame: Frame) -> None:
        outcome = self.outcome
        failure = stated(frame)
        if failure is not None:
            if not outcome.complete:
                outcome.failure = failure
            return
        kind = frame.headers.get(":event-type", "")
        if kind.startswith("contentBlock"):
            outcome.begun = True
        elif kind in ("messageStop", "metadata"):
            try:
                event = shaped(frame.payload, EventShape)
            except UNREADABLE:
                return  # not ours to judge: the bytes pass
            if kind == "metadata":
                outcome.usage = usage_of(event.usage, event.service_tier) or outcome.usage
            else:
                outcome.finish = finish_of(event.stop_reason or "", event.additional_model_response_fields)
                outcome.begun = outcome.complete = True
