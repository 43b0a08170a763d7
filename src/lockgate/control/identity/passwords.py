"""Passwords: what may be one, and what is kept instead of it: an Argon2id hash (RFC 9106), which the vault seals.

A hash costs 20 ms and 19 MiB on purpose. So no more than `AT_ONCE` are made at a time in a process; who waits too long is told
to come again, before memory is.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from lockgate.core.failure import Refusal

if TYPE_CHECKING:
    from argon2 import PasswordHasher

#: Characters. OWASP's ASVS 5.0 (6.2.1) asks for 8 and recommends 15 where nothing else is asked; a limit above keeps a request
#: from hashing a book, and is far beyond what NIST SP 800-63B (3.1.1.2) wants to be possible.
SHORTEST, LONGEST = 12, 1024
#: Different characters that a password has at least.
VARIETY = 5
#: Letters that must be left when the e-mail address is taken out.
_OWN = 8

#: 19 MiB, two passes, one lane (OWASP Password Storage Cheat Sheet, Argon2id).
MEMORY_KIB, PASSES, LANES = 19 * 1024, 2, 1
AT_ONCE = 2
#: Seconds that a hash waits for its turn.
PATIENCE_S = 5.0

_turns = threading.BoundedSemaphore(AT_ONCE)


def check(password: str, email: str = "") -> None:
    """Raises `Refusal` 400 for what may not be someone's password."""
    password = _normal(password)
    if len(password) < SHORTEST:
        raise _unfit(
            "password_too_short", f"A password has {SHORTEST} characters or more; a few words that nobody joins are best."
        )
    if len(password) > LONGEST:
        raise _unfit("password_too_long", f"A password has at most {LONGEST} characters.")
    if len(set(password)) < VARIETY:
        raise _unfit("password_too_simple", "This password repeats a few characters; choose one that nobody can guess.")
    left = password.casefold()
    for part in (email.casefold(), email.casefold().partition("@")[0]):
        left = left.replace(part, "") if part else left
    if len(left) < _OWN:
        raise _unfit("password_is_email", "This password is little more than the e-mail address; choose another.")


def hashed(password: str, email: str) -> str:
    """What is kept of someone's new password. Raises as `check`, and `Refusal` 503 when too many are being hashed."""
    check(password, email)
    return rehashed(password)


def rehashed(password: str) -> str:
    """The same for one that was good when it was chosen. Raises `Refusal` 503."""
    with _turn():
        return _hasher().hash(_normal(password))


def matches(kept: str, password: str) -> bool:
    """Whether a password is the one of which `kept` was kept. Without any ("") it takes as long and is not. Raises as
    `hashed`."""
    if len(password) > LONGEST:
        password = ""  # nobody's: `check` lets none be that long, or empty
    from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415 - as in `_hasher`

    with _turn():
        try:
            return _hasher().verify(kept or _nobodys(), _normal(password)) and bool(kept)
        except (VerificationError, InvalidHashError):
            return False


def outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than are in use now."""
    return _hasher().check_needs_rehash(kept)


def busy() -> Refusal:
    """Too many want something that costs."""
    return Refusal(503, "login_busy", "Too many people are logging in just now. Try again in a moment.", retry_after=5.0)


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher  # noqa: PLC0415 - 30 ms, for who logs someone in

    return PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)


@cache
def _nobodys() -> str:
    """A hash that belongs to no one, with the parameters that others have."""
    return _hasher().hash("nobody's password")


@contextmanager
def _turn() -> Generator[None, None, None]:
    if not _turns.acquire(timeout=PATIENCE_S):
        raise busy()
    try:
        yield
    finally:
        _turns.release()


def _normal(password: str) -> str:
    """The same password however a keyboard composes its letters (RFC 8265, OpaqueString: NFC)."""
    return unicodedata.normalize("NFC", password)


def _unfit(code: str, message: str) -> Refusal:
    return Refusal(400, code, message, param="password")
