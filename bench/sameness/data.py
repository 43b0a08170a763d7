"""The pairs: those written for Lockgate (`tests/golden/sameness/pairs.txt`), and the benchmark in the package `fow-cache`.

Rules and lexicon were written with the first in view and not the second; but its totals were in sight when levels were
set, so that what is found on the second is a little better than what to expect of texts that nobody has seen.
"""

from __future__ import annotations

import struct
import sys
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from fow_cache.data import load_questions
from numpy.typing import NDArray

from lockgate.policy.sameness.canonical import canonical
from lockgate.policy.sameness.features import FEATURES, features
from lockgate.policy.sameness.reading import Reading, read
from lockgate.policy.sameness.veto import veto
from lockgate.stores.embedding.ports import Embedder

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from support.pairs import read_pairs  # pyright: ignore[reportMissingImports, reportUnknownVariableType]

OWN, FOW = "own", "fow-cache"
FOLDS = 5


class Pair(NamedTuple):
    """Two texts, and whether they may be answered alike."""

    origin: str
    kind: str
    one: str
    other: str


class Pairs(NamedTuple):
    """All pairs and all that is computed of them, row by row."""

    pairs: list[Pair]
    same: NDArray[np.bool_]
    origin: NDArray[np.str_]
    cosine: NDArray[np.float64]
    keyed: NDArray[np.bool_]
    vetoed: NDArray[np.bool_]
    reasons: list[str]
    features: NDArray[np.float64]
    #: Pairs that share a text, straight or by others, are one group: what is learned of one is known of all.
    group: NDArray[np.int64]


def gather(embedder: Embedder) -> Pairs:
    """Reads, embeds and compares all of them."""
    own = [(Pair(OWN, pair.kind, pair.one, pair.other), pair.same) for pair in read_pairs()]
    fow = [(Pair(FOW, item["category"], item["a"], item["b"]), bool(item["same_answer"])) for item in load_questions()]
    pairs = [pair for pair, _ in own + fow]
    same = np.array([same for _, same in own + fow])
    readings: dict[str, Reading] = {}
    vectors: dict[str, tuple[float, ...]] = {}
    for pair in pairs:
        for text in (pair.one, pair.other):
            if text not in readings:
                readings[text] = read(text)
                vectors[text] = struct.unpack(f"<{embedder.width}f", embedder.embed([text])[0])
    cosine = np.array([float(np.dot(vectors[pair.one], vectors[pair.other])) for pair in pairs])
    reasons = [veto(readings[pair.one], readings[pair.other]) for pair in pairs]
    rows = [features(readings[pair.one], readings[pair.other], near) for pair, near in zip(pairs, cosine.tolist(), strict=True)]
    assert len(rows[0]) == len(FEATURES)
    return Pairs(
        pairs=pairs,
        same=same,
        origin=np.array([pair.origin for pair in pairs]),
        cosine=cosine,
        keyed=np.array([_meet(pair) for pair in pairs]),
        vetoed=np.array([bool(reason) for reason in reasons]),
        reasons=reasons,
        features=np.array(rows, dtype=np.float64),
        group=_groups(pairs),
    )


def _meet(pair: Pair) -> bool:
    one, other = canonical(pair.one), canonical(pair.other)
    return one is not None and other is not None and one.key == other.key


def _groups(pairs: list[Pair]) -> NDArray[np.int64]:
    leaders: dict[str, str] = {}

    def leader(text: str) -> str:
        while leaders.setdefault(text, text) != text:
            text = leaders[text]
        return text

    for pair in pairs:
        leaders[leader(pair.one)] = leader(pair.other)
    numbers: dict[str, int] = defaultdict(lambda: len(numbers))
    return np.array([numbers[leader(pair.one)] for pair in pairs])


def folds(data: Pairs, seed: int) -> NDArray[np.int64]:
    """Which of `FOLDS` parts each pair is in: whole groups, by chance."""
    parts = np.random.default_rng(seed).integers(0, FOLDS, int(data.group.max()) + 1)
    return parts[data.group]
