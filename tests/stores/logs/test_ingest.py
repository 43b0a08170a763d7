"""stores/logs/ingest: every record once, whoever dies in between."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.core.record import Record, new_id, pack
from lockgate.stores.emptying import Emptying, cursors
from lockgate.stores.logs.ingest import Ingest
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.rollup import DAY_US
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.ports import StoreError
from lockgate.stores.spool import Spool, frame, segments

NOW = 1_790_000_000_000_000


class House:
    """A spool, a store, and what moves records between them."""

    def __init__(self, root: Path) -> None:
        self.now = NOW
        self.said: list[str] = []
        self.spool_at = root / "spool"
        self.store = SqliteLog(root / "log", report=self.said.append)
        self.spools: list[Spool] = []
        self.ingest = self.start()

    def start(self) -> Ingest:
        return Ingest(self.spool_at, self.store, report=self.said.append)

    def restart(self) -> None:
        self.ingest.close()
        self.ingest = self.start()

    def spool(self, **options: int) -> Spool:
        spool = Spool(self.spool_at, clock=lambda: self.now, report=self.said.append, **options)
        self.spools.append(spool)
        return spool

    def kept(self) -> list[str]:
        return [record.error for record in reversed(self.store.page(Filter(), limit=100_000).records)]

    def counted(self) -> int:
        return sum(totals.requests for _, totals in self.store.series(Filter(since_us=0, until_us=2 * NOW), DAY_US))

    def close(self) -> None:
        self.ingest.close()
        self.store.close()
        for spool in self.spools:
            spool.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.close()


def record(number: int) -> Record:
    return Record(id=new_id(NOW + number, number), time_us=NOW + number, error=str(number), request=b"x" * 100)


def numbers(*ranges: range) -> list[str]:
    return [str(number) for each in ranges for number in each]


def test_records_move_in_batches_that_grow_until_there_are_none(house: House) -> None:
    spool = house.spool()
    for n in range(5700):
        spool.append(record(n))
    behind: list[bool] = []
    taken: list[int] = []
    for _ in range(5):
        taken.append(house.ingest.step())
        behind.append(house.ingest.behind)
    assert taken == [500, 1000, 2000, 2000, 200]
    assert behind == [True, True, True, True, False]
    assert house.kept() == numbers(range(5700))
    assert house.ingest.kept == 5700
    for n in range(600):
        spool.append(record(5700 + n))
    assert [house.ingest.step() for _ in range(3)] == [500, 100, 0]


def test_it_is_behind_when_bytes_fill_a_batch(house: House) -> None:
    spool = house.spool()
    for n in range(300):
        spool.append(Record(id=new_id(NOW + n, n), time_us=NOW + n, error=str(n), request=b"x" * 10_000))
    assert 100 < house.ingest.step() < 300
    assert house.ingest.behind


def test_nothing_there_is_nothing_to_do(house: House) -> None:
    assert house.ingest.step() == 0
    assert not (house.spool_at / "cursors.json").exists()


def test_a_segment_goes_when_its_writer_has_gone_and_all_is_kept(house: House) -> None:
    spool = house.spool()
    spool.append(record(1))
    house.ingest.step()
    house.ingest.step()
    assert len(segments(house.spool_at)) == 1
    spool.append(record(2))
    spool.close()
    house.ingest.step()
    house.ingest.step()
    assert segments(house.spool_at) == []
    assert house.kept() == ["1", "2"]
    house.ingest.step()
    assert cursors(house.spool_at) == {}


def test_several_writers_are_served(house: House) -> None:
    spools = [house.spool(), house.spool(), house.spool()]
    house.now += 1
    for n in range(300):
        house.now += 1
        spools[n % 3].append(record(n))
    while house.ingest.step():
        pass
    assert house.kept() == numbers(range(300))


def test_it_goes_on_where_it_was_after_a_restart(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = house.spool()
    spool.append(record(1))
    house.ingest.step()
    spool.append(record(2))
    house.restart()
    seen: list[int] = []
    append = house.store.append
    monkeypatch.setattr(house.store, "append", lambda records: seen.append(len(records)) or append(records))
    house.ingest.step()
    assert seen == [1]
    assert house.kept() == ["1", "2"]


@pytest.mark.parametrize("cursor", [b"", b"{", b"[1]", b'{"x": "y"}', b"\xff"])
def test_lost_cursors_cost_time_and_nothing_else(house: House, cursor: bytes) -> None:
    spool = house.spool()
    for n in range(50):
        spool.append(record(n))
    house.ingest.step()
    (house.spool_at / "cursors.json").write_bytes(cursor)
    house.restart()
    assert house.ingest.step() == 50
    assert house.kept() == numbers(range(50))
    assert house.counted() == 50


def test_a_store_that_will_not_costs_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = house.spool()
    spool.append(record(1))

    def fails(records: list[Record]) -> int:
        raise StoreError("full")

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "append", fails)
        for _ in range(3):
            with pytest.raises(StoreError):
                house.ingest.step()
    spool.append(record(2))
    assert house.ingest.step() == 2
    assert house.kept() == ["1", "2"]


def test_dying_between_rows_and_cursors_keeps_nothing_twice(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = house.spool()
    for n in range(20):
        spool.append(record(n))
    with monkeypatch.context() as patch:
        patch.setattr(Emptying, "save", lambda self: None)
        house.ingest.step()
    house.restart()
    assert house.ingest.step() == 20
    assert (house.kept(), house.counted()) == (numbers(range(20)), 20)


def test_damage_is_counted_and_said_and_the_rest_kept(house: House) -> None:
    house.spool_at.mkdir()
    parts = [frame(pack(record(1))), b"rubbish", frame(b"no record"), frame(pack(record(2))), frame(pack(record(3)))[:-5]]
    (house.spool_at / "1.spool").write_bytes(b"".join(parts))
    assert house.ingest.step() == 3
    assert house.kept() == ["1", "2"]
    assert house.ingest.damaged == 2
    assert "2 damaged" in house.said[0]
    house.ingest.step()
    assert segments(house.spool_at) == []


def test_a_spool_taken_away_is_no_trouble(house: House) -> None:
    spool = house.spool()
    spool.append(record(1))
    house.ingest.step()
    for path in house.spool_at.iterdir():
        path.unlink()
    assert house.ingest.step() == 0
    house.now += 2_000_000
    spool.append(record(2))
    house.ingest.step()
    assert house.kept() == ["1", "2"]


def test_a_large_spool_is_moved_a_little_at_a_time(house: House) -> None:
    spool = house.spool()
    for n in range(12):
        spool.append(Record(id=new_id(NOW + n, n), time_us=NOW + n, error=str(n), request=b"x" * 1_000_000))
    steps = [house.ingest.step() for _ in range(8)]
    assert steps[0] <= 3
    assert max(steps) <= 9
    assert sum(steps) == 12
    assert house.kept() == numbers(range(12))


def test_its_repr_says_how_far_it_is(house: House) -> None:
    house.spool().append(record(1))
    house.ingest.step()
    assert repr(house.ingest) == "Ingest(1 segments, 1 records kept, 0 damaged)"


INGEST = """
import sys
from pathlib import Path
from lockgate.stores.logs.ingest import Ingest
from lockgate.stores.logs.sqlite import SqliteLog
root = Path(sys.argv[1])
ingest = Ingest(root / "spool", SqliteLog(root / "log", report=print), report=print)
print("ready", flush=True)
while True:
    ingest.step()
