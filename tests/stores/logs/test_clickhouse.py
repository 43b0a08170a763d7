"""stores/logs/clickhouse: what only it has to stand: strange values in its SQL, servers that say no, and one that goes and comes
back in the midst of an insert."""

from __future__ import annotations

import http.server
import signal
import threading
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lockgate.core.record import Record
from lockgate.stores.logs.clickhouse import client as client_module
from lockgate.stores.logs.clickhouse import literals, rowbinary, schema
from lockgate.stores.logs.clickhouse.address import Address
from lockgate.stores.logs.clickhouse.client import Client
from lockgate.stores.logs.clickhouse.rows import Names, bodies_row, row, words_of
from lockgate.stores.logs.clickhouse.schema import COLUMNS
from lockgate.stores.logs.clickhouse.store import ClickHouseLog
from lockgate.stores.logs.ports import Cost, Filter, Range, glob
from lockgate.stores.ports import StoreError
from support import clickhouse
from support.log_records import DAY, NOON, counted, everything, full, ids, rating, record

DAY_OF = Filter(since_us=NOON - DAY, until_us=NOON + DAY)
NASTY = st.text(st.one_of(st.sampled_from("\\'\"`%_*?[]{}\0\b\n\r\t ;-a"), st.characters()), max_size=12)


@pytest.fixture(scope="module")
def engine() -> Iterator[Client]:
    """A client of a server that is there."""
    client = Client(Address.of(clickhouse.server().url("default")))
    yield client
    client.close()


@pytest.fixture
def log() -> Iterator[ClickHouseLog]:
    log = ClickHouseLog(Address.of(clickhouse.new_database()))
    yield log
    log.close()


# Values in statements


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NASTY, min_size=1, max_size=5))
def test_any_text_is_the_same_in_a_statement(engine: Client, values: list[str]) -> None:
    listed = ", ".join(f"{literals.text(value)} AS c{at}" for at, value in enumerate(values))
    assert engine.strings(f"SELECT {listed}", len(values)) == [[literals.encoded(value) for value in values]]
    among = " AND ".join(f"has([{literals.texts(values)}], {literals.text(value)})" for value in values)
    assert engine.rows(f"SELECT {among}") == [[1]]


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(NASTY, NASTY)
def test_a_pattern_means_what_it_means_elsewhere(engine: Client, value: str, pattern: str) -> None:
    for tried in (value, pattern):
        found = engine.rows(f"SELECT {literals.like(literals.text(tried), pattern)}")
        assert found == [[int(fnmatchcase(literals.encoded(tried).decode(), glob(literals.encoded(pattern).decode())))]]


@given(st.lists(st.lists(st.binary(max_size=300), min_size=3, max_size=3), max_size=5))
def test_strings_in_rows_come_back(kept: list[list[bytes]]) -> None:
    data = b"".join(rowbinary.string(value) for row in kept for value in row)
    assert list(rowbinary.rows(data, 3)) == kept


