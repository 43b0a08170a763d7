"""`lockgate export` and `lockgate trace`: the log into a file, a trace onto a terminal."""

import csv
import json

import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from lockgate.stores.logs.sqlite import SqliteLog
from support.logged import logged


@pytest.fixture
def data(tmp_path):
    store = SqliteLog(tmp_path / "data" / "log", report=pytest.fail)
    store.append(
        [
            logged(0, trace_id="t", span_id="a", tokens=(10, 5), cost_nusd=25 * 10**5, latency_us=2_000_000, span_name="agent"),
            logged(
                10**6, trace_id="t", span_id="b", parent_span_id="a", outcome="failed", status=502, error_code="boom\x1b[31m"
            ),
            logged(2, provider="azure", model_asked="=cmd", request=b'{"n":1}', response=b"said"),
        ]
    )
    store.close()
    return tmp_path / "data"


@pytest.fixture
def lockgate(data):
    def run(*arguments):
        return CliRunner().invoke(cli, [*map(str, arguments), "--data", str(data)])

    return run


def test_the_name_of_the_file_says_how_it_is_written(lockgate, tmp_path):
    for name in ("all.jsonl", "all.csv"):
        done = lockgate("export", tmp_path / name)
        assert done.exit_code == 0 and "3 requests" in done.output
    assert len([json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]) == 3
    rows = list(csv.DictReader((tmp_path / "all.csv").read_text().splitlines()))
    assert [row["model_asked"] for row in rows if row["provider"] == "azure"] == ["'=cmd"]


def test_only_what_is_meant_is_written_and_only_what_is_wanted_of_it(lockgate, tmp_path):
    file = tmp_path / "x.jsonl"
    assert lockgate("export", file, "--provider", "azure", "--columns", "request, response").exit_code == 0
    assert json.loads(file.read_text()) == {"request": {"n": 1}, "response": "said"}
    assert lockgate("export", file, "-n", 2).exit_code == 0
    assert len(file.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x.txt"], ".jsonl"),
        (["x.csv", "--columns", "moon"], "no column 'moon'"),
        (["x.csv", "--since", "soon"], "soon"),
        (["/nowhere/x.csv"], "No such file"),
    ],
)
def test_what_cannot_be_done_is_said(lockgate, arguments, words):
    done = lockgate("export", *arguments)
    assert done.exit_code == 1 and words in done.output


def test_the_columns_are_listed(lockgate):
    assert "upstream_response" in lockgate("export", "x.csv", "--columns", "list").output.split()


def test_a_trace_is_shown_as_a_tree_without_commands_for_the_terminal(lockgate):
    done = lockgate("trace", "t")
    summary, agent, child = done.output.splitlines()
    assert summary == "2 requests, 2.000s, 10 tokens in, 5 out, $0.002500, 1 errors"
    assert "    2.000s  agent  $0.002500" in agent
    assert "chat gpt-4o  failed 502 boom\\x1b[31m" in child and child.index("chat") == agent.index("agent") + 2
    assert lockgate("trace", "nothing").exit_code == 1
