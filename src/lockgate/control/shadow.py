"""What a semantic cache in the shadow would have given, and how that compares with what providers answered: from the log."""

from __future__ import annotations

from itertools import islice

import msgspec

from lockgate.stores.logs.ports import Filter, LogStore

#: Of a match that differs most in its answers, so many are told.
FEW = 10


class Differing(msgspec.Struct, frozen=True):
    """Two requests that a level took for one, and whose answers are others: the cosine of the two, and the verifier's score."""

    id: str
    of: str
    alike: float | None
    score: float | None


class Shadowed(msgspec.Struct):
    """What a level would have given: how many requests would have hit; of those whose answers could be compared, how many said
    the same to the letter, the same but for spelling, and something else. `alike` is the mean cosine of the latter with what
    the cache had, None where there is none; `worst` are those that are least alike. Two answers of one model to one question
    are often worded differently: what differs is to be read, not counted."""

    level: str
    would_hit: int = 0
    compared: int = 0
    equal: int = 0
    canonical: int = 0
    other: int = 0
    alike: float | None = None
    worst: list[Differing] = []
    saved_nusd: int = 0


class Shadow(msgspec.Struct):
    """Requests that were looked up and not found, and what each level in the shadow would have given of them."""

    missed: int
    levels: list[Shadowed]


def shadow(store: LogStore, meant: Filter, most: int | None = None) -> Shadow:
    """Sum it up, of the requests that are meant; of the newest `most` alone, if that is said. Raises `StoreError`."""
    missed, levels = 0, dict[str, Shadowed]()
    alike: dict[str, list[float]] = {}
    for record in islice(store.scan(msgspec.structs.replace(meant, caches=("semantic miss",))), most):
        missed += 1
        match = record.match
        if match is None or not match.shadow:
            continue
        told = levels.setdefault(match.level, Shadowed(match.level))
        told.would_hit += 1
        told.saved_nusd += record.cost_nusd or 0
        if not match.answers:
            continue
        told.compared += 1
        setattr(told, match.answers, getattr(told, match.answers) + 1)
        if match.answers == "other":
            if match.alike is not None:
                alike.setdefault(match.level, []).append(match.alike)
            told.worst = sorted([*told.worst, Differing(record.id, match.id, match.alike, match.score)], key=_nearness)[:FEW]
    for name, values in alike.items():
        levels[name].alike = sum(values) / len(values)
    return Shadow(missed, [levels[name] for name in sorted(levels)])


def _nearness(each: Differing) -> float:
    return -1.0 if each.alike is None else each.alike
