"""stores/metrics/counting: each record in the spool counts once, whoever dies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.record import Record, new_id
from lockgate.core.reply import Usage
from lockgate.stores.logs.ingest import Ingest
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.metrics import counting as module
from lockgate.stores.metrics import families as of
from lockgate.stores.metrics.counting import RARELY, Counting
from lockgate.stores.metrics.families import Family
from lockgate.stores.metrics.saved import read_saved, read_shown
from lockgate.stores.roster import Life
from lockgate.stores.spool import Spool, segments

NOW = 1_790_000_000_000_000


class House:
    """A spool that is written to, and those who read it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "metrics"
        self.directory = folder / "spool"
        self.said: list[str] = []
        self.written = 0
        self.now = NOW
        self.writers = 0
        self.hire()
        self.counting = Counting(self.directory, self.file, report=self.said.append)

    def hire(self) -> None:
        """A new worker writes."""
        self.writers += 1
        self.spool = Spool(self.directory, clock=lambda: self.now, report=self.said.append)

    def start(self) -> None:
        """Another scribe comes after the one before."""
        self.counting.close()
        self.counting = Counting(self.directory, self.file, report=self.said.append)

    def write(self, count: int = 1) -> None:
        for _ in range(count):
            self.now += 1
            self.written += 1
            record = Record(
                new_id(self.now, self.written), self.now, operation="chat", provider="p", model_sent="m", status=200
            )
            record.usage, record.request = Usage(input=10), b"x" * 50
            assert self.spool.append(record)

    def count(self) -> None:
        while self.counting.step():
            pass

    def number(self, family: Family, *labels: str) -> int:
        return self.counting._tally.series[family.name].numbers.get(labels, [0])[0]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.spool.close()
    house.counting.close()


def test_what_is_written_is_counted_and_saved(house: House) -> None:
    house.write(3)
    house.count()
    house.counting.save()
    assert house.number(of.RECORDS) == 3
    shown = read_shown(house.file)
    assert shown is not None
    assert shown[0].samples["lockgate_tokens"] == 'lockgate_tokens_total{provider="p",model="m",kind="input"} 30\n'
    assert (set(shown[0].models), set(shown[0].providers)) == ({"m"}, {"p"})
    assert house.file.stat().st_mode & 0o077 == 0


def test_a_scribe_that_was_killed_goes_on_from_its_last_save(house: House) -> None:
    house.write(3)
    house.count()
    house.counting.save()
    house.write(2)
    house.count()
    house.start()  # what was counted since is gone, and counted again
    house.count()
    assert house.number(of.RECORDS) == 5
    assert house.number(of.TOKENS, "p", "m", "input") == 50


def test_numbers_that_are_gone_are_counted_from_what_is_there(house: House) -> None:
    house.write(2)
    house.count()
    house.counting.save()
    for damaged in (b"", b"\xc1", read_saved(house.file) and b"\x80"):
        house.file.write_bytes(damaged)  # type: ignore[arg-type]
        house.start()
        house.count()
        assert house.number(of.RECORDS) == 2


