"""stores/ledger/keeper: what is done from time to time, by one of many."""

from __future__ import annotations

import asyncio
import threading

import pytest

from lockgate.core.record import Attempt, Record, new_id
from lockgate.core.reply import Usage
from lockgate.policy.ledger import Budget
from lockgate.policy.window import Period
from lockgate.stores.ledger import keeper as module
from lockgate.stores.ledger.keeper import FINAL_US, KEEP_US, PRUNE_US, Keeper, look_in
from lockgate.stores.ledger.recovery import recover
from lockgate.stores.logs.ingest import Ingest
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.ports import StoreError
from lockgate.stores.spool import Spool
from support.ledger import SECOND

ORG = Budget("org", 10_000)
MINUTE = 60 * SECOND


class Log:
    """Records by their ids; and what was looked for."""

    def __init__(self):
        self.records = {}
        self.looks = []

    def __call__(self, ids):
        self.looks.append(sorted(ids))
        return [self.records[id] for id in ids if id in self.records]

    def put(self, id, cost, **more):
        usage = Usage(input=1, output=1)
        self.records[id] = Record(
            id, 0, attempts=[Attempt()], usage=usage, **{"usage_source": "provider", "cost_nusd": cost, **more}
        )


class House:
    def __init__(self, book, clock, path):
        self.book, self.clock, self.path = book, clock, path
        self.monotonic = 0
        self.log = Log()
        self.reports = []
        self.keepers = []

    def keeper(self, at="one"):
        keeper = Keeper(
            self.book,
            self.path / at / "keeper.lock",
            self.log,
            report=self.reports.append,
            monotonic_us=lambda: self.monotonic,
        )
        self.keepers.append(keeper)
        return keeper

    def passes(self, us):
        self.clock.us += us
        self.monotonic += us


@pytest.fixture
def house(book, clock, tmp_path):
    house = House(book, clock, tmp_path)
    yield house
    for keeper in house.keepers:
        keeper._turn.end()


def orphan(house, desk, *ids, budget=ORG):
    worker = desk()
    for id in ids:
        worker.reserve([budget], id, 0, (100, 50, 1)).dispatch()
    worker.die()
    recover(house.book, house.path / "journals", boot="one")


def test_what_was_charged_by_estimate_is_corrected_by_the_log(house, desk):
    orphan(house, desk, "r", "s", "t")
    house.log.put("r", 30)
    house.log.put("s", 90, usage_source="estimated")
    keeper = house.keeper()
    keeper.round()
    assert house.book.balance(ORG).spent == 230
    assert keeper.corrected == 1
    assert house.book.doubtful() == [("s", 0), ("t", 0)]
    assert repr(keeper) == "Keeper(Turn(keeper.lock, ours), 1 corrected, 3 looked for)"
    assert house.reports == []


def test_what_the_log_does_not_know_is_looked_for_ever_more_seldom(house, desk, monkeypatch):
    monkeypatch.setattr(module, "_LOOKED_AT", 2)
    orphan(house, desk, "r", "s", "t")
    keeper = house.keeper()
    looked = []
    for minute in range(200):
        keeper.round()
        if house.log.looks:
            looked.append(minute)
            assert house.log.looks == [["r", "s"], ["t"]]
            house.log.looks.clear()
        house.passes(MINUTE)
    assert looked == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    house.log.put("s", 40)
    for _ in range(60):
        keeper.round()
        house.passes(MINUTE)
    assert house.book.doubtful() == [("r", 0), ("t", 0)]
    assert house.book.balance(ORG).spent == 240


def test_one_process_of_a_machine_looks_and_another_when_it_is_gone(house, desk):
    orphan(house, desk, "r")
    one, two = house.keeper(), house.keeper()
    one.round()
    two.round()
    assert len(house.log.looks) == 1
    one._turn.end()
    two.round()
    assert len(house.log.looks) == 2


def test_each_machine_looks_in_its_own_log(house, desk):
    orphan(house, desk, "r")
    house.keeper("one").round()
    house.keeper("two").round()
    assert len(house.log.looks) == 2


def leases(house):
    with house.book._database.transaction() as tables:
        return tables.everything()[1]


