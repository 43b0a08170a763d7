"""`lockgate reprice` and `lockgate prices missing`, as an operator types them."""

import csv
import io
import json
import time

import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from lockgate.core.record import Record, new_id
from lockgate.core.reply import Usage
from lockgate.stores.logs.sqlite import SqliteLog

SECRET = "sk-never-shown-0123456789"
HOUSE = f"providers: {{mine: {{provider: openai, api_key: {SECRET}}}}}\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lockgate.yaml").write_text(HOUSE)
    now_us = time.time_ns() // 1000 - 60_000_000
    store = SqliteLog(tmp_path / "data" / "log", report=pytest.fail)
    members = {"provider": "mine", "provider_kind": "openai", "usage": Usage(input=1000), "usage_source": "provider"}
    store.append(
        [
            Record(new_id(now_us, 1), now_us, model_sent="own-a", cost_nusd=None, cost_note="unknown price", **members),
            Record(new_id(now_us, 2), now_us, model_sent="own-b", cost_nusd=5, price_version="override x", **members),
        ]
    )
    store.close()
    return lambda *args: CliRunner().invoke(cli, [*args, "--data", str(tmp_path / "data")])


def test_from_what_is_missing_to_what_it_cost(run, tmp_path):
    told = run("prices", "missing")
    assert told.exit_code == 0, told.output
    assert '"mine/own-a": {input: …, output: …}' in told.stdout and "own-b" not in told.stdout
    with (tmp_path / "lockgate.yaml").open("a") as file:
        file.write('prices: {"mine/own-a": {input: 2}, "mine/own-b": {input: 1}}\n')
    dry = run("reprice", "--since", "1d", "--dry-run")
    assert "mine      own-a  $0.000000000  $0.002000000  +0.002000000" in dry.stdout
    assert "Nothing was written" in dry.stdout
    real = json.loads(run("reprice", "--since", "1d", "--json").stdout)
    assert (real["written"], real["total"]["difference_usd"], real["total"]["newly_priced"]) == (2, "0.002999995", 1)
    assert json.loads(run("spend", "--json").stdout)["total"]["cost_usd"] == "0.003000000"
    assert run("prices", "missing").stdout == "All models that were used have a price.\n"
    assert "0 requests were written anew" in run("reprice", "--since", "1d").stdout


def test_csv_names_what_has_changed(run, tmp_path):
    with (tmp_path / "lockgate.yaml").open("a") as file:
        file.write('prices: {"mine/own-b": {input: 0}}\n')
    rows = list(csv.DictReader(io.StringIO(run("reprice", "--since", "1d", "--dry-run", "--csv").stdout)))
    assert [(row["model"], row["difference_usd"], row["unpriced"]) for row in rows] == [
        ("own-b", "-0.000000005", "0"),
        ("own-a", "0.000000000", "1"),
    ]


def test_filters_and_mistakes(run, tmp_path):
    assert (
        json.loads(run("reprice", "--since", "1d", "--model", "own-a", "--dry-run", "--json").stdout)["total"]["requests"] == 1
    )
    assert json.loads(run("reprice", "--since", "1d", "--provider", "@other", "--json").stdout)["rows"] == []
    assert run("reprice", "--since", "1d", "--provider", "other").stdout == "No requests are on record in this time.\n"
    for args, said in (
        (("reprice",), "Missing option '--since'"),
        (("reprice", "--since", "x"), "neither a duration"),
        (("reprice", "--since", "1d", "--json", "--csv"), "either --json or --csv"),
    ):
        result = run(*args)
        assert result.exit_code != 0 and said in result.stderr
    (tmp_path / "lockgate.yaml").write_text("providers: {x: {provider: klingon}}")
    for args in (("reprice", "--since", "1d"), ("prices", "missing")):
        result = run(*args)
        assert result.exit_code == 1 and "no provider is called 'klingon'" in result.stderr
