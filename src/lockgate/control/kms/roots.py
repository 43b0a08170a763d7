"""Where the gateway's own root keys are: `LOCKGATE_ROOT_KEY`, or `root.secret` in the data directory, made on first use.

The text is read by `local.read_roots`: the newest key first, and behind it those that something is still wrapped by.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lockgate.control.kms.local import read_roots

VARIABLE = "LOCKGATE_ROOT_KEY"
FILE = "root.secret"
_BYTES = 32


def root_secrets(data: Path, environment: Mapping[str, str]) -> list[bytes]:
    """The root keys, the newest first. Raises `WeakSecret`, `OSError`."""
    if said := environment.get(VARIABLE):
        return read_roots(said, VARIABLE)
    path = data / FILE
    if not path.exists():
        _make(path)
    roots = read_roots(path.read_text("ascii"), str(path))
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return roots


def keep_roots(data: Path, roots: list[bytes]) -> None:
    """Write the file anew with these keys, the newest first. Raises `OSError`."""
    part = _written(data / FILE, roots)
    part.replace(data / FILE)


def new_root() -> bytes:
    """A root key."""
    return bytes.fromhex(secrets.token_hex(_BYTES))


def _make(path: Path) -> None:
    """Written whole beside its place, then linked into it: whoever is killed on the way leaves none, and of two who make one at
    the same time the first has made it."""
    part = _written(path, [new_root()])
    with contextlib.suppress(FileExistsError):
        os.link(part, path)
    part.unlink()


def _written(path: Path, roots: list[bytes]) -> Path:
    """Root keys in a file beside its place."""
    fd, part = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # mode 0600
    with os.fdopen(fd, "w") as file:
        file.write("".join(root.hex() + "\n" for root in roots))
        file.flush()
        os.fsync(file.fileno())
    return Path(part)
