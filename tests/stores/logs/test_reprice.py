"""stores/logs/reprice: what the contract (`test_contract_reprice.py`) does not see of it."""

import sqlite3
from datetime import UTC, datetime

import pytest

from lockgate.core.record import Record, new_id
from lockgate.core.reply import Usage
from lockgate.stores.logs.ports import Cost, Filter, Range
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.ports import StoreError

START = int(datetime(2026, 11, 25, tzinfo=UTC).timestamp()) * 1_000_000


def record(number, **members):
    time_us = members.pop("time_us", START + number * 1000)
    members = {"provider": "p", "model_sent": f"m{number % 3}", "usage": Usage(input=10, output=5), "cost_nusd": 100, **members}
    return Record(new_id(time_us, number), time_us, **members)


@pytest.fixture
def log(tmp_path):
    log = SqliteLog(tmp_path, report=pytest.fail, busy_s=5.0)
    yield log
    log.close()


def test_a_store_that_is_locked_says_so_and_changes_nothing(tmp_path):
    log = SqliteLog(tmp_path, report=pytest.fail, busy_s=0.01)
    log.append([record(1)])
    (file,) = tmp_path.glob("2026-11-25.db")
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked"):
        log.reprice({record(1).id: Cost(1)})
    other.execute("ROLLBACK")
    other.close()
    assert log.get(record(1).id).cost_nusd == 100
    log.close()


def test_the_index_of_terms_stays_sound(log, tmp_path):
    log.append([record(n) for n in range(20)])
    log.reprice({record(n).id: Cost(None if n % 2 else 10**9) for n in range(20)})
    (file,) = tmp_path.glob("2026-11-25.db")
    with sqlite3.connect(file) as db:
        db.execute("INSERT INTO find (find) VALUES ('integrity-check')")
    dear = log.page(Filter(cost_nusd=Range(least=10**8)), limit=99).records
    assert len(dear) == 10
