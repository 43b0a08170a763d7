"""The house's own secrets: the root secret in the data directory, the keys derived from it, and what is too weak to be one."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path

#: Gateway keys look like "lg_ID_SECRET": the id finds the row, the secret has 256 bits.
KEY_PREFIX = "lg"
_ROOT_BYTES = 32
_KNOWN = frozenset(
    {"changeme", "change-me", "password", "secret", "sk-1234", "test-token", "admin", "example", "your-key-here", "default"}
)


class WeakSecret(Exception):
    """A secret that anyone could guess: the gateway does not start with one."""


def check_strength(secret: str, what: str) -> None:
    """Raises `WeakSecret` for a secret that is short, monotonous or known from examples."""
    if len(secret) < 16 or len(set(secret)) < 6 or secret.lower() in _KNOWN:
        raise WeakSecret(
            f"{what} is too weak: use at least 16 characters that nobody can guess (`openssl rand -hex 24` makes some)."
        )


def root_secret(data: Path) -> bytes:
    """The root secret of a data directory, made on first use with mode 0600. Raises `WeakSecret`, `OSError`."""
    path = data / "root.secret"
    if not path.exists():
        _make(path)
    text = path.read_text("ascii").strip()
    if len(text) < 2 * _ROOT_BYTES or len(set(text)) < 6:
        raise WeakSecret(f"{path} is too weak or was cut short; restore it from a backup.")
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return bytes.fromhex(text)


def _make(path: Path) -> None:
    """Written whole beside its place, then linked into it: whoever is killed on the way leaves none, and of two who make one at
    the same time the first has made it."""
    fd, part = tempfile.mkstemp(prefix=path.name, dir=path.parent)  # mode 0600
    try:
        with os.fdopen(fd, "w") as file:
            file.write(secrets.token_hex(_ROOT_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(part, path)
    finally:
        Path(part).unlink()


def derive(root: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose (HKDF-Expand with SHA-256, RFC 5869 section 2.3, one block)."""
    return hmac.digest(root, f"lockgate/{purpose}".encode() + b"\x01", hashlib.sha256)


def new_key() -> tuple[str, str]:
    """(id, key) of a new gateway key."""
    id = secrets.token_hex(6)
    return id, f"{KEY_PREFIX}_{id}_{secrets.token_urlsafe(32)}"
