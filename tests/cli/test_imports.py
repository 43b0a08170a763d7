"""`lockgate import` as an operator types it."""

import json
import stat

import pytest
import yaml
from click.testing import CliRunner

from lockgate.cli import cli

LITELLM = "model_list: [{model_name: small, litellm_params: {model: openai/gpt-4o-mini, api_key: sk-in-the-clear}}]\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(LITELLM)

    def run(*arguments, status=0):
        result = CliRunner().invoke(cli, ["import", *arguments])
        assert result.exit_code == status, result.output
        return result

    return run


def test_the_file_goes_to_stdout_and_the_report_to_stderr(run):
    result = run("litellm", "config.yaml")
    assert yaml.safe_load(result.stdout)["aliases"] == {"small": "@openai/gpt-4o-mini"}
    assert "put it into the environment as OPENAI_API_KEY" in " ".join(result.stderr.split())
    assert "Environment variables that it needs: OPENAI_API_KEY." in result.stderr
    assert "To do before it works" in result.stdout, "the report stands in the file too"
    assert "in-the-clear" not in result.output


def test_the_file_that_is_written_is_good(run, tmp_path, monkeypatch):
    run("litellm", "config.yaml", "--output", "lockgate.yaml")
    assert stat.S_IMODE((tmp_path / "lockgate.yaml").stat().st_mode) == 0o600
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert "is good" in CliRunner().invoke(cli, ["check"]).output


def test_a_variable_that_is_not_set_is_told_by_check(run, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    run("litellm", "config.yaml", "--output", "lockgate.yaml")
    assert (
        "providers.openai.api_key: the environment variable OPENAI_API_KEY is not set"
        in CliRunner().invoke(cli, ["check"]).output
    )


def test_a_file_that_exists_stays_unless_by_force(run, tmp_path):
    (tmp_path / "lockgate.yaml").write_text("mine")
    assert "exists" in run("litellm", "config.yaml", "--output", "lockgate.yaml", status=1).output
    assert (tmp_path / "lockgate.yaml").read_text() == "mine"
    run("litellm", "config.yaml", "--output", "lockgate.yaml", "--force")
    assert "gpt-4o-mini" in (tmp_path / "lockgate.yaml").read_text()


def test_the_source_itself_is_not_overwritten(run, tmp_path):
    run("litellm", "config.yaml", "--output", "config.yaml", status=1)
    assert (tmp_path / "config.yaml").read_text() == LITELLM


def test_a_place_that_cannot_be_written_is_told(run):
    assert "cannot be written" in run("litellm", "config.yaml", "--output", "none/lockgate.yaml", status=1).output


def test_keys_are_copied_when_asked(run):
    assert "sk-in-the-clear" in run("litellm", "config.yaml", "--keep-secrets").stdout


def test_machines_get_json(run, tmp_path):
    told = json.loads(run("litellm", "config.yaml", "--json").stdout)
    assert told["variables"] == ["OPENAI_API_KEY"]
    assert {"kind", "at", "says"} == set(told["findings"][0])
    assert yaml.safe_load(told["config"])["aliases"] == {"small": "@openai/gpt-4o-mini"}
    told = json.loads(run("litellm", "config.yaml", "--json", "--output", "lockgate.yaml").stdout)
    assert told["output"] == "lockgate.yaml"
    assert "config" not in told


def test_a_file_that_cannot_be_imported_is_told_with_its_path(run, tmp_path):
    (tmp_path / "bad.yaml").write_text("a: [")
    assert "bad.yaml, line" in run("litellm", "bad.yaml", status=1).output
    assert "none.yaml cannot be read" in run("portkey", "none.yaml", status=1).output
    assert "config.yaml" in run("portkey", "config.yaml", status=1).output


def test_who_a_virtual_key_is_for_can_be_said(run, tmp_path):
    (tmp_path / "own.json").write_text('{"virtual_key": "team-a", "override_params": {"model": "m"}}')
    tree = yaml.safe_load(run("portkey", "own.json", "--provider", "team-a=groq").stdout)
    assert tree["providers"] == {"team-a": {"provider": "groq", "api_key": "${TEAM_A_API_KEY}"}}
    assert tree["configs"] == {"pc-own": {"virtual_key": "team-a", "override_params": {"model": "m"}}}
    assert "SLUG=NAME" in run("portkey", "own.json", "--provider", "team-a=klingon", status=1).output
