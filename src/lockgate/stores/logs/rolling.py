"""Rolling up: the requests that are counted from their rows go over into the roll-ups, many at a time.

To add each request to the dozen roll-ups it belongs to would cost more than all else; of sixteen thousand most share them. All
sums of a request are one whole number here, with a lane of 64 bits for each, so that to add two requests is one addition.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from struct import Struct
from typing import Any

from lockgate.stores.logs.cuts import ALL, CUTS, FEW, KEY, KEY_MODEL, METADATA, TENANCY, USER, Cut
from lockgate.stores.logs.names import Names
from lockgate.stores.logs.rollup import DAY_US, FIVE_MINUTES_US, HOUR_US, MINUTE_US, SKETCHES, SUMS
from lockgate.stores.logs.rows import BITS
from lockgate.stores.logs.schema import NAMED, SINGLE
from lockgate.stores.logs.sketch import Sketch
from lockgate.stores.logs.sums import BUCKETS, adds

#: So many requests are rolled up together.
FRESH = 16_384
#: Sums that may fall, as somebody changes what he said or prices are corrected: they have a lane for what is added and one for
#: what is taken away.
_SIGNED = ("cost_nusd", "unpriced", "rated", "weight", "score")
_UNSIGNED = tuple(name for name in SUMS if name not in _SIGNED)
_LANES = Struct(f"<{len(_UNSIGNED) + 2 * len(_SIGNED)}Q")

_KEYS = ", ".join(f'"{name}"' for name in NAMED)
_ADD = (
    f"INSERT INTO rollups (cut, span_us, {_KEYS}, start_us, {', '.join((*_UNSIGNED, *_SIGNED))}, {', '.join(SKETCHES)}) "  # noqa: S608
    f"VALUES ({', '.join('?' * (3 + len(NAMED) + len(SUMS) + len(SKETCHES)))}) ON CONFLICT DO UPDATE SET "
    + ", ".join(
        [f"{name} = {name} + excluded.{name}" for name in SUMS]
        + [f"{name} = merged({name}, excluded.{name})" for name in SKETCHES]
    )
)
_PLACE = {name: at for at, name in enumerate(NAMED)}


class _Heap:
    """Requests thrown together: their sums, and the buckets of their sketches."""

    __slots__ = ("buckets", "lanes")

    def __init__(self) -> None:
        self.lanes = 0
        self.buckets: tuple[list[int], list[int], list[int], list[int]] = ([], [], [], [])

    def add(self, other: _Heap) -> None:
        self.lanes += other.lanes
        for mine, more in zip(self.buckets, other.buckets, strict=True):
            mine += more


_Key = tuple[int, ...]  # start, then the columns of a cut with its tenancy
_Heaps = dict[_Key, _Heap]


def fresh(db: sqlite3.Connection) -> int:
    """How many requests are not rolled up."""
    return db.execute("SELECT count(*) FROM fresh").fetchone()[0]


def roll_up(db: sqlite3.Connection, names: Names, start_us: int) -> None:
    """Roll up all that is fresh. Within a transaction."""
    sums = adds(db)
    query = _query(
        [sums[name] for name in _UNSIGNED], [sums[name] for name in _SIGNED], "fresh s CROSS JOIN requests r ON r.n = s.n"
    )
    _add(db, names, start_us, db.execute(query + " LEFT JOIN rated q ON q.n = r.n"))
    db.execute("DELETE FROM fresh")


def change(db: sqlite3.Connection, names: Names, start_us: int, changes: Mapping[int, Mapping[str, int]]) -> None:
    """Add what has changed of requests, by their numbers, to the roll-ups of those that are rolled up already. Within a
    transaction."""
    told = [[n, *(changed.get(name, 0) for name in _SIGNED)] for n, changed in changes.items()]
    query = _query(
        ["0"] * len(_UNSIGNED),
        [f"json_extract(s.value, '$[{at}]')" for at in range(1, len(_SIGNED) + 1)],
        "json_each(?) s CROSS JOIN requests r ON r.n = json_extract(s.value, '$[0]')",
        sketches=False,
    )
    query += " WHERE r.n NOT IN (SELECT n FROM fresh)"
    _add(db, names, start_us, db.execute(query, (json.dumps(told),)))


def _query(unsigned: list[str], signed: list[str], source: str, *, sketches: bool = True) -> str:
    both = [f"max({each}, 0), max(-({each}), 0)" for each in signed]
    buckets = [bucket if sketches else "NULL" for bucket in BUCKETS.values()]
    names = [f'r."{name}"' for name in SINGLE]
    return f"SELECT r.n, r.metadata, {', '.join([*buckets, *names, *unsigned, *both])} FROM {source}"  # noqa: S608


def _add(db: sqlite3.Connection, names: Names, start_us: int, rows: Iterable[Sequence[Any]]) -> None:
    """Add rows of `_query` to all roll-ups that they belong to."""
    few, keys, users, tags, minutes, keys_models = _Heaps(), _Heaps(), _Heaps(), _Heaps(), _Heaps(), _Heaps()
    rolled, pack, whole = names.rolled, _LANES.pack, int.from_bytes
    at = {name: index for index, name in enumerate(SINGLE)}
    pick_few, pick_both = ([at[name] for name in (*cut.names, *TENANCY)] for cut in (FEW, KEY_MODEL))
    user, key, key_name, organisation, workspace = (at[name] for name in ("user", "key", "key_name", *TENANCY))
    first = 2 + len(SKETCHES)
    end = first + len(SINGLE)
    for row in rows:
        n, metadata, latency, ttft, gap, retries = row[:first]
        own = row[first:end]
        if min(own) < 0:
            own = tuple(map(rolled, own))
        lanes = whole(pack(*row[end:]), "little")
        ms = n >> BITS
        hour = start_us + ms // 3_600_000 * HOUR_US
        of = (own[organisation], own[workspace])
        places: list[tuple[_Heaps, _Key]] = [
            (few, (start_us + ms // 300_000 * FIVE_MINUTES_US, *[own[index] for index in pick_few])),
            (keys, (hour, own[key], own[key_name], *of)),
            (users, (hour, own[user], *of)),
            (minutes, (start_us + ms // 60_000 * MINUTE_US, *of)),
            (keys_models, (start_us, *[own[index] for index in pick_both])),
        ]
        if metadata:
            groups = [rolled(int(each)) for each in metadata[1:-1].split(",")]
            places += [(tags, (hour, group, *of)) for group in groups if group]
        for heaps, place in places:
            heap = heaps.get(place)
            if heap is None:
                heap = heaps[place] = _Heap()
            heap.lanes += lanes
            latencies, firsts, gaps, counts = heap.buckets
            if latency is not None:
                latencies.append(latency)
            if ttft is not None:
                firsts.append(ttft)
            if gap is not None:
                gaps.append(gap)
            if retries is not None:
                counts.append(retries)
    finest = {
        ALL: (minutes, MINUTE_US), KEY: (keys, HOUR_US), USER: (users, HOUR_US), METADATA: (tags, HOUR_US),
        FEW: (few, FIVE_MINUTES_US), KEY_MODEL: (keys_models, DAY_US),
    }  # fmt: skip
    for cut in CUTS:
        heaps, at_us = finest[cut] if cut in finest else (_coarser(few, cut), FIVE_MINUTES_US)
        for span_us in reversed(cut.spans_us):
            if span_us != at_us:
                heaps, at_us = _longer(heaps, span_us, start_us), span_us
            db.executemany(_ADD, _rows(cut, span_us, heaps))


def _coarser(few: _Heaps, cut: Cut) -> _Heaps:
    """The heaps of a cut that tells less apart."""
    columns = (*FEW.names, *TENANCY)
    pick = [0, *[1 + columns.index(name) for name in (*cut.names, *TENANCY)]]
    return _thrown_together(few, lambda place: tuple([place[index] for index in pick]))


def _longer(heaps: _Heaps, span_us: int, start_us: int) -> _Heaps:
    """The heaps of longer spans."""
    return _thrown_together(heaps, lambda place: (place[0] - (place[0] - start_us) % span_us, *place[1:]))


def _thrown_together(heaps: _Heaps, place_of: Callable[[_Key], _Key]) -> _Heaps:
    found = _Heaps()
    for place, heap in heaps.items():
        new = place_of(place)
        if new not in found:
            found[new] = _Heap()
        found[new].add(heap)
    return found


def _rows(cut: Cut, span_us: int, heaps: _Heaps) -> Iterator[tuple[object, ...]]:
    columns = [_PLACE[name] for name in (*cut.names, *TENANCY)]
    for place in sorted(heaps):
        heap = heaps[place]
        named = [0] * len(NAMED)
        for column, number in zip(columns, place[1:], strict=True):
            named[column] = number
        numbers = _LANES.unpack(heap.lanes.to_bytes(_LANES.size, "little"))
        signed = numbers[len(_UNSIGNED) :]
        changes = [signed[at] - signed[at + 1] for at in range(0, len(signed), 2)]
        sketches = [_packed(buckets) for buckets in heap.buckets]
        yield (cut.number, span_us, *named, place[0], *numbers[: len(_UNSIGNED)], *changes, *sketches)


def _packed(buckets: list[int]) -> bytes:
    """A sketch of these buckets, as bytes."""
    if len(buckets) < 2:
        return _SMALL[buckets[0]] if buckets and buckets[0] < len(_SMALL) else Sketch(dict.fromkeys(buckets, 1)).pack()
    return Sketch(dict(Counter(buckets))).pack()


#: The sketches of one value.
_SMALL = [Sketch({bucket: 1}).pack() for bucket in range(1024)]
