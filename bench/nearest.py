"""What it costs to find an answer by likeness: `python -m bench.nearest [ENTRIES ...]`. Wall time and CPU of a lookup.

A partition is filled with questions made of templates and of words (none of which is asked), and with one text of each pair of
the set of traps and paraphrases (`tests/golden/sameness`); the other texts of the pairs are asked. A lookup is what a request
does: the vector, the shortlist, veto and verifier. Beside it: what a plain product with all vectors takes, and how many of the
eight nearest that finds the codes have found too.
"""

from __future__ import annotations

import asyncio
import itertools
import resource
import statistics
import sys
import time
from collections.abc import Iterator

import numpy as np
from bench.sameness.data import read_pairs  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]

from lockgate.pipeline.alike import judged, verifier
from lockgate.stores.cache.memory import MemoryCache
from lockgate.stores.cache.port import Wording
from lockgate.stores.embedding.wordllama import open_wordllama
from lockgate.stores.nearest.index import packed
from lockgate.stores.nearest.nearest import Nearest
from lockgate.stores.nearest.partition import Partition

SIZES = (10_000, 100_000, 1_000_000)
LATER = 1 << 60
TIMES = 300
_SAID = """
    install remove update repair sell borrow describe compare export translate clean measure paint rent insure
    camera bicycle printer contract garden boiler passport invoice kettle laptop piano mortgage spreadsheet aquarium window
    roof engine database telescope sofa visa dishwasher drone licence router calendar medal violin tent warehouse
    Lisbon Oslo Nairobi Toronto Vienna Osaka Lima Prague Dublin Athens Manila Bogota Cairo Seoul Perth Riga Turin Lagos
"""
_WORDS = _SAID.split()
_VERBS, _THINGS, _PLACES = _WORDS[:15], _WORDS[15:45], _WORDS[45:]
_HOW = (
    "How do I {} a {} in {} with {} people?",
    "What does it cost to {} a {} in {} for {} days?",
    "Who can {} my {} in {} within {} hours?",
    "Is it allowed to {} a {} in {} after {} years?",
)


def questions() -> Iterator[str]:
    """Different ones, without end."""
    for number in itertools.count(2):
        for how, verb, thing, where in itertools.product(_HOW, _VERBS, _THINGS, _PLACES):
            yield how.format(verb, thing, where, number)


async def measure(count: int) -> None:
    """One partition of so many entries."""
    embedder = open_wordllama()
    pairs = read_pairs()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    partition = Partition(embedder.width, 1 << 40)
    texts = [*dict.fromkeys(pair.one for pair in pairs)]
    texts += itertools.islice(questions(), count - len(texts))
    began = time.perf_counter()
    for at in range(0, count, 5000):
        lot = texts[at : at + 5000]
        for n, (text, vector) in enumerate(zip(lot, embedder.embed(lot), strict=True), at):
            partition.put(Wording(b"p", n.to_bytes(32, "big"), f"{n:036}", LATER, text, packed(vector)))
    filled = time.perf_counter() - began
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    nearest = Nearest(MemoryCache(1 << 20), lambda: embedder, report=print, most_bytes=1 << 40, clock=lambda: 0.0)
    nearest._partitions[b"p"] = partition
    nearest._size = partition.size
    least = verifier().levels["strict"].threshold

    async def look(words: str) -> bool:
        vector = await nearest.vector(words)
        assert vector is not None
        return next(judged(words, await nearest.near(b"p", vector, 0), least), None) is not None

    asked = [pair.other for pair in pairs if pair.other.isascii() and pair.other not in set(texts[: len(pairs)])]
    known = {words: await look(words) for words in asked}
    for kind, hit in (("hit", True), ("miss", False)):
        those = itertools.cycle(words for words, found in known.items() if found is hit)
        walls, cpu = [], time.process_time()
        for words in itertools.islice(those, TIMES):
            start = time.perf_counter()
            await look(words)
            walls.append((time.perf_counter() - start) * 1e6)
        cpu = (time.process_time() - cpu) / TIMES * 1e6
        walls.sort()
        p50, p99 = statistics.median(walls), walls[int(TIMES * 0.99)]
        print(f"{count:,} entries, {kind}: p50 {p50:,.0f} µs, p99 {p99:,.0f} µs, CPU {cpu:,.0f} µs", flush=True)

    index = partition._index
    rows = np.concatenate([block[: max(0, count - n * len(index._rows[0]))] for n, block in enumerate(index._rows)])
    rows = (rows.astype(np.uint32) << 16).view(np.float32)
    sample = asked[:100]
    found = same = 0
    codes, plain = [], []
    for words in sample:
        vector = embedder.embed([words])[0]
        start = time.perf_counter()
        short = {row for row, _ in index.near(vector, 8, 0.4)}
        codes.append(time.perf_counter() - start)
        start = time.perf_counter()
        cosines = rows @ np.frombuffer(vector, "<f4")
        best = np.argpartition(-cosines, 8)[:8]
        plain.append(time.perf_counter() - start)
        wanted = {int(row) for row in best if cosines[row] >= 0.4}
        found, same = found + len(wanted), same + len(wanted & short)
    by_codes, by_all = (statistics.median(each) * 1e6 for each in (codes, plain))
    print(
        f"{count:,} entries: shortlist {by_codes:,.0f} µs by codes, {by_all:,.0f} µs by the product with all; "
        f"{same / found:.2%} of the eight nearest found; {memory:,.0f} MiB; {filled:,.1f} s to embed and fill",
        flush=True,
    )


if __name__ == "__main__":
    for each in map(int, sys.argv[1:]) if sys.argv[1:] else SIZES:
        asyncio.run(measure(each))
