"""/v1/cache/shadow: what levels of the semantic cache that only look would have given, and how that compares."""

from __future__ import annotations

from typing import Literal

import msgspec

from lockgate.control.analytics.shapes import cents, stamp
from lockgate.control.shadow import shadow
from lockgate.http.admin.ask import Ask
from lockgate.http.admin.cache import CacheSpan, bounds
from lockgate.http.admin.log_query import within

#: Requests that are read for an answer, the newest: each is looked at, since no roll-up has how answers compare.
MOST = 20_000


class ShownDiffering(msgspec.Struct, frozen=True, kw_only=True):
    """Two requests that a level took for one, and whose answers are others: the request, and `cached_id`, whose answer it would
    have been given; `alike` is the cosine of the two answers, `score` what the verifier said."""

    id: str
    cached_id: str
    alike: float | None
    score: float | None


class ShownShadow(msgspec.Struct, frozen=True, kw_only=True):
    """What a level would have given: `would_hit` requests, which have cost `saved` US cents. Of those whose answers were
    `compared`, how many were `equal`, the same but for spelling (`canonical`), and `other`; `alike` is the mean cosine of the
    latter, and `worst` are those that are least alike."""

    level: str
    would_hit: int
    saved: float
    compared: int
    equal: int
    canonical: int
    other: int
    alike: float | None
    worst: list[ShownDiffering]


class ShownShadows(msgspec.Struct, frozen=True, kw_only=True):
    """What each level in the shadow would have given, of `missed` requests that a semantic cache has looked up and not found.
    `whole` false: of the newest of these alone, since there were too many."""

    object: Literal["cache-shadow"] = "cache-shadow"
    since: str
    until: str
    missed: int
    whole: bool
    levels: list[ShownShadow]


def read(ask: Ask, query: CacheSpan) -> ShownShadows:
    """Read what levels in the shadow would have given, and how their answers compare."""
    since_us, until_us = bounds(query, ask.now_us)
    meant = msgspec.structs.replace(within(ask.tenant), since_us=since_us, until_us=until_us)
    found = shadow(ask.insight.search.store, meant, MOST)
    return ShownShadows(
        since=stamp(since_us),
        until=stamp(until_us),
        missed=found.missed,
        whole=found.missed < MOST,
        levels=[
            ShownShadow(
                level=each.level,
                would_hit=each.would_hit,
                saved=cents(each.saved_nusd),
                compared=each.compared,
                equal=each.equal,
                canonical=each.canonical,
                other=each.other,
                alike=each.alike,
                worst=[
                    ShownDiffering(id=pair.id, cached_id=pair.of, alike=pair.alike, score=pair.score) for pair in each.worst
                ],
            )
            for each in found.levels
        ],
    )
