"""What is known of a sink: how far it has come, and what became of the records; a small file, replaced as a whole.

The feed goes on from it after a restart; `/metrics`, the admin API and `lockgate status` show it.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

#: The directory's name in the data directory.
FOLDER = "sinks"
SUFFIX = ".json"


class State(msgspec.Struct):
    """One sink's.

    `places`: how far each segment of the spool is done with, `ends`: how far the batch goes that is under way ({}: none is),
    whose `number` this is. Counts are of records since ever: `sent` were taken, `refused` the sink would not have, `dropped`
    there was no room for while it was down, `damaged` could not be read; `retries` are of batches. Times are µs since the
    epoch: of the last batch that was taken, and since when there is `trouble` ("": there is none). `mark`: see `Sink.mark`;
    `off`: it is configured no more.
    """

    kind: str = ""
    places: dict[str, int] = {}
    ends: dict[str, int] = {}
    number: int = 0
    sent: int = 0
    refused: int = 0
    dropped: int = 0
    damaged: int = 0
    retries: int = 0
    backlog_bytes: int = 0
    sent_us: int = 0
    trouble: str = ""
    trouble_us: int = 0
    mark: str = ""
    off: bool = False


_decode = msgspec.json.Decoder(State).decode
_encode = msgspec.json.Encoder().encode


def read_state(path: Path) -> State:
    """What is written there; a new one where nothing is, or nothing that can be read."""
    try:
        return _decode(path.read_bytes())
    except (OSError, msgspec.DecodeError):
        return State()


def write_state(path: Path, state: State) -> None:
    """Replace it as a whole. Raises `OSError`."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    part = path.with_suffix(".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(_encode(state))
    part.replace(path)


def read_states(data: Path) -> dict[str, State]:
    """Those of a data directory that are configured, by their sinks' names."""
    try:
        paths = sorted(path for path in (data / FOLDER).iterdir() if path.suffix == SUFFIX)
    except OSError:
        return {}
    states = {path.name.removesuffix(SUFFIX): read_state(path) for path in paths}
    return {name: state for name, state in states.items() if not state.off}
