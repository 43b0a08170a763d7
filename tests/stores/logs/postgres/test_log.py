"""stores/logs/postgres: what is its own beyond the contract: partitions, several who write at once, servers that go away."""

import threading

import msgspec
import psycopg
import pytest

from lockgate.core.record import Attempt
from lockgate.stores.logs.ports import Cost, Feedback, Filter
from lockgate.stores.logs.postgres import link, rolling
from lockgate.stores.logs.postgres import log as module
from lockgate.stores.logs.postgres.bodies import TableBlocks
from lockgate.stores.logs.postgres.log import PostgresLog
from lockgate.stores.ports import StoreError, TooLong
from support import postgres
from support.log_records import DAY, NOON, counted, everything, full, ids, record

WHOLE = Filter(since_us=NOON - 10 * DAY, until_us=NOON + 10 * DAY)


@pytest.fixture(scope="module")
def server():
    return postgres.server()


@pytest.fixture
def url(server):
    return postgres.new_database()


@pytest.fixture
def opened(url):
    logs = []

    def opened(**more):
        logs.append(PostgresLog(url, **more))
        return logs[-1]

    yield opened
    for log in logs:
        log.close()


@pytest.fixture
def log(opened):
    return opened()


@pytest.fixture
def sql(url):
    with psycopg.connect(url, autocommit=True) as db:
        yield lambda text, *values: (cursor := db.execute(text, values or None)).description and cursor.fetchall()


def tables(sql):
    return {name for (name,) in sql("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^log_.*[0-9]{8}$'")}


def at_once(*works):
    """Do all of it at the same time; what each has raised."""
    raised, start = [], threading.Barrier(len(works))

    def run(work):
        start.wait()
        try:
            work()
        except Exception as error:
            raised.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


# Days


def test_a_day_is_a_partition_of_each_table(log, sql):
    log.append([record(1), record(2, time_us=NOON - DAY)])
    days = ("20261124", "20261125")
    assert tables(sql) == {f"log_{name}_{day}" for name in ("requests", "bodies", "rollups", "spoken") for day in days}


