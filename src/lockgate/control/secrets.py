"""Secrets: keys derived from others, keys that are made, and what is too weak to be one."""

from __future__ import annotations

import hashlib
import hmac
import secrets

#: Gateway keys look like "lg_ID_SECRET": the id finds the row, the secret has 256 bits.
KEY_PREFIX = "lg"
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


def derive(root: bytes, purpose: str) -> bytes:
    """A key of its own for each purpose (HKDF-Expand with SHA-256, RFC 5869 section 2.3, one block)."""
    return hmac.digest(root, f"lockgate/{purpose}".encode() + b"\x01", hashlib.sha256)


def new_key(id: str = "") -> tuple[str, str]:
    """(id, key) of a new gateway key, or of a new text for the key of that id."""
    id = id or secrets.token_hex(8)
    return id, f"{KEY_PREFIX}_{id}_{secrets.token_urlsafe(32)}"
