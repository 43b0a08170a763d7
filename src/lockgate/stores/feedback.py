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
from lockgate.stores.logs.ports import Feedback, LogStore
from lockgate.stores.spool import Segment, segments

#: The spool's folder in the data directory.
FOLDER = "feedback"
#: Frames that are moved at a time.
BATCH = 200
_PLACES = "cursors.json"

_said = msgspec.json.Decoder(list[Feedback])
_places = msgspec.json.Decoder(dict[str, int])


def pack(feedback: Sequence[Feedback]) -> bytes:
    """What is said at once, as a frame holds it."""
    return encode(list(feedback))


def waiting(directory: Path) -> Iterator[Feedback]:
    """What is not in the store yet, in no order."""
    kept = _read_places(directory)
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
        self._directory = directory
        self._store = store
        self._report = report
        self._segments: dict[str, Segment] = {}
        self._kept_to = _read_places(directory)

    def __repr__(self) -> str:
        return f"FeedbackIngest({len(self._segments)} segments)"

    def step(self) -> int:
        """Move one batch; how many frames it held. Raises `StoreError`: it stays in the spool for the next step."""
        self._find()
        batch, frames, finished = list[Feedback](), 0, list[Segment]()
        for segment in self._segments.values():
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
                for segment in self._segments.values():
                    segment.at = self._kept_to.get(segment.name, 0)
                raise
        self._save()
        for segment in finished:
            self._finish(segment)
        return frames

    def close(self) -> None:
        """Let go of the segments."""
        for segment in self._segments.values():
            segment.close()
        self._segments.clear()

    def _rate(self, batch: Sequence[Feedback]) -> None:
        known = {each.id: each.time_us for each in self._store.feedback(list({each.trace_id for each in batch}))}
        later = [each for each in batch if each.time_us >= known.get(each.id, 0)]
        if later:
            self._store.rate(later)

    def _find(self) -> None:
        found = {path.name: path for path in segments(self._directory)}
        for name in self._segments.keys() - found.keys():
            self._segments.pop(name).close()
        for name, path in found.items():
            if name not in self._segments:
                try:
                    self._segments[name] = Segment(path, self._kept_to.get(name, 0))
                except FileNotFoundError:
                    continue

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

    def _save(self) -> None:
        """Say how far everything is kept, if that has changed."""
        now = {name: segment.at for name, segment in self._segments.items() if segment.at}
        if now == self._kept_to:
            return
        self._kept_to = now
        path = self._directory / _PLACES
        part = path.with_suffix(".part")
        try:
            part.write_bytes(encode(now))
            part.replace(path)
        except OSError as error:  # a full disk: the cost is reading again after a crash
            self._report(f"feedback: cannot write {path}: {error.strerror}")

    def _finish(self, segment: Segment) -> None:
        """All of it is kept, and nobody will write more."""
        del self._segments[segment.name]
        segment.close()
        try:
            (self._directory / segment.name).unlink(missing_ok=True)
        except OSError as error:
            self._report(f"feedback: cannot delete {segment.name}: {error.strerror}")


def _unpack(payload: bytes) -> list[Feedback] | None:
    try:
        return _said.decode(payload)
    except msgspec.DecodeError:
        return None


def _read_places(directory: Path) -> dict[str, int]:
    try:
        return _places.decode((directory / _PLACES).read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}  # everything is read again, and known to the store
