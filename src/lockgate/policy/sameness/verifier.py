"""How likely it is that two texts ask the same: small trees, trained on pairs that were judged (`bench/sameness/train.py`).

The data file holds the trees, the names of the features that they were trained with, and a threshold for each level with
what it was found to be worth by cross-validation. Nothing but comparisons and sums is left to do here.
"""

from __future__ import annotations

from hashlib import blake2b
from importlib.resources import files
from math import exp

import msgspec

from lockgate.policy.sameness.features import FEATURES, features
from lockgate.policy.sameness.reading import Reading, read
from lockgate.policy.sameness.veto import veto

#: Of the levels in the data file, the one that answers at most 1% of traps wrongly.
STANDARD = "standard"


class Worth(msgspec.Struct, frozen=True):
    """Of the pairs of one set that ask the same, the share found; of the traps, the share answered wrongly."""

    hits: float
    wrong: float


class Level(msgspec.Struct, frozen=True):
    """From which score on two texts are taken to ask the same, and what that was found to be worth, by set of pairs."""

    threshold: float
    cross_validated: dict[str, Worth]


class _Split(msgspec.Struct, frozen=True, array_like=True):
    """A place in a tree where one feature decides which way to go; what is reached at last is a number to add."""

    feature: int
    threshold: float
    below: _Split | float
    above: _Split | float


class _Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data file."""

    version: int
    canonical: int
    embedder: str
    features: list[str]
    levels: dict[str, Level]
    pairs: dict[str, int]
    base: float
    trees: list[_Split | float]


class Verifier:
    """Gives pairs their scores, from 0 (no) to 1 (the same)."""

    def __init__(self, data: bytes) -> None:
        """Takes the data file. Raises `ValueError` for one that is none, or was trained with other features."""
        model = msgspec.json.decode(data, type=_Model)
        if model.features != list(FEATURES):
            raise ValueError("the verifier was trained with other features: train it again")
        self.levels = model.levels
        #: Says which one it is: what two of them have judged is not compared.
        self.name = f"verifier-{model.version}-{model.canonical}-{blake2b(data, digest_size=8).hexdigest()}"
        self.threshold = model.levels[STANDARD].threshold
        #: The embedder whose cosines it was trained with; those of others mean something else.
        self.embedder = model.embedder
        self._base = model.base
        self._trees = model.trees

    @classmethod
    def load(cls) -> Verifier:
        """The one that comes with the package."""
        return cls(files("lockgate.policy.sameness").joinpath("verifier.json").read_bytes())

    def score(self, one: str | Reading, other: str | Reading, cosine: float) -> float:
        """The score of a pair; 0 if there is a veto: no such pair was trained with. `cosine` is that of their vectors."""
        left = read(one) if isinstance(one, str) else one
        right = read(other) if isinstance(other, str) else other
        return 0.0 if veto(left, right) else self.weigh(features(left, right, cosine))

    def weigh(self, vector: list[float]) -> float:
        """The score of a pair's features."""
        total = self._base
        for node in self._trees:
            while isinstance(node, _Split):
                node = node.below if vector[node.feature] <= node.threshold else node.above
            total += node
        return 1 / (1 + exp(-total))
