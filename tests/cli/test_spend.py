"""`lockgate spend`, as an operator types it."""

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

#: Those that FOCUS 1.2 makes mandatory in each dataset.
MANDATORY = {
    "BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency", "BillingPeriodEnd",
    "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodEnd",
    "ChargePeriodStart", "ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost",
    "PricingQuantity", "PricingUnit", "ProviderName", "PublisherName", "ServiceCategory",
    "ServiceName",
}  # fmt: skip


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lockgate.yaml").write_text("providers: {mine: {provider: openai, api_key: sk-never-shown-123456}}\n")
    noon_us = time.time_ns() // 1000 // 86_400_000_000 * 86_400_000_000 - 43_200_000_000
    store = SqliteLog(tmp_path / "data" / "log", report=pytest.fail)
    usage = Usage(input=1_500_000, output=500_000, cached=7)
    members = {"provider": "mine", "model_sent": "gpt-a", "key_id": "config:app", "metadata": {"team": "=red"}, "usage": usage}
    store.append(
        [
            Record(new_id(noon_us, 1), noon_us, cost_nusd=1_234_567_891, **members),
            Record(new_id(noon_us, 2), noon_us, cost_nusd=None, **{**members, "model_sent": "gpt-b", "metadata": {}}),
        ]
    )
    store.close()
    return lambda *args: CliRunner().invoke(cli, ["spend", *args, "--data", str(tmp_path / "data")])


def test_it_shows_what_was_spent_and_what_nobody_knows(run):
    result = run("--by", "key,model")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["app", "gpt-a", "$1.234567891", "1", "1,500,000", "500,000"] in lines
    assert ["app", "gpt-b", "$0.000000000", "1", "1,500,000", "500,000", "1"] in lines
    assert "The cost of 1 requests with 2,000,000 tokens is not known" in result.stderr
    assert "mine/gpt-b: 1 requests, 2,000,000 tokens" in result.stderr


def test_json_has_everything(run):
    told = json.loads(run("--json", "--by", "metadata.team", "--step", "day").stdout)
    assert [(row["metadata.team"], row["cost_usd"]) for row in told["rows"]] == [("=red", "1.234567891"), ("", "0.000000000")]
    assert told["unpriced"] == [{"provider": "mine", "model": "gpt-b", "requests": 1, "tokens": 2_000_000}]
    assert (told["total"]["cost_nusd"], told["total"]["unpriced"]) == (1_234_567_891, 1)


def test_csv_runs_no_formula(run):
    rows = list(csv.DictReader(io.StringIO(run("--csv", "--by", "metadata.team,key").stdout)))
    assert [(row["metadata.team"], row["key_name"], row["cost_usd"]) for row in rows] == [
        ("'=red", "app", "1.234567891"),
        ("", "app", "0.000000000"),
    ]


def test_focus_has_the_columns_of_the_specification(run):
    result = run("--focus", "--by", "metadata.team")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert set(rows[0]) >= MANDATORY
    assert all(name.startswith("x_") or name[0].isupper() for name in rows[0])
    first, second = rows
    assert (first["BilledCost"], first["ListCost"], first["BillingCurrency"]) == ("1.234567891", "1.234567891", "USD")
    assert (first["ProviderName"], first["SkuId"], first["Tags"]) == ("OpenAI", "mine/gpt-a", '{"team":"=red"}')
    assert (first["ConsumedQuantity"], first["PricingQuantity"], first["PricingUnit"]) == ("2000000", "2", "1000000 Tokens")
    assert first["ChargePeriodStart"].endswith("T00:00:00Z") and first["BillingPeriodStart"].endswith("-01T00:00:00Z")
    assert "price of 1 of 1 requests is not known" in second["ChargeDescription"] and second["x_UnpricedRequests"] == "1"
    assert "is not known" in result.stderr


def test_what_makes_no_sense_is_said(run):
    for args, said in (
        (("--by", "planet"), "'planet' is none of"),
        (("--since", "soon"), "neither a duration"),
        (("--json", "--csv"), "give one of"),
        (("--focus", "--step", "all"), "--step day or month"),
    ):
        result = run(*args)
        assert (result.exit_code, said in result.stderr) == (1, True), result.output
    assert run("--since", "1ms").stdout == "No requests are on record in this time.\n"
