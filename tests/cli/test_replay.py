"""`lockgate replay`, as an operator types it: without a gateway, and by one that runs."""

import json

import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from support.asgi import ask
from support.house import AUTH, KEY, make_app, records
from support.process import Gateway, until

HOUSE = """
keys: [{name: tester, key: "tester-key-0123456789-abcdef"}]
configs: {other: {provider: "@sim", override_params: {model: chat}}}
prices: {"sim/echo": {input: 1, output: 2}}
"""
BODY = {"model": "@sim/echo", "messages": [{"role": "user", "content": "one\ntwo"}]}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOCKGATE_ADMIN_KEY", KEY)
    return lambda *args: CliRunner().invoke(cli, ["replay", *args, "--data", str(tmp_path / "data")])


@pytest.fixture
def kept(run, tmp_path):
    app = make_app(tmp_path, HOUSE)
    assert ask(app.gateway, "POST", "/v1/chat/completions", body=BODY, headers=AUTH).status == 200
    (record,) = records(tmp_path)
    app._spool.close()
    return record


def test_the_same_request_gives_the_same_answer(run, kept, tmp_path):
    result = run(kept.id, "--key", "tester")
    assert result.exit_code == 0, result.output
    assert "The text is the same now." in result.stdout
    rows = {line.split("  ")[0].strip(): line.split() for line in result.stdout.splitlines()}
    assert rows["provider"] == ["provider", "sim", "sim"] and kept.id in rows["id"]
    assert rows["cost"][1].startswith("$0.0000") and rows["cost"][1] == rows["cost"][2]
    assert [record.key_name for record in records(tmp_path)] == ["admin", "tester"]


def test_another_config_and_another_model(run, kept, tmp_path):
    told = json.loads(run(kept.id, "--key", "tester", "--config", "other", "--times", "2", "--json").stdout)
    assert [each["answer"]["model"] for each in told["replays"]] == ["chat", "chat"]
    assert told["replays"][0]["difference"][0] == f"--- recorded {kept.id}"
    assert json.loads(run(kept.id, "--key", "tester", "--model", "@sim/chat", "--json").stdout)["replays"][0]["same"] is False
    (tmp_path / "new.yaml").write_text(HOUSE.replace("tester", "elsewhere"))
    assert "'tester'. Keys here: admin, elsewhere" in run(kept.id, "--key", "tester", "--config", "new.yaml").stderr
    assert "Error now: model_not_found" in run(kept.id, "--key", "tester", "--model", "@sim/none").stdout


def test_what_is_missing_is_said(run, kept):
    for args, said in (
        ((kept.id,), "say which key pays: --key. Keys here: admin, tester"),
        (("nothing", "--key", "tester"), "no request is recorded under the id 'nothing'"),
        ((kept.id, "--url", "http://127.0.0.1:1", "--key", "k"), "cannot be asked"),
        ((kept.id, "--url", "http://127.0.0.1:1"), "wants a key"),
    ):
        result = run(*args)
        assert result.exit_code == 1 and said in result.stderr, result.output


def test_a_body_that_was_not_kept_is_not_made_up(run, tmp_path):
    app = make_app(tmp_path, HOUSE + "log: {capture: metadata}")
    ask(app.gateway, "POST", "/v1/chat/completions", body=BODY, headers=AUTH)
    (record,) = records(tmp_path)
    result = run(record.id, "--key", "tester")
    assert result.exit_code == 1 and "its body was not kept (log.capture" in result.stderr


def test_the_budget_of_the_key_holds_and_is_charged(run, kept, tmp_path):
    with (tmp_path / "lockgate.yaml").open("w") as file:
        file.write(
            HOUSE.replace('cdef"}]', 'cdef", usage_limits: {credit_limit: 0.5}}]').replace("{input: 1,", "{request: 0.3,")
        )
    once, twice = json.loads(run(kept.id, "--key", "tester", "--times", "2", "--json").stdout)["replays"]
    assert (once["answer"]["status"], once["answer"]["cost_nusd"] >= 300_000_000) == (200, True)
    assert (twice["answer"]["status"], twice["answer"]["outcome"]) == (412, "refused")
    # Another run knows what was spent by the first one.
    (third,) = json.loads(run(kept.id, "--key", "tester", "--json").stdout)["replays"]
    assert third["answer"]["outcome"] == "refused"


def test_a_gateway_that_runs_sends_it(tmp_path, run):
    gateway = Gateway(tmp_path, HOUSE).ready()
    try:
        gateway.chat("@sim/echo", "hello")
        (record,) = until(gateway.records)
        result = run(record["id"], "--url", gateway.url, "--key", KEY)
        assert result.exit_code == 0, result.output
        assert "The text is the same now." in result.stdout
        assert len(until(lambda: len(found := gateway.records()) == 2 and found)) == 2
        result = run("00000000-0000-7000-8000-000000000000", "--url", gateway.url, "--key", KEY)
        assert "status 404" in result.stderr and KEY not in result.output
    finally:
        gateway.stop()
