"""Emptying a spool: its segments, how far each is kept elsewhere, and which may go.

How far is written down in one file, which is replaced as a whole, after what was read is kept: a crash between the two reads
some of it again, and whoever keeps it must know it. A segment is deleted once its writer is gone and all of it is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from lockgate.core.json import encode
from lockgate.stores.spool import Segment, segments

_CURSORS = "cursors.json"
_cursors = msgspec.json.Decoder(dict[str, int])


def cursors(spool: Path) -> dict[str, int]:
    """How far each segment is kept, in bytes; {} when nobody has said so."""
    try:
        return _cursors.decode((spool / _CURSORS).read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}  # everything is read again


def find(spool: Path, known: dict[str, Segment], read_to: Mapping[str, int]) -> None:
    """Open the segments of a spool that are new, where they have been read to; forget those that somebody took away."""
    found = {path.name: path for path in segments(spool)}
    for name in known.keys() - found.keys():
        known.pop(name).close()
    for name, path in found.items():
        if name not in known:
            try:
                known[name] = Segment(path, read_to.get(name, 0))
            except FileNotFoundError:
                continue


class Emptying:
    """The segments of a spool as the one sees them who empties it. `report` is told in words of what goes wrong with files,
    after what it is `told` as."""

    def __init__(self, spool: Path, *, report: Callable[[str], None], told: str) -> None:
        self._spool = spool
        self._report = report
        self._told = told
        self._segments: dict[str, Segment] = {}
        self._kept_to = cursors(spool)

    def __repr__(self) -> str:
        return f"Emptying({self._spool}, {len(self._segments)} segments)"

    def __len__(self) -> int:
        return len(self._segments)

    def __iter__(self) -> Iterator[Segment]:
        """The segments, in the order in which they are read."""
        return iter(self._segments.values())

    def find(self) -> None:
        """Open the segments that are new, forget those that somebody took away."""
        find(self._spool, self._segments, self._kept_to)

    def rewind(self) -> None:
        """Nothing of what was read since `save` is kept: it will be read again."""
        for segment in self:
            segment.at = self._kept_to.get(segment.name, 0)

    def save(self) -> None:
        """All that was read is kept: write down how far that is, if it has changed."""
        now = {segment.name: segment.at for segment in self if segment.at}
        if now == self._kept_to:
            return
        self._kept_to = now
        path = self._spool / _CURSORS
        part = path.with_suffix(".part")
        try:
            part.write_bytes(encode(now))
            part.replace(path)
        except OSError as error:  # a full disk: the cost is reading again after a crash
            self._report(f"{self._told}: cannot write {path}: {error.strerror}")

    def finish(self, segment: Segment) -> None:
        """All of it is kept, and nobody will write more: what may be left is half a frame, whose `append` never returned."""
        del self._segments[segment.name]
        segment.close()
        try:
            (self._spool / segment.name).unlink(missing_ok=True)
        except OSError as error:
            self._report(f"{self._told}: cannot delete {segment.name}: {error.strerror}")

    def close(self) -> None:
        """Let go of the segments."""
        for segment in self:
            segment.close()
        self._segments.clear()
