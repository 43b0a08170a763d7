"""Gradient-boosted trees for two classes, small enough to read: logistic loss, Newton steps, thresholds at quantiles.

Features may be told to speak one way only (Monotonic: Nori et al. call it "editing out" what data happen to say): a split whose
sides would stand the wrong way round is not made, and what lies below it is kept on its side of the middle. With some thousand
pairs that is worth more than more trees.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
#: [feature, threshold, tree if it is at most that, tree if it is more], or the value of a leaf.
Tree: TypeAlias = "list[int | float | Tree] | float"

ROUNDS, DEPTH, RATE, LEAST, RIDGE, BINS, SHARE = 120, 3, 0.08, 8.0, 1.0, 24, 0.8
_WORTH = 1e-3


class Cuts:
    """Where features may be split: each column says which rows lie at or below one threshold of one feature."""

    def __init__(self, rows: Floats) -> None:
        features: list[int] = []
        thresholds: list[float] = []
        for feature in range(rows.shape[1]):
            values = np.unique(rows[:, feature])
            between = (values[1:] + values[:-1]) / 2
            if len(between) > BINS:
                between = np.quantile(between, np.linspace(0, 1, BINS))
            for threshold in np.unique(between):
                features.append(feature)
                thresholds.append(round(float(threshold), 5))
        self.features = features
        self.thresholds = thresholds
        self.below = (rows[:, features] <= np.array(thresholds)).astype(np.float64)


def train(rows: Floats, same: NDArray[np.bool_], signs: list[int], seed: int = 1) -> tuple[float, list[Tree]]:
    """The log-odds to begin with, and the trees to add."""
    chance = np.random.default_rng(seed)
    cuts = Cuts(rows)
    truth = same.astype(np.float64)
    base = float(np.log(truth.mean() / (1 - truth.mean())))
    score = np.full(len(truth), base)
    trees: list[Tree] = []
    for _ in range(ROUNDS):
        chances = 1 / (1 + np.exp(-score))
        weight = (chance.random(len(truth)) < SHARE).astype(np.float64)
        tree, step = _grow(
            cuts, (truth - chances) * weight, chances * (1 - chances) * weight, np.ones(len(truth)), signs, DEPTH, -8.0, 8.0
        )
        score = score + step
        trees.append(tree)
    return base, trees


def _grow(
    cuts: Cuts, pull: Floats, bend: Floats, here: Floats, signs: list[int], depth: int, low: float, high: float
) -> tuple[Tree, Floats]:
    """The tree below one node, and what it adds to each row."""
    pulls, bends = float(pull @ here), float(bend @ here)

    def leaf(a: float, b: float) -> float:
        return min(max(a / (b + RIDGE), low), high)

    value = leaf(pulls, bends)
    if depth:
        left_pull, left_bend, left_count = (pull * here) @ cuts.below, (bend * here) @ cuts.below, here @ cuts.below
        right_pull, right_bend = pulls - left_pull, bends - left_bend
        gain = left_pull**2 / (left_bend + RIDGE) + right_pull**2 / (right_bend + RIDGE) - pulls**2 / (bends + RIDGE)
        left, right = np.clip(left_pull / (left_bend + RIDGE), low, high), np.clip(right_pull / (right_bend + RIDGE), low, high)
        sign = np.array(signs)[cuts.features]
        bad = (left_count < LEAST) | (here.sum() - left_count < LEAST) | (sign * (right - left) < 0)
        gain[bad] = -np.inf
        best = int(np.argmax(gain)) if len(gain) else 0
        if len(gain) and gain[best] > _WORTH:
            side = cuts.below[:, best]
            middle = float(left[best] + right[best]) / 2
            bounds = {0: ((low, high), (low, high)), 1: ((low, middle), (middle, high)), -1: ((middle, high), (low, middle))}[
                int(sign[best])
            ]
            below, from_below = _grow(cuts, pull, bend, here * side, signs, depth - 1, *bounds[0])
            above, from_above = _grow(cuts, pull, bend, here * (1 - side), signs, depth - 1, *bounds[1])
            return [cuts.features[best], cuts.thresholds[best], below, above], from_below + from_above
    value = round(RATE * value, 5)
    return value, here * value


def predict(base: float, trees: list[Tree], rows: Floats) -> Floats:
    """The chance that each row is of the first class."""
    score = np.array([base + sum(_leaf(tree, row) for tree in trees) for row in rows.tolist()])
    return 1 / (1 + np.exp(-score))


def _leaf(tree: Tree, row: list[float]) -> float:
    while isinstance(tree, list):
        feature, threshold, below, above = tree
        assert isinstance(feature, int) and isinstance(threshold, float)
        tree = below if row[feature] <= threshold else above
    return tree