def test_an_old_day_is_dropped_and_nothing_deleted(log, sql):
    log.append([full(1), record(2, time_us=NOON - 5 * DAY, request=b"x")])
    assert log.prune(NOON) == 1
    assert {name[-8:] for name in tables(sql)} == {"20261125"}
    assert sql("SELECT coalesce(sum(n_tup_del), 0) FROM pg_stat_all_tables WHERE relname LIKE 'log_requests%'") == [(0,)]
    assert sql("SELECT count(*) FROM log_batches WHERE day < %s", NOON // DAY) == [(0,)]
    assert log.prune(NOON) == 0


def test_a_day_that_others_have_dropped_is_made_anew(opened):
    writer, keeper = opened(), opened()
    writer.append([full(1)])
    assert keeper.prune(NOON + DAY) == 1
    assert writer.append([full(1), full(2)]) == 2
    assert ids(everything(keeper)) == [full(2).id, full(1).id]
    assert writer.get(full(2).id) == full(2)


def test_who_scans_a_day_holds_nobody_up_who_drops_others(opened):
    reader, keeper = opened(), opened(busy_s=0.2)
    reader.append([full(1), full(2), record(3, time_us=NOON - 5 * DAY)])
    scan = reader.scan(Filter())
    assert next(scan).id == full(2).id
    assert keeper.prune(NOON - 2 * DAY) == 1
    keeper.append([record(4, time_us=NOON - DAY)])
    assert ids(list(scan)) == [full(1).id]  # the days are those from the beginning


def test_a_day_that_is_over_is_rolled_up_when_the_next_one_begins(log, sql):
    log.append([record(n, time_us=NOON - DAY + n) for n in range(5)])
    assert sql("SELECT sum(requests) FROM log_batches") == [(5,)]
    log.append([record(9)])
    assert sql("SELECT day, sum(requests) FROM log_batches GROUP BY day") == [(NOON // DAY, 1)]
    assert counted(log) == 6


# Several who write


def test_two_writers_with_the_same_records_keep_each_once(opened, monkeypatch):
    monkeypatch.setattr(rolling, "FRESH", 50)
    kept = [full(n) for n in range(1, 121)]
    new = []

    def write(log, order):
        for at in range(0, 120, 20):
            new.append(log.append(order[at : at + 20]))

    one, other = opened(), opened()
    assert at_once(lambda: write(one, kept), lambda: write(other, kept)) == []
    assert sum(new) == 120
    assert ids(everything(one)) == ids(kept)[::-1]
    assert [other.get(each.id) for each in kept] == kept
    assert counted(one) == 120
    assert sum(totals.input for _, totals in other.groups(WHOLE, "provider").rows) == 1200


def test_days_begun_by_several_at_once_are_made_once(opened):
    logs = [opened() for _ in range(4)]
    works = [
        lambda log=log, n=n: log.append([record(n * 10 + k, time_us=NOON + k * DAY) for k in range(3)])
        for n, log in enumerate(logs)
    ]
    assert at_once(*works) == []
    assert counted(logs[0]) == 12
    assert len(everything(logs[0])) == 12


def test_readers_see_each_batch_once_while_it_is_rolled_up(opened, monkeypatch):
    monkeypatch.setattr(rolling, "FRESH", 1)
    writer, reader = opened(), opened()
    writer.append([record(0)])
    done, seen = threading.Event(), []

    def read():
        while not done.is_set():
            seen.append(counted(reader))

    def write():
        for n in range(1, 30):
            writer.append([record(n * 10 + k) for k in range(3)])
        done.set()

    assert at_once(read, write) == []
    assert seen == sorted(seen) and all(count % 3 == 1 for count in seen)
    assert counted(reader) == 88


def test_who_says_something_of_a_trace_meanwhile_is_counted(opened):
    one, other = opened(busy_s=30.0), opened(busy_s=30.0)
    said = [Feedback(id=f"f{n}", trace_id="t", time_us=NOON, value=1) for n in range(20)]

    def rate():
        for each in said:
            other.rate([each])

    def write():
        for n in range(20):
            one.append([record(n, trace_id="t")])

    assert at_once(rate, write) == []
    assert [totals.rated for _, totals in one.series(WHOLE, DAY)] == [400]


def test_what_another_organisation_says_does_not_count(log):
    log.append([record(1, trace_id="t", organisation="a"), record(2, trace_id="t", organisation="b")])
    log.rate([Feedback(id="f", trace_id="t", time_us=NOON, value=5, organisation="a")])
    assert [(name, totals.rated) for name, totals in log.groups(WHOLE, "organisation").rows] == [("a", 1), ("b", 0)]


def test_somebody_who_holds_what_is_needed_is_for_another_time(opened, url):
    log = opened(busy_s=0.05)
    log.append([full(1)])
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE log_requests IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(StoreError, match="somebody else holds"):
            log.append([full(2)])
    assert log.append([full(2)]) == 1


# Bodies


class MemoryBlocks:
    """Blocks in memory, as some other storage would keep them: at once, whatever becomes of the transaction."""

    def __init__(self):
        self.blocks = {}
        self.fails = False

    def __call__(self, db):
        return self

    def put(self, day, name, data):
        assert (day, name) not in self.blocks
        if self.fails:
            raise StoreError("the bucket is full")
        self.blocks[day, name] = data

    def get(self, day, name):
        return self.blocks.get((day, name))

    def lost(self, sentence):
        raise StoreError(sentence)

    def forget(self, day):
        self.blocks = {place: data for place, data in self.blocks.items() if place[0] != day}


def test_bodies_may_lie_elsewhere(opened, sql):
    store = MemoryBlocks()
    log = opened(open_blocks=store)
    kept = [full(n) for n in range(1, 150)] + [record(1, time_us=NOON - DAY, request=b"old")]
    log.append(kept)
    assert [log.get(each.id) for each in kept] == kept
    assert {day for day, _ in store.blocks} == {NOON // DAY, NOON // DAY - 1} and len(store.blocks) == 3
    assert sql("SELECT count(*) FROM log_bodies") == [(0,)]
    log.prune(NOON)
    assert {day for day, _ in store.blocks} == {NOON // DAY}


def test_bodies_that_cannot_be_kept_leave_no_record_and_nothing_refers_to_them(opened):
    store = MemoryBlocks()
    log = opened(open_blocks=store)
    body = msgspec.json.encode({"messages": ["x" * 600, "y" * 600]})
    store.fails = True
    with pytest.raises(StoreError, match="full"):
        log.append([record(1, request=body)])
    assert everything(log) == []
    store.fails = False
    log.append([record(2, request=body)])
    assert log.get(record(2).id) == record(2, request=body)


def test_pages_and_sums_read_no_bodies(opened):
    store = MemoryBlocks()
    log = opened(open_blocks=store)
    log.append([full(1), full(2)])
    store.blocks.clear()
    assert len(log.page(Filter(providers=("p",))).records) == len(list(log.scan(Filter()))) == counted(log) == 2
    with pytest.raises(StoreError, match=r"lost: block \d+ of 2026-11-25 is not there"):
        log.get(full(1).id)


def test_what_a_conversation_sends_again_is_kept_once(log, sql):
    long = [f"{n} " * 400 for n in range(30)]
    kept = [record(n, request=msgspec.json.encode({"messages": long[:n]})) for n in range(1, 30)]
    for each in kept:
        log.append([each])
    assert [log.get(each.id) for each in kept] == kept
    ((size,),) = sql("SELECT sum(length(data)) FROM log_bodies")
    assert size < sum(len(each.request) for each in kept) / 10


# Servers that go away


def test_a_connection_that_dies_within_a_batch_leaves_all_or_nothing(opened, url):
    class Deadly(TableBlocks):
        def put(self, day, name, data):
            super().put(day, name, data)
            if armed:
                armed.clear()
                postgres.close_connections(url)

    armed = [True]
    log, reader = opened(open_blocks=Deadly), opened()
    with pytest.raises(StoreError, match=r"log\.store"):
        log.append([full(n) for n in range(1, 250)])
    assert everything(reader) == [] and counted(reader) == 0
    assert log.append([full(n) for n in range(1, 250)]) == 249
    assert log.get(full(7).id) == full(7)
    assert counted(reader) == 249


def test_connections_that_died_while_nobody_asked_are_replaced(log, url):
    log.append([full(1)])
    postgres.close_connections(url)
    assert log.append([full(2)]) == 1
    postgres.close_connections(url)
    assert counted(log) == 2


def test_a_server_that_hangs_is_given_up_and_found_again(opened, url):
    log = opened(deadline_s=0.3)
    log.append([full(1)])
    with postgres.hung(url):
        for ask in (lambda: log.append([full(2)]), lambda: log.reprice({full(1).id: Cost(1)})):
            with pytest.raises(StoreError):
                ask()
    assert log.append([full(2)]) == 1
    assert ids(everything(log)) == [full(2).id, full(1).id]


def test_a_question_that_reads_for_too_long_is_given_up_and_says_so(opened, monkeypatch):
    log = opened(deadline_s=0.2)
    log.append([full(1)])
    monkeypatch.setattr(link.Connection, "rows", lambda db, *asked: db.execute("SELECT pg_sleep(5)").fetchall())
    with pytest.raises(TooLong, match=r"given up after 0\.2 s"):
        log.series(WHOLE, DAY)


def test_a_server_that_is_not_there_is_said_without_the_password():
    log = PostgresLog("postgresql://log:geheim@127.0.0.1:1/log")
    for ask in (lambda: log.append([full(1)]), lambda: log.page(Filter()), lambda: log.prune(0), lambda: log.feedback(["t"])):
        with pytest.raises(StoreError, match="see that the server runs") as trouble:
            ask()
        assert "geheim" not in str(trouble.value)
    assert "geheim" not in repr(log) + repr(log._link)


@pytest.mark.parametrize(
    "url", ["postgresql://u:geheim%zz@h/d", "postgresql://u:geheim@h:port/d", "postgresql://u:geheim@h/d?nonsense=1"]
)
def test_a_url_that_is_none_is_said_without_the_password(url):
    with pytest.raises(StoreError, match="cannot be read") as trouble:
        PostgresLog(url)
    assert "geheim" not in str(trouble.value)


def test_a_wrong_database_is_said(url):
    log = PostgresLog(url.replace("/db", "/no", 1))
    with pytest.raises(StoreError, match="does not exist"):
        log.page(Filter())


# Versions


def test_tables_of_a_later_version_are_left_alone(log, opened, sql):
    log.append([full(1)])
    sql("UPDATE log_version SET version = 99")
    for ask in (lambda: opened().append([full(2)]), lambda: opened().page(Filter())):
        with pytest.raises(StoreError, match="later version"):
            ask()
    assert sql("SELECT count(*) FROM log_requests") == [(1,)]


def test_schemas_go_forward_one_by_one_with_the_days_that_are_there(log, opened, sql, monkeypatch):
    log.append([full(1)])
    later = ("ALTER TABLE log_requests ADD later integer", "CREATE INDEX log_requests_later ON log_requests (later)")
    monkeypatch.setattr(module, "MIGRATIONS", (*module.MIGRATIONS, *later))
    newer = opened()
    assert newer.append([full(2), record(3, time_us=NOON + DAY)]) == 2
    assert sql("SELECT version FROM log_version") == [(len(module.MIGRATIONS),)]
    assert sql("SELECT count(later) FROM log_requests_20261125") == [(0,)]
    assert log.append([full(4)]) == 1  # an older program that still runs
    assert len(everything(newer)) == 4


def test_what_was_rolled_up_without_numbers_of_retries_is_rolled_up_again(log, opened, sql, monkeypatch):
    def retried(log):
        return [(totals.retried, totals.retries.buckets) for _, totals in log.series(WHOLE, DAY)]

    twice = [Attempt(kind="server"), Attempt(kind="timeout"), Attempt()]
    with monkeypatch.context() as before:
        before.setattr(rolling, "FRESH", 1)
        log.append([record(1, attempts=twice)])
    log.close()
    sql("ALTER TABLE log_rollups DROP COLUMN retries")
    sql("DROP TABLE log_spoken")
    sql("UPDATE log_version SET version = 4")
    newer = opened()
    assert retried(newer) == [(1, {2: 1})]
    newer.append([record(2, attempts=twice)])
    assert retried(newer) == [(2, {2: 2})]


def test_tables_made_by_several_at_once_are_made_once(opened):
    works = [lambda n=n: opened().append([record(n)]) for n in range(4)]
    assert at_once(*works) == []
    assert counted(opened()) == 4
