"""Trains the verifier and writes its data file: `python -m bench.sameness.train [--write]`.

It learns from pairs that pass the veto alone, for no others come to it. What it is worth is found by cross-validation
with the threshold inside: each fifth of the pairs is judged by trees that never saw it nor any pair that shares a text
with it, at a threshold that was chosen on the other four fifths. Thresholds of the data file are chosen the same way on
all of them, at the stricter of the two sets.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bench.sameness.boosting import Floats, Tree, predict, train
from bench.sameness.data import FOLDS, FOW, OWN, Pairs, folds, gather
from numpy.typing import NDArray

from lockgate.policy.sameness import canonical
from lockgate.policy.sameness.features import FEATURES
from lockgate.stores.embedding.wordllama import open_wordllama

DATA = Path(__file__).parents[2] / "src/lockgate/policy/sameness/verifier.json"
#: Level → of all traps, the share that may be answered wrongly. (The standard is to stay within 1%: it aims at half of that.)
LEVELS = {"strict": 0.002, "standard": 0.0055, "wide": 0.03}
REPEATS = 4
_SIGNS = list(FEATURES.values())
#: A threshold is a little above the last wrong score that is not accepted.
_ABOVE = 1e-4


def learn(data: Pairs, chosen: NDArray[np.bool_], seed: int = 1) -> Callable[[Floats], Floats]:
    """What trees say that were grown from those of the chosen pairs that pass the veto."""
    base, trees = grow(data, chosen, seed)
    return lambda rows: predict(base, trees, rows)


def grow(data: Pairs, chosen: NDArray[np.bool_], seed: int = 1) -> tuple[float, list[Tree]]:
    """The trees themselves."""
    rows = chosen & ~data.vetoed
    return train(data.features[rows], data.same[rows], _SIGNS, seed)


def scores(data: Pairs, chosen: NDArray[np.bool_], seed: int, repeats: int = 1) -> Floats:
    """What each chosen pair is given by trees that did not see its group; 0 for the vetoed."""
    total = np.zeros(len(data.same))
    for repeat in range(repeats):
        part = folds(data, seed + repeat)
        for fold in range(FOLDS):
            seen, unseen = chosen & (part != fold), chosen & (part == fold) & ~data.vetoed
            total[unseen] += learn(data, seen, seed + repeat)(data.features[unseen])
    return total / repeats


def threshold(data: Pairs, chosen: NDArray[np.bool_], given: Floats, share: float) -> float:
    """The least score at which no more than a share of the traps of either set passes."""
    least = 0.0
    for origin in (OWN, FOW):
        traps = np.sort(given[chosen & ~data.same & (data.origin == origin)])[::-1]
        if len(traps):
            least = max(least, float(traps[int(share * len(traps))]) + _ABOVE)
    return least


def judged(data: Pairs, share: float) -> NDArray[np.bool_]:
    """Whether each pair is answered alike, by trees and a threshold that know nothing of its group."""
    part = folds(data, 100)
    said = np.zeros(len(data.same), dtype=bool)
    for fold in range(FOLDS):
        seen, unseen = part != fold, (part == fold) & ~data.vetoed
        limit = threshold(data, seen, scores(data, seen, 200, 2), share)
        said[unseen] = learn(data, seen)(data.features[unseen]) >= limit
    return said


def shares(data: Pairs, said: NDArray[np.bool_]) -> dict[str, dict[str, float]]:
    """For each set: of those that ask the same, the share that was found; of the traps, the share that was answered wrongly."""
    found: dict[str, dict[str, float]] = {}
    for origin in (OWN, FOW):
        here = data.origin == origin
        found[origin] = {
            "hits": round(float(said[here & data.same].mean()), 4),
            "wrong": round(float(said[here & ~data.same].mean()), 4),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the data file")
    wanted = parser.parse_args()
    embedder = open_wordllama()
    data = gather(embedder)
    everything = np.ones(len(data.same), dtype=bool)
    given = scores(data, everything, 300, REPEATS)
    levels: dict[str, object] = {}
    for level, share in LEVELS.items():
        figures = shares(data, judged(data, share))
        levels[level] = {"threshold": round(threshold(data, everything, given, share), 4), "cross_validated": figures}
        print(level, levels[level])
    base, trees = grow(data, everything)
    document = {
        "version": 1,
        "canonical": canonical.VERSION,
        "embedder": embedder.name,
        "features": list(FEATURES),
        "levels": levels,
        "pairs": {origin: int((data.origin == origin).sum()) for origin in (OWN, FOW)},
        "base": round(base, 5),
        "trees": trees,
    }
    if wanted.write:
        DATA.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")
        print(f"{DATA}: {DATA.stat().st_size} bytes")


if __name__ == "__main__":
    main()