"""


def test_an_ingest_killed_at_random_keeps_every_record_once(house: House, tmp_path: Path) -> None:
    draw = random.Random(7)
    spool = house.spool(segment_bytes=100_000)
    number = 0
    for _ in range(8):
        with subprocess.Popen([sys.executable, "-c", INGEST, tmp_path], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            child.stdout.readline()
            for _ in range(draw.randrange(300, 3000)):
                spool.append(record(number))
                number += 1
            child.send_signal(signal.SIGKILL)
    spool.close()
    house.restart()
    while house.ingest.step() or segments(house.spool_at):
        pass
    assert house.kept() == numbers(range(number))
    assert house.counted() == number


def test_cursors_that_cannot_be_written_are_said_and_nothing_is_lost(house: House) -> None:
    spool = house.spool()
    spool.append(record(1))
    (house.spool_at / "cursors.part").mkdir()
    house.ingest.step()
    assert "cannot write" in house.said[0]
    spool.append(record(2))
    house.restart()
    house.ingest.step()
    assert house.kept() == ["1", "2"]


def test_a_segment_that_cannot_be_deleted_is_said(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = house.spool()
    spool.append(record(1))
    spool.close()

    def fails(*_: object, **__: object) -> None:
        raise PermissionError(1, "not permitted")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", fails)
        house.ingest.step()
        house.ingest.step()
    assert "cannot delete" in house.said[0]
    while house.ingest.step():
        pass
    house.ingest.step()
    assert segments(house.spool_at) == []
    assert house.kept() == ["1"]
