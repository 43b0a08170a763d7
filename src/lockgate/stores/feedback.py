"""Feedback on its way into the log: a spool of its own, since a worker may not write where the log is kept.

A frame holds what somebody said at once, as JSON. What was said last of an id holds, whatever the order in which the frames of
several workers are read: `Feedback.time_us` tells, and the store is asked what it knows. So nothing is lost or turned back by
a crash of either side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from lockgate.core.json import encode
from lockgate.stores.emptying import Emptying, cursors
from lockgate.stores.logs.ports import Feedback, LogStore
from lockgate.stores.spool import Segment, segments

#: The spool's folder in the data directory.
FOLDER = "feedback"
#: Frames that are moved at a time.
BATCH = 200

_said = msgspec.json.Decoder(list[Feedback])


def pack(feedback: Sequence[Feedback]) -> bytes:
    """What is said at once, as a frame holds it."""
    return encode(list(feedback))


def waiting(directory: Path) -> Iterator[Feedback]:
    """What is not in the store yet, in no order."""
    kept = cursors(directory)
    for path in segments(directory):
        try:
            segment = Segment(path, kept.get(path.name, 0))
        except FileNotFoundError:
            continue  # it is in the store by now
        try:
            while payloads := segment.read(BATCH):
                for payload in payloads:
                    yield from _unpack(payload) or ()
        finally:
            segment.close()


def newest(feedback: Iterable[Feedback]) -> list[Feedback]:
    """Of each id what was said last, in the order in which it was."""
    last: dict[str, Feedback] = {}
    for each in feedback:
        known = last.get(each.id)
        if known is None or each.time_us >= known.time_us:
            last[each.id] = each
    return sorted(last.values(), key=lambda each: (each.time_us, each.id))


class FeedbackIngest:
    """Moves feedback from its spool to the store, a batch at each `step`. `report` is told in words of what is lost."""

    def __init__(self, directory: Path, store: LogStore, *, report: Callable[[str], None]) -> None:
        self._store = store
        self._report = report
        self._segments = Emptying(directory, report=report, told="feedback")

    def __repr__(self) -> str:
        return f"FeedbackIngest({len(self._segments)} segments)"

    def step(self) -> int:
        """Move one batch; how many frames it held. Raises `StoreError`: it stays in the spool for the next step."""
        self._segments.find()
        batch, frames, finished = list[Feedback](), 0, list[Segment]()
        for segment in self._segments:
            if frames >= BATCH:
                break
            ended = segment.ended()
            payloads = segment.read(BATCH - frames, final=ended)
            frames += len(payloads)
            batch += self._understood(segment, payloads)
            if ended and not payloads:
                finished.append(segment)
        if batch:
            try:
                self._rate(newest(batch))
            except BaseException:
                self._segments.rewind()
                raise
        self._segments.save()
        for segment in finished:
            self._segments.finish(segment)
        return frames

    def close(self) -> None:
        """Let go of the segments."""
        self._segments.close()

    def _rate(self, batch: Sequence[Feedback]) -> None:
        known = {each.id: each.time_us for each in self._store.feedback(list({each.trace_id for each in batch}))}
        later = [each for each in batch if each.time_us >= known.get(each.id, 0)]
        if later:
            self._store.rate(later)

    def _understood(self, segment: Segment, payloads: Iterable[bytes]) -> list[Feedback]:
        damaged, segment.damaged = segment.damaged, 0
        batch = list[Feedback]()
        for payload in payloads:
            said = _unpack(payload)
            if said is None:
                damaged += 1
            else:
                batch += said
        if damaged:
            self._report(f"feedback: {damaged} damaged stretches in {segment.name} are left out")
        return batch


def _unpack(payload: bytes) -> list[Feedback] | None:
    try:
        return _said.decode(payload)
    except msgspec.DecodeError:
        return None
