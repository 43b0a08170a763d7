"""What a cache that matches by meaning finds, and what it gets wrong: `python -m bench.cache [--write docs/caching.md]
[--quick]`.

Told for each level (the canonical key; similarity alone; similarity with the veto; the verifier) on two sets of pairs:
ours, which the rules were written with, and the benchmark `fow-cache`, which they were not. Whatever is learned or
chosen is cross-validated, thresholds included. Then, what a lookup costs, in microseconds of one thread.
"""

from __future__ import annotations

import argparse
import struct
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time

import numpy as np
from bench.sameness.data import FOW, OWN, Pairs, gather
from bench.sameness.train import LEVELS, judged, learn, scores, threshold
from numpy.typing import NDArray

from lockgate.policy.sameness.canonical import canonical
from lockgate.policy.sameness.features import features
from lockgate.policy.sameness.reading import read
from lockgate.policy.sameness.verifier import Verifier
from lockgate.policy.sameness.veto import veto
from lockgate.stores.embedding.ports import Embedder
from lockgate.stores.embedding.wordllama import open_wordllama

COSINES = (0.80, 0.90, 0.95)
SHOWN = (0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)
SHORTLIST = (1, 4, 8, 16, 32)
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
ROUNDS, TIMES = 40, 100
_SETS = {OWN: "ours", FOW: "fow-cache"}
Said = NDArray[np.bool_]


def part(said: Said, among: Said) -> str:
    """A share as a percentage, with how many that are."""
    of = int(among.sum())
    hits = int((said & among).sum())
    return f"{100 * hits / of:.1f}% ({hits}/{of})" if of else "–"


def levels(data: Pairs) -> Iterator[tuple[str, Said]]:
    """Each level, and which pairs it answers alike."""
    yield "canonical key", data.keyed
    for least in COSINES:
        yield f"cosine ≥ {least:.2f} alone", data.cosine >= least
    for least in COSINES:
        yield f"cosine ≥ {least:.2f} and no veto", (data.cosine >= least) & ~data.vetoed
    yield "no veto alone", ~data.vetoed
    for level, share in LEVELS.items():
        yield f"verified, `{level}`", data.keyed | judged(data, share)


def by_level(data: Pairs, found: list[tuple[str, Said]]) -> Iterator[str]:
    """The table of the levels."""
    yield "| Level | ours: found | ours: wrong | fow-cache: found | fow-cache: wrong |"
    yield "|---|---:|---:|---:|---:|"
    for name, said in found:
        cells = [part(said, same & (data.origin == origin)) for origin in (OWN, FOW) for same in (data.same, ~data.same)]
        yield f"| {name} | {' | '.join(cells)} |"


def by_kind(data: Pairs, found: list[tuple[str, Said]]) -> Iterator[str]:
    """Of each class of traps, how many are answered wrongly."""
    names = ("canonical key", "cosine ≥ 0.90 alone", "cosine ≥ 0.90 and no veto", "verified, `standard`")
    chosen = [said for name in names for known, said in found if known == name]
    yield f"| Traps | {' | '.join(names)} |"
    yield "|---|" + "---:|" * len(names)
    kinds = np.array([f"{_SETS[pair.origin]}: {pair.kind}" for pair in data.pairs])
    for kind in dict.fromkeys(kinds.tolist()):
        among = (kinds == kind) & ~data.same
        if among.any():
            yield f"| {kind} | {' | '.join(part(said, among) for said in chosen)} |"


def curve(data: Pairs) -> Iterator[str]:
    """What each threshold finds and gets wrong, by scores of trees that did not see the pair."""
    given = scores(data, np.ones(len(data.same), dtype=bool), 300, 4)
    yield "| Score ≥ | ours: found | ours: wrong | fow-cache: found | fow-cache: wrong | fow-cache, found |"
    yield "|---:|---:|---:|---:|---:|---|"
    for least in SHOWN:
        said = data.keyed | (given >= least)
        cells = [part(said, same & (data.origin == origin)) for origin in (OWN, FOW) for same in (data.same, ~data.same)]
        bar = "█" * round(40 * float(said[data.same & (data.origin == FOW)].mean()))
        yield f"| {least} | {' | '.join(cells)} | {bar} |"


