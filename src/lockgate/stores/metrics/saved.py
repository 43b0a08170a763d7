"""The file in which the scribe keeps its numbers: for itself, to go on from, and for the workers, to show."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

#: The file's name in the data directory.
NAME = "metrics"
#: Of the families' labels and buckets: numbers of another version are not gone on from.
VERSION = 1


class Shown(msgspec.Struct):
    """What workers need of it: the lines of each family, and the names that are labels."""

    samples: dict[str, str]
    models: dict[str, int]
    providers: dict[str, int]


class Saved(Shown):
    """All of it. `counted`: how far each segment is; `lives`: what each worker (pid:start) had dropped, stripped and used."""

    version: int
    counted: dict[str, int]
    codes: dict[str, int]
    lives: dict[str, tuple[int, int, int]]
    numbers: dict[str, list[tuple[tuple[str, ...], list[int]]]]


_encode = msgspec.msgpack.Encoder().encode
_all = msgspec.msgpack.Decoder(Saved)
_shown = msgspec.msgpack.Decoder(Shown)


def read_saved(path: Path) -> Saved | None:
    """What was saved; None: nothing that can be gone on from."""
    try:
        saved = _all.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    return saved if saved.version == VERSION else None


def read_shown(path: Path) -> tuple[Shown, float] | None:
    """What is to be shown, and when it was brought up to date (s since the epoch); None: there is nothing."""
    try:
        with path.open("rb") as file:
            return _shown.decode(file.read()), os.fstat(file.fileno()).st_mtime
    except (OSError, msgspec.DecodeError):
        return None


def write_saved(path: Path, saved: Saved | None) -> None:
    """Replace the file as a whole; None: only say that it is up to date. Raises `OSError`."""
    if saved is None:
        os.utime(path)
        return
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(_encode(saved))
    part.replace(path)
