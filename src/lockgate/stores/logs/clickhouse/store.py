"""`ClickHouseLog`: the request log in a ClickHouse server, for many gateways and many millions of requests.

Whatever is written may be written again. Known ids are looked for before an insert, which also says how many are new; but an
insert whose answer was lost may still come to be after the look of its repetition. Therefore rows replace their like, and every
question is asked so that only one of them stands (see `schema`): a sum never doubles.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from lockgate.core.record import Record, time_of_id, unpack
from lockgate.stores.logs import spoken
from lockgate.stores.logs.clickhouse import schema
from lockgate.stores.logs.clickhouse.address import Address
from lockgate.stores.logs.clickhouse.bodies import Bodies, TableBodies
from lockgate.stores.logs.clickhouse.client import Client
from lockgate.stores.logs.clickhouse.conditions import condition
from lockgate.stores.logs.clickhouse.days import drop_days
from lockgate.stores.logs.clickhouse.keys import Key, among_ids, among_keys, near
from lockgate.stores.logs.clickhouse.literals import encoded, text, texts
from lockgate.stores.logs.clickhouse.ratings import Ratings
from lockgate.stores.logs.clickhouse.rows import Names, kept_time, row, told_row, words_of
from lockgate.stores.logs.clickhouse.schema import COLUMNS, REQUESTS, SPOKEN
from lockgate.stores.logs.clickhouse.sums import Sums
from lockgate.stores.logs.costs import say, says
from lockgate.stores.logs.ports import Cost, Cursor, Feedback, Filter, Groups, Page
from lockgate.stores.logs.rollup import DAY_US, SUMS, Totals
from lockgate.stores.logs.sums import check_dimension
from lockgate.stores.ports import StoreError

#: Records that are read at a time when all are, and bytes of their requests.
_SCANNED, _SCANNED_BYTES = 500, 16 * 1024 * 1024
#: Records whose costs are set at a time.
_REPRICED = 1000
_INSERT = f"INSERT INTO {REQUESTS} ({', '.join(COLUMNS)}) FORMAT RowBinary"
_TELL = f"INSERT INTO {SPOKEN} (time_us, span, id, data) FORMAT RowBinary"
_NEWEST_FIRST = "ORDER BY time_us DESC, id DESC"


class ClickHouseLog:
    """A `LogStore` at a ClickHouse server. Any number of processes may append and read; calls may come from several threads.

    The first call sees to the tables. With `text`, what is appended can be searched by its words; what was appended without it,
    never. `bodies` is where bodies are, if not in a table beside.
    """

    def __init__(self, address: Address, *, text: bool = True, bodies: Bodies | None = None) -> None:
        self._address = address
        self._text = text
        self._client = Client(address)
        self._bodies = bodies or TableBodies(self._client)
        self._ratings = Ratings(self._client)
        self._names = Names()
        self._prepared = False
        self._turn = threading.Lock()

    @classmethod
    def at(cls, url: str, *, text: bool = True) -> ClickHouseLog:
        """The log at a URL (see `Address`). Raises `StoreError`, which does not show it."""
        return cls(Address.of(url), text=text)

    def __repr__(self) -> str:
        return f"ClickHouseLog({self._address})"

    def append(self, records: Sequence[Record]) -> int:
        """Keep the records; how many were new. A day is one insert into one partition: all of it is kept, or nothing. Raises
        `StoreError`; what was kept until then stays kept."""
        days: dict[int, dict[str, Record]] = {}
        for record in records:
            days.setdefault(kept_time(record.time_us) // DAY_US, {}).setdefault(record.id, record)
        return sum(self._append(day) for _, day in sorted(days.items()))

    def tell(self, told: Sequence[Record]) -> None:
        """Keep what log records say was said in spans: rows replace their like."""
        self._ready()
        days: dict[int, list[bytes]] = {}
        for each in told:
            days.setdefault(kept_time(each.time_us) // DAY_US, []).append(told_row(each))
        for _, rows in sorted(days.items()):
            self._client.insert(_TELL, b"".join(rows))

    def told(self, span: Record) -> list[Record]:
        """What was said in a span."""
        since_us, until_us = map(kept_time, spoken.when(span))
        where = f"span = {text(spoken.span_of(span).hex())} AND time_us BETWEEN {since_us} AND {until_us}"
        query = f"SELECT data FROM {SPOKEN} WHERE {where} ORDER BY id LIMIT 1 BY id LIMIT {spoken.MOST}"
        return spoken.unpacked(data for (data,) in self._ready().strings(query, 1))

    def page(self, meant: Filter, after: Cursor | None = None, limit: int = 50) -> Page:
        """The newest records that are meant, older than `after`, without bodies."""
        found = self._find(meant, after, limit)
        return Page(found, Cursor.of(found[-1]) if found and len(found) >= limit else None)

    def scan(self, meant: Filter, *, bodies: bool = False) -> Iterator[Record]:
        """All records that are meant, newest first."""
        after: Cursor | None = None
        while found := self._find(meant, after, _SCANNED):
            after = Cursor.of(found[-1])
            for some in _stretches(found) if bodies else (found,):
                if bodies:
                    self._bodies.add(some, ("request",))
                yield from some

    def get(self, id: str) -> Record | None:
        """One record with its bodies. An id of ours says when it was; for another, all are searched."""
        client = self._ready()
        for where in dict.fromkeys((near([id]), "1")):
            query = f"SELECT facts FROM {REQUESTS} FINAL WHERE {where} AND {among_ids([id])} LIMIT 1"
            for (facts,) in client.strings(query, 1):
                record = self._unpack(facts)
                self._bodies.add([record])
                return record
        return None

    def series(self, meant: Filter, step_us: int) -> list[tuple[int, Totals]]:
        """What the records that are meant come to, in steps, oldest first."""
        since_us, until_us = _times(meant)
        since_us, until_us = since_us // step_us * step_us, -(-until_us // step_us) * step_us
        whole = msgspec.structs.replace(meant, since_us=since_us, until_us=until_us)
        return Sums(self._ready(), condition(whole)).by_step(step_us)

    def spread(self, meant: Filter, by: str, step_us: int) -> list[tuple[int, int, int]]:
        """How many requests each step has that can be told apart by a dimension, and how many groups these make."""
        check_dimension(by)
        since_us, until_us = _times(meant)
        since_us, until_us = since_us // step_us * step_us, -(-until_us // step_us) * step_us
        whole = msgspec.structs.replace(meant, since_us=since_us, until_us=until_us)
        return Sums(self._ready(), condition(whole)).spread(by, step_us)

    def groups(
        self, meant: Filter, by: str, *, order: str = "requests", limit: int = 50, offset: int = 0, sketches: bool = False
    ) -> Groups:
        """The same told apart by a dimension. Models are told apart as they were sent."""
        check_dimension(by)
        if order not in SUMS:
            raise ValueError(f"'{order}' is none of {', '.join(SUMS)}")
        _times(meant)
        return Groups(*Sums(self._ready(), condition(meant)).by_group(by, order, limit, offset, sketches=sketches))

    def reprice(self, costs: Mapping[str, Cost]) -> int:
        """Set what requests cost, by rows of the next version. Ids of ours say when; for others all days are searched."""
        own = sorted(id for id in costs if time_of_id(id) is not None)
        others = sorted(costs.keys() - own)
        changed: dict[int, list[bytes]] = {}
        for ids in (own, others):
            for start in range(0, len(ids), _REPRICED):
                self._change(ids[start : start + _REPRICED], costs, changed)
        for _, rows in sorted(changed.items()):
            self._client.insert(_INSERT, b"".join(rows))
        return sum(map(len, changed.values()))

    def rate(self, feedback: Sequence[Feedback]) -> None:
        """Keep what people said. It counts with each request of its trace, whenever that comes."""
        self._ready()
        self._ratings.say(feedback)

    def feedback(self, traces: Sequence[str]) -> list[Feedback]:
        """What people said of traces, oldest first."""
        self._ready()
        return self._ratings.of(traces)

    def prune(self, before_us: int) -> int:
        """Drop the partitions of days that ended before; how many days."""
        client = self._ready()
        gone = drop_days(client, REQUESTS, before_us)
        self._bodies.forget(before_us)
        drop_days(client, SPOKEN, before_us)
        self._ratings.prune(before_us)
        return len(gone)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def _ready(self) -> Client:
        """The client, once the tables are there."""
        with self._turn:
            if not self._prepared:
                schema.prepare(self._client, self._address.database)
                self._prepared = True
        return self._client

    def _append(self, day: dict[str, Record]) -> int:
        client = self._ready()
        times = [kept_time(record.time_us) for record in day.values()]
        # The times are known, so that the look is a short one.
        where = f"time_us BETWEEN {min(times)} AND {max(times)} AND id IN ({texts(day)})"
        known = {id.decode() for (id,) in client.strings(f"SELECT DISTINCT id FROM {REQUESTS} WHERE {where}", 1)}
        new = [record for id, record in day.items() if encoded(id).decode() not in known]
        if new:
            # A request is there once its row is; bodies that nobody's row follows are forgotten with their day.
            self._bodies.put(new)
            rows = [row(record, self._names, words_of(record) if self._text else b"") for record in new]
            client.insert(_INSERT, b"".join(rows))
        return len(new)

    def _find(self, meant: Filter, after: Cursor | None, limit: int) -> list[Record]:
        """The newest that are meant, older than `after`: first their keys, as the table is ordered and from few columns, then
        what stands of each. A version that stands no more may give a key too much, but never one too few."""
        client = self._ready()
        found: list[Record] = []
        while (wanted := limit - len(found)) > 0:
            where = condition(meant, after)
            keys: list[Key] = [
                (time_us, id)
                for time_us, id in client.rows(
                    f"SELECT time_us, id FROM {REQUESTS} WHERE {where} {_NEWEST_FIRST} LIMIT {wanted}"
                )
            ]
            if not keys:
                break
            where = f"{among_keys(keys)} AND {condition(meant)}"
            query = f"SELECT facts FROM {REQUESTS} FINAL WHERE {where} {_NEWEST_FIRST}"
            found += [self._unpack(facts) for (facts,) in client.strings(query, 1)]
            if len(keys) < wanted:
                break
            after = Cursor(*keys[-1])
        return found

    def _change(self, ids: list[str], wanted: Mapping[str, Cost], changed: dict[int, list[bytes]]) -> None:
        """Add the rows that these costs make, by their days."""
        query = f"SELECT toString(version), words, facts FROM {REQUESTS} FINAL WHERE {near(ids)} AND {among_ids(ids)}"
        for version, words, facts in self._ready().strings(query, 3):
            record = self._unpack(facts)
            if record.id in wanted and not says(record, wanted[record.id]):
                say(record, wanted[record.id])
                rows = changed.setdefault(kept_time(record.time_us) // DAY_US, [])
                rows.append(row(record, self._names, words, int(version) + 1))

    def _unpack(self, facts: bytes) -> Record:
        try:
            return unpack(facts)
        except msgspec.DecodeError as error:
            raise StoreError(f"{self._client.place}: a record cannot be read: {error}.") from None


def _stretches(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Records in a row whose requests have so many bytes together."""
    some: list[Record] = []
    size = 0
    for record in records:
        some.append(record)
        size += record.bytes_in
        if size >= _SCANNED_BYTES:
            yield some
            some, size = [], 0
    if some:
        yield some


def _times(meant: Filter) -> tuple[int, int]:
    if meant.since_us is None or meant.until_us is None:
        raise ValueError("from when until when? Both times are needed")
    return meant.since_us, meant.until_us
