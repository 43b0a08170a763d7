"""`lockgate backtest`, as an operator types it."""

import csv
import io
import json
import sys
import time

import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from lockgate.cli.progress import progress
from lockgate.core.record import Attempt, Record, new_id
from lockgate.core.reply import Usage
from lockgate.stores.logs.sqlite import SqliteLog

HOUSE = """
providers:
  openai: {api_key: sk-openai-secret-1234567890}
  claude: {provider: anthropic, api_key: sk-ant-secret-1234567890}
prices:
  openai/gpt-a: {input: 2, output: 4}
  claude/claude-x: {input: 1, output: 2}
keys:
  - {name: app, key: "app-key-0123456789-abcdefgh"}
"""
OLD = HOUSE + 'configs: {pc: {provider: "@openai", override_params: {model: gpt-a}}}'
NEW = (
    HOUSE
    + """
configs:
  pc:
    strategy:
      mode: conditional
      conditions:
        - {query: {params.user: vip}, then: a}
        - {query: {model: strange, headers.x-tier: gold}, then: a}
      default: both
    targets:
      - {name: a, provider: "@openai", override_params: {model: gpt-a}}
      - name: both
        strategy: {mode: loadbalance}
        targets:
          - {provider: "@openai", override_params: {model: gpt-a}}
          - {provider: "@claude", override_params: {model: claude-x}}
"""
)


def record(number, **members):
    time_us = time.time_ns() // 1000 - number * 60_000_000
    members = {
        "key_id": "config:app",
        "route": "pc",
        "provider": "openai",
        "operation": "chat",
        "path": "/v1/chat/completions",
        "dialect_in": "openai.chat",
        "model_asked": "m",
        "model_sent": "gpt-a",
        "status": 200,
        "attempts": [Attempt("config", "openai", "gpt-a", 200)],
        "usage": Usage(input=1_000_000),
        "cost_nusd": 2_000_000_000,
        "request": b'{"model": "m", "user": "me"}',
        **members,
    }
    return Record(new_id(time_us, number), time_us, **members)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "LOCKGATE_ADMIN_KEY", "LOCKGATE_DATA", "LOCKGATE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "lockgate.yaml").write_text(OLD)
    (tmp_path / "new.yaml").write_text(NEW)
    log = SqliteLog(tmp_path / "lockgate-data" / "log", report=print)
    log.append(
        [
            record(1),
            record(2, request=b'{"model": "m", "user": "vip"}'),
            record(
                3,
                outcome="failed",
                status=429,
                attempts=[Attempt("c", "openai", "gpt-a", 429, "rate_limit")],
                usage=None,
                cost_nusd=None,
            ),
            record(4, key_id="gone", key_name="old\x1b[2J"),
            record(5, model_asked="strange"),
            record(6, request=b""),
            record(7, operation="models", route=""),
            record(60 * 24 * 8),
        ]
    )
    log.close()

    def run(*arguments, status=0):
        result = CliRunner().invoke(cli, ["backtest", "--config", "new.yaml", *arguments])
        assert result.exit_code == status, result.output
        return result.output

    return run


def test_it_shows_what_would_change(run):
    shown = run().splitlines()
    assert shown[0].startswith("new.yaml on 7 requests from ")
    assert shown[1] == "4 could be planned anew; 2 of them (50.0%) would go elsewhere."
    assert shown[3:9] == [
        "REQUESTS  WENT TO        WOULD GO TO              COST  NEW COST   CHANGE",
        "       2  @openai/gpt-a  the same              $3.0000   $3.0000    +0.0%",
        "       1  @openai/gpt-a  @claude/claude-x      $1.0000   $0.5000   -50.0%",
        "       1  @openai/gpt-a  refused: invalid_key  $2.0000   $0.0000  -100.0%",
        "       4  in all                               $6.0000   $3.5000   -41.7%",
        "",
    ]
    assert shown[9:] == [
        "Would be refused:",
        "         1  invalid_key: The key 'old\\x1b[2J' is not there.",
        "",
        "What was no answer then, or would be none:",
        "         1  answered, @openai/gpt-a  ->  refused: invalid_key, refused: invalid_key",
        "       0.5  failed: rate_limit (429), @openai/gpt-a  ->  not known, @claude/claude-x",
        "       0.5  failed: rate_limit (429), @openai/gpt-a  ->  failed: rate_limit (429), @openai/gpt-a",
        "",
        "Not decided, because no record tells:",
        "         1  headers.x-tier",
        "         1  params.user",
        "",
        "Left out:",
        "         1  has no route (models)",
    ]


