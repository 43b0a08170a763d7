"""`Root`: a key that wraps keys and never leaves its place; and the ring of those that are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class VaultError(Exception):
    """Something that is sealed cannot be opened."""


class RootError(VaultError):
    """A root key is not here, or cannot be asked now. The message says what to do."""


class Tampered(VaultError):
    """What is stored is not what was sealed there: altered, or moved from another place."""


class Root(Protocol):
    """A root key. `bound` is what a wrapped key belongs to, and must be said again to unwrap it."""

    @property
    def id(self) -> str:
        """A name that says nothing of the key."""
        ...

    def wrap(self, key: bytes, bound: bytes) -> bytes:
        """A key, wrapped. Raises `RootError`."""
        ...

    def unwrap(self, wrapped: bytes, bound: bytes) -> bytes:
        """The key. Raises `Tampered`, `RootError`."""
        ...


class Ring:
    """The root keys that are known. One wraps: that of the id `in_use`, else the first; all unwrap."""

    def __init__(self, roots: Sequence[Root], in_use: str = "") -> None:
        if not roots:
            raise RootError("There is no root key.")
        self._roots = {root.id: root for root in roots}
        self.current = self._roots.get(in_use, roots[0])

    def __repr__(self) -> str:
        return f"Ring({', '.join(self._roots)})"

    def root(self, id: str) -> Root:
        """The root key of this id. Raises `RootError`."""
        found = self._roots.get(id)
        if found is None:
            raise RootError(
                f"The root key {id} is not here, and some secrets were sealed by it: restore root.secret from a backup, or put "
                "the key into LOCKGATE_ROOT_KEY behind the new one."
            )
        return found