def test_what_is_old_is_forgotten_by_one_of_all_machines(house, desk):
    daily = Budget("daily", 1000, period=Period("day"))
    orphan(house, desk, "r", budget=daily)
    one, two = house.keeper("one"), house.keeper("two")
    one.round()
    house.passes(FINAL_US + MINUTE)
    one.round()
    two.round()
    assert house.book.doubtful() == []
    assert [(each.epoch, each.posted) for each in leases(house)] == [(0, 100)]
    assert house.book.balance(daily).spent == 0  # that of today
    two.round()
    house.passes(KEEP_US)
    one.round()
    two.round()
    assert leases(house) == []
    assert house.book.audit() == []


def test_nothing_is_forgotten_by_a_clock_that_was_just_set(house, desk):
    daily = Budget("daily", 1000, period=Period("day"))
    worker = desk()
    worker.teller.settle(worker.reserve([daily], "r", 0, (100, 0, 1)), (70, 0, 1), 0)
    worker.leave()
    keeper = house.keeper()
    keeper.round()
    house.passes(PRUNE_US)
    house.clock.us += 2 * KEEP_US
    keeper.round()
    house.clock.us -= 2 * KEEP_US
    house.passes(PRUNE_US)
    keeper.round()
    assert house.book.balance(daily).spent == 70


def test_a_ledger_in_trouble_is_told_once_and_asked_again(house, desk, database):
    orphan(house, desk, "r")
    house.log.put("r", 30)
    keeper = house.keeper()
    for _ in range(2):
        database.trouble = "before"
        keeper.round()
    assert house.reports == ["ledger: cannot begin"]
    keeper.round()
    assert house.book.balance(ORG).spent == 30
    database.trouble = "before"
    keeper.round()
    assert house.reports == ["ledger: cannot begin"] * 2


def test_it_keeps_house_until_it_is_cancelled(house, desk, monkeypatch):
    monkeypatch.setattr(module, "ROUND_S", 0.001)
    orphan(house, desk, "r")
    rounds, looking, go_on = [], threading.Event(), threading.Event()

    def look(ids):
        rounds.append(ids)
        house.monotonic += 100 * MINUTE
        if len(rounds) == 3:
            looking.set()
            go_on.wait(10)
        return []

    keeper = Keeper(
        house.book, house.path / "keeper.lock", look, report=house.reports.append, monotonic_us=lambda: house.monotonic
    )

    async def whole():
        task = asyncio.create_task(keeper.keep())
        await asyncio.to_thread(looking.wait, 10)
        task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done()  # the ledger is not let go in the middle of something
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(whole())
    assert len(rounds) == 3
    assert repr(keeper).startswith("Keeper(Turn(keeper.lock, waiting)")


# --- the log


NOW = 1_795_000_000 * SECOND


def record(number):
    return Record(new_id(NOW + number, number), NOW + number, operation="chat")


def test_it_looks_in_the_spool_and_in_the_store(tmp_path):
    spool = Spool(tmp_path / "spool", clock=lambda: NOW, report=pytest.fail)
    store = SqliteLog(tmp_path / "log", report=pytest.fail)
    look = look_in(tmp_path / "spool", store)
    assert list(look({"nobody"})) == []
    records = [record(number) for number in range(6)]
    for each in records[:3]:
        spool.append(each)
    ingest = Ingest(tmp_path / "spool", store, report=pytest.fail)
    ingest.step()
    for each in records[3:5]:
        spool.append(each)
    wanted = {records[1].id, records[2].id, records[4].id, records[5].id}
    assert [each.id for each in look(wanted)] == [records[4].id, records[1].id, records[2].id]
    assert list(look(set())) == []
    spool.close()
    while ingest.step():
        pass
    assert {each.id for each in look(wanted)} == wanted - {records[5].id}
    ingest.close()
    store.close()


def test_a_damaged_record_is_passed_over(tmp_path):
    spool = Spool(tmp_path / "spool", clock=lambda: NOW, report=pytest.fail)
    store = SqliteLog(tmp_path / "log", report=pytest.fail)
    spool._write(b"no record at all", NOW)
    spool.append(record(1))
    assert [each.id for each in look_in(tmp_path / "spool", store)({record(1).id})] == [record(1).id]
    spool.close()


def test_a_spool_that_cannot_be_read_is_told(tmp_path):
    (tmp_path / "spool").touch()
    with pytest.raises(StoreError, match="cannot read"):
        list(look_in(tmp_path / "spool", SqliteLog(tmp_path / "log", report=pytest.fail))({"r"}))
