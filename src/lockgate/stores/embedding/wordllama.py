"""An embedder without a network of either kind: WordLlama's static vectors (256 numbers a token, averaged; MIT licence).

The weights (16 MB) come in the package's wheel, so that nothing is fetched. It knows words and not their order, and says
so in its scores: it is meant to find candidates, and no more. Of those that ship weights it costs a thousandth of the
models that read the order too, and the verifier that decides is as good with it (`docs/caching.md`).
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from lockgate.stores.embedding.ports import Embedder, NoEmbedder

_WIDTH = 256
_NOTHING = 1e-9


class _Model(Protocol):
    """What is used of the package, which has no types of its own."""

    def embed(self, texts: list[str], *, norm: bool) -> Any: ...


class WordLlama:
    """The embedder. `embed` takes some 0.1 ms for a question."""

    def __init__(self, model: _Model, release: str) -> None:
        self.name = f"wordllama-{release}-{_WIDTH}"
        self.width = _WIDTH
        self._model = model

    def embed(self, texts: Sequence[str]) -> list[bytes]:
        """As the port says."""
        if not texts:
            return []
        rows = self._model.embed(list(texts), norm=False)
        lengths = (rows * rows).sum(axis=1, keepdims=True) ** 0.5
        return [row.tobytes() for row in (rows / lengths.clip(_NOTHING)).astype("<f4")]


def missing_packages() -> str:
    """Of what finding by likeness needs, what is not installed; "" when all is there. (Nothing is imported.)"""
    return " and ".join(name for name in ("numpy", "wordllama") if importlib.util.find_spec(name) is None)


def open_wordllama() -> Embedder:
    """Opens it: half a second, and 85 MB of memory. Raises `NoEmbedder`."""
    try:
        package = importlib.import_module("wordllama")
    except ImportError:
        raise NoEmbedder(
            "similarity needs vectors: install lockgate[semantic], or name an embedding model of a provider"
        ) from None
    # Unless it is told where, the release looks for its tokenizer in a folder that it does not ship, and then asks the hub.
    home = Path(str(package.__file__)).parent
    try:
        model: _Model = package.WordLlama.load(dim=_WIDTH, cache_dir=home, disable_download=True)
    except (OSError, ValueError) as error:
        raise NoEmbedder(f"the weights in the package wordllama cannot be read: {error}") from None
    metadata: Any = importlib.import_module("importlib.metadata")  # who has no vectors needs none of it in memory
    return WordLlama(model, metadata.version("wordllama"))