def test_the_time_and_the_number_of_requests_are_said(run):
    assert json.loads(run("--since", "30d", "--json"))["records"] == 8
    assert json.loads(run("--limit", "2", "--json"))["records"] == 2
    assert json.loads(run("--until", "90s", "--since", "150s", "--json"))["records"] == 1
    assert json.loads(run("--key", "gone", "--json"))["records"] == 1
    assert run("--since", "1ms") == "No requests are on record in this time.\n"


def test_machines_get_the_same_numbers(run):
    told = json.loads(run("--json"))
    assert (told["moved"], told["recorded_nusd"], told["new_nusd"], told["unpriced"]) == (2, 6e9, 3.5e9, 0)
    assert told["undecided"] == {"headers.x-tier": 1, "params.user": 1}
    rows = list(csv.DictReader(io.StringIO(run("--csv"))))
    assert rows[1] == {
        "before": "openai/gpt-a",
        "after": "claude/claude-x",
        "requests": "1",
        "recorded_usd": "1.000000000",
        "new_usd": "0.500000000",
        "unpriced": "0",
    }
    assert sum(float(row["requests"]) for row in rows) == 4


def test_a_cost_that_is_not_known_is_said(run, tmp_path):
    (tmp_path / "new.yaml").write_text(OLD.replace("model: gpt-a}", "model: unheard-of}"))
    assert "Of 4 requests the cost is not known, then or now; they are in none of these sums." in run("--model", "gpt-a")


def test_the_present_configuration_tells_what_keys_had(run, tmp_path):
    key = 'abcdefgh"'
    (tmp_path / "lockgate.yaml").write_text(OLD.replace(key, key + ", config: pc"))
    (tmp_path / "new.yaml").write_text(OLD)
    assert json.loads(run("--json"))["shifts"][0]["after"] == "refused: model_not_found", "it named none itself"
    other = OLD.replace("configs: {pc", 'configs: {other: {provider: "@claude", override_params: {model: claude-x}}, pc')
    (tmp_path / "new.yaml").write_text(other.replace(key, key + ", config: other"))
    assert json.loads(run("--json"))["shifts"][0]["after"] == "@claude/claude-x"
    (tmp_path / "old.yaml").write_text(OLD)
    assert json.loads(run("--json", "--current", "old.yaml"))["shifts"][0]["after"] == "@openai/gpt-a"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "yesterday"), "since: 'yesterday'"),
        (("--json", "--csv"), "either --json or --csv"),
        (("--data", "nowhere"), "no data directory at nowhere"),
        (("--current", "absent.yaml"), "absent.yaml cannot be read"),
    ],
)
def test_what_cannot_be_is_one_sentence(run, arguments, said):
    assert said in run(*arguments, status=1)


def test_a_bad_configuration_tells_its_mistakes(run, tmp_path):
    (tmp_path / "new.yaml").write_text("configs: {pc: {provider: '@klingon'}}")
    assert "configs.pc.provider" in run(status=1)


def test_progress_is_shown_to_those_who_look(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    show, done = progress()
    show(1000)
    done()
    assert "1,000 records" in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    show, done = progress()
    show(1000)
    done()
    assert capsys.readouterr().err == ""
