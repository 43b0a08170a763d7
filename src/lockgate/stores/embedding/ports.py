"""The port of an embedder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Embedder(Protocol):
    """Makes vectors of texts. It is called from threads and keeps nothing of what it is given."""

    #: Says whose vectors these are: those of two embedders, or of two versions of one, cannot be compared.
    name: str
    #: Numbers in a vector.
    width: int

    def embed(self, texts: Sequence[str]) -> list[bytes]:
        """One vector a text: little-endian float32, of length 1 (all zeros for a text without words)."""
        ...


class NoEmbedder(RuntimeError):
    """There is none: a package is missing, or has no weights. The message says what to install."""
