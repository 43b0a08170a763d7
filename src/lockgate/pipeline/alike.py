"""Alike: an answer is found for a question that says the same in other words.

Each level has a way of its own to find one, and the cheapest is asked first: the canonical key of the words, then the words
that lie nearest and that a verifier takes for the same, then those of them that a model does (`judging`). Whose answers may be
given at all, and that all but the last words of the user are the same to the byte, is in the keys that they are looked for by.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from functools import cache
from itertools import islice
from typing import Protocol

import msgspec

from lockgate.core.cached import CachedAnswer
from lockgate.core.record import Match
from lockgate.pipeline.judging import DOUBTFUL, judge
from lockgate.pipeline.passing import Passing
from lockgate.pipeline.prepare import Prepared
from lockgate.pipeline.question import question_of
from lockgate.pipeline.runtime import Runtime
from lockgate.policy.cache_key import cache_key
from lockgate.policy.caching import Semantic
from lockgate.policy.sameness.canonical import canonical
from lockgate.policy.sameness.reading import read
from lockgate.policy.sameness.verifier import Verifier
from lockgate.policy.sameness.veto import CHECKS
from lockgate.stores.nearest.port import Candidate, Neighbours

#: Characters of the words that are compared on the loop; more of them take a millisecond and longer, and are compared in a
#: thread.
_SHORT = 600
#: How many answers that are gone are passed over.
_GONE = 4


class Likeness(msgspec.Struct):
    """What a question is found by: its words, their canonical key, and all that must be the same beside them. `vector` and
    `partition` are there once its words have been looked for by their vector."""

    words: str
    key: bytes
    parts: tuple[object, ...]
    vector: bytes | None = None
    partition: bytes = b""
    kept: bool = False  # it is found by its vector


class Found(msgspec.Struct, frozen=True):
    """The key of an answer, and how it was found. `gone`: what to do where no answer is kept there any more."""

    key: bytes
    match: Match
    gone: Callable[[], None] | None = None


def likeness_of(prepared: Prepared, semantic: Semantic, parts: tuple[object, ...]) -> Likeness | str:
    """What a request with these parts (`kept_by`) is found by; or why no answer to other words could be its own."""
    question = question_of(prepared, semantic)
    if isinstance(question, str):
        return question
    meant = canonical(question.words)
    if meant is None:
        return "its words must not be matched with others"
    return Likeness(question.words, meant.key, (*parts, question.rest))


async def find_alike(passing: Passing, likeness: Likeness, semantic: Semantic) -> AsyncGenerator[tuple[Found, CachedAnswer]]:
    """Answers to the same in other words, one a level at most. Who iterates must close it (`contextlib.aclosing`)."""
    store = passing.runtime.cache
    assert store is not None
    for name in semantic.levels:
        for _ in range(_GONE):
            found = await _LEVELS[name].find(passing, likeness, semantic)
            if found is None:
                break
            answer = await store.find(found.key, passing.runtime.time_us())
            if answer is not None:
                found.match.id, found.match.shadow = answer.id, name in semantic.shadow
                yield found, answer
                break
            if found.gone is None:
                break
            found.gone()


async def keep_alike(passing: Passing, likeness: Likeness, semantic: Semantic, key: bytes, answer: CachedAnswer) -> None:
    """Let an answer, which is kept at `key`, be found by other words."""
    for name in semantic.levels:
        await _LEVELS[name].keep(passing, likeness, key, answer)


class _Level(Protocol):
    """A way to find one."""

    async def find(self, passing: Passing, likeness: Likeness, semantic: Semantic) -> Found | None:
        """The best that there is."""
        ...

    async def keep(self, passing: Passing, likeness: Likeness, key: bytes, answer: CachedAnswer) -> None:
        """Let it be found."""
        ...


class _Canonical:
    """At the canonical key of the words stands a pointer: an entry whose body is the key of the answer."""

    async def find(self, passing: Passing, likeness: Likeness, semantic: Semantic) -> Found | None:
        """See `_Level`."""
        store = passing.runtime.cache
        assert store is not None
        pointer = await store.find(self._place(passing, likeness), passing.runtime.time_us())
        return None if pointer is None else Found(pointer.body, Match("canonical", checks=["canonical key"]))

    async def keep(self, passing: Passing, likeness: Likeness, key: bytes, answer: CachedAnswer) -> None:
        """See `_Level`."""
        store = passing.runtime.cache
        assert store is not None
        store.keep(self._place(passing, likeness), msgspec.structs.replace(answer, status=0, headers=[], body=key))

    def _place(self, passing: Passing, likeness: Likeness) -> bytes:
        return cache_key(passing.snapshot.pepper, (*likeness.parts, b"canonical", likeness.key))


class _Verified:
    """Among the words of one partition, those that lie near are compared one by one, the nearest first: nothing may speak
    against it (`policy.sameness.veto`), and the verifier must be as sure as is asked for."""

    async def find(self, passing: Passing, likeness: Likeness, semantic: Semantic) -> Found | None:
        """See `_Level`."""
        least = verifier().levels[semantic.certainty].threshold
        for candidate, score in await _scored(passing, likeness, least, most=1):
            return _found(passing, likeness, candidate, Match("verified", score=score, least=least), _sure(semantic))
        return None

    async def keep(self, passing: Passing, likeness: Likeness, key: bytes, answer: CachedAnswer) -> None:
        """See `_Level`."""
        nearest = passing.runtime.nearest
        if nearest is None or likeness.kept or not await _place(passing, likeness, nearest) or likeness.vector is None:
            return
        nearest.keep(key, answer, likeness.partition, likeness.words, likeness.vector)
        likeness.kept = True


class _Judged(_Verified):
    """Of those of which the verifier is less sure, the surest: a model has the last word."""

    async def find(self, passing: Passing, likeness: Likeness, semantic: Semantic) -> Found | None:
        """See `_Level`."""
        scored = await _scored(passing, likeness, DOUBTFUL)
        if not scored:
            return None
        candidate, score = max(scored, key=lambda pair: pair[1])
        if not await judge(passing, semantic.judge, likeness.words, candidate.entry.words):
            return None
        match = Match("judged", score=score, least=DOUBTFUL)
        return _found(passing, likeness, candidate, match, f"judge ({semantic.judge})")


_LEVELS: dict[str, _Level] = {"canonical": _Canonical(), "verified": _Verified(), "judged": _Judged()}


def _found(passing: Passing, likeness: Likeness, candidate: Candidate, match: Match, judged_by: str) -> Found:
    entry, partition, nearest = candidate.entry, likeness.partition, passing.runtime.nearest
    assert nearest is not None
    match.id, match.cosine, match.checks = entry.id, round(candidate.cosine, 4), [*CHECKS, judged_by]
    return Found(entry.key, match, lambda: nearest.forget(partition, entry.key))


def _sure(semantic: Semantic) -> str:
    return f"verifier ({semantic.certainty})"


async def _scored(passing: Passing, likeness: Likeness, least: float, most: int = 0) -> list[tuple[Candidate, float]]:
    """What lies near, nearest first, and has nothing against it, with the verifier's scores, of `least` at least; the first
    `most` of them, or (0) all."""
    nearest, lookups = passing.runtime.nearest, passing.runtime.lookups
    if nearest is None or not await _place(passing, likeness, nearest):
        return []
    # Who asks the same at once waits for the same answer.
    meant = (likeness.partition, likeness.words, least, most)
    lookup = lookups.get(meant)
    if lookup is None:
        lookup = lookups[meant] = asyncio.ensure_future(_look_up(passing.runtime, nearest, likeness, least, most))
        lookup.add_done_callback(lambda _: lookups.pop(meant, None))
    return await asyncio.shield(lookup)


async def _look_up(
    runtime: Runtime, nearest: Neighbours, likeness: Likeness, least: float, most: int
) -> list[tuple[Candidate, float]]:
    assert likeness.vector is not None
    near = await nearest.near(likeness.partition, likeness.vector, runtime.time_us())
    characters = len(likeness.words) + sum(len(each.entry.words) for each in near)
    found = islice(judged(likeness.words, near, least), most or None)
    return list(found) if characters <= _SHORT else await asyncio.to_thread(list, found)


async def _place(passing: Passing, likeness: Likeness, nearest: Neighbours) -> bool:
    """Have the vector of the words, and know their partition; False where there are no vectors."""
    if likeness.vector is None:
        likeness.vector = await nearest.vector(likeness.words)
        whose = f"{verifier().name} {nearest.name}".encode()
        likeness.partition = cache_key(passing.snapshot.pepper, (*likeness.parts, b"verified", whose))
    return likeness.vector is not None


@cache
def verifier() -> Verifier:
    """The one that comes with the package, read when it is first needed."""
    return Verifier.load()


def judged(words: str, near: list[Candidate], least: float) -> Iterator[tuple[Candidate, float]]:
    """Those that are taken for the same, and their scores."""
    if not near:
        return
    reading = read(words)
    for each in near:
        score = verifier().score(reading, read(each.entry.words), each.cosine)
        if score >= least:
            yield each, round(score, 4)
