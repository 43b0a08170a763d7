"""Root keys that the gateway holds itself: from the file `root.secret` or the environment.

Both hold 32 random bytes in hexadecimal; several, separated by white space or commas, where one was rotated: the newest first.
"""

from __future__ import annotations

import hashlib
import os
import re

from lockgate.control.kms.port import Tampered
from lockgate.control.secrets import WeakSecret, derive

_NONCE = 12  # 96 bits, as NIST SP 800-38D wants them
_HEX = re.compile(r"[0-9a-fA-F]{64,}")


class LocalRoot:
    """A root key as bytes. What it wraps with, and its id, are derived from it, each for its purpose."""

    def __init__(self, secret: bytes) -> None:
        self._key = derive(secret, "vault")
        self.id = hashlib.sha256(derive(secret, "root-id")).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"LocalRoot({self.id})"

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        """See `Root`."""
        return seal(self._key, key, bound)

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """See `Root`."""
        return unseal(self._key, wrapped, bound)


def read_roots(text: str, what: str) -> list[bytes]:
    """The root keys in a text, the newest first. Raises `WeakSecret` for what is none; nothing of it is repeated."""
    words = [word for word in re.split(r"[\s,]+", text) if word]
    for word in words or [""]:
        if not _HEX.fullmatch(word) or len(word) % 2 or len(set(word.lower())) < 6:
            raise WeakSecret(
                f"{what} must hold 64 hexadecimal digits that nobody can guess (`openssl rand -hex 32` makes some); it is too "
                "weak or was cut short."
            )
    return [bytes.fromhex(word) for word in words]


def seal(key: bytes, data: bytes, bound: bytes) -> bytes:
    """AES-256-GCM under a random nonce, which comes first. `bound` is authenticated with it."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - 40 ms and 8 MB, for who has secrets stored

    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, bound)


def unseal(key: bytes, box: bytes, bound: bytes) -> bytes:
    """What was sealed. Raises `Tampered`."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

    if len(box) < _NONCE + 16:
        raise Tampered("A sealed secret was cut short.")
    try:
        return AESGCM(key).decrypt(box[:_NONCE], box[_NONCE:], bound)
    except InvalidTag:
        raise Tampered("A sealed secret is not as it was sealed, or not in the place where it was sealed.") from None
