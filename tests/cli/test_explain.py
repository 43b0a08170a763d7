"""`lockgate explain`, as an operator types it."""

import asyncio
import json

import msgspec
import pytest
from click.testing import CliRunner

from lockgate.cli import cli
from lockgate.control.explain import NoAnswer, explain_there
from lockgate.core.failure import Failure
from lockgate.pipeline.explain import Question
from support.house import KEY
from support.process import Gateway
from support.scripted import ScriptedClient, ScriptedExchange

CONFIG = """
providers:
  openai: {api_key: sk-openai-secret-1234567890}
  claude: {provider: anthropic, api_key: sk-ant-secret-1234567890}
keys:
  - {name: narrow, key: "narrow-key-0123456789-abcdef", models: ["@claude/*"], config: pc-both}
configs:
  pc-both:
    strategy: {mode: fallback, on_status_codes: [500, 503]}
    targets:
      - {name: big, provider: "@openai", override_params: {model: gpt-a}, retry: {attempts: 1, on_status_codes: [503]}}
      - {provider: "@claude", override_params: {model: claude-x}}
  pc-weights:
    strategy: {mode: loadbalance}
    targets:
      - {provider: "@openai", weight: 3, override_params: {model: gpt-a}}
      - {provider: "@claude", weight: 1, override_params: {model: claude-x}}
  pc-choice:
    strategy:
      mode: conditional
      conditions: [{query: {metadata.plan: paid}, then: good}]
    targets:
      - {name: good, provider: "@openai", override_params: {model: gpt-a}}
"""
ASK = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "logit_bias": {"1": 2}}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "LOCKGATE_ADMIN_KEY", "LOCKGATE_DATA", "LOCKGATE_CONFIG", "LOCKGATE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "lockgate.yaml").write_text(CONFIG)
    (tmp_path / "request.json").write_text(json.dumps(ASK))

    def run(*arguments, status=0, **more):
        result = CliRunner().invoke(cli, ["explain", *arguments], **more)
        assert result.exit_code == status, result.output
        return result.output

    return run


def told(run, *arguments, **more):
    return json.loads(run(*arguments, "--json", **more))


def paths(told):
    return [each["at"] for each in told["ways"][0]["tries"]]


def test_it_shows_the_route_and_the_order(run, tmp_path):
    assert run("request.json", "--config", "pc-both", "--fail", "503").splitlines() == [
        'POST /v1/chat/completions: chat for "m"',
        "config pc-both that the request names; any key; circuits and parked keys are known to a running gateway alone (--url)",
        "",
        "config  fallback on 500, 503",
        "├─ targets[0] 'big'  @openai/gpt-a  openai.chat, edit",
        "│       changes model",
        "│       answers within 120 s, 600 s in all; 1 retry on 503",
        "└─ targets[1]  @claude/claude-x  anthropic.messages, translate",
        "        cannot say logit_bias",
        "        answers within 120 s, 600 s in all",
        "",
        "Tried in this order, if each fails with overloaded (503):",
        "  1. config.targets[0]  @openai/gpt-a  overloaded (503), 2 times",
        "  2. config.targets[1]  @claude/claude-x  overloaded (503)",
    ]
    assert not (tmp_path / "lockgate-data").exists(), "nothing is made"


def test_a_walk_that_stops_says_where_and_why(run):
    shown = run("request.json", "--config", "pc-both", "--fail", "rate_limit")
    assert "config does not go on: rate_limit (429) is none of its reasons to go on" in shown
    assert "2. " not in shown


def test_all_candidates_of_a_balance_are_shown_with_their_odds(run):
    shown = run("--config", "pc-weights")
    assert "config  loadbalance by weight" in shown
    assert "├─ targets[0]  75%  @openai/gpt-a" in shown
    assert "   75%    1. config.targets[0]  @openai/gpt-a" in shown
    assert "   25%    1. config.targets[1]  @claude/claude-x" in shown


def test_conditions_say_why_they_hold_or_not(run):
    assert "to targets[0] holds: metadata.plan is 'paid'" in run(
        "--config", "pc-choice", "--header", 'x-portkey-metadata: {"plan": "paid"}'
    )
    shown = run("--config", "pc-choice")
    assert "to targets[0] does not hold: metadata.plan" in shown
    assert "default: none: such a request is refused" in shown
    assert "Refused with 400 no_target" in shown


def test_a_config_may_be_json_or_a_file_or_a_name(run, tmp_path, monkeypatch):
    route = {"provider": "@openai", "override_params": {"model": "${WHICH}"}}
    (tmp_path / "route.yaml").write_text(json.dumps(route))
    monkeypatch.setenv("WHICH", "gpt-z")
    assert told(run, "--config", "route.yaml")["targets"][0]["model"] == "gpt-z"
    assert told(run, "--config", json.dumps(route))["targets"][0]["model"] == "${WHICH}"
    assert told(run, "--config", "pc-weights")["config"] == "pc-weights"


def test_a_configuration_may_be_named_beside_it(run, tmp_path):
    (tmp_path / "new.yaml").write_text(CONFIG.replace("gpt-a", "gpt-new"))
    found = told(run, "--config", "new.yaml", "--config", "pc-both")
    assert found["targets"][0]["model"] == "gpt-new"


def test_mistakes_in_a_file_are_told_with_their_paths(run, tmp_path):
    (tmp_path / "route.yaml").write_text("strategy: {mode: falback}\ntargets: []")
    assert "configs.route.strategy: " in run("--config", "route.yaml", status=1)
    (tmp_path / "new.yaml").write_text("providers: [")
    assert "cannot be used" in run("--config", "new.yaml", status=1)


