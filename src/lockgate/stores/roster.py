"""The roster: what each worker of a machine says of itself once a second, in a file of its own, for whoever wants to know.

A file is replaced as a whole. It says when it was written, by the clock that all processes of a machine share: who has said
nothing for `GONE_S` is gone, or does not go on, and is left out.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import msgspec

from lockgate.core.json import encode

#: The directory's name in the data directory.
NAME = "workers"
GONE_S = 5.0
#: Files that nobody has written in for so long, in seconds, are deleted by the next worker that starts.
_OLD_S = 3600.0
SUFFIX = ".life"


class Pulse(msgspec.Struct, omit_defaults=True):
    """One target, as a worker knows it. `place` is the workspace whose own its provider is ("": everybody's)."""

    place: str
    provider: str
    model: str
    in_flight: int = 0
    latency_s: float = 0.0
    quota: float | None = None


class Parked(msgspec.Struct):
    """A key that a worker leaves alone, for one model or ("") for all."""

    place: str
    provider: str
    model: str
    why: str
    left_s: float


class Life(msgspec.Struct):
    """One worker. `at`: when it said so, monotonic seconds. `served`, `failed`: requests since its start. `trouble`: why
    circuits are not shared with other machines, when they should be."""

    pid: int
    at: float
    started_us: int
    in_flight: int = 0
    served: int = 0
    failed: int = 0
    dropped: int = 0
    stripped: int = 0
    cpu_us: int = 0
    memory_bytes: int = 0
    revision: str = ""
    stale: bool = False
    draining: bool = False
    messenger: bool = False
    trouble: str = ""
    pulses: list[Pulse] = []
    parked: list[Parked] = []


_decode = msgspec.json.Decoder(Life).decode


class Roster:
    """One worker's place in it. Raises `OSError`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        self._path = directory / f"{os.getpid()}{SUFFIX}"
        for path in directory.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _OLD_S:
                    path.unlink()

    def write(self, life: Life) -> None:
        """Say it. Raises `OSError`."""
        part = self._path.with_suffix(".part")
        part.write_bytes(encode(life))
        part.replace(self._path)

    def leave(self) -> None:
        """Be gone."""
        with contextlib.suppress(OSError):
            self._path.unlink()


def lives(directory: Path, now: float) -> list[Life]:
    """The workers that live, oldest first. `now` is monotonic."""
    found: list[Life] = []
    try:
        paths = [path for path in directory.iterdir() if path.suffix == SUFFIX]
    except FileNotFoundError:
        return found
    for path in paths:
        try:
            life = _decode(path.read_bytes())
        except (OSError, msgspec.DecodeError):
            continue  # gone in this moment, or of another version
        if -1.0 <= now - life.at <= GONE_S:
            found.append(life)
    return sorted(found, key=lambda life: (life.started_us, life.pid))
