"""`lockgate status`."""

import json
import time

import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from lockgate.control.presence import Presence
from lockgate.core.failure import Failure
from lockgate.policy.breaker import BreakerPolicy
from lockgate.stores.board import Board
from lockgate.stores.roster import NAME, Roster
from support.house import make_app

BAD = Failure("server", 500, "It broke.")
LIMITED = Failure("rate_limit", 429, "Slow down.", retry_after=200.0)


@pytest.fixture
def data(tmp_path):
    """A house in which one worker lives, that knows of some trouble."""
    app = make_app(tmp_path)
    runtime = app.runtime
    board = Board(tmp_path / "data" / "circuits", clock=runtime.clock)
    health, now = runtime.health, runtime.clock()
    health.cells = board.cell
    health.failed(("openai", "gpt-5"), BreakerPolicy(failures=1, cooldown_s=600), now, now, BAD)
    health.succeeded(("claude", "opus"), BreakerPolicy(), now, now)
    health.failed(("space/groq", "llama"), None, now, now, LIMITED)
    health.answered(("openai", "gpt-5"), None, now - 0.25, now)
    health.pulse(("openai", "gpt-5")).quota = 0.5
    runtime.served = 17
    presence = Presence(tmp_path / "data", runtime, lambda: app.world.snapshot)
    Roster(tmp_path / "data" / NAME).write(presence.life())
    yield tmp_path / "data"
    board.close()


def status(data, *arguments):
    return CliRunner().invoke(cli, ["status", "--data", str(data), *arguments])


def test_it_shows_what_is_out_and_why(data):
    result = status(data)
    assert result.exit_code == 0
    lines = [line.split() for line in result.output.splitlines()]
    assert any(line[:2] == ["@openai/gpt-5", "open"] for line in lines)
    assert "10 min" in result.output or "11 min" in result.output or "12 min" in result.output
    assert any(line[:2] == ["@groq/llama", "in"] and "limited" in line for line in lines)
    assert ["@openai/gpt-5", "0", "250", "ms", "50%"] in lines
    assert "opus" not in result.output
    assert "1 shown, 1 more closed" in result.output


def test_it_shows_circuits_that_are_closed_to_those_who_ask(data):
    assert "@claude/opus" in status(data, "--all").output


def test_machines_read_json(data):
    state = json.loads(status(data, "--json").output)
    assert state["workers"][0]["served"] == 17
    assert [each["state"] for each in state["circuits"]] == ["closed", "open"]
    assert state["parked"][0]["why"] == "rate limited"


def test_a_gateway_that_does_not_run_is_told_and_is_no_success(data, monkeypatch):
    later = time.perf_counter() + 60
    monkeypatch.setattr(time, "perf_counter", lambda: later)
    result = status(data)
    assert result.exit_code == 1
    assert "No gateway runs here." in result.output


def test_a_directory_that_is_not_there_is_told(tmp_path):
    result = status(tmp_path / "nowhere")
    assert result.exit_code == 1
    assert "no data directory" in result.output