def test_a_key_is_named_and_not_shown(run):
    found = told(run, "--key", "narrow")
    assert (found["key"], found["config"], found["config_from"], paths(found)) == (
        "narrow",
        "pc-both",
        "key",
        ["config.targets[1]"],
    )
    assert "skipped: The key 'narrow' may not use '@openai/gpt-a'" in run("--key", "narrow")
    assert "Keys here: narrow" in run("--key", "nobody", status=1)


def test_a_stored_key_is_known(run):
    CliRunner().invoke(cli, ["keys", "create", "app", "--model", "@claude/*"])
    assert told(run, "--key", "app", "--config", "pc-both")["ways"][0]["tries"][0]["provider"] == "claude"


def test_a_request_may_be_a_whole_question_or_come_by_stdin(run, tmp_path):
    (tmp_path / "question.json").write_text(json.dumps({"path": "/v1/messages", "body": ASK, "fail": 500}))
    found = told(run, "question.json", "--config", "pc-both")
    assert (found["path"], found["operation"], found["fails"]) == ("/v1/messages", "message", ["server (500)"])
    assert told(run, "-", "--config", "pc-both", input='{"model": "x"}')["model"] == "x"
    assert told(run, "question.json", "--path", "/v1/chat/completions", "--model", "@openai/y")["model"] == "@openai/y"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("absent.json",), "absent.json cannot be read"),
        (("--header", "x"), "NAME:VALUE"),
        (("--fail", "klingons"), "klingons"),
        (("--path", "/v1/files"), "Nothing is answered at POST /v1/files"),
        (("--header", "authorization: x"), "Leave 'authorization' out"),
        (("-",), "expected `object`"),
        (("--url", "http://127.0.0.1:9"), "wants a key"),
        (("--url", "http://127.0.0.1:9", "--key", "k"), "cannot be asked"),
        (("--url", "ftp://x", "--key", "k"), "cannot be asked"),
    ],
)
def test_what_cannot_be_is_one_sentence(run, arguments, said):
    shown = run(*arguments, status=1, input="[]")
    assert said in shown
    assert len(shown.splitlines()) == 1


def test_a_control_character_reaches_no_terminal(run):
    assert "\x1b" not in run("--model", "\x1b[2J")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("explain"), CONFIG).ready()
    yield gateway
    gateway.stop()


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_gateway_that_runs_knows_its_circuits(run, gateway, monkeypatch, tmp_path):
    monkeypatch.setenv("LOCKGATE_API_KEY", KEY)
    shown = run("request.json", "--url", gateway.url, "--config", "pc-both")
    assert "key 'admin'" in shown
    assert "circuit closed" in shown
    assert told(run, "--url", gateway.url + "/v1", "--key", "narrow-key-0123456789-abcdef")["key"] == "narrow"
    assert "not known here" in run("--url", gateway.url, "--key", "nobody", status=1)
    (tmp_path / "new.yaml").write_text(CONFIG)
    assert "configuration of its own" in run("--url", gateway.url, "--config", "new.yaml", status=1)


def test_a_long_route_says_what_is_left_out(run):
    target = {"provider": "@openai", "override_params": {"model": "gpt-a"}}
    shown = run("--config", json.dumps({"strategy": {"mode": "loadbalance"}, "targets": [target] * 100}))
    assert "… and 36 targets more" in shown
    assert "├─ targets[70]  1%  …" in shown
    assert "   60%  in other orders" in shown


def test_what_is_missing_beyond_a_relay_is_said(run):
    config = {
        "default_params": {"seed": 1},
        "drop_params": ["logit_bias"],
        "strategy": {"mode": "loadbalance", "sticky": {"hash_fields": ["model"]}},
        "targets": [{"provider": "@openai", "retry": {"attempts": 2, "on_failures": ["overloaded"]}}],
    }
    shown = run("request.json", "--config", json.dumps(config))
    for part in (
        "loadbalance the one of callers like this, sticky",
        "puts in seed",
        "leaves out logit_bias",
        "2 retries on overloaded",
    ):
        assert part in shown


def test_what_is_no_lockgate_is_said():
    client = ScriptedClient(
        ScriptedExchange(200, b"<html>"),
        Failure("connect", 502, "Refused."),
        ScriptedExchange(200, [Failure("cut", 502, "Cut.")]),
    )
    for said in ("no Lockgate of this version", "cannot be asked: Refused.", "did not answer: Cut."):
        with pytest.raises(NoAnswer, match=said):
            asyncio.run(explain_there(Question(msgspec.Raw(b"{}")), "https://gateway.example", "k", client))
    assert client.sent[0][1].target == b"/v1/explain"


def test_what_the_cache_would_do_is_shown_without_a_gateway(run):
    config = '{"provider": "@openai", "override_params": {"model": "m"}, "cache": {"mode": "simple", "max_age": 7200, "scope": "key"}}'
    assert "cache simple, 2 h, one key" in run("request.json", "--config", config)
    shown = run("request.json", "--config", config, "-H", "cache-control: no-store", "-H", "x-lockgate-cache-namespace: blue")
    assert "cache simple, 2 h, one key; namespace 'blue'; not used: the request wants nothing from the cache" in shown
    assert told(run, "request.json", "--config", config)["targets"][0]["cache"]["looked_up"] is True