@pytest.mark.parametrize("size", [0, 1, 127, 128, 16_383, 16_384, 2**21 + 5])
def test_lengths_are_as_leb128_has_them(size: int) -> None:
    assert next(rowbinary.rows(rowbinary.string(b"x" * size), 1)) == [b"x" * size]
    assert len(rowbinary.length(size)) == max(1, -(-size.bit_length() // 7))


# What is inserted twice


def test_an_insert_whose_answer_was_lost_counts_once(log: ClickHouseLog) -> None:
    """It came to be after the look for known ids that its repetition began with: the rows are there twice."""
    kept = [full(n) for n in range(1, 30)]
    log.append(kept)
    log.rate([rating(1, kept[3].trace_id, 5)])
    for _ in range(2):
        log._client.insert(
            f"INSERT INTO {schema.REQUESTS} ({', '.join(COLUMNS)}) FORMAT RowBinary",
            b"".join(row(each, Names(), words_of(each)) for each in kept),
        )
        log._client.insert(
            f"INSERT INTO {schema.BODIES} ({', '.join(schema.BODY_COLUMNS)}) FORMAT RowBinary", b"".join(map(bodies_row, kept))
        )
    log._client.run(f"SYSTEM STOP MERGES {schema.REQUESTS}")
    assert log._client.rows(f"SELECT count() > 29 FROM {schema.REQUESTS}") == [[1]]
    assert (
        ids(everything(log)) == ids(everything(log, limit=1)) == ids(list(log.scan(Filter(), bodies=True))) == ids(kept)[::-1]
    )
    assert [each.request for each in log.scan(Filter(), bodies=True)] == [each.request for each in reversed(kept)]
    ((_, totals),) = log.groups(DAY_OF, "provider", sketches=True).rows
    assert (totals.requests, totals.input, totals.latency.count, totals.rated) == (29, 290, 29, 1)
    assert [log.get(each.id) for each in kept] == kept


def test_an_older_version_is_neither_found_nor_counted(log: ClickHouseLog) -> None:
    kept = [full(n) for n in range(1, 8)]
    log.append(kept)
    log._client.run(f"SYSTEM STOP MERGES {schema.REQUESTS}")
    for nusd in (5000, None, 9000):
        assert log.reprice({kept[2].id: Cost(nusd), kept[4].id: Cost(nusd)}) == 2
    assert log.append(kept) == 0
    assert ids(everything(log, limit=2)) == ids(kept)[::-1]
    assert ids(everything(log, Filter(cost_nusd=Range(4000)), limit=1)) == [kept[4].id, kept[2].id]
    assert ids(everything(log, Filter(cost_nusd=Range(None, 6000)))) == [kept[n].id for n in (6, 5, 3, 1, 0)]
    ((_, totals),) = log.series(DAY_OF, DAY)
    assert (totals.requests, totals.cost_nusd, totals.unpriced) == (7, 5 * 1234 + 2 * 9000, 0)


def test_bodies_without_their_row_are_no_request(log: ClickHouseLog, monkeypatch: pytest.MonkeyPatch) -> None:
    insert = Client.insert

    def dies_between(client: Client, statement: str, data: bytes) -> None:
        if schema.REQUESTS in statement:
            raise StoreError("gone")
        insert(client, statement, data)

    with monkeypatch.context() as patch:
        patch.setattr(Client, "insert", dies_between)
        with pytest.raises(StoreError):
            log.append([full(3)])
    assert log.get(full(3).id) is None
    assert everything(log) == []
    assert log.append([full(3)]) == 1
    assert log.get(full(3).id) == full(3)


# Servers that say no


def test_a_server_that_goes_and_comes_back_is_asked_again(log: ClickHouseLog) -> None:
    server = clickhouse.server()
    assert log.append([full(1)]) == 1
    server.kill()
    with pytest.raises(StoreError, match=r"ClickHouse at 127\.0\.0\.1:\d+/logs \d+ cannot be reached: connection refused\."):
        log.append([full(2)])
    with pytest.raises(StoreError, match="cannot be reached"):
        log.page(Filter())
    server.start()
    assert log.append([full(1), full(2)]) == 1
    assert ids(everything(log)) == [full(2).id, full(1).id]
    assert counted(log) == 2


def test_a_server_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    server = clickhouse.server()
    client = Client(Address.of(server.url("default")), answer_s=0.3)
    assert client.run("SELECT 1") == b"1\n"
    server.signal(signal.SIGSTOP)
    try:
        with pytest.raises(StoreError, match=r"does not answer within 0\.3 s\.$"):
            client.run("SELECT 1")
    finally:
        server.signal(signal.SIGCONT)
    assert client.run("SELECT 2") == b"2\n"
    client.close()


def test_a_connection_that_was_closed_meanwhile_is_made_again(engine: Client) -> None:
    assert engine.run("SELECT 1") == b"1\n"
    for connection in engine._idle:
        connection.sock.shutdown(2)
    assert engine.run("SELECT 2") == b"2\n"


def test_a_wrong_password_is_said_and_not_shown() -> None:
    url = clickhouse.server().url("default").replace("s3cret", "hunter2")
    log = ClickHouseLog(Address.of(url))
    with pytest.raises(
        StoreError, match=r"ClickHouse at 127\.0\.0\.1:\d+/default: it does not know that user, or the password is wrong\."
    ) as no:
        log.append([full(1)])
    assert "hunter2" not in str(no.value) + repr(log) + repr(log._client) + repr(log._address)
    log.close()


def test_a_log_of_a_later_program_is_left_alone(log: ClickHouseLog) -> None:
    log.append([full(1)])
    log._client.run(f"INSERT INTO {schema.VERSIONS} VALUES (99)")
    later = ClickHouseLog(log._address)
    with pytest.raises(StoreError, match=r"later version of this program \(schema 99\)"):
        later.append([full(2)])
    later.close()


def test_schemas_go_forward_one_by_one(log: ClickHouseLog, monkeypatch: pytest.MonkeyPatch) -> None:
    log.append([full(1)])
    more = ("CREATE TABLE later (x UInt8) ENGINE = Memory",)
    monkeypatch.setattr(schema, "MIGRATIONS", (*schema.MIGRATIONS, more))
    later = ClickHouseLog(log._address)
    assert later.append([full(2)]) == 1
    assert later._client.rows(f"SELECT max(version) FROM {schema.VERSIONS}") == [[len(schema.MIGRATIONS)]]
    assert later._client.rows("SELECT count() FROM later") == [[0]]
    later.close()


class Scripted(http.server.BaseHTTPRequestHandler):
    """Says what it is told to say."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    said: tuple[int, dict[str, str], bytes]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, headers, body = self.said
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answers() -> Iterator[Callable[[int, bytes], str]]:
    """A server that gives the same answer to everything: its URL."""
    servers: list[http.server.ThreadingHTTPServer] = []

    def answers(status: int, body: bytes, **headers: str) -> str:
        said = (status, {name.replace("_", "-"): value for name, value in headers.items()}, body)
        handler = type("Handler", (Scripted,), {"said": said})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return f"clickhouse://lock:hunter2@127.0.0.1:{server.server_port}/logs"

    yield answers
    for server in servers:
        server.shutdown()
        server.server_close()


NOES = {
    "old": (200, b"18.16.1\n", r"is of version 18\.16\.1, which is too old: 23\.3 or later is needed"),
    "no ClickHouse": (200, b"<html>welcome\n</html>", "the answer is none of ClickHouse's"),
    "disk": (500, b"Code: 243. DB::Exception: Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)", "its disk is full"),
    "disk, as the system says it": (
        500, b"Code: 74. DB::ErrnoException: Cannot write to file: , errno: 28, strerror: No space left on device.", "its disk is full",
    ),
    "parts": (500, b"Code: 252. DB::Exception: Too many parts (3000). (TOO_MANY_PARTS)", r"not done yet with merging"),
    "reader": (500, b"Code: 164. DB::Exception: lock: Cannot execute query in readonly mode. (READONLY)", "may only read"),
    "memory": (
        500, b"Code: 241. DB::Exception: Query memory limit exceeded. (MEMORY_LIMIT_EXCEEDED) (version 25.8.1.1)",
        r"logs: Query memory limit exceeded\. \(MEMORY_LIMIT_EXCEEDED\)\.$",
    ),
    "proxy": (502, b"<html>Bad Gateway</html>", "logs: status 502 instead of an answer"),
    "cut": (200, b"", "broke off"),
}  # fmt: skip


@pytest.mark.parametrize("how", NOES)
def test_each_no_is_one_sentence(answers: Callable[..., str], how: str) -> None:
    status, body, sentence = NOES[how]
    more = {"Content_Length": "7"} if how == "cut" else {}
    if how == "cut":
        more["Connection"] = "close"
    log = ClickHouseLog(Address.of(answers(status, body, **more)))
    with pytest.raises(StoreError, match=sentence) as no:
        log.append([record(1)])
    assert "hunter2" not in str(no.value)
    assert "\n" not in str(no.value)
    log.close()


def test_what_is_no_tls_is_said(answers: Callable[..., str]) -> None:
    log = ClickHouseLog(Address.of(answers(200, b"").replace("clickhouse://", "clickhouses://")))
    with pytest.raises(StoreError, match="cannot be reached: it does not speak TLS there"):
        log.page(Filter())


# URLs


def test_a_url_is_taken_apart() -> None:
    found = Address.of("clickhouse://an%40na:p%3Aw%2F@ch.example.com/the%20log?max_threads=2&secure=true&ca=/etc/ca.pem")
    assert msgspec.structs.astuple(found) == (
        "ch.example.com", 8443, "an@na", "p:w/", "the log", True, "/etc/ca.pem", (("max_threads", "2"),),
    )  # fmt: skip
    assert repr(found) == "ch.example.com:8443/the log"
    assert Address.of("clickhouse://h").port == 8123
    assert Address.of("clickhouses://h:1234/").port == 1234
    assert Address.of("clickhouses://h").secure


@pytest.mark.parametrize(
    "url",
    [
        "clickhouse://",
        "clickhouse://u:hunter2@/x",
        "clickhouse://u:hunter2@h:port/x",
        "clickhouse://u:hunter2@h?secure=perhaps",
    ],
)
def test_a_url_that_is_none_is_said_and_not_shown(url: str) -> None:
    with pytest.raises(StoreError, match="ClickHouse's URL") as no:
        Address.of(url)
    assert "hunter2" not in str(no.value)


def test_the_settings_of_a_url_go_with_each_query() -> None:
    client = Client(Address.of(clickhouse.server().url("default") + "&max_threads=1"))
    assert client.rows("SELECT getSetting('max_threads')") == [[1]]
    client.close()


# Text search


def test_the_index_of_words_is_asked(log: ClickHouseLog) -> None:
    bodies = [f'{{"messages": [{{"role": "user", "content": "number{n} ärger"}}]}}'.encode() for n in range(50)]
    log.append([record(n, request=body) for n, body in enumerate(bodies)])
    assert ids(log.page(Filter(text="Number7 ÄRGER")).records) == [record(7).id]
    assert [totals.requests for _, totals in log.series(msgspec.structs.replace(DAY_OF, text="number8"), DAY)] == [1]
    explained = log._client.run(
        f"EXPLAIN indexes = 1 SELECT count() FROM {schema.REQUESTS} FINAL WHERE hasToken(words, 'number99')"
    ).decode()
    assert "by_words" in explained
    assert "Granules: 0/1" in explained


def test_a_word_in_pieces_is_no_word(log: ClickHouseLog) -> None:
    log.append([record(1, request=b'{"messages": [{"role": "user", "content": "refunded"}]}')])
    assert log.page(Filter(text="refund")).records == []


def test_times_before_and_after_all_days_are_kept(log: ClickHouseLog) -> None:
    kept = [Record(id=f"x{n}", time_us=time_us, request=b"x") for n, time_us in enumerate((-(10**20), -5, 2**52, 2**70))]
    assert log.append(kept) == 4
    assert sorted(ids(everything(log, limit=1))) == ["x0", "x1", "x2", "x3"]
    assert [log.get(each.id) for each in kept] == kept


def test_an_answer_that_breaks_off_is_none_of_clickhouses(monkeypatch: pytest.MonkeyPatch, engine: Client) -> None:
    monkeypatch.setattr(client_module.Client, "run", lambda *_: b"\x05ab")
    with pytest.raises(StoreError, match="none of ClickHouse's"):
        engine.strings("SELECT 1", 1)
    with pytest.raises(StoreError, match="none of ClickHouse's"):
        engine.rows("SELECT 1")
