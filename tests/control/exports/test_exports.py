"""An export: from a draft to a file, whatever happens in between."""

import csv
import json

import pytest
from msgspec.structs import replace

from lockgate.control.exports import carry_out as module
from lockgate.control.exports.carry_out import TRIES, carry_out
from lockgate.control.exports.columns import COLUMNS, USUAL
from lockgate.control.exports.job import DRAFT_US, KEPT_US, Job, expires_us, status_of
from lockgate.control.exports.shelf import Exports
from lockgate.control.exports.writers import cell
from lockgate.exporter import export_all
from lockgate.stores.control.query import Absent
from lockgate.stores.logs.ports import Filter
from lockgate.stores.logs.sqlite import SqliteLog
from lockgate.stores.ports import StoreError
from support.log_store import MemoryLog
from support.logged import START, logged

NOW = START + 1
RECORDS = [
    logged(n, tokens=(n, 1), cost_nusd=10**7, metadata={"team": "a"}, request=b'{"n":%d}' % n, response=b"text \xff")
    for n in range(5)
]


@pytest.fixture
def exports(tmp_path):
    return Exports(tmp_path)


@pytest.fixture
def job(exports):
    def made(columns=USUAL, format="jsonl", limit=10**6, id="e1", **more):
        members = {"started_us": NOW, "meant": Filter(organisation="org"), "filters": {}, **more}
        made = Job(
            id=id, organisation="org", workspace="", created_by="k", created_us=NOW, updated_us=NOW, columns=tuple(columns),
            format=format, limit=limit, **members,
        )  # fmt: skip
        exports.put(made)
        return made

    return made


@pytest.fixture
def run(exports):
    def now(job, store=None, **more):
        options = {"clock": lambda: NOW + 9, "ending": lambda: False, **more}
        carry_out(job, exports, MemoryLog(RECORDS) if store is None else store, **options)
        return exports.progress(job.id)

    return now


def test_lines_of_json_newest_first(exports, job, run):
    done = run(made := job(["id", "req_units", "cost", "request", "response", "metadata"]))
    rows = [json.loads(line) for line in exports.result(made).read_text().splitlines()]
    assert [row["req_units"] for row in rows] == [4, 3, 2, 1, 0]
    assert rows[0] == {
        "id": RECORDS[4].id, "req_units": 4, "cost": 1, "request": {"n": 4}, "response": "text \\xff", "metadata": {"team": "a"},
    }  # fmt: skip
    assert (done.state, done.written, done.ended_us) == ("done", 5, NOW + 9)
    assert done.bytes == exports.result(made).stat().st_size
    assert not exports.part(made).exists()


def test_every_column_can_be_told_of_any_record(exports, job, run):
    run(made := job(COLUMNS), MemoryLog([logged(0), *RECORDS]))
    assert all(list(json.loads(line)) == list(COLUMNS) for line in exports.result(made).read_text().splitlines())


def test_a_table_has_no_formulas(exports, job, run):
    evil = logged(
        0,
        model_asked="=HYPERLINK(1)",
        metadata={"_prompt": "@x"},
        error='-1+cmd|" /C calc"!A0',
        tokens=(3, 4),
        key_name='a,b\n"c',
    )
    run(
        made := job(["model_asked", "prompt_slug", "error", "req_units", "metadata", "is_success", "api_key_name"], "csv"),
        MemoryLog([evil]),
    )
    with exports.result(made).open(newline="") as file:
        head, row = csv.reader(file)
    assert head[0] == "model_asked"
    assert row == ["'=HYPERLINK(1)", "'@x", '\'-1+cmd|" /C calc"!A0', "3", '{"_prompt":"@x"}', "true", 'a,b\n"c']


@pytest.mark.parametrize("start", "=+-@\t\r")
def test_a_cell_that_begins_like_a_formula_is_a_text(start):
    assert cell(f"{start}1") == f"'{start}1"


def test_numbers_are_no_texts_and_nothing_is_empty():
    assert (cell(-1.5), cell(None), cell(False), cell([1])) == (-1.5, "", "false", "[1]")


def test_no_more_than_was_asked_for(exports, job, run):
    assert run(job(limit=2)).written == 2