def test_numbers_of_another_version_are_not_gone_on_from(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.write(2)
    house.count()
    monkeypatch.setattr(module, "VERSION", 99)
    house.counting.save()
    assert read_saved(house.file) is None


def test_a_segment_stays_until_it_is_counted_for_good(house: House) -> None:
    store = SqliteLog(house.folder / "log", report=house.said.append)
    ingest = Ingest(house.directory, store, report=house.said.append, released=house.counting.has_saved)
    house.write(2)
    house.spool.close()
    for _ in range(3):
        ingest.step()
    assert len(segments(house.directory)) == 1
    house.count()
    ingest.step()
    assert len(segments(house.directory)) == 1
    house.counting.save()
    ingest.step()
    assert segments(house.directory) == []
    house.count()
    house.counting.save()
    saved = read_saved(house.file)
    assert saved is not None
    assert saved.counted == {}
    ingest.close()
    store.close()


def test_where_the_numbers_cannot_be_written_the_log_does_not_wait(house: House) -> None:
    house.write(1)
    house.count()
    house.counting.save()
    name = segments(house.directory)[0].name
    assert not house.counting.has_saved(name, 10**9)
    house.file.unlink()
    house.file.mkdir()
    house.write(1)
    house.count()
    for _ in range(3):
        house.counting.save()
    assert house.counting.has_saved(name, 10**9)
    assert len(house.said) == 1
    assert "metrics: cannot write" in house.said[0]
    house.file.rmdir()
    house.counting.save()
    assert not house.counting.has_saved(name, 10**9)
    assert read_saved(house.file) is not None


def test_what_cannot_be_read_is_counted_as_that(house: House) -> None:
    house.write(1)
    house.spool.close()
    (path,) = segments(house.directory)
    whole = path.read_bytes()
    path.write_bytes(whole + b"\xf5LGRgarbage" * 3 + whole)
    house.count()
    assert house.number(of.RECORDS) == 2
    assert house.number(of.DAMAGED) >= 1


def test_what_workers_lose_is_counted_once_each(house: House) -> None:
    one = Life(pid=1, at=0.0, started_us=NOW, dropped=2, cpu_us=500)
    house.counting.add_lives([one])
    house.counting.add_lives([one])
    one.dropped, one.stripped = 3, 1
    house.counting.add_lives([one, Life(pid=1, at=0.0, started_us=NOW + 1, dropped=10)])  # a pid that was given again
    assert (house.number(of.DROPPED), house.number(of.STRIPPED), house.number(of.CPU, "worker")) == (13, 1, 500)
    house.counting.add_lives([])  # a worker that says nothing for a while
    house.counting.save()
    house.start()
    house.counting.add_lives([one])
    assert house.number(of.DROPPED) == 13


def test_workers_that_are_remembered_are_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_LIVES", 3)
    for pid in range(10):
        house.counting.add_lives([Life(pid=pid, at=0.0, started_us=NOW)])
    assert list(house.counting._lives) == [f"{pid}:{NOW}" for pid in (7, 8, 9)]


def test_a_file_is_not_written_anew_where_nothing_happens(house: House) -> None:
    house.counting.save()
    first = house.file.stat()
    for _ in range(RARELY - 1):
        house.counting.add_cpu(1000)
        house.counting.save()
    second = house.file.stat()
    assert second.st_ino == first.st_ino
    assert second.st_mtime_ns > first.st_mtime_ns  # but said to be up to date
    house.counting.save()
    assert house.file.stat().st_ino != first.st_ino


def test_sums_that_nobody_can_mean_are_saved_all_the_same(house: House) -> None:
    house.counting._tally.series[of.COST.name].numbers[("p", "m")] = [2**70]
    house.counting.save()
    house.start()
    assert house.number(of.COST, "p", "m") == 2**63 - 1


ACTS = st.lists(
    st.sampled_from(["write", "write many", "count", "save", "kill", "ingest", "worker ends"]), min_size=10, max_size=40
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(ACTS)
def test_whatever_happens_each_record_counts_once(tmp_path_factory: pytest.TempPathFactory, acts: list[str]) -> None:
    house = House(tmp_path_factory.mktemp("house"))
    store = SqliteLog(house.folder / "log", report=house.said.append)
    ingest = Ingest(
        house.directory, store, report=house.said.append, released=lambda name, at: house.counting.has_saved(name, at)
    )
    for act in acts:
        if act == "write":
            house.write()
        elif act == "write many":
            house.write(20)
        elif act == "count":
            house.counting.step()
        elif act == "save":
            house.counting.save()
        elif act == "kill":
            house.start()
        elif act == "worker ends":
            house.spool.close()
            house.hire()
        else:
            ingest.step()
    house.count()
    assert house.number(of.RECORDS) == house.written
    for each in (house.spool, house.counting, ingest, store):
        each.close()