def transferred(data: Pairs) -> str:
    """What trees and threshold of our pairs alone are worth on the other set."""
    ours = data.origin == OWN
    limit = threshold(data, ours, scores(data, ours, 400, 4), LEVELS["standard"])
    verifier = learn(data, ours)
    said = data.keyed | (~data.vetoed & (verifier(data.features) >= limit))
    theirs = ~ours
    return f"{part(said, theirs & data.same)} found and {part(said, theirs & ~data.same)} wrong"


def shortlist(data: Pairs, embedder: Embedder) -> str:
    """Whether the text that would be answered alike is among those nearest by cosine, among all texts of both sets."""
    texts = list(dict.fromkeys(text for pair in data.pairs for text in (pair.one, pair.other)))
    row = {text: at for at, text in enumerate(texts)}
    vectors = np.array([struct.unpack(f"<{embedder.width}f", embedder.embed([text])[0]) for text in texts])
    wanted = [pair for pair, same, vetoed in zip(data.pairs, data.same, data.vetoed, strict=True) if same and not vetoed]
    ranks: list[int] = []
    for pair in wanted:
        near = vectors @ vectors[row[pair.other]]
        near[row[pair.other]] = -1
        ranks.append(int((near > near[row[pair.one]]).sum()))
    places = np.array(ranks)
    return (
        ", ".join(f"{100 * float((places < size).mean()):.1f}% among {size}" for size in SHORTLIST)
        + f" (of {len(texts)} texts)"
    )


def best_us(work: Callable[[], object]) -> float:
    """The best round of a piece of work, in µs of CPU."""
    least = float("inf")
    for _ in range(ROUNDS):
        begin = process_time()
        for _ in range(TIMES):
            work()
        least = min(least, process_time() - begin)
    return least / TIMES * 1e6


def costs(embedder: Embedder) -> Iterator[str]:
    """What each step takes."""
    text = "Hey, could you tell me how I can reset my password please?"
    one, other = read(text), read("What are the steps for resetting the password of my account?")
    verifier = Verifier.load()
    vector = features(one, other, 0.7)
    assert not veto(one, other)
    steps: list[tuple[str, Callable[[], object]]] = [
        (f"canonical key of {len(text)} characters", lambda: canonical(text)),
        (f"canonical key of {10 * len(text)} characters", lambda: canonical(" ".join([text] * 10))),
        ("reading it for comparison, once", lambda: read(text)),
        ("veto of a pair that is read", lambda: veto(one, other)),
        ("features of a pair", lambda: features(one, other, 0.7)),
        ("trees", lambda: verifier.weigh(vector)),
        ("verifier in all: veto, features, trees", lambda: verifier.score(one, other, 0.7)),
        ("embedding", lambda: embedder.embed([text])),
    ]
    yield "| Step | µs |"
    yield "|---|---:|"
    for name, work in steps:
        yield f"| {name} | {best_us(work):.0f} |"


def report(quick: bool) -> str:
    """All of it, as Markdown."""
    embedder = open_wordllama()
    data = gather(embedder)
    found = [(name, said) for name, said in levels(data)]
    lines = [*by_level(data, found), "", *by_kind(data, found), ""]
    if not quick:
        lines += [*curve(data), ""]
        lines += [f"Trained on our pairs alone, with a threshold chosen on them, fow-cache: {transferred(data)}.", ""]
        lines += [f"The right text is found by cosine in {shortlist(data, embedder)}.", ""]
    return "\n".join([*lines, *costs(embedder)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="the page to put the tables into")
    parser.add_argument("--quick", action="store_true", help="without the curve")
    wanted = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)
    text = report(wanted.quick)
    print(text)
    if wanted.write:
        page = wanted.write.read_text(encoding="utf-8")
        before, _, rest = page.partition(BEGIN)
        _, _, after = rest.partition(END)
        wanted.write.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