def test_parquet_has_types(exports, job, run):
    parquet = pytest.importorskip("pyarrow.parquet")
    run(made := job(["id", "req_units", "is_success", "metadata"], "parquet"))
    rows = parquet.read_table(exports.result(made)).to_pylist()
    assert rows[0] == {"id": RECORDS[4].id, "req_units": 4.0, "is_success": True, "metadata": '{"team":"a"}'}


def test_without_pyarrow_it_fails_and_says_what_to_install(exports, job, run, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("lockgate.control.exports.writers.import_module", missing)
    done = run(job(format="parquet"))
    assert done.state == "failed" and "pip install 'lockgate[parquet]'" in done.why


def test_one_that_is_stopped_leaves_nothing(exports, job, run, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    made = job()

    class Stopping(MemoryLog):
        def scan(self, meant, *, bodies=False):
            for n, record in enumerate(super().scan(meant, bodies=bodies)):
                if n == 3:
                    exports.change("e1", lambda job: replace(job, stopped_us=NOW + 5))
                yield record

    run(made, Stopping(RECORDS))
    assert status_of(exports.get("e1"), exports.progress("e1")) == "stopped"
    assert [path.name for path in exports.folder.glob("e1.*")] == ["e1.job"]


def test_one_that_the_process_left_is_begun_anew_and_has_nothing_twice(exports, job, run, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    made = job()
    left = run(made, ending=lambda: True)
    assert (left.state, exports.result(made).exists(), status_of(made, left)) == ("running", False, "in_progress")
    assert exports.due() == made
    done = run(made)
    assert (done.state, done.written, len(exports.result(made).read_text().splitlines())) == ("done", 5, 5)
    assert exports.due() is None


def test_one_whose_maker_always_dies_is_given_up(exports, job, run):
    class Killed(BaseException):
        pass

    class Deadly(MemoryLog):
        def scan(self, meant, *, bodies=False):
            raise Killed

    made = job()
    for _ in range(TRIES):
        with pytest.raises(Killed):
            run(made, Deadly())
        assert exports.due() == made
    assert run(made).why == f"whoever made it has died {TRIES} times"
    assert exports.due() is None


@pytest.mark.parametrize("trouble", [StoreError("away"), OSError(28, "No space left on device")])
def test_trouble_is_told_and_leaves_no_file(exports, job, run, trouble):
    class Broken(MemoryLog):
        def scan(self, meant, *, bodies=False):
            yield from list(super().scan(meant))[:1]
            raise trouble

    done = run(made := job(), Broken(RECORDS))
    assert done.state == "failed" and done.why in ("away", "No space left on device")
    assert not exports.part(made).exists() and not exports.result(made).exists()


def test_a_disk_that_is_nearly_full_is_left_to_the_gateway(job, run):
    done = run(job(), leaves_free=2**62)
    assert done.state == "failed" and "nearly full" in done.why


def test_what_is_due_is_done_in_the_order_in_which_it_was_started(exports, job, tmp_path):
    job(id="late", started_us=NOW + 2), job(id="draft", started_us=0), job(id="early", started_us=NOW + 1)
    assert exports.due().id == "early"
    store = SqliteLog(tmp_path / "log", report=pytest.fail)
    store.append(RECORDS)
    store.close()
    assert export_all(tmp_path) == 0
    assert exports.due() is None
    assert [exports.progress(id).written for id in ("early", "late")] == [5, 5]
    assert exports.progress("draft") is None


def test_results_and_drafts_go_after_their_time(exports, job, run):
    done, draft = job(id="done"), job(id="draft", started_us=0)
    run(done)
    until = expires_us(done, exports.progress("done"))
    assert until == NOW + 9 + KEPT_US and expires_us(draft, None) == NOW + DRAFT_US
    assert exports.prune(until - 1) == 0 and exports.result(done).exists()
    assert exports.prune(until) == 1 and not exports.result(done).exists()
    assert exports.prune(NOW + DRAFT_US) == 1
    assert exports.all() == []


def test_what_is_under_way_does_not_go(exports, job):
    job()
    assert exports.prune(NOW + 10 * DRAFT_US) == 0


@pytest.mark.parametrize("id", ["", "../e1", "e1/", "nothing", "a" * 65, "e1.job"])
def test_an_id_that_is_none_leads_nowhere(exports, job, id):
    job()
    with pytest.raises(Absent):
        exports.get(id)
